package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	dialSecret = "dialling-token-of-the-crm"
	anasSecret = "dialling-token-of-alice-s"
	dialled    = "+493055512345"
)

// dialSite is a site that places calls. A call that is placed is answered at both ends,
// and goes on until over is closed.
type dialSite struct {
	*site
	child *child
	over  chan struct{}
	end   func()
}

func newDialSite(t *testing.T, change func(*siteOptions)) *dialSite {
	t.Helper()
	s := &dialSite{over: make(chan struct{})}
	s.end = sync.OnceFunc(func() { close(s.over) })
	user := asterisktest.LeastPrivilegeUser()
	user.Write = "reporting,originate"
	o := siteOptions{
		pbx: asterisktest.Config{Users: []asterisktest.User{user}, Originate: func(call *asterisktest.Script) {
			call.PickUp()
			call.Ring("trunk")
			call.Answer("trunk")
			<-s.over
			call.HangupBy("trunk")
		}},
		extra: "dial: {allow: [\"+49*\", \"+19*\"], deny: [\"+49137*\"], per_agent: 2}\n",
		edit: []string{
			"trunks: [PJSIP/trunk],", "trunks: [PJSIP/trunk], dial: {context: from-internal},",
			`public_url: "http://127.0.0.1:9"}`, `public_url: "http://127.0.0.1:9", tokens: [{name: wall, token: a-token-that-reads-calls, scope: all}, ` +
				`{name: crm, token: ` + dialSecret + `, scope: dial}, {name: desk, token: ` + anasSecret + `, scope: dial, agent: Alice}]}`,
			`carol@example.com, numbers: ["1003"]`, `carol@example.com, numbers: ["+491715551003"]`,
		},
		desk: []zendesktest.Option{zendesktest.WithIndexDelay(0)},
	}
	if change != nil {
		change(&o)
	}
	s.site = newSite(t, o)
	t.Cleanup(s.end)
	s.begin()
	return s
}

// begin starts the daemon, and waits for its phone system.
func (s *dialSite) begin() {
	s.t.Helper()
	s.child = s.startReady()
	s.child.says(s.t, "phone system connected")
}

// order is a request for a call.
type order struct {
	token, key, kind, body string
}

func ordinaryOrder(key string) order {
	return order{token: dialSecret, key: key, kind: "application/json", body: `{"agent": "Alice", "number": "` + dialled + `"}`}
}

// post gives an order, and returns the status and what was answered.
func (s *dialSite) post(o order) (int, dialAnswer, http.Header) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.child.address(s.t, "listen")+dialPath, strings.NewReader(o.body))
	require.NoError(s.t, err)
	for key, value := range map[string]string{"Authorization": "Bearer " + o.token, "Idempotency-Key": o.key, "Content-Type": o.kind} {
		if strings.TrimPrefix(value, "Bearer ") != "" {
			r.Header.Set(key, value)
		}
	}
	answer, err := plain.RoundTrip(r)
	require.NoError(s.t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	var a dialAnswer
	require.NoError(s.t, json.Unmarshal(text, &a), string(text))
	require.NotContains(s.t, string(bytes.TrimSpace([]byte(a.Error))), "\n", "one clear line")
	return answer.StatusCode, a, answer.Header
}

// TestDialledCall: a call that is asked for is an outbound one of the right agent, who
// sees its page; its ticket is of its own.
func TestDialledCall(t *testing.T) {
	t.Parallel()
	s := newDialSite(t, nil)
	status, a, _ := s.post(ordinaryOrder("order-0001"))
	require.Equal(t, http.StatusAccepted, status, a.Error)
	require.Equal(t, bridge.DialTaken, a.State)
	s.eventually(s.child, "the page opens", func() bool { return len(s.zendesk.Pops()) == 1 })
	require.Equal(t, s.agentID("Alice"), s.zendesk.Pops()[0].AgentID)
	s.end()
	ticket := s.ticketOf(s.child, string(a.Call), 2)
	require.Equal(t, 46, ticket.ViaID)
	require.Equal(t, s.agentID("Alice"), ticket.AssigneeID)
	require.Equal(t, dialled, s.requester(ticket).Phone)
	require.Equal(t, "PJSIP/1001", s.pbx.Originated()[0].Channel)

	out, _ := s.cli(exitOK, "explain", string(a.Call))
	require.Contains(t, out, "the phone system is asked to call")
	require.Contains(t, out, "the phone system takes the order")
	require.InDelta(t, 1, s.child.metric(t, `talkbridge_dials_total{result="dialled"} `), 0)
	s.child.stop(t)
	s.requireDiscreet(s.child.log.String())
}

