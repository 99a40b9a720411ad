package twiliotest

import (
	"context"
	"slices"
	"sync"
)

// bell is a group of phones that ring for one Dial.
type bell struct {
	s       *Server
	changed chan struct{} // one place: somebody looks again

	mu      sync.Mutex
	pending int // who may still answer
	closed  bool
	loser   Status // how those end who ring on when it is closed
	picked  *leg   // who has answered and listens to his whisper, with PickupCancels
	winner  *leg
	ringing []*leg
	silence chan struct{} // closed when all others are to stop
}

func newBell(s *Server) *bell {
	return &bell{s: s, changed: make(chan struct{}, 1), silence: make(chan struct{})}
}

// expect counts somebody in who may answer.
func (b *bell) expect() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending++
}

// callee is one phone, from when it is dialled until it is connected or cannot be.
func (b *bell) callee(child *leg, whisper *ask) {
	b.mu.Lock()
	b.ringing = append(b.ringing, child)
	b.mu.Unlock()
	defer b.left()
	if !b.s.ring(child, b.silence) {
		return
	}
	if !b.pick(child, whisper != nil) {
		child.finish(b.s.loser(), sipTerminated)
		return
	}
	child.answer()
	if whisper != nil {
		if p := b.s.fetchProgram(child, *whisper); p != nil {
			b.s.execute(child, p)
		} else {
			child.refuse() // he has heard of an error instead
		}
		if child.ctx.Err() != nil || b.hungUp(child) {
			return
		}
	}
	if !b.claim(child) {
		child.hangUp()
	}
}

// ring has a phone do what it does; it reports whether somebody picked up. silence ends the ringing: then whoever
// closed it ends the leg.
func (s *Server) ring(l *leg, silence <-chan struct{}) bool {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	s.mu.Lock()
	phone, known := s.phone(l)
	l.person = person{talks: phone.Talks, presses: slices.Clone(phone.Presses)}
	s.mu.Unlock()
	l.progress(Initiated)
	if !known || phone.Does == Unreachable {
		l.finish(Failed, sipNotFound)
		return false
	}
	select {
	case <-s.after(ctx, ringStart):
	case <-silence:
		return false
	case <-ctx.Done():
		return false
	}
	if phone.Does != Busy {
		l.progress(Ringing)
	}
	var due <-chan struct{} // never, for a phone that rings on
	switch {
	case phone.Does == Rings:
	case phone.After <= 0:
		now := make(chan struct{})
		close(now)
		due = now
	default:
		due = s.after(ctx, phone.After)
	}
	select {
	case <-due:
		return s.reacts(l, phone)
	case <-silence:
	case <-ctx.Done():
	}
	return false
}

// reacts is what a phone does in the end.
func (s *Server) reacts(l *leg, phone Phone) bool {
	switch phone.Does {
	case Busy:
		l.finish(BusyStatus, sipBusy)
	case Rejects:
		l.finish(BusyStatus, sipDecline)
	case Machine:
		s.pickedUp(l, "machine_start")
		return true
	case Answers:
		s.pickedUp(l, "human")
		return true
	case Rings, Unreachable:
	}
	return false
}

// pickedUp notes who it was. A machine presses nothing.
func (s *Server) pickedUp(l *leg, who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if who != "human" {
		l.person.presses = nil
	}
	if l.detects {
		l.answeredBy = who
	}
}

// pick is somebody who picks up; false says that it is too late.
func (b *bell) pick(child *leg, whispers bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.winner != nil || b.picked != nil {
		return false
	}
	if !whispers {
		b.winner = child
		b.ring()
		return true
	}
	if b.s.config.Choices.PickupCancels {
		b.picked = child
		close(b.silence)
		b.stop(child)
	}
	return true
}

// claim is somebody who is ready to talk; false says that another was.
func (b *bell) claim(child *leg) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.winner == child {
		return true
	}
	if b.closed || b.winner != nil {
		return false
	}
	b.winner = child
	b.ring()
	return true
}

// hungUp ends a leg whose whisper ended the call rather than came to its end.
func (b *bell) hungUp(child *leg) bool {
	b.s.mu.Lock()
	refused := child.refused
	b.s.mu.Unlock()
	if refused {
		child.hangUp()
	}
	return refused
}

// left is a phone that has done what it does.
func (b *bell) left() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending--
	b.ring()
}

// ring has whoever waits look again; the caller holds the lock.
func (b *bell) ring() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

func (b *bell) look() (winner *leg, left int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.winner, b.pending
}

// close stops all that ring, with that status, and returns who had been ready.
func (b *bell) close(status Status) *leg {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed, b.loser = true, status
		if b.picked == nil {
			close(b.silence)
		}
		b.stop(b.winner)
	}
	return b.winner
}

// stop ends all legs but one; the caller holds the lock.
func (b *bell) stop(but *leg) {
	status := b.loser
	if status == "" {
		status = b.s.loser()
	}
	for _, l := range b.ringing {
		if l != but {
			l.finish(status, sipTerminated)
		}
	}
}

// latest is whom the action names where nobody was connected: the last that ended.
func (b *bell) latest(children []*leg) *leg {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	var latest *leg
	for _, l := range children {
		if latest == nil || l.ended.After(latest.ended) {
			latest = l
		}
	}
	return latest
}

// verdict is what the action hears where nobody was connected: of several, that of the last.
func (b *bell) verdict(children []*leg) Status {
	l := b.latest(children)
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	return l.status
}
