package bridge

import (
	"context"
	"fmt"
	"strings"

	"github.com/talkbridge/talkbridge/zendesk"
)

// complete adds what is known at the end.
func (w *work) complete(ctx context.Context) result {
	if w.step.App != 0 {
		return w.completeByRecord(ctx)
	}
	o := Outcome{Step: StepComplete, Intent: w.newIntent(), Ticket: w.record.Ticket, Covers: w.step.Covers}
	update := w.ticketUpdate(o.Intent)
	o.Voice, o.Quotes = update.VoiceComment != nil, w.quotes()
	if later := w.handOver(ctx, &update); later != nil {
		return *later
	}
	return w.update(ctx, o, update)
}

// handOver makes the agent who talked last the assignee. The result is nil unless
// that must be put off.
func (w *work) handOver(ctx context.Context, update *zendesk.TicketUpdate) *result {
	owner := w.lastAgent()
	// Whose a ticket is that the call was attached to is for people to say, and one that
	// had to be made for nobody stays so.
	nobodys := w.record.Assigned == 0 && (w.record.Attached || w.record.Bare[StepCreate])
	if w.step.Bare || owner == 0 || owner == w.record.Assigned || nobodys {
		return nil
	}
	ticket, err := w.b.zendesk.GetTicket(ctx, w.record.Ticket)
	if v := w.judge(err, false); v.kind != ok && v.kind != gone {
		later := w.putOff(v, err)
		return &later
	}
	// Only where it is still as it was left: a person may have acted.
	if ticket.AssigneeID == w.record.Assigned {
		update.AssigneeID = owner
	}
	return nil
}

// link notes on the next duplicate which ticket is the right one.
func (w *work) link(ctx context.Context) result {
	duplicate := w.record.Duplicates[w.record.Linked]
	o := Outcome{Step: StepLink, Intent: w.newIntent(), Ticket: duplicate}
	private := false
	body := fmt.Sprintf("This call has more than one ticket. Ticket #%d is the older one and is kept up to date; "+
		"this one is not.\n\nCall: %s", w.record.Ticket, w.id)
	return w.update(ctx, o, zendesk.TicketUpdate{
		Comment:  &zendesk.Comment{Body: body, Public: &private},
		Metadata: w.metadata(o.Intent),
	})
}

// join notes on a ticket that its call became one with calls that have tickets
// of their own.
func (w *work) join(ctx context.Context) result {
	o := Outcome{Step: StepJoin, Intent: w.newIntent(), Ticket: w.record.Ticket, Tickets: w.step.Tickets}
	private := false
	return w.update(ctx, o, zendesk.TicketUpdate{
		Comment:  &zendesk.Comment{Body: joinNote(w.record.Ticket, w.step.Kept, w.step.Tickets) + "\n\nCall: " + string(w.id), Public: &private},
		Metadata: w.metadata(o.Intent),
	})
}

// joinNote says which other tickets there are, and which one is kept up to date.
func joinNote(own, kept int64, others []int64) string {
	var names []string
	for _, id := range others {
		names = append(names, fmt.Sprintf("#%d", id))
	}
	text := "This call was joined with another one, which has a ticket of its own: " + strings.Join(names, ", ") + "."
	if own == kept {
		return text + " What follows is added here."
	}
	return text + fmt.Sprintf(" What follows is added to #%d.", kept)
}

