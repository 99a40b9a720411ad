package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// DefaultMaxClients is how many readers may be connected unless told.
const DefaultMaxClients = 1000

const (
	// heartbeatEvery is how often readers are told up to where they have seen
	// everything, so that the cursor of one who sees little does not grow old.
	heartbeatEvery = 20 * time.Second
	// recentMessages and recentBytes bound what is kept for readers that resume;
	// who comes back later is served from the journal.
	recentMessages = 4096
	recentBytes    = 8 << 20
	// maxReplays is how many readers are served from the journal at a time.
	maxReplays = 8
)

// Options says what a Hub works with. Journal, Site and Names must be set.
type Options struct {
	Journal Journal
	// Site is the configured name of the installation.
	Site  string
	Names Names
	// MaxClients is how many readers may be connected; 0 is DefaultMaxClients.
	MaxClients int
	// Log gets what a person should know. Nil: nothing is logged.
	Log logrus.FieldLogger
	// Metrics is where the feed registers its counts; nil is nowhere.
	Metrics prometheus.Registerer
}

// Hub reads the journal once and tells all readers. Its methods are safe for
// concurrent use.
type Hub struct {
	journal       Journal
	names         Names
	epoch, source string
	maxClients    int
	log           logrus.FieldLogger
	metrics       *metrics
	replays       chan struct{}
	ready         chan struct{}
	recentMax     int // messages kept for readers that resume
	queueMax      int // messages that wait for one reader

	mu      sync.Mutex
	stopped bool
	applied uint64                       // the last entry told
	live    map[telephony.CallID]*folded // the live calls as of applied
	recent  ring
	conns   map[*client]struct{} // all that are connected
	clients map[*client]struct{} // those of them that are told what comes
	open    int                  // places taken, those that shake hands included
	leaving sync.WaitGroup
}

// New returns a hub that is not running yet.
func New(o Options) (*Hub, error) {
	if o.Journal == nil || o.Names == nil || o.Site == "" {
		return nil, errors.New("feed: journal, names and site must be given")
	}
	if o.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		o.Log = silent
	}
	return &Hub{
		journal: o.Journal, names: o.Names, epoch: o.Journal.Epoch(), source: "/talkbridge/" + o.Site,
		maxClients: cmp.Or(o.MaxClients, DefaultMaxClients), log: o.Log, metrics: newMetrics(o.Metrics),
		replays: make(chan struct{}, maxReplays), ready: make(chan struct{}), recentMax: recentMessages, queueMax: maxQueue,
		live: make(map[telephony.CallID]*folded), conns: make(map[*client]struct{}), clients: make(map[*client]struct{}),
	}, nil
}

// Ready is closed when the journal has been read up to its end. Readers are
// refused (503) until then.
func (h *Hub) Ready() <-chan struct{} { return h.ready }

