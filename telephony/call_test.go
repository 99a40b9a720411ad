package telephony_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

const id = telephony.CallID("hq/pbx1/1.1")

// at is a time so many seconds into the test's call.
func at(seconds float64) time.Time {
	return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// story makes events out of what differs: each gets the call and an identity.
func story(events ...telephony.Event) []telephony.Event {
	for i := range events {
		events[i].Call = id
		if events[i].ID == "" {
			events[i].ID = fmt.Sprintf("e%02d", i)
		}
	}
	return events
}

func fold(events []telephony.Event) telephony.State {
	c := telephony.NewCall(id)
	for _, e := range events {
		c.Apply(e)
	}
	return c.State()
}

func started(t float64, leg string, side telephony.Side, endpoint string) telephony.Event {
	e := telephony.Event{Kind: telephony.LegStarted, Time: at(t), Leg: leg, Side: side, Endpoint: endpoint}
	if leg == "t" || leg == "first" {
		e.First, e.Party, e.Dialled = true, telephony.Party{Number: "+4930"}, "+1555"
	}
	return e
}

func leg(kind telephony.Kind, t float64, name string) telephony.Event {
	e := telephony.Event{Kind: kind, Time: at(t), Leg: name}
	if kind == telephony.LegBridged || kind == telephony.LegUnbridged {
		e.Bridge = "b"
	}
	return e
}

func dialEnded(t float64, name string, status telephony.DialStatus) telephony.Event {
	e := leg(telephony.LegDialEnded, t, name)
	e.Status = status
	return e
}

func estimated(e telephony.Event) telephony.Event {
	e.Estimated = true
	return e
}

// rings is an inbound call that rings agent a.
func rings() []telephony.Event {
	return []telephony.Event{
		started(0, "t", telephony.SideTrunk, "PJSIP/trunk"), started(1, "a", telephony.SideAgent, "PJSIP/1001"), leg(telephony.LegDialled, 1, "a"),
	}
}

// talks is one that agent a answers after three seconds.
func talks() []telephony.Event {
	return append(rings(), dialEnded(3, "a", telephony.DialAnswer), leg(telephony.LegBridged, 3, "a"), leg(telephony.LegBridged, 4, "t"))
}

func ends(t float64, legs ...string) []telephony.Event {
	var events []telephony.Event
	for _, l := range legs {
		events = append(events, leg(telephony.LegEnded, t, l))
	}
	return events
}

func TestDisposition(t *testing.T) {
	t.Parallel()
	trunk, first := started(0, "t", telephony.SideTrunk, "PJSIP/trunk"), started(0, "first", telephony.SideAgent, "PJSIP/1001")
	tests := []struct {
		name      string
		events    []telephony.Event
		direction telephony.Direction
		want      telephony.Disposition
	}{
		{name: "live", events: talks(), direction: telephony.Inbound},
		{name: "answered", events: append(talks(), ends(9, "t", "a")...), direction: telephony.Inbound, want: telephony.Answered},
		{name: "missed", events: append(append(rings(), dialEnded(5, "a", telephony.DialNoAnswer)), ends(9, "a", "t")...), direction: telephony.Inbound, want: telephony.Missed},
		{name: "abandoned while it rang", events: append(append(rings(), dialEnded(5, "a", telephony.DialCancel)), ends(9, "a", "t")...), direction: telephony.Inbound, want: telephony.Abandoned},
		{name: "abandoned before it rang", events: append([]telephony.Event{trunk, leg(telephony.LegHangupAsked, 2, "t")}, ends(9, "t")...), direction: telephony.Inbound, want: telephony.Abandoned},
		{name: "busy", events: append(append(rings(), dialEnded(5, "a", telephony.DialBusy)), ends(9, "a", "t")...), direction: telephony.Inbound, want: telephony.Busy},
		{
			name: "one busy, one did not take it", direction: telephony.Inbound, want: telephony.Missed,
			events: append(append(rings(), dialEnded(5, "a", telephony.DialBusy), started(5, "b", telephony.SideAgent, "PJSIP/1002"),
				leg(telephony.LegDialled, 5, "b"), dialEnded(7, "b", telephony.DialNoAnswer)), ends(9, "a", "b", "t")...),
		},
		{name: "failed", events: append(append(rings(), dialEnded(5, "a", telephony.DialUnavailable)), ends(9, "a", "t")...), direction: telephony.Inbound, want: telephony.Failed},
		{name: "nobody rung, nobody hung up", events: append([]telephony.Event{trunk}, ends(9, "t")...), direction: telephony.Inbound, want: telephony.Failed},
		{
			name: "voicemail", direction: telephony.Inbound, want: telephony.LeftVoicemail,
			events: append(append(rings(), dialEnded(5, "a", telephony.DialNoAnswer), telephony.Event{Kind: telephony.CallVoicemail, Time: at(8), Path: "/m"}), ends(9, "a", "t")...),
		},
		{
			name: "a message after an answer is still an answered call", direction: telephony.Inbound, want: telephony.Answered,
			events: append(append(talks(), telephony.Event{Kind: telephony.CallVoicemail, Time: at(8), Path: "/m"}), ends(9, "a", "t")...),
		},
		{
			name: "refused by a queue: the first status counts", direction: telephony.Inbound, want: telephony.Missed,
			events: append(append(rings(), dialEnded(5, "a", telephony.DialNoAnswer), dialEnded(5.1, "a", telephony.DialCancel)), ends(9, "a", "t")...),
		},
		{name: "internal", events: []telephony.Event{first, started(1, "a", telephony.SideAgent, "PJSIP/1002")}, direction: telephony.Internal},
		{name: "outbound", events: []telephony.Event{first, started(1, "o", telephony.SideTrunk, "PJSIP/trunk")}, direction: telephony.Outbound},
		{
			name: "a hint wins", direction: telephony.Outbound,
			events: []telephony.Event{trunk, {Kind: telephony.CallHint, Time: at(1), Name: telephony.HintDirection, Value: "outbound"}},
		},
		{
			name: "a silly hint does not", direction: telephony.Inbound,
			events: []telephony.Event{trunk, {Kind: telephony.CallHint, Time: at(1), Name: telephony.HintDirection, Value: "sideways"}},
		},
		{name: "nothing known", direction: ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := fold(story(tt.events...))
			require.Equal(t, tt.want, s.Disposition)
			require.Equal(t, tt.direction, s.Direction)
		})
	}
}

