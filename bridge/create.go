package bridge

import (
	"context"
	"fmt"
	"time"

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
	if w.found && w.record.Creates == 0 {
		if r, done := w.lookFirst(ctx); done {
			return r
		}
	}
	o := Outcome{Step: StepCreate, Intent: w.newIntent(), ExternalID: w.externalID(), Final: w.step.Final}
	request := w.voiceTicket(o.Intent)
	o.Want, o.User = w.step.Want.Key, request.Ticket.AssigneeID
	in, refused := w.intend(ctx, o, request)
	if refused != nil {
		return *refused
	}
	sent := w.b.now()
	ticket, err := w.b.zendesk.CreateVoiceTicket(ctx, request)
	took := w.b.now().Sub(sent)
	done := Outcome{Step: StepCreate, Intent: in.id, TookMS: milliseconds(took)}
	v := classify(err, true)
	switch v.kind {
	case ok:
		done.Kind, done.Ticket = Done, ticket.ID
		done.Want, done.Pop = w.step.Want.Key, w.shown(ticket.ID, request.DisplayToAgent)
		w.log.WithField("ticket_id", ticket.ID).WithField("via_id", request.Ticket.ViaID).Info("ticket made")
		return w.note(ctx, done)
	case unknown:
		return w.fateUnknown(ctx, in, StepCreate, err)
	case park, gone:
		essential := request.DisplayToAgent == 0 && request.Ticket.AssigneeID == 0
		if essential || w.record.waits[StepCreate].bare {
			return w.park(ctx, in, StepCreate, err)
		}
		// The agent is what was refused, most likely: he must not cost a ticket.
		w.policy.Directory.Unverify(request.Ticket.AssigneeID)
		done.Kind, done.Bare, done.Reason = Freed, true, err.Error()
		w.log.WithError(err).Warn("ticket refused with its agent, made without")
		return w.note(ctx, done)
	case reresolve:
		return w.dropCaller(ctx, in, err)
	case retry, waitUntil, reapply, closed, halt:
	}
	return w.free(ctx, in, StepCreate, v, err)
}

// lookFirst asks for the ticket before it is made: for a call that was found
// alive, a journal that is lost now may have known one.
func (w *work) lookFirst(ctx context.Context) (result, bool) {
	tickets, err := w.b.zendesk.TicketsByExternalID(ctx, w.externalID())
	if v := classify(err, false); v.kind != ok {
		return w.putOff(v, err), true
	}
	if len(tickets) == 0 {
		return result{}, false
	}
	w.log.WithField("ticket_id", tickets[0].ID).Info("ticket found")
	return w.note(ctx, Outcome{Kind: Done, Step: StepCreate, Ticket: tickets[0].ID, Reason: "it was there already"}), true
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
	w.log.WithError(err).Warn("fate of a write unknown, looking it up")
	return w.note(ctx, Outcome{Kind: Unknown, Step: step, Intent: in.id, Reason: err.Error()})
}

// park leaves a write to a person.
func (w *work) park(ctx context.Context, in intent, step StepKind, err error) result {
	w.log.WithError(err).Error("step parked, a person must act")
	return w.note(ctx, Outcome{Kind: Parked, Step: step, Intent: in.id, Reason: err.Error()})
}

// free notes that a write did not happen, and when to try it again.
func (w *work) free(ctx context.Context, in intent, step StepKind, v verdict, err error) result {
	late := w.putOff(v, err)
	r := w.note(ctx, Outcome{
		Kind: Freed, Step: step, Intent: in.id, Reason: err.Error(), NotBefore: late.later.NotBefore.UTC(),
	})
	r.pause, r.halt = late.pause, late.halt
	return r
}

// dropCaller frees a write whose requester Zendesk refused, and has him found anew.
func (w *work) dropCaller(ctx context.Context, in intent, err error) result {
	w.log.WithError(err).Warn("requester refused, found anew")
	w.b.callers.forget(w.record.Caller)
	first := w.note(ctx, Outcome{Kind: Freed, Step: StepCreate, Intent: in.id, Reason: err.Error()})
	if first.err != nil {
		return first
	}
	if w.record.waits[StepCreate].tries >= maxReresolve {
		return w.note(ctx, Outcome{Kind: Parked, Step: StepCreate, Reason: err.Error()})
	}
	return w.note(ctx, Outcome{Kind: CallerDropped, Reason: err.Error()})
}

// maxReresolve is how often a requester is found anew for one call.
const maxReresolve = 3

// lookup asks whether the ticket is there.
func (w *work) lookup(ctx context.Context) result {
	open := w.record.Open
	external := w.record.ExternalID
	if open != nil {
		external = open.ExternalID
	}
	tickets, err := w.b.zendesk.TicketsByExternalID(ctx, external)
	if v := classify(err, false); v.kind != ok {
		return w.putOff(v, err)
	}
	switch {
	case len(tickets) > 1:
		return w.duplicate(ctx, tickets)
	case open == nil:
		return w.note(ctx, Outcome{Kind: Done, Step: StepLookup, Reason: "there is one ticket"})
	case len(tickets) == 1:
		w.log.WithField("ticket_id", tickets[0].ID).Info("ticket found")
		return w.note(ctx, Outcome{Kind: Done, Step: StepCreate, Intent: open.ID, Ticket: tickets[0].ID, Reason: "found by its external_id"})
	case w.step.Conclusive:
		return w.note(ctx, Outcome{Kind: Freed, Step: StepCreate, Intent: open.ID, Reason: "not there, and it cannot commit any more"})
	}
	return result{looked: w.b.now()}
}

// duplicate raises the alarm: the older ticket wins.
func (w *work) duplicate(ctx context.Context, tickets []zendesk.Ticket) result {
	ids := make([]int64, 0, len(tickets))
	for _, t := range tickets {
		ids = append(ids, t.ID)
	}
	w.log.WithField("tickets", ids).Error("call has more than one ticket")
	return w.note(ctx, Outcome{Kind: Duplicate, Tickets: ids, Ticket: ids[0], Reason: "more than one ticket carries the external_id"})
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
