package twiliotest

import (
	"context"
	"sync"
	"time"
)

// clock stamps what happens and has calls wait. Safe for concurrent use.
type clock struct {
	base  func() time.Time
	speed float64

	mu     sync.Mutex
	offset time.Duration
	moved  chan struct{} // closed and renewed by advance
}

func newClock(base func() time.Time, speed float64) *clock {
	if base == nil {
		base = time.Now
	}
	if speed <= 0 {
		speed = 1
	}
	return &clock{base: base, speed: speed, moved: make(chan struct{})}
}

// now is the server's time in UTC.
func (c *clock) now() time.Time {
	now, _ := c.look()
	return now
}

// look also returns what is closed when the time is moved.
func (c *clock) look() (time.Time, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.offset).UTC(), c.moved
}

// scaled is how long a wait of a call really takes.
func (c *clock) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) / c.speed) }

// wait waits for d as it is, not scaled; it reports false if ctx ended first.
func (c *clock) wait(ctx context.Context, d time.Duration) bool {
	now, moved := c.look()
	due := now.Add(d)
	for due.After(now) {
		timer := time.NewTimer(due.Sub(now))
		select {
		case <-timer.C:
			return ctx.Err() == nil
		case <-moved:
			timer.Stop()
			now, moved = c.look()
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
	return ctx.Err() == nil
}

// after is closed d after now, scaled, or never for a d of 0. The goroutine behind it ends with ctx.
func (s *Server) after(ctx context.Context, d time.Duration) <-chan struct{} {
	if d <= 0 {
		return nil
	}
	due := make(chan struct{})
	s.running.Go(func() {
		if s.clock.wait(ctx, s.clock.scaled(d)) {
			close(due)
		}
	})
	return due
}

// Now is the server's time, in UTC: that of Config.Now plus all that Advance added.
func (s *Server) Now() time.Time { return s.clock.now() }

// Advance moves the time forward: whatever waits for less than d goes on at once. A negative d does nothing.
// The time-outs of callbacks are those of the real clock and do not move.
func (s *Server) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	s.clock.offset += d
	close(s.clock.moved)
	s.clock.moved = make(chan struct{})
}
