package bridge

import (
	"slices"
	"time"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// maxJoined bounds how many calls become one. A transfer joins two or three; a
// conference of strangers is many calls that met, and more of them stay apart.
const maxJoined = 16

// member is one call with what was done about it. Each has its own story in the
// journal, and its own fence.
type member struct {
	call   *telephony.Call
	record Record
}

// entry is a call in memory, or several that became one. It is the conductor's.
type entry struct {
	// members are in the order in which they came to be known; there is at
	// least one.
	members []*member
	// first is the oldest entry of the journal: the checkpoint stays before it.
	first uint64
	// applied is the last entry folded, awaits one that must come before the
	// next plan: what a worker appended.
	applied, awaits uint64
	// running counts the steps that are being done. There is one at a time, but
	// for calls that each had one when they became one.
	running int
	// queued says that the call waits in the lane in. It may wait in a less
	// urgent one too, where its turn then comes to nothing.
	queued bool
	in     lane
	// wakes is the call's next appointment, zero if it has none.
	wakes   time.Time
	settled time.Time
	// live says that it went on when it was last planned.
	live bool
	// heard is when what is not acted upon yet became durable.
	heard time.Time
	// found says that the call was not seen to begin: its ticket may exist
	// already.
	found bool
}

func newEntry(id telephony.CallID, first uint64) *entry {
	return &entry{members: []*member{{call: telephony.NewCall(id)}}, first: first}
}

// member is the one of that id, nil if there is none.
func (e *entry) member(id telephony.CallID) *member {
	for _, m := range e.members {
		if m.call.ID() == id {
			return m
		}
	}
	return nil
}

// holds reports whether id is the first of the calls of e: of an entry that
// stands in a map once for each of its calls it is so once.
func (e *entry) holds(id telephony.CallID) bool { return e.members[0].call.ID() == id }

// state is what all that happened on the phones adds up to.
func (e *entry) state() telephony.State {
	if len(e.members) == 1 {
		return e.members[0].call.State()
	}
	calls := make([]*telephony.Call, 0, len(e.members))
	for _, m := range e.members {
		calls = append(calls, m.call)
	}
	return telephony.Join(calls...)
}

// parts are what was done, call by call, the oldest first.
func (e *entry) parts() []part {
	members := e.members
	if len(members) > 1 {
		members = slices.SortedFunc(slices.Values(members), func(a, b *member) int { return telephony.Older(a.call, b.call) })
	}
	parts := make([]part, 0, len(members))
	for _, m := range members {
		parts = append(parts, part{m.call.ID(), &m.record})
	}
	return parts
}

// plan says what is owed next, and of which state that is so: working that out is
// dear.
func (e *entry) plan(policy *Policy, at Moment) (Step, telephony.State) {
	state := e.state()
	e.live = state.Live()
	return planAll(state, e.parts(), policy, at), state
}

// view is the call as people ask for it, but for what is owed.
func (e *entry) view() View {
	parts := e.parts()
	v := View{State: e.state(), Record: joinedRecord(parts)}
	for _, p := range parts {
		v.Parts = append(v.Parts, Part{p.id, *p.record})
	}
	return v
}

// take folds events that became durable at stored into one of the calls.
func (e *entry) take(m *member, stored time.Time, events []telephony.Event) {
	for _, event := range events {
		if m.call.Apply(event) {
			e.heard = stored
			e.found = e.found || (event.Kind == telephony.LegStarted && event.Estimated)
		}
	}
}

// fold takes one entry of the journal. An error says that it cannot be read.
func (e *entry) fold(r journal.Record) error {
	m := e.member(telephony.CallID(r.Call))
	if r.Kind == journal.Outcome {
		o, err := DecodeOutcome(r.Data)
		if err != nil {
			return err
		}
		m.record.apply(r.Seq, o)
		return nil
	}
	events, err := telephony.DecodeEvents(r.Data)
	e.take(m, r.Stored, events)
	return err
}

// unknownLinks are the calls that those of e were linked with and that are not
// among them.
func (e *entry) unknownLinks() []telephony.CallID {
	var unknown []telephony.CallID
	for _, m := range e.members {
		for _, id := range m.call.Links() {
			if e.member(id) == nil && !slices.Contains(unknown, id) {
				unknown = append(unknown, id)
			}
		}
	}
	return unknown[:min(len(unknown), max(0, maxJoined-len(e.members)))]
}

// absorb makes the calls of another entry those of e.
func (e *entry) absorb(o *entry) {
	e.members = append(e.members, o.members...)
	e.first = min(e.first, o.first)
	e.applied, e.awaits = max(e.applied, o.applied), max(e.awaits, o.awaits)
	e.running += o.running
	if o.queued && (!e.queued || o.in < e.in) {
		e.queued, e.in = true, o.in
	}
	if !o.wakes.IsZero() && (e.wakes.IsZero() || o.wakes.Before(e.wakes)) {
		e.wakes = o.wakes
	}
	if o.heard.After(e.heard) {
		e.heard = o.heard
	}
	e.settled = time.Time{}
	e.found = e.found || o.found
}