// Run reads the journal until ctx is over, which is no error, or the journal
// fails. Then it closes all readers and waits for them, at most a second. It may
// be called once.
func (h *Hub) Run(ctx context.Context) error {
	defer h.stop()
	from, target, err := h.begin(ctx)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	beat, stopBeat := context.WithCancel(ctx)
	defer stopBeat()
	h.leaving.Go(func() { h.beat(beat) })
	folds := newCalls(h.journal, h.names, h.unreadable)
	caughtUp := sync.OnceFunc(func() { close(h.ready) })
	if from > target {
		caughtUp()
	}
	err = h.journal.Tail(ctx, from, func(r journal.Record) error {
		t, err := folds.take(ctx, r)
		if err != nil {
			return err
		}
		var m *message
		if t.folded != nil {
			if m, err = h.entry(r, t); err != nil {
				h.unreadable(r, err)
			}
		}
		h.tell(r, t.folded, m)
		if r.Seq >= target {
			caughtUp()
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("read the journal: %w", err)
}

// begin finds where to read from: no call is live before the checkpoint, and
// readers that were cut off by our restart want the newest entries.
func (h *Hub) begin(ctx context.Context) (from, target uint64, err error) {
	state, err := h.journal.State(ctx)
	if err != nil {
		return 0, 0, err
	}
	checkpoint, err := h.journal.Checkpoint(ctx)
	if err != nil {
		return 0, 0, err
	}
	from = min(checkpoint, state.Last)
	if newest := uint64(h.recentMax); from+newest > state.Last { //nolint:gosec // a small constant
		from = state.Last - min(newest, state.Last)
	}
	from = max(from+1, state.First)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.applied = from - 1
	h.recent = ring{first: from, max: h.recentMax}
	return from, state.Last, nil
}

// tell hands one entry to every reader that is to see it. f is nil for an entry
// that cannot be read, m for one that cannot be told.
func (h *Hub) tell(r journal.Record, f *folded, m *message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.applied = r.Seq
	h.showLive(f)
	h.recent.add(r.Seq, m)
	if m == nil {
		return
	}
	for c := range h.clients {
		if c.filter.match(m.id, &m.sight) && !c.offer(m) {
			delete(h.clients, c)
		}
	}
}

// showLive keeps the live calls as they are now. Calls that became one are one.
// The lock is held.
func (h *Hub) showLive(f *folded) {
	if f == nil {
		return
	}
	for _, m := range f.members {
		delete(h.live, m.ID())
	}
	if f.live {
		h.live[f.id] = f
	}
}

// beat tells all readers now and then up to where they have seen everything.
func (h *Hub) beat(ctx context.Context) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			h.beatOnce(now)
		}
	}
}

func (h *Hub) beatOnce(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.clients) == 0 {
		return
	}
	m, err := h.heartbeat(h.applied, now)
	if err != nil {
		h.log.WithError(err).Error("heartbeat of the feed not made")
		return
	}
	for c := range h.clients {
		if !c.offer(m) {
			delete(h.clients, c)
		}
	}
}

// stop closes all readers, and waits until they are gone.
func (h *Hub) stop() {
	h.mu.Lock()
	h.stopped = true
	for c := range h.conns {
		c.close(CloseStopping)
		c.cut()
	}
	clear(h.clients)
	h.mu.Unlock()
	h.leaving.Wait()
}

// Review closes the readers whose token is no longer valid. Call it when the
// tokens of a Gate have changed.
func (h *Hub) Review() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		if !c.valid() {
			c.close(CloseToken)
			c.cut()
			delete(h.clients, c)
		}
	}
}

func (h *Hub) unreadable(r journal.Record, err error) {
	h.metrics.unreadable.Inc()
	h.log.WithError(err).WithField("call_id", r.Call).WithField("seq", r.Seq).Error("journal entry not readable, left out of the feed")
}

// liveCalls returns the live calls that a filter lets through. The lock is held.
func (h *Hub) liveCalls(filter *filter) []*folded {
	list := make([]*folded, 0, len(h.live))
	for id, f := range h.live {
		if filter.match(string(id), &f.sight) {
			list = append(list, f)
		}
	}
	return list
}

// ring is the newest entries, for readers that resume. first is the oldest entry
// that it covers; entries that cannot be told are covered without a message.
type ring struct {
	first    uint64
	begun    bool
	messages []*message
	bytes    int
	max      int
}

func (r *ring) add(seq uint64, m *message) {
	if !r.begun {
		r.first, r.begun = seq, true // what lies before may be purged
	}
	if m == nil {
		return
	}
	r.messages = append(r.messages, m)
	r.bytes += len(m.frame)
	drop := 0
	for len(r.messages)-drop > r.max || r.bytes > recentBytes {
		r.first = r.messages[drop].seq + 1
		r.bytes -= len(r.messages[drop].frame)
		r.messages[drop] = nil
		drop++
	}
	r.messages = r.messages[drop:]
}

// after returns what is behind an entry and matches; false if that is not all
// here.
func (r *ring) after(seq uint64, f *filter) ([]*message, bool) {
	if seq+1 < r.first {
		return nil, false
	}
	i, _ := slices.BinarySearchFunc(r.messages, seq+1, func(m *message, seq uint64) int { return cmp.Compare(m.seq, seq) })
	var list []*message
	for _, m := range r.messages[i:] {
		if f.match(m.id, &m.sight) {
			list = append(list, m)
		}
	}
	return list, true
}
