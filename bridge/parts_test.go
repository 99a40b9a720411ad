package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

func TestLaneOfSteps(t *testing.T) {
	t.Parallel()
	for step, want := range map[StepKind]lane{
		StepPop: lanePops, StepCreate: laneCreates, StepCaller: laneCreates, StepLookup: laneCreates,
		StepMatch: laneCreates, StepAttach: laneCreates,
		StepComplete: laneUpdates, StepVerify: laneUpdates, StepTell: laneRest, StepLink: laneRest,
		StepTranscript: laneRest, StepAudio: laneLocal, StepGiveUp: laneLocal, StepTranscribe: laneSpeech,
	} {
		require.Equal(t, want, laneOf(Step{Kind: step}), step)
	}
	require.Equal(t, lanePops, laneOf(Step{Kind: StepCaller, Live: true}), "a page waits for it")
	require.Equal(t, lanePops, laneOf(Step{Kind: StepCreate, Want: screenpop.Want{Key: "501/1001"}}), "a create that shows the ticket")
	require.Equal(t, lanePops, laneOf(Step{Kind: StepMatch, Want: screenpop.Want{Key: "501/1001"}}), "a page waits for it")
}

func TestLanesServeTheMostUrgentFirst(t *testing.T) {
	t.Parallel()
	var l lanes
	l.push(laneRest, "rest", start)
	l.push(laneUpdates, "update", start)
	l.push(laneCreates, "create", start)
	l.push(lanePops, "pop", start)
	l.push(laneLocal, "file", start)
	for _, want := range []telephony.CallID{"pop", "create", "update", "rest", "file"} {
		got, _, found := l.next(start)
		require.True(t, found)
		require.Equal(t, want, got)
	}
	_, _, found := l.next(start)
	require.False(t, found)
	require.Equal(t, 5, l.busy())
}

func TestLanesKeepRoomForPages(t *testing.T) {
	t.Parallel()
	var l lanes
	for i := range 2 * maxRunning {
		l.push(laneCreates, telephony.CallID(fmt.Sprint(i)), start)
		l.push(lanePops, telephony.CallID(fmt.Sprint(i)), start)
	}
	pops := l.waiting[lanePops]
	l.waiting[lanePops] = nil
	for range maxRunning - reservedForPops {
		_, in, found := l.next(start)
		require.True(t, found)
		require.Equal(t, laneCreates, in)
	}
	_, _, found := l.next(start)
	require.False(t, found, "what is left is for pages")
	l.waiting[lanePops] = pops
	for range reservedForPops {
		_, in, found := l.next(start)
		require.True(t, found)
		require.Equal(t, lanePops, in)
	}
	_, _, found = l.next(start)
	require.False(t, found, "and no more than the bound")
	l.done(lanePops)
	_, in, _ := l.next(start)
	require.Equal(t, lanePops, in)
}

func TestLanesPause(t *testing.T) {
	t.Parallel()
	var l lanes
	l.push(laneUpdates, "update", start)
	l.push(laneCreates, "create", start)
	l.pause(laneUpdates, second(10))
	l.pause(laneUpdates, second(5))
	_, in, _ := l.next(start)
	require.Equal(t, laneCreates, in)
	_, _, found := l.next(second(9))
	require.False(t, found)
	require.Equal(t, second(10), l.wake(second(9)))
	require.True(t, l.wake(second(10)).IsZero(), "no lane is paused any more")
	require.Equal(t, 9*time.Second, l.lag(laneUpdates, second(9)))
	_, in, _ = l.next(second(10))
	require.Equal(t, laneUpdates, in)
	require.Zero(t, l.lag(laneUpdates, second(10)))
}

// What is under way is taken off the budget: with 40 left of 400, and 10 on their
// way, creates stop at the last twentieth, updates at the last tenth.
func TestLanesKeepTheLastOfTheBudgetForPages(t *testing.T) {
	t.Parallel()
	var l lanes
	l.push(laneUpdates, "update", start)
	l.push(laneCreates, "create", start)
	l.push(lanePops, "page", start)
	l.running[laneCreates] = 10
	l.budget = budget{limit: 400, left: 40, at: start}
	require.True(t, l.affords(lanePops, start))
	require.True(t, l.affords(laneCreates, start))
	require.False(t, l.affords(laneUpdates, start))
	l.running[laneCreates] = 21
	require.False(t, l.affords(laneCreates, start))
	require.True(t, l.affords(lanePops, start))
	require.Equal(t, start.Add(budgetFresh), l.wake(start), "then it is asked again")
	require.False(t, l.affords(laneCreates, start.Add(budgetFresh)), "by one at a time")
	l.running[laneCreates] = 0
	l.budget.left = 0
	require.True(t, l.affords(laneCreates, start.Add(budgetFresh)))
	l.budget.reserve, l.budget.left = 0.5, 200
	require.False(t, l.affords(laneCreates, start), "half of it is left to others")
}

