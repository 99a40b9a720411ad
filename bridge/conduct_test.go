package bridge

import (
	"context"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// ledger is a journal that keeps the checkpoint only.
type ledger struct {
	Journal
	at uint64
}

func (l *ledger) SetCheckpoint(_ context.Context, seq uint64) error {
	l.at = seq
	return nil
}

// quiet is a bridge whose conductor is the test, at a time of its own.
type quiet struct {
	*Bridge
	time   time.Time
	ledger *ledger
	logs   *logtest.Hook
	seq    uint64
}

func newQuiet(t *testing.T) *quiet {
	t.Helper()
	log, hook := logtest.NewNullLogger()
	q := &quiet{time: start, ledger: &ledger{}, logs: hook}
	b, err := New(Options{
		Journal: q.ledger, Zendesk: (*zendesk.Client)(nil), Policy: testPolicy(t), Node: "node1", Log: log,
		Now: func() time.Time { return q.time },
	})
	require.NoError(t, err)
	b.caughtUp = true
	q.Bridge = b
	return q
}

// hear folds events of a call as one entry of the journal.
func (q *quiet) hear(t *testing.T, s *stage) {
	t.Helper()
	m, err := EncodeEvents(s.call.Events())
	require.NoError(t, err)
	q.seq++
	require.NoError(t, q.take(t.Context(), journal.Record{Seq: q.seq, Stored: q.time, Call: m.Call, Kind: journal.Event, Data: m.Data}))
}

func (q *quiet) note(t *testing.T, o Outcome) {
	t.Helper()
	q.seq++
	require.NoError(t, q.take(t.Context(), journal.Record{Seq: q.seq, Stored: q.time, Call: string(testCall), Kind: journal.Outcome, Data: o.encode()}))
}

func TestSettledCallsAreGivenBack(t *testing.T) {
	t.Parallel()
	q := newQuiet(t)
	q.hear(t, internal().leaves(9, "1001", "1002"))
	require.Len(t, q.calls, 1)
	q.tend(t.Context())
	require.Len(t, q.calls, 1, "what comes late comes soon")
	require.Equal(t, uint64(1), q.ledger.at)
	q.time = q.time.Add(keepSettled + time.Second)
	q.tend(t.Context())
	require.Empty(t, q.calls)
}

func TestCallOfWhichNothingIsKnownIsGivenBack(t *testing.T) {
	t.Parallel()
	q := newQuiet(t)
	m, err := EncodeEvents([]telephony.Event{{ID: "1", Call: testCall, Kind: telephony.CallHint, Time: start, Name: "did", Value: testLine}})
	require.NoError(t, err)
	q.journal = storyless{q.ledger}
	require.NoError(t, q.take(t.Context(), journal.Record{Seq: 1, Call: m.Call, Kind: journal.Event, Data: m.Data}))
	q.time = q.time.Add(keepSettled + time.Second)
	q.tend(t.Context())
	require.Empty(t, q.calls)
	require.Equal(t, uint64(1), q.ledger.at)
}

// storyless is a journal that holds nothing of any call.
type storyless struct{ *ledger }

func (storyless) StoryBefore(context.Context, string, uint64) ([]journal.Record, error) {
	return nil, nil
}

func TestCallChangesToAMoreUrgentLane(t *testing.T) {
	t.Parallel()
	q := newQuiet(t)
	s := ringing()
	q.hear(t, s)
	e := q.calls[testCall]
	require.True(t, e.queued)
	require.Equal(t, lanePops, e.in, "the page will want the caller")
	q.lanes, e.in = lanes{}, laneCreates // as if it were queued for less
	q.lanes.push(laneCreates, testCall, q.time)
	q.lanes.pause(laneCreates, second(60))
	q.note(t, known())
	s.dialled(5, telephony.DialAnswer).talks("1001")
	q.hear(t, s)
	require.Equal(t, lanePops, e.in, "the create shows the ticket, and pages are not paused")
	id, in, found := q.lanes.next(q.time)
	require.True(t, found)
	require.Equal(t, testCall, id)
	require.Equal(t, lanePops, in)
	q.lanes.resume()
	id, in, found = q.lanes.next(q.time)
	require.True(t, found, "its old place is still there")
	require.Equal(t, laneCreates, in)
	require.False(t, q.start(t.Context(), t.Context(), id, in), "and comes to nothing")
	require.True(t, e.queued)
}

func TestAppointmentsOfACallDoNotPileUp(t *testing.T) {
	t.Parallel()
	q := newQuiet(t)
	s := ringing()
	q.hear(t, s)
	q.note(t, known())
	q.note(t, intendedCreate("i", 0))
	q.note(t, resultOf(Unknown, StepCreate, "i"))
	q.calls[testCall].members[0].record.lookedAt = second(0.5)
	q.calls[testCall].queued = false
	for range 100 {
		q.consider(testCall, q.calls[testCall])
	}
	require.Len(t, q.agenda.items, 1)
	require.Equal(t, second(2), q.agenda.first())
	require.Equal(t, 2*time.Second, q.untilWake())
}

func TestBudgetPausesLanes(t *testing.T) {
	t.Parallel()
	budget := func(remaining int, resets time.Duration) zendesk.Exchange {
		return zendesk.Exchange{RateLimit: zendesk.RateLimit{Account: zendesk.Budget{Known: true, Limit: 400, Remaining: remaining, Resets: resets}}}
	}
	refused := func(operation string) zendesk.Exchange {
		return zendesk.Exchange{Operation: operation, Err: &zendesk.Error{Status: 429, RetryAfter: 20 * time.Second}}
	}
	spent := func(operation string) zendesk.Exchange {
		ex := budget(0, 0)
		ex.Operation, ex.Err = operation, &zendesk.Error{Status: 429, RetryAfter: 20 * time.Second}
		return ex
	}
	tests := []struct {
		name   string
		ex     zendesk.Exchange
		paused lane
		until  time.Duration
	}{
		{name: "nothing told", paused: laneCount},
		{name: "enough left", ex: budget(200, time.Minute), paused: laneCount},
		{name: "little left is for creates", ex: budget(30, 40*time.Second), paused: laneUpdates, until: 40 * time.Second},
		{name: "the least is for pages", ex: budget(10, 40*time.Second), paused: laneCreates, until: 40 * time.Second},
		{name: "it does not say how long", ex: budget(10, 0), paused: laneCreates, until: budgetFresh},
		{name: "updates refused", ex: refused("UpdateTicket"), paused: laneUpdates, until: 20 * time.Second},
		{name: "creates refused", ex: refused("CreateVoiceTicket"), paused: laneCreates, until: 20 * time.Second},
		{name: "pages refused", ex: refused("DisplayTicket"), paused: lanePops, until: 20 * time.Second},
		{name: "the account's minute is spent", ex: spent("UpdateTicket"), paused: lanePops, until: 20 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := newQuiet(t)
			q.learn(test.ex)
			for in := range laneLocal {
				if in < test.paused {
					require.True(t, q.lanes.paused[in].IsZero(), in)
				} else {
					require.Equal(t, start.Add(test.until), q.lanes.paused[in], in)
				}
			}
			require.True(t, q.lanes.paused[laneLocal].IsZero(), "files ask nothing of Zendesk")
		})
	}
}

