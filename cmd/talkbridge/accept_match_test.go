package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// matchSite is a site whose calls go onto tickets of their callers.
func matchSite(t *testing.T, match string) *site {
	t.Helper()
	return newSite(t, siteOptions{edit: []string{"tickets: {", "tickets: {match: " + match + ", "}})
}

// listed lets Zendesk's lists catch up with what was written.
func (s *site) listed() { s.zendesk.Advance(2 * zendesktest.DefaultIndexDelay) }

// byMail is a ticket that a customer opened by mail.
func (s *site) byMail(phone string) (ticket int64, customer zendesktest.User) {
	s.t.Helper()
	customer, err := s.zendesk.AddUser(zendesktest.User{Name: "Erika Muster", Phone: phone})
	require.NoError(s.t, err)
	client, err := zendesk.New(s.gate.URL(), zendesk.OAuthClientCredentials{ClientID: "talkbridge", ClientSecret: "zendesk-secret"})
	require.NoError(s.t, err)
	defer client.CloseIdleConnections()
	made, err := client.CreateTicket(s.t.Context(), zendesk.NewTicket{Ticket: zendesk.TicketFields{
		Subject: "Where is my parcel?", RequesterID: customer.ID, Comment: &zendesk.Comment{Body: "Hello"},
	}}, zendesk.CreateTicketOptions{})
	require.NoError(s.t, err)
	s.listed()
	return made.ID, customer
}

// A call goes onto the ticket that its caller has open, and the agent sees it;
// after a restart too.
func TestCallGoesOntoTheOpenTicketOfItsCaller(t *testing.T) {
	t.Parallel()
	s := matchSite(t, "{newest_open_within: 72h}")
	ticket, _ := s.byMail("+493010001234")
	c := s.startReady()
	writes := len(s.writes())
	before := c.metric(t, "talkbridge_journal_messages ")
	first := s.play(s.leisurely())
	s.eventually(c, "settled", func() bool { return s.settled(first) })
	messages := c.metric(t, "talkbridge_journal_messages ") - before
	require.LessOrEqual(t, messages, float64(maxOrdinary))
	t.Logf("an attached call: %v journal messages", messages)

	pops := s.zendesk.Pops()
	require.Len(t, pops, 1)
	require.Equal(t, zendesktest.PopDisplay, pops[0].Source)
	require.Equal(t, s.agentID("Alice"), pops[0].AgentID)
	require.Equal(t, ticket, pops[0].TicketID)
	require.Equal(t, []string{fmt.Sprintf("PUT %s%d", ticketsPath, ticket)}, s.writes()[writes:])
	list, _ := s.cli(exitOK, "calls")
	require.Contains(t, list, fmt.Sprintf("#%d (attached)", ticket))
	story, _ := s.cli(exitOK, "explain", first)
	s.goldenSaid("explain_attached", story)
	c.stop(t)

	c = s.startReady()
	second := s.play(answered())
	s.eventually(c, "settled", func() bool { return s.settled(second) })
	got, _ := s.zendesk.Ticket(ticket)
	require.Len(t, got.Comments, 3)
	require.Contains(t, got.Comments[1].Body, "Call ID: "+first)
	require.Contains(t, got.Comments[2].Body, "Call ID: "+second)
	require.Len(t, s.zendesk.Tickets(), 1)
	c.stop(t)
}

// Who calls several times within minutes has one ticket, also where talkbridge
// was started anew in between; whoever else calls has his own.
func TestRepeatedCallsHaveOneTicket(t *testing.T) {
	t.Parallel()
	s := matchSite(t, "{repeated_within: 10m}")
	c := s.startReady()
	first := s.play(answered())
	ticket := s.ticketOf(c, first, 2)
	s.eventually(c, "settled", func() bool { return s.settled(first) })
	c.stop(t)
	s.listed()

	c = s.startReady()
	second := s.play(answered())
	s.eventually(c, "settled", func() bool { return s.settled(second) })
	require.Len(t, s.ticketOf(c, first, 3).Comments, 3)
	require.Empty(t, s.zendesk.TicketsByExternalID(second))
	require.Equal(t, ticket.ID, s.zendesk.Pops()[1].TicketID)

	other := answered()
	other.Caller = asterisktest.Party{Number: "+493010005678"}
	s.ticketOf(c, s.play(other), 2)
	require.Len(t, s.zendesk.Tickets(), 2)
	found, _ := s.cli(exitOK, "explain", fmt.Sprintf("#%d", ticket.ID))
	require.Contains(t, found, first, "the ticket is of the call that it was made for")
	c.stop(t)
}

// The phone system is cut off in the middle of an attached call, and the ticket
// is closed meanwhile: nothing of the call is lost.
func TestAttachedTicketIsClosedWhileTheDaemonIsDown(t *testing.T) {
	t.Parallel()
	s := matchSite(t, "{newest_open_within: 72h}")
	ticket, customer := s.byMail("+493010001234")
	c := s.startReady()
	call := s.pbx.Inbound(asterisktest.Party{Number: "+493010001234"}, "+15550100001")
	call.Ring("1001")
	call.Answer("1001")
	s.eventually(c, "attached", func() bool {
		return c.metric(t, `talkbridge_outcomes_total{kind="attached",step="attach"}`) == 1
	})
	c.Kill()
	require.NoError(t, s.zendesk.CloseTicket(ticket))
	c = s.startReady()
	call.Hangup()
	require.NoError(t, call.Err())
	id := "hq/pbx1/" + call.Linkedid()
	own := s.ticketOf(c, id, 1)
	require.Equal(t, customer.ID, own.RequesterID)
	require.Contains(t, own.Comments[0].Body, fmt.Sprintf("Belongs to: ticket #%d", ticket))
	s.eventually(c, "settled", func() bool { return s.settled(id) })
	closed, _ := s.zendesk.Ticket(ticket)
	require.Len(t, closed.Comments, 1)
	c.stop(t)
}
