package telephony_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

const second = telephony.CallID("hq/pbx1/2.2")

// of says of which call events are.
func of(call telephony.CallID, events ...telephony.Event) []telephony.Event {
	for i := range events {
		events[i].Call, events[i].ID = call, fmt.Sprintf("%s-%02d", call, i)
	}
	return events
}

func in(t float64, name, bridge string) telephony.Event {
	return telephony.Event{Kind: telephony.LegBridged, Time: at(t), Leg: name, Bridge: bridge}
}

func out(t float64, name, bridge string) telephony.Event {
	return telephony.Event{Kind: telephony.LegUnbridged, Time: at(t), Leg: name, Bridge: bridge}
}

func link(t float64, other telephony.CallID) telephony.Event {
	return telephony.Event{Kind: telephony.CallLinked, Time: at(t), Other: other}
}

// customer is a call that agent a answers, and then asks a colleague to wait for.
func customer() []telephony.Event {
	return of(id, append(talks(), link(20, second), out(20, "t", "b"), in(20, "t", "c"), leg(telephony.LegEnded, 20, "a"),
		leg(telephony.LegHangupAsked, 30, "t"), leg(telephony.LegEnded, 30, "t"), leg(telephony.LegEnded, 30, "x"))...)
}

// consultation is what agent a asks his colleague x: a call of its own.
func consultation() []telephony.Event {
	begin := started(10, "a2", telephony.SideAgent, "PJSIP/1001")
	begin.First, begin.Dialled = true, "1002"
	return of(second, begin, started(11, "x", telephony.SideAgent, "PJSIP/1002"), leg(telephony.LegDialled, 11, "x"),
		in(12, "a2", "c"), in(12, "x", "c"), out(20, "a2", "c"), leg(telephony.LegEnded, 20, "a2"), link(20, id))
}

func callOf(events []telephony.Event) *telephony.Call {
	c := telephony.NewCall(events[0].Call)
	for _, e := range events {
		c.Apply(e)
	}
	return c
}

func TestJoin(t *testing.T) {
	t.Parallel()
	first, other := callOf(customer()), callOf(consultation())
	require.Equal(t, []telephony.CallID{second}, first.Links())
	require.Equal(t, []telephony.CallID{id}, other.Links())
	require.Equal(t, telephony.Internal, other.State().Direction)

	s := telephony.Join(other, first)
	require.Equal(t, id, s.ID)
	require.Equal(t, telephony.Inbound, s.Direction)
	require.Equal(t, telephony.Answered, s.Disposition)
	require.Equal(t, telephony.Party{Number: "+4930"}, s.Customer())
	require.Equal(t, telephony.Party{Number: "+1555"}, s.Line())
	require.Equal(t, at(0), s.StartedAt)
	require.Equal(t, at(30), s.EndedAt)
	require.Equal(t, telephony.SideTrunk, s.HungUpBy, "agent a left before")
	require.Len(t, s.Legs, 4)
	require.Empty(t, cmp.Diff([]telephony.Talk{
		{Endpoint: "PJSIP/1001", Leg: "a", From: at(4), Until: at(20)}, {Endpoint: "PJSIP/1002", Leg: "x", From: at(20), Until: at(30)},
	}, s.Talks))
}

func TestJoin_fewCalls(t *testing.T) {
	t.Parallel()
	require.Zero(t, telephony.Join())
	c := callOf(customer())
	require.Equal(t, c.State(), telephony.Join(c))
	require.Equal(t, c.State(), telephony.Join(telephony.NewCall(second), c), "nothing is known of the other yet")
	require.Negative(t, telephony.Older(c, telephony.NewCall("hq/pbx1/0.1")))
	require.Negative(t, telephony.Older(telephony.NewCall("hq/pbx1/0.1"), telephony.NewCall("hq/pbx1/0.2")))
}

// The older call is the internal one: the colleague had called the agent before
// the customer did. The id is the older one's, the rest is the customer's.
func TestJoin_internalIsOlder(t *testing.T) {
	t.Parallel()
	events := consultation()
	for i := range events {
		events[i].Time = events[i].Time.Add(-60e9)
	}
	s := telephony.Join(callOf(customer()), callOf(events))
	require.Equal(t, second, s.ID)
	require.Equal(t, telephony.Inbound, s.Direction)
	require.Equal(t, telephony.Party{Number: "+4930"}, s.Customer())
	require.Equal(t, at(0), s.StartedAt, "the customer came then")
	require.Equal(t, at(4), s.AnsweredAt)
}

// Whatever the order of events, of calls, and however often they come.
func TestJoin_anyOrder(t *testing.T) {
	t.Parallel()
	tied := slices.Concat(customer(), consultation())
	for i := range tied {
		tied[i].Time = at(0)
	}
	for _, events := range [][]telephony.Event{slices.Concat(customer(), consultation()), slices.Concat(customer(), consultationOutside()), tied} {
		want := telephony.Join(shuffled(events, 0)...)
		for seed := range uint64(50) {
			require.Empty(t, cmp.Diff(want, telephony.Join(shuffled(events, seed)...)), "seed %d", seed)
		}
	}
}

