package zendesktest

import (
	"sync"
	"time"
)

// clock is the account's time: a base clock plus an offset that tests move forward. Safe for concurrent use.
type clock struct {
	mu     sync.Mutex
	base   func() time.Time
	offset time.Duration
}

func newClock(base func() time.Time) *clock {
	if base == nil {
		base = time.Now
	}
	return &clock{base: base}
}

// now returns the account's time in UTC.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.offset).UTC()
}

// advance moves the account's time by d; a negative d is ignored, time never runs backwards.
func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += max(d, 0)
}

// Now returns the account's time, in UTC: real time (or that of [WithNow]) plus all that [Server.Advance] added.
func (s *Server) Now() time.Time { return s.clock.now() }

// Advance moves the account's clock forward by d at once: search indexes what was written d ago, tokens and
// idempotency keys age, rate-limit windows pass, and late commits that become due are committed before Advance
// returns. A negative d does nothing.
func (s *Server) Advance(d time.Duration) {
	s.clock.advance(d)
	s.late.commitDue(s.clock.now())
}