func TestLanesSendOneRequestAfterARefusal(t *testing.T) {
	t.Parallel()
	var l lanes
	l.single = true
	l.push(lanePops, "a", start)
	l.push(laneCreates, "b", start)
	_, in, found := l.next(start)
	require.True(t, found)
	_, _, found = l.next(start)
	require.False(t, found)
	l.done(in)
	_, _, found = l.next(start)
	require.True(t, found)
	l.resume()
	require.False(t, l.single)
}

func TestAgendaIsInOrder(t *testing.T) {
	t.Parallel()
	var a agenda
	require.True(t, a.first().IsZero())
	for _, at := range []float64{5, 1, 3} {
		a.add(second(at), telephony.CallID(fmt.Sprint(at)))
	}
	require.Equal(t, second(1), a.first())
	_, due := a.due(second(0.5))
	require.False(t, due)
	for _, want := range []telephony.CallID{"1", "3"} {
		got, due := a.due(second(4))
		require.True(t, due)
		require.Equal(t, want, got)
	}
	_, due = a.due(second(4))
	require.False(t, due)
}

func TestSkewIsTheLeastThatAnEventTook(t *testing.T) {
	t.Parallel()
	var s skew
	require.Zero(t, s.ahead())
	s.observe(start, start.Add(10*time.Second))
	require.Equal(t, 10*time.Second, s.ahead())
	s.observe(start, start.Add(9*time.Second))
	s.observe(start, start.Add(2*time.Hour)) // old news
	require.Equal(t, 9*time.Second, s.ahead())
	for range skewWindow {
		s.observe(start, start.Add(11*time.Second))
	}
	require.Equal(t, 9*time.Second, s.ahead(), "the window before counts too")
	for range 2 * skewWindow {
		s.observe(start, start.Add(-time.Second))
	}
	require.Equal(t, -time.Second, s.ahead(), "a clock that is behind, and was set")
}

func TestCallersAreFoundByOneAtATimeAndRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCallers(time.Now)
		var asked atomic.Int64
		find := func(ctx context.Context) (user, error) {
			asked.Add(1)
			<-time.After(time.Second)
			return user{id: 77, how: howCreated}, ctx.Err()
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				got, err := c.resolve(t.Context(), customerA, find)
				require.NoError(t, err)
				require.Equal(t, int64(77), got.id)
			})
		}
		wg.Wait()
		require.Equal(t, int64(1), asked.Load())

		<-time.After(rememberCaller)
		_, err := c.resolve(t.Context(), customerA, find)
		require.NoError(t, err)
		require.Equal(t, int64(2), asked.Load(), "it is not remembered for ever")

		c.avoid(77)
		require.True(t, c.avoided(77))
		_, err = c.resolve(t.Context(), customerA, find)
		require.NoError(t, err)
		require.Equal(t, int64(3), asked.Load(), "who was refused is forgotten")
		<-time.After(rememberCaller)
		require.False(t, c.avoided(77))
	})
}

func TestCallersPassFailuresOn(t *testing.T) {
	t.Parallel()
	c := newCallers(time.Now)
	broken := errors.New("broken")
	_, err := c.resolve(t.Context(), "a", func(context.Context) (user, error) { return user{}, broken })
	require.ErrorIs(t, err, broken)
	got, err := c.resolve(t.Context(), "a", func(context.Context) (user, error) { return user{id: 1}, nil })
	require.NoError(t, err)
	require.Equal(t, int64(1), got.id)

	ctx, cancel := context.WithCancel(t.Context())
	_, err = c.resolve(ctx, "b", func(context.Context) (user, error) {
		cancel()
		_, err := c.resolve(ctx, "b", nil)
		return user{}, err
	})
	require.ErrorIs(t, err, context.Canceled, "who waits stops with his context")
}

