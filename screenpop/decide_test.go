package screenpop_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// second is a moment of the call.
func second(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }

const (
	trunk = "PJSIP/trunk"
	ana   = "PJSIP/1001" // Zendesk id 11
	ben   = "PJSIP/1002" // Zendesk id 12
	cleo  = "PJSIP/1003" // by email, not resolved
	soft  = "PJSIP/ana-soft"
	lobby = "PJSIP/1999" // nobody's
)

func agents() []screenpop.Agent {
	return []screenpop.Agent{
		{Name: "Ana", ZendeskID: 11, Numbers: []string{"1001", "PJSIP/ana-soft"}},
		{Name: "Ben", ZendeskID: 12, Numbers: []string{"1002"}},
		{Name: "Cleo", Email: "cleo@example.com", Numbers: []string{"1003"}},
	}
}

func directory(t testing.TB) *screenpop.Directory {
	t.Helper()
	d, err := screenpop.NewDirectory(agents(), "US")
	require.NoError(t, err)
	return d
}

func ev(kind telephony.Kind, at float64, leg string) telephony.Event {
	return telephony.Event{Kind: kind, Time: second(at), Leg: leg}
}

func began(at float64, leg, endpoint string) telephony.Event {
	e := ev(telephony.LegStarted, at, leg)
	e.Endpoint, e.Side = endpoint, telephony.SideAgent
	if endpoint == trunk {
		e.Side = telephony.SideTrunk
	}
	return e
}

func first(leg, endpoint string) telephony.Event {
	e := began(0, leg, endpoint)
	e.First = true
	return e
}

func dialled(at float64, leg string) telephony.Event { return ev(telephony.LegDialled, at, leg) }
func ended(at float64, leg string) telephony.Event   { return ev(telephony.LegEnded, at, leg) }

func dialEnded(at float64, leg string, status telephony.DialStatus) telephony.Event {
	e := ev(telephony.LegDialEnded, at, leg)
	e.Status = status
	return e
}

func enters(at float64, leg, bridge string) telephony.Event {
	e := ev(telephony.LegBridged, at, leg)
	e.Bridge = bridge
	return e
}

func leaves(at float64, leg, bridge string) telephony.Event {
	e := ev(telephony.LegUnbridged, at, leg)
	e.Bridge = bridge
	return e
}

func hint(name, value string) telephony.Event {
	e := ev(telephony.CallHint, 0, "")
	e.Name, e.Value = name, value
	return e
}

// rung is a phone that begins to ring.
func rung(at float64, leg, endpoint string) []telephony.Event {
	return []telephony.Event{began(at, leg, endpoint), dialled(at, leg)}
}

// talks is two legs that are put together.
func talks(at float64, a, b, bridge string) []telephony.Event {
	return []telephony.Event{enters(at, a, bridge), enters(at, b, bridge)}
}

// story joins events and groups of them.
func story(parts ...any) []telephony.Event {
	var all []telephony.Event
	for _, p := range parts {
		switch p := p.(type) {
		case telephony.Event:
			all = append(all, p)
		case []telephony.Event:
			all = append(all, p...)
		}
	}
	return all
}

func fold(t testing.TB, events []telephony.Event) telephony.State {
	t.Helper()
	call := telephony.NewCall("hq/pbx1/1")
	for i, e := range events {
		e.Call, e.ID = call.ID(), fmt.Sprintf("%03d", i)
		require.True(t, call.Apply(e), "event %d: %v", i, e.Validate())
	}
	return call.State()
}

// want is one expected want, in short.
type want struct {
	Key, Text        string
	Since, NotBefore float64 // seconds; NotBefore 0: at once
}

func shorten(wants []screenpop.Want) []want {
	var out []want
	for _, w := range wants {
		s := want{Key: w.Key, Text: w.String(), Since: w.Since.Sub(start).Seconds()}
		if !w.NotBefore.IsZero() {
			s.NotBefore = w.NotBefore.Sub(start).Seconds()
		}
		out = append(out, s)
	}
	return out
}

type decideCase struct {
	name    string
	on      screenpop.On
	all     bool // ring_groups: all
	events  []telephony.Event
	want    []want
	wantNot bool // no wants, said aloud
}