// TestDialledForTicket: by the command and by HTTP; the call is told of on the ticket
// that it was placed for, and none is made.
func TestDialledForTicket(t *testing.T) {
	t.Parallel()
	s := newDialSite(t, nil)
	s.end()
	id := s.byHand("")
	before, found := s.zendesk.Ticket(id)
	require.True(t, found)

	out, _ := s.cli(exitOK, "dial", "--agent", "Bob", "--ticket", fmt.Sprint(id), dialled)
	require.Contains(t, out, "the phone of Bob rings, then "+dialled+" is called")
	s.eventually(s.child, "the call is told of", func() bool {
		ticket, _ := s.zendesk.Ticket(id)
		return len(ticket.Comments) == len(before.Comments)+1
	})
	o := ordinaryOrder("order-0001")
	o.body = fmt.Sprintf(`{"agent": "1001", "number": "%s", "ticket": %d}`, dialled, id)
	status, a, _ := s.post(o)
	require.Equal(t, http.StatusAccepted, status, a.Error)
	require.Equal(t, before.RequesterID, a.User)
	s.eventually(s.child, "the second call is told of", func() bool {
		ticket, _ := s.zendesk.Ticket(id)
		return len(ticket.Comments) == len(before.Comments)+2
	})
	require.Len(t, s.zendesk.Tickets(), 1)
	require.Empty(t, s.endUsersWith(dialled))

	require.NoError(t, s.zendesk.CloseTicket(id))
	o.key = "order-0002"
	status, a, _ = s.post(o)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, a.Error, "closed and takes no call")
	s.child.stop(t)
}

// endUsersWith are those who have a number.
func (s *site) endUsersWith(number string) []zendesktest.User {
	var all []zendesktest.User
	for _, u := range s.endUsers() {
		if u.Phone == number {
			all = append(all, u)
		}
	}
	return all
}

// TestDialOnceOnly: one order is placed once, however often it is given: at the same
// time, later, after a restart.
func TestDialOnceOnly(t *testing.T) {
	t.Parallel()
	s := newDialSite(t, nil)
	s.end()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if status, a, _ := s.post(ordinaryOrder("order-0001")); status != http.StatusAccepted && status != http.StatusGatewayTimeout {
				t.Errorf("%d: %s", status, a.Error)
			}
		})
	}
	wg.Wait()
	require.Len(t, s.pbx.Originated(), 1)
	s.child.stop(t)
	s.begin()
	status, a, _ := s.post(ordinaryOrder("order-0001"))
	require.Equal(t, http.StatusAccepted, status, a.Error)
	require.True(t, a.Repeated)
	require.Len(t, s.pbx.Originated(), 1)

	other := ordinaryOrder("order-0001")
	other.body = `{"agent": "Bob", "number": "` + dialled + `"}`
	status, a, _ = s.post(other)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, a.Error, "another order was given with this Idempotency-Key")
	mine := ordinaryOrder("order-0001")
	mine.token = anasSecret
	status, a, _ = s.post(mine)
	require.Equal(t, http.StatusAccepted, status, "the key of another token is another key: "+a.Error)
	require.Len(t, s.pbx.Originated(), 2)
	s.child.stop(t)
}

// TestDialUnknown: where the answer of the phone system gets lost, the call is not
// placed again, by nobody.
func TestDialUnknown(t *testing.T) {
	t.Parallel()
	s := newDialSite(t, func(o *siteOptions) { o.pbx.Unanswered = true })
	for i := range 2 {
		status, a, _ := s.post(ordinaryOrder("order-0001"))
		require.Equal(t, http.StatusGatewayTimeout, status)
		require.Equal(t, bridge.DialPending, a.State)
		require.Contains(t, a.Error, "is not placed again")
		require.Equal(t, i == 1, a.Repeated)
	}
	require.InDelta(t, 1, s.child.metric(t, `talkbridge_dials_total{result="unknown"} `), 0)
	s.child.stop(t)
}

// TestDialDisconnected: while the phone system is away an order is refused for now, and
// can be given again.
func TestDialDisconnected(t *testing.T) {
	t.Parallel()
	s := newDialSite(t, nil)
	s.end()
	s.pbx.Crash()
	s.child.says(t, "phone system not connected")
	status, a, _ := s.post(ordinaryOrder("order-0001"))
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "the phone system pbx1 is not connected, nothing was placed: give the order again", a.Error)
	require.NoError(t, s.pbx.Restart())
	s.child.saysTimes(t, 2, "phone system connected")
	status, a, _ = s.post(ordinaryOrder("order-0001"))
	require.Equal(t, http.StatusAccepted, status, a.Error)
	require.False(t, a.Repeated)
	s.child.stop(t)
}

