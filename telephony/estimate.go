package telephony

import (
	"slices"
	"time"
)

// A driver that comes late tells what it finds, with times that it reckons:
// such events are Estimated. What the phone system reported itself overrules
// them, whichever came first.
//
// Its call records, read afterwards, are in between: such events are Late. They
// are reports, and better than estimates. But they are coarse, and know fewer
// legs; so they count only for what happened after the call was last heard of while
// it went on, or in the same moment: some phone systems tell whole seconds. That a
// leg ended is no sign that the others went on.

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
	begun  map[string]time.Time // when it was reported to begin
	heard  map[CallID]time.Time // when a call was last heard to go on, while it did
	ended  map[string]time.Time // when a leg was heard to end
	known  map[string]bool      // legs of which anything was heard
	signs  map[string]time.Time // when each was last heard of while it went on
	alive  map[string]time.Time // until when records tell of a leg
	first  map[CallID]string    // the leg with which a call begins
	late   bool                 // nothing was, not even that a call was found alive
}

func readReports(events []Event) reports {
	r := reports{events: events, late: len(events) > 0}
	plain := true
	for _, e := range events {
		plain = plain && !e.Estimated && !e.Late
		r.late = r.late && e.Late
	}
	if plain {
		return r // most calls have none of this: they cost nothing
	}
	r.heard, r.ended = make(map[CallID]time.Time), make(map[string]time.Time)
	r.known, r.alive, r.signs = make(map[string]bool), make(map[string]time.Time), make(map[string]time.Time)
	r.first = make(map[CallID]string)
	for _, e := range events {
		if e.Kind == LegStarted && e.First {
			r.first[e.Call] = e.Leg
		}
		switch {
		case e.Late:
			r.alive[e.Leg] = later(r.alive[e.Leg], e.Time)
		case !e.Estimated || e.Kind != LegEnded: // that it was found gone is no news of it
			r.known[e.Leg] = true
		}
		switch {
		case e.Estimated || e.Late || e.afterwards():
		case e.Kind == LegEnded:
			r.ended[e.Leg] = e.Time
		default:
			r.heard[e.Call], r.signs[e.Leg] = later(r.heard[e.Call], e.Time), later(r.signs[e.Leg], e.Time)
		}
	}
	r.facts = make(map[fact]bool)
	r.last, r.begun = make(map[string]time.Time), make(map[string]time.Time)
	for _, e := range events {
		if r.outdone(e) {
			continue
		}
		if !e.Estimated {
			r.facts[factOf(e)] = true
			if e.Kind == LegStarted {
				r.begun[e.Leg] = e.Time
			}
		}
		if e.Kind != LegEnded && e.Kind != CallLinked && !e.afterwards() {
			r.last[e.Leg] = later(r.last[e.Leg], e.Time)
		}
	}
	return r
}

// afterwards reports whether an event may be told of, and be dated, when the call is
// over: it says nothing of how long the call went on.
func (e Event) afterwards() bool {
	if e.Kind == CallHint {
		return slices.Contains([]string{HintTranscript, HintTaken, HintGaveUp, HintTurnedAway}, e.Name)
	}
	return e.Kind == CallRecorded || e.Kind == CallVoicemail
}

// outdone reports whether an event is of a call record, and about a time of which
// better is known: of a leg the last that was heard of it, of its end and of what is
// no leg's the last sign that the call went on, unless the call is known to be over. Of a
// leg that nobody heard of nothing better is known, unless it was over by then.
func (r reports) outdone(e Event) bool {
	if !e.Late {
		return false
	}
	last := r.heard[e.Call]
	if !r.known[e.Leg] && e.Kind.ofLeg() {
		return r.past(e)
	}
	end, over := r.ended[e.Leg]
	_, callOver := r.ended[r.first[e.Call]]
	switch {
	case e.Kind == LegEnded && over, over && e.Time.After(end):
		return true
	case e.Kind.ofLeg() && (e.Kind != LegEnded || callOver):
		last = r.signs[e.Leg]
	}
	return e.Time.Before(last)
}

// past reports whether nobody but records tells of a leg, and that it was over when the
// call was last heard to go on.
func (r reports) past(e Event) bool {
	until, told := r.alive[e.Leg]
	return told && !r.known[e.Leg] && until.Before(r.heard[e.Call])
}

// stands reports whether event i is to be used.
func (r reports) stands(i int, e Event) bool {
	return !r.outdone(e) && (!e.Estimated || !r.overrule(i, e))
}

