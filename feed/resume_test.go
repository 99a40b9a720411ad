package feed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

func TestResume(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		recent int // how many messages the hub keeps
	}{{"from memory", 1000}, {"from the journal", 3}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			j := newMemory()
			for range 60 {
				j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
			}
			s := newSite(t, siteOptions{journal: j, recent: tc.recent})
			f := s.follow("?since=" + epoch + "-10")
			for range 40 {
				j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
			}
			for seq := uint64(11); seq <= 100; seq++ {
				m := f.next()
				require.Equal(t, feed.TypeOutcome, m.Type)
				require.Equal(t, seq, m.Cursor.Seq)
			}
			last := s.follow("?since=" + epoch + "-100")
			j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
			require.Equal(t, uint64(101), last.next().Cursor.Seq, "nothing missed: nothing but what comes")
		})
	}
}

func TestGaps(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, since string
		want        feed.GapReason
	}{
		{"purged", epoch + "-3", feed.GapPurged},
		{"from the start, which is purged", epoch + "-0", feed.GapPurged},
		{"other journal", "fedcba9876543210-12", feed.GapOtherJournal},
		{"in the future", epoch + "-21", feed.GapAhead},
		{"far in the future", epoch + "-18446744073709551615", feed.GapAhead},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			j := newMemory()
			one := &call{id: firstCall}
			for range 19 {
				j.outcome("hq/pbx1/old", `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
			}
			j.events(one.starts("5550100001"))
			j.purge(11)
			s := newSite(t, siteOptions{journal: j, recent: 2})
			f := s.follow("?since=" + tc.since)
			m := f.next()
			require.Equal(t, feed.TypeGap, m.Type)
			require.Equal(t, tc.since, m.Cursor.String(), "who is cut off here meets the gap again")
			require.Equal(t, feed.GapData{Reason: tc.want, First: feed.Cursor{Epoch: epoch, Seq: 10}}, data[feed.GapData](t, m))
			m, calls := f.snapshot()
			require.Equal(t, uint64(20), m.Cursor.Seq)
			require.Len(t, calls, 1)
			j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
			require.Equal(t, uint64(21), f.next().Cursor.Seq)

			f = s.follow("?since=" + epoch + "-10")
			require.Equal(t, uint64(11), f.next().Cursor.Seq, "the oldest that is there")
		})
	}
}

// What a reader sees does not depend on whether it was told at once, resumed from
// memory or from the journal: an agent's calls from the moment he takes part.
func TestSightIsTheSameHoweverItIsRead(t *testing.T) {
	t.Parallel()
	j := newMemory()
	s := newSite(t, siteOptions{journal: j, recent: 2, tokens: []feed.Token{{Secret: allToken}, {Secret: anaToken, Agent: "Ana"}}})
	watch := func(query string) *follower {
		conn, refused := s.connect(query, anaToken, nil)
		require.Nil(t, refused)
		t.Cleanup(func() { _ = conn.Close() })
		return &follower{t: t, conn: conn}
	}
	live := watch("")
	_, calls := live.snapshot()
	require.Empty(t, calls)

	one, bens := &call{id: firstCall}, &call{id: "hq/pbx1/bens"}
	j.events(one.starts("5550100001"))                                                // 1: nobody's yet
	j.outcome(firstCall, `{"kind":"caller","time":"2026-01-02T10:00:00Z"}`)           // 2
	j.events(bens.starts("5550100001"))                                               // 3
	j.events(bens.rings("PJSIP/1002")...)                                             // 4: Ben's
	j.events(one.rings("PJSIP/1002")...)                                              // 5: Ben's, not hers
	j.events(one.rings("PJSIP/1001")...)                                              // 6: hers
	j.outcome(firstCall, `{"kind":"intent","time":"2026-01-02T10:00:00Z"}`)           // 7: hers
	j.events(one.answers("PJSIP/1002")...)                                            // 8: Ben was quicker; she saw it ring
	j.outcome("hq/pbx1/bens", `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)        // 9
	j.events(one.ends("PJSIP/1001", "PJSIP/1002")...)                                 // 10
	j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z","ticket":35}`) // 11: hers, after the end
	want := []uint64{6, 7, 8, 10, 11}
	got := func(f *follower) []uint64 {
		var seqs []uint64
		for range want {
			m := f.next()
			require.Equal(t, firstCall, m.Subject)
			seqs = append(seqs, m.Cursor.Seq)
		}
		return seqs
	}
	require.Equal(t, want, got(live))
	require.Equal(t, want, got(watch("?since="+epoch+"-0")), "from the journal")
	require.Equal(t, want, got(watch("?since="+epoch+"-4")), "from the journal, in mid-call: what comes later is not known before")
	s.stop()
	s = newSite(t, siteOptions{journal: j, tokens: []feed.Token{{Secret: anaToken, Agent: "Ana"}}})
	require.Equal(t, want, got(watch("?since="+epoch+"-0")), "from the memory of another start")
	require.Equal(t, want[2:], func() []uint64 {
		want = want[2:]
		return got(watch("?since=" + epoch + "-7"))
	}())
}

// The promise: a reader that is cut off at any moment, and a daemon that starts
// anew, with the real journal. Every sequence comes exactly once.
func TestReaderCutAtRandomSeesEachSequenceOnce(t *testing.T) {
	t.Parallel()
	const entries = 1200
	for _, recent := range []int{7, 4096} { // most from the journal, all from memory
		t.Run(fmt.Sprintf("%d in memory", recent), func(t *testing.T) {
			t.Parallel()
			j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir() + "/journal", Site: "hq"})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, j.Close()) })
			state, err := j.State(t.Context())
			require.NoError(t, err)
			proxy := newCutter(t)
			start := func() *site {
				s := newSite(t, siteOptions{journal: j, recent: recent})
				proxy.lead(s.host)
				return s
			}
			s := start()
			wrote := make(chan error, 1)
			go func() { wrote <- fill(t.Context(), j, entries) }()
			seen := make(map[string]int)
			cuts, left, next := 0, 20, state.Last+1
			reader := &feed.Reader{
				URL: "ws://" + proxy.addr() + "/v1/feed", Since: feed.Cursor{Epoch: j.Epoch(), Seq: state.Last},
				Cut: func(error, time.Duration) { cuts++ },
			}
			err = reader.Run(t.Context(), func(m feed.Message) error {
				require.NotEqual(t, feed.TypeGap, m.Type)
				if m.Type != feed.TypeEvent && m.Type != feed.TypeOutcome {
					return nil
				}
				require.Equal(t, next, m.Cursor.Seq, "neither gap nor repeat")
				seen[m.ID]++
				next++
				left--
				switch {
				case next > state.Last+entries:
					return io.EOF
				case next == state.Last+entries/2:
					s.stop()
					s = start()
				case left <= 0:
					proxy.cut()
					left = 1 + rand.N(100)
				}
				return nil
			})
			require.ErrorIs(t, err, io.EOF)
			require.NoError(t, <-wrote)
			require.Len(t, seen, entries)
			require.GreaterOrEqual(t, cuts, 3)
			t.Logf("%d entries, %d cuts, one restart: each seen once", entries, cuts)
		})
	}
}

