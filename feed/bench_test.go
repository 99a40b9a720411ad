package feed_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/telephony"
)

// crowd is many readers in this process. They look at no more of a message than
// its sequence: what is measured is the feed, not them.
type crowd struct {
	conns    []*websocket.Conn
	wg       sync.WaitGroup
	received atomic.Int64
	seen     func(seq uint64)
}

// join connects readers, who then read until their connections end.
func (c *crowd) join(t testing.TB, s *site, readers int) {
	t.Helper()
	for range readers {
		dialer := websocket.Dialer{ReadBufferSize: 16 << 10}
		conn, response, err := dialer.Dial("ws://"+s.host+"/v1/feed", nil)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		_, snapshot, err := conn.ReadMessage()
		require.NoError(t, err)
		require.Contains(t, string(snapshot), feed.TypeSnapshot)
		c.conns = append(c.conns, conn)
		c.wg.Go(func() { c.read(conn) })
	}
	t.Cleanup(func() {
		for _, conn := range c.conns {
			_ = conn.Close()
		}
		c.wg.Wait()
	})
}

var cursorKey = []byte(`"cursor":"` + epoch + "-")

func (c *crowd) read(conn *websocket.Conn) {
	buffer := bytes.NewBuffer(make([]byte, 0, 8<<10))
	for {
		_, r, err := conn.NextReader()
		if err != nil {
			return
		}
		buffer.Reset()
		if _, err := buffer.ReadFrom(r); err != nil {
			return
		}
		_, rest, found := bytes.Cut(buffer.Bytes(), cursorKey)
		digits, _, ended := bytes.Cut(rest, []byte(`"`))
		if seq, err := strconv.ParseUint(string(digits), 10, 64); err == nil && found && ended && !bytes.Contains(buffer.Bytes()[:200], []byte("heartbeat")) {
			c.received.Add(1)
			if c.seen != nil {
				c.seen(seq)
			}
		}
	}
}

// latencies measures from the entry's being in the journal to each reader.
type latencies struct {
	mu    sync.Mutex
	began []time.Time
	all   []time.Duration
}

func (l *latencies) seen(seq uint64) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := int(seq) - 1; i < len(l.began) {
		l.all = append(l.all, now.Sub(l.began[i]))
	}
}

func (l *latencies) quantile(q float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.all)
	return l.all[int(q*float64(len(l.all)-1))]
}

// pace appends an entry of an ordinary call each interval.
func (l *latencies) pace(j *memory, entries int, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	c := &call{id: "hq/pbx1/0"}
	for n := range entries {
		<-tick.C
		if n%4 == 0 {
			c = &call{id: fmt.Sprintf("hq/pbx1/%d", n)}
		}
		events := step(c, n%4)
		l.mu.Lock()
		l.began = append(l.began, time.Now())
		l.mu.Unlock()
		j.events(events...)
	}
}

// step is one of the four entries of a call.
func step(c *call, n int) []telephony.Event {
	switch n {
	case 0:
		return []telephony.Event{c.starts("5550100001")}
	case 1:
		return c.rings("PJSIP/1001")
	case 2:
		return c.answers("PJSIP/1001")
	default:
		return c.ends("PJSIP/1001")
	}
}

