package telephony_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

func hint(t float64, name string) telephony.Event {
	return telephony.Event{Kind: telephony.CallHint, Time: at(t), Leg: "t", Name: name, Value: "yes"}
}

// A phone system may say how a call went better than its phones do.
func TestState_disposition_asTold(t *testing.T) {
	t.Parallel()
	rungOut := append(rings(), dialEnded(20, "a", telephony.DialNoAnswer))
	cancelled := append(rings(), dialEnded(20, "a", telephony.DialCancel))
	for _, tt := range []struct {
		name   string
		events []telephony.Event
		want   telephony.Disposition
	}{
		{name: "it rang in vain", events: rungOut, want: telephony.Missed},
		{name: "it rang until he gave up", events: append(slices.Clone(rungOut), hint(20, telephony.HintGaveUp)), want: telephony.Abandoned},
		{
			name: "it rang in vain, and he hung up while something was announced", want: telephony.Missed,
			events: append(slices.Clone(rungOut), hint(20, telephony.HintTurnedAway), hint(24, telephony.HintGaveUp)),
		},
		{name: "the ringing was ended", events: cancelled, want: telephony.Abandoned},
		{name: "the ringing was ended by the phone system", events: append(slices.Clone(cancelled), hint(20, telephony.HintTurnedAway)), want: telephony.Missed},
		{name: "he gave up before anything rang", events: []telephony.Event{started(0, "t", telephony.SideTrunk, "x"), hint(5, telephony.HintGaveUp)}, want: telephony.Abandoned},
		{name: "it was closed", events: []telephony.Event{started(0, "t", telephony.SideTrunk, "x"), hint(5, telephony.HintTurnedAway)}, want: telephony.Missed},
		{name: "nothing is known", events: []telephony.Event{started(0, "t", telephony.SideTrunk, "x")}, want: telephony.Failed},
		{name: "he gave up after he had talked", events: append(talks(), hint(25, telephony.HintGaveUp)), want: telephony.Answered},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := fold(story(append(slices.Clone(tt.events), ends(30, "a", "t")...)...))
			require.Equal(t, tt.want, s.Disposition)
		})
	}
}

// Who answered and did not take the call did not talk, whenever that is told.
func TestState_declined(t *testing.T) {
	t.Parallel()
	for _, when := range []float64{2, 3, 30} {
		s := fold(story(append(talks(), dialEnded(when, "a", telephony.DialDeclined))...))
		require.False(t, s.Answered())
		require.Empty(t, s.Talks)
		require.Equal(t, telephony.DialDeclined, s.Legs[1].DialStatus)
	}
	s := fold(story(append(append(talks(), dialEnded(5, "a", telephony.DialDeclined)), ends(9, "a", "t")...)...))
	require.Equal(t, telephony.Missed, s.Disposition)
}

// The clock that dates who began a call may be ahead of that which dates the rest.
func TestState_reached_beginDatedLate(t *testing.T) {
	t.Parallel()
	events := slices.Concat([]telephony.Event{started(2, "t", telephony.SideTrunk, "trunk")}, dialledOut(1, "m", mobile, "t"), takes(3, "m", "t", "b"))
	s := fold(story(events...))
	require.Equal(t, telephony.Inbound, s.Direction)
	require.Equal(t, []telephony.Talk{talkOf(mobile, "m", 3, 0)}, s.Talks)
}

// Whose phone it is must be known when it answers, also where both were found live,
// and the answer was reported with a time before that at which they were found.
func TestState_reached_foundAfterItsAnswer(t *testing.T) {
	t.Parallel()
	for _, found := range []float64{1, 3, 5} {
		events := slices.Concat([]telephony.Event{started(found, "t", telephony.SideTrunk, "trunk")}, dialledOut(found, "m", mobile, "t"))
		for i := range events {
			events[i].Estimated = true
		}
		s := fold(story(append(events, takes(3, "m", "t", "b")...)...))
		require.Equal(t, telephony.Inbound, s.Direction)
		require.Equal(t, []telephony.Talk{talkOf(mobile, "m", 3, 0)}, s.Talks, "found at %v", found)
	}
}

func TestState_location(t *testing.T) {
	t.Parallel()
	begin := started(0, "t", telephony.SideTrunk, "trunk")
	begin.Party.Location = "BUFFALO, NY, US"
	require.Equal(t, "BUFFALO, NY, US", fold(story(begin)).Customer().Location)
}
