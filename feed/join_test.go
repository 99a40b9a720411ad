package feed_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/telephony"
)

// A consultation is a call of its own until it is joined with the caller's: from
// then on both are one, for who sees it, for the snapshot and for filters; told at
// once, from memory or from the journal.
func TestCallsThatBecomeOne(t *testing.T) {
	t.Parallel()
	const consulted = "hq/pbx1/1700000009.9"
	j := newMemory()
	tokens := []feed.Token{{Secret: allToken}, {Secret: anaToken, Agent: "Ana"}}
	s := newSite(t, siteOptions{journal: j, recent: 2, tokens: tokens})
	live := s.follow("?agent=Ben")
	live.snapshot()

	one, two := &call{id: firstCall}, &call{id: consulted, n: 10}
	j.events(one.starts("5550100001"))     // 1
	j.events(one.rings("PJSIP/1001")...)   // 2
	j.events(one.answers("PJSIP/1001")...) // 3
	j.events(append([]telephony.Event{two.event(telephony.LegStarted, "c1", func(e *telephony.Event) {
		e.Side, e.Endpoint, e.First = telephony.SideAgent, "PJSIP/1001", true
	})}, two.rings("PJSIP/1002")...)...) // 4: Ana asks Ben
	link := one.event(telephony.CallLinked, "", func(e *telephony.Event) { e.Other = consulted })
	j.events(link)                                                        // 5
	j.events(link.Mirrored())                                             // 6
	j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`) // 7

	check := func(f *follower) {
		t.Helper()
		m := f.next()
		require.Equal(t, uint64(4), m.Cursor.Seq)
		require.Empty(t, data[feed.EventData](t, m).Call.Joined)
		for seq := uint64(5); seq <= 6; seq++ {
			m = f.next()
			require.Equal(t, seq, m.Cursor.Seq, "the caller's call is Ben's too from here on")
			c := data[feed.EventData](t, m).Call
			require.Equal(t, telephony.CallID(firstCall), c.ID, "the oldest")
			require.Equal(t, []telephony.CallID{firstCall, consulted}, c.Joined)
			require.Equal(t, "+15550100001", c.Line.Number)
			require.Len(t, c.Agents, 2)
		}
		require.Equal(t, uint64(7), f.next().Cursor.Seq)
	}
	check(live)
	check(s.follow("?agent=Ben&since=" + epoch + "-0"))
	check(s.follow("?agent=Ben&since=" + epoch + "-3"))
	f := s.follow("?agent=Ben&since=" + epoch + "-4")
	require.Equal(t, uint64(5), f.next().Cursor.Seq)
	require.Equal(t, uint64(6), f.next().Cursor.Seq)
	require.Equal(t, uint64(7), f.next().Cursor.Seq)

	_, calls := s.follow("").snapshot()
	require.Len(t, calls, 1, "one conversation")
	_, calls = s.follow("?call=" + consulted).snapshot()
	require.Len(t, calls, 1, "under each of its ids")

	s.stop()
	s = newSite(t, siteOptions{journal: j, tokens: tokens})
	check(s.follow("?agent=Ben&since=" + epoch + "-0"))
	j.events(append(one.ends("PJSIP/1001"), one.event(telephony.LegEnded, "t1", nil))...)
	j.events(two.event(telephony.LegEnded, "c1", nil), two.event(telephony.LegEnded, "PJSIP/1002", nil))
	require.Eventually(t, func() bool {
		_, calls := s.follow("").snapshot()
		return len(calls) == 0
	}, patience, patience/1000, "over, both of them")
}

// A phone system that got no answer tells of a beginning again, maybe when the
// call is long over: that makes it no live call, whoever has read what before.
func TestBeginningToldAgain(t *testing.T) {
	t.Parallel()
	j := newMemory()
	tokens := []feed.Token{{Secret: allToken}}
	one := &call{id: firstCall}
	beginning := one.starts("5550100001")
	j.events(beginning)
	j.events(one.rings("PJSIP/1001")...)
	j.events(one.answers("PJSIP/1001")...)
	j.events(one.ends("PJSIP/1001")...)
	j.outcome("hq/pbx1/other", `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
	j.checkpoint = 5 // no call is live

	s := newSite(t, siteOptions{journal: j, recent: 1, tokens: tokens})
	live := s.follow("")
	_, calls := live.snapshot()
	require.Empty(t, calls)
	j.events(beginning)
	c := data[feed.EventData](t, live.next()).Call
	require.NotZero(t, c.EndedAt, "it is over")
	require.Len(t, c.Agents, 1, "who talked")
	_, calls = s.follow("").snapshot()
	require.Empty(t, calls)
}
