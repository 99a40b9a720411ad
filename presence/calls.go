package presence

import (
	"context"
	"fmt"
	"sync"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// calls are those that go on, and who talks in them. What is known of them is a
// reading of the journal, from its checkpoint: all that go on began after it.
type calls struct {
	service *Service

	mu    sync.Mutex
	live  map[telephony.CallID]*liveCall
	talks map[string]int // in how many calls a phone talks
}

type liveCall struct {
	call  *telephony.Call
	talks map[string]bool // the phones that talk in it
}

func newCalls(s *Service) *calls {
	return &calls{service: s, live: make(map[telephony.CallID]*liveCall), talks: make(map[string]int)}
}

// follow reads the journal until ctx is over.
func (c *calls) follow(ctx context.Context) error {
	state, err := c.service.Journal.State(ctx)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	from, err := c.service.Journal.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("read the checkpoint: %w", err)
	}
	if from >= state.Last {
		c.service.ready()
	}
	return c.service.Journal.Tail(ctx, min(from, state.Last)+1, func(r journal.Record) error {
		c.take(r)
		if r.Seq == state.Last {
			c.service.ready()
		}
		return nil
	})
}

// take folds an entry. One that is not readable says nothing: the bridge tells.
func (c *calls) take(r journal.Record) {
	if r.Kind != journal.Event {
		return
	}
	events, err := telephony.DecodeEvents(r.Data)
	if err != nil {
		return
	}
	for _, phone := range c.fold(telephony.CallID(r.Call), events) {
		c.service.lookAt(phone)
	}
}

// fold adds events to a call, and returns the phones that began or ended to talk.
func (c *calls) fold(id telephony.CallID, events []telephony.Event) (changed []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, known := c.live[id]
	if !known {
		l = &liveCall{call: telephony.NewCall(id)}
		c.live[id] = l
	}
	for _, e := range events {
		l.call.Apply(e)
	}
	state := l.call.State()
	talks := make(map[string]bool)
	for _, t := range state.Talks {
		if t.Until.IsZero() && state.Live() {
			talks[t.Endpoint] = true
		}
	}
	for phone := range talks {
		if !l.talks[phone] {
			c.talks[phone]++
			changed = append(changed, phone)
		}
	}
	for phone := range l.talks {
		if !talks[phone] {
			if c.talks[phone]--; c.talks[phone] == 0 {
				delete(c.talks, phone)
			}
			changed = append(changed, phone)
		}
	}
	if l.talks = talks; !state.Live() {
		delete(c.live, id)
	}
	return changed
}

// talking reports whether an agent talks on any phone.
func (c *calls) talking(agent int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for phone := range c.talks {
		if c.service.agentOf(phone) == agent {
			return true
		}
	}
	return false
}