func TestState_answered(t *testing.T) {
	t.Parallel()
	events := story(append(talks(), leg(telephony.LegHangupAsked, 8, "a"), leg(telephony.LegUnbridged, 9, "t"),
		telephony.Event{Kind: telephony.LegEnded, Time: at(9), Leg: "t", Cause: 16}, leg(telephony.LegUnbridged, 9.5, "a"), leg(telephony.LegEnded, 10, "a"),
		telephony.Event{Kind: telephony.CallRecorded, Time: at(1), Path: "/r"}, telephony.Event{Kind: telephony.CallHint, Time: at(0), Name: telephony.HintDID, Value: "+1666"})...)
	s := fold(events)
	want := telephony.State{
		ID: id, Direction: telephony.Inbound, Disposition: telephony.Answered,
		From: telephony.Party{Number: "+4930"}, To: telephony.Party{Number: "+1666"},
		StartedAt: at(0), AnsweredAt: at(4), EndedAt: at(10), HungUpBy: telephony.SideAgent,
		Talks:     []telephony.Talk{{Endpoint: "PJSIP/1001", Leg: "a", From: at(4), Until: at(9)}},
		Recording: "/r",
		Legs: []telephony.Leg{
			{ID: "t", Endpoint: "PJSIP/trunk", Side: telephony.SideTrunk, First: true, Party: telephony.Party{Number: "+4930"}, Dialled: "+1555", StartedAt: at(0), TalkedAt: at(4), EndedAt: at(9), Cause: 16},
			{ID: "a", Endpoint: "PJSIP/1001", Side: telephony.SideAgent, StartedAt: at(1), DialledAt: at(1), DialStatus: telephony.DialAnswer, TalkedAt: at(4), EndedAt: at(10)},
		},
	}
	require.Empty(t, cmp.Diff(want, s))
	require.Equal(t, 10*time.Second, s.Duration())
	require.Equal(t, 6*time.Second, s.TalkTime())
	require.Equal(t, s.From, s.Customer())
	require.Equal(t, s.To, s.Line())
	require.True(t, s.Ended() && s.Answered() && !s.Live())
}

