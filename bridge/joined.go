package bridge

import (
	"maps"
	"slices"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// Calls become one when a caller is transferred into a consultation, or when two
// are joined. Each goes on having its own record and its own fence in the
// journal; what is planned looks at all of them. One of them leads: what comes
// later is done for it. So a consultation that became a customer's call has one
// ticket, the customer's; where each had one already, both stay, each gets one
// private note that names the other, and what comes later goes to the older.

// part is one call with what was done about it.
type part struct {
	id     telephony.CallID
	record *Record
}

// leadOf is the call for which everything is done: of those that have a ticket,
// or are getting one, the oldest; the oldest of all while none has. One whose
// ticket a person deleted leads only if no other has one. The parts must be in
// the order of age.
func leadOf(parts []part) int {
	has := func(p part) bool {
		r := p.record
		return r.Ticket != 0 || r.Predecessor != 0 || (r.Open != nil && r.Open.Step == StepCreate)
	}
	if i := slices.IndexFunc(parts, func(p part) bool { return has(p) && !p.record.Gone }); i >= 0 {
		return i
	}
	return max(0, slices.IndexFunc(parts, has))
}

// joinedRecord is what was done for the leading call, with the pages that were
// shown for any of them.
func joinedRecord(parts []part) Record {
	record := *parts[leadOf(parts)].record
	if len(parts) == 1 {
		return record
	}
	pops := make(map[string]*screenpop.Outcome)
	for _, p := range parts {
		maps.Copy(pops, p.record.Pops)
	}
	record.Pops = pops
	return record
}

// others are steps of the calls that do not lead: of a write of unknown fate
// its end must be known, and a ticket is noted to be joined with others.
func (p planner) others() []Step {
	var steps []Step
	for _, other := range p.parts {
		if other.id == p.id || len(other.record.GivenUp) > 0 {
			continue
		}
		q := p
		q.id, q.record = other.id, other.record
		if other.record.Open != nil {
			steps = append(steps, q.unknown())
			continue
		}
		steps = append(steps, q.candidates(q.check, q.link, q.join)...)
	}
	return steps
}

// join notes on the ticket of one of several calls that became one which
// tickets the others have.
func (p planner) join() (Step, bool) {
	_, parked := p.record.Parked[StepJoin]
	if len(p.parts) == 1 || parked || p.record.Ticket == 0 || p.record.Gone {
		return Step{}, false
	}
	step := Step{Kind: StepJoin, Reason: "the call was joined with another that has a ticket"}
	for _, other := range p.parts {
		ticket := other.record.Ticket
		// Two calls of one caller may have been attached to the same ticket.
		if other.id == p.id || ticket == 0 || ticket == p.record.Ticket || other.record.Gone || slices.Contains(p.record.Joined, ticket) {
			continue
		}
		step.Tickets = append(step.Tickets, ticket)
	}
	step.Kept = p.parts[leadOf(p.parts)].record.Ticket
	return step, len(step.Tickets) > 0
}

// untold reports whether the complete ticket lacks what was said of a call that
// was joined after it was completed. One with a ticket of its own is told there.
func (p planner) untold() bool {
	for _, other := range p.parts {
		r := other.record
		here := r.Ticket == 0 || (r.Ticket == p.record.Ticket && !r.Completed)
		if other.id != p.id && here && !slices.Contains(p.record.Covered, other.id) {
			return true
		}
	}
	return false
}

// waitsForPerson reports whether something of any of the calls is parked.
func (p planner) waitsForPerson() bool {
	return slices.ContainsFunc(p.parts, func(o part) bool { return len(o.record.Parked) > 0 })
}

// covers are the calls that a ticket tells of besides its own.
func (p planner) covers() []telephony.CallID {
	var ids []telephony.CallID
	for _, other := range p.parts {
		if other.id != p.id {
			ids = append(ids, other.id)
		}
	}
	return ids
}
