package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const simOrders = "/2010-04-01/Accounts/*/Calls.json"

// twilioDialSite is a site that places calls through a simulated Twilio.
type twilioDialSite struct {
	*dialSite

	twilio *twiliotest.Server
}

// newTwilioDialSite starts it; keys change the section dial of the source.
func newTwilioDialSite(t *testing.T, config twiliotest.Config, keys string) *twilioDialSite {
	t.Helper()
	tw := newTwilioSite(t, config, map[string]string{"+15550100001": ""}, ", dial: {caller_id: \"+15550100001\""+keys+"}", func(o *siteOptions) {
		o.extra = "dial: {allow: [\"+1*\", \"+53*\"]}\n"
		o.edit = append(o.edit, `public_url: "http://127.0.0.1:9"}`, `public_url: "http://127.0.0.1:9", tokens: [{name: crm, token: `+dialSecret+`, scope: dial}]}`,
			simCarol, "+5351234567") // Carol's phone is in Cuba
		o.desk = []zendesktest.Option{zendesktest.WithIndexDelay(0)}
	})
	s := &twilioDialSite{&dialSite{site: tw.site}, tw.twilio}
	s.begin()
	return s
}

// begin starts the daemon and leads Twilio to it.
func (s *twilioDialSite) begin() {
	s.t.Helper()
	s.child = s.startReady()
	s.twilio.SetTransport(twiliotest.Via(s.child.address(s.t, "public_listen")))
}

// wants gives an order for a call to the customer.
func (s *twilioDialSite) wants(agent, key, more string) (int, dialAnswer) {
	s.t.Helper()
	o := ordinaryOrder(key)
	o.body = fmt.Sprintf(`{"agent": "%s", "number": "%s"%s}`, agent, simCustomer, more)
	status, a, _ := s.post(o)
	return status, a
}

// simTaken are who picks up: Alice, and later the customer.
func simTaken() []twiliotest.Phone {
	return meets(twiliotest.Phone{Address: simAlice, After: 4 * time.Second}, twiliotest.Phone{Address: simCustomer, After: 6 * time.Second, Talks: 24 * time.Second})
}

// TestTwilioDialledCall: Twilio rings the agent's phone, who is then connected with the
// number: an outbound call of the right agent, who sees its page.
func TestTwilioDialledCall(t *testing.T) {
	t.Parallel()
	s := newTwilioDialSite(t, twiliotest.Config{Phones: simTaken()}, "")
	status, a := s.wants("Alice", "order-0001", "")
	require.Equal(t, http.StatusAccepted, status, a.Error)
	require.Equal(t, bridge.DialTaken, a.State)
	require.True(t, a.Call.Dialled())
	s.eventually(s.child, "the page opens", func() bool { return len(s.zendesk.Pops()) == 1 })
	require.Equal(t, s.agentID("Alice"), s.zendesk.Pops()[0].AgentID)
	ticket := s.wholeTicket(s.child, string(a.Call))
	require.Equal(t, 46, ticket.ViaID)
	require.Equal(t, s.agentID("Alice"), ticket.AssigneeID)
	require.Equal(t, simCustomer, s.requester(ticket).Phone)
	require.True(t, ticket.HasTag("call_outbound"), ticket.Tags)
	require.Len(t, s.zendesk.Tickets(), 1)
	calls := s.twilio.Calls()
	require.Len(t, calls, 2)
	require.Equal(t, []string{simAlice, simCustomer}, []string{calls[0].To, calls[1].To})
	require.Equal(t, []string{"+15550100001", "+15550100001"}, []string{calls[0].From, calls[1].From}, "the caller id")
	require.Zero(t, s.twilio.Stats().Refused, "%v", s.twilio.Alerts())

	out, _ := s.cli(exitOK, "explain", string(a.Call))
	require.Contains(t, out, "the phone system takes the order")
	status, again := s.wants("Alice", "order-0001", "")
	require.Equal(t, http.StatusAccepted, status)
	require.True(t, again.Repeated)
	require.Len(t, s.twilio.Calls(), 2)
	s.child.stop(t)
}

