package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

const (
	// matchWithin bounds one look at the caller's tickets: the page waits for it.
	matchWithin = 2 * time.Second
	// maxMatchTries is how often it is tried before the call gets its own
	// ticket: over about ten seconds, if Zendesk does not answer at all.
	maxMatchTries = 3
	// maxCandidates bounds how many tickets are looked at one by one.
	maxCandidates = 3
)

// match finds out onto which ticket of the caller the call goes, and notes it.
// What cannot be found out must not cost the call its ticket.
func (w *work) match(ctx context.Context) result {
	o := Outcome{Kind: Matched, Step: StepMatch}
	if w.found {
		o.Reason = "the call was not seen to begin, so it may have a ticket of its own already"
		return w.note(ctx, o)
	}
	timed, cancel := context.WithTimeout(ctx, matchWithin)
	defer cancel()
	var err error
	o.Ticket, o.Reason, err = w.ticketOfCaller(timed)
	v := w.judge(err, false)
	switch {
	case v.kind == ok:
		return w.note(ctx, o)
	case v.kind == halt:
		return w.putOff(v, err)
	case v.kind == gone && w.record.Dropped < maxDropped && unknownUser(err):
		w.warn(err).Warn("requester refused, found anew")
		w.b.callers.avoid(w.record.Caller)
		return w.note(ctx, Outcome{Kind: CallerDropped, Step: StepMatch, User: w.record.Caller, Reason: err.Error()})
	case w.record.waits[StepMatch].tries+1 < maxMatchTries:
		r := w.putOff(v, err)
		// A wait that Zendesk asked for is a failed try too, and no reason for
		// pages to wait: the list has a limit of its own.
		r.later.Uncounted, r.pause = false, 0
		return r
	}
	w.warn(err).Warn("tickets of the caller not found out, the call gets its own")
	o.Ticket, o.Reason = 0, "the caller's tickets could not be found out: "+err.Error()
	return w.note(ctx, o)
}

// unknownUser reports whether it was the user whom Zendesk does not know, rather
// than one of his tickets.
func unknownUser(err error) bool {
	refusal, refused := errors.AsType[*zendesk.Error](err)
	return refused && refusal.Operation == "RequestedTickets"
}