func shuffled(events []telephony.Event, seed uint64) []*telephony.Call {
	r := rand.New(rand.NewPCG(seed, 7))
	calls := []*telephony.Call{telephony.NewCall(id), telephony.NewCall(second)}
	r.Shuffle(2, func(i, k int) { calls[i], calls[k] = calls[k], calls[i] })
	for range 2 {
		for _, i := range r.Perm(len(events)) {
			for _, c := range calls {
				c.Apply(events[i])
			}
		}
	}
	return calls
}

// helper is one end of a channel that the phone system made for itself.
func helper(t float64, name string) telephony.Event {
	return started(t, name, telephony.SideHelper, "Local/1002@agents-00000000")
}

// An agent hears the caller through a helper channel: one end is in the bridge
// of the one, the other in that of the other.
func TestState_talksThroughAHelper(t *testing.T) {
	t.Parallel()
	s := fold(story(append(rings(), helper(2, "w1"), helper(2, "w2"), in(3, "t", "b"), in(3, "w1", "b"),
		in(5, "w2", "c"), in(5, "a", "c"), leg(telephony.LegEnded, 9, "w1"), in(9.1, "t", "c"), out(9.1, "w2", "c"), out(12, "t", "c"))...))
	require.Empty(t, cmp.Diff([]telephony.Talk{{Endpoint: "PJSIP/1001", Leg: "a", From: at(5), Until: at(12)}}, s.Talks))
	require.Equal(t, at(5), s.AnsweredAt, "the helper alone is nobody")
}

func TestState_queues(t *testing.T) {
	t.Parallel()
	queue := func(kind telephony.Kind, t float64, name string) telephony.Event {
		return telephony.Event{Kind: kind, Time: at(t), Name: name}
	}
	trunk := started(0, "t", telephony.SideTrunk, "PJSIP/trunk")
	noAnswer := []telephony.Event{started(2, "a", telephony.SideAgent, "PJSIP/1001"), leg(telephony.LegDialled, 2, "a"), dialEnded(6, "a", telephony.DialNoAnswer), leg(telephony.LegEnded, 6, "a")}
	begin := append([]telephony.Event{trunk, queue(telephony.CallQueued, 1, "support")}, noAnswer...)

	s := fold(story(append(slices.Clone(begin), leg(telephony.LegHangupAsked, 9, "t"), queue(telephony.CallUnqueued, 9, "support"), leg(telephony.LegEnded, 10, "t"))...))
	require.Equal(t, telephony.Abandoned, s.Disposition, "nobody's phone rang when he gave up")
	require.Equal(t, []telephony.QueueStay{{Name: "support", JoinedAt: at(1), LeftAt: at(9)}}, s.Queues)
	require.Equal(t, "support", s.Queue())
	require.Equal(t, s.Duration(), s.Wait())

	s = fold(story(append(slices.Clone(begin), queue(telephony.CallUnqueued, 9, "support"), queue(telephony.CallQueued, 9, "sales"), leg(telephony.LegEnded, 10, "t"))...))
	require.Equal(t, telephony.Missed, s.Disposition, "the queue gave up, not he")
	require.Equal(t, "sales", s.Queue())
	require.Empty(t, fold(story(rings()...)).Queue())
	require.Equal(t, at(4).Sub(at(0)), fold(story(talks()...)).Wait())
	require.Zero(t, fold(story(rings()...)).Wait())
}

// Where a phone system has whole seconds, calls of one conversation may begin at the
// same time. Who was there first is told by what they are.
func TestOlder_atOneTime(t *testing.T) {
	t.Parallel()
	const early, late = telephony.CallID("hq/pbx1/1"), telephony.CallID("hq/pbx1/9")
	call := func(id telephony.CallID, events ...telephony.Event) *telephony.Call { return callOf(of(id, events...)) }
	begin := func(side telephony.Side) telephony.Event {
		e := started(0, "first", side, "x")
		e.First = true
		return e
	}
	placed := telephony.Event{Kind: telephony.LegDialled, Time: at(0), Leg: "first", Side: telephony.SideTrunk}
	dialled := started(0, "child", telephony.SideTrunk, "x")
	for _, tt := range []struct {
		name       string
		older      []telephony.Event
		younger    []telephony.Event
		sameToTell bool
	}{
		{name: "who calls in, and the agent who is called for him", older: []telephony.Event{begin(telephony.SideTrunk)}, younger: []telephony.Event{begin(telephony.SideAgent)}},
		{name: "who calls in, and the mobile that is called for him", older: []telephony.Event{begin(telephony.SideTrunk)}, younger: []telephony.Event{begin(telephony.SideTrunk), placed}},
		{name: "who is called, and the agent who joins", older: []telephony.Event{begin(telephony.SideTrunk), placed}, younger: []telephony.Event{begin(telephony.SideAgent)}},
		{name: "an agent who calls, and a leg that was dialled and dials", older: []telephony.Event{begin(telephony.SideAgent)}, younger: []telephony.Event{dialled}},
		{name: "two of a kind", older: []telephony.Event{begin(telephony.SideTrunk)}, younger: []telephony.Event{begin(telephony.SideTrunk)}, sameToTell: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, b := call(late, tt.older...), call(early, tt.younger...)
			if tt.sameToTell { // then their ids decide
				a, b = call(early, tt.older...), call(late, tt.younger...)
			}
			require.Negative(t, telephony.Older(a, b))
			require.Positive(t, telephony.Older(b, a))
			require.Equal(t, a.ID(), telephony.Join(a, b).ID)
			require.Equal(t, a.ID(), telephony.Join(b, a).ID)
		})
	}
}