func answerCases() []decideCase {
	inbound := first("t", trunk)
	answered := story(inbound, rung(1, "a", ana), dialEnded(4, "a", telephony.DialAnswer), talks(4, "a", "t", "b1"))
	transferred := story(answered, leaves(10, "a", "b1"), ended(10, "a"), rung(11, "b", ben),
		dialEnded(13, "b", telephony.DialAnswer), talks(13, "b", "t", "b2"))
	outbound := story(first("a", ana), began(1, "t", trunk), dialled(1, "t"))
	return []decideCase{
		{name: "no events", events: nil, wantNot: true},
		{name: "rings, policy is answer", events: story(inbound, rung(1, "a", ana)), wantNot: true},
		{name: "answered, not yet together", events: story(inbound, rung(1, "a", ana), dialEnded(4, "a", telephony.DialAnswer)), wantNot: true},
		{name: "answered", events: answered, want: []want{{Key: "11/a", Text: "answered by Ana (PJSIP/1001)", Since: 4}}},
		{
			name: "answered on the other phone", events: story(inbound, rung(1, "a", ana), rung(1.01, "s", soft), dialEnded(4, "s", telephony.DialAnswer), talks(4, "s", "t", "b1"), ended(4.1, "a")),
			want: []want{{Key: "11/a", Text: "answered by Ana (PJSIP/ana-soft)", Since: 4}},
		},
		{name: "answered by nobody's phone", events: story(inbound, rung(1, "l", lobby), talks(4, "l", "t", "b1")), wantNot: true},
		{name: "answered by an agent without id", events: story(inbound, rung(1, "c", cleo), talks(4, "c", "t", "b1")), wantNot: true},
		{name: "answered, over", events: story(answered, ended(20, "a"), ended(20, "t")), wantNot: true},
		{name: "answered, agent gone, caller in announcement", events: story(answered, leaves(10, "a", "b1"), ended(10, "a")), wantNot: true},
		{
			name: "on hold and back: the first moment counts", events: story(answered, leaves(10, "a", "b1"), enters(30, "a", "b1")),
			want: []want{{Key: "11/a", Text: "answered by Ana (PJSIP/1001)", Since: 4}},
		},
		{name: "transferred, new agent rings, policy is answer", events: story(answered, leaves(10, "a", "b1"), rung(11, "b", ben)), wantNot: true},
		{name: "transferred", events: transferred, want: []want{{Key: "12/b", Text: "transferred to Ben (PJSIP/1002)", Since: 13}}},
		{
			name: "transferred back: a further want", events: story(transferred, leaves(20, "b", "b2"), ended(20, "b"), rung(21, "a2", ana), talks(22, "a2", "t", "b3")),
			want: []want{{Key: "11/a2", Text: "transferred to Ana (PJSIP/1001)", Since: 22}},
		},
		{
			name: "three in a conference", events: story(answered, rung(8, "b", ben), enters(9, "b", "b1")),
			want: []want{{Key: "11/a", Text: "answered by Ana (PJSIP/1001)", Since: 4}, {Key: "12/b", Text: "transferred to Ben (PJSIP/1002)", Since: 9}},
		},
		{
			name: "transferred from nobody's phone", events: story(inbound, rung(1, "l", lobby), talks(4, "l", "t", "b1"), leaves(9, "l", "b1"), ended(9, "l"), rung(10, "b", ben), talks(12, "b", "t", "b2")),
			want: []want{{Key: "12/b", Text: "transferred to Ben (PJSIP/1002)", Since: 12}},
		},
		{name: "internal", events: story(first("a", ana), rung(1, "b", ben), talks(2, "a", "b", "b1")), wantNot: true},
		{name: "internal by hint", events: story(hint(telephony.HintDirection, "internal"), answered), wantNot: true},
		{name: "outbound rings, policy is answer", events: outbound, wantNot: true},
		{name: "outbound answered", events: story(outbound, talks(6, "a", "t", "b1")), want: []want{{Key: "11/a", Text: "answered by Ana (PJSIP/1001)", Since: 6}}},
		{
			name: "outbound transferred", events: story(outbound, talks(6, "a", "t", "b1"), leaves(9, "a", "b1"), ended(9, "a"), rung(10, "b", ben), talks(11, "b", "t", "b2")),
			want: []want{{Key: "12/b", Text: "transferred to Ben (PJSIP/1002)", Since: 11}},
		},
		{name: "voicemail takes the call", events: story(inbound, rung(1, "a", ana), dialEnded(4, "a", telephony.DialNoAnswer), ended(4, "a")), wantNot: true},
	}
}

