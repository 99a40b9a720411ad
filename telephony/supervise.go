package telephony

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// The waits between two sessions: they double from the first to the last, each
// with a random quarter more or less so that many clients do not come at once.
const (
	firstBackoff = 250 * time.Millisecond
	lastBackoff  = 30 * time.Second
	// steadySession is how long a session must have lasted for the waits to
	// begin anew.
	steadySession = 10 * time.Second
)

// Supervisor runs a Source session after session until its context is over,
// and knows how it stands. It is safe for concurrent use. See NewSupervisor.
type Supervisor struct {
	source Source
	sink   Sink
	log    logrus.FieldLogger

	mu     sync.Mutex
	status Status
}

// Status is how a source stands.
type Status struct {
	// Ready is true while a session is up and its snapshot has been taken.
	Ready bool
	// Since is when that last changed.
	Since time.Time
	// Sessions counts those begun.
	Sessions int
	// Err is why the last session ended, nil if none has.
	Err error
}

// NewSupervisor returns a supervisor of source that delivers to sink.
func NewSupervisor(source Source, sink Sink, log logrus.FieldLogger) *Supervisor {
	return &Supervisor{source: source, sink: sink, log: log.WithField("source", source.Name())}
}

// Name is the source's.
func (s *Supervisor) Name() string { return s.source.Name() }

// Status says how the source stands now.
func (s *Supervisor) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Run runs sessions until ctx is over, with growing waits between those that
// fail. It is the only place that reconnects. A failure is logged when its text
// changes, not each time.
func (s *Supervisor) Run(ctx context.Context) {
	wait, last := firstBackoff, ""
	for ctx.Err() == nil {
		begun := time.Now()
		s.set(func(st *Status) { st.Sessions++ })
		err := s.source.Run(ctx, supervisedSink{s.sink, s})
		if ctx.Err() != nil {
			s.set(func(st *Status) { st.Ready = false })
			return
		}
		wasReady := s.Status().Ready
		s.set(func(st *Status) { st.Ready, st.Err = false, err })
		if wasReady && time.Since(begun) > steadySession {
			wait = firstBackoff
		}
		delay := jitter(wait)
		if err != nil && (err.Error() != last || wasReady) {
			last = err.Error()
			s.log.WithError(err).WithField("retry_in", delay.Round(time.Millisecond).String()).Warn("phone system not connected")
		}
		wait = min(2*wait, lastBackoff)
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
}

func (s *Supervisor) set(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.status.Ready
	change(&s.status)
	if s.status.Ready != before || s.status.Since.IsZero() {
		s.status.Since = time.Now()
	}
}

// jitter spreads d by a quarter to either side.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1) //nolint:gosec // spreading load needs no secrecy
}

// supervisedSink notes when a session is up.
type supervisedSink struct {
	Sink
	s *Supervisor
}

func (k supervisedSink) Ready() {
	k.s.set(func(st *Status) { st.Ready, st.Err = true, nil })
	k.s.log.Info("phone system connected")
	k.Sink.Ready()
}
