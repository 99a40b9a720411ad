package bridge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// What is parked waits for a person for ninety days, by virtual time.
func TestPlanOfWhatNobodyActsOn(t *testing.T) {
	t.Parallel()
	const patience = 90 * 24 * 3600
	parkedAt := func(at float64, step StepKind) Outcome {
		return Outcome{Kind: Parked, Step: step, Time: second(at), Reason: "403"}
	}
	parked := parkedAt(70, StepCreate)
	givenUp := Outcome{Kind: GivenUp, Step: StepGiveUp, Time: second(70 + patience)}
	for _, c := range []planCase{
		{name: "at once", done: []Outcome{known(), parked}, now: 71, want: ": waits for a person"},
		{name: "on the last day", done: []Outcome{known(), parked}, now: 70 + patience - 1, want: ": waits for a person"},
		{name: "too long", done: []Outcome{known(), parked}, now: 70 + patience, want: "give_up: nobody acted on it in 90 days"},
		{name: "parked again meanwhile", done: []Outcome{known(), parked, {Kind: Retried}, parkedAt(5000, StepCreate)}, now: 70 + patience, want: ": waits for a person"},
		{name: "one of two was parked later", done: []Outcome{known(), parked, parkedAt(5000, StepLink)}, now: 70 + patience, want: ": waits for a person"},
		{name: "given up", done: []Outcome{known(), parked, givenUp}, now: 71 + patience, want: "settled: given up: nobody acted on what was parked"},
		{name: "given up twice", done: []Outcome{known(), parked, givenUp, givenUp}, now: 71 + patience, want: "settled: given up: nobody acted on what was parked"},
		{name: "given up, then asked for", done: []Outcome{known(), parked, givenUp, {Kind: Retried}}, now: 71 + patience, want: "create 45 final: an agent had answered"},
		{name: "asked for a moment before", done: []Outcome{known(), parked, {Kind: Retried}, givenUp}, now: 71 + patience, want: "create 45 final: an agent had answered"},
		{name: "given up, then parked anew", done: []Outcome{known(), parked, givenUp, {Kind: Retried}, parkedAt(72+patience, StepCreate)}, now: 73 + patience, want: ": waits for a person"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.call = ended()
			c.run(t)
		})
	}
}

// Of calls that became one, each is given up by itself, and the others go on.
func TestPlanOfAJoinedCallThatNobodyActsOn(t *testing.T) {
	t.Parallel()
	policy := testPolicy(t)
	older, other := handedOver(), asksOutside()
	first := after(known(), Outcome{Kind: Parked, Step: StepComplete, Time: second(30), Reason: "403"})
	first.Ticket = 1000
	second2 := after(known(), Outcome{Kind: Parked, Step: StepJoin, Time: second(40), Reason: "403"})
	second2.Ticket = 2000
	step := func(days float64) string {
		parts := []part{{older.call.ID(), &first}, {other.call.ID(), &second2}}
		return short(planAll(ended().state(), parts, policy, Moment{Now: second(60 + days*24*3600)}))
	}
	first.Joined = []int64{2000}
	require.Equal(t, ": waits for a person", step(89))
	require.Equal(t, "give_up: nobody acted on it in 90 days", step(90))
	first.apply(9, Outcome{Kind: GivenUp})
	second2.apply(9, Outcome{Kind: GivenUp})
	require.Contains(t, step(90), "settled: given up")
}

// The conductor looks by itself: nothing needs to happen to the call.
func TestOverdueCallsAreLookedFor(t *testing.T) {
	t.Parallel()
	policy := testPolicy(t)
	now := second(100)
	b := &Bridge{calls: make(map[telephony.CallID]*entry), skews: make(map[string]*skew), now: func() time.Time { return now }}
	b.policy.Store(policy)
	e := newEntry(testCall, 1)
	e.members[0].call = ended().call
	for i, o := range []Outcome{known(), {Kind: Parked, Step: StepCreate, Time: second(70), Reason: "403"}} {
		e.members[0].record.apply(uint64(i)+1, o)
	}
	b.calls[testCall] = e
	b.lookForOverdue(now)
	require.False(t, e.queued)
	now = now.Add(keepParked)
	b.lookForOverdue(now)
	require.True(t, e.queued)
	require.Equal(t, laneLocal, e.in)
}
