package bridge

import (
	"cmp"
	"context"
	"errors"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// Where call records are on, a ticket is completed by one of Zendesk's call
// records instead of a voice comment. The record and the comment that shows it
// are made in one request: nothing finds a record by its external_id, so that one
// whose answer was lost can only be found by that comment. The ticket is made as
// ever, and before: the agent's page needs it, and it is found by its external_id.

// app is the app of the call record that tells of the call, 0 if comments do. A
// call that was begun one way is finished that way. The app that is configured
// now comes before the one that was then: that may have been the mistake.
func (p planner) app() int64 {
	if p.record.begun && p.record.App == 0 {
		return 0
	}
	return cmp.Or(p.policy.CallRecords, p.record.App)
}

// begin notes in which way the call is told of: that of its first write counts.
func (r *Record) begin(o Outcome) {
	writes := o.Step == StepCreate || o.Step == StepComplete
	if !r.begun && (o.Kind == Attached || (writes && (o.Kind == Intended || o.Kind == Done))) {
		r.begun, r.App = true, o.App
	}
}

// completeByRecord makes the call record and shows it on the ticket. One that is
// there already is brought up to date and shown once more, since what a comment
// shows never changes.
func (w *work) completeByRecord(ctx context.Context) result {
	o := Outcome{
		Step: StepComplete, Intent: w.newIntent(), Ticket: w.record.Ticket, Covers: w.step.Covers, Voice: true, Quotes: w.quotes(),
		App: w.step.App, CallRecord: w.record.CallRecord,
	}
	if w.found || w.record.RecordDoubtful || o.CallRecord != 0 {
		record, times, err := w.shownRecord(ctx, o.Ticket)
		if v := w.judge(err, false); v.kind != ok && v.kind != gone {
			return w.putOff(v, err)
		}
		if o.CallRecord == 0 && record != 0 {
			o.Kind, o.Intent, o.CallRecord, o.Reason, o.Quotes = Done, "", record, "it was there already", false
			return w.note(ctx, o)
		}
		o.Shown = times
	}
	request := w.callRecord()
	if w.onlyQuotes(o) {
		request.Comment.Fields = []string{"transcript"} // the rest is there
	}
	in, refused := w.intend(ctx, o, request)
	if refused != nil {
		return *refused
	}
	sent := w.b.now()
	record, err := w.sendRecord(ctx, in, o.CallRecord, request)
	took := w.b.now().Sub(sent)
	v := w.judge(err, true)
	switch {
	case errors.Is(err, errStoodStill):
		return w.free(ctx, in, o.Step, verdict{kind: retry}, err)
	case v.kind == ok:
		w.log.WithField("ticket_id", o.Ticket).WithField("call_record", record).Info("call record shown on the ticket")
		return w.note(ctx, Outcome{Kind: Done, Step: o.Step, Intent: in.id, Ticket: o.Ticket, App: o.App, CallRecord: record, Quotes: o.Quotes, Took: took})
	case v.kind == unknown:
		return w.fateUnknown(ctx, in, o.Step, err)
	case v.kind == closed:
		return w.closed(ctx, in, o, err)
	case v.kind == gone, v.kind == invalid:
		return w.recordRefused(ctx, in, o, request.Call, err)
	case v.kind == park, v.kind == reresolve:
		return w.park(ctx, in, o.Step, err)
	}
	return w.free(ctx, in, o.Step, v, err)
}

// errStoodStill is for the second of two requests that would go out long after
// its intent: it could commit when it is looked for no more.
var errStoodStill = errors.New("the first of two requests took too long for the second")

// sendRecord sends what was intended, and returns the id of the record. Where
// there is a record the update may be repeated without harm, and only the comment
// must not be.
func (w *work) sendRecord(ctx context.Context, in intent, record int64, n zendesk.NewCall) (int64, error) {
	if record == 0 {
		made, err := w.b.zendesk.CreateCall(ctx, n)
		return made.ID, err
	}
	if _, err := w.b.zendesk.UpdateCall(ctx, record, n.Call); err != nil {
		return 0, err
	}
	if w.tooLate(in) != "" {
		return 0, errStoodStill
	}
	_, err := w.b.zendesk.CommentOnCall(ctx, record, *n.Comment)
	return record, err
}

// recordRefused finds out what a refusal was about: the ticket, which is named in
// the body, or the rest. An account without these records answers 404 as well.
func (w *work) recordRefused(ctx context.Context, in intent, o Outcome, fields zendesk.CallFields, err error) result {
	ticket, why := w.b.zendesk.GetTicket(ctx, o.Ticket)
	v := w.judge(why, false)
	refusal, _ := errors.AsType[*zendesk.Error](err)
	invalid := refusal != nil && !refusal.IsNotFound()
	switch {
	case v.kind == gone:
		return w.gone(ctx, in, o)
	case v.kind != ok:
		return w.free(ctx, in, o.Step, v, why)
	case ticket.Status == "closed":
		return w.closed(ctx, in, o, err)
	case invalid && !w.step.Bare && fields.AgentID+fields.EndUserID != 0 && !refusal.HasDetail("app_id"):
		return w.bare(ctx, in, o.Step, err)
	case invalid && !refusal.HasDetail("app_id"):
		return w.unfit(ctx, in, o, err)
	}
	return w.park(ctx, in, o.Step, err)
}

// verifyRecord asks whether a call record of unknown fate is shown on the ticket,
// more often than it was before.
func (w *work) verifyRecord(ctx context.Context) result {
	open := w.record.Open
	record, times, err := w.shownRecord(ctx, open.Ticket)
	o := Outcome{Kind: Done, Step: open.Step, Intent: open.ID, Ticket: open.Ticket, App: open.App}
	switch v := w.judge(err, false); {
	case v.kind == gone:
		return w.gone(ctx, intent{id: open.ID}, o)
	case v.kind != ok:
		return w.putOff(v, err)
	case times > open.Shown:
		o.CallRecord, o.Reason = cmp.Or(open.CallRecord, record), "found among the comments of the ticket"
		return w.note(ctx, o)
	case w.step.Conclusive:
		o.Kind, o.Doubtful, o.Reason = Freed, true, "not among the comments of the ticket, and it cannot commit any more"
		return w.note(ctx, o)
	}
	return result{looked: w.b.now()}
}

// showsRecord reports whether an event of an audit shows the record of a call of
// this site. Records carry no metadata.
func (w *work) showsRecord(e zendesk.AuditEvent) bool {
	shown, isCall := zendesk.TicketComment{Type: e.Type, Data: e.Data}.Call()
	return isCall && telephony.CallID(shown.ExternalID).Site() == w.id.Site()
}

// shownRecord is the call's record as the comments of a ticket show it, 0 if none
// does, and how many of them do. Of two records, which must not be, it is the
// older one.
func (w *work) shownRecord(ctx context.Context, ticket int64) (record int64, times int, err error) {
	for comment, err := range w.b.zendesk.TicketComments(ctx, ticket, false) {
		if err != nil {
			return 0, 0, err
		}
		shown, isCall := comment.Call()
		if !isCall || shown.ExternalID != string(w.id) {
			continue
		}
		times++
		if record != 0 && record != shown.CallID {
			w.log.WithField("call_records", []int64{record, shown.CallID}).Error("call has more than one call record")
		}
		record = cmp.Or(record, shown.CallID)
	}
	return record, times, nil
}
