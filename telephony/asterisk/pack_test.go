package asterisk

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
func (*record) Ready()                                            {}

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
			p := newPacker(r, &counters{})
			require.True(t, p.next().IsZero())
			for _, put := range tt.puts {
				p.add(put.e, start.Add(put.at))
				require.NoError(t, p.flush(t.Context(), start.Add(put.at)))
				require.Equal(t, put.want, r.entries)
				r.entries = nil
			}
			require.Equal(t, len(tt.rest) > 0, !p.next().IsZero())
			require.NoError(t, p.flushAll(t.Context()))
			require.Equal(t, tt.rest, r.entries)
			require.Empty(t, p.waiting)
		})
	}
}

func TestPacker_bounds(t *testing.T) {
	t.Parallel()
	r := &record{}
	p := newPacker(r, &counters{})
	now := time.Unix(1000, 0)
	for i := range maxPack {
		require.Empty(t, r.entries)
		p.add(fact1("a", fmt.Sprint(i), telephony.LegEnded), now)
		require.NoError(t, p.flush(t.Context(), now))
	}
	require.Len(t, r.entries, 1)
	many := make([]telephony.Event, 2*maxPack+1)
	for i := range many {
		many[i] = fact1("a", fmt.Sprint(i), telephony.LegEnded)
	}
	require.NoError(t, p.append(t.Context(), many))
	require.Len(t, r.entries, 4)
}

func TestPacker_fails(t *testing.T) {
	t.Parallel()
	r := &record{err: errors.New("disk full")}
	p := newPacker(r, &counters{})
	p.add(fact1("a", "1", telephony.LegDialled), time.Now())
	err := p.flushAll(t.Context())
	require.ErrorIs(t, err, r.err)
	require.ErrorContains(t, err, "hq/pbx1/a")
}

func TestQueue(t *testing.T) {
	t.Parallel()
	m := Message{Raw: strings.Repeat("x", 100)}
	q := newQueue(3 * m.size())
	for range 3 {
		require.NoError(t, q.push(m))
	}
	require.ErrorIs(t, q.push(m), ErrBacklog)
	<-q.ready
	got, err := q.take(2)
	require.NoError(t, err)
	require.Len(t, got, 2)
	<-q.ready // there is more
	require.NoError(t, q.push(m), "there is room again")
	first := errors.New("first")
	q.close(first)
	q.close(errors.New("second"))
	got, err = q.take(10)
	require.NoError(t, err)
	require.Len(t, got, 2, "what is there can be taken")
	<-q.ready
	_, err = q.take(10)
	require.ErrorIs(t, err, first)
}

func TestRoster(t *testing.T) {
	t.Parallel()
	r := newRoster()
	tr := lab()
	hear := func(text string) []telephony.Event {
		m := parse(t, text)
		e, ok, err := tr.translate(m, 1)
		require.NoError(t, err)
		require.True(t, ok)
		return r.follow(m, e)
	}
	require.Empty(t, hear(event("Newchannel", "", "PJSIP/1001-1", "2.1", "2.1", "")))
	require.Empty(t, hear(event("Newchannel", "", "PJSIP/1002-2", "2.2", "2.1", "")))
	// It changes to another Linkedid.
	links := hear(event("BridgeEnter", "BridgeUniqueid: b\r\nBridgeNumChannels: 2\r\n", "PJSIP/1002-2", "2.2", "1.1", ""))
	require.Len(t, links, 1)
	require.NoError(t, links[0].Validate())
	require.Equal(t, telephony.CallLinked, links[0].Kind)
	require.Equal(t, telephony.CallID("hq/pbx1/1.1"), links[0].Call)
	require.Equal(t, telephony.CallID("hq/pbx1/2.1"), links[0].Other)
	// Another call meets it in its bridge.
	links = hear(event("BridgeEnter", "BridgeUniqueid: b\r\nBridgeNumChannels: 2\r\n", "PJSIP/trunk-3", "3.1", "3.1", ""))
	require.Len(t, links, 1)
	require.Equal(t, telephony.CallID("hq/pbx1/3.1"), links[0].Call)
	require.Equal(t, telephony.CallID("hq/pbx1/1.1"), links[0].Other)
	require.Empty(t, hear(event("BridgeLeave", "BridgeUniqueid: b\r\nBridgeNumChannels: 2\r\n", "PJSIP/1002-2", "2.2", "1.1", "")))
	require.Empty(t, hear(event("Hangup", "", "PJSIP/trunk-3", "3.1", "3.1", "Cause: 16\r\nCause-txt: x\r\n")))
	require.Empty(t, r.bridges)
	// A car park lets nobody hear anybody.
	_, ok, err := tr.translate(parse(t, event("BridgeEnter", "BridgeUniqueid: p\r\nBridgeTechnology: holding_bridge\r\nBridgeNumChannels: 2\r\n", "PJSIP/1002-2", "2.2", "1.1", "")), 1)
	require.NoError(t, err)
	require.False(t, ok)
	require.Empty(t, hear(event("Hangup", "", "PJSIP/1002-2", "2.2", "1.1", "Cause: 16\r\nCause-txt: x\r\n")))
	require.NotContains(t, r.members, "2.2")
	require.Contains(t, r.members, "2.1")

	cut := strings.Replace(event("Hangup", "", "PJSIP/other-9", "2.1", "2.1", "Cause: 16\r\nCause-txt: x\r\n"), "+4930", "1\r\n", 1)
	require.True(t, parse(t, cut).Tampered)
	require.False(t, r.trusts(parse(t, cut)), "a known channel under another name")
	require.True(t, r.trusts(parse(t, strings.Replace(cut, "PJSIP/other-9", "PJSIP/1001-1", 1))))
	again := strings.Replace(event("Newchannel", "", "PJSIP/1001-1", "2.1", "2.1", ""), "+4930", "1\r\n", 1)
	require.False(t, r.trusts(parse(t, again)), "a new channel that is known")
}

// entriesOf are the entries of the journal that events make as they come.
func entriesOf(t *testing.T, events []telephony.Event) int {
	t.Helper()
	r := &record{}
	p := newPacker(r, &counters{})
	for _, e := range events {
		for next := p.next(); !next.IsZero() && !next.After(e.Time); next = p.next() {
			require.NoError(t, p.flush(t.Context(), next))
		}
		p.add(e, e.Time)
		require.NoError(t, p.flush(t.Context(), e.Time))
	}
	require.NoError(t, p.flushAll(t.Context()))
	return len(r.entries)
}

// A hold costs an entry for its beginning and one for its end. That nobody is
// held any more, as phones say at a transfer, comes with what else happens then.
func TestEntriesOfHolds(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]int{"j_hold": 2, "i2_attended_refer": 1, "h1_blind_refer": 0, "h2_blind_ami": 0} {
		all := eventsOf(t, capture(t, name))
		others := slices.DeleteFunc(slices.Clone(all), func(e telephony.Event) bool {
			return e.Kind == telephony.LegHeld || e.Kind == telephony.LegResumed
		})
		require.Less(t, len(others), len(all))
		require.Equal(t, more, entriesOf(t, all)-entriesOf(t, others), name)
		if name == "j_hold" {
			// With five outcomes an ordinary call with a hold stays at ten.
			require.LessOrEqual(t, entriesOf(t, all), 5)
		}
	}
}
