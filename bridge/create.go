package bridge

import (
	"context"
	"fmt"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/zendesk"
)

// externalID is the one that the ticket to be made carries.
func (w *work) externalID() string {
	if w.record.Successor > 0 {
		return fmt.Sprintf("%s#%d", w.id, w.record.Successor)
	}
	return string(w.id)
}

// create makes the ticket: intent, request, result.
func (w *work) create(ctx context.Context) result {
	if w.step.Bare || (w.found && w.record.Creates == 0) {
		if r, done := w.lookFirst(ctx); done {
			return r
		}
	}
	o := Outcome{Step: StepCreate, Intent: w.newIntent(), ExternalID: w.externalID(), Final: w.step.Final, Covers: w.step.Covers, App: w.step.App}
	request := w.voiceTicket(o.Intent)
	o.Voice = request.Ticket.VoiceComment != nil || (o.App != 0 && !w.call.Ended())
	o.Want, o.User, o.Quotes = w.step.Want.Key, request.Ticket.AssigneeID, w.quotes()
	in, refused := w.intend(ctx, o, request)
	if refused != nil {
		return *refused
	}
	sent := w.b.now()
	ticket, err := w.b.zendesk.CreateVoiceTicket(ctx, request)
	took := w.b.now().Sub(sent)
	v := w.judge(err, true)
	switch v.kind {
	case ok:
		w.log.WithField("ticket_id", ticket.ID).WithField("via_id", request.Ticket.ViaID).Info("ticket made")
		if w.step.Bare && !w.hasForm() {
			w.unverify()
		}
		return w.note(ctx, Outcome{
			Kind: Done, Step: StepCreate, Intent: in.id, ExternalID: o.ExternalID, Ticket: ticket.ID,
			Want: o.Want, Pop: w.shown(ticket.ID, request.DisplayToAgent), Took: took,
		})
	case unknown:
		return w.fateUnknown(ctx, in, StepCreate, err)
	case invalid, gone:
		if w.requesterGone(ctx) {
			return w.dropCaller(ctx, in, err)
		}
		if v.kind == invalid && !w.step.Bare && (request.DisplayToAgent+request.Ticket.AssigneeID+answeredBy(request) != 0 || dressed(request.Ticket) || w.quotes()) {
			return w.bare(ctx, in, StepCreate, err)
		}
		return w.park(ctx, in, StepCreate, err)
	case park:
		return w.park(ctx, in, StepCreate, err)
	case reresolve:
		return w.dropCaller(ctx, in, err)
	case retry, waitUntil, reapply, closed, halt:
	}
	return w.free(ctx, in, StepCreate, v, err)
}

func answeredBy(t zendesk.VoiceTicket) int64 {
	if t.Ticket.VoiceComment == nil {
		return 0
	}
	return t.Ticket.VoiceComment.AnsweredByID
}

// bare has a refused write made without the agent, and without what the form
// says besides words: they are what was refused, most likely, and must not cost
// a ticket.
func (w *work) bare(ctx context.Context, in intent, step StepKind, err error) result {
	w.warn(err).Warn("refused with its agent, made without")
	return w.note(ctx, Outcome{Kind: Freed, Step: step, Intent: in.id, Bare: true, Reason: err.Error()})
}

// unverify is for when a write passed without its agents: they were what
// Zendesk had refused. They are asked for again before they are used again.
func (w *work) unverify() {
	for _, agent := range []int64{w.answeredBy(), w.lastAgent()} {
		if agent != 0 {
			w.policy.Directory.Unverify(agent)
		}
	}
}

// lookFirst asks for the ticket before it is made: for a call that was not seen
// to begin, a journal that is lost now may have known one, and a create that was
// refused for its agent may have made one. One of a call that is known from records
// alone is left as it is: whoever made it saw more.
func (w *work) lookFirst(ctx context.Context) (result, bool) {
	tickets, _, err := w.madeFor(ctx, w.externalID(), w.step.Bare)
	if v := w.judge(err, false); v.kind != ok {
		return w.putOff(v, err), true
	}
	if len(tickets) == 0 {
		return result{}, false
	}
	w.log.WithField("ticket_id", tickets[0].ID).Info("ticket found")
	if w.step.Bare && !w.hasForm() {
		w.unverify()
	}
	return w.note(ctx, Outcome{
		Kind: Done, Step: StepCreate, ExternalID: w.externalID(), Ticket: tickets[0].ID, App: w.step.App, Reason: "it was there already",
		Final: w.call.Late,
	}), true
}

