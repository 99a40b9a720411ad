package presence

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/zendesk"
)

const (
	// DefaultPoll is how often statuses are read where they pause phones: Zendesk
	// does not tell of changes.
	DefaultPoll = 30 * time.Second
	// pace is the least time between two requests: Zendesk takes 200 a minute for
	// availabilities, from all programs together.
	pace = 350 * time.Millisecond
	// firstWait and lastWait are between tries that fail; they double.
	firstWait = time.Second
	lastWait  = time.Minute
	// maxSteps bounds what is done about one agent in one go.
	maxSteps = 6
)

// Desk is what is needed of Zendesk; *zendesk.Client is one.
type Desk interface {
	AgentStatuses(ctx context.Context) ([]zendesk.AgentStatus, error)
	AgentAvailability(ctx context.Context, agentID int64) (zendesk.AgentAvailability, error)
	SetAgentStatus(ctx context.Context, agentID, statusID int64) (zendesk.AgentAvailability, error)
	statuses
}

// Journal is what is needed of the journal; *journal.Journal is one.
type Journal interface {
	Tail(ctx context.Context, from uint64, fn func(journal.Record) error) error
	State(ctx context.Context) (journal.State, error)
	Checkpoint(ctx context.Context) (uint64, error)
	Get(ctx context.Context, name string) ([]byte, error)
	Put(ctx context.Context, name string, value []byte) error
}

// Turn says whether it is this node that acts.
type Turn interface{ Holds() bool }

// Directory knows the agents; *screenpop.Directory is one.
type Directory interface {
	Lookup(endpoint string) (screenpop.Agent, bool)
	Agents() []screenpop.Agent
}

var (
	_ Desk      = (*zendesk.Client)(nil)
	_ Journal   = (*journal.Journal)(nil)
	_ Directory = (*screenpop.Directory)(nil)
)

// Wishes say which statuses mean what, by name or by id. What is "" or empty is
// not wished for.
type Wishes struct {
	// OnCall is the status of who talks on the phone.
	OnCall string
	// Paused is that of who is paused in all queues that his phones are in.
	Paused string
	// PauseOn are those whose agents are paused in the queues.
	PauseOn []string
}

// Options says what a Service works with. All but Queues, Turn, Poll and Metrics
// must be set.
type Options struct {
	Wishes    Wishes
	Desk      Desk
	Journal   Journal
	Directory Directory
	// Queues are those of the phone systems that have any.
	Queues []Queues
	Turn   Turn
	// Poll is how often statuses are read; 0 is DefaultPoll.
	Poll    time.Duration
	Log     logrus.FieldLogger
	Metrics prometheus.Registerer
}

// Service keeps statuses and phones in agreement. See New.
type Service struct {
	Options

	rules rules
	calls *calls
	phone *switchboard
	steps *prometheus.CounterVec

	wake chan struct{}

	mu       sync.Mutex
	dirty    map[int64]time.Time // agents to look at, and not before when
	caughtUp bool

	// Below is the worker's alone.
	memories map[int64]memory
	tries    map[int64]int
	said     map[int64]string // the failure that was told of last
	last     time.Time        // of the last request
	acting   bool
}

// New returns a service that does nothing yet.
func New(o Options) (*Service, error) {
	if o.Desk == nil || o.Journal == nil || o.Directory == nil || o.Log == nil {
		return nil, errors.New("presence: desk, journal, directory and log must be given")
	}
	if o.Poll <= 0 {
		o.Poll = DefaultPoll
	}
	s := &Service{
		Options: o, wake: make(chan struct{}, 1), dirty: make(map[int64]time.Time),
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "talkbridge_agent_status_steps_total", Help: "What was done about agents' statuses and pauses, by step; failed is tried again.",
		}, []string{"step"}),
	}
	if o.Metrics != nil {
		o.Metrics.MustRegister(s.steps)
	}
	s.calls = newCalls(s)
	s.phone = newSwitchboard(s)
	return s, nil
}

// Run works until ctx is over, or until the journal cannot be read. It may be
// called once.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.calls.follow(ctx); err != nil && ctx.Err() == nil {
			cancel(fmt.Errorf("follow calls: %w", err))
		}
	})
	for _, q := range s.Queues {
		running.Go(func() { s.phone.follow(ctx, q) })
	}
	s.work(ctx)
	running.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// look has an agent looked at, not before a time.
func (s *Service) look(agent int64, notBefore time.Time) {
	s.mu.Lock()
	at, waits := s.dirty[agent]
	if !waits || notBefore.Before(at) {
		s.dirty[agent] = notBefore
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // it wakes up already
	}
}

// lookAt has whoever answers on a phone looked at.
func (s *Service) lookAt(names ...string) {
	if agent := s.agentOf(names...); agent != 0 {
		s.look(agent, time.Time{})
	}
}

// agentOf is the Zendesk id of who answers on a phone, by the first of its names
// that is known; 0 if nobody does.
func (s *Service) agentOf(names ...string) int64 {
	for _, name := range names {
		if a, found := s.Directory.Lookup(name); found {
			return a.ZendeskID
		}
	}
	return 0
}

// next is an agent to look at now, 0 if there is none, and when there will be one.
func (s *Service) next(now time.Time) (agent int64, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait = time.Hour
	if !s.caughtUp {
		return 0, wait
	}
	for id, at := range s.dirty {
		if !at.After(now) {
			delete(s.dirty, id)
			return id, 0
		}
		wait = min(wait, at.Sub(now))
	}
	return 0, wait
}

// ready says that the journal has been read to where it ended at the start: what
// was not heard of by then is not so.
func (s *Service) ready() {
	s.mu.Lock()
	s.caughtUp = true
	s.mu.Unlock()
	for _, a := range s.Directory.Agents() {
		if a.ZendeskID != 0 {
			s.look(a.ZendeskID, time.Time{})
		}
	}
}
