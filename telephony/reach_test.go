package telephony_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

const mobile = "+15550100101"

// dialledOut is a line to the outside that peer dials; the phone system itself if
// that is empty.
func dialledOut(t float64, name, number, peer string) []telephony.Event {
	begin := started(t, name, telephony.SideTrunk, "PJSIP/trunk")
	dial := leg(telephony.LegDialled, t, name)
	dial.Dialled, dial.Peer, dial.Side = number, peer, telephony.SideTrunk
	if peer != "" {
		dial.Party = telephony.Party{Number: "+1555"}
	}
	return []telephony.Event{begin, dial}
}

// takes is a leg that answers and is joined with another.
func takes(t float64, name, other, bridge string) []telephony.Event {
	return []telephony.Event{dialEnded(t, name, telephony.DialAnswer), in(t, name, bridge), in(t, other, bridge)}
}

// callsOut is a call that agent a begins, and that the customer c answers.
func callsOut() []telephony.Event {
	begin := started(0, "a", telephony.SideAgent, "PJSIP/1001")
	begin.First, begin.Dialled = true, "903055512341"
	return slices.Concat([]telephony.Event{begin}, dialledOut(1, "c", "03055512341", "a"), takes(3, "c", "a", "b"))
}

func talkOf(endpoint, name string, from, until float64) telephony.Talk {
	talk := telephony.Talk{Endpoint: endpoint, Leg: name, From: at(from)}
	if until > 0 {
		talk.Until = at(until)
	}
	return talk
}

