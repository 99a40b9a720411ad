package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// The requests that write tickets.
const (
	createPath  = "/api/v2/channels/voice/tickets"
	ticketsPath = "/api/v2/tickets/"
)

// maxOrdinary is what an ordinary call may cost the journal.
const maxOrdinary = 10

// patience is how long a test waits for what takes milliseconds on a machine
// that has nothing else to do.
const patience = slowness * 30 * time.Second

// answered is an ordinary call to Alice, as it was captured.
func answered() asterisktest.Scenario {
	return asterisktest.Scenario{
		Capture: "a_inbound_answered", Kind: "inbound", DID: "+15550100001", Agents: []string{"1001"},
		Caller: asterisktest.Party{Number: "+493010001234", Name: "Erika Muster"},
	}
}

// play plays a scenario of one call to its end and returns the call's id.
func (s *site) play(scenario asterisktest.Scenario) string {
	s.t.Helper()
	played, err := s.player.Play(s.t.Context(), scenario)
	require.NoError(s.t, err)
	require.Len(s.t, played.Linkedids, 1)
	return "hq/pbx1/" + played.Linkedids[0]
}

// untilShown has nobody hang up before a number of pages were opened, however
// busy the machine is.
func (s *site) untilShown(call asterisktest.Scenario, pops int) asterisktest.Scenario {
	s.t.Helper()
	if pops > 0 {
		before := len(s.zendesk.Pops())
		call.Then = asterisktest.Hold{Phase: asterisktest.Parting, For: 200 * time.Millisecond, Until: s.until(func() bool {
			return len(s.zendesk.Pops()) >= before+pops
		})}
	}
	return call
}

// until is closed when a condition holds, or patience is over.
func (s *site) until(condition func() bool) <-chan struct{} {
	held := make(chan struct{})
	over := time.Now().Add(patience)
	go func() {
		defer close(held)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for !condition() && time.Now().Before(over) && s.t.Context().Err() == nil {
			<-tick.C
		}
	}()
	return held
}

// eventually waits for a condition.
func (s *site) eventually(c *child, what string, condition func() bool) {
	s.t.Helper()
	require.Eventually(s.t, condition, patience, 10*time.Millisecond, "%s; log:\n%s", what, c.log)
}

// ticketOf waits for the ticket of a call and for a number of comments.
func (s *site) ticketOf(c *child, id string, comments int) zendesktest.Ticket {
	s.t.Helper()
	var ticket zendesktest.Ticket
	s.eventually(c, fmt.Sprintf("ticket of %s with %d comments", id, comments), func() bool {
		tickets := s.zendesk.TicketsByExternalID(id)
		if len(tickets) == 0 || len(tickets[0].Comments) < comments {
			return false
		}
		ticket = tickets[0]
		return true
	})
	require.Len(s.t, s.zendesk.TicketsByExternalID(id), 1)
	require.Len(s.t, ticket.Comments, comments)
	return ticket
}

// requester is whose ticket it is.
func (s *site) requester(ticket zendesktest.Ticket) zendesktest.User {
	s.t.Helper()
	user, found := s.zendesk.User(ticket.RequesterID)
	require.True(s.t, found)
	return user
}

// writes are the requests so far that write tickets.
func (s *site) writes() []string {
	var all []string
	for _, r := range s.zendesk.Requests() {
		if r.Method != http.MethodGet && (r.Path == createPath || strings.HasPrefix(r.Path, ticketsPath)) {
			all = append(all, r.Method+" "+r.Path)
		}
	}
	return all
}

// endUsers are the users that are nobody of the account.
func (s *site) endUsers() []zendesktest.User {
	var all []zendesktest.User
	for _, u := range s.zendesk.Users() {
		if u.Role == zendesktest.RoleEndUser {
			all = append(all, u)
		}
	}
	return all
}

// agentID is the id of an agent by the first name.
func (s *site) agentID(name string) int64 {
	s.t.Helper()
	for _, a := range s.zendesk.Agents() {
		if strings.HasPrefix(a.Name, name) {
			return a.ID
		}
	}
	require.Fail(s.t, "no agent "+name)
	return 0
}

