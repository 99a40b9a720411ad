package feed_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// A snapshot first, then everything behind it, in order, with cursors in a row.
func TestSnapshotThenStream(t *testing.T) {
	t.Parallel()
	j := newMemory()
	one, over := &call{id: firstCall}, &call{id: "hq/pbx1/over"}
	j.events(over.starts("5550100002"))
	j.events(over.ends()...)
	j.events(one.starts("5550100001"))
	s := newSite(t, siteOptions{journal: j})
	f := s.follow("")
	m, calls := f.snapshot()
	require.Equal(t, feed.Cursor{Epoch: epoch, Seq: 3}, m.Cursor)
	require.Equal(t, "1.0", m.SpecVersion)
	require.Equal(t, "/talkbridge/hq", m.Source)
	require.Equal(t, "application/json", m.DataContentType)
	require.Len(t, calls, 1, "what is over is not live")
	require.Equal(t, telephony.CallID(firstCall), calls[0].ID)
	require.Equal(t, feed.PhaseWaiting, calls[0].Phase)
	require.Equal(t, feed.Line{Number: "+15550100001", Name: "Support"}, calls[0].Line)

	j.events(one.rings("PJSIP/1001")...)
	j.outcome(firstCall, `{"kind":"intent","time":"2026-01-02T10:00:05Z","step":"create","intent":"i1","request":{"subject":"s3cret"}}`)
	j.events(one.answers("PJSIP/1001")...)
	j.events(one.ends("PJSIP/1001")...)

	m = f.next()
	require.Equal(t, feed.TypeEvent, m.Type)
	require.Equal(t, firstCall, m.Subject)
	require.Equal(t, epoch+"-4", m.ID)
	require.Equal(t, zero.Add(3*time.Second), m.Time)
	require.False(t, m.RecordedTime.IsZero())
	event := data[feed.EventData](t, m)
	require.Len(t, event.Events, 2, "the events of one entry come together")
	require.Equal(t, telephony.LegDialled, event.Events[1].Kind)
	require.Nil(t, event.Events[1].Raw)
	require.Equal(t, feed.PhaseRinging, event.Call.Phase)
	require.Equal(t, []feed.Agent{{Endpoint: "PJSIP/1001", Name: "Ana", State: feed.AgentRinging}}, event.Call.Agents)

	m = f.next()
	require.Equal(t, feed.TypeOutcome, m.Type)
	require.Equal(t, uint64(5), m.Cursor.Seq)
	require.Equal(t, zero.Add(5*time.Second), m.Time)
	require.JSONEq(t, `{"kind":"intent","time":"2026-01-02T10:00:05Z","step":"create","intent":"i1"}`, string(m.Data), "without the request")

	event = data[feed.EventData](t, f.next())
	require.Equal(t, feed.PhaseTalking, event.Call.Phase)
	require.Equal(t, feed.AgentTalking, event.Call.Agents[0].State)
	m = f.next()
	event = data[feed.EventData](t, m)
	require.Equal(t, uint64(7), m.Cursor.Seq)
	require.Equal(t, feed.PhaseEnded, event.Call.Phase)
	require.Equal(t, telephony.Answered, event.Call.Disposition)
	require.Equal(t, feed.AgentLeft, event.Call.Agents[0].State)

	_, calls = s.follow("").snapshot()
	require.Empty(t, calls)
}

func TestHeartbeatCarriesTheCursorOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newMemory()
		s := newSite(t, siteOptions{journal: j, pipes: true})
		f := s.follow("?agent=nobody")
		f.snapshot()
		one := &call{id: firstCall}
		j.events(one.starts("5550100001"))
		j.events(one.rings("PJSIP/1001")...)
		began := time.Now()
		require.NoError(t, f.conn.SetReadDeadline(time.Time{}))
		m := f.next()
		require.Equal(t, feed.TypeHeartbeat, m.Type)
		require.Equal(t, uint64(2), m.Cursor.Seq)
		require.JSONEq(t, `{}`, string(m.Data))
		require.LessOrEqual(t, time.Since(began), 20*time.Second)
		require.NoError(t, f.conn.Close())
		s.stop()
	})
}

// A reader that does not read is closed with a number of its own; the others hear
// everything meanwhile, and it resumes.
func TestSlowReaderIsClosedAndResumes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const entries = 2500
		j := newMemory()
		s := newSite(t, siteOptions{journal: j, pipes: true, tokens: []feed.Token{{Name: "wall", Secret: allToken}}})
		slow, quick := s.follow(""), s.follow("")
		at, _ := slow.snapshot()
		quick.snapshot()
		for n := range entries {
			j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
			require.Equal(t, uint64(n+1), quick.next().Cursor.Seq)
		}
		synctest.Wait()
		at = slow.next() // the one that was under way
		require.Equal(t, feed.CloseSlow, slow.closed())
		again := s.follow("?since=" + at.Cursor.String())
		for seq := at.Cursor.Seq + 1; seq <= entries; seq++ {
			require.Equal(t, seq, again.next().Cursor.Seq)
		}
		for _, f := range []*follower{again, quick} {
			require.NoError(t, f.conn.Close())
		}
		s.stop()
	})
}

// A reader whose connection takes nothing at all does not hold up the end.
func TestStopClosesEverybodyWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newMemory()
		s := newSite(t, siteOptions{journal: j, pipes: true})
		reading, stuck, overrun := s.follow(""), s.follow(""), s.follow("")
		reading.snapshot()
		stuck.snapshot()
		overrun.snapshot()
		code := make(chan int, 1)
		go func() { code <- reading.closed() }()
		for n := range 1100 {
			j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
			if n%100 == 99 {
				synctest.Wait() // who reads keeps up, however slow the machine is
			}
		}
		began := time.Now()
		s.stop()
		require.LessOrEqual(t, time.Since(began), time.Second)
		require.Equal(t, feed.CloseStopping, <-code)
		_ = stuck.conn.Close()
		_ = overrun.conn.Close()
	})
}

func TestReaderThatAnswersNoPingIsLetGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, siteOptions{journal: newMemory(), pipes: true, max: 1})
		f := s.follow("")
		f.snapshot()
		f.conn.SetPingHandler(func(string) error { return nil })
		require.NoError(t, f.conn.SetReadDeadline(time.Time{}))
		began := time.Now()
		for {
			if _, _, err := f.conn.ReadMessage(); err != nil {
				break
			}
		}
		require.LessOrEqual(t, time.Since(began), 75*time.Second)
		require.NoError(t, f.conn.Close())
		s.stop()
	})
}

func TestPlacesAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{journal: newMemory(), max: 2})
	a, b := s.follow(""), s.follow("")
	a.snapshot()
	b.snapshot()
	_, refused := s.connect("", "", nil)
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
	require.Equal(t, "1", refused.Header.Get("Retry-After"))
	require.NoError(t, a.conn.Close())
	require.Eventually(t, func() bool {
		conn, refused := s.connect("", "", nil)
		if refused != nil {
			return false
		}
		return conn.Close() == nil
	}, patience, 10*time.Millisecond, "a place that is given back is taken again")
}

func TestNotServedWhileTheJournalIsRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{journal: &unready{memory: newMemory()}, pending: true})
	_, refused := s.connect("", "", nil)
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
}

// unready is a journal whose entries do not come.
type unready struct{ *memory }

func (u *unready) State(ctx context.Context) (journal.State, error) {
	return journal.State{First: 1, Last: 5, Messages: 5}, ctx.Err()
}

// What a reader sends is bounded and ignored.
func TestInboundIsIgnoredAndBounded(t *testing.T) {
	t.Parallel()
	j := newMemory()
	s := newSite(t, siteOptions{journal: j})
	f := s.follow("")
	f.snapshot()
	for range 10 {
		require.NoError(t, f.conn.WriteMessage(websocket.TextMessage, []byte(`{"subscribe":"everything"}`)))
		require.NoError(t, f.conn.WriteMessage(websocket.BinaryMessage, []byte{0, 1, 2}))
	}
	j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
	require.Equal(t, uint64(1), f.next().Cursor.Seq)
	_ = f.conn.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 1<<20))) // may be cut off on its way
	require.NoError(t, f.conn.SetReadDeadline(time.Now().Add(patience)))
	_, _, err := f.conn.ReadMessage()
	require.Error(t, err, "a frame that is too large ends it")
}

// An entry that nobody can read is left out, and what comes behind it is told.
func TestUnreadableEntriesAreLeftOut(t *testing.T) {
	t.Parallel()
	j := newMemory()
	j.append(firstCall, journal.Event, []byte("no JSON"))
	s := newSite(t, siteOptions{journal: j})
	f := s.follow("?since=" + epoch + "-0")
	j.outcome(firstCall, `[1]`)
	j.append(firstCall, journal.Event, []byte(`{"not":"a list"}`))
	j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
	require.Equal(t, uint64(4), f.next().Cursor.Seq)
	require.Contains(t, s.log.String(), "journal entry not readable")
}

// A story that cannot be read costs what came before, and nothing else.
func TestStoryThatCannotBeRead(t *testing.T) {
	t.Parallel()
	j := newMemory()
	j.storyErr = errors.New("disk trouble")
	one := &call{id: firstCall}
	s := newSite(t, siteOptions{journal: j})
	f := s.follow("")
	f.snapshot()
	j.events(one.rings("PJSIP/1001")...)
	require.Equal(t, feed.PhaseRinging, data[feed.EventData](t, f.next()).Call.Phase)
}

func TestCompressionIsOffUnlessAsked(t *testing.T) {
	t.Parallel()
	j := newMemory()
	s := newSite(t, siteOptions{journal: j})
	for query, packed := range map[string]bool{"": false, "?compress=1": true} {
		dialer := websocket.Dialer{EnableCompression: true}
		conn, response, err := dialer.Dial("ws://"+s.host+"/v1/feed"+query, nil)
		require.NoError(t, err)
		require.Equal(t, packed, strings.Contains(response.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate"))
		f := &follower{t: t, conn: conn}
		f.snapshot()
		seq := j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
		require.Equal(t, seq, f.next().Cursor.Seq)
		require.NoError(t, errors.Join(conn.Close(), response.Body.Close()))
	}
}

// Who took part in a call keeps his sight of it, though his phone has another's
// name since a reload.
func TestSightStaysThroughAReload(t *testing.T) {
	t.Parallel()
	j := newMemory()
	var renamed atomic.Bool
	s := newSite(t, siteOptions{journal: j, tokens: []feed.Token{{Secret: allToken, Agent: "Ana"}}, names: changing{&renamed}})
	f := s.follow("")
	f.snapshot()
	one := &call{id: firstCall}
	j.events(one.starts("5550100001"))
	j.events(one.rings("PJSIP/1001")...)
	require.Equal(t, uint64(2), f.next().Cursor.Seq)
	renamed.Store(true)
	j.events(one.answers("PJSIP/1001")...)
	require.Equal(t, "Ana", data[feed.EventData](t, f.next()).Call.Agents[0].Name)
}

// changing are names that change.
type changing struct{ renamed *atomic.Bool }

func (c changing) Agent(endpoint string) string {
	if c.renamed.Load() {
		return "Zoe"
	}
	return names{}.Agent(endpoint)
}

func (c changing) Line(number string) (e164, name string) { return names{}.Line(number) }
