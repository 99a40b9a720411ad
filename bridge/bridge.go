package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

const (
	// tendEvery is how often the checkpoint is moved and memory given back.
	tendEvery = 5 * time.Second
	// keepSettled is how long a settled call stays in memory: what comes late
	// comes within it, and needs no reading back.
	keepSettled = 30 * time.Second
	// stopWithin bounds how long requests in flight may take at a stop.
	stopWithin = 10 * time.Second
	// recordBuffer is how many entries are read ahead of the fold.
	recordBuffer = 256
	// haltFor is how long everything rests after a 401, and after each further
	// one, of which there is one at a time.
	haltFor = 5 * time.Second
	// updateLag is how long updates may wait before tickets are made at the end.
	updateLag = 30 * time.Second
)

// Options says what a Bridge works with. All but Audio, Speech, Metrics and Now must
// be set.
type Options struct {
	Journal Journal
	Zendesk Zendesk
	// Audio collects voicemail and recordings; nil refuses them with that reason.
	Audio AudioCollector
	// Speech puts audio into words where the policy says so, SpeechAtOnce at a
	// time (0 is one); nil puts none.
	Speech       Speech
	SpeechAtOnce int
	Policy       *Policy
	// Node names this process in intents.
	Node string
	// Turn says whether it is this node that acts; nil: always.
	Turn    Turn
	Log     logrus.FieldLogger
	Metrics prometheus.Registerer
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
}

// Bridge is the one conductor of a site: a single goroutine reads the journal,
// folds, plans and hands out steps; workers do them and append outcomes, which
// come back through the journal. Its methods are safe for concurrent use.
type Bridge struct {
	journal Journal
	zendesk Zendesk
	audio   AudioCollector
	speech  Speech
	policy  atomic.Pointer[Policy]
	node    string
	turn    Turn
	log     logrus.FieldLogger
	now     func() time.Time
	metrics *metrics
	deliver *screenpop.Deliverer
	callers *callers
	full    fullness

	queries  chan func()
	broken   chan error
	limits   chan zendesk.Exchange
	finished chan result
	workers  sync.WaitGroup
	ready    chan struct{}
	stopped  chan struct{}

	// Below is the conductor's alone.
	calls  map[telephony.CallID]*entry
	agenda agenda
	lanes  lanes
	skews  map[string]*skew
	// unplanned are the calls that are still to be looked at since the journal
	// was read, or since it is our turn.
	unplanned []telephony.CallID
	applied   uint64 // the last entry folded
	target    uint64 // the last entry at the start
	caughtUp  bool
	waits     bool // it is another node's turn, as far as the conductor has heard
	atEnd     bool // tickets are made at the end, since updates lag
	halted    bool // Zendesk does not take our credentials
	outage    outage
	retained  time.Time // when the size of the journal was last looked at
}

// New returns a bridge that is not running yet.
func New(o Options) (*Bridge, error) {
	if o.Journal == nil || o.Zendesk == nil || o.Policy == nil || o.Log == nil || o.Node == "" {
		return nil, errors.New("bridge: journal, zendesk, policy, log and node must be given")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Audio == nil {
		o.Audio = noAudio{}
	}
	b := &Bridge{
		journal: o.Journal, zendesk: o.Zendesk, audio: o.Audio, speech: o.Speech, node: o.Node, turn: o.Turn, log: o.Log, now: o.Now,
		deliver: screenpop.NewDeliverer(o.Zendesk, func(err error) bool { return classify(err, false).kind == retry }, o.Now),
		callers: newCallers(o.Now), queries: make(chan func()), broken: make(chan error, 1), limits: make(chan zendesk.Exchange, recordBuffer),
		finished: make(chan result), ready: make(chan struct{}), stopped: make(chan struct{}),
		calls: make(map[telephony.CallID]*entry), skews: make(map[string]*skew),
	}
	b.lanes.speech = o.SpeechAtOnce
	b.metrics = newMetrics(o.Metrics)
	b.policy.Store(o.Policy)
	return b, nil
}

// SetPolicy exchanges the policy; what is planned from now on follows it.
func (b *Bridge) SetPolicy(p *Policy) { b.policy.Store(p) }

// Ready is closed when the journal has been read up to its end: from then on
// steps are done. Sources should begin no earlier.
func (b *Bridge) Ready() <-chan struct{} { return b.ready }

// Observe tells the bridge of an exchange with Zendesk, for the budget. It
// never blocks.
func (b *Bridge) Observe(ex zendesk.Exchange) {
	b.metrics.exchange(ex)
	select {
	case b.limits <- ex:
	default: // the next one says the same
	}
}

// Run reads the journal from its checkpoint and works until ctx is over or the
// journal fails. Steps that run then are given ten seconds to finish. It may be
// called once.
func (b *Bridge) Run(ctx context.Context) error {
	defer close(b.stopped)
	state, err := b.journal.State(ctx)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	checkpoint, err := b.journal.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("read the checkpoint: %w", err)
	}
	b.target, b.applied = state.Last, min(checkpoint, state.Last)
	tailCtx, stopTail := context.WithCancel(ctx)
	records, tailed := make(chan journal.Record, recordBuffer), make(chan error, 1)
	go func() {
		defer close(tailed)
		tailed <- b.journal.Tail(tailCtx, b.applied+1, func(r journal.Record) error {
			select {
			case records <- r:
				return nil
			case <-tailCtx.Done():
				return context.Cause(tailCtx)
			}
		})
	}()
	b.workers.Go(warm)
	// Requests in flight outlive ctx by stopWithin.
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	err = b.conduct(ctx, workCtx, records, tailed)
	b.drain(stopWork)
	stopTail()
	for range tailed { // it ends with the tail
	}
	if !b.waits {
		b.checkpoint(context.WithoutCancel(ctx))
	}
	return err
}