func TestOrdinaryCallCostsAtMostTenJournalMessages(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	before := c.metric(t, "talkbridge_journal_messages ")
	ticket := s.ticketOf(c, s.play(answered()), 2)

	require.Equal(t, 45, ticket.ViaID)
	require.Equal(t, s.agentID("Alice"), ticket.AssigneeID)
	require.Contains(t, ticket.Subject, "Erika Muster")
	require.Equal(t, "+493010001234", s.requester(ticket).Phone)
	require.False(t, ticket.Public, "nothing of it is for the customer to see")
	require.Contains(t, ticket.Comments[1].Body, "Ended: ")
	require.NotContains(t, ticket.Comments[1].Body, "estimated")
	require.Empty(t, ticket.VoiceComments(), "no recording, no player")

	pops := s.zendesk.Pops()
	require.Len(t, pops, 1)
	require.Equal(t, zendesktest.PopCreate, pops[0].Source, "the page opens with the request that makes the ticket")
	require.Equal(t, s.agentID("Alice"), pops[0].AgentID)
	require.Equal(t, ticket.ID, pops[0].TicketID)

	require.Equal(t, []string{"POST " + createPath, fmt.Sprintf("PUT %s%d", ticketsPath, ticket.ID)}, s.writes())
	s.eventually(c, "the result is in the journal", func() bool {
		return c.metric(t, `talkbridge_outcomes_total{kind="done",step="complete"}`) == 1
	})
	messages := c.metric(t, "talkbridge_journal_messages ") - before
	require.Positive(t, messages)
	require.LessOrEqual(t, messages, float64(maxOrdinary))
	t.Logf("an ordinary call: %v journal messages", messages)
	c.stop(t)
}

func TestKindsOfCalls(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	for _, tt := range []struct {
		name, capture string
		agent         string
		via, pops     int
		comments      int
		tag           string
	}{
		{name: "outbound", capture: "g1_outbound_answered", agent: "1002", via: 46, pops: 1, comments: 2, tag: "call_outbound"},
		{name: "missed", capture: "c_abandoned_ringing", agent: "1001", via: 45, comments: 1, tag: "call_abandoned"},
		{name: "busy", capture: "d1_busy", agent: "1003", via: 45, comments: 1, tag: "call_busy"},
		{name: "greeting", capture: "b2_voicemail_hangup_in_greeting", agent: "1001", via: 45, comments: 1, tag: "call_inbound"},
	} {
		before := len(s.zendesk.Pops())
		ticket := s.ticketOf(c, s.play(asterisktest.Scenario{Capture: tt.capture, Kind: tt.name, Agents: []string{tt.agent}}), tt.comments)
		require.Equal(t, tt.via, ticket.ViaID, tt.name)
		require.True(t, ticket.HasTag(tt.tag), "%s: %v", tt.name, ticket.Tags)
		pops := s.zendesk.Pops()[before:]
		require.Len(t, pops, tt.pops, tt.name)
		for _, p := range pops {
			require.Equal(t, s.agentID("Bob"), p.AgentID, tt.name)
			require.Equal(t, ticket.ID, p.TicketID, tt.name)
		}
	}
	for _, capture := range []string{"m_internal", "g2_outbound_unanswered"} {
		id := s.play(asterisktest.Scenario{Capture: capture})
		s.eventually(c, capture+" is over", func() bool { return s.settled(id) })
		require.Empty(t, s.zendesk.TicketsByExternalID(id), capture)
	}
	c.stop(t)
}

func TestTwoCallsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	played, err := s.player.Play(t.Context(), asterisktest.Scenario{Capture: "k_two_concurrent", Kind: "inbound"})
	require.NoError(t, err)
	require.Len(t, played.Linkedids, 2)
	requesters := make(map[int64]bool)
	for _, id := range played.Linkedids {
		ticket := s.ticketOf(c, "hq/pbx1/"+id, 2)
		require.Equal(t, 45, ticket.ViaID)
		requesters[ticket.RequesterID] = true
	}
	require.Len(t, requesters, 2, "two callers")
	require.Len(t, s.zendesk.Pops(), 2)
	c.stop(t)
}

