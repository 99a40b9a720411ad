package presence

import (
	"time"

	"github.com/talkbridge/talkbridge/zendesk"
)

// rules are what is wished for, with the ids of statuses. 0 and nil are no wish.
type rules struct {
	// onCall is the status of who talks, paused that of who is paused in the
	// queues of his phone system.
	onCall, paused int64
	// pauseOn are the statuses whose agents are paused in the queues.
	pauseOn map[int64]bool
}

// Reasons for which a status is set.
const (
	forCall  = "call"
	forPause = "pause"
)

// memory is what is remembered of what was done to one agent; the zero value is
// nothing. It is durable, as JSON, before it is true.
type memory struct {
	// Set is the status that we set, 0 if none, and Why the reason; Before is the
	// one before, as Zendesk had it since BeforeAt. At is since when Zendesk has
	// ours, zero while it has not told.
	Set      int64     `json:"set,omitzero"`
	Why      string    `json:"why,omitzero"`
	Before   int64     `json:"before,omitzero"`
	BeforeAt time.Time `json:"before_at,omitzero"`
	At       time.Time `json:"at,omitzero"`
	// LeftCall and LeftPause say that a person changed the status that we had set for
	// that reason: for as long as the reason lasts it is his.
	LeftCall  bool `json:"left_call,omitzero"`
	LeftPause bool `json:"left_pause,omitzero"`
	// Paused says that we paused the agent's phones, Pausing that it is not known yet
	// whether that happened, LeftPhone that a person ended it: for as long as the
	// status lasts it is his.
	Paused    bool `json:"paused,omitzero"`
	Pausing   bool `json:"pausing,omitzero"`
	LeftPhone bool `json:"left_phone,omitzero"`
}

// phones is what the phone systems say of an agent.
type phones struct {
	// talks says that he talks.
	talks bool
	// known says that it is known which queues his phones are in, member that they
	// are in any, and paused that they are paused in all of them.
	known, member, paused bool
}

// step is what to do about an agent, and what to remember before it.
type step struct {
	kind   stepKind
	status int64 // to be set
	memory memory
}

type stepKind string

// The kinds of steps. Only the first four change anything outside.
const (
	set      stepKind = "set"
	restore  stepKind = "restored"
	pause    stepKind = "paused"
	unpause  stepKind = "unpaused"
	left     stepKind = "left"     // to a person who changed what we did
	remember stepKind = "remember" // what was learnt
	nothing  stepKind = ""
)

// decide says what is next. It is pure. After each step it is to be asked again.
func (r rules) decide(p phones, now zendesk.CurrentStatus, m memory) step {
	for _, look := range []func(phones, zendesk.CurrentStatus, memory) step{r.overdue, r.status, r.queues} {
		if s := look(p, now, m); s.kind != nothing {
			return s
		}
	}
	return step{}
}

// overdue forgets what a person was left, when its reason is over.
func (r rules) overdue(p phones, now zendesk.CurrentStatus, m memory) step {
	before := m
	m.LeftCall = m.LeftCall && p.talks
	m.LeftPause = m.LeftPause && (!p.known || p.paused)
	m.LeftPhone = m.LeftPhone && (now.ID == 0 || r.pauseOn[r.own(now, m)])
	if m == before {
		return step{}
	}
	return step{kind: remember, memory: m}
}

// untouched reports whether the status is still as we set it.
func untouched(now zendesk.CurrentStatus, m memory) bool {
	return now.ID == m.Set && (now.Reason == zendesk.ReasonPublicAPI || now.Reason == "") && (m.At.IsZero() || now.UpdatedAt.Equal(m.At))
}

// own is the status that the agent has by himself: ours apart.
func (r rules) own(now zendesk.CurrentStatus, m memory) int64 {
	if m.Set != 0 && untouched(now, m) {
		return m.Before
	}
	return now.ID
}

// want is the status that the phones ask for, 0 if none, and why.
func (r rules) want(p phones, m memory) (status int64, why string) {
	switch {
	case p.talks && !m.LeftCall && r.onCall != 0:
		return r.onCall, forCall
	case r.paused == 0 || m.LeftPause || m.Paused:
		return 0, ""
	case p.known && p.paused, !p.known && m.Why == forPause && m.Set != 0:
		return r.paused, forPause
	}
	return 0, ""
}

// status is for the status in Zendesk.
func (r rules) status(p phones, now zendesk.CurrentStatus, m memory) step {
	want, why := r.want(p, m)
	if now.ID == 0 { // not known, or no omnichannel routing
		return step{}
	}
	if m.Set != 0 {
		return r.setAlready(want, why, now, m)
	}
	switch {
	case want == 0, now.ID == want, now.ID == zendesk.StatusOffline, why == forPause && r.pauseOn[now.ID]:
		return step{}
	}
	m.Set, m.Why, m.Before, m.BeforeAt, m.At = want, why, now.ID, now.UpdatedAt, time.Time{}
	return step{kind: set, status: want, memory: m}
}

// setAlready is for a status that we set.
func (r rules) setAlready(want int64, why string, now zendesk.CurrentStatus, m memory) step {
	switch {
	case m.At.IsZero() && now.ID == m.Before && now.UpdatedAt.Equal(m.BeforeAt):
		// It did not happen: the process ended before, or the request was lost.
		if want != 0 {
			m.Set, m.Why = want, why
			return step{kind: set, status: want, memory: m}
		}
		return step{kind: remember, memory: m.forgotten()}
	case !untouched(now, m):
		switch m.Why {
		case forCall:
			m.LeftCall = true
		case forPause:
			m.LeftPause = true
		}
		return step{kind: left, memory: m.forgotten()}
	case m.At.IsZero() && !now.UpdatedAt.IsZero():
		m.At = now.UpdatedAt
		return step{kind: remember, memory: m}
	case want == m.Set:
		return step{}
	case want != 0:
		m.Set, m.Why, m.At = want, why, time.Time{}
		return step{kind: set, status: want, memory: m}
	}
	return step{kind: restore, status: m.Before, memory: m.forgotten()}
}

// forgotten is the memory without the status that we set.
func (m memory) forgotten() memory {
	m.Set, m.Why, m.Before, m.BeforeAt, m.At = 0, "", 0, time.Time{}, time.Time{}
	return m
}

// queues is for the queues of the phone systems.
func (r rules) queues(p phones, now zendesk.CurrentStatus, m memory) step {
	if now.ID == 0 || !p.known || !p.member {
		return step{}
	}
	wanted := r.pauseOn[r.own(now, m)]
	switch {
	case m.Paused && !wanted:
		m.Paused, m.Pausing = false, false
		if p.paused {
			return step{kind: unpause, memory: m}
		}
		return step{kind: remember, memory: m}
	case m.Pausing && p.paused:
		m.Pausing = false
		return step{kind: remember, memory: m}
	case m.Pausing:
		return step{kind: pause, memory: m}
	case m.Paused && !p.paused:
		m.Paused, m.LeftPhone = false, true
		return step{kind: left, memory: m}
	case wanted && !m.Paused && !m.LeftPhone && !p.paused:
		m.Paused, m.Pausing = true, true
		return step{kind: pause, memory: m}
	}
	return step{}
}
