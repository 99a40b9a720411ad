package bridge_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// dying is a journal that dies at its nth append: nothing is stored after that.
// With lost the nth is stored, and its writer never hears of it.
type dying struct {
	bridge.Journal
	mu    sync.Mutex
	left  int
	lost  bool
	died  chan struct{}
	tally int
}

func (d *dying) admit() (dead, last bool) {
	if d.left == 0 {
		return true, false
	}
	d.left--
	d.tally++
	if d.left == 0 {
		close(d.died)
	}
	return false, d.left == 0
}

func (d *dying) Append(ctx context.Context, messages ...journal.Message) ([]uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dead, last := d.admit()
	if dead {
		return nil, journal.ErrClosed
	}
	seqs, err := d.Journal.Append(ctx, messages...)
	if last && d.lost {
		return nil, journal.ErrClosed
	}
	return seqs, err
}

func (d *dying) AppendIf(ctx context.Context, m journal.Message, last uint64) (uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dead, final := d.admit()
	if dead {
		return 0, journal.ErrClosed
	}
	seq, err := d.Journal.AppendIf(ctx, m, last)
	if final && d.lost {
		return 0, journal.ErrClosed
	}
	return seq, err
}

// TestDeathAtEveryPointOfACallMakesOneTicket kills the bridge at every append of
// a call's story, in two ways, and starts another on the same journal.
func TestDeathAtEveryPointOfACallMakesOneTicket(t *testing.T) {
	t.Parallel()
	const most = 14
	var fewest atomic.Int64
	for _, lost := range []bool{false, true} {
		for n := 1; n <= most; n++ {
			t.Run(fmt.Sprintf("append %d, answer lost %t", n, lost), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, setup{idle: true, policy: func(p *bridge.Policy) { p.Settle = time.Second }})
				d := &dying{left: n, lost: lost, died: make(chan struct{})}
				r.start(setup{wrap: func(j bridge.Journal) bridge.Journal { d.Journal = j; return d }})
				s := &story{rig: r, died: d.died, call: r.call("1")}
				s.play()
				ticket := r.ticket(s.call)
				require.LessOrEqual(t, completions(ticket), 1)
				require.Len(t, ticket.Comments, wantComments(t, r, s.call))
				require.True(t, r.view(s.call).Record.Completed)
				require.Len(t, customers(r), 1)
				require.LessOrEqual(t, len(r.desk.Pops()), 2)
				r.clean()
				if s.restarted {
					fewest.Store(max(fewest.Load(), int64(n)))
				}
			})
		}
	}
	t.Cleanup(func() { require.GreaterOrEqual(t, fewest.Load(), int64(8), "deaths reach to the end of the call") })
}

// customers are the end users of the account.
func customers(r *rig) []zendesktest.User {
	var users []zendesktest.User
	for _, u := range r.desk.Users() {
		if u.Role == zendesktest.RoleEndUser {
			users = append(users, u)
		}
	}
	return users
}

// story plays an ordinary call to a bridge that may die, and restarts it.
type story struct {
	*rig
	audio     bridge.AudioCollector
	speech    bridge.Speech
	call      *phone
	died      chan struct{}
	restarted bool
}

func (s *story) play() {
	p := s.call
	s.tell(func(c telephony.State) bool { return c.Live() }, p.coming()...)
	s.tell(func(c telephony.State) bool { return len(c.Ringing) == 1 }, p.ringing("1001")...)
	s.tell(telephony.State.Answered, p.answering("1001")...)
	s.tell(telephony.State.Ended, p.ending("1001", "t")...)
}

// tell appends one packing, and waits until it is folded and nothing is to be
// done now. The bridge may die meanwhile.
func (s *story) tell(folded func(telephony.State) bool, events ...telephony.Event) {
	s.t.Helper()
	events = s.call.stamp(events...)
	if err := s.bridge.Sink("pbx1").Append(s.t.Context(), events); err != nil {
		s.again()
		require.NoError(s.t, s.bridge.Sink("pbx1").Append(s.t.Context(), events))
	}
	s.eventually("rest", func() bool {
		view, found, err := s.bridge.Call(s.t.Context(), s.call.id)
		if err != nil {
			s.again()
			return false
		}
		return found && folded(view.State) && view.Next.Kind == ""
	})
}

