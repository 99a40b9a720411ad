package presence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/zendesk"
)

// statuses ranges over what all agents are doing.
type statuses interface {
	AgentAvailabilities(ctx context.Context) iter.Seq2[zendesk.AgentAvailability, error]
}

// work does what is to be done, one thing after the other, until ctx is over.
func (s *Service) work(ctx context.Context) {
	if !s.learnStatuses(ctx) {
		return
	}
	poll := time.NewTicker(s.Poll)
	defer poll.Stop()
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		wait := s.workOff(ctx)
		wake.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-wake.C:
		case <-poll.C:
			s.poll(ctx)
		}
	}
}

// holds reports whether this node acts. Who begins to knows nothing of what another
// node did meanwhile.
func (s *Service) holds() bool {
	holds := s.Turn == nil || s.Turn.Holds()
	if holds && !s.acting {
		s.memories, s.tries, s.said = make(map[int64]memory), make(map[int64]int), make(map[int64]string)
		s.acting = true
		s.lookAtAll()
	}
	s.acting = holds
	return holds
}

// lookAtAll has all agents looked at, if the journal has been read.
func (s *Service) lookAtAll() {
	s.mu.Lock()
	caughtUp := s.caughtUp
	s.mu.Unlock()
	if caughtUp {
		s.ready()
	}
}

// workOff looks at all agents that are to be looked at, and returns when there will
// be another.
func (s *Service) workOff(ctx context.Context) time.Duration {
	for ctx.Err() == nil {
		if !s.holds() {
			return firstWait
		}
		agent, wait := s.next(time.Now())
		if agent == 0 {
			return wait
		}
		if pause := s.agree(ctx, agent, nil); pause > 0 && !pauseFor(ctx, pause) {
			return 0
		}
	}
	return 0
}

// poll reads the statuses of all, where they are a reason to do something.
func (s *Service) poll(ctx context.Context) {
	if len(s.rules.pauseOn) == 0 || !s.holds() {
		return
	}
	if !s.inPace(ctx) {
		return
	}
	ours := make(map[int64]bool)
	for _, a := range s.Directory.Agents() {
		ours[a.ZendeskID] = true
	}
	for a, err := range s.Desk.AgentAvailabilities(ctx) {
		if err != nil {
			if ctx.Err() == nil {
				s.steps.WithLabelValues("failed").Inc()
				s.Log.WithError(err).Warn("agents' statuses not read, asked again")
			}
			return
		}
		if ours[a.AgentID] {
			s.agree(ctx, a.AgentID, &a.Status)
		}
	}
}

// agree does what is due about one agent. The status is asked for unless it is
// given, and again before it is changed for what was given. It returns how long
// everything must wait.
func (s *Service) agree(ctx context.Context, agent int64, now *zendesk.CurrentStatus) time.Duration {
	m, err := s.recall(ctx, agent)
	fresh := false
	for n := 0; err == nil && n < maxSteps; n++ {
		p := s.phonesOf(agent)
		if now == nil {
			if s.idle(p, m) {
				break
			}
			if now, err = s.ask(ctx, agent); err != nil {
				break
			}
			fresh = true
		}
		next := s.rules.decide(p, *now, m)
		switch changes := next.kind == set || next.kind == restore; {
		case next.kind == nothing:
			n = maxSteps
		case changes && !fresh:
			now = nil
		default:
			if err = s.do(ctx, agent, m, next); err == nil {
				m = s.memories[agent]
			}
			if changes {
				now, fresh = nil, false
			}
		}
	}
	if err != nil && ctx.Err() == nil {
		return s.failed(agent, err)
	}
	delete(s.tries, agent)
	delete(s.said, agent)
	return 0
}

// idle reports whether nothing is the matter with an agent, whatever his status:
// then it is not asked for. Statuses that pause phones are polled.
func (s *Service) idle(p phones, m memory) bool {
	return m == memory{} && (!p.talks || s.rules.onCall == 0) && (!p.known || !p.paused || s.rules.paused == 0)
}

// failed has an agent looked at again, later each time.
func (s *Service) failed(agent int64, err error) time.Duration {
	wait := min(firstWait<<min(s.tries[agent], 6), lastWait)
	s.tries[agent]++
	s.steps.WithLabelValues("failed").Inc()
	s.look(agent, time.Now().Add(wait))
	if text := err.Error(); s.said[agent] != text {
		s.said[agent] = text
		s.Log.WithError(err).WithField("agent_id", agent).WithField("retry_in", wait.String()).Warn("agent's status and phone do not agree, tried again")
	}
	if refused, found := errors.AsType[*zendesk.Error](err); found && refused.RetryAfter > 0 {
		return min(refused.RetryAfter, lastWait)
	}
	return 0
}

// phonesOf is what the phones say of an agent.
func (s *Service) phonesOf(agent int64) phones {
	targets, known := s.phone.of(agent)
	p := phones{talks: s.calls.talking(agent), known: known, member: len(targets) > 0, paused: len(targets) > 0}
	for _, t := range targets {
		p.paused = p.paused && t.paused
	}
	return p
}

