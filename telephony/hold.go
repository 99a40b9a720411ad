package telephony

import (
	"slices"
	"strings"
	"time"
)

// Hold is a time for which an agent had the other side wait on the line.
type Hold struct {
	// Leg is the agent's.
	Leg  string    `json:"leg"`
	From time.Time `json:"from"`
	// Until is zero while it lasts.
	Until time.Time `json:"until,omitzero"`
}

// hold notes that a leg has the other side wait. Only agents are followed: when
// the other side presses its key, nobody of ours makes anybody wait.
func (f *folding) hold(l *Leg, at time.Time) {
	open := func(h Hold) bool { return h.Leg == l.ID && h.Until.IsZero() }
	if l.Side != SideAgent || !l.EndedAt.IsZero() || slices.ContainsFunc(f.state.Holds, open) {
		return
	}
	f.state.Holds = append(f.state.Holds, Hold{Leg: l.ID, From: at})
}

// resume notes that a leg has nobody wait any more. Phones say so at a transfer
// too, without having held anybody (captures h1 and h2 of Asterisk 22).
func (f *folding) resume(leg string, at time.Time) {
	for i := range f.state.Holds {
		if h := &f.state.Holds[i]; h.Leg == leg && h.Until.IsZero() {
			h.Until = at
		}
	}
}

// EndedOnHold reports whether the other side hung up while an agent had him wait.
func (s State) EndedOnHold() bool {
	if !s.Ended() || s.HungUpBy != SideTrunk {
		return false
	}
	return slices.ContainsFunc(s.Legs, func(l Leg) bool {
		return l.Side == SideTrunk && !l.TalkedAt.IsZero() && slices.ContainsFunc(s.Holds, func(h Hold) bool {
			return h.From.Before(l.EndedAt) && (h.Until.IsZero() || !h.Until.Before(l.EndedAt))
		})
	})
}

// HoldTime is how long of the TalkTime the other side was on hold; 0 while live or
// unanswered. Two agents who hold at one moment make it no longer.
func (s State) HoldTime() time.Duration {
	if s.TalkTime() == 0 {
		return 0
	}
	holds := slices.SortedFunc(slices.Values(s.Holds), func(a, b Hold) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return strings.Compare(a.Leg, b.Leg)
	})
	var total time.Duration
	counted := s.AnsweredAt
	for _, h := range holds {
		until := h.Until
		if until.IsZero() || until.After(s.EndedAt) {
			until = s.EndedAt
		}
		from := later(h.From, counted)
		if until.After(from) {
			total += until.Sub(from)
			counted = until
		}
	}
	return total
}