// TestTwilioDialledForTicket: by the command, for a ticket: the call is told of there,
// and none is made.
func TestTwilioDialledForTicket(t *testing.T) {
	t.Parallel()
	s := newTwilioDialSite(t, twiliotest.Config{Phones: append(simTaken(), twiliotest.Phone{Address: simBob, After: 4 * time.Second})}, ", ring: 30s")
	id := s.byHand("")
	before, found := s.zendesk.Ticket(id)
	require.True(t, found)
	out, _ := s.cli(exitOK, "dial", "--agent", "Bob", "--ticket", fmt.Sprint(id), simCustomer)
	require.Contains(t, out, "the phone of Bob rings, then "+simCustomer+" is called")
	s.eventually(s.child, "Bob's page", func() bool { return len(s.zendesk.Pops()) == 1 })
	require.Equal(t, s.agentID("Bob"), s.zendesk.Pops()[0].AgentID)
	require.Equal(t, id, s.zendesk.Pops()[0].TicketID)
	s.eventually(s.child, "the call is told of", func() bool {
		ticket, _ := s.zendesk.Ticket(id)
		return len(ticket.Comments) == len(before.Comments)+1
	})
	require.Len(t, s.zendesk.Tickets(), 1)
	require.Empty(t, s.endUsersWith(simCustomer))
	s.child.stop(t)
}

// TestTwilioDialNotTaken: an agent who does not pick up called nobody, wherever he was
// rung: no ticket, no page, and the customer's phone never rang.
func TestTwilioDialNotTaken(t *testing.T) {
	t.Parallel()
	s := newTwilioDialSite(t, twiliotest.Config{Phones: []twiliotest.Phone{
		{Address: simAlice, Does: twiliotest.Rings}, {Address: "+5351234567", Does: twiliotest.Busy}, {Address: simCustomer},
	}}, ", ring: 5s")
	for agent, key := range map[string]string{"Alice": "order-0001", "Carol": "order-0002"} {
		status, a := s.wants(agent, key, "")
		require.Equal(t, http.StatusAccepted, status, a.Error)
		s.eventually(s.child, "the call is over", func() bool { return s.settled(string(a.Call)) && len(s.twilio.Calls()) > 0 })
	}
	require.NoError(t, s.twilio.Wait(t.Context()))
	require.Len(t, s.twilio.Calls(), 2)
	s.child.stop(t)
	require.Empty(t, s.zendesk.Tickets())
	require.Empty(t, s.zendesk.Pops())
}

// TestTwilioDialRefused: what Twilio refuses was not placed, and whoever asked is told
// why, and what to do.
func TestTwilioDialRefused(t *testing.T) {
	t.Parallel()
	s := newTwilioDialSite(t, twiliotest.Config{Phones: simTaken(), Forbidden: []string{"+53"}}, "")
	for i := range 2 {
		status, a := s.wants("Carol", "order-0001", "")
		require.Equal(t, http.StatusBadGateway, status)
		require.Equal(t, bridge.DialRefused, a.State)
		require.Contains(t, a.Error, "(21215): allow calls to the country of the agent's phone in Twilio's console")
		require.Equal(t, i == 1, a.Repeated)
	}
	_, errs := s.cli(exitRun, "dial", "--agent", "Carol", simCustomer)
	require.Contains(t, errs, "Geo permissions")
	require.Empty(t, s.twilio.Calls())
	s.child.stop(t)
	require.Empty(t, s.zendesk.Tickets())
}

// TestTwilioDialCustomerRefused: a country that may not be called is found out when the
// agent has picked up: nobody is called, and the log says so.
func TestTwilioDialCustomerRefused(t *testing.T) {
	t.Parallel()
	s := newTwilioDialSite(t, twiliotest.Config{Phones: simTaken(), Forbidden: []string{"+53"}}, "")
	o := ordinaryOrder("order-0001")
	o.body = `{"agent": "Alice", "number": "+5351234567"}`
	status, a, _ := s.post(o)
	require.Equal(t, http.StatusAccepted, status, a.Error)
	s.child.says(t, "number of a placed call not called")
	require.NoError(t, s.twilio.Wait(t.Context()))
	s.eventually(s.child, "the call is over", func() bool { return s.settled(string(a.Call)) })
	s.child.stop(t)
	require.Empty(t, s.zendesk.Tickets())
}

