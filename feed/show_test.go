package feed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/journal"
)

// The promise of the feed in one test, with the real journal: 300 readers, 100
// events a second, one reader among them that reads nothing, and at each event
// somebody is cut off. Each reader has each event once, in order. Run it alone to
// see the figures:
//
//	go test ./feed -run Resume300Readers -v
func TestResume300Readers(t *testing.T) { //nolint:paralleltest // others would have to wait for this load
	const readers, entries = 300, 200
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir() + "/journal", Site: "hq"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	// Little is kept, so that who resumes needs the journal now and then, and a slow
	// reader is known as one before the test is over.
	s := newSite(t, siteOptions{journal: j, recent: 50, queue: 60, sends: 16 << 10})
	a := &audience{t: t, url: "ws://" + s.host + "/v1/feed", last: entries}
	slow := a.reader(true)
	for range readers {
		a.reader(false)
	}
	a.joined.Wait()
	began := time.Now()
	a.play(j, entries)
	took := time.Since(began)
	a.quick.Wait()
	require.False(t, slow.ended.Load(), "it has read nothing yet")
	slow.widen(64 << 10) // else what has come goes through the eye of a needle, for half a minute
	close(slow.blocked)
	a.all.Wait()
	// As slow, or on a machine that takes ten seconds for it because a write did.
	require.Greater(t, slow.dials, 1, "who reads nothing is let go, and resumes")
	require.NotZero(t, a.cuts.Load())
	require.Equal(t, int64((readers+1)*entries), a.messages.Load())
	slices.Sort(a.latencies)
	at := func(q float64) time.Duration {
		return a.latencies[int(q*float64(len(a.latencies)-1))].Round(10 * time.Microsecond)
	}
	t.Logf("%d readers and a slow one, %d events at %.0f a second: %d messages, no gap, no repeat; %d cut off and the slow one let go, all resumed; "+
		"from the journal to readers that were there: p50 %v, p99 %v",
		readers, entries, entries/took.Seconds(), a.messages.Load(), a.cuts.Load(), at(.5), at(.99))
}

// audience is many readers that resume by themselves.
type audience struct {
	t                  *testing.T
	url                string
	last               uint64
	joined, quick, all sync.WaitGroup
	messages, cuts     atomic.Int64
	mu                 sync.Mutex
	readers            []*listener
	latencies          []time.Duration
}

// listener is one reader of an audience, and its connection.
type listener struct {
	of      *audience
	next    uint64        // 0 before the snapshot
	blocked chan struct{} // nil, or holds up its reading until it is closed
	ended   atomic.Bool

	mu        sync.Mutex
	conn      net.Conn
	buffer    int // what the system keeps for a reader that is held up
	connected time.Time
	dials     int
}

// reader adds one, who reads until the last event.
func (a *audience) reader(slow bool) *listener {
	l := &listener{of: a}
	if slow {
		l.blocked, l.buffer = make(chan struct{}), 1 // as little as it can be
	} else {
		a.readers = append(a.readers, l)
		a.quick.Add(1)
	}
	a.joined.Add(1)
	r := &feed.Reader{URL: a.url, Dial: l.dial}
	a.all.Go(func() {
		if err := r.Run(context.WithoutCancel(a.t.Context()), l.take); !errors.Is(err, io.EOF) {
			a.t.Errorf("a reader ended: %v", err)
		}
		l.ended.Store(true)
		if !slow {
			a.quick.Done()
		}
	})
	return l
}

func (l *listener) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.connected = conn, time.Now()
	l.dials++
	if l.blocked != nil {
		err = conn.(*net.TCPConn).SetReadBuffer(l.buffer)
	}
	return conn, err
}

// widen gives a reader's connections, this one and others, more room.
func (l *listener) widen(bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buffer = bytes
	require.NoError(l.of.t, l.conn.(*net.TCPConn).SetReadBuffer(bytes))
}

func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.conn.Close()
}

// take checks that a message is the next one.
func (l *listener) take(m feed.Message) error {
	switch m.Type {
	case feed.TypeSnapshot:
		if l.next != 0 {
			return fmt.Errorf("a second snapshot, at %s", m.Cursor)
		}
		l.next = m.Cursor.Seq + 1
		l.of.joined.Done()
		if l.blocked != nil {
			<-l.blocked
		}
		return nil
	case feed.TypeHeartbeat:
		return nil
	}
	if m.Cursor.Seq != l.next || m.Type != feed.TypeEvent {
		return fmt.Errorf("%s at %d instead of an event at %d", m.Type, m.Cursor.Seq, l.next)
	}
	l.next++
	l.of.messages.Add(1)
	l.mu.Lock()
	there := l.blocked == nil && m.RecordedTime.After(l.connected)
	l.mu.Unlock()
	if there {
		l.of.mu.Lock()
		l.of.latencies = append(l.of.latencies, time.Since(m.RecordedTime))
		l.of.mu.Unlock()
	}
	if m.Cursor.Seq == l.of.last {
		return io.EOF
	}
	return nil
}

// play appends an event every ten milliseconds, and cuts somebody off each time. Where the
// machine does not keep up it waits for the readers, for a minute in all: else they would be
// taken for slow, and resume, and be slower still.
func (a *audience) play(j *journal.Journal, entries int) {
	a.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	const ahead = 40 // of the readers on average: less than what waits for a slow one
	patience := time.Now().Add(time.Minute)
	c := &call{}
	for n := range entries {
		<-tick.C
		for a.messages.Load() < int64(len(a.readers)*(n-ahead)) && time.Now().Before(patience) {
			<-tick.C
		}
		if n%4 == 0 {
			c = &call{id: fmt.Sprintf("hq/pbx1/17000%05d.1", n)}
		}
		data, err := json.Marshal(step(c, n%4))
		require.NoError(a.t, err)
		_, err = j.Append(a.t.Context(), journal.Message{Call: c.id, Kind: journal.Event, Data: data})
		require.NoError(a.t, err)
		if n < entries-1 {
			a.readers[rand.N(len(a.readers))].cut()
			a.cuts.Add(1)
		}
	}
}
