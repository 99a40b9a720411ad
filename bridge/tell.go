package bridge

import (
	"context"

	"github.com/talkbridge/talkbridge/zendesk"
)

// tell is owed when a ticket plays a recording of several agents: a voice comment
// names the one who answered, and takes no other text. (Of a voice comment and a
// plain one in one create Zendesk keeps the plain one.) It is one write more, and
// so is left to calls that were handed over, and to those whose caller is one of
// several.
func (p planner) tell() (Step, bool) {
	_, parked := p.record.Parked[StepTell]
	reason := "several agents talked, and its recording names the first"
	several := len((&work{call: p.call, policy: p.policy}).agentNames()) > 1
	if !several && len(p.record.Candidates) > 0 {
		reason, several = "several users share the number, and its audio names none", true
	}
	owed := p.record.Ticket != 0 && p.record.Completed && !p.record.Told && p.call.Ended() && !parked && several
	return Step{Kind: StepTell, Reason: reason, Covers: p.covers()}, owed
}

// tell adds the private comment that the ticket would have without a recording.
func (w *work) tell(ctx context.Context) result {
	o := Outcome{Step: StepTell, Intent: w.newIntent(), Ticket: w.record.Ticket}
	update := zendesk.TicketUpdate{Comment: w.comment(), Metadata: w.metadata(o.Intent)}
	return w.update(ctx, o, update)
}