// Whose phone is reached over a trunk depends on who dialled it, and on whether
// the other side was there already.
func TestState_reached(t *testing.T) {
	t.Parallel()
	trunk := started(0, "t", telephony.SideTrunk, "PJSIP/trunk")
	wire := func(t float64, name string) telephony.Event {
		return started(t, name, telephony.SideHelper, "Local/s@out-00000001")
	}
	firstWire := wire(0, "w1")
	firstWire.First = true
	originated := dialledOut(0, "t", mobile, "")
	for _, tt := range []struct {
		name      string
		events    []telephony.Event
		direction telephony.Direction
		customer  string
		talks     []telephony.Talk
	}{
		{
			name: "a mobile takes a call from outside", direction: telephony.Inbound, customer: "+4930",
			events: slices.Concat([]telephony.Event{trunk}, dialledOut(1, "m", mobile, "t"), takes(3, "m", "t", "b")),
			talks:  []telephony.Talk{talkOf(mobile, "m", 3, 0)},
		},
		{
			name: "it rings beside a phone", direction: telephony.Inbound, customer: "+4930",
			events: slices.Concat(rings(), dialledOut(1, "m", mobile, "t"), takes(3, "m", "t", "b")),
			talks:  []telephony.Talk{talkOf(mobile, "m", 3, 0)},
		},
		{
			name: "it is dialled by a helper", direction: telephony.Inbound, customer: "+4930",
			events: slices.Concat([]telephony.Event{trunk, wire(1, "w1"), wire(1, "w2")}, dialledOut(1, "m", mobile, "w2"), takes(3, "m", "w2", "b"),
				[]telephony.Event{in(4, "t", "c"), in(4, "w1", "c")}),
			talks: []telephony.Talk{talkOf(mobile, "m", 4, 0)},
		},
		{
			name: "nobody knows which number was dialled", direction: telephony.Inbound, customer: "+4930",
			events: slices.Concat([]telephony.Event{trunk}, dialledOut(1, "m", "", "t"), takes(3, "m", "t", "b")),
			talks:  []telephony.Talk{talkOf("PJSIP/trunk", "m", 3, 0)},
		},
		{
			name: "a caller is transferred to it", direction: telephony.Inbound, customer: "+4930",
			events: slices.Concat(talks(), []telephony.Event{out(8, "a", "b"), out(8, "t", "b"), leg(telephony.LegEnded, 8, "a")},
				dialledOut(9, "m", mobile, "t"), takes(11, "m", "t", "c")),
			talks: []telephony.Talk{talkOf("PJSIP/1001", "a", 4, 8), talkOf(mobile, "m", 11, 0)},
		},
		{
			name: "an agent asks there while the caller waits, and leaves them to each other", direction: telephony.Inbound, customer: "+4930",
			events: slices.Concat(talks(), []telephony.Event{out(8, "a", "b")}, dialledOut(9, "m", mobile, "a"), takes(11, "m", "a", "c"),
				[]telephony.Event{out(15, "a", "c"), leg(telephony.LegEnded, 15, "a"), in(15, "t", "c")}),
			talks: []telephony.Talk{talkOf("PJSIP/1001", "a", 4, 8), talkOf(mobile, "m", 15, 0)},
		},
		{
			name: "a customer is called", direction: telephony.Outbound, customer: "03055512341",
			events: callsOut(), talks: []telephony.Talk{talkOf("PJSIP/1001", "a", 3, 0)},
		},
		{
			name: "a customer who talks is told to be dialled again", direction: telephony.Outbound, customer: "03055512341",
			events: slices.Concat(callsOut(), dialledOut(5, "c", "03055512341", "a")[1:], []telephony.Event{out(8, "a", "b"), in(9, "a", "b")}),
			talks:  []telephony.Talk{talkOf("PJSIP/1001", "a", 3, 8), talkOf("PJSIP/1001", "a", 9, 0)},
		},
		{
			name: "a caller is dialled by a phone of ours", direction: telephony.Inbound, customer: "+4930",
			events: slices.Concat(talks(), dialledOut(6, "t", "1", "a")[1:]), talks: []telephony.Talk{talkOf("PJSIP/1001", "a", 4, 0)},
		},
		{
			name: "over a second trunk, when the first one fails", direction: telephony.Outbound, customer: "03055512341",
			events: slices.Concat([]telephony.Event{callsOut()[0]}, dialledOut(1, "x", "03055512341", "a"),
				[]telephony.Event{dialEnded(2, "x", telephony.DialCongestion), leg(telephony.LegEnded, 2, "x")},
				dialledOut(2, "c", "03055512341", "a"), takes(3, "c", "a", "b")),
			talks: []telephony.Talk{talkOf("PJSIP/1001", "a", 3, 0)},
		},
		{
			name: "the next customer, when the first has gone", direction: telephony.Outbound, customer: "03055512341",
			events: slices.Concat(callsOut(), ends(9, "c"), []telephony.Event{out(9, "a", "b")}, dialledOut(9, "d", "03055512399", "a"), takes(11, "d", "a", "c")),
			talks:  []telephony.Talk{talkOf("PJSIP/1001", "a", 3, 9), talkOf("PJSIP/1001", "a", 11, 0)},
		},
		{
			name: "a customer whom we called is transferred to a mobile", direction: telephony.Outbound, customer: "03055512341",
			events: slices.Concat(callsOut(), []telephony.Event{out(8, "a", "b"), out(8, "c", "b"), leg(telephony.LegEnded, 8, "a")},
				dialledOut(9, "m", mobile, "c"), takes(11, "m", "c", "d")),
			talks: []telephony.Talk{talkOf("PJSIP/1001", "a", 3, 8), talkOf(mobile, "m", 11, 0)},
		},
		{
			name: "a call that is placed for a mobile", direction: telephony.Outbound, customer: "03055512341",
			events: slices.Concat([]telephony.Event{trunk}, originated[1:], []telephony.Event{dialEnded(2, "t", telephony.DialAnswer)},
				dialledOut(3, "c", "03055512341", "t"), takes(5, "c", "t", "b")),
			talks: []telephony.Talk{talkOf(mobile, "t", 5, 0)},
		},
		{
			name: "a call that is placed for a mobile, by a helper", direction: telephony.Outbound, customer: "03055512341",
			events: slices.Concat([]telephony.Event{firstWire, wire(0, "w2")}, dialledOut(1, "m", mobile, "w2"), takes(2, "m", "w2", "b"),
				dialledOut(3, "c", "03055512341", "w1"), takes(5, "c", "w1", "c")),
			talks: []telephony.Talk{talkOf(mobile, "m", 5, 0)},
		},
		{
			name: "a mobile for which a call is placed does not answer", direction: telephony.Outbound, customer: mobile,
			events: slices.Concat([]telephony.Event{trunk}, originated[1:], []telephony.Event{dialEnded(9, "t", telephony.DialNoAnswer)}),
		},
		{
			name: "a customer is called back, and then an agent rung", direction: telephony.Outbound, customer: mobile,
			events: slices.Concat([]telephony.Event{trunk}, originated[1:], []telephony.Event{
				dialEnded(2, "t", telephony.DialAnswer), started(3, "a", telephony.SideAgent, "PJSIP/1001"), leg(telephony.LegDialled, 3, "a"),
			}, dialledOut(3, "m", "+15550100102", "t"), takes(5, "m", "t", "b")),
			talks: []telephony.Talk{talkOf("+15550100102", "m", 5, 0)},
		},
		{
			name: "a customer is called back by a helper, and then a phone and a mobile rung", direction: telephony.Outbound, customer: "03055512341",
			events: slices.Concat([]telephony.Event{firstWire, wire(0, "w2")}, dialledOut(1, "c", "03055512341", "w2"), []telephony.Event{
				dialEnded(2, "c", telephony.DialAnswer), started(3, "a", telephony.SideAgent, "PJSIP/1001"), leg(telephony.LegDialled, 3, "a"),
			}, dialledOut(3, "m", mobile, "w1"), takes(5, "m", "w1", "b"), []telephony.Event{in(5, "c", "c"), in(5, "w2", "c")}),
			talks: []telephony.Talk{talkOf(mobile, "m", 5, 0)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := fold(story(tt.events...))
			require.Equal(t, tt.direction, s.Direction)
			require.Equal(t, tt.customer, s.Customer().Number)
			require.Empty(t, cmp.Diff(tt.talks, s.Talks))
			anyOrder(t, story(tt.events...), s)
		})
	}
}