func TestState_outbound(t *testing.T) {
	t.Parallel()
	dialled := telephony.Event{Kind: telephony.LegDialled, Time: at(1), Leg: "o", Side: telephony.SideTrunk, Dialled: "030", Party: telephony.Party{Number: "+1555", Name: "Us"}}
	s := fold(story(started(0, "first", telephony.SideAgent, "PJSIP/1001"), started(1, "o", telephony.SideTrunk, "PJSIP/trunk"), dialled))
	require.Equal(t, telephony.Party{Number: "030"}, s.Customer())
	require.Equal(t, telephony.Party{Number: "+1555", Name: "Us"}, s.Line())
	require.True(t, s.Live())
	require.Zero(t, s.Duration())
	require.Zero(t, s.TalkTime())
	require.Empty(t, s.Ringing, "the outside is no agent")
}

func TestState_ringing(t *testing.T) {
	t.Parallel()
	second := []telephony.Event{started(1, "b", telephony.SideAgent, "PJSIP/1002"), leg(telephony.LegDialled, 1, "b")}
	require.Equal(t, []string{"PJSIP/1001", "PJSIP/1002"}, fold(story(append(rings(), second...)...)).Ringing)
	require.Equal(t, []string{"PJSIP/1001"}, fold(story(append(append(rings(), second...), dialEnded(2, "b", telephony.DialBusy))...)).Ringing)
	require.Empty(t, fold(story(talks()...)).Ringing)
}

// Two agents, one after the other, and a change of bridges in which the new
// one is entered before the old one is left.
func TestState_talks(t *testing.T) {
	t.Parallel()
	in := func(t float64, name, bridge string) telephony.Event {
		return telephony.Event{Kind: telephony.LegBridged, Time: at(t), Leg: name, Bridge: bridge}
	}
	out := func(t float64, name, bridge string) telephony.Event {
		return telephony.Event{Kind: telephony.LegUnbridged, Time: at(t), Leg: name, Bridge: bridge}
	}
	s := fold(story(append(talks(), in(5, "t", "c"), in(5, "a", "c"), out(6, "t", "b"), out(6, "a", "b"),
		started(7, "x", telephony.SideAgent, "PJSIP/1002"), out(8, "a", "c"), in(8, "x", "c"), in(8, "x", "c"), out(9, "nobody", "c"))...))
	require.Empty(t, cmp.Diff([]telephony.Talk{
		{Endpoint: "PJSIP/1001", Leg: "a", From: at(4), Until: at(8)}, {Endpoint: "PJSIP/1002", Leg: "x", From: at(8)},
	}, s.Talks))
	require.Equal(t, at(4), s.AnsweredAt)
}

// Who began to talk in one second, where times have no more than that, is told apart by
// the order that the source gives, and where all began at once by nothing that matters.
func TestState_talksOfOneMoment(t *testing.T) {
	t.Parallel()
	in := func(ordinal uint64, name string) telephony.Event {
		e := leg(telephony.LegBridged, 4, name)
		e.Ordinal = ordinal
		return e
	}
	agents := []telephony.Event{
		started(0, "t", telephony.SideTrunk, "PJSIP/trunk"), started(1, "x", telephony.SideAgent, "PJSIP/1001"), started(1, "a", telephony.SideAgent, "PJSIP/1002"),
	}
	legs := func(s telephony.State) []string {
		var all []string
		for _, talk := range s.Talks {
			all = append(all, talk.Leg)
		}
		return all
	}
	for range 20 {
		require.Equal(t, []string{"x", "a"}, legs(fold(story(append(agents, in(3, "a"), in(2, "x"), in(1, "t"))...))))
		require.Equal(t, []string{"a", "x"}, legs(fold(story(append(agents, in(3, "t"), in(2, "x"), in(1, "a"))...))))
	}
}

// Agents who talk among themselves have not answered the caller.
func TestState_consultation(t *testing.T) {
	t.Parallel()
	s := fold(story(append(rings(), started(2, "b", telephony.SideAgent, "PJSIP/1002"), leg(telephony.LegBridged, 3, "a"), leg(telephony.LegBridged, 3, "b"))...))
	require.False(t, s.Answered())
	require.Empty(t, s.Talks)
}