func TestWithheldNumberBecomesNoUser(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	for range 2 {
		ticket := s.ticketOf(c, s.play(asterisktest.Scenario{Capture: "l1_anonymous", Kind: "withheld"}), 2)
		require.Equal(t, "talkbridge-anonymous", s.requester(ticket).ExternalID)
		require.Contains(t, ticket.Subject, "anonymous")
	}
	require.Len(t, s.endUsers(), 1, "the placeholder, and nobody else")
	require.Empty(t, s.endUsers()[0].Phone)
	c.stop(t)
}

// TestHostileCallers: who writes events into his own number gets one ticket as
// a withheld caller, and does nothing to the call beside his.
func TestHostileCallers(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	beside := answered()
	over := make(chan struct{})
	beside.Hold = asterisktest.Hold{Phase: asterisktest.Talking, Until: over}
	talked := make(chan string, 1)
	go func() { talked <- s.play(beside) }()
	s.eventually(c, "the call beside has its ticket", func() bool { return len(s.zendesk.Tickets()) == 1 })

	for _, capture := range []string{"l4_escaped_crlf_user", "l7_forged_event"} {
		ticket := s.ticketOf(c, s.play(asterisktest.Scenario{Capture: capture, Kind: "withheld"}), 2)
		require.Equal(t, "talkbridge-anonymous", s.requester(ticket).ExternalID, capture)
	}
	require.Len(t, s.zendesk.Tickets(), 3, "no forged event made a ticket")
	require.Len(t, s.zendesk.Tickets()[0].Comments, 1, "the call beside goes on")
	close(over)
	ticket := s.ticketOf(c, <-talked, 2)
	require.Equal(t, "+493010001234", s.requester(ticket).Phone)
	require.Positive(t, c.metric(t, "talkbridge_asterisk_rejoined_total")+c.metric(t, "talkbridge_asterisk_forged_total"))
	c.stop(t)
}

func TestCreateAtEndIsOneWrite(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{edit: []string{"tickets: {", "tickets: {create: end, "}})
	c := s.startReady()
	call := answered()
	over := make(chan struct{})
	call.Hold = asterisktest.Hold{Phase: asterisktest.Talking, Until: over}
	talked := make(chan string, 1)
	go func() { talked <- s.play(call) }()
	s.eventually(c, "the caller's profile is shown at the answer", func() bool { return len(s.zendesk.Pops()) == 1 })
	require.Empty(t, s.writes())
	close(over)
	ticket := s.ticketOf(c, <-talked, 1)
	require.Contains(t, ticket.Comments[0].Body, "Ended: ")
	require.Equal(t, []string{"POST " + createPath}, s.writes())
	pop := s.zendesk.Pops()[0]
	require.Equal(t, ticket.RequesterID, pop.UserID)
	require.Equal(t, s.agentID("Alice"), pop.AgentID)
	require.Len(t, s.zendesk.Pops(), 1)
	c.stop(t)
}

func TestPopWhileItRings(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{extra: "screen_pop: {on: ringing}\n"})
	c := s.startReady()
	call := s.pbx.Inbound(asterisktest.Party{Number: "+493010001234", Name: "Erika Muster"}, "+15550100001")
	call.Ring("1003")
	s.eventually(c, "the page opens while it rings", func() bool { return len(s.zendesk.Pops()) == 1 })
	require.Equal(t, s.agentID("Carol"), s.zendesk.Pops()[0].AgentID)
	require.NotZero(t, s.zendesk.Pops()[0].UserID, "there is no ticket yet")
	call.Answer("1003")
	s.ticketOf(c, "hq/pbx1/"+call.Linkedid(), 1)
	call.Hangup()
	require.NoError(t, call.Err())
	ticket := s.ticketOf(c, "hq/pbx1/"+call.Linkedid(), 2)
	require.Equal(t, s.agentID("Carol"), ticket.AssigneeID)
	c.stop(t)
}