func TestCallersAreBounded(t *testing.T) {
	t.Parallel()
	c := newCallers(time.Now)
	for i := range maxCallers + 1 {
		_, err := c.resolve(t.Context(), fmt.Sprint(i), func(context.Context) (user, error) { return user{id: int64(i)}, nil })
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(c.known), maxCallers)
	clear(c.known)
	for i := range maxCallers + 1 {
		c.avoid(int64(i))
	}
	require.LessOrEqual(t, len(c.bad), maxCallers)
	require.Empty(t, c.busy)
}

func TestUsable(t *testing.T) {
	t.Parallel()
	w := &work{b: &Bridge{callers: newCallers(time.Now)}}
	w.b.callers.avoid(4)
	require.True(t, w.usable(zendesk.User{ID: 1, Active: true}))
	require.False(t, w.usable(zendesk.User{ID: 2}))
	require.False(t, w.usable(zendesk.User{ID: 3, Active: true, Suspended: true}))
	require.False(t, w.usable(zendesk.User{ID: 4, Active: true}))
}

func TestEntriesOfTheJournalAreBounded(t *testing.T) {
	t.Parallel()
	var events []telephony.Event
	for i := range 7 {
		events = append(events, telephony.Event{
			ID: fmt.Sprint(i), Call: testCall, Kind: telephony.CallHint, Time: start,
			Raw: map[string]string{"Everything": strings.Repeat("x", 100)},
		})
	}
	whole, err := encodeWithin(events, journal.MaxData)
	require.NoError(t, err)
	require.Len(t, whole, 1)
	parts, err := encodeWithin(events, 500)
	require.NoError(t, err)
	require.Greater(t, len(parts), 1)
	var back []telephony.Event
	for _, part := range parts {
		require.LessOrEqual(t, len(part.Data), 500)
		some, err := telephony.DecodeEvents(part.Data)
		require.NoError(t, err)
		back = append(back, some...)
	}
	require.Equal(t, events, back)
	bare, err := encodeWithin(events[:1], 200)
	require.NoError(t, err, "what does not fit goes without its raw form")
	require.NotContains(t, string(bare[0].Data), "Everything")
	_, err = encodeWithin(events[:1], 20)
	require.ErrorContains(t, err, "event 0: has")
}

// What is told again is one entry; what was estimated and is reported then is
// another, or the journal would keep the estimate alone.
func TestEncodeEventsKeepsTheReportOfAnEstimate(t *testing.T) {
	t.Parallel()
	reported := telephony.Event{ID: "1", Call: testCall, Kind: telephony.LegEnded, Leg: "a", Time: start}
	estimate := reported
	estimate.Estimated, estimate.Time = true, start.Add(time.Second)
	later := estimate
	later.Time = start.Add(2 * time.Second)
	id := func(e telephony.Event) string {
		m, err := EncodeEvents([]telephony.Event{e})
		require.NoError(t, err)
		return m.ID
	}
	require.Equal(t, id(estimate), id(later))
	require.NotEqual(t, id(estimate), id(reported))
}

func TestEncodeEventsRefusesWhatDoesNotBelong(t *testing.T) {
	t.Parallel()
	good := telephony.Event{ID: "1", Call: testCall, Kind: telephony.CallHint, Time: start}
	other := good
	other.Call = "hq/pbx1/2"
	_, err := EncodeEvents(nil)
	require.Error(t, err)
	_, err = EncodeEvents([]telephony.Event{good, other})
	require.ErrorContains(t, err, "belongs to hq/pbx1/2")
	_, err = EncodeEvents([]telephony.Event{{}})
	require.ErrorContains(t, err, "without id")
	first, err := EncodeEvents([]telephony.Event{good})
	require.NoError(t, err)
	again, err := EncodeEvents([]telephony.Event{good})
	require.NoError(t, err)
	require.Equal(t, first, again, "the same facts are one entry")
}

func TestContextThatOutlives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		longer, cancel := outlive(ctx, time.Second)
		defer cancel()
		stop()
		<-time.After(900 * time.Millisecond)
		synctest.Wait()
		require.NoError(t, longer.Err())
		<-time.After(200 * time.Millisecond)
		synctest.Wait()
		require.Error(t, longer.Err())
	})
}

func TestStopInTheMiddleOfAReadingIsNoFailure(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	read := fmt.Errorf("read the story: %w", context.Canceled)
	require.ErrorIs(t, unlessStopped(ctx, read), context.Canceled, "nobody stopped it")
	cancel()
	require.NoError(t, unlessStopped(ctx, read))
	require.ErrorIs(t, unlessStopped(ctx, io.ErrUnexpectedEOF), io.ErrUnexpectedEOF)
}