// dead connects a reader that never reads, with a receive buffer as small as the
// system allows.
func dead(t testing.TB, s *site) {
	t.Helper()
	dialer := websocket.Dialer{NetDial: func(network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		if err != nil {
			return nil, err
		}
		return conn, conn.(*net.TCPConn).SetReadBuffer(1)
	}}
	conn, response, err := dialer.Dial("ws://"+s.host+"/v1/feed", nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	t.Cleanup(func() { _ = conn.Close() })
}

// 300 readers and one that does not read, 100 events a second: the promise is a
// p99 below 50 ms from the journal to the reader.
func BenchmarkLatency300Readers100PerSecond(b *testing.B) {
	const readers, rate, entries = 300, 100, 1000
	for b.Loop() {
		j, l := newMemory(), &latencies{}
		s := newSite(b, siteOptions{journal: j})
		c := &crowd{seen: l.seen}
		c.join(b, s, readers)
		dead(b, s)
		l.pace(j, entries, time.Second/rate)
		require.Eventually(b, func() bool { return c.received.Load() >= readers*entries }, patience, 5*time.Millisecond)
		p50, p99 := l.quantile(.5), l.quantile(.99)
		b.ReportMetric(float64(p50)/float64(time.Millisecond), "p50-ms")
		b.ReportMetric(float64(p99)/float64(time.Millisecond), "p99-ms")
		s.stop()
		bare := bareLatency(b, readers, entries, time.Second/rate)
		b.ReportMetric(float64(bare)/float64(time.Millisecond), "bare-p99-ms")
		switch {
		case p99 <= 50*time.Millisecond:
		case bare > 25*time.Millisecond:
			b.Logf("p99 is %v: not below 50 ms, but a bare loop takes %v: this machine is too busy to tell", p99, bare)
		default:
			b.Errorf("p99 is %v, of a bare loop %v: the promise is below 50 ms", p99, bare)
		}
	}
}

// bareLatency is the p99 of a loop that does nothing but write a frame to every
// reader, at the same pace: what this machine can do at this moment.
func bareLatency(b *testing.B, readers, entries int, every time.Duration) time.Duration {
	b.Helper()
	conns := make(chan *websocket.Conn, readers)
	host := serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err == nil {
			_ = conn.WriteMessage(websocket.TextMessage, []byte(feed.TypeSnapshot))
			conns <- conn
		}
	}))
	l := &latencies{}
	c := &crowd{seen: l.seen}
	c.join(b, &site{host: host}, readers)
	var all []*websocket.Conn
	for range readers {
		all = append(all, <-conns)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := range entries {
		<-tick.C
		m, err := websocket.NewPreparedMessage(websocket.TextMessage, fmt.Appendf(nil, `{%s%d","data":"%01300d"}`, cursorKey, n+1, 0))
		require.NoError(b, err)
		l.mu.Lock()
		l.began = append(l.began, time.Now())
		l.mu.Unlock()
		for _, conn := range all {
			require.NoError(b, conn.WritePreparedMessage(m))
		}
	}
	require.Eventually(b, func() bool { return c.received.Load() >= int64(readers*entries) }, patience, 5*time.Millisecond)
	for _, conn := range all {
		_ = conn.Close()
	}
	return l.quantile(.99)
}

// 1,000 readers, and one that does not read, against a bare loop that writes
// frames of the same size to as many connections: the promise is at least 0.7 of
// it, measured by turns in one run.
func BenchmarkThroughput1000Readers(b *testing.B) {
	const readers, entries, window = 1000, 256, 64
	for b.Loop() {
		var ratios, rates []float64
		for range 3 {
			size, own := feedRate(b, readers, entries, window)
			bare := bareRate(b, readers, entries, window, size)
			ratios = append(ratios, bare.Seconds()/own.Seconds())
			rates = append(rates, readers*entries/own.Seconds())
		}
		slices.Sort(ratios)
		slices.Sort(rates)
		b.ReportMetric(rates[1], "messages/s")
		b.ReportMetric(ratios[1], "ratio")
		if ratios[1] < 0.7 {
			b.Errorf("ratio is %.2f: the promise is at least 0.7", ratios[1])
		}
	}
}

// sinks read and forget; they count bytes.
type sinks struct {
	wg    sync.WaitGroup
	bytes atomic.Int64
}

