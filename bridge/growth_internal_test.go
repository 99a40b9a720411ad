package bridge

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// forgetful is a journal that nobody reads.
type forgetful struct{ Journal }

func (forgetful) SetCheckpoint(context.Context, uint64) error { return nil }

// lives are what the journal holds of a call, entry by entry.
type lives struct {
	answered, ended []journal.Message
	events          int
}

// newLives is a call that is answered, gets its ticket, and ends.
func newLives(t testing.TB) lives {
	t.Helper()
	var l lives
	entry := func(events []telephony.Event) journal.Message {
		l.events += len(events)
		m, err := EncodeEvents(events)
		require.NoError(t, err)
		return m
	}
	outcomes := func(all ...Outcome) (messages []journal.Message) {
		for _, o := range all {
			messages = append(messages, journal.Message{Kind: journal.Outcome, Data: o.encode()})
		}
		return messages
	}
	all := ended().call.Events()
	n := slices.IndexFunc(all, func(e telephony.Event) bool { return e.Kind == telephony.LegDialEnded })
	k := slices.IndexFunc(all, func(e telephony.Event) bool { return e.Kind == telephony.LegEnded })
	l.answered = slices.Concat([]journal.Message{entry(all[:1]), entry(all[1:n])}, outcomes(known()), []journal.Message{entry(all[n:k])},
		outcomes(intendedCreate("i", 5), shownIn("i")))
	l.ended = slices.Concat([]journal.Message{entry(all[k:])}, outcomes(intendedComplete(), resultOf(Done, StepComplete, "c")))
	return l
}

// crowd is a conductor alone, with calls that go on.
type crowd struct {
	*Bridge
	t   testing.TB
	seq uint64
}

func newCrowd(t testing.TB, calls int) *crowd {
	t.Helper()
	log, _ := test.NewNullLogger()
	c := &crowd{t: t, Bridge: &Bridge{
		calls: make(map[telephony.CallID]*entry), skews: make(map[string]*skew), log: log, metrics: newMetrics(nil), journal: forgetful{},
		caughtUp: true, now: func() time.Time { return second(66) },
	}}
	c.policy.Store(testPolicy(t))
	l := newLives(t)
	for i := range calls {
		c.hear(i, l.answered)
	}
	c.forget() // what was queued on the way is done
	return c
}

// hear takes entries of the call with a number, and plans it after each.
func (c *crowd) hear(n int, messages []journal.Message) {
	id := fmt.Sprintf("hq/pbx1/1700000000.%d", n)
	number := fmt.Sprintf("+1212%07d", 5550000+n%4000)
	names := strings.NewReplacer(string(testCall), id, customerA, number)
	for _, m := range messages {
		c.seq++
		record := journal.Record{Seq: c.seq, Stored: second(66), Call: id, Kind: m.Kind, Data: []byte(names.Replace(string(m.Data)))}
		if err := c.take(c.t.Context(), record); err != nil {
			c.t.Fatal(err)
		}
	}
}

// BenchmarkLiveCalls is how what the conductor does grows with the calls that go on: what an entry of the journal
// costs him, folded and planned, what he looks over every two seconds, and what one call takes in memory.
func BenchmarkLiveCalls(b *testing.B) {
	l := newLives(b)
	for _, calls := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("calls=%d", calls), func(b *testing.B) {
			before := inUse()
			c := newCrowd(b, calls)
			memory := inUse() - before
			next := calls
			for b.Loop() { // a whole call more
				c.hear(next, l.answered)
				c.hear(next, l.ended)
				id := telephony.CallID(fmt.Sprintf("hq/pbx1/1700000000.%d", next))
				require.False(b, c.calls[id].settled.IsZero())
				delete(c.calls, id)
				c.lanes, c.agenda, next = lanes{}, agenda{}, next+1
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*(len(l.answered)+len(l.ended))), "µs/entry")
			began := time.Now()
			const times = 20
			for range times {
				c.tend(b.Context())
			}
			b.ReportMetric(float64(time.Since(began).Microseconds())/1000/times, "tend-ms")
			b.ReportMetric(float64(memory)/float64(calls), "B/call")
			runtime.KeepAlive(c)
		})
	}
}

// BenchmarkAgents is what it costs to plan an answered call, whose agent is looked up among so many, and to read
// that many from the configuration.
func BenchmarkAgents(b *testing.B) {
	for _, agents := range []int{1, 10, 100, 1_000} {
		b.Run(fmt.Sprintf("agents=%d", agents), func(b *testing.B) {
			var all []screenpop.Agent
			for n := range agents {
				all = append(all, screenpop.Agent{Name: fmt.Sprintf("Agent %d", n), ZendeskID: int64(anaID + n), Numbers: []string{fmt.Sprint(1001 + n), fmt.Sprintf("+1212%07d", 5550000+n)}})
			}
			began := time.Now()
			directory, err := screenpop.NewDirectory(all, "US")
			require.NoError(b, err)
			read := time.Since(began)
			_ = directory.Resolve(b.Context(), confirm{}) // one of them is none, and is never asked for
			confirmed := time.Since(began) - read
			policy := testPolicy(b)
			policy.Directory = directory
			state, record := answered().state(), after(known())
			require.Equal(b, int64(anaID), plan(state, &record, policy, Moment{Now: second(6)}).Want.Agent.ZendeskID)
			b.ReportAllocs()
			for b.Loop() {
				plan(state, &record, policy, Moment{Now: second(6)})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "µs/plan")
			b.ReportMetric(float64(read.Microseconds())/1000, "read-ms")
			b.ReportMetric(float64(confirmed.Microseconds())/1000, "confirm-ms")
		})
	}
}

// After a restart with many calls the one that is answered now does not wait until all others are planned.
func TestManyCallsArePlannedAFewAtATime(t *testing.T) {
	t.Parallel()
	const calls = 10*plannedAtOnce + 1
	c, l := newCrowd(t, calls), newLives(t)
	c.caughtUp, c.ready, c.target = false, make(chan struct{}), c.seq+calls
	for n := range calls {
		c.hear(n, l.ended[:1]) // the ticket is to be completed
	}
	c.catchUp()
	require.True(t, c.caughtUp)
	c.considerSome()
	require.Len(t, c.lanes.waiting[laneUpdates], plannedAtOnce)
	require.Zero(t, c.untilWake(), "there is more to plan")
	c.hear(calls, l.answered[:4])
	require.Len(t, c.lanes.waiting[lanePops], 1, "who is answered now does not wait for the others")
	for range calls / plannedAtOnce {
		c.considerSome()
	}
	require.Len(t, c.lanes.waiting[laneUpdates], calls, "each of them once")
	c.lanes = lanes{}
	require.Equal(t, time.Hour, c.untilWake())
}
