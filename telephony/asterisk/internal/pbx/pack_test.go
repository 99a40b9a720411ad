package pbx

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// record notes what is appended.
type record struct {
	entries []string
	err     error
}

func (r *record) Append(_ context.Context, events []telephony.Event) error {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	r.entries = append(r.entries, strings.Join(ids, " "))
	return r.err
}

func (*record) Live(context.Context) ([]telephony.LiveLeg, error) { return nil, nil }

func (*record) Told(context.Context, time.Time) (telephony.Told, error) { return nil, nil }
func (*record) Ready()                                                  {}

func fact1(call, id string, kind telephony.Kind) telephony.Event {
	e := telephony.Event{ID: id, Call: telephony.CallID("hq/pbx1/" + call), Kind: kind, Leg: "l", Side: telephony.SideAgent}
	if kind == telephony.LegBridged {
		e.Raw = map[string]string{"BridgeNumChannels": id}
	}
	return e
}

func linked(call, id, other string) telephony.Event {
	e := fact1(call, id, telephony.CallLinked)
	e.Other = telephony.CallID("hq/pbx1/" + other)
	return e
}

func TestPacker(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	type put struct {
		at   time.Duration
		e    telephony.Event
		want []string // the entries of the flush after it
	}
	tests := []struct {
		name string
		puts []put
		rest []string // the entries at the end
	}{
		{
			name: "what waits of a call comes before its link with another",
			puts: []put{
				{e: fact1("a", "1", telephony.LegUnbridged)},
				{e: fact1("b", "2", telephony.LegUnbridged)},
				{e: linked("a", "3", "b"), want: []string{"2", "1 3"}},
			},
		},
		{
			name: "a link of which nothing else waits",
			puts: []put{{e: linked("a", "1", "b"), want: []string{"1"}}},
		},
		{
			name: "what nobody acts upon waits",
			puts: []put{{e: fact1("a", "1", telephony.LegStarted)}, {at: 19 * time.Millisecond, e: fact1("a", "2", telephony.CallHint)}},
			rest: []string{"1 2"},
		},
		{
			name: "but not longer than it should",
			puts: []put{{e: fact1("a", "1", telephony.LegStarted)}, {at: packDelay, e: fact1("b", "2", telephony.LegStarted), want: []string{"1"}}},
			rest: []string{"2"},
		},
		{
			name: "what is urgent takes the rest along, in order",
			puts: []put{{e: fact1("a", "1", telephony.LegStarted)}, {e: fact1("b", "2", telephony.LegStarted)}, {e: fact1("a", "3", telephony.LegDialled), want: []string{"1 3"}}},
			rest: []string{"2"},
		},
		{
			name: "one in a bridge is alone, two talk",
			puts: []put{{e: fact1("a", "1", telephony.LegBridged)}, {e: fact1("a", "2", telephony.LegBridged), want: []string{"1 2"}}},
		},
		{
			name: "a message is urgent, an end is not",
			puts: []put{{e: fact1("a", "1", telephony.CallVoicemail), want: []string{"1"}}, {e: fact1("a", "2", telephony.LegEnded)}},
			rest: []string{"2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &record{}
			p := NewPacker(r, func(int) {})
			require.True(t, p.Next().IsZero())
			for _, put := range tt.puts {
				p.Add(put.e, start.Add(put.at))
				require.NoError(t, p.Flush(t.Context(), start.Add(put.at)))
				require.Equal(t, put.want, r.entries)
				r.entries = nil
			}
			require.Equal(t, len(tt.rest) > 0, !p.Next().IsZero())
			require.NoError(t, p.FlushAll(t.Context()))
			require.Equal(t, tt.rest, r.entries)
			require.Empty(t, p.waiting)
		})
	}
}

func TestPacker_bounds(t *testing.T) {
	t.Parallel()
	r := &record{}
	p := NewPacker(r, func(int) {})
	now := time.Unix(1000, 0)
	for i := range maxPack {
		require.Empty(t, r.entries)
		p.Add(fact1("a", fmt.Sprint(i), telephony.LegEnded), now)
		require.NoError(t, p.Flush(t.Context(), now))
	}
	require.Len(t, r.entries, 1)
	many := make([]telephony.Event, 2*maxPack+1)
	for i := range many {
		many[i] = fact1("a", fmt.Sprint(i), telephony.LegEnded)
	}
	require.NoError(t, p.Append(t.Context(), many))
	require.Len(t, r.entries, 4)
}

func TestPacker_fails(t *testing.T) {
	t.Parallel()
	r := &record{err: errors.New("disk full")}
	p := NewPacker(r, func(int) {})
	p.Add(fact1("a", "1", telephony.LegDialled), time.Now())
	err := p.FlushAll(t.Context())
	require.ErrorIs(t, err, r.err)
	require.ErrorContains(t, err, "hq/pbx1/a")
}
