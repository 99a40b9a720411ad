package telephony_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// talked is a call that agents a and b take part in from second 10 to 60.
func talked(more ...telephony.Event) telephony.State {
	events := []telephony.Event{
		started(0, "t", telephony.SideTrunk, "PJSIP/trunk"), started(1, "a", telephony.SideAgent, "PJSIP/1001"),
		started(1, "b", telephony.SideAgent, "PJSIP/1002"),
		leg(telephony.LegBridged, 10, "t"), leg(telephony.LegBridged, 10, "a"), leg(telephony.LegBridged, 10, "b"),
	}
	for _, e := range []string{"b", "t"} {
		events = append(events, leg(telephony.LegEnded, 60, e))
	}
	return fold(story(append(events, more...)...))
}

func TestHoldTime(t *testing.T) {
	t.Parallel()
	held := func(t float64, name string) telephony.Event { return leg(telephony.LegHeld, t, name) }
	resumed := func(t float64, name string) telephony.Event { return leg(telephony.LegResumed, t, name) }
	gone := leg(telephony.LegEnded, 60, "a")
	for _, tt := range []struct {
		name   string
		events []telephony.Event
		want   float64
	}{
		{name: "never", events: []telephony.Event{gone}},
		{name: "once", events: []telephony.Event{held(20, "a"), resumed(25, "a"), gone}, want: 5},
		{name: "twice", events: []telephony.Event{held(20, "a"), resumed(25, "a"), held(30, "a"), resumed(32, "a"), gone}, want: 7},
		{name: "said twice", events: []telephony.Event{held(20, "a"), held(22, "a"), resumed(25, "a"), resumed(26, "a"), gone}, want: 5},
		{name: "until the end", events: []telephony.Event{held(50, "a"), gone}, want: 10},
		{name: "until the agent leaves", events: []telephony.Event{held(20, "a"), leg(telephony.LegEnded, 24, "a")}, want: 4},
		{name: "an end of none", events: []telephony.Event{resumed(20, "a"), gone}},
		{name: "by two at once", events: []telephony.Event{held(20, "a"), held(22, "b"), resumed(25, "a"), resumed(30, "b"), gone}, want: 10},
		{name: "by the other side", events: []telephony.Event{held(20, "t"), resumed(25, "t"), gone}},
		{name: "before anybody talked", events: []telephony.Event{held(5, "a"), resumed(12, "a"), gone}, want: 2},
		{name: "of a leg that is gone", events: []telephony.Event{leg(telephony.LegEnded, 24, "a"), held(30, "a")}},
		{name: "while it lasts", events: []telephony.Event{held(20, "a"), resumed(25, "a")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.InDelta(t, tt.want, talked(tt.events...).HoldTime().Seconds(), 0)
		})
	}
	state := talked(held(20, "a"), resumed(25, "a"), held(30, "b"), gone)
	require.Equal(t, []telephony.Hold{{Leg: "a", From: at(20), Until: at(25)}, {Leg: "b", From: at(30), Until: at(60)}}, state.Holds)
	require.Equal(t, 35*time.Second, state.HoldTime())
	require.Len(t, state.Talks, 2, "on hold the conversation goes on")
}

func TestEndedOnHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		events []telephony.Event
		want   bool
	}{
		{name: "the caller waits no more", events: []telephony.Event{leg(telephony.LegHeld, 50, "a"), leg(telephony.LegHangupAsked, 60, "t"), leg(telephony.LegEnded, 60, "a")}, want: true},
		{name: "the phone takes him off hold when he is gone", events: []telephony.Event{leg(telephony.LegHeld, 50, "a"), leg(telephony.LegHangupAsked, 60, "t"), leg(telephony.LegResumed, 61, "a"), leg(telephony.LegEnded, 62, "a")}, want: true},
		{name: "he had been taken off hold", events: []telephony.Event{leg(telephony.LegHeld, 50, "a"), leg(telephony.LegResumed, 55, "a"), leg(telephony.LegHangupAsked, 60, "t"), leg(telephony.LegEnded, 60, "a")}},
		{name: "the agent hung up", events: []telephony.Event{leg(telephony.LegHeld, 50, "a"), leg(telephony.LegHangupAsked, 60, "a"), leg(telephony.LegEnded, 60, "a")}},
		{name: "never held", events: []telephony.Event{leg(telephony.LegHangupAsked, 60, "t"), leg(telephony.LegEnded, 60, "a")}},
		{name: "it goes on", events: []telephony.Event{leg(telephony.LegHeld, 50, "a")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, talked(tt.events...).EndedOnHold())
		})
	}
}
