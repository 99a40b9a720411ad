package asterisk

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	m := Message{Raw: strings.Repeat("x", 100)}
	q := pbx.NewQueue[Message](3 * m.Size())
	for range 3 {
		require.NoError(t, q.Push(m))
	}
	require.ErrorIs(t, q.Push(m), ErrBacklog)
	<-q.Ready()
	got, err := q.Take(2)
	require.NoError(t, err)
	require.Len(t, got, 2)
	<-q.Ready() // there is more
	require.NoError(t, q.Push(m), "there is room again")
	first := errors.New("first")
	q.Close(first)
	q.Close(errors.New("second"))
	got, err = q.Take(10)
	require.NoError(t, err)
	require.Len(t, got, 2, "what is there can be taken")
	<-q.Ready()
	_, err = q.Take(10)
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
	sink, entries := telephonytest.NewSink(), 0
	p := pbx.NewPacker(sink, func(int) { entries++ })
	for _, e := range events {
		for next := p.Next(); !next.IsZero() && !next.After(e.Time); next = p.Next() {
			require.NoError(t, p.Flush(t.Context(), next))
		}
		p.Add(e, e.Time)
		require.NoError(t, p.Flush(t.Context(), e.Time))
	}
	require.NoError(t, p.FlushAll(t.Context()))
	return entries
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
