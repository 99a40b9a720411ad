package feed_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/feed/feedtest"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

const (
	epoch     = "0123456789abcdef"
	allToken  = "token-that-sees-all-calls"
	anaToken  = "token-that-sees-anas-calls"
	patience  = 30 * time.Second
	firstCall = "hq/pbx1/1700000000.1"
)

// zero is when the calls of the tests begin.
var zero = time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)

// memory is a journal in memory. Like the real one it gives records to any number
// of readers, and forgets what is purged.
type memory struct {
	mu         sync.Mutex
	records    []journal.Record
	first      uint64
	checkpoint uint64
	changed    chan struct{}
	storyErr   error
	stored     time.Time // when records were taken; zero: now
}

func newMemory() *memory { return &memory{first: 1, changed: make(chan struct{})} }

func (j *memory) Epoch() string { return epoch }

func (j *memory) last() uint64 { return j.first + uint64(len(j.records)) - 1 }

func (j *memory) State(context.Context) (journal.State, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return journal.State{First: j.first, Last: j.last(), Messages: uint64(len(j.records))}, nil
}

func (j *memory) Checkpoint(context.Context) (uint64, error) { return j.checkpoint, nil }

func (j *memory) StoryBefore(_ context.Context, call string, before uint64) ([]journal.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.storyErr != nil {
		return nil, j.storyErr
	}
	var story []journal.Record
	for _, r := range j.records {
		if r.Call == call && r.Seq < before {
			story = append(story, r)
		}
	}
	return story, nil
}

func (j *memory) Tail(ctx context.Context, from uint64, fn func(journal.Record) error) error {
	for next := max(from, 1); ; {
		j.mu.Lock()
		next = max(next, j.first)
		var batch []journal.Record
		if next <= j.last() {
			batch = slices.Clone(j.records[next-j.first:])
		}
		changed := j.changed
		j.mu.Unlock()
		for _, r := range batch {
			if err := fn(r); err != nil {
				return err
			}
			next = r.Seq + 1
		}
		if len(batch) > 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// append adds a record, and returns its sequence.
func (j *memory) append(call string, kind journal.Kind, data []byte) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	seq, stored := j.last()+1, j.stored
	if stored.IsZero() {
		stored = time.Now().UTC()
	}
	j.records = append(j.records, journal.Record{Seq: seq, Stored: stored, Call: call, Kind: kind, Data: data})
	close(j.changed)
	j.changed = make(chan struct{})
	return seq
}

func (j *memory) events(events ...telephony.Event) {
	data, err := json.Marshal(events)
	if err != nil {
		panic(err)
	}
	j.append(string(events[0].Call), journal.Event, data)
}

func (j *memory) outcome(call, text string) uint64 {
	return j.append(call, journal.Outcome, []byte(text))
}

func (j *memory) purge(before uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = slices.Clone(j.records[before-j.first:])
	j.first = before
}

// call makes the events of an inbound call.
type call struct {
	id string
	n  int
}

func (c *call) event(kind telephony.Kind, leg string, change func(*telephony.Event)) telephony.Event {
	c.n++
	e := telephony.Event{
		ID: fmt.Sprintf("%s-%d", c.id, c.n), Call: telephony.CallID(c.id), Kind: kind, Leg: leg,
		Time: zero.Add(time.Duration(c.n) * time.Second), Raw: map[string]string{"secret": "raw fact"},
	}
	if change != nil {
		change(&e)
	}
	return e
}

// starts: a caller comes in on the trunk, for a line of ours.
func (c *call) starts(did string) telephony.Event {
	return c.event(telephony.LegStarted, "t1", func(e *telephony.Event) {
		e.Side, e.Endpoint, e.First, e.Dialled = telephony.SideTrunk, "PJSIP/trunk", true, did
		e.Party = telephony.Party{Number: "+15550109999", Name: "Caller"}
	})
}

func (c *call) rings(endpoint string) []telephony.Event {
	return []telephony.Event{
		c.event(telephony.LegStarted, endpoint, func(e *telephony.Event) { e.Side, e.Endpoint = telephony.SideAgent, endpoint }),
		c.event(telephony.LegDialled, endpoint, func(e *telephony.Event) { e.Side, e.Endpoint, e.Peer = telephony.SideAgent, endpoint, "t1" }),
	}
}

func (c *call) answers(endpoint string) []telephony.Event {
	return []telephony.Event{
		c.event(telephony.LegDialEnded, endpoint, func(e *telephony.Event) { e.Status = telephony.DialAnswer }),
		c.event(telephony.LegBridged, endpoint, func(e *telephony.Event) { e.Bridge = "b1" }),
		c.event(telephony.LegBridged, "t1", func(e *telephony.Event) { e.Bridge = "b1" }),
	}
}

func (c *call) ends(legs ...string) []telephony.Event {
	var events []telephony.Event
	for _, leg := range append(legs, "t1") {
		events = append(events, c.event(telephony.LegEnded, leg, func(e *telephony.Event) { e.Cause = 16 }))
	}
	return events
}

// names are the agents and lines of the tests.
type names struct{}

func (names) Agent(endpoint string) string {
	return map[string]string{"PJSIP/1001": "Ana", "PJSIP/1002": "Ben"}[endpoint]
}

func (names) Line(number string) (e164, name string) {
	n := telephony.ParseNumber(number, "US").String()
	return n, map[string]string{"+15550100001": "Support", "+15550100002": "Sales"}[n]
}

// site is a hub behind a server.
type site struct {
	t        testing.TB
	hub      *feed.Hub
	gate     *feed.Gate
	listener net.Listener
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	host     string
	log      *lockedBuffer
	stop     func() // stops the hub and waits
}

type siteOptions struct {
	journal feed.Journal
	recent  int
	queue   int
	sends   int // what a connection takes before its reader reads, in bytes
	max     int
	tokens  []feed.Token
	origins []string
	pipes   bool       // connections in memory, for tests in a bubble
	names   feed.Names // the tests' own if nil
	pending bool       // do not wait until the hub is ready
}

func newSite(t testing.TB, o siteOptions) *site {
	t.Helper()
	s := &site{t: t, log: &lockedBuffer{}, host: "127.0.0.1:8080"}
	log := logrus.New()
	log.SetOutput(s.log)
	log.SetLevel(logrus.DebugLevel)
	if o.names == nil {
		o.names = names{}
	}
	var err error
	s.hub, err = feed.New(feed.Options{Journal: o.journal, Site: "hq", Names: o.names, MaxClients: o.max, Log: log})
	require.NoError(t, err)
	if o.recent > 0 {
		feed.KeepRecent(s.hub, o.recent)
	}
	if o.queue > 0 {
		feed.LetWait(s.hub, o.queue)
	}
	s.gate, err = feed.NewGate(o.tokens, o.origins)
	require.NoError(t, err)
	if o.pipes {
		pipes := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		s.listener, s.dial = pipes, pipes.dial
	} else {
		s.listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		s.host = s.listener.Addr().String()
	}
	if o.sends > 0 {
		s.listener = narrow{s.listener, o.sends}
	}
	mux := http.NewServeMux()
	s.hub.Register(mux, s.gate)
	server := &http.Server{Handler: mux}
	served, ran := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(served)
		_ = server.Serve(s.listener)
	}()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ran <- s.hub.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ran)
		require.NoError(t, server.Close())
		<-served
	})
	t.Cleanup(s.stop)
	if !o.pending {
		<-s.hub.Ready()
	}
	return s
}