// fill appends entries of many calls.
func fill(ctx context.Context, j *journal.Journal, entries int) error {
	for n := 0; n < entries; n += 3 {
		c := &call{id: fmt.Sprintf("hq/pbx1/%d.%d", time.Now().UnixNano(), n)}
		first, err := json.Marshal([]telephony.Event{c.starts("5550100001")})
		if err != nil {
			return err
		}
		second, err := json.Marshal(c.rings("PJSIP/1001"))
		if err != nil {
			return err
		}
		if _, err := j.Append(ctx, journal.Message{Call: c.id, Kind: journal.Event, Data: first},
			journal.Message{Call: c.id, Kind: journal.Event, Data: second},
			journal.Message{Call: c.id, Kind: journal.Outcome, Data: []byte(`{"kind":"done","time":"2026-01-02T10:00:00Z"}`)}); err != nil {
			return err
		}
	}
	return nil
}

// cutter stands between a reader and the feed, and cuts their connections.
type cutter struct {
	listener net.Listener
	mu       sync.Mutex
	target   string
	conns    map[net.Conn]struct{}
}

func newCutter(t *testing.T) *cutter {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cutter{listener: l, conns: make(map[net.Conn]struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { c.pass(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		c.cut()
		wg.Wait()
	})
	return c
}

func (c *cutter) addr() string { return c.listener.Addr().String() }

func (c *cutter) lead(target string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.target = target
}

// pass carries bytes until the connection is cut: in the middle of a message, as
// like as not.
func (c *cutter) pass(in net.Conn) {
	defer func() { _ = in.Close() }()
	c.mu.Lock()
	target := c.target
	c.mu.Unlock()
	out, err := new(net.Dialer).Dial("tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	c.mu.Lock()
	c.conns[in] = struct{}{}
	c.conns[out] = struct{}{}
	c.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(out, in)
		_ = out.Close()
	})
	_, _ = io.CopyBuffer(struct{ io.Writer }{in}, struct{ io.Reader }{out}, make([]byte, 100))
	_ = in.Close()
	wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, in)
	delete(c.conns, out)
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		_ = conn.Close()
	}
}

func TestReaderReturnsWhatItsFunctionReturns(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{journal: newMemory()})
	mine := errors.New("mine")
	err := (&feed.Reader{URL: "ws://" + s.host + "/v1/feed"}).Run(t.Context(), func(feed.Message) error { return mine })
	require.Equal(t, mine, err)

	ctx, cancel := context.WithCancel(t.Context())
	err = (&feed.Reader{URL: "ws://" + s.host + "/v1/feed"}).Run(ctx, func(feed.Message) error { cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
}

func TestReaderGivesUpWhereItIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{journal: newMemory(), tokens: []feed.Token{{Secret: allToken}}})
	refused, ok := errors.AsType[*feed.RefusedError]((&feed.Reader{URL: "ws://" + s.host + "/v1/feed", Token: "wrong"}).Run(t.Context(), nil))
	require.True(t, ok)
	require.Equal(t, 401, refused.Status)
	require.Contains(t, refused.Error(), "http.tokens")

	reader := &feed.Reader{URL: "ws://" + s.host + "/v1/feed", Token: allToken}
	err := reader.Run(t.Context(), func(feed.Message) error {
		require.NoError(t, s.gate.Set([]feed.Token{{Secret: "another token, a new one"}}, nil))
		s.hub.Review()
		return nil
	})
	refused, ok = errors.AsType[*feed.RefusedError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, feed.CloseToken, refused.Status)

	err = (&feed.Reader{URL: "ws://127.0.0.1:1/v1/feed"}).Run(t.Context(), nil)
	require.ErrorContains(t, err, "connect to the feed")
}
