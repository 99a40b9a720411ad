package telephony

import (
	"cmp"
	"slices"
)

// maxJoinedEvents bounds what is folded at once of calls that became one.
const maxJoinedEvents = 4 * maxEvents

// Older orders calls by when they began, and by their ids where that is the
// same. A call of which no leg is known yet is the youngest.
func Older(a, b *Call) int {
	x, y := a.State().StartedAt, b.State().StartedAt
	if x.IsZero() != y.IsZero() {
		return compareBool(x.IsZero(), y.IsZero())
	}
	return cmp.Or(x.Compare(y), cmp.Compare(a.id, b.id))
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