// shown is the outcome of a pop that the create did in the same request.
func (w *work) shown(ticket, agent int64) *screenpop.Outcome {
	if agent == 0 {
		return nil
	}
	out := screenpop.Outcome{
		Agent: agent, Ticket: ticket, Result: screenpop.Accepted, Attempts: 1,
		Latency: max(0, w.b.now().Sub(w.step.Want.Since)),
	}
	w.b.metrics.pop(out)
	return &out
}

// fateUnknown notes that a write may have happened.
func (w *work) fateUnknown(ctx context.Context, in intent, step StepKind, err error) result {
	w.warn(err).Warn("fate of a write unknown, looking it up")
	return w.note(ctx, Outcome{Kind: Unknown, Step: step, Intent: in.id, Reason: err.Error()})
}

// park leaves a step to a person.
func (w *work) park(ctx context.Context, in intent, step StepKind, err error) result {
	w.warn(err).Error("step parked, a person must act")
	return w.note(ctx, Outcome{Kind: Parked, Step: step, Intent: in.id, Reason: err.Error()})
}

// free notes that a write did not happen, and when to try it again.
func (w *work) free(ctx context.Context, in intent, step StepKind, v verdict, err error) result {
	late := w.putOff(v, err)
	r := w.note(ctx, Outcome{
		Kind: Freed, Step: step, Intent: in.id, Reason: err.Error(),
		NotBefore: late.later.NotBefore.UTC(), Uncounted: late.later.Uncounted,
	})
	r.pause = late.pause
	return r
}

// maxDropped is how often a requester is found anew for one call.
const maxDropped = 3

// dropCaller frees a create whose requester Zendesk refused, and has him found
// anew: he was merged, deleted or suspended.
func (w *work) dropCaller(ctx context.Context, in intent, err error) result {
	if w.record.Dropped >= maxDropped {
		return w.park(ctx, in, StepCreate, err)
	}
	w.warn(err).Warn("requester refused, found anew")
	w.b.callers.avoid(w.record.Caller)
	return w.note(ctx, Outcome{Kind: CallerDropped, Step: StepCreate, Intent: in.id, User: w.record.Caller, Reason: err.Error()})
}

// lookup asks whether the ticket is there.
func (w *work) lookup(ctx context.Context) result {
	open, external := w.record.Open, w.record.ExternalID
	if open != nil {
		external = open.ExternalID
	}
	tickets, how, err := w.madeFor(ctx, external, open == nil || w.step.Conclusive)
	if v := w.judge(err, false); v.kind != ok {
		return w.putOff(v, err)
	}
	switch {
	case len(tickets) > 1:
		return w.duplicate(ctx, tickets)
	case open == nil:
		return w.note(ctx, Outcome{Kind: Done, Step: StepLookup, Reason: "there is one ticket"})
	case len(tickets) == 1:
		w.log.WithField("ticket_id", tickets[0].ID).Info("ticket found")
		return w.note(ctx, Outcome{
			Kind: Done, Step: StepCreate, Intent: open.ID, ExternalID: external, Ticket: tickets[0].ID,
			Reason: how,
		})
	case w.step.Conclusive:
		return w.note(ctx, Outcome{
			Kind: Freed, Step: StepCreate, Intent: open.ID, Doubtful: true, Reason: "not there, and it cannot commit any more",
		})
	}
	return result{looked: w.b.now()}
}

// duplicate raises the alarm: the older ticket wins.
func (w *work) duplicate(ctx context.Context, tickets []zendesk.Ticket) result {
	o := Outcome{Kind: Duplicate, Ticket: tickets[0].ID, Reason: "more than one ticket carries the external_id"}
	for _, t := range tickets {
		o.Tickets = append(o.Tickets, t.ID)
	}
	if w.record.Open != nil {
		o.Intent = w.record.Open.ID
	}
	w.log.WithField("tickets", o.Tickets).Error("call has more than one ticket")
	return w.note(ctx, o)
}
