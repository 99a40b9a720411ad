package presence

import (
	"context"
	"strings"
	"sync"
	"time"
)

// Queues are those of one phone system.
type Queues interface {
	// Name is that of the phone system.
	Name() string
	// Follow tells who is paused until the connection ends or ctx is over. hear does
	// not block.
	Follow(ctx context.Context, hear func(Update)) error
	// Pause pauses a phone in all its queues, or ends that, and returns when it is
	// so.
	Pause(ctx context.Context, phone string, paused bool) error
}

// Member is a phone in a queue.
type Member struct {
	Queue string
	// Phone is what the phone system calls it, Device the one behind it.
	Phone, Device string
	Paused        bool
}

// Update says what is so with members: with all of them if it is Complete.
type Update struct {
	Complete bool
	Members  []Member
	// Gone says that they are no members any more.
	Gone bool
}

// switchboard is what the phone systems say of their queues. It is safe for
// concurrent use.
type switchboard struct {
	service *Service

	mu      sync.Mutex
	systems map[string]*system
}

// system is one phone system.
type system struct {
	queues Queues
	// known says that there is a connection, and that it told of all members.
	known  bool
	phones map[string]*queued
}

// queued is a phone and the queues that it is in.
type queued struct {
	names  []string
	queues map[string]bool // paused
}

func newSwitchboard(s *Service) *switchboard {
	b := &switchboard{service: s, systems: make(map[string]*system)}
	for _, q := range s.Queues {
		b.systems[q.Name()] = &system{queues: q, phones: make(map[string]*queued)}
	}
	return b
}

// follow keeps a connection.
func (b *switchboard) follow(ctx context.Context, q Queues) {
	log := b.service.Log.WithField("source", q.Name())
	wait, told := firstWait, ""
	for ctx.Err() == nil {
		heard := false
		err := q.Follow(ctx, func(u Update) {
			if u.Complete && !heard {
				heard, wait = true, firstWait
				log.Info("queues of the phone system known")
			}
			b.take(q.Name(), u)
		})
		b.lost(q.Name())
		if ctx.Err() != nil {
			return
		}
		if err != nil && (err.Error() != told || heard) {
			told = err.Error()
			log.WithError(err).WithField("retry_in", wait.String()).Warn("queues of the phone system not known")
		}
		if !pauseFor(ctx, wait) {
			return
		}
		wait = min(2*wait, lastWait)
	}
}

// pauseFor waits, and reports false if ctx ended first.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// take notes what was told.
func (b *switchboard) take(name string, u Update) {
	b.mu.Lock()
	s := b.systems[name]
	before, old := s.paused(), s.phones
	if u.Complete {
		s.known = true
		s.phones = make(map[string]*queued)
	}
	for _, m := range u.Members {
		s.put(m, u.Gone)
	}
	after := s.paused()
	var changed [][]string
	for phone, now := range after {
		if was, known := before[phone]; u.Complete && !known || was != now {
			changed = append(changed, s.phones[phone].names)
		}
	}
	for phone := range before {
		if _, there := after[phone]; !there {
			changed = append(changed, old[phone].names)
		}
	}
	b.mu.Unlock()
	for _, names := range changed {
		b.service.lookAt(names...)
	}
}

// put notes one member.
func (s *system) put(m Member, gone bool) {
	q, known := s.phones[m.Phone]
	if !known {
		q = &queued{names: namesOf(m), queues: make(map[string]bool)}
		s.phones[m.Phone] = q
	}
	if gone {
		delete(q.queues, m.Queue)
	} else {
		q.queues[m.Queue] = m.Paused
	}
}

// paused says of each phone whether it is paused in all its queues.
func (s *system) paused() map[string]bool {
	all := make(map[string]bool, len(s.phones))
	for phone, q := range s.phones {
		all[phone] = q.paused()
	}
	return all
}

func (q *queued) paused() bool {
	for _, paused := range q.queues {
		if !paused {
			return false
		}
	}
	return len(q.queues) > 0
}

// namesOf are the names by which the agent behind a member may be known: the
// device, the phone, and the extension of what FreePBX dials and watches
// (Local/1001@from-queue/n, hint:1001@ext-local).
func namesOf(m Member) []string {
	names := []string{m.Device, m.Phone}
	for _, name := range []string{m.Phone, m.Device} {
		for _, prefix := range []string{"Local/", "hint:"} {
			if rest, found := strings.CutPrefix(name, prefix); found {
				extension, _, _ := strings.Cut(rest, "@")
				names = append(names, extension)
			}
		}
	}
	return names
}

// lost notes that the connection ended: what was known may not be so any more.
func (b *switchboard) lost(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.systems[name].known = false
}

// target is a phone of an agent.
type target struct {
	queues Queues
	phone  string
	paused bool
}

// of are the phones of an agent that are in queues; known says that those of all
// phone systems are known.
func (b *switchboard) of(agent int64) (phones []target, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known = true
	for _, s := range b.systems {
		known = known && s.known
		for phone, q := range s.phones {
			if len(q.queues) > 0 && b.service.agentOf(q.names...) == agent {
				phones = append(phones, target{s.queues, phone, q.paused()})
			}
		}
	}
	return phones, known
}

// pauses notes what was done: the phone system says so a moment later.
func (b *switchboard) pauses(t target, paused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q, known := b.systems[t.queues.Name()].phones[t.phone]; known {
		for queue := range q.queues {
			q.queues[queue] = paused
		}
	}
}
