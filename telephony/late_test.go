package telephony_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

func late(events ...telephony.Event) []telephony.Event {
	for i := range events {
		events[i].Late = true
	}
	return events
}

// ofLeg has the events be of a leg.
func ofLeg(leg string, events []telephony.Event) []telephony.Event {
	events = slices.Clone(events)
	for i := range events {
		events[i].Leg = leg
	}
	return events
}

// What was read in call records counts for what nobody heard, and no more.
func TestState_late(t *testing.T) {
	t.Parallel()
	// The records say: answered by a at 3, over at 9. They are coarse.
	records := func() []telephony.Event {
		return late(append(append(rings(), dialEnded(3, "a", telephony.DialAnswer), leg(telephony.LegBridged, 3, "a"), leg(telephony.LegBridged, 3, "t")),
			ends(9, "a", "t")...)...)
	}
	gone := func(at float64) []telephony.Event {
		events := ends(at, "a", "t")
		for i := range events {
			events[i] = estimated(events[i])
		}
		return events
	}
	// The answer was heard; when both talked was reckoned at the end of it.
	reckoned := func() []telephony.Event {
		return append(rings(), dialEnded(4, "a", telephony.DialAnswer), estimated(leg(telephony.LegBridged, 3, "a")), estimated(leg(telephony.LegBridged, 3, "t")),
			leg(telephony.LegHeld, 5, "t"))
	}
	// What is made of a call is told of when it is over, and dated so.
	afterwards := []telephony.Event{
		{Kind: telephony.CallRecorded, Time: at(9), Path: "recording"},
		{Kind: telephony.CallVoicemail, Time: at(9.5), Path: "message"},
		{Kind: telephony.CallHint, Time: at(40), Name: telephony.HintTranscript, Value: "call back"},
		{Kind: telephony.CallHint, Time: at(12), Name: telephony.HintTaken, Value: "4"},
		{Kind: telephony.CallHint, Time: at(12), Name: telephony.HintGaveUp, Value: "he left"},
		{Kind: telephony.CallHint, Time: at(12), Name: telephony.HintTurnedAway, Value: "closed"},
	}
	for _, tt := range []struct {
		name            string
		events          []telephony.Event
		late, estimated bool
		disposition     telephony.Disposition
		answered, ended float64
	}{
		{name: "nobody heard of it", events: records(), late: true, disposition: telephony.Answered, answered: 3, ended: 9},
		{name: "heard whole", events: slices.Concat(talks(), ends(8.5, "a", "t"), records()), disposition: telephony.Answered, answered: 4, ended: 8.5},
		{name: "the end was missed", events: slices.Concat(talks(), gone(500), records()), disposition: telephony.Answered, answered: 4, ended: 9},
		{name: "the answer was missed, too", events: slices.Concat(rings(), gone(500), records()), disposition: telephony.Answered, answered: 3, ended: 9},
		{name: "the end was missed, and not the recording", events: slices.Concat(talks(), afterwards, gone(500), records()), disposition: telephony.Answered, answered: 4, ended: 9},
		{name: "only the caller's end was heard", events: slices.Concat(rings(), ends(9, "t"), gone(500)[:1], records()), disposition: telephony.Answered, answered: 3, ended: 9},
		{name: "the answer was missed, in the second of the ringing", events: slices.Concat(rings(), []telephony.Event{leg(telephony.LegHeld, 3, "t")}, gone(500), records()), disposition: telephony.Answered, answered: 3, ended: 9},
		{name: "given up for gone, and told of afterwards", events: slices.Concat(rings(), gone(10), ofLeg("t", afterwards)), estimated: true, disposition: telephony.Answered, ended: 10},
		{name: "no record tells", events: slices.Concat(rings(), gone(500)), estimated: true, disposition: telephony.Missed, ended: 500},
		{name: "it goes on", events: slices.Concat(talks(), []telephony.Event{leg(telephony.LegHeld, 12, "a")}, records()), answered: 4},
		{name: "who talked was reckoned, and records say the same", events: slices.Concat(reckoned(), ends(9, "a", "t"), records()), disposition: telephony.Answered, answered: 3, ended: 9},
		{
			name:   "the answer was missed, and is reckoned to be before the ringing",
			events: slices.Concat([]telephony.Event{started(0, "t", telephony.SideTrunk, "PJSIP/trunk"), started(4, "a", telephony.SideAgent, "PJSIP/1001"), leg(telephony.LegDialled, 4, "a")}, gone(500), records()), disposition: telephony.Answered, answered: 4, ended: 9,
		},
		{name: "found alive, then gone", events: slices.Concat([]telephony.Event{estimated(rings()[0])}, gone(500), records()), disposition: telephony.Answered, answered: 3, ended: 9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			events := story(tt.events...)
			r := rand.New(rand.NewPCG(1, 2))
			for range 50 {
				r.Shuffle(len(events), func(i, k int) { events[i], events[k] = events[k], events[i] })
				s := fold(events)
				require.Equal(t, tt.late, s.Late)
				require.Equal(t, tt.estimated, s.EndEstimated)
				require.Equal(t, tt.disposition, s.Disposition)
				for want, got := range map[float64]time.Time{tt.answered: s.AnsweredAt, tt.ended: s.EndedAt} {
					if want == 0 {
						continue
					}
					require.Equal(t, at(want), got)
				}
				require.Equal(t, tt.ended != 0, s.Ended())
			}
		})
	}
}

