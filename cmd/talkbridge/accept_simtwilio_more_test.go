package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/twilio"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// ask has Twilio's API do something, as the application does that steers the calls.
func (s *twilioSite) ask(path string, form url.Values) map[string]any {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/2010-04-01/Accounts/"+s.twilio.AccountSID()+path, strings.NewReader(form.Encode()))
	r.SetBasicAuth(s.twilio.AccountSID(), s.twilio.AuthToken())
	answer := httptest.NewRecorder()
	s.twilio.ServeHTTP(answer, r)
	require.Equal(s.t, http.StatusCreated, answer.Code, answer.Body.String())
	var body map[string]any
	require.NoError(s.t, json.Unmarshal(answer.Body.Bytes(), &body))
	return body
}

// joins waits until so many have joined the conference.
func (s *twilioSite) joins(c *child, n int) {
	s.t.Helper()
	s.eventually(c, "participants", func() bool {
		joined := 0
		for _, d := range s.twilio.Deliveries() {
			joined += btoi(d.Form.Get("StatusCallbackEvent") == "participant-join")
		}
		return joined == n
	})
}

// TestTwilioWarmTransfer: Alice takes the call and Bob gets it: one ticket, which is
// Bob's in the end, and a page for each.
func TestTwilioWarmTransfer(t *testing.T) {
	t.Parallel()
	phones := meets(twiliotest.Phone{Address: simAlice}, twiliotest.Phone{Address: simBob, After: 6 * time.Second})
	s := newTwilioSite(t, twiliotest.Config{Phones: phones}, map[string]string{"+15550100001": simRoom}, "")
	c := s.startTwilio()
	id := s.place(twiliotest.Caller{To: "+15550100001"})
	add := func(address string) string {
		leg := s.ask("/Conferences/room/Participants.json", url.Values{
			"From": {"+15550100001"}, "To": {address}, "StatusCallback": {demoPublic + twilio.Path(simSource, "status")},
			"StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
		})
		return leg["call_sid"].(string)
	}
	s.joins(c, 1)
	alice := add(simAlice)
	s.joins(c, 2)
	s.eventually(c, "Alice's page", func() bool { return len(s.zendesk.Pops()) == 1 })
	add(simBob)
	s.joins(c, 3)
	s.twilio.HangUp(alice)
	s.eventually(c, "Bob's page", func() bool { return len(s.zendesk.Pops()) == 2 })
	<-time.After(1100 * time.Millisecond) // Bob talks for some time
	s.twilio.HangUp(strings.TrimPrefix(id, "hq/"+simSource+"/"))
	require.NoError(t, s.twilio.Wait(t.Context()))
	s.eventually(c, "nothing is owed", func() bool { return s.settled(id) })
	tickets := s.zendesk.Tickets()
	require.Len(t, tickets, 1)
	require.Equal(t, id, tickets[0].ExternalID)
	require.Equal(t, 45, tickets[0].ViaID)
	require.Equal(t, s.agentID("Bob"), tickets[0].AssigneeID)
	require.Equal(t, []int64{s.agentID("Alice"), s.agentID("Bob")}, s.popsOf(tickets[0]))
	c.stop(t)
}

// TestTwilioCallsOfAnOutage: what nobody heard of, since the daemon was dead, is
// read in Twilio's lists: each call is one ticket, and no page opens late.
func TestTwilioCallsOfAnOutage(t *testing.T) {
	t.Parallel()
	s := newTwilioSite(t, twiliotest.Config{}, map[string]string{"+15550100001": simRing, "+15550100003": simMailbox}, "")
	c := s.startTwilio()
	answers := meets(twiliotest.Phone{Address: simAlice, After: 5 * time.Second})
	ends := s.place(twiliotest.Caller{To: "+15550100001", From: "+12125550131", Meets: answers})
	lasts := s.place(twiliotest.Caller{To: "+15550100001", From: "+12125550132", Meets: answers})
	s.eventually(c, "both pages", func() bool { return len(s.zendesk.Pops()) == 2 })
	s.eventually(c, "both tickets are in the journal", func() bool {
		return c.metric(t, `talkbridge_outcomes_total{kind="done",step="create"}`) == 2
	})
	c.Kill()
	<-time.After(1100 * time.Millisecond) // Twilio's times have whole seconds: the end is after all that was heard
	s.hangUp(ends)
	whole := s.place(twiliotest.Caller{To: "+15550100001", From: "+12125550133", Talks: 8 * time.Second, Meets: answers})
	message := s.place(twiliotest.Caller{
		To: "+15550100003", From: "+12125550134", Says: 8 * time.Second, Meets: meets(twiliotest.Phone{Address: simAlice, Does: twiliotest.Rings}),
	})
	for _, id := range []string{ends, whole, message} {
		<-s.twilio.Done(strings.TrimPrefix(id, "hq/"+simSource+"/"))
	}
	c = s.startTwilio()
	s.hangUp(lasts)
	require.NoError(t, s.twilio.Wait(t.Context()))
	c.says(t, "Twilio's lists of calls looked at")
	require.Positive(t, s.twilio.Stats().Lost, "there was an outage")
	for _, call := range []struct {
		id       string
		via      int
		assignee string
	}{{ends, 45, "Alice"}, {lasts, 45, "Alice"}, {whole, 45, "Alice"}, {message, 44, ""}} {
		s.eventually(c, "nothing is owed of "+call.id, func() bool { return s.settled(call.id) })
		tickets := s.zendesk.TicketsByExternalID(call.id)
		require.Len(t, tickets, 1)
		require.Equal(t, call.via, tickets[0].ViaID)
		if call.assignee != "" {
			require.Equal(t, s.agentID(call.assignee), tickets[0].AssigneeID)
		}
	}
	require.Len(t, s.zendesk.Tickets(), 4)
	require.Len(t, s.zendesk.Pops(), 2, "nobody has a page of what is over")
	s.plays(c, message)
	c.stop(t)
}
