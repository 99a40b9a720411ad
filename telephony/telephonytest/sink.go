package telephonytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// Sink is a telephony.Sink that keeps what it gets in memory and folds it. It
// is safe for concurrent use. See NewSink.
type Sink struct {
	mu      sync.Mutex
	entries [][]telephony.Event
	calls   map[telephony.CallID]*telephony.Call
	order   []telephony.CallID
	ready   int
	hold    chan struct{} // not nil: Append waits until it is closed
}

var _ telephony.Sink = (*Sink)(nil)

// NewSink returns an empty sink.
func NewSink() *Sink { return &Sink{calls: make(map[telephony.CallID]*telephony.Call)} }

// Append keeps the events. It returns an error, and keeps nothing, if they are
// not of one call, or not valid, or none.
func (s *Sink) Append(ctx context.Context, events []telephony.Event) error {
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := check(events); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, slices.Clone(events))
	id := events[0].Call
	if s.calls[id] == nil {
		s.calls[id] = telephony.NewCall(id)
		s.order = append(s.order, id)
	}
	for _, e := range events {
		s.calls[id].Apply(e)
	}
	return nil
}

// check demands what Sink.Append may rely on.
func check(events []telephony.Event) error {
	if len(events) == 0 {
		return errors.New("append: no events")
	}
	for _, e := range events {
		if e.Call != events[0].Call {
			return fmt.Errorf("append: events of %s and %s in one entry", events[0].Call, e.Call)
		}
		if err := e.Validate(); err != nil {
			return fmt.Errorf("append: %w", err)
		}
	}
	return nil
}

// Live returns the legs that have not ended.
func (s *Sink) Live(context.Context) ([]telephony.LiveLeg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var legs []telephony.LiveLeg
	for _, id := range s.order {
		for _, l := range s.calls[id].State().Legs {
			if l.EndedAt.IsZero() {
				legs = append(legs, telephony.LiveLeg{Call: id, Leg: l.ID, Endpoint: l.Endpoint, Side: l.Side, Since: l.StartedAt})
			}
		}
	}
	return legs, nil
}

// Told returns all legs.
func (s *Sink) Told(context.Context, time.Time) (telephony.Told, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := make(telephony.Told)
	for _, id := range s.order {
		for _, l := range s.calls[id].State().Legs {
			told[l.ID] = telephony.ToldLeg{Call: id, Endpoint: l.Endpoint, Gone: l.EndEstimated}
		}
	}
	return told, nil
}

// Ready counts a session.
func (s *Sink) Ready() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready++
}

// Sessions is how often Ready was called.
func (s *Sink) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

// Entries returns what was appended, an element for each Append.
func (s *Sink) Entries() [][]telephony.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries)
}

// State is what is known of a call; the zero value if nothing is.
func (s *Sink) State(id telephony.CallID) telephony.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.calls[id]; c != nil {
		return c.State()
	}
	return telephony.State{}
}

// States are the states of all calls, in the order in which they were first
// heard of.
func (s *Sink) States() []telephony.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make([]telephony.State, 0, len(s.order))
	for _, id := range s.order {
		states = append(states, s.calls[id].State())
	}
	return states
}

// Block makes Append wait until release is called, as a journal does that
// cannot take more. Release may be called more than once.
func (s *Sink) Block() (release func()) {
	hold := make(chan struct{})
	s.mu.Lock()
	s.hold = hold
	s.mu.Unlock()
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.hold == hold {
			s.hold = nil
		}
		close(hold)
	})
}