// anyOrder demands that a story comes to the same whatever its order.
func anyOrder(t *testing.T, events []telephony.Event, want telephony.State) {
	t.Helper()
	for i := range events {
		turned := slices.Concat(events[i:], events[:i], events[i:])
		slices.Reverse(turned)
		require.Empty(t, cmp.Diff(want, fold(turned)), "turned by %d", i)
	}
}

// While a mobile rings it is a phone of ours that rings.
func TestState_reachedRings(t *testing.T) {
	t.Parallel()
	events := slices.Concat(rings(), dialledOut(1, "m", mobile, "t"))
	s := fold(story(events...))
	require.Equal(t, []string{"PJSIP/1001", mobile}, s.Ringing)
	m := s.Legs[2]
	require.True(t, m.Inside)
	require.True(t, m.Ours())
	require.Equal(t, mobile, m.Phone())
	require.Equal(t, telephony.SideTrunk, m.Side)
	require.False(t, s.Legs[0].Ours())
	require.Equal(t, "PJSIP/trunk", s.Legs[0].Phone())

	s = fold(story(append(events, dialEnded(9, "a", telephony.DialNoAnswer), dialEnded(9, "m", telephony.DialNoAnswer),
		leg(telephony.LegEnded, 9, "a"), leg(telephony.LegEnded, 9, "m"), leg(telephony.LegEnded, 9, "t"))...))
	require.Empty(t, s.Ringing)
	require.Equal(t, telephony.Missed, s.Disposition)
}

// Who hangs up on a mobile of ours is on our side.
func TestState_reachedHangsUp(t *testing.T) {
	t.Parallel()
	s := fold(story(slices.Concat(rings(), dialledOut(1, "m", mobile, "t"), takes(3, "m", "t", "b"),
		[]telephony.Event{leg(telephony.LegHangupAsked, 9, "m"), leg(telephony.LegEnded, 9, "m"), leg(telephony.LegEnded, 9, "t"), leg(telephony.LegEnded, 4, "a")})...))
	require.Equal(t, telephony.SideAgent, s.HungUpBy)
	require.Equal(t, telephony.Answered, s.Disposition)
	require.Equal(t, []telephony.Talk{talkOf(mobile, "m", 3, 9)}, s.Talks)
}

// consultationOutside is what agent a asks on a mobile.
func consultationOutside() []telephony.Event {
	begin := started(10, "a2", telephony.SideAgent, "PJSIP/1001")
	begin.First, begin.Dialled = true, mobile
	return of(second, slices.Concat([]telephony.Event{begin}, dialledOut(11, "x", mobile, "a2"), takes(12, "x", "a2", "c"),
		[]telephony.Event{out(20, "a2", "c"), leg(telephony.LegEnded, 20, "a2"), link(20, id)})...)
}

// An agent asks outside in a call of its own, and then joins it with the
// caller's: from then on the caller and who was asked talk. A caller who was
// joined with another one is no phone of ours.
func TestJoin_reached(t *testing.T) {
	t.Parallel()
	asked := consultationOutside()
	alone := callOf(asked).State()
	require.Equal(t, telephony.Outbound, alone.Direction)
	require.Equal(t, []telephony.Talk{talkOf("PJSIP/1001", "a2", 12, 20)}, alone.Talks)

	s := telephony.Join(callOf(asked), callOf(customer()))
	require.Equal(t, telephony.Inbound, s.Direction)
	require.Empty(t, cmp.Diff([]telephony.Talk{talkOf("PJSIP/1001", "a", 4, 20), talkOf(mobile, "x", 20, 30)}, s.Talks))

	caller := started(10, "x", telephony.SideTrunk, "PJSIP/trunk")
	caller.First = true
	other := of(second, caller, link(19, id), in(20, "x", "c"))
	s = telephony.Join(callOf(other), callOf(customer()))
	require.Empty(t, cmp.Diff([]telephony.Talk{talkOf("PJSIP/1001", "a", 4, 20)}, s.Talks))
}
