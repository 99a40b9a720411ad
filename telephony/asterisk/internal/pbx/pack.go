package pbx

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

const (
	// packDelay is how long a fact that nobody acts upon at once waits for
	// company. Asterisk tells the beginning, the answer and the end of a call in
	// bursts of 1 to 5 ms each (all captures); 20 ms joins each of them into one
	// entry of the journal, and delays nothing that anybody sees.
	packDelay = 20 * time.Millisecond
	// maxPack bounds the events of one call in one entry.
	maxPack = 256
)

// Packer joins events of one call that come together, so that they cost one
// entry of the journal. The order within a call is kept. It has one owner. See
// NewPacker.
type Packer struct {
	sink    telephony.Sink
	counted func(events int)
	waiting map[telephony.CallID]*pack
	order   []*pack // in the order in which they began
}

// pack is what waits of one call.
type pack struct {
	call   telephony.CallID
	events []telephony.Event
	due    time.Time
}

// NewPacker returns an empty packer. counted is told how many events each entry has.
func NewPacker(sink telephony.Sink, counted func(events int)) *Packer {
	return &Packer{sink: sink, counted: counted, waiting: make(map[telephony.CallID]*pack)}
}

// Add lets an event wait, or makes its call due at once if somebody is to act
// upon it.
func (p *Packer) Add(e telephony.Event, now time.Time) {
	w, ok := p.waiting[e.Call]
	if !ok {
		w = &pack{call: e.Call, due: now.Add(packDelay)}
		p.waiting[e.Call] = w
		p.order = append(p.order, w)
	}
	w.events = append(w.events, e)
	if e.Kind == telephony.CallLinked {
		p.hurry(e.Other, w, now)
	}
	if urgent(e) || len(w.events) >= maxPack {
		w.due = now
	}
}

// hurry delivers what waits of a call before w, which links it with another:
// who left the one must not be taken for somebody who meets those of the other.
func (p *Packer) hurry(call telephony.CallID, w *pack, now time.Time) {
	other, ok := p.waiting[call]
	if !ok {
		return
	}
	other.due = now
	i, k := slices.Index(p.order, w), slices.Index(p.order, other)
	if i < k {
		p.order = slices.Insert(slices.Delete(p.order, k, k+1), i, other)
	}
}

// urgent reports whether somebody acts upon the event at once: a phone rings,
// two people talk, a message is there.
func urgent(e telephony.Event) bool {
	switch e.Kind {
	case telephony.LegDialled:
		return e.Side != telephony.SideHelper
	case telephony.LegBridged:
		n, err := strconv.Atoi(e.Raw["BridgeNumChannels"])
		return err != nil || n >= 2
	case telephony.CallVoicemail, telephony.CallLinked:
		return true
	case telephony.LegStarted, telephony.LegDialEnded, telephony.LegUnbridged, telephony.LegHeld, telephony.LegResumed, telephony.LegHangupAsked,
		telephony.LegEnded, telephony.CallHint, telephony.CallRecorded, telephony.CallQueued, telephony.CallUnqueued,
		telephony.CallRingEnded, telephony.CallForwarded, telephony.CallEnded:
	}
	return false
}

// Flush delivers what is due.
func (p *Packer) Flush(ctx context.Context, now time.Time) error {
	return p.deliver(ctx, func(w *pack) bool { return !w.due.After(now) })
}

// FlushAll delivers everything.
func (p *Packer) FlushAll(ctx context.Context) error {
	return p.deliver(ctx, func(*pack) bool { return true })
}

func (p *Packer) deliver(ctx context.Context, due func(*pack) bool) error {
	later := p.order[:0]
	for i, w := range p.order {
		if !due(w) {
			later = append(later, w)
			continue
		}
		delete(p.waiting, w.call)
		if err := p.Append(ctx, w.events); err != nil {
			p.order = append(later, p.order[i+1:]...)
			return err
		}
	}
	clear(p.order[len(later):])
	p.order = later
	return nil
}

// Append delivers events of one call, in as many entries as they need.
func (p *Packer) Append(ctx context.Context, events []telephony.Event) error {
	for len(events) > 0 {
		n := min(len(events), maxPack)
		if err := p.sink.Append(ctx, events[:n:n]); err != nil {
			return fmt.Errorf("append events of call %s: %w", events[0].Call, err)
		}
		p.counted(n)
		events = events[n:]
	}
	return nil
}

// Next is when something is due next; zero if nothing waits.
func (p *Packer) Next() time.Time {
	var first time.Time
	for _, w := range p.order {
		if first.IsZero() || w.due.Before(first) {
			first = w.due
		}
	}
	return first
}