// TestDialBadInput: whatever is wrong is answered with one clear line, and nothing
// rings.
func TestDialBadInput(t *testing.T) {
	t.Parallel()
	s := newDialSite(t, nil)
	for i, tt := range []struct {
		name   string
		change func(*order)
		status int
		text   string
	}{
		{"no token", func(o *order) { o.token = "" }, 401, "no token with the scope dial"},
		{"wrong token", func(o *order) { o.token = "wrong-token-of-somebody" }, 401, "no token with the scope dial"},
		{"a token that reads", func(o *order) { o.token = "a-token-that-reads-calls" }, 401, "no token with the scope dial"},
		{"another agent's token", func(o *order) { o.token, o.body = anasSecret, `{"agent": "Bob", "number": "+493055512345"}` }, 403, "for Alice alone"},
		{"no key", func(o *order) { o.key = "" }, 400, "header Idempotency-Key: want 8 to 128"},
		{"short key", func(o *order) { o.key = "1" }, 400, "header Idempotency-Key"},
		{"key with blanks", func(o *order) { o.key = "order 0001 x" }, 400, "header Idempotency-Key"},
		{"no type", func(o *order) { o.kind = "" }, 415, "want application/json"},
		{"form", func(o *order) { o.kind = "application/x-www-form-urlencoded" }, 415, "want application/json"},
		{"no body", func(o *order) { o.body = "" }, 400, "the body is not what is wanted"},
		{"no JSON", func(o *order) { o.body = "agent=Alice" }, 400, "the body is not what is wanted"},
		{"two objects", func(o *order) { o.body += "{}" }, 400, "something stands behind the object"},
		{"unknown field", func(o *order) { o.body = `{"agent": "Alice", "number": "+493055512345", "context": "x"}` }, 400, `unknown field "context"`},
		{"too large", func(o *order) { o.body = `{"agent": "` + strings.Repeat("x", 70<<10) + `"}` }, 413, "larger than 64 KiB"},
		{"no agent", func(o *order) { o.body = `{"number": "+493055512345"}` }, 422, "agent: missing"},
		{"unknown agent", func(o *order) { o.body = `{"agent": "Zoe\r\n", "number": "+493055512345"}` }, 422, "nobody under agents is called"},
		{"agent without a phone that can dial", func(o *order) { o.body = `{"agent": "Carol", "number": "+493055512345"}` }, 422, "has no phone at a phone system that places calls"},
		{"no number", func(o *order) { o.body = `{"agent": "Alice"}` }, 422, "is no telephone number"},
		{"emergency", func(o *order) { o.body = `{"agent": "Alice", "number": "112"}` }, 422, "is no telephone number"},
		{"a header in the number", func(o *order) { o.body = `{"agent": "Alice", "number": "+493055512345\r\nApplication: System"}` }, 422, "is no telephone number"},
		{"an operation in the number", func(o *order) { o.body = `{"agent": "Alice", "number": "+493055512345,1,System(id)"}` }, 422, "is no telephone number"},
		{"not allowed", func(o *order) { o.body = `{"agent": "Alice", "number": "+33123456789"}` }, 403, "is not among those allowed"},
		{"denied", func(o *order) { o.body = `{"agent": "Alice", "number": "+491375551234"}` }, 403, "is denied (+49137*)"},
		{"premium", func(o *order) { o.body = `{"agent": "Alice", "number": "+499001234567"}` }, 403, "costs more than a call does"},
		{"premium elsewhere", func(o *order) { o.body = `{"agent": "Alice", "number": "+19005550123"}` }, 403, "costs more than a call does"},
		{"no such ticket", func(o *order) { o.body = `{"agent": "Bob", "number": "+493055512345", "ticket": 4711}` }, 422, "there is no ticket #4711"},
		{"negative ticket", func(o *order) { o.body = `{"agent": "Alice", "number": "+493055512345", "ticket": -1}` }, 422, "want a number above 0"},
	} {
		o := ordinaryOrder(fmt.Sprintf("order-%04d", i))
		tt.change(&o)
		status, a, header := s.post(o)
		require.Equal(t, tt.status, status, "%s: %s", tt.name, a.Error)
		require.Contains(t, a.Error, tt.text, tt.name)
		if status == http.StatusUnauthorized {
			require.NotEmpty(t, header.Get("Www-Authenticate"), tt.name)
		}
	}
	require.Empty(t, s.pbx.Originated())

	for i := range 2 {
		status, a, _ := s.post(ordinaryOrder(fmt.Sprintf("in-time-%04d", i)))
		require.Equal(t, http.StatusAccepted, status, a.Error)
	}
	status, a, header := s.post(ordinaryOrder("too-many-01"))
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Contains(t, a.Error, "2 calls were placed for Alice within a minute")
	require.NotEmpty(t, header.Get("Retry-After"))
	status, _, _ = s.post(ordinaryOrder("in-time-0001"))
	require.Equal(t, http.StatusAccepted, status, "an order that was given is no further one")
	require.Len(t, s.pbx.Originated(), 2)

	read := request(t, http.MethodGet, "http://"+s.child.address(t, "listen")+"/v1/feed", http.Header{"Authorization": {"Bearer " + dialSecret}})
	require.Equal(t, http.StatusUnauthorized, read.status, "a token that dials reads nothing")
	s.child.stop(t)
	s.requireDiscreet(s.child.log.String())
	require.NotContains(t, s.child.log.String(), dialSecret)
}