// update sends an update: intent, request, result.
func (w *work) update(ctx context.Context, o Outcome, update zendesk.TicketUpdate) result {
	in, refused := w.intend(ctx, o, update)
	if refused != nil {
		return *refused
	}
	sent := w.b.now()
	w.sent = true
	_, err := w.b.zendesk.UpdateTicket(ctx, o.Ticket, update)
	took := w.b.now().Sub(sent)
	v := w.judge(err, true)
	if v.kind == gone || v.kind == invalid || v.kind == park {
		v, err = w.aboutTicket(ctx, o.Ticket, v, err)
	}
	switch v.kind {
	case ok:
		w.log.WithField("ticket_id", o.Ticket).Info("ticket updated")
		return w.note(ctx, Outcome{Kind: Done, Step: o.Step, Intent: in.id, Ticket: o.Ticket, Tickets: o.Tickets, Quotes: o.Quotes, Took: took})
	case unknown:
		return w.fateUnknown(ctx, in, o.Step, err)
	case closed:
		return w.closed(ctx, in, o, err)
	case gone:
		return w.gone(ctx, in, o)
	case invalid:
		if c := update.VoiceComment; !w.step.Bare && (update.AssigneeID != 0 || len(update.CustomFields) > 0 || (c != nil && (c.AnsweredByID != 0 || c.TranscriptionText != ""))) {
			return w.bare(ctx, in, o.Step, err)
		}
		return w.unfit(ctx, in, o, err)
	case park, reresolve:
		return w.unfit(ctx, in, o, err)
	case retry, waitUntil, reapply, halt:
	}
	return w.free(ctx, in, o.Step, v, err)
}

// unfit is for an update that Zendesk refuses for good: a person must act, unless
// the call was only attached to the ticket. Then it gets one of its own.
func (w *work) unfit(ctx context.Context, in intent, o Outcome, err error) result {
	if o.Step == StepComplete && w.record.Attached {
		return w.closed(ctx, in, o, err)
	}
	return w.park(ctx, in, o.Step, err)
}

// closed: the ticket takes no update. The call's own gets a successor, and one
// that the call was attached to is followed by its own; a note on a duplicate is
// done with. A successor that is closed as well gets none: something closes them
// all.
func (w *work) closed(ctx context.Context, in intent, o Outcome, err error) result {
	switch {
	case o.Step == StepTell, o.Step == StepLink, o.Step == StepJoin, o.Step == StepTranscript, w.onlyQuotes(o):
		return w.note(ctx, Outcome{Kind: Done, Step: o.Step, Intent: in.id, Ticket: o.Ticket, Tickets: o.Tickets, Reason: err.Error()})
	case w.record.Successor > 0:
		return w.park(ctx, in, o.Step, err)
	}
	w.log.WithField("ticket_id", o.Ticket).Warn("ticket closed before the call was complete, a new one follows it")
	w.b.metrics.successors.Inc()
	return w.note(ctx, Outcome{Kind: TicketClosed, Step: o.Step, Intent: in.id, Ticket: o.Ticket, Reason: err.Error()})
}

// gone: a person deleted the ticket. It is never made again.
func (w *work) gone(ctx context.Context, in intent, o Outcome) result {
	if o.Step == StepLink {
		return w.note(ctx, Outcome{Kind: Done, Step: StepLink, Intent: in.id, Ticket: o.Ticket, Reason: "deleted"})
	}
	w.log.WithField("ticket_id", o.Ticket).Warn("ticket was deleted, it is left alone")
	return w.note(ctx, Outcome{Kind: TicketGone, Step: o.Step, Intent: in.id, Ticket: o.Ticket, Reason: "a person deleted it"})
}

// verify asks whether an update of unknown fate happened: its intent stands in
// the metadata of the ticket's audits.
func (w *work) verify(ctx context.Context) result {
	open := w.record.Open
	if open.App != 0 {
		return w.verifyRecord(ctx)
	}
	page, err := w.b.zendesk.ListTicketAudits(ctx, open.Ticket, zendesk.AuditListOptions{NewestFirst: true})
	v := w.judge(err, false)
	if v.kind == gone {
		return w.gone(ctx, intent{id: open.ID}, Outcome{Step: open.Step, Ticket: open.Ticket})
	}
	if v.kind != ok {
		return w.putOff(v, err)
	}
	for _, audit := range page.Audits {
		ours, _ := audit.Metadata.Custom[metadataKey].(map[string]any)
		if ours["intent"] == open.ID {
			return w.note(ctx, Outcome{Kind: Done, Step: open.Step, Intent: open.ID, Ticket: open.Ticket, Reason: "found in the audits"})
		}
	}
	if w.step.Conclusive {
		return w.note(ctx, Outcome{Kind: Freed, Step: open.Step, Intent: open.ID, Reason: "not in the audits, and it cannot commit any more", Doubtful: true})
	}
	return result{looked: w.b.now()}
}
