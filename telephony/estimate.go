package telephony

import (
	"slices"
	"time"
)

// A driver that comes late tells what it finds, with times that it reckons:
// such events are Estimated. What the phone system reported itself overrules
// them, whichever came first.

// fact is what an event says, without when.
type fact struct {
	kind Kind
	leg  string // or the name of a hint
}

// reports are what the phone system itself said of a call.
type reports struct {
	events []Event
	facts  map[fact]bool
	last   map[string]time.Time // when each leg was last known to live
}

func readReports(events []Event) reports {
	r := reports{events: events}
	for _, e := range events {
		if e.Estimated {
			// Most calls have none of this: they cost nothing.
			r.facts = make(map[fact]bool)
			r.last = make(map[string]time.Time)
			break
		}
	}
	if r.facts == nil {
		return r
	}
	for _, e := range events {
		if !e.Estimated {
			r.facts[factOf(e)] = true
		}
		if e.Kind != LegEnded && e.Kind != CallLinked {
			r.last[e.Leg] = later(r.last[e.Leg], e.Time)
		}
	}
	return r
}

// overrule reports whether the estimate, which is event i, is not to be used.
func (r reports) overrule(i int, e Event) bool {
	switch e.Kind {
	case LegEnded:
		// It was heard of after it had been given up for gone, or its end was
		// reported: then it lives, or that is its end.
		return r.last[e.Leg].After(e.Time) || r.facts[factOf(e)]
	case LegBridged:
		// It is known better if its entry is reported next.
		for _, next := range r.events[i+1:] {
			if !next.Estimated && next.Leg == e.Leg && next.Bridge == e.Bridge {
				return next.Kind == LegBridged
			}
		}
		return false
	case CallQueued:
		return r.facts[factOf(e)] && r.tellOfWait(i, e)
	case LegStarted, LegDialled, LegDialEnded, LegUnbridged, LegHeld, LegResumed, LegHangupAsked, CallHint, CallRecorded, CallVoicemail,
		CallUnqueued, CallLinked:
	}
	return r.facts[factOf(e)]
}

// tellOfWait reports whether the wait in a queue that the estimate is about is
// the one that was reported to begin last before it, and not to end, or to begin
// next.
func (r reports) tellOfWait(i int, e Event) bool {
	about := func(o Event) bool {
		return !o.Estimated && (o.Kind == CallQueued || o.Kind == CallUnqueued) && o.Name == e.Name
	}
	for _, before := range slices.Backward(r.events[:i]) {
		if about(before) {
			if before.Kind == CallQueued {
				return true
			}
			break
		}
	}
	next := slices.IndexFunc(r.events[i+1:], about)
	return next >= 0 && r.events[i+1+next].Kind == CallQueued
}

func factOf(e Event) fact {
	switch e.Kind {
	case CallHint, CallQueued, CallUnqueued:
		return fact{e.Kind, e.Name}
	case CallLinked:
		return fact{e.Kind, string(e.Other)}
	case CallRecorded, CallVoicemail:
		return fact{e.Kind, ""}
	case LegStarted, LegDialled, LegDialEnded, LegBridged, LegUnbridged, LegHeld, LegResumed, LegHangupAsked, LegEnded:
	}
	return fact{e.Kind, e.Leg}
}

// withhold keeps numbers secret of which anything said that they are: a list of
// channels knows what the report of a new one does not.
func (f *folding) withhold(events []Event) {
	for _, e := range events {
		if l := f.legs[e.Leg]; l != nil && e.Kind == LegStarted && e.Party.Withheld {
			l.Party = Party{Withheld: true}
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