// TestDialNotConfigured: without the section dial there is nothing to ask.
func TestDialNotConfigured(t *testing.T) {
	t.Parallel()
	s := &dialSite{site: newSite(t, siteOptions{})}
	s.child = s.startReady()
	status, a, _ := s.post(ordinaryOrder("order-0001"))
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, "no calls are placed: the configuration has no section dial (docs/dialling.md)", a.Error)
	_, errs := s.cli(exitRun, "dial", "--agent", "Alice", dialled)
	require.Contains(t, errs, "no section dial")
	s.child.stop(t)
	_, errs = s.cli(exitRun, "dial", "--agent", "Alice", dialled)
	require.Contains(t, errs, "no daemon runs")
}

// TestExamplesOfDialling: those of docs/dialling.md place the calls that a reader expects,
// once, however often he runs them.
func TestExamplesOfDialling(t *testing.T) {
	t.Parallel()
	s := newDialSite(t, func(o *siteOptions) { o.edit = append(o.edit, `numbers: ["1001"]`, `numbers: ["1001", "Ana"]`) })
	s.end()
	ticket := s.byHand("")
	before, found := s.zendesk.Ticket(ticket)
	require.True(t, found)
	for range 2 { // the second time as by a program that lost the answers
		runExamples(t, s.child, "docs/dialling.md", "TALKBRIDGE=http://"+s.child.address(t, "listen"), "TOKEN="+dialSecret, fmt.Sprintf("TICKET=%d", ticket))
	}
	s.eventually(s.child, "a ticket of its own, and a comment", func() bool {
		now, _ := s.zendesk.Ticket(ticket)
		return len(s.zendesk.Tickets()) == 2 && len(now.Comments) == len(before.Comments)+1
	})
	require.Len(t, s.pbx.Originated(), 2)
	for _, all := range s.zendesk.Tickets() {
		require.True(t, all.ID == ticket || all.ViaID == 46 && all.AssigneeID == s.agentID("Alice"))
	}
	s.child.stop(t)
	require.NotContains(t, s.child.log.String(), dialSecret)
}

// TestDoctorDialling: the right to place calls is wanted where they are, and else one too many.
func TestDoctorDialling(t *testing.T) {
	t.Parallel()
	s := newDialSite(t, nil)
	found := s.diagnosis()
	found.finds(t, "pbx1", "dialling", fine)
	found.finds(t, "pbx1", "rights", fine)

	without := newSite(t, siteOptions{
		extra: "dial: {allow: [\"+49*\"]}\n", edit: []string{"trunks: [PJSIP/trunk],", "trunks: [PJSIP/trunk], dial: {context: x},"},
		pbx: asterisktest.Config{Users: []asterisktest.User{{Name: "talkbridge", Secret: "tbsecret", Read: "call,dialplan", Write: "reporting"}}},
	})
	missing := without.diagnosis().finds(t, "pbx1", "dialling", failure)
	require.Contains(t, missing.Remedy, "write = reporting,originate in [talkbridge] of manager.conf")

	many := newSite(t, siteOptions{pbx: asterisktest.Config{Users: []asterisktest.User{{Name: "talkbridge", Secret: "tbsecret", Read: "call,dialplan", Write: "reporting,originate"}}}})
	require.Contains(t, many.diagnosis().finds(t, "pbx1", "rights", warning).Text, "this user may also do Originate")
}