// inPace waits until one more request may be made.
func (s *Service) inPace(ctx context.Context) bool {
	if wait := time.Until(s.last.Add(pace)); wait > 0 && !pauseFor(ctx, wait) {
		return false
	}
	s.last = time.Now()
	return true
}

func (s *Service) ask(ctx context.Context, agent int64) (*zendesk.CurrentStatus, error) {
	if !s.inPace(ctx) {
		return nil, context.Cause(ctx)
	}
	a, err := s.Desk.AgentAvailability(ctx, agent)
	if err != nil {
		return nil, fmt.Errorf("ask for the status: %w", err)
	}
	return &a.Status, nil
}

// do does a step. What is to be remembered is durable before it, or, of what ends
// our doing, after it: who dies in between looks again.
func (s *Service) do(ctx context.Context, agent int64, before memory, next step) error {
	ends := next.kind == restore || next.kind == unpause
	if !ends {
		if err := s.keep(ctx, agent, next.memory); err != nil {
			return err
		}
	}
	if err := s.act(ctx, agent, next); err != nil {
		return err
	}
	if ends {
		if err := s.keep(ctx, agent, next.memory); err != nil {
			return err
		}
	}
	if next.kind != remember {
		s.steps.WithLabelValues(string(next.kind)).Inc()
		s.Log.WithField("agent_id", agent).WithField("step", string(next.kind)).WithField("status", next.status).
			WithField("why", cmp.Or(next.memory.Why, before.Why)).Info("agent's status and phone made to agree")
	}
	return nil
}

// act changes what is outside.
func (s *Service) act(ctx context.Context, agent int64, next step) error {
	switch next.kind {
	case set, restore:
		if !s.inPace(ctx) {
			return context.Cause(ctx)
		}
		if _, err := s.Desk.SetAgentStatus(ctx, agent, next.status); err != nil {
			return fmt.Errorf("set status %d: %w", next.status, err)
		}
	case pause, unpause:
		targets, _ := s.phone.of(agent)
		for _, t := range targets {
			if t.paused == (next.kind == pause) {
				continue
			}
			if err := t.queues.Pause(ctx, t.phone, next.kind == pause); err != nil {
				return err
			}
			s.phone.pauses(t, next.kind == pause)
		}
	case left, remember, nothing:
	}
	return nil
}

// recall is what is remembered of an agent.
func (s *Service) recall(ctx context.Context, agent int64) (memory, error) {
	if m, known := s.memories[agent]; known {
		return m, nil
	}
	var m memory
	value, err := s.Journal.Get(ctx, keyOf(agent))
	switch {
	case errors.Is(err, journal.ErrNotFound):
	case err != nil:
		return m, fmt.Errorf("recall what was done: %w", err)
	default:
		if err := json.Unmarshal(value, &m); err != nil {
			m = memory{} // it is a cache
		}
	}
	s.memories[agent] = m
	return m, nil
}

// keep makes what is to be remembered durable.
func (s *Service) keep(ctx context.Context, agent int64, m memory) error {
	value, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("remember what is done: %w", err)
	}
	if err := s.Journal.Put(ctx, keyOf(agent), value); err != nil {
		return fmt.Errorf("remember what is done: %w", err)
	}
	s.memories[agent] = m
	return nil
}

func keyOf(agent int64) string { return "agent_status." + strconv.FormatInt(agent, 10) }

// learnStatuses finds the ids of the statuses that are wished for. It asks until it
// is told; false is that ctx is over. What the account does not have is not wished
// for any more.
func (s *Service) learnStatuses(ctx context.Context) bool {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		all, err := s.Desk.AgentStatuses(ctx)
		if err == nil {
			var missing []string
			s.rules, missing = s.Wishes.resolve(all)
			if len(missing) > 0 {
				s.Log.WithField("statuses", strings.Join(missing, ", ")).Error("account has no such agent status, it is left out: see agent_status")
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		s.Log.WithError(err).WithField("retry_in", wait.String()).Warn("agent statuses of the account not known, asked again: it takes an admin, and omnichannel routing")
		if !pauseFor(ctx, wait) {
			return false
		}
	}
}

// Missing are the statuses that are wished for and that an account does not have.
func (w Wishes) Missing(all []zendesk.AgentStatus) []string {
	_, missing := w.resolve(all)
	return missing
}

// resolve finds the ids, and names what is not there.
func (w Wishes) resolve(all []zendesk.AgentStatus) (rules, []string) {
	r := rules{pauseOn: make(map[int64]bool)}
	var missing []string
	find := func(name string) int64 {
		if name == "" {
			return 0
		}
		for _, st := range all {
			if strings.EqualFold(st.Name, name) || strconv.FormatInt(st.ID, 10) == name {
				return st.ID
			}
		}
		missing = append(missing, name)
		return 0
	}
	r.onCall, r.paused = find(w.OnCall), find(w.Paused)
	for _, name := range w.PauseOn {
		if id := find(name); id != 0 {
			r.pauseOn[id] = true
		}
	}
	return r, missing
}