// answered is an answer of the feed's server, read whole.
type answered struct {
	StatusCode int
	Header     http.Header
	Cookies    []*http.Cookie
	text       string
}

func readAnswer(t testing.TB, response *http.Response) *answered {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	return &answered{response.StatusCode, response.Header, response.Cookies(), string(body)}
}

// connect shakes hands. The answer is nil where there is a connection.
func (s *site) connect(query, token string, header http.Header) (*websocket.Conn, *answered) {
	s.t.Helper()
	h := http.Header{}
	maps.Copy(h, header)
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	dialer := websocket.Dialer{NetDialContext: s.dial}
	conn, response, err := dialer.Dial("ws://"+s.host+"/v1/feed"+query, h)
	if err != nil {
		require.ErrorIs(s.t, err, websocket.ErrBadHandshake)
		return nil, readAnswer(s.t, response)
	}
	require.NoError(s.t, response.Body.Close())
	return conn, nil
}

// follow connects, and wants to be let in.
func (s *site) follow(query string) *follower {
	s.t.Helper()
	conn, refused := s.connect(query, allToken, nil)
	require.Nil(s.t, refused)
	s.t.Cleanup(func() { _ = conn.Close() })
	return &follower{t: s.t, conn: conn}
}

// follower reads one connection.
type follower struct {
	t    testing.TB
	conn *websocket.Conn
}

func (f *follower) next() feed.Message {
	f.t.Helper()
	require.NoError(f.t, f.conn.SetReadDeadline(time.Now().Add(patience)))
	_, data, err := f.conn.ReadMessage()
	require.NoError(f.t, err)
	checker, err := description()
	require.NoError(f.t, err)
	require.NoError(f.t, checker.Check(data), "%s", data)
	var m feed.Message
	require.NoError(f.t, json.Unmarshal(data, &m), "%s", data)
	return m
}

// description is what every message that the tests receive is held against.
var description = sync.OnceValues(func() (*feedtest.Checker, error) {
	return feedtest.NewChecker("../docs/asyncapi.yaml")
})

// closed reads until the connection ends, and returns the number that it was
// closed with.
func (f *follower) closed() int {
	f.t.Helper()
	require.NoError(f.t, f.conn.SetReadDeadline(time.Now().Add(patience)))
	for {
		if _, _, err := f.conn.ReadMessage(); err != nil {
			closed, ok := errors.AsType[*websocket.CloseError](err)
			require.True(f.t, ok, "%v", err)
			return closed.Code
		}
	}
}

// snapshot wants a snapshot next, and returns its calls.
func (f *follower) snapshot() (feed.Message, []*feed.Call) {
	f.t.Helper()
	m := f.next()
	require.Equal(f.t, feed.TypeSnapshot, m.Type)
	return m, data[feed.SnapshotData](f.t, m).Calls
}

func data[T any](t testing.TB, m feed.Message) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(m.Data, &v))
	return v
}

// narrow gives connections a small buffer to send from: on one machine it is
// megabytes else.
type narrow struct {
	net.Listener
	bytes int
}

func (l narrow) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn, conn.(*net.TCPConn).SetWriteBuffer(l.bytes)
}

// pipeListener makes connections in memory: a bubble knows when they are idle.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

// lockedBuffer is a log that the daemon writes while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve serves a handler until the test ends.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return l.Addr().String()
}
