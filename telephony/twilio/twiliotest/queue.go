package twiliotest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// What becomes of a caller in a queue. Twilio docs: voice/twiml/enqueue.
const (
	queueBridged    = "bridged"
	queueFull       = "queue-full"
	queueHangup     = "hangup"
	queueLeft       = "leave"
	queueRedirected = "redirected"
)

// queue is where callers wait; who is first is served first.
type queue struct {
	sid     string
	waiting []*place
	changed chan struct{} // closed and renewed when somebody comes or goes
}

// place is one caller in a queue.
type place struct {
	l     *leg
	since time.Time
	taken chan *meeting // one place
}

// meeting is two legs that were brought together.
type meeting struct {
	agent *leg
	over  chan struct{} // closed when the talk is
}

// queueNamed returns a queue, which comes to be when it is named; the caller holds the lock.
func (s *Server) queueNamed(name string) *queue {
	q := s.queues[name]
	if q == nil {
		q = &queue{sid: s.ids.sid("QU"), changed: make(chan struct{})}
		s.queues[name] = q
	}
	return q
}

// stir tells that somebody came or went; the caller holds the server's lock.
func (q *queue) stir() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// remove takes a caller out; false says that he was not there any more. The caller holds the server's lock.
func (q *queue) remove(p *place) bool {
	i := slices.Index(q.waiting, p)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.stir()
	return true
}

// enqueue has the caller wait until somebody takes him, and tells the action when he has left: after the talk.
//
// Twilio docs: voice/twiml/enqueue.
func (r *run) enqueue(n node) step {
	r.l.answer()
	name := n.text
	if name == "" {
		name = n.attr("workflowSid", "default")
	}
	p := &place{l: r.l, since: r.s.clock.now(), taken: make(chan *meeting, 1)}
	r.s.mu.Lock()
	q := r.s.queueNamed(name)
	full := len(q.waiting) >= n.number("maxQueueSize", 100)
	if !full {
		q.waiting = append(q.waiting, p)
		q.stir()
	}
	r.s.mu.Unlock()
	result := queueFull
	if !full {
		result = r.wait(n, q, p)
	}
	params := url.Values{"QueueResult": {result}, "QueueSid": {q.sid}, "QueueTime": {r.s.waited(p)}}
	if n.attrs["action"] == "" {
		return step{}
	}
	next := r.request(Action, n.attrs["action"], n.attrs["method"], params)
	if r.l.ctx.Err() == nil && result != queueRedirected {
		return step{ask: next}
	}
	r.s.fetchOnce(r.l, *next)
	return step{done: true}
}

// waited is how long somebody has been there, in seconds.
func (s *Server) waited(p *place) string {
	return fmt.Sprint(int(s.clock.now().Sub(p.since).Seconds()))
}

// wait has the caller hear the wait URL until he is taken or goes.
func (r *run) wait(n node, q *queue, p *place) string {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	left := make(chan struct{})
	heard := make(chan struct{})
	if target := n.attrs["waitUrl"]; target != "" {
		again := r.request(WaitURL, target, n.attrs["waitUrlMethod"], nil)
		r.s.begin(func() {
			defer close(heard)
			r.s.hold(ctx, r.l, *again, q, p, left)
		})
	} else {
		close(heard)
	}
	defer func() { <-heard }()
	defer cancel()
	r.s.mu.Lock()
	patience := r.l.person.patience
	r.s.mu.Unlock()
	result := queueHangup
	select {
	case m := <-p.taken:
		return r.meet(m)
	case <-left:
		result = queueLeft
	case <-r.s.after(ctx, patience):
		r.l.hangUp()
	case <-ctx.Done():
		if r.l.ctx.Err() == nil {
			result = queueRedirected
		}
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if !q.remove(p) { // somebody takes him at this moment
		r.s.begin(func() {
			select {
			case m := <-p.taken:
				close(m.over)
			case <-r.s.life.Done():
			}
		})
	}
	return result
}

// meet waits for the end of the talk.
func (r *run) meet(m *meeting) string {
	r.s.talk(r.ctx, r.l, m.agent, 4*time.Hour)
	close(m.over)
	return queueBridged
}

// hold runs the wait URL again and again.
func (s *Server) hold(ctx context.Context, l *leg, again ask, q *queue, p *place, left chan struct{}) {
	for range maxDocuments {
		s.mu.Lock()
		again.params = url.Values{
			"QueueSid": {q.sid}, "QueueTime": {s.waited(p)}, "QueuePosition": {fmt.Sprint(slices.Index(q.waiting, p) + 1)},
			"CurrentQueueSize": {fmt.Sprint(len(q.waiting))}, "MaxQueueSize": {"100"}, "AvgQueueTime": {"0"},
		}
		s.mu.Unlock()
		program, _ := s.fetchOnce(l, again)
		if program == nil || ctx.Err() != nil {
			return
		}
		gone := false
		r := &run{s: s, l: l, p: program, ctx: ctx, waiting: func() { gone = true }}
		r.verbs(program.body) //nolint:contextcheck // it has its own
		if gone {
			close(left)
			return
		}
		if len(program.body) == 0 || !s.pause(ctx, time.Second) {
			return
		}
	}
}

// dialQueue connects an agent with whoever waits longest. The noun's URL is asked what the caller hears before that.
//
// Twilio docs: voice/twiml/queue.
func (r *run) dialQueue(n node) dialled {
	p, q := r.take(n.text)
	if p == nil {
		return dialled{status: NoAnswer}
	}
	if target := n.attrs["url"]; target != "" {
		params := url.Values{"QueueSid": {q.sid}, "QueueTime": {r.s.waited(p)}, "DequeingCallSid": {r.l.sid}}
		if program, _ := r.s.fetchOnce(p.l, *r.request(QueueURL, target, n.attrs["method"], params)); program != nil {
			whisper := &run{s: r.s, l: p.l, p: program, ctx: p.l.ctx}
			whisper.verbs(program.body)
		}
	}
	m := &meeting{agent: r.l, over: make(chan struct{})}
	p.taken <- m
	select {
	case <-m.over:
	case <-r.s.life.Done():
	}
	return dialled{status: Completed, child: p.l, bridged: true}
}

// take waits for somebody in the queue and takes him out; nil says that the agent went first.
func (r *run) take(name string) (*place, *queue) {
	for {
		r.s.mu.Lock()
		q := r.s.queueNamed(name)
		if len(q.waiting) > 0 {
			p := q.waiting[0]
			q.remove(p)
			r.s.mu.Unlock()
			return p, q
		}
		changed := q.changed
		r.s.mu.Unlock()
		select {
		case <-changed:
		case <-r.ctx.Done():
			return nil, q
		}
	}
}

// Waiting is how many wait in a queue.
func (s *Server) Waiting(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[name]; q != nil {
		return len(q.waiting)
	}
	return 0
}
