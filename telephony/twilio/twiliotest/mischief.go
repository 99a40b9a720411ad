package twiliotest

import (
	"slices"
	"sync"
	"time"
)

// Mischief is what goes wrong with callbacks on their way. The zero value of each field changes nothing, or restricts
// nothing.
type Mischief struct {
	// Kind of the callbacks it is for; "" is all.
	Kind Kind
	// Match decides for each callback, before anything was sent; nil is all.
	Match func(Delivery) bool
	// Skip lets that many pass first; Count is how many meet it, 0 for no end.
	Skip, Count int

	// Repeat sends each so often again, with the same token.
	Repeat int
	// Parallel sends it and its repetitions at the same time, and not behind what went before.
	Parallel bool
	// Delay keeps each back, not those behind it.
	Delay time.Duration
	// Drop loses it.
	Drop bool
	// Order keeps the callbacks of one line (a call, a recording, a conference) back until so many are there, or
	// the last, and sends them in this order: {3, 1, 0, 2} sends the fourth first. Callbacks that are waited for
	// cannot be kept back.
	Order []int
}

// Meddling is a Mischief in place. Safe for concurrent use.
type Meddling struct {
	set  *mischief
	what Mischief
	seen int
	hits int
	held map[string][]message // by line
}

// Hits is how many callbacks met it.
func (m *Meddling) Hits() int {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	return m.hits
}

// Remove takes it away; doing it again does nothing. What it kept back is lost.
func (m *Meddling) Remove() {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	m.set.list = slices.DeleteFunc(m.set.list, func(x *Meddling) bool { return x == m })
}

// Meddle puts a Mischief in place. Of several that match a callback, the one put first takes it.
func (s *Server) Meddle(m Mischief) *Meddling {
	s.mischief.mu.Lock()
	defer s.mischief.mu.Unlock()
	placed := &Meddling{set: s.mischief, what: m, held: map[string][]message{}}
	s.mischief.list = append(s.mischief.list, placed)
	return placed
}

// mischief is all that is in place.
type mischief struct {
	mu   sync.Mutex
	list []*Meddling
}

// fate is what happens to a callback.
type fate struct {
	message

	repeat            int
	parallel, dropped bool
	delay             time.Duration
}

// meet says what is to be sent now that m is: usually m.
func (s *mischief) meet(m message) []fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, placed := range s.list {
		if placed.takes(m) {
			return placed.apply(m)
		}
	}
	return []fate{{message: m}}
}

func (m *Meddling) takes(x message) bool {
	w := &m.what
	if w.Kind != "" && w.Kind != x.kind {
		return false
	}
	if w.Match != nil && !w.Match(Delivery{Kind: x.kind, CallSID: x.call, Method: x.method, URL: x.target, Form: x.form, Token: x.token}) {
		return false
	}
	m.seen++
	if m.seen <= w.Skip || w.Count > 0 && m.hits >= w.Count {
		return false
	}
	m.hits++
	return true
}

func (m *Meddling) apply(x message) []fate {
	w := &m.what
	due := []message{x}
	if len(w.Order) > 0 && x.line != "" {
		m.held[x.line] = append(m.held[x.line], x)
		if len(m.held[x.line]) < len(w.Order) && !x.last {
			return nil
		}
		due = permuted(m.held[x.line], w.Order)
		delete(m.held, x.line)
	}
	fates := make([]fate, 0, len(due))
	for _, d := range due {
		fates = append(fates, fate{d, w.Repeat, w.Parallel, w.Drop, w.Delay})
	}
	return fates
}

// permuted is the list in an order of which the places that are not there are left out.
func permuted(list []message, order []int) []message {
	var out []message
	for _, i := range order {
		if i >= 0 && i < len(list) {
			out = append(out, list[i])
		}
	}
	return out
}
