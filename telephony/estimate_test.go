package telephony_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// A caller who is found in a queue waits there, unless that was reported.
func TestState_estimatedQueue(t *testing.T) {
	t.Parallel()
	queue := func(kind telephony.Kind, t float64, name string) telephony.Event {
		return telephony.Event{Kind: kind, Time: at(t), Leg: "t", Name: name}
	}
	joined := func(t float64, name string) telephony.Event { return queue(telephony.CallQueued, t, name) }
	left := func(t float64, name string) telephony.Event { return queue(telephony.CallUnqueued, t, name) }
	stay := func(name string, from, until float64) telephony.QueueStay {
		s := telephony.QueueStay{Name: name, JoinedAt: at(from)}
		if until > 0 {
			s.LeftAt = at(until)
		}
		return s
	}
	tests := []struct {
		name   string
		events []telephony.Event
		want   []telephony.QueueStay
	}{
		{name: "nothing else is known", events: []telephony.Event{estimated(joined(2, "a"))}, want: []telephony.QueueStay{stay("a", 2, 0)}},
		{name: "he leaves it", events: []telephony.Event{estimated(joined(2, "a")), left(5, "a")}, want: []telephony.QueueStay{stay("a", 2, 5)}},
		{name: "reported, found earlier", events: []telephony.Event{estimated(joined(1, "a")), joined(2, "a"), left(5, "a")}, want: []telephony.QueueStay{stay("a", 2, 5)}},
		{name: "reported, found later", events: []telephony.Event{joined(2, "a"), estimated(joined(3, "a")), left(5, "a")}, want: []telephony.QueueStay{stay("a", 2, 5)}},
		{name: "reported, found at that time", events: []telephony.Event{joined(2, "a"), estimated(joined(2, "a"))}, want: []telephony.QueueStay{stay("a", 2, 0)}},
		{
			name:   "found, left, and again",
			events: []telephony.Event{estimated(joined(2, "a")), left(5, "a"), joined(7, "a"), left(8, "a")},
			want:   []telephony.QueueStay{stay("a", 2, 5), stay("a", 7, 8)},
		},
		{
			name:   "left, and again while nobody listened",
			events: []telephony.Event{joined(2, "a"), left(5, "a"), estimated(joined(7, "a")), left(8, "a")},
			want:   []telephony.QueueStay{stay("a", 2, 5), stay("a", 7, 8)},
		},
		{
			name:   "another queue while nobody listened",
			events: []telephony.Event{joined(2, "a"), left(5, "a"), estimated(joined(7, "b"))},
			want:   []telephony.QueueStay{stay("a", 2, 5), stay("b", 7, 0)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			events := story(append(rings(), tt.events...)...)
			r := rand.New(rand.NewPCG(1, 2))
			for range 50 {
				r.Shuffle(len(events), func(i, k int) { events[i], events[k] = events[k], events[i] })
				s := fold(append(events, events[r.IntN(len(events))]))
				require.Equal(t, tt.want, s.Queues)
				require.Equal(t, tt.want[len(tt.want)-1].Name, s.Queue())
			}
		})
	}
}

// What the dialplan says first counts, and what is recorded first: it makes no
// difference whether that was reported, or found by who came late. A transfer over
// a trunk says that its call goes out, and records it once more.
func TestState_estimatedHint(t *testing.T) {
	t.Parallel()
	hint := func(t float64, value string) telephony.Event {
		return telephony.Event{Kind: telephony.CallHint, Time: at(t), Leg: "t", Name: telephony.HintDirection, Value: value}
	}
	recorded := func(t float64, path string) telephony.Event {
		return telephony.Event{Kind: telephony.CallRecorded, Time: at(t), Leg: "t", Path: path}
	}
	for _, tt := range []struct {
		name   string
		events []telephony.Event
	}{
		{name: "reported", events: []telephony.Event{hint(1, "inbound"), recorded(1, "in"), hint(5, "outbound"), recorded(5, "out")}},
		{name: "found, and then reported", events: []telephony.Event{estimated(hint(3, "inbound")), estimated(recorded(3, "in")), hint(5, "outbound"), recorded(5, "out")}},
		{name: "reported, and found later", events: []telephony.Event{hint(1, "inbound"), recorded(1, "in"), estimated(hint(5, "outbound")), estimated(recorded(5, "out"))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			events := story(append(rings(), tt.events...)...)
			r := rand.New(rand.NewPCG(1, 2))
			for range 50 {
				r.Shuffle(len(events), func(i, k int) { events[i], events[k] = events[k], events[i] })
				s := fold(events)
				require.Equal(t, telephony.Inbound, s.Direction)
				require.Equal(t, "in", s.Recording)
			}
		})
	}
}