func TestState_estimates(t *testing.T) {
	t.Parallel()
	live := story(talks()...)
	base := fold(live)
	anonymous := estimated(started(0, "t", telephony.SideTrunk, "PJSIP/trunk"))
	anonymous.Party = telephony.Party{Withheld: true}
	in := estimated(leg(telephony.LegBridged, 3.5, "t"))
	gone := []telephony.Event{estimated(leg(telephony.LegEnded, 20, "t")), estimated(leg(telephony.LegEnded, 20, "a"))}
	tests := []struct {
		name  string
		found []telephony.Event
		want  func(s *telephony.State)
	}{
		{name: "an earlier begin", found: []telephony.Event{estimated(started(-9, "t", telephony.SideTrunk, "x"))}},
		{name: "an earlier ring", found: []telephony.Event{estimated(leg(telephony.LegDialled, -9, "a"))}},
		{name: "an earlier entry", found: []telephony.Event{in}},
		{name: "an entry that is known", found: []telephony.Event{estimated(leg(telephony.LegBridged, 8, "t"))}},
		{name: "an end before it was last heard of", found: []telephony.Event{estimated(leg(telephony.LegEnded, 3.9, "t"))}},
		{
			name: "a number that is secret after all", found: []telephony.Event{anonymous},
			want: func(s *telephony.State) {
				s.From = telephony.Party{Withheld: true}
				s.Legs[0].Party = s.From
			},
		},
		{
			name: "an end of which nobody told", found: gone,
			want: func(s *telephony.State) {
				s.EndedAt, s.EndEstimated, s.Disposition, s.Talks[0].Until = at(20), true, telephony.Answered, at(20)
				for i := range s.Legs {
					s.Legs[i].EndedAt, s.Legs[i].EndEstimated = at(20), true
				}
			},
		},
		{
			name: "an end of which somebody tells after all, and earlier", found: append(ends(15, "t", "a"), gone...),
			want: func(s *telephony.State) {
				s.EndedAt, s.Disposition, s.Talks[0].Until = at(15), telephony.Answered, at(15)
				s.Legs[0].EndedAt, s.Legs[1].EndedAt = at(15), at(15)
			},
		},
		{
			name: "an end of which somebody tells after all, and later", found: append(ends(25, "t", "a"), gone...),
			want: func(s *telephony.State) {
				s.EndedAt, s.Disposition, s.Talks[0].Until = at(25), telephony.Answered, at(25)
				s.Legs[0].EndedAt, s.Legs[1].EndedAt = at(25), at(25)
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := base
			want.Talks, want.Legs = slices.Clone(base.Talks), slices.Clone(base.Legs)
			if tt.want != nil {
				tt.want(&want)
			}
			found := slices.Clone(tt.found)
			for i := range found {
				found[i].ID = fmt.Sprintf("found%d", i)
			}
			require.Empty(t, cmp.Diff(want, fold(append(story(found...), live...))), "found first")
			require.Empty(t, cmp.Diff(want, fold(append(slices.Clone(live), story(found...)...))), "found last")
		})
	}
}

// Found in a bridge, then reported to leave it: it had been there.
func TestState_estimatedTalk(t *testing.T) {
	t.Parallel()
	s := fold(story(append(rings(), estimated(leg(telephony.LegBridged, 5, "t")), estimated(leg(telephony.LegBridged, 5, "a")), leg(telephony.LegUnbridged, 8, "a"))...))
	require.Empty(t, cmp.Diff([]telephony.Talk{{Endpoint: "PJSIP/1001", Leg: "a", From: at(5), Until: at(8)}}, s.Talks))
}

// Whoever reckons when it was answered, from the length of the talk in whole seconds,
// may come to a time before it rang.
func TestState_estimatedAnswer(t *testing.T) {
	t.Parallel()
	answer := estimated(dialEnded(-0.5, "a", telephony.DialAnswer))
	s := fold(story(append(append(rings(), answer, estimated(leg(telephony.LegBridged, -0.5, "a")), estimated(leg(telephony.LegBridged, -0.5, "t"))), ends(2, "a", "t")...)...))
	require.Equal(t, telephony.Answered, s.Disposition)
	require.Empty(t, cmp.Diff([]telephony.Talk{{Endpoint: "PJSIP/1001", Leg: "a", From: at(1), Until: at(2)}}, s.Talks))
	require.Equal(t, at(0), s.StartedAt)
}