// warm reads in where numbers belong: a tenth of a second, for which the first call
// would have to wait.
func warm() { _ = telephony.ParseNumber("+12125550123", "").Location() }

// conduct is the loop. It returns nil when ctx is over.
func (b *Bridge) conduct(ctx, workCtx context.Context, records <-chan journal.Record, tailed <-chan error) error {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	wake := time.NewTimer(time.Hour)
	defer wake.Stop()
	for {
		b.catchUp()
		b.takeTurn()
		b.considerSome()
		b.dispatch(ctx, workCtx)
		wake.Reset(b.untilWake())
		select {
		case <-ctx.Done():
			return nil
		case err := <-tailed:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read the journal: %w", err)
		case r := <-records:
			if err := b.takeAll(ctx, r, records); err != nil {
				return unlessStopped(ctx, err)
			}
		case done := <-b.finished:
			if err := b.finish(ctx, done); err != nil {
				return unlessStopped(ctx, err)
			}
		case err := <-b.broken:
			return err
		case query := <-b.queries:
			query()
		case ex := <-b.limits:
			b.learn(ex)
		case <-b.turnChanged():
		case <-wake.C:
		case <-tick.C:
			b.tend(ctx)
		}
	}
}

// unlessStopped is err, or nil where all it says is that ctx is over: to be
// stopped while the journal is read again is no failure.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// catchUp notes when the journal has been read to where it ended at the start.
func (b *Bridge) catchUp() {
	if b.caughtUp || b.applied < b.target {
		return
	}
	b.caughtUp = true
	close(b.ready)
	b.considerAll()
}

// untilWake is how long nothing is due.
func (b *Bridge) untilWake() time.Duration {
	if !b.caughtUp || b.waits {
		return time.Hour
	}
	if len(b.unplanned) > 0 {
		return 0
	}
	next := time.Hour
	now := b.now()
	for _, at := range []time.Time{b.agenda.first(), b.lanes.wake(now)} {
		if !at.IsZero() {
			next = min(next, max(at.Sub(now), 0))
		}
	}
	return next
}

// drain waits for the steps that run, for a bounded time.
func (b *Bridge) drain(stopWork context.CancelFunc) {
	idle := make(chan struct{})
	go func() {
		b.workers.Wait()
		close(idle)
	}()
	patience := time.NewTimer(stopWithin)
	defer patience.Stop()
	for {
		select {
		case <-idle:
			stopWork()
			return
		case <-b.finished:
		case <-patience.C:
			b.log.WithField("steps", b.lanes.busy()).Warn("requests in flight given up, they are looked up at the next start")
			stopWork()
		}
	}
}

// checkpoint tells the journal up to where all calls are settled, and returns it.
func (b *Bridge) checkpoint(ctx context.Context) uint64 {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	at := b.applied
	for _, e := range b.calls {
		if e.settled.IsZero() && e.first <= at {
			at = e.first - 1
		}
	}
	if err := b.journal.SetCheckpoint(ctx, at); err != nil {
		b.log.WithError(err).Debug("checkpoint not kept, the next start reads more")
	}
	return at
}

// tend gives memory back, moves the checkpoint and watches the budget.
func (b *Bridge) tend(ctx context.Context) {
	now := b.now()
	for id, e := range b.calls {
		if !e.settled.IsZero() && now.Sub(e.settled) > keepSettled && e.running == 0 && !e.queued {
			delete(b.calls, id)
		}
	}
	if b.caughtUp && !b.waits {
		b.lookForOverdue(now)
		b.retain(ctx, b.checkpoint(ctx))
	}
	lag := b.lanes.lag(laneUpdates, now)
	if b.atEnd != (lag > updateLag) && (lag == 0 || !b.atEnd) {
		b.atEnd = !b.atEnd
		b.log.WithField("lag", lag.Round(time.Second).String()).WithField("tickets_create_end", b.atEnd).
			Warn("update budget of the account changed how tickets are made")
	}
	b.lanes.updates.tend(now)
	b.metrics.observe(b)
}

// noAudio refuses all audio: nothing is configured to collect it.
type noAudio struct{}

func (noAudio) Collect(context.Context, telephony.CallID, string) (Audio, error) {
	return Audio{Refused: "no folder for voicemail is configured (sources[].asterisk.voicemail)"}, nil
}

func (noAudio) CollectRecording(context.Context, telephony.CallID, string) (Audio, error) {
	return Audio{Refused: "no folder of recordings is configured (sources[].asterisk.recordings)"}, nil
}