func ringingCases() []decideCase {
	inbound := first("t", trunk)
	outbound := story(first("a", ana), began(1, "t", trunk), dialled(1, "t"))
	group := story(inbound, rung(1, "a", ana), rung(1.0625, "b", ben))
	alone := want{Key: "11/a", Text: "ringing alone Ana (PJSIP/1001)", Since: 1, NotBefore: 1.2}
	cases := []decideCase{
		{name: "no phone rings yet", events: story(inbound), wantNot: true},
		{name: "one phone", events: story(inbound, rung(1, "a", ana)), want: []want{alone}},
		{name: "one phone, all", all: true, events: story(inbound, rung(1, "a", ana)), want: []want{{Key: "11/a", Text: "ringing alone Ana (PJSIP/1001)", Since: 1}}},
		{name: "two phones of one agent", events: story(inbound, rung(1, "a", ana), rung(1.01, "s", soft)), want: []want{alone}},
		{name: "two phones of one agent, the second told first", events: story(inbound, rung(1.01, "s", soft), rung(1, "a", ana)), want: []want{alone}},
		{name: "a group waits for the answer", events: group, wantNot: true},
		{name: "a group, all", all: true, events: group, want: []want{
			{Key: "11/a", Text: "ringing in a group Ana (PJSIP/1001)", Since: 1}, {Key: "12/b", Text: "ringing in a group Ben (PJSIP/1002)", Since: 1.0625},
		}},
		{name: "a group with nobody's phone", events: story(inbound, rung(1, "a", ana), rung(1, "l", lobby)), wantNot: true},
		{
			name: "a group, one is busy", events: story(group, dialEnded(3, "b", telephony.DialBusy), ended(3, "b")),
			want: []want{{Key: "11/a", Text: "ringing alone Ana (PJSIP/1001)", Since: 3, NotBefore: 3.2}},
		},
		{name: "a group, one has picked up", events: story(group, dialEnded(3, "b", telephony.DialAnswer)), wantNot: true},
		{
			name: "a group, one talks, the other is not told yet", events: story(group, dialEnded(3, "b", telephony.DialAnswer), talks(3, "b", "t", "b1")),
			want: []want{{Key: "12/b", Text: "answered by Ben (PJSIP/1002)", Since: 3}},
		},
		{name: "a group, all, one talks", all: true, events: story(group, talks(3, "b", "t", "b1")), want: []want{{Key: "12/b", Text: "answered by Ben (PJSIP/1002)", Since: 3}}},
		{
			name: "hunting: the second is next", events: story(inbound, rung(1, "a", ana), dialEnded(6, "a", telephony.DialNoAnswer), ended(6, "a"), rung(6.5, "b", ben)),
			want: []want{{Key: "12/b", Text: "ringing alone Ben (PJSIP/1002)", Since: 6.5, NotBefore: 6.7}},
		},
		{
			name: "hunting: the same agent again is a further want", events: story(inbound, rung(1, "a", ana), dialEnded(6, "a", telephony.DialNoAnswer), ended(6, "a"), rung(6.5, "a2", ana)),
			want: []want{{Key: "11/a2", Text: "ringing alone Ana (PJSIP/1001)", Since: 6.5, NotBefore: 6.7}},
		},
		{
			name: "answered where it rang: the same key", events: story(inbound, rung(1, "a", ana), talks(4, "a", "t", "b1")),
			want: []want{{Key: "11/a", Text: "answered by Ana (PJSIP/1001)", Since: 4}},
		},
		{name: "the caller gave up", events: story(inbound, rung(1, "a", ana), dialEnded(3, "a", telephony.DialCancel), ended(3, "a"), ended(3, "t")), wantNot: true},
		{
			name: "transfer rings at one phone", events: story(inbound, rung(1, "a", ana), talks(4, "a", "t", "b1"), leaves(10, "a", "b1"), ended(10, "a"), rung(11, "b", ben)),
			want: []want{{Key: "12/b", Text: "transferred to Ben (PJSIP/1002)", Since: 11, NotBefore: 11.2}},
		},
		{
			name: "consultation: one talks, one rings", events: story(inbound, rung(1, "a", ana), talks(4, "a", "t", "b1"), rung(11, "b", ben)),
			want: []want{{Key: "11/a", Text: "answered by Ana (PJSIP/1001)", Since: 4}, {Key: "12/b", Text: "transferred to Ben (PJSIP/1002)", Since: 11, NotBefore: 11.2}},
		},
		{name: "outbound, nothing dialled", events: story(hint(telephony.HintDirection, "outbound"), first("a", ana)), wantNot: true},
		{name: "outbound dialled", events: outbound, want: []want{{Key: "11/a", Text: "dialling Ana (PJSIP/1001)", Since: 1}}},
		{name: "outbound answered: the same key", events: story(outbound, talks(6, "a", "t", "b1")), want: []want{{Key: "11/a", Text: "answered by Ana (PJSIP/1001)", Since: 6}}},
		{name: "outbound refused", events: story(outbound, dialEnded(3, "t", telephony.DialBusy), ended(3, "t")), wantNot: true},
		{name: "outbound from nobody's phone", events: story(first("l", lobby), began(1, "t", trunk), dialled(1, "t")), wantNot: true},
		{name: "click to call: the agent's phone rings first", events: story(hint(telephony.HintDirection, "outbound"), rung(1, "a", ana)), want: []want{alone}},
		{name: "internal rings", events: story(first("a", ana), rung(1, "b", ben)), wantNot: true},
		{name: "an agent without id", events: story(inbound, rung(1, "c", cleo)), wantNot: true},
	}
	for i := range cases {
		cases[i].on = screenpop.OnRinging
	}
	return cases
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, tc := range slices.Concat(answerCases(), ringingCases()) {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			require.NotEqual(t, tc.wantNot, len(tc.want) > 0, "the row says what it expects")
			state := fold(t, tc.events)
			policy := screenpop.Policy{On: tc.on, RingGroups: tc.all}
			got := screenpop.Decide(state, policy, directory(t))
			if diff := cmp.Diff(tc.want, shorten(got)); diff != "" {
				t.Fatalf("wants (-want +got):\n%s", diff)
			}
			require.Equal(t, got, screenpop.Decide(state, policy, directory(t)), "deciding again says the same")
		})
	}
}

