package bridge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// takeAll folds one entry of the journal, and those that wait behind it.
func (b *Bridge) takeAll(ctx context.Context, r journal.Record, more <-chan journal.Record) error {
	for range recordBuffer {
		if err := b.take(ctx, r); err != nil {
			return err
		}
		select {
		case r = <-more:
		default:
			return nil
		}
	}
	return b.take(ctx, r)
}

// take folds one entry of the journal into its call.
func (b *Bridge) take(ctx context.Context, r journal.Record) error {
	b.applied = r.Seq
	id := telephony.CallID(r.Call)
	events, begins := b.decode(r)
	e, known := b.calls[id]
	if !known {
		e = newEntry(id, r.Seq)
		e.found = !begins
		b.calls[id] = e
		if !begins || id.Dialled() || b.policy.Load().Repeats[id.Source()] {
			if err := b.recall(ctx, id, e, r.Seq); err != nil {
				return err
			}
		}
	}
	if r.Seq <= e.applied {
		return nil
	}
	if m := e.member(id); begins && m.call.Len() == 0 {
		e.found = false // nothing of the phones was told before: it was placed by an order
	}
	b.apply(e, r, events)
	if err := b.connect(ctx, e, r.Seq); err != nil {
		return err
	}
	if known || begins {
		b.clock(id, r.Stored, events)
	}
	if b.caughtUp {
		b.consider(id, e)
	}
	return nil
}

// decode reads the events of an entry, and whether a call begins with them.
func (b *Bridge) decode(r journal.Record) (events []telephony.Event, begins bool) {
	if r.Kind != journal.Event {
		return nil, false
	}
	events, err := telephony.DecodeEvents(r.Data)
	if err != nil {
		b.unreadable(r, err)
		return nil, false
	}
	return events, slices.ContainsFunc(events, telephony.Event.Begins)
}

// apply folds one entry, its events decoded, into its call.
func (b *Bridge) apply(e *entry, r journal.Record, events []telephony.Event) {
	e.applied = max(e.applied, r.Seq)
	m := e.member(telephony.CallID(r.Call))
	if r.Kind != journal.Outcome {
		e.take(m, r.Stored, events)
		return
	}
	o, err := DecodeOutcome(r.Data)
	if err != nil {
		b.unreadable(r, err)
		return
	}
	m.record.apply(r.Seq, o)
}

func (b *Bridge) unreadable(r journal.Record, err error) {
	b.metrics.unreadable.Inc()
	b.log.WithError(err).WithField("call_id", r.Call).WithField("seq", r.Seq).Error("journal entry not readable, skipped")
}