// overrule reports whether the estimate, which is event i, is not to be used.
func (r reports) overrule(i int, e Event) bool {
	switch e.Kind {
	case LegEnded:
		// It was heard of after it had been given up for gone, or its end was
		// reported: then it lives, or that is its end.
		return r.past(e) || r.last[e.Leg].After(e.Time) || r.facts[factOf(e)] || r.facts[fact{CallEnded, string(e.Call)}]
	case LegBridged:
		// It is known better if its entry is reported next.
		for _, next := range r.events[i+1:] {
			if !next.Estimated && !r.outdone(next) && next.Leg == e.Leg && next.Bridge == e.Bridge {
				return next.Kind == LegBridged
			}
		}
		return false
	case CallQueued:
		return r.facts[factOf(e)] && r.tellOfWait(i, e)
	case CallHint, CallRecorded:
		// What was said first counts, and what is found was said before: unless it
		// is found at a time at which its leg had not begun, by another clock.
		return r.begun[e.Leg].After(e.Time) && r.facts[factOf(e)]
	case LegStarted, LegDialled, LegDialEnded, LegUnbridged, LegHeld, LegResumed, LegHangupAsked, CallVoicemail, CallUnqueued, CallLinked,
		CallRingEnded, CallForwarded, CallEnded:
	}
	return r.facts[factOf(e)]
}

// foundBefore dates what was found of a leg, that it began and that it was dialled, not
// after what was reported of it: whoever looked had looked before, by another clock.
// Whose phone it is has to be known when it answers.
func foundBefore(events []Event) []Event {
	found := func(e Event) bool { return e.Estimated && (e.Kind == LegStarted || e.Kind == LegDialled) }
	if !slices.ContainsFunc(events, found) {
		return events
	}
	first := make(map[string]time.Time)
	for _, e := range events {
		if _, known := first[e.Leg]; !known && !e.Estimated && !e.Late && e.Kind.ofLeg() {
			first[e.Leg] = e.Time
		}
	}
	moved := make(map[string][]Event)
	for _, e := range events {
		if at, reported := first[e.Leg]; reported && found(e) && e.Time.After(at) {
			e.Time = at
			moved[e.Leg] = append(moved[e.Leg], e)
		}
	}
	ordered := make([]Event, 0, len(events))
	for _, e := range events {
		at, reported := first[e.Leg]
		if reported && found(e) && e.Time.After(at) {
			continue
		}
		if reported && !e.Estimated && !e.Late && e.Kind.ofLeg() {
			ordered = append(ordered, moved[e.Leg]...)
			delete(moved, e.Leg)
		}
		ordered = append(ordered, e)
	}
	return ordered
}

// answeredAfter dates an answer that was reckoned or read in records, that the ringing
// ended and that the leg hears somebody, not before what was reported of the leg, that it
// began and was dialled: whoever reckons takes the length of a talk in whole seconds from
// its end. Whose phone it is has to be known when it answers.
func answeredAfter(events []Event) []Event {
	reckoned := func(e Event) bool { return (e.Estimated || e.Late) && (e.Kind == LegDialEnded || e.Kind == LegBridged) }
	if !slices.ContainsFunc(events, reckoned) {
		return events
	}
	begins := make(map[fact]bool)
	last := make(map[string]Event) // of what was reported of a leg before its answer
	for _, e := range events {
		if (e.Kind == LegStarted || e.Kind == LegDialled) && !e.Estimated && !e.Late && !begins[factOf(e)] {
			begins[factOf(e)], last[e.Leg] = true, e
		}
	}
	ordered := make([]Event, 0, len(events))
	held := make(map[string][]Event)
	for _, e := range events {
		began, reported := last[e.Leg]
		if reported && reckoned(e) && e.compare(began) < 0 {
			e.Time = began.Time
			held[e.Leg] = append(held[e.Leg], e)
			continue
		}
		ordered = append(ordered, e)
		if reported && e.ID == began.ID {
			ordered = append(ordered, held[e.Leg]...)
			delete(held, e.Leg)
		}
	}
	return ordered
}

// tellOfWait reports whether the wait in a queue that the estimate is about is
// the one that was reported to begin last before it, and not to end, or to begin
// next.
func (r reports) tellOfWait(i int, e Event) bool {
	about := func(o Event) bool {
		return !o.Estimated && !r.outdone(o) && (o.Kind == CallQueued || o.Kind == CallUnqueued) && o.Name == e.Name
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
	case CallRingEnded, CallForwarded, CallEnded:
		return fact{e.Kind, string(e.Call)}
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
