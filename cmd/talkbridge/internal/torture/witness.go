package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/screenpop"
)

// witnessPause is how long the witness waits before it asks again where no daemon
// runs.
const witnessPause = 200 * time.Millisecond

// Witness follows the feed of the daemons, one after the other, and knows what is
// durable: what a killed daemon had only read, it cannot know, and the phone
// system does not tell again of what is over. It is safe for concurrent use.
type Witness struct {
	dir  string // of the journal
	mu   sync.Mutex
	seen map[string]*seen // by the call's id
	gaps int
}

// seen is what the journal has of a call.
type seen struct {
	talked map[string]bool // by the agent's name
	ticket int64
	pages  map[int64][]screenpop.Result // by the agent's id
}

// NewWitness returns one of the journal in a folder. It sees what Run reads.
func NewWitness(dir string) *Witness { return &Witness{dir: dir, seen: map[string]*seen{}} }

// Run reads the feed until ctx is over, through however many daemons.
func (w *Witness) Run(ctx context.Context) {
	reader := &feed.Reader{
		URL:  "ws://talkbridge/v1/feed",
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return journal.DialControl(ctx, w.dir) },
	}
	for ctx.Err() == nil {
		session, cut := context.WithCancel(ctx)
		reader.Cut = func(error, time.Duration) { cut() } // its waits grow, ours must not
		_ = reader.Run(session, w.take)                   // whatever it is, the next daemon may tell
		cut()
		wait(ctx, witnessPause)
	}
}

// wait waits, and reports false if ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// take notes one message.
func (w *Witness) take(m feed.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch m.Type {
	case feed.TypeGap:
		w.gaps++
	case feed.TypeSnapshot:
		var data feed.SnapshotData
		if err := json.Unmarshal(m.Data, &data); err != nil {
			return fmt.Errorf("read snapshot: %w", err)
		}
		for _, c := range data.Calls {
			w.call(c)
		}
	case feed.TypeEvent:
		var data feed.EventData
		if err := json.Unmarshal(m.Data, &data); err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		w.of(m.Subject)
		if data.Call != nil {
			w.call(data.Call)
		}
	case feed.TypeOutcome:
		var o bridge.Outcome
		if err := json.Unmarshal(m.Data, &o); err != nil {
			return fmt.Errorf("read outcome: %w", err)
		}
		w.outcome(m.Subject, o)
	}
	return nil
}

// of is what is known of a call; the caller holds the lock.
func (w *Witness) of(id string) *seen {
	s := w.seen[id]
	if s == nil {
		s = &seen{talked: map[string]bool{}, pages: map[int64][]screenpop.Result{}}
		w.seen[id] = s
	}
	return s
}

func (w *Witness) call(c *feed.Call) {
	s := w.of(string(c.ID))
	for _, a := range c.Agents {
		if a.State == feed.AgentTalking {
			s.talked[a.Name] = true
		}
	}
}

func (w *Witness) outcome(id string, o bridge.Outcome) {
	s := w.of(id)
	if o.Ticket != 0 && s.ticket == 0 && o.Kind != bridge.Matched {
		s.ticket = o.Ticket
	}
	if o.Pop != nil { // also of a ticket that was made with its page open
		s.pages[o.Pop.Agent] = append(s.pages[o.Pop.Agent], o.Pop.Result)
	}
}

// Known reports whether a call is in the journal.
func (w *Witness) Known(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[id] != nil
}

// Talked reports whether it is in the journal that an agent talked in a call.
func (w *Witness) Talked(id, agent string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen[id]
	return s != nil && s.talked[agent]
}

// Ticket is that of a call as the journal has it, 0 for none yet.
func (w *Witness) Ticket(id string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.seen[id]; s != nil {
		return s.ticket
	}
	return 0
}

// Pages says what became of the pages that an agent should have seen of a call.
func (w *Witness) Pages(id string, agent int64) []screenpop.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.seen[id]; s != nil {
		return append([]screenpop.Result(nil), s.pages[agent]...)
	}
	return nil
}

// Gaps counts the times that the feed could not be resumed.
func (w *Witness) Gaps() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gaps
}