// Who answered at a phone that nobody heard ring is read in the records, whatever was
// heard of another phone meanwhile.
func TestState_lateLeg(t *testing.T) {
	t.Parallel()
	rung := append(rings(), dialEnded(5, "a", telephony.DialNoAnswer), leg(telephony.LegEnded, 5, "a"))
	other := []telephony.Event{started(1, "b", telephony.SideAgent, "PJSIP/1002"), leg(telephony.LegDialled, 1, "b")}
	records := late(slices.Concat(rings(), other, []telephony.Event{
		dialEnded(5, "b", telephony.DialAnswer), leg(telephony.LegBridged, 5, "b"), leg(telephony.LegBridged, 5, "t"),
	}, ends(9, "b", "t"))...)
	gone := ends(500, "t", "b")
	for i := range gone {
		gone[i] = estimated(gone[i])
	}
	s := fold(story(slices.Concat(rung, records, gone)...))
	require.Equal(t, telephony.Answered, s.Disposition)
	require.Equal(t, []telephony.Talk{{Endpoint: "PJSIP/1002", Leg: "b", From: at(5), Until: at(9)}}, s.Talks)
	require.Equal(t, at(9), s.EndedAt)

	// The same where it was heard to ring, and records, which are coarse, date its answer
	// before the other phone was given up.
	early := slices.Clone(records)
	for i := range early {
		if early[i].Time.Equal(at(5)) {
			early[i].Time = at(4)
		}
	}
	s = fold(story(slices.Concat(rung, other, early, gone)...))
	require.Equal(t, []telephony.Talk{{Endpoint: "PJSIP/1002", Leg: "b", From: at(4), Until: at(9)}}, s.Talks)

	// One that was over before tells nothing better of the call than what was heard.
	before := late(append(other, leg(telephony.LegEnded, 3, "b"))...)
	require.Len(t, fold(story(slices.Concat(rung, before)...)).Legs, 2)

	// Nor does it when it is given up for gone, with all else that is.
	s = fold(story(slices.Concat(rung, before, late(leg(telephony.LegEnded, 5, "t")), gone)...))
	require.Len(t, s.Legs, 2)
	require.Equal(t, at(5), s.EndedAt)
	require.False(t, s.EndEstimated)
}

// The end of one phone was missed, and what was heard of another, and the caller's
// end, came later: the call was over then, and records say when that phone was.
func TestState_lateEndOfOneLeg(t *testing.T) {
	t.Parallel()
	other := []telephony.Event{started(1, "b", telephony.SideAgent, "PJSIP/1002"), leg(telephony.LegDialled, 1, "b"), dialEnded(5, "b", telephony.DialCancel)}
	heard := slices.Concat(rings(), other, ends(5, "b", "t"))
	records := late(append(append(rings(), dialEnded(4, "a", telephony.DialBusy)), ends(4, "a")...)...)
	gone := estimated(ends(500, "a")[0])
	s := fold(story(slices.Concat(heard, records, []telephony.Event{gone})...))
	require.True(t, s.Ended())
	require.Equal(t, at(5), s.EndedAt)
	require.False(t, s.EndEstimated)
}

// Of calls that were linked each is late, or not, for itself: what was heard of
// one says nothing of the other.
func TestJoin_late(t *testing.T) {
	t.Parallel()
	const other = telephony.CallID("hq/pbx1/1.9")
	heard := telephony.NewCall(id)
	for _, e := range story(slices.Concat(talks(), ends(100, "a", "t"))...) {
		require.True(t, heard.Apply(e))
	}
	missed := telephony.NewCall(other)
	consultation := []telephony.Event{
		started(20, "a2", telephony.SideAgent, "PJSIP/1001"), started(20, "b", telephony.SideAgent, "PJSIP/1002"), leg(telephony.LegDialled, 20, "b"),
		leg(telephony.LegBridged, 22, "a2"), leg(telephony.LegBridged, 22, "b"),
	}
	for _, e := range late(story(append(consultation, ends(30, "a2", "b")...)...)...) {
		e.Call = other
		require.True(t, missed.Apply(e))
	}
	s := telephony.Join(heard, missed)
	require.False(t, s.Late)
	require.Len(t, s.Legs, 4)
	require.Equal(t, at(100), s.EndedAt)
}