func TestTicketsAreMadeAtTheEndWhileUpdatesLag(t *testing.T) {
	t.Parallel()
	q := newQuiet(t)
	q.lanes.pause(laneUpdates, second(3600))
	q.lanes.push(laneUpdates, "hq/pbx1/other", q.time)
	q.tend(t.Context())
	require.Equal(t, CreateOnAnswer, q.current().Create)
	q.time = q.time.Add(updateLag + time.Second)
	q.tend(t.Context())
	require.Equal(t, CreateAtEnd, q.current().Create)
	q.tend(t.Context())
	require.Len(t, warnings(q.logs), 1, "it says so once")
	q.lanes.resume()
	_, _, found := q.lanes.next(q.time)
	require.True(t, found)
	q.tend(t.Context())
	require.Equal(t, CreateOnAnswer, q.current().Create)
	require.Len(t, warnings(q.logs), 2)
}

func warnings(hook *logtest.Hook) []*logrus.Entry {
	var found []*logrus.Entry
	for _, e := range hook.AllEntries() {
		if e.Level == logrus.WarnLevel {
			found = append(found, e)
		}
	}
	return found
}

func TestUnreadableEntriesAreSkippedAloud(t *testing.T) {
	t.Parallel()
	q := newQuiet(t)
	q.hear(t, ringing())
	for _, kind := range []journal.Kind{journal.Event, journal.Outcome} {
		q.seq++
		require.NoError(t, q.take(t.Context(), journal.Record{Seq: q.seq, Call: string(testCall), Kind: kind, Data: []byte("{")}))
	}
	require.Equal(t, q.seq, q.calls[testCall].applied)
	errors := 0
	for _, e := range q.logs.AllEntries() {
		if e.Level == logrus.ErrorLevel {
			errors++
		}
	}
	require.Equal(t, 2, errors)
}
