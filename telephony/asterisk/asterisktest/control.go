package asterisktest

import (
	"sync"
	"time"
)

// gate lets goroutines through while it is open.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // nil while open
}

func newGate() *gate { return &gate{} }

func (g *gate) wait() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

// DropClients ends every connection with a bare EOF after what was sent so far,
// which is in the middle of an event if SendBytes just sent half of one. Calls
// go on; clients may come back at once.
func (s *Server) DropClients() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.sessions {
		session.out.finish()
	}
}

// Clients counts the connections that are logged in.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for session := range s.sessions {
		if session.account != nil {
			n++
		}
	}
	return n
}

// Pause stops taking new connections: a client connects, since the kernel
// answers, but is not greeted. Connections that are up stay.
func (s *Server) Pause() { s.gate.close() }

// Resume ends Pause; whoever connected meanwhile is greeted.
func (s *Server) Resume() { s.gate.open() }

// Crash stops the PBX as kill -9 does: every channel dies without a Hangup,
// every connection gets a bare EOF, new ones are refused. Restart brings it
// back.
func (s *Server) Crash() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halt()
}

// Restart crashes the PBX if it runs and starts it again at the same address:
// no channels, counters from zero. Traffic of before ends with ErrStopped.
func (s *Server) Restart() error {
	s.Crash()
	return s.boot()
}

// Shutdown stops the PBX as "core stop now" does: a Hangup for every channel,
// the Shutdown event, then EOF. New connections are refused until Restart.
func (s *Server) Shutdown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up() {
		return
	}
	now := s.config.Now()
	for _, c := range s.board.live() {
		e := s.hangupEvent(c, now, "0", "Unknown")
		s.record(e, now)
		s.deliver(e)
	}
	w := s.newEvent("Shutdown", "system,all", now)
	w.add("Shutdown", "Cleanly")
	w.add("Restart", "False")
	s.deliver(parseEvent(w.end()))
	s.stop()
	for session := range s.sessions {
		session.out.finish()
	}
}

// newEvent begins an event of the server itself.
func (s *Server) newEvent(kind, privilege string, now time.Time) *writer {
	w := &writer{}
	w.add("Event", kind)
	w.add("Privilege", privilege)
	if !s.config.NoTimestamps {
		w.add("Timestamp", stamp(now))
	}
	if s.config.SystemName != "" {
		w.add("SystemName", s.config.SystemName)
	}
	return w
}

func (s *Server) hangupEvent(c *channel, now time.Time, cause, text string) *event {
	w := s.newEvent("Hangup", "call,all", now)
	c.snapshot(w, "")
	w.add("Cause", cause)
	w.add("Cause-txt", text)
	return parseEvent(w.end())
}

// HangUp ends every channel of a call with a Hangup event, as an operator's
// "channel request hangup" does. A call that is not up is left alone.
func (s *Server) HangUp(linkedid string) error { return s.hangUp(s.current(), linkedid) }

func (s *Server) hangUp(generation int, linkedid string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if generation != s.generation || !s.up() {
		return ErrStopped
	}
	now := s.config.Now()
	for _, c := range s.board.live() {
		if c.linkedid == linkedid {
			e := s.hangupEvent(c, now, "16", "Normal Clearing")
			s.record(e, now)
			s.deliver(e)
		}
	}
	return nil
}