// settled waits until nothing is owed about the calls. The bridge may die with
// the very last append.
func (s *story) settled(phones ...*phone) {
	s.t.Helper()
	for _, p := range phones {
		s.eventually("settled: "+string(p.id), func() bool {
			view, found, err := s.bridge.Call(s.t.Context(), p.id)
			if err != nil {
				s.again()
				return false
			}
			return found && view.Next.Settled
		})
	}
}

// again starts a new bridge on the journal of the one that died.
func (s *story) again() {
	s.t.Helper()
	select {
	case <-s.died:
	case <-time.After(time.Minute):
		require.FailNow(s.t, "the bridge ended without having died")
	}
	require.False(s.t, s.restarted, "it dies once")
	s.restarted = true
	_ = s.stop() // that the journal was closed, unless it was stopped before it knew
	s.start(setup{audio: s.audio, speech: s.speech})
}

func TestStopAndStartInTheMiddleOfACall(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p := r.talk()
	require.NoError(t, r.stop())
	require.NoError(t, r.stop(), "twice does no harm")
	r.start(setup{})
	again := r.call("1")
	again.n = p.n
	again.ends("1001", "t")
	r.settled(again)
	require.Equal(t, 1, completions(r.ticket(p)))
	require.Len(t, r.desk.Pops(), 1)
	r.clean()
}

func TestStopLetsTheRequestInFlightFinish(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	fault := r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Effect: zendesktest.Slow(700 * time.Millisecond)})
	p := r.call("1")
	p.comes()
	p.rings("1001")
	p.answers("1001")
	r.eventually("request in flight", func() bool { return fault.Hits() == 1 })
	require.NoError(t, r.stop())
	require.Equal(t, []string{"caller caller", "intent create", "done create"}, kinds(r.outcomes(p)))
	r.clean()
}

func TestTwoBridgesOnOneJournalMakeOneTicketEach(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	first := r.stop
	r.start(setup{})
	var phones []*phone
	var wg sync.WaitGroup
	for i := range 10 {
		p := r.call(fmt.Sprint(i))
		phones = append(phones, p)
		wg.Go(func() { p.ordinary("1001") })
	}
	wg.Wait()
	r.settled(phones...)
	for _, p := range phones {
		require.Len(t, r.ticket(p).Comments, wantComments(t, r, p))
	}
	require.NoError(t, first())
	require.Len(t, customers(r), 1)
	r.clean()
}

// full is a journal that has no room for a while.
type full struct {
	bridge.Journal
	is      atomic.Bool
	refused atomic.Int64
}

func (f *full) err() error {
	if !f.is.Load() {
		return nil
	}
	f.refused.Add(1)
	return &journal.FullError{Dir: "data", Bytes: 1 << 20}
}

func (f *full) Append(ctx context.Context, messages ...journal.Message) ([]uint64, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Journal.Append(ctx, messages...)
}

func (f *full) AppendIf(ctx context.Context, m journal.Message, last uint64) (uint64, error) {
	if err := f.err(); err != nil {
		return 0, err
	}
	return f.Journal.AppendIf(ctx, m, last)
}

func TestNothingIsLostWhileTheJournalIsFull(t *testing.T) {
	t.Parallel()
	f := &full{}
	r := newRig(t, setup{wrap: func(j bridge.Journal) bridge.Journal { f.Journal = j; return f }})
	talking := r.talk()
	f.is.Store(true)
	told := make(chan struct{})
	waiting := r.call("2")
	go func() {
		defer close(told)
		talking.ends("1001", "t")
		waiting.ordinary("1002")
	}()
	r.eventually("refusals", func() bool { return f.refused.Load() >= 3 })
	select {
	case <-told:
		require.FailNow(t, "the driver must wait")
	default:
	}
	f.is.Store(false)
	<-told
	r.settled(talking, waiting)
	require.Equal(t, 1, completions(r.ticket(talking)))
	r.ticket(waiting)
	r.clean()
}

func TestBrokenJournalEndsTheBridge(t *testing.T) {
	t.Parallel()
	d := &dying{died: make(chan struct{})}
	r := newRig(t, setup{wrap: func(j bridge.Journal) bridge.Journal { d.Journal = j; return d }})
	p := r.call("1")
	err := p.sink.Append(t.Context(), p.stamp(telephony.Event{Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, First: true}))
	require.ErrorIs(t, err, journal.ErrClosed)
	_, _, err = r.bridge.Call(t.Context(), p.id)
	for err == nil {
		_, _, err = r.bridge.Call(t.Context(), p.id)
	}
	require.ErrorContains(t, err, "stopped")
	require.ErrorIs(t, r.stop(), journal.ErrClosed)
}
