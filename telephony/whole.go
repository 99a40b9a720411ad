package telephony

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A phone system that tells of whole calls, and not of channels, says of one that
// it is over, or that nobody is rung any more, without saying whose channels those
// are. So the legs are looked for here, in the fold: whoever reports an end need not
// know who took part, nor have been there when the call began.

// whole is what was told of calls as a whole. It is nil where nothing was, as for
// most phone systems.
type whole struct {
	of        map[string]CallID    // whose leg each is
	last      map[string]time.Time // when each was last heard of
	forwarded map[CallID]bool      // the calls that go on as others
	status    DialStatus           // how the ringing ended of the call that ended last
}

// newWhole returns nil if no event is about a call as a whole.
func newWhole(events []Event) *whole {
	if !slices.ContainsFunc(events, func(e Event) bool { return e.Kind.ofWhole() }) {
		return nil
	}
	return &whole{
		of: make(map[string]CallID), last: make(map[string]time.Time), forwarded: make(map[CallID]bool),
	}
}

// endsLast moves the end of a call behind whatever else is told of it: who gives no
// times may be heard in any order, and nothing happens in a call that is over.
func (w *whole) endsLast(events []Event) []Event {
	if w == nil {
		return events
	}
	last := make(map[CallID]int) // where that is
	for i, e := range events {
		if e.Kind != CallEnded && e.Kind != CallLinked && !e.Estimated {
			last[e.Call] = i
		}
	}
	early := func(e Event) bool {
		at, told := last[e.Call]
		return told && e.Kind == CallEnded && e.compare(events[at]) < 0
	}
	if !slices.ContainsFunc(events, early) {
		return events
	}
	moved := make([]Event, 0, len(events))
	var late []Event // ends whose place is further on
	for i, e := range events {
		if early(e) {
			late = append(late, e)
			continue
		}
		moved = append(moved, e)
		for _, end := range late {
			if end.Call == e.Call && i == last[e.Call] {
				end.Time = e.Time
				moved = append(moved, end)
			}
		}
	}
	return moved
}

// ofWhole reports whether an event of that kind is about all legs of its call.
func (k Kind) ofWhole() bool { return k == CallRingEnded || k == CallForwarded || k == CallEnded }

// hear notes that a leg was told of.
func (w *whole) hear(e Event) {
	if w == nil {
		return
	}
	if _, known := w.of[e.Leg]; !known {
		w.of[e.Leg] = e.Call
	}
	w.last[e.Leg] = later(w.last[e.Leg], e.Time)
}

// stepWhole folds what is about all legs of a call.
func (f *folding) stepWhole(e Event) {
	w := f.whole
	for _, l := range f.alive() {
		if w.of[l.ID] != e.Call {
			continue
		}
		rings := !l.First && !l.DialledAt.IsZero() && l.TalkedAt.IsZero()
		if rings {
			l.DialStatus = cmp.Or(l.DialStatus, e.Status)
		}
		if rings || e.Kind == CallEnded || (e.Kind == CallForwarded && l.Ours()) {
			f.end(l, Event{Time: e.Time})
		}
	}
	if e.Kind == CallForwarded {
		w.forwarded[e.Call] = true
	}
	if e.Kind == CallEnded {
		w.status = cmp.Or(e.Status, w.status)
	}
}

// endWhole ends who was left of a call when it was forwarded, once the calls that it
// goes on as are over.
func (f *folding) endWhole() {
	w := f.whole
	if w == nil {
		return
	}
	var end time.Time
	left := f.alive()
	for _, l := range left {
		if !w.forwarded[w.of[l.ID]] {
			return // somebody goes on
		}
	}
	for id, l := range f.legs {
		if !w.forwarded[w.of[id]] {
			end = later(end, l.EndedAt)
		}
	}
	for _, l := range left {
		if !end.IsZero() {
			f.end(l, Event{Time: later(end, w.last[l.ID])})
		}
	}
}

// alive are the legs that have not ended, by their ids.
func (f *folding) alive() []*Leg {
	var legs []*Leg
	for _, id := range slices.Sorted(maps.Keys(f.legs)) {
		if l := f.legs[id]; l.EndedAt.IsZero() {
			legs = append(legs, l)
		}
	}
	return legs
}

// ringStatus is how the ringing ended of a call of which nobody told who was rung.
func (w *whole) ringStatus() DialStatus {
	if w == nil {
		return ""
	}
	return w.status
}