func TestCall_Apply(t *testing.T) {
	t.Parallel()
	c := telephony.NewCall(id)
	events := story(talks()...)
	for _, e := range events {
		require.True(t, c.Apply(e))
		require.False(t, c.Apply(e), "twice")
	}
	require.Equal(t, len(events), c.Len())
	require.Equal(t, id, c.ID())
	before := c.State()

	stranger := events[0]
	stranger.ID, stranger.Call = "x", "hq/pbx1/2.2"
	require.False(t, c.Apply(stranger))
	require.False(t, c.Apply(telephony.Event{ID: "x", Call: id}))
	require.Empty(t, cmp.Diff(before, c.State()))

	kept := c.Events()
	kept[0].Leg = "changed"
	require.Empty(t, cmp.Diff(before, c.State()), "Events is a copy")
	require.NotEqual(t, "changed", c.Events()[0].Leg)
}

// A story has an end, whoever tells it.
func TestCall_bounded(t *testing.T) {
	t.Parallel()
	c := telephony.NewCall(id)
	for i := range 5000 {
		c.Apply(telephony.Event{ID: fmt.Sprint(i), Call: id, Kind: telephony.CallHint, Name: "x", Time: at(float64(i)), Raw: map[string]string{"a": "b"}})
	}
	require.Equal(t, 4096, c.Len())
	require.Nil(t, c.Events()[0].Raw)
}

func TestEvent_Validate(t *testing.T) {
	t.Parallel()
	good := story(started(0, "t", telephony.SideTrunk, "x"))[0]
	require.NoError(t, good.Validate())
	tests := []struct {
		name   string
		change func(*telephony.Event)
		want   string
	}{
		{name: "no id", change: func(e *telephony.Event) { e.ID = "" }, want: "without id"},
		{name: "ill-formed call", change: func(e *telephony.Event) { e.Call = "1.1" }, want: "site/source/id"},
		{name: "unknown kind", change: func(e *telephony.Event) { e.Kind = "leg.danced" }, want: "unknown kind"},
		{name: "no time", change: func(e *telephony.Event) { e.Time = time.Time{} }, want: "no time"},
		{name: "no leg", change: func(e *telephony.Event) { e.Leg = "" }, want: "leg.started without leg"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := good
			tt.change(&e)
			require.ErrorContains(t, e.Validate(), tt.want)
		})
	}
}

func TestCallID(t *testing.T) {
	t.Parallel()
	c, err := telephony.NewCallID("hq", "pbx1", "a/b-1.2")
	require.NoError(t, err)
	require.Equal(t, []string{"hq", "pbx1", "a/b-1.2"}, []string{c.Site(), c.Source(), c.Native()})
	for _, parts := range [][3]string{{"", "b", "c"}, {"a", "", "c"}, {"a", "b", ""}, {"a/", "b", "c"}, {"a", "/b", "c"}} {
		_, err := telephony.NewCallID(parts[0], parts[1], parts[2])
		require.Error(t, err, parts)
	}
	for _, bad := range []telephony.CallID{"", "x", "a/b"} {
		require.Empty(t, bad.Site()+bad.Source()+bad.Native())
	}
}

func TestAbandonedPosition(t *testing.T) {
	t.Parallel()
	queue := func(kind telephony.Kind, t float64, name string, place int) telephony.Event {
		return telephony.Event{Kind: kind, Time: at(t), Leg: "t", Name: name, Position: place}
	}
	trunk, gaveUp := started(0, "t", telephony.SideTrunk, "PJSIP/trunk"), append([]telephony.Event{leg(telephony.LegHangupAsked, 8, "t")}, ends(9, "t")...)
	joined, left := queue(telephony.CallQueued, 1, "support", 3), queue(telephony.CallUnqueued, 8, "support", 2)
	for _, tt := range []struct {
		name   string
		events []telephony.Event
		want   int
	}{
		{name: "as he left", events: append([]telephony.Event{trunk, joined, left}, gaveUp...), want: 2},
		{name: "nobody told that he left", events: append([]telephony.Event{trunk, joined}, gaveUp...), want: 3},
		{name: "nobody told the place", events: append([]telephony.Event{trunk, queue(telephony.CallQueued, 1, "support", 0)}, gaveUp...)},
		{name: "in the second queue", events: append([]telephony.Event{trunk, joined, left, queue(telephony.CallQueued, 8, "overflow", 7)}, gaveUp...), want: 7},
		{name: "in no queue", events: append([]telephony.Event{trunk}, gaveUp...)},
		{name: "answered", events: append(append(talks(), joined, left), ends(9, "t", "a")...)},
		{name: "he still waits", events: []telephony.Event{trunk, joined}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, fold(story(tt.events...)).AbandonedPosition())
		})
	}
}