// TestTwilioDialUnknown: Twilio's answer gets lost. What is there is found, and nothing
// is asked for again.
func TestTwilioDialUnknown(t *testing.T) {
	t.Parallel()
	s := newTwilioDialSite(t, twiliotest.Config{Phones: simTaken()}, "")
	lost := s.twilio.Inject(twiliotest.Fault{Method: http.MethodPost, Path: simOrders, Count: 1, Effect: twiliotest.DropBefore()})
	for i := range 2 {
		status, a := s.wants("Alice", "order-0001", "")
		require.Equal(t, http.StatusGatewayTimeout, status)
		require.Equal(t, bridge.DialPending, a.State)
		require.Contains(t, a.Error, "is not placed again")
		require.Equal(t, i == 1, a.Repeated)
	}
	require.Equal(t, 1, lost.Hits())
	require.Empty(t, s.twilio.Calls())
	s.twilio.Inject(twiliotest.Fault{Method: http.MethodPost, Path: simOrders, Count: 1, Effect: twiliotest.DropAfter()})
	status, a := s.wants("Alice", "order-0002", "")
	require.Equal(t, http.StatusAccepted, status, a.Error)
	require.NoError(t, s.twilio.Wait(t.Context()))
	s.wholeTicket(s.child, string(a.Call))
	require.Len(t, s.twilio.Calls(), 2)
	s.child.stop(t)
}

// TestTwilioDialKilled: the daemon is killed when Twilio has the order and has not
// answered. It is never placed again; and the call is the one that was ordered, on the
// ticket that it was placed for, whether its end is heard or nothing of it is.
func TestTwilioDialKilled(t *testing.T) {
	t.Parallel()
	for _, hears := range []bool{true, false} {
		t.Run(map[bool]string{true: "hears the rest", false: "hears nothing"}[hears], func(t *testing.T) {
			t.Parallel()
			s := newTwilioDialSite(t, twiliotest.Config{Phones: simTaken()}, "")
			id := s.byHand("")
			before, found := s.zendesk.Ticket(id)
			require.True(t, found)
			if !hears {
				s.twilio.Meddle(twiliotest.Mischief{Drop: true})
			}
			s.twilio.Inject(twiliotest.Fault{Method: http.MethodPost, Path: simOrders, Effect: twiliotest.Late(time.Hour)})
			asked, target := make(chan error, 1), "http://"+s.child.address(t, "listen")+dialPath
			go func() {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target,
					strings.NewReader(fmt.Sprintf(`{"agent": "Alice", "number": "%s", "ticket": %d}`, simCustomer, id)))
				if err == nil {
					r.Header = http.Header{"Authorization": {"Bearer " + dialSecret}, "Idempotency-Key": {"order-0001"}, "Content-Type": {"application/json"}}
					_, err = plain.RoundTrip(r) //nolint:bodyclose // there is no answer
				}
				asked <- err
			}()
			s.eventually(s.child, "Twilio has the order", func() bool { return len(s.twilio.Calls()) > 0 })
			s.child.Kill()
			require.Error(t, <-asked)
			if !hears {
				require.NoError(t, s.twilio.Wait(t.Context()))
			}
			s.begin()
			status, a := s.wants("Alice", "order-0001", fmt.Sprintf(`, "ticket": %d`, id))
			require.Equal(t, http.StatusAccepted, status, a.Error)
			require.Equal(t, bridge.DialTaken, a.State)
			require.True(t, a.Repeated)
			require.NoError(t, s.twilio.Wait(t.Context()))
			s.eventually(s.child, "the call is told of", func() bool {
				ticket, _ := s.zendesk.Ticket(id)
				return len(ticket.Comments) == len(before.Comments)+1
			})
			s.eventually(s.child, "nothing is owed", func() bool { return s.settled(string(a.Call)) })
			require.Len(t, s.zendesk.Tickets(), 1)
			require.Len(t, s.twilio.Calls(), 2, "one call of two legs")
			posted := 0
			for _, r := range s.twilio.Requests() {
				posted += btoi(r.Method == http.MethodPost)
			}
			require.Equal(t, 1, posted)
			s.child.stop(t)
		})
	}
}
