package telephony_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

func whole(kind telephony.Kind, t float64, status telephony.DialStatus) telephony.Event {
	return telephony.Event{Kind: kind, Time: at(t), Status: status}
}

func rung(t float64, name string) telephony.Event {
	e := leg(telephony.LegDialled, t, name)
	e.Side, e.Endpoint = telephony.SideAgent, name
	return e
}

// A phone system that tells of whole calls names nobody at the end.
func TestCallAsAWhole(t *testing.T) {
	t.Parallel()
	begin := []telephony.Event{started(0, "t", telephony.SideTrunk, "cti"), rung(0, "ana"), rung(0, "ben")}
	answer := []telephony.Event{leg(telephony.LegBridged, 5, "ana"), leg(telephony.LegBridged, 5, "t"), whole(telephony.CallRingEnded, 5, telephony.DialNoAnswer)}
	for _, c := range []struct {
		name   string
		events []telephony.Event
		want   telephony.Disposition // "" if it goes on
		ended  float64
	}{
		{name: "rings", events: begin},
		{name: "answered", events: slices.Concat(begin, answer)},
		{name: "answered and over", events: slices.Concat(begin, answer, []telephony.Event{whole(telephony.CallEnded, 9, "")}), want: telephony.Answered, ended: 9},
		{name: "the caller gives up", events: slices.Concat(begin, []telephony.Event{whole(telephony.CallEnded, 9, telephony.DialCancel)}), want: telephony.Abandoned, ended: 9},
		{name: "all are busy", events: slices.Concat(begin, []telephony.Event{whole(telephony.CallEnded, 9, telephony.DialBusy)}), want: telephony.Busy, ended: 9},
		{name: "nobody was told to ring", events: []telephony.Event{begin[0], whole(telephony.CallEnded, 9, telephony.DialNoAnswer)}, want: telephony.Missed, ended: 9},
		{name: "congestion", events: []telephony.Event{begin[0], whole(telephony.CallEnded, 9, telephony.DialCongestion)}, want: telephony.Failed, ended: 9},
		{name: "the end is heard first, then the answer", events: slices.Concat([]telephony.Event{whole(telephony.CallEnded, -2, "")}, []telephony.Event{
			{Kind: telephony.LegBridged, Time: at(-1), Leg: "ana", Bridge: "b", Side: telephony.SideAgent},
			{Kind: telephony.LegBridged, Time: at(-1), Leg: "t", Bridge: "b", Side: telephony.SideTrunk},
		}, begin), want: telephony.Answered, ended: 0},
		{name: "the end is told first", events: slices.Concat([]telephony.Event{whole(telephony.CallEnded, -1, telephony.DialCancel)}, begin), want: telephony.Abandoned, ended: 0},
		{name: "given up for gone, and its end is told after that", events: slices.Concat(begin, answer, []telephony.Event{
			{Kind: telephony.LegEnded, Time: at(20), Leg: "ana", Estimated: true},
			{Kind: telephony.LegEnded, Time: at(20), Leg: "t", Estimated: true},
			whole(telephony.CallEnded, 30, ""),
		}), want: telephony.Answered, ended: 30},
		{name: "forwarded, and not heard of since", events: slices.Concat(begin, []telephony.Event{whole(telephony.CallForwarded, 9, telephony.DialNoAnswer)})},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := fold(story(slices.Clone(c.events)...))
			require.Equal(t, c.want, s.Disposition)
			require.Equal(t, c.want != "", s.Ended())
			require.False(t, s.EndEstimated)
			if s.Ended() {
				require.Equal(t, at(c.ended), s.EndedAt)
				require.Empty(t, s.Ringing)
			}
		})
	}
	s := fold(story(slices.Concat(begin, answer)...))
	require.Empty(t, s.Ringing, "who did not answer is not rung any more")
	require.Equal(t, "ana", s.Talks[0].Endpoint)
	require.Equal(t, []string{"ana", "ben"}, fold(story(slices.Clone(begin)...)).Ringing)
}

// Ana takes the call and passes it on: for the phone system that is another one,
// and for the caller the same.
func TestForwardedCall(t *testing.T) {
	t.Parallel()
	first := of(id, started(0, "t", telephony.SideTrunk, "cti"), rung(0, "ana"), leg(telephony.LegBridged, 5, "ana"),
		leg(telephony.LegBridged, 5, "t"), whole(telephony.CallForwarded, 9, ""))
	begin := started(10, "t2", telephony.SideTrunk, "cti")
	begin.First, begin.Party, begin.Dialled = true, telephony.Party{Number: "+4930"}, "+1556"
	next := of(second, begin, link(10, id), rung(10, "ben"), in(12, "ben", "c"), in(12, "t2", "c"))
	s := telephony.Join(callOf(first), callOf(next))
	require.True(t, s.Live())
	require.Len(t, s.Talks, 2)
	require.Equal(t, at(9), s.Talks[0].Until, "Ana is out of it")

	over := of(second, slices.Concat(next, []telephony.Event{whole(telephony.CallEnded, 20, "")})...)
	want := telephony.Join(callOf(first), callOf(over))
	require.True(t, at(20).Equal(want.EndedAt))
	require.Equal(t, telephony.Answered, want.Disposition)
	require.Equal(t, []string{"ana", "ben"}, []string{want.Talks[0].Endpoint, want.Talks[1].Endpoint})
	require.Equal(t, "+1555", want.To.Number)
	slices.Reverse(first)
	slices.Reverse(over)
	require.Empty(t, cmp.Diff(want, telephony.Join(callOf(over), callOf(first))))
}
