package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// TestPBXRestartsInMidCall: nobody reports the end of calls that died with the
// phone system; they end as estimated.
func TestPBXRestartsInMidCall(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	call := s.pbx.Inbound(asterisktest.Party{Number: "+493010001234"}, "+15550100001")
	call.Ring("1001")
	call.Answer("1001")
	id := "hq/pbx1/" + call.Linkedid()
	s.ticketOf(c, id, 1)
	s.pbx.Crash()
	c.says(t, "phone system not connected")
	status, page := c.page(t, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, page, `source pbx1: `)
	require.NoError(t, s.pbx.Restart())
	ticket := s.ticketOf(c, id, 2)
	require.Contains(t, ticket.Comments[1].Body, "estimated")

	s.eventually(c, "ready again", func() bool {
		status, _ := c.page(t, "/readyz")
		return status == http.StatusOK
	})
	s.ticketOf(c, s.play(answered()), 2)
	c.stop(t)
}

// TestConnectionLostInMidCall: a call that goes on while nobody listens is the
// same call afterwards.
func TestConnectionLostInMidCall(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	call := s.pbx.Inbound(asterisktest.Party{Number: "+493010001234"}, "+15550100001")
	call.Ring("1001")
	call.Answer("1001")
	id := "hq/pbx1/" + call.Linkedid()
	s.ticketOf(c, id, 1)
	s.pbx.DropClients()
	c.saysTimes(t, 2, "phone system connected")
	call.Hangup()
	require.NoError(t, call.Err())
	require.NotContains(t, s.ticketOf(c, id, 2).Comments[1].Body, "estimated")
	require.Len(t, s.zendesk.Pops(), 1, "no second page for the same answer")
	c.stop(t)
}

// TestZendeskAway: whatever stands in the way, the calls of that time get their
// tickets when it is back.
func TestZendeskAway(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		away func(*site) (back func())
	}{
		{name: "a web page", away: faulty(zendesktest.HTML())},
		{name: "503", away: faulty(zendesktest.Unavailable(0))},
		{name: "429", away: faulty(zendesktest.RateLimited(time.Second))},
		{name: "refused", away: func(s *site) func() {
			s.gate.shut()
			return s.gate.open
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{})
			c := s.startReady()
			back := tt.away(s)
			first := s.play(answered())
			second := s.play(asterisktest.Scenario{Capture: "c_abandoned_ringing", Kind: "missed", Agents: []string{"1001"}})
			c.says(t, "step put off")
			require.Empty(t, s.zendesk.Tickets())
			status, _ := c.page(t, "/healthz")
			require.Equal(t, http.StatusOK, status, "the process itself is well")
			back()
			ticket := s.ticketOf(c, first, 1)
			require.Contains(t, ticket.Comments[0].Body, "Ended: ")
			require.True(t, s.ticketOf(c, second, 1).HasTag("call_abandoned"))
			require.Empty(t, s.zendesk.Duplicates())
			c.stop(t)
		})
	}
}

// faulty answers every request with an effect.
func faulty(effect zendesktest.Effect) func(*site) func() {
	return func(s *site) func() { return s.zendesk.Inject(zendesktest.Fault{Effect: effect}).Remove }
}