// recall loads what the journal holds of a call before seq: it is no longer,
// or not yet, in memory.
func (b *Bridge) recall(ctx context.Context, id telephony.CallID, e *entry, before uint64) error {
	var story []journal.Record
	err := b.whileFull(ctx, b.log.WithField("call_id", id), func() (err error) {
		story, err = b.journal.StoryBefore(ctx, string(id), before)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the story of %s: %w", id, err)
	}
	for _, r := range story {
		e.first = min(e.first, r.Seq)
		events, _ := b.decode(r)
		b.apply(e, r, events)
	}
	return nil
}

// connect brings in the calls that those of e were linked with, with all that
// the journal holds of them before seq.
func (b *Bridge) connect(ctx context.Context, e *entry, seq uint64) error {
	for {
		links := e.unknownLinks()
		if len(links) == 0 {
			return nil
		}
		for _, id := range links {
			o, known := b.calls[id]
			if !known {
				o = newEntry(id, seq)
				o.found = true
				if err := b.recall(ctx, id, o, seq); err != nil {
					return err
				}
			}
			if o != e {
				e.absorb(o)
			}
			for _, m := range e.members {
				b.calls[m.call.ID()] = e
			}
		}
		b.log.WithField("call_id", e.members[0].call.ID()).WithField("calls", len(e.members)).Info("calls became one")
	}
}

// clock learns how far our clock is ahead of the phone system's.
func (b *Bridge) clock(id telephony.CallID, stored time.Time, events []telephony.Event) {
	var latest time.Time
	for _, e := range events {
		if !e.Estimated && !e.Late && e.Time.After(latest) {
			latest = e.Time
		}
	}
	if latest.IsZero() {
		return
	}
	s, found := b.skews[id.Source()]
	if !found {
		s = &skew{}
		b.skews[id.Source()] = s
	}
	s.observe(latest, stored)
}

func (b *Bridge) moment(id telephony.CallID) Moment {
	at := Moment{Now: b.now()}
	if s, found := b.skews[id.Source()]; found {
		at.Ahead = s.ahead()
	}
	return at
}

// current is the policy in force: the configured one, or making tickets at the
// end while updates lag.
func (b *Bridge) current() *Policy {
	p := b.policy.Load()
	if b.atEnd && p.Create == CreateOnAnswer {
		changed := *p
		changed.Create = CreateAtEnd
		return &changed
	}
	return p
}

// consider plans a call that nobody works on, and queues what is owed. A call
// that waits in a lane already changes to a more urgent one.
func (b *Bridge) consider(id telephony.CallID, e *entry) {
	if e.running > 0 || e.applied < e.awaits {
		return
	}
	step, _ := e.plan(b.current(), b.moment(id))
	now := b.now()
	switch {
	case step.Settled:
		if e.settled.IsZero() {
			e.settled = now
		}
		return
	case b.waits:
	case step.Kind == "":
	case step.At.After(now):
		b.wakeAt(step.At, id, e)
	case !e.queued || laneOf(step) < e.in:
		e.queued, e.in = true, laneOf(step)
		b.lanes.push(e.in, id, now)
	}
	e.settled = time.Time{}
}

// plannedAtOnce is how many calls are planned before anything else is looked at.
const plannedAtOnce = 32

// considerAll has every call planned, a few at a time: of ten thousand it takes a
// good part of a second, for which no call that is answered now may wait.
func (b *Bridge) considerAll() {
	b.unplanned = slices.AppendSeq(b.unplanned[:0], maps.Keys(b.calls))
}

// considerSome plans the next few of them.
func (b *Bridge) considerSome() {
	some := b.unplanned[:min(plannedAtOnce, len(b.unplanned))]
	b.unplanned = b.unplanned[len(some):]
	if len(b.unplanned) == 0 {
		b.unplanned = nil
	}
	for _, id := range some {
		if e, found := b.calls[id]; found {
			b.consider(id, e)
		}
	}
}

// wakeAt makes an appointment, unless there is one that is no later.
func (b *Bridge) wakeAt(at time.Time, id telephony.CallID, e *entry) {
	if !e.wakes.IsZero() && !e.wakes.After(at) {
		return
	}
	e.wakes = at
	b.agenda.add(at, id)
}

// dispatch starts what is due and has room, planned anew: between queueing and
// starting the call may have changed.
func (b *Bridge) dispatch(ctx, workCtx context.Context) {
	if !b.caughtUp || b.waits {
		return
	}
	for now := b.now(); ; {
		id, due := b.agenda.due(now)
		if !due {
			break
		}
		if e, found := b.calls[id]; found {
			e.wakes = time.Time{}
			b.consider(id, e)
		}
	}
	for {
		id, in, found := b.lanes.next(b.now())
		if !found {
			return
		}
		if !b.start(ctx, workCtx, id, in) {
			b.lanes.done(in)
		}
	}
}

// start begins the step that is owed now, if it still belongs to this lane. What is
// put into words is no request in flight: it ends with ctx, and runs beside the
// other steps of its call.
func (b *Bridge) start(ctx, workCtx context.Context, id telephony.CallID, in lane) bool {
	e, found := b.calls[id]
	if !found || !e.queued || e.in != in || e.running > 0 {
		return false
	}
	e.queued = false
	policy, at := b.current(), b.moment(id)
	step, state := e.plan(policy, at)
	if step.Kind == "" || step.At.After(b.now()) || laneOf(step) != in {
		b.consider(id, e)
		return false
	}
	record := e.member(step.Call).record
	ticket, again := b.place(step, record)
	if !again.IsZero() {
		e.heard = time.Time{} // it is for the ticket that it waits
		b.wakeAt(again, id, e)
		return false
	}
	if step.Kind == StepTranscribe {
		e.member(step.Call).record.hearing, workCtx = true, ctx
		b.consider(id, e)
	} else {
		e.running++
	}
	w := &work{
		b: b, id: step.Call, call: state, record: record, policy: policy, step: step, lane: in, ticket: ticket,
		found: e.found, heard: e.heard,
		log: b.log.WithField("call_id", step.Call).WithField("step", step.Kind),
	}
	e.heard = time.Time{}
	b.workers.Go(func() { b.finished <- w.run(workCtx) })
	return true
}

// finish takes what a worker reports.
func (b *Bridge) finish(ctx context.Context, r result) error {
	b.learnAll() // what its answers said, before its place is given away
	b.lanes.done(r.lane)
	b.unplace(r)
	if r.err != nil {
		return r.err
	}
	b.credentials(r.answer)
	if r.pause > 0 {
		b.lanes.pause(r.lane, b.now().Add(r.pause))
	}
	e, found := b.calls[r.call]
	if !found {
		return nil
	}
	m := e.member(r.call)
	if r.step == StepTranscribe {
		m.record.hearing = false
	} else {
		e.running--
	}
	e.awaits = max(e.awaits, r.seq)
	if !r.looked.IsZero() {
		m.record.lookedAt = r.looked
	}
	if r.later != nil {
		m.record.putOff(*r.later)
	}
	if r.reread {
		if err := b.reread(ctx, e, m, r.conflict); err != nil {
			return err
		}
	}
	b.consider(r.call, e)
	return nil
}

// reread folds a call anew from the journal: another node wrote about it, at
// conflict.
func (b *Bridge) reread(ctx context.Context, e *entry, m *member, conflict uint64) error {
	*m = member{call: telephony.NewCall(m.call.ID()), record: Record{hearing: m.record.hearing}}
	if err := b.recall(ctx, m.call.ID(), e, b.applied+1); err != nil {
		return err
	}
	e.found, e.awaits = true, max(e.awaits, conflict)
	return b.connect(ctx, e, b.applied+1)
}

// credentials stops all lanes while Zendesk refuses us, and says so once.
func (b *Bridge) credentials(a answer) {
	switch {
	case a == refusedUs:
		if !b.halted {
			b.log.WithField("retry_in", haltFor.String()).
				Error("zendesk refuses the credentials, everything waits: check zendesk.oauth or zendesk.api_token")
		}
		b.halted, b.lanes.single = true, true
		b.lanes.pause(lanePops, b.now().Add(haltFor))
	case a == taken && b.halted:
		b.halted = false
		b.lanes.resume()
		b.log.Info("zendesk takes the credentials again")
	}
}
