package telephony

import (
	"cmp"
	"slices"
)

// maxJoinedEvents bounds what is folded at once of calls that became one.
const maxJoinedEvents = 4 * maxEvents

// Older orders calls by when they began; where that is the same, as it may be for a
// phone system that has whole seconds, by what they are, and then by their ids. A call of
// which no leg is known yet is the youngest.
func Older(a, b *Call) int {
	x, y := a.State(), b.State()
	if x.StartedAt.IsZero() != y.StartedAt.IsZero() {
		return compareBool(x.StartedAt.IsZero(), y.StartedAt.IsZero())
	}
	return cmp.Or(x.StartedAt.Compare(y.StartedAt), cmp.Compare(x.age(), y.age()), cmp.Compare(a.id, b.id))
}

// age orders calls of one conversation that began at one time: who calls in is there
// before anybody is called for him, whoever is called outside before the colleague
// who joins; and a leg that another call dialled comes after that call.
func (s State) age() int {
	first, _ := s.firstLeg()
	switch {
	case !first.First:
		return 3
	case s.Direction == Inbound:
		return 0
	case s.Direction == Outbound:
		return 1
	}
	return 2
}

// Join folds calls that were linked (CallLinked) as one: a consultation that a
// caller was transferred into, two callers that were joined. The result has the
// id of the oldest. Who called whom is what the oldest says that is no internal
// call: an agent who consults a colleague begins an internal one.
//
// As for one call, neither the order of the calls nor that of their events
// matters. One call alone gives its State.
func Join(calls ...*Call) State {
	switch len(calls) {
	case 0:
		return State{}
	case 1:
		return calls[0].State()
	}
	calls = slices.Clone(calls)
	slices.SortFunc(calls, Older)
	main := calls[0].id
	if i := slices.IndexFunc(calls, external); i >= 0 {
		main = calls[i].id
	}
	var events []Event
	for _, c := range calls {
		own := c.Events()
		events = append(events, own[:min(len(own), maxJoinedEvents-len(events))]...)
	}
	slices.SortFunc(events, Event.compare)
	return fold(calls[0].id, main, events)
}

func external(c *Call) bool {
	d := c.State().Direction
	return d == Inbound || d == Outbound
}

// Mirrored is the link that e reports, as the other call's story tells it. It
// must only be asked of a CallLinked.
func (e Event) Mirrored() Event {
	e.ID, e.Call, e.Other = e.ID+"-mirrored", e.Other, e.Call
	return e
}
