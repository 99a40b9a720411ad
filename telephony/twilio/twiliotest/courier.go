package twiliotest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// The bounds of what is on its way.
const (
	maxSenders = 256
	maxPending = 1000 // of one line
)

// courier sends callbacks that nobody waits for: those of one line one after the other, lines side by side.
type courier struct {
	s     *Server
	slots chan struct{}

	mu    sync.Mutex
	lines map[string][]message // present while somebody sends them
}

func newCourier(s *Server) *courier {
	return &courier{s: s, slots: make(chan struct{}, maxSenders), lines: map[string][]message{}}
}

// post takes a callback to be sent. It never waits.
func (s *Server) post(m message) {
	if m.target == "" {
		return
	}
	if m.method == "" {
		m.method = http.MethodPost
	}
	m.token = s.ids.token()
	for _, fate := range s.mischief.meet(m) {
		s.courier.send(fate)
	}
}

// send does to a callback what its fate is.
func (c *courier) send(f fate) {
	switch {
	case f.dropped:
		c.s.drop(f.message)
	case f.delay > 0:
		c.s.begin(func() {
			if c.s.clock.wait(c.s.life, f.delay) {
				c.dispatch(f)
			}
		})
	default:
		c.dispatch(f)
	}
}

// drop records what never went out.
func (s *Server) drop(m message) {
	s.journal.delivered(Delivery{
		Kind: m.kind, CallSID: m.call, Method: m.method, URL: m.target, Form: m.form, Token: m.token, Outcome: Dropped,
	})
}

// dispatch puts a callback on its line, and its copies behind it or beside it.
func (c *courier) dispatch(f fate) {
	for range f.repeat {
		c.s.journal.repeated()
	}
	if f.parallel {
		for range f.repeat + 1 {
			c.s.begin(func() { c.carry(f.message) })
		}
		return
	}
	for range f.repeat + 1 {
		c.enqueue(f.message)
	}
}

func (c *courier) enqueue(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pending, busy := c.lines[m.line]
	if len(pending) >= maxPending {
		c.s.drop(m)
		return
	}
	c.lines[m.line] = append(pending, m)
	if !busy {
		c.s.begin(func() { c.work(m.line) })
	}
}

// work sends what is on a line until nothing is.
func (c *courier) work(line string) {
	for {
		c.mu.Lock()
		pending := c.lines[line]
		if len(pending) == 0 || c.s.life.Err() != nil {
			delete(c.lines, line)
			c.mu.Unlock()
			return
		}
		m := pending[0]
		c.lines[line] = pending[1:]
		c.mu.Unlock()
		if a := c.carry(m); errors.Is(a.err, errRead) || errors.Is(a.err, errTotal) {
			c.expire(line)
		}
	}
}

// expire loses the rest of a line: the receiver was too slow (Twilio docs: api/errors/15002).
func (c *courier) expire(line string) {
	c.mu.Lock()
	pending := c.lines[line]
	c.lines[line] = nil
	c.mu.Unlock()
	for _, m := range pending {
		c.s.journal.delivered(Delivery{
			Kind: m.kind, CallSID: m.call, Method: m.method, URL: m.target, Form: m.form, Token: m.token, Outcome: Lost,
		})
		c.s.alert(15002, m.call, m.target, "expired behind a slow callback")
	}
}

// carry delivers a callback and tells the debugger what is wrong with the answer.
func (c *courier) carry(m message) answer {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-c.s.life.Done():
		return answer{class: connectFailure, err: context.Cause(c.s.life)}
	}
	a := c.s.deliver(c.s.life, m)
	switch {
	case a.class == "" && len(a.body) > 0 && !isTwiML(a.contentType):
		c.s.alert(12300, m.call, m.target, "a callback was answered with "+a.contentType)
	case a.class == "":
	case errors.Is(a.err, errRead), errors.Is(a.err, errTotal):
		c.s.alert(15002, m.call, m.target, a.err.Error())
	case a.status != 0:
		c.s.alert(15003, m.call, m.target, fmt.Sprintf("a callback was answered with status %d", a.status))
	default:
		c.s.alert(15003, m.call, m.target, a.err.Error())
	}
	return a
}

// isTwiML reports whether TwiML may have that content type.
func isTwiML(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "text/xml", "application/xml":
		return true
	}
	return false
}

// fetch sends a callback whose answer is waited for. A Mischief may repeat it: the first answer counts.
func (s *Server) fetch(m message) answer {
	if m.method == "" {
		m.method = http.MethodPost
	}
	m.token = s.ids.token()
	fates := s.mischief.meet(m)
	if len(fates) != 1 { // what is waited for cannot be kept back
		fates = []fate{{message: m}}
	}
	f := fates[0]
	switch {
	case f.dropped:
		s.drop(m)
		return answer{class: connectFailure, err: errors.New("dropped on its way")}
	case f.delay > 0 && !s.clock.wait(s.life, f.delay):
		return answer{class: connectFailure, err: context.Cause(s.life)}
	}
	again := func() {
		for range f.repeat {
			s.journal.repeated()
			s.deliver(s.life, m)
		}
	}
	if f.parallel && f.repeat > 0 {
		s.begin(again)
		return s.deliver(s.life, m)
	}
	a := s.deliver(s.life, m)
	if f.repeat > 0 {
		s.begin(again)
	}
	return a
}