// The whole life of a call, event by event: each agent is wanted under one
// key, whatever happens in between.
func TestDecideKeysAreStable(t *testing.T) {
	t.Parallel()
	events := story(first("t", trunk), rung(1, "a", ana), rung(1.01, "s", soft), dialEnded(4, "s", telephony.DialAnswer),
		dialEnded(4, "a", telephony.DialCancel), talks(4, "s", "t", "b1"), ended(4.1, "a"), leaves(10, "s", "b1"), enters(11, "s", "b1"),
		leaves(20, "s", "b1"), ended(20, "s"), rung(21, "b", ben), talks(22, "b", "t", "b2"), ended(30, "b"), ended(30, "t"))
	var keys []string
	for n := range events {
		for _, w := range screenpop.Decide(fold(t, events[:n+1]), screenpop.Policy{On: screenpop.OnRinging}, directory(t)) {
			if !slices.Contains(keys, w.Key) {
				keys = append(keys, w.Key)
			}
		}
	}
	require.Equal(t, []string{"11/a", "12/b"}, keys)
}

func TestDecideWithoutDirectory(t *testing.T) {
	t.Parallel()
	state := fold(t, story(first("t", trunk), rung(1, "a", ana), talks(4, "a", "t", "b1")))
	require.Empty(t, screenpop.Decide(state, screenpop.Policy{}, nil))
}

// What is over wants nothing, whatever a state says of its talks.
func TestDecideWhenOver(t *testing.T) {
	t.Parallel()
	state := fold(t, story(first("t", trunk), rung(1, "a", ana), talks(4, "a", "t", "b1")))
	require.Len(t, screenpop.Decide(state, screenpop.Policy{}, directory(t)), 1)
	state.EndedAt = second(9)
	require.Empty(t, screenpop.Decide(state, screenpop.Policy{}, directory(t)))
}

// A call in a queue of ten agents, as it is planned at each of its events.
func BenchmarkDecide(b *testing.B) {
	var entries []screenpop.Agent
	events := story(first("t", trunk))
	for n := range 10 {
		number := fmt.Sprint(2000 + n)
		entries = append(entries, screenpop.Agent{Name: number, ZendeskID: int64(n + 1), Numbers: []string{number}})
		events = append(events, rung(1, "leg"+number, "PJSIP/"+number)...)
	}
	directory, err := screenpop.NewDirectory(entries, "US")
	require.NoError(b, err)
	state := fold(b, events)
	policy := screenpop.Policy{On: screenpop.OnRinging, RingGroups: true}
	require.Len(b, screenpop.Decide(state, policy, directory), 10)
	b.ReportAllocs()
	for b.Loop() {
		screenpop.Decide(state, policy, directory)
	}
}

func ExampleDecide() {
	directory, err := screenpop.NewDirectory([]screenpop.Agent{{Name: "Ana", ZendeskID: 11, Numbers: []string{"1001"}}}, "US")
	if err != nil {
		fmt.Println(err)
		return
	}
	answered := time.Date(2026, 11, 22, 10, 0, 4, 0, time.UTC)
	call := telephony.State{
		Direction: telephony.Inbound,
		StartedAt: answered.Add(-4 * time.Second),
		Talks:     []telephony.Talk{{Endpoint: "PJSIP/1001", Leg: "1724412345.18", From: answered}},
	}
	for _, w := range screenpop.Decide(call, screenpop.Policy{}, directory) {
		fmt.Println(w.Key, w)
	}
	// Output: 11/1724412345.18 answered by Ana (PJSIP/1001)
}
