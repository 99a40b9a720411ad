package bridge

import (
	"context"
	"slices"

	"github.com/talkbridge/talkbridge/zendesk"
)

// tell is owed when a ticket plays a recording of several agents: a voice comment
// names the one who answered, and takes no other text. (Of a voice comment and a
// plain one in one create Zendesk keeps the plain one.) It is one write more, and
// so is left to calls that were handed over, to those whose caller is one of
// several, and to those that only call records told of.
func (p planner) tell() (Step, bool) {
	_, parked := p.record.Parked[StepTell]
	step := Step{Kind: StepTell, Covers: p.covers()}
	owed := p.record.Ticket != 0 && p.record.Completed && !p.record.Told && p.call.Ended() && !parked
	switch {
	case len((&work{call: p.call, policy: p.policy}).agentNames()) > 1:
		step.Reason = "several agents talked, and its recording names the first"
	case p.call.Late:
		step.Reason = "it is from call records, and its audio does not say so"
	case len(p.record.Candidates) > 0:
		step.Reason = "several users share the number, and its audio names none"
	case p.app() != 0 && p.unrecorded():
		step.Reason = "its call record has no place for it"
	default:
		owed = false
	}
	return step, owed
}

// unrecorded reports whether there is something that a call record cannot say:
// audio that could not be collected, calls that became one with this one, and
// ticket fields whose value is only known at the end.
func (p planner) unrecorded() bool {
	refused := func(a *Audio) bool { return a != nil && a.Refused != "" }
	late := !p.record.Attached && slices.ContainsFunc(p.policy.form(p.call).Fields, Field.late)
	return refused(p.record.Audio) || refused(p.record.Recording) || len(p.covers()) > 0 || late
}

// tell adds the private comment that the ticket would have without a recording,
// and what else the completion of a ticket sets where a call record did that.
func (w *work) tell(ctx context.Context) result {
	o := Outcome{Step: StepTell, Intent: w.newIntent(), Ticket: w.record.Ticket, Quotes: w.quotes()}
	update := zendesk.TicketUpdate{Comment: w.comment(), Metadata: w.metadata(o.Intent)}
	if w.step.App != 0 {
		if !w.record.Attached {
			update.CustomFields = w.lateFields()
		}
		if later := w.handOver(ctx, &update); later != nil {
			return *later
		}
	}
	return w.update(ctx, o, update)
}