// ticketOfCaller finds the ticket that the call goes onto, 0 if there is none,
// and says why. The list lags behind, so each ticket is asked for before it is
// taken.
func (w *work) ticketOfCaller(ctx context.Context) (ticket int64, reason string, err error) {
	m := w.policy.match(w.call)
	listed, err := w.b.zendesk.RequestedTickets(ctx, w.record.Caller, w.step.Began.Add(-m.window()))
	if err != nil {
		return 0, "", err
	}
	open := slices.DeleteFunc(slices.Clone(listed), func(t zendesk.Ticket) bool { return !t.Unsolved() })
	slices.SortFunc(open, func(a, b zendesk.Ticket) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	if ticket, reason, err = w.repeated(ctx, m, open); ticket != 0 || err != nil {
		return ticket, reason, err
	}
	if ticket, reason, err = w.newestOpen(ctx, m, open); ticket != 0 || err != nil {
		return ticket, reason, err
	}
	switch {
	case len(open) == 0:
		reason = fmt.Sprintf("the caller has no open ticket that changed within %s before the call", m.window())
	case m.NewestOpenWithin <= 0:
		reason = fmt.Sprintf("the caller's open tickets are of no call in this direction within %s before this one", m.RepeatedWithin)
	default:
		reason = "the caller's ticket that was listed as open is so no more"
	}
	return 0, reason, nil
}

// newestOpen is the newest of the open tickets.
func (w *work) newestOpen(ctx context.Context, m Match, open []zendesk.Ticket) (ticket int64, reason string, err error) {
	if m.NewestOpenWithin <= 0 {
		return 0, "", nil
	}
	since := w.step.Began.Add(-m.NewestOpenWithin)
	open = slices.DeleteFunc(slices.Clone(open), func(t zendesk.Ticket) bool { return t.UpdatedAt.Before(since) })
	for _, t := range open[:min(len(open), maxCandidates)] {
		usable, err := w.stillOpen(ctx, t.ID)
		if err != nil {
			return 0, "", err
		}
		if usable {
			return t.ID, fmt.Sprintf("it is the caller's newest open ticket, and changed within %s before the call", m.NewestOpenWithin), nil
		}
	}
	return 0, "", nil
}

// repeated is the ticket of the caller's last call in the same direction. What
// people did to the ticket since does not make that call a later one, so what
// counts is when talkbridge wrote to it.
func (w *work) repeated(ctx context.Context, m Match, open []zendesk.Ticket) (ticket int64, reason string, err error) {
	if m.RepeatedWithin <= 0 {
		return 0, "", nil
	}
	since := w.step.Began.Add(-m.RepeatedWithin)
	looked := 0
	for _, t := range open {
		earlier := w.earlierCall(t)
		if earlier == "" || t.UpdatedAt.Before(since) || looked == maxCandidates {
			continue
		}
		looked++
		usable, err := w.stillOpen(ctx, t.ID)
		if err == nil && usable && t.CreatedAt.Before(since) {
			usable, err = w.wroteSince(ctx, t.ID, since)
		}
		if err != nil {
			return 0, "", err
		}
		if usable {
			return t.ID, fmt.Sprintf("the same caller's call %s was within %s before this one", earlier, m.RepeatedWithin), nil
		}
	}
	return 0, "", nil
}

// earlierCall is the call that a ticket was made for, "" if it was not made by
// this site, for a call in this call's direction.
func (w *work) earlierCall(t zendesk.Ticket) telephony.CallID {
	stem, _, _ := strings.Cut(t.ExternalID, "#")
	id := telephony.CallID(stem)
	if id.Site() != w.id.Site() || id.Source() == "" || id == w.id {
		return ""
	}
	directions := map[string]telephony.Direction{
		"api_phone_call_inbound": telephony.Inbound, "api_voicemail": telephony.Inbound, "api_phone_call_outbound": telephony.Outbound,
	}
	if directions[t.Via.Channel] != w.call.Direction {
		return ""
	}
	return id
}

// stillOpen asks for a ticket that a list showed as open.
func (w *work) stillOpen(ctx context.Context, id int64) (bool, error) {
	t, err := w.b.zendesk.GetTicket(ctx, id)
	if classify(err, false).kind == gone {
		return false, nil
	}
	return err == nil && t.Unsolved() && t.RequesterID == w.record.Caller, err
}

// wroteSince reports whether talkbridge wrote to a ticket since a time.
func (w *work) wroteSince(ctx context.Context, id int64, since time.Time) (bool, error) {
	page, err := w.b.zendesk.ListTicketAudits(ctx, id, zendesk.AuditListOptions{NewestFirst: true})
	return slices.ContainsFunc(page.Audits, func(a zendesk.Audit) bool {
		_, ours := a.Metadata.Custom[metadataKey]
		return (ours || slices.ContainsFunc(a.Events, w.showsRecord)) && !a.CreatedAt.Before(since)
	}), err
}

// attach makes the ticket that was found the call's, unless another outcome has
// come since: then it is planned anew.
func (w *work) attach(ctx context.Context) result {
	found := w.record.Match
	o := Outcome{Kind: Attached, Step: StepAttach, Ticket: found.Ticket, Reason: found.Reason, App: w.step.App, Time: w.b.now().UTC()}
	seq, refused := w.appendNext(ctx, o, "")
	if refused != nil {
		return *refused
	}
	w.b.metrics.outcome(o)
	w.log.WithField("ticket_id", o.Ticket).Info("call attached to a ticket that was there")
	return result{seq: seq}
}
