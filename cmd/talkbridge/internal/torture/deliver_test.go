package torture

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/cti"
)

// moody is a daemon that takes what it is told by half: it refuses, and takes without
// an answer.
type moody struct {
	mu    sync.Mutex
	asked int
	taken map[string]int // events by their ids
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if websocket.IsWebSocketUpgrade(r) {
		m.serveSocket(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender did not wait
	}
	mood := m.mood()
	if mood == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var events []cti.CloudEvent
	if json.Unmarshal(body, &events) != nil {
		events = []cti.CloudEvent{{}}
		_ = json.Unmarshal(body, &events[0]) // then there is no id, and the test fails
	}
	for _, e := range events {
		m.take(e.ID)
	}
	if mood == 1 {
		panic(http.ErrAbortHandler) // taken, and the answer is lost
	}
}

func (m *moody) serveSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{Subprotocols: []string{"cloudevents.json"}}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	for {
		var e cti.CloudEvent
		if conn.ReadJSON(&e) != nil {
			return
		}
		kind, mood := cti.TypeAck, m.mood()
		if mood == 0 {
			kind = cti.TypeRefusal
		} else {
			m.take(e.ID)
		}
		if mood == 1 || conn.WriteJSON(map[string]any{"type": kind, "data": map[string]any{"id": e.ID}}) != nil {
			return
		}
	}
}

// mood goes around.
func (m *moody) mood() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	return m.asked % 4
}

func (m *moody) take(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken[id]++
}

// What is sent is taken at least once, whatever happens to the answers, and whoever
// sends knows.
func TestSendersInsist(t *testing.T) {
	t.Parallel()
	daemon := &moody{taken: map[string]int{}}
	server := httptest.NewServer(daemon)
	defer server.Close()
	ctx, stop := context.WithCancel(t.Context())
	s := &site{sender: newSender(func() string { return strings.TrimPrefix(server.URL, "http://") }, 1, false), secret: "secret"}
	s.socket, s.batches = newSocket(s.sender, "token"), newBatches(s.sender, "token")
	var beside, sending sync.WaitGroup
	beside.Go(func() { s.socket.run(ctx) })
	beside.Go(func() { s.batches.run(ctx) })
	defer beside.Wait()
	defer stop()
	want := map[string]bool{}
	dice := rand.New(rand.NewPCG(1, 1))
	for i := range 30 {
		c := newCall(dice, KindsOf(Events)[0], i, false)
		c.Kind.Source = Events
		for _, step := range c.events() {
			want[step.event.ID] = true
			sending.Go(func() {
				if err := s.send(ctx, c, step); err != nil {
					t.Errorf("send: %v", err)
				}
			})
		}
	}
	sending.Wait()
	daemon.mu.Lock()
	defer daemon.mu.Unlock()
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(daemon.taken)))
	require.Positive(t, s.sender.count(), "some had to be sent again")
}

// Whoever sends to nobody gives up with its context, and says why.
func TestSenderGivesUp(t *testing.T) {
	t.Parallel()
	s := newSender(func() string { return "" }, 1, true)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, errors.New("enough"))
	defer cancel()
	err := s.deliver(ctx, post{path: "/", header: func() http.Header { return http.Header{} }})
	require.ErrorContains(t, err, "enough")
	require.ErrorContains(t, err, "no daemon listens")
}

// The kinds of all sources have what their stories need, and end.
func TestStoriesOfAllKinds(t *testing.T) {
	t.Parallel()
	for _, source := range []Source{CTI, Events} {
		for i, kind := range KindsOf(source) {
			c := newCall(rand.New(rand.NewPCG(1, 1)), kind, i, false)
			steps := c.pushes()
			if source == Events {
				steps = c.events()
			}
			require.Greater(t, len(steps), 1, kind.Name)
			talks := map[string]bool{}
			for _, s := range steps {
				talks[s.talks] = true
			}
			for _, agent := range c.Agents {
				require.True(t, talks[agentName(agent)], "%s %s waits until %s is known to talk", source, kind.Name, agentName(agent))
			}
			last := steps[len(steps)-1]
			require.Equal(t, kind.Answered(), last.last, "%s %s", source, kind.Name)
			if source == CTI {
				require.Equal(t, "hangup", last.form.Get("event"), kind.Name)
			} else {
				require.Equal(t, cti.TypePrefix+string(cti.Ended), last.event.Type, kind.Name)
			}
		}
	}
}

// Calls are shared out among the sources by their weights.
func TestShares(t *testing.T) {
	t.Parallel()
	shares, err := ParseShares([]string{"asterisk=3", " cti"})
	require.NoError(t, err)
	require.Equal(t, []Share{{Asterisk, 3}, {CTI, 1}}, shares)
	of := map[Source]int{}
	for _, c := range newCalls(rand.New(rand.NewPCG(1, 1)), 4000, true, shares) {
		of[c.Kind.Source]++
	}
	require.Len(t, of, 2)
	require.InDelta(t, 3000, of[Asterisk], 150)
}