func (s *sinks) drain(conn io.Reader) {
	s.wg.Go(func() {
		buffer := make([]byte, 32<<10)
		for {
			n, err := conn.Read(buffer)
			s.bytes.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
}

func (s *sinks) wait(b *testing.B, want int64) {
	b.Helper()
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); s.bytes.Load() < want; <-tick.C {
		if time.Now().After(deadline) {
			require.Fail(b, "messages missing", "%d of %d bytes", s.bytes.Load(), want)
		}
	}
}

// outcomeOf makes entries of equal size.
func outcomeOf(n int) string {
	return fmt.Sprintf(`{"kind":"done","step":"create","intent":"i%06d","ticket":%d,"reason":"%0512d"}`, n, 100000+n, n)
}

// feedRate is what it takes the feed to deliver to all readers, and the size of
// one frame.
func feedRate(b *testing.B, readers, entries, window int) (frame int64, took time.Duration) {
	b.Helper()
	j := newMemory()
	j.stored = zero // frames of equal size: times have as many digits as they need
	for n := range 1000 {
		j.outcome("hq/pbx1/x", outcomeOf(n))
	}
	s := newSite(b, siteOptions{journal: j, max: readers + 2})
	dead(b, s)
	var out sinks
	var conns []net.Conn
	for range readers {
		conn, rest := handshake(b, s.host)
		conns = append(conns, conn)
		out.drain(rest)
	}
	one := s.follow("")
	one.snapshot()
	size := int64(frameSize(b, j, one))
	require.Eventually(b, func() bool { return out.bytes.Load() >= int64(readers)*size }, patience, time.Millisecond)
	settled := settle(&out)
	go func() { _, _ = io.Copy(io.Discard, one.conn.NetConn()) }()
	began := time.Now()
	for n := 0; n < entries; n += window {
		for i := range window {
			j.outcome("hq/pbx1/x", outcomeOf(1001+n+i))
		}
		out.wait(b, settled+int64(readers)*int64(n+window)*size)
	}
	took = time.Since(began)
	s.stop()
	for _, conn := range conns {
		_ = conn.Close()
	}
	out.wg.Wait()
	return size, took
}

// settle waits until nothing more comes, and returns what has come.
func settle(s *sinks) int64 {
	for before := int64(-1); ; {
		now := s.bytes.Load()
		if now == before {
			return now
		}
		before = now
		<-time.After(50 * time.Millisecond)
	}
}

// frameSize sends one entry, and returns the size of its frame.
func frameSize(b *testing.B, j *memory, f *follower) int {
	b.Helper()
	j.outcome("hq/pbx1/x", outcomeOf(1000))
	require.NoError(b, f.conn.SetReadDeadline(time.Now().Add(patience)))
	_, data, err := f.conn.ReadMessage()
	require.NoError(b, err)
	require.Greater(b, len(data), 125)
	return 4 + len(data)
}

// handshake connects a reader by hand, and returns what follows the answer.
func handshake(b *testing.B, host string) (net.Conn, io.Reader) {
	b.Helper()
	conn, err := net.Dial("tcp", host)
	require.NoError(b, err)
	_, err = fmt.Fprintf(conn, "GET /v1/feed HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", host)
	require.NoError(b, err)
	rest := bufio.NewReader(conn)
	response, err := http.ReadResponse(rest, nil)
	require.NoError(b, err)
	require.NoError(b, response.Body.Close())
	require.Equal(b, http.StatusSwitchingProtocols, response.StatusCode)
	return conn, rest
}

// bareRate is the same with a loop that does nothing but write.
func bareRate(b *testing.B, readers, entries, window int, size int64) time.Duration {
	b.Helper()
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer func() { _ = l.Close() }()
	var out sinks
	var ours, theirs []net.Conn
	for range readers {
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(b, err)
		theirs = append(theirs, conn)
		out.drain(conn)
		conn, err = l.Accept()
		require.NoError(b, err)
		ours = append(ours, conn)
	}
	frame := make([]byte, size)
	began := time.Now()
	for n := 0; n < entries; n += window {
		for range window {
			for _, conn := range ours {
				if _, err := conn.Write(frame); err != nil {
					require.NoError(b, err)
				}
			}
		}
		out.wait(b, int64(readers)*int64(n+window)*size)
	}
	took := time.Since(began)
	for _, conn := range append(ours, theirs...) {
		_ = conn.Close()
	}
	out.wg.Wait()
	return took
}

// One entry made ready for any number of readers: decoded, folded, encoded.
func BenchmarkTellNobody(b *testing.B) {
	j := newMemory()
	s := newSite(b, siteOptions{journal: j})
	f := s.follow("?call=none")
	f.snapshot()
	b.ReportAllocs()
	c := &call{}
	var n int
	for b.Loop() {
		if n%4 == 0 {
			c = &call{id: fmt.Sprintf("hq/pbx1/%d", n)}
		}
		j.events(step(c, n%4)...)
		n++
	}
	for m := (feed.Message{}); m.Cursor.Seq < uint64(n); { // told, all of them
		feed.Beat(s.hub, time.Now())
		m = f.next()
	}
}
