package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// pushToken is the token of the sources that are told of calls.
const pushToken = "c0ffee00c0ffee00c0ffee00c0ffee00"

// withSource adds a source to the configuration of a site, and Ana's name to Alice.
func withSource(yaml string) siteOptions {
	return siteOptions{edit: []string{"lines:\n", yaml + "lines:\n", `numbers: ["1001"]`, `numbers: ["1001", "Ana"]`}}
}

// examples are the blocks of shell of a page that use curl, in their order.
func examples(t *testing.T, page string) []string {
	t.Helper()
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readDeploy(t, page), -1) {
		if strings.Contains(m[1], "curl ") {
			blocks = append(blocks, m[1])
		}
	}
	require.NotEmpty(t, blocks, "%s has no examples", page)
	return blocks
}

// runExamples runs the examples of a page as they are written; what stands in them
// for the address and the token comes from the environment, as for a reader.
func runExamples(t *testing.T, c *child, page string, env ...string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("TALKBRIDGE_NO_SKIP") != "" {
			require.FailNow(t, "no curl found")
		}
		t.Skip("no curl found: the examples of the documents are not run")
	}
	for _, block := range examples(t, page) {
		shell := exec.CommandContext(t.Context(), "sh", "-eu", "-c", block)
		shell.Env = append(append(os.Environ(), "TALKBRIDGE=http://"+c.address(t, "public_listen")), env...)
		out, err := shell.CombinedOutput()
		require.NoError(t, err, "%s\n%s", block, out)
	}
}

// wholeTicket waits until nothing is owed about a call any more, and returns its
// ticket. How many writes it took depends on how fast the messages came.
func (s *site) wholeTicket(c *child, id string) zendesktest.Ticket {
	s.t.Helper()
	s.eventually(c, id+" is settled", func() bool { return s.settled(id) })
	tickets := s.zendesk.TicketsByExternalID(id)
	require.Len(s.t, tickets, 1)
	require.NotEmpty(s.t, tickets[0].Comments)
	return tickets[0]
}

// The curl examples of docs/cti.md make the tickets that a reader expects.
func TestExamplesOfCTI(t *testing.T) {
	t.Parallel()
	s := newSite(t, withSource("  - name: push1\n    cti: {token: "+pushToken+"}\n"))
	c := s.startReady()
	runExamples(t, c, "docs/cti.md", "TOKEN="+pushToken)

	ticket := s.wholeTicket(c, "hq/push1/1001")
	last := ticket.Comments[len(ticket.Comments)-1].Body
	require.Equal(t, 45, ticket.ViaID)
	require.Equal(t, s.agentID("Alice"), ticket.AssigneeID, "Ana is a name of Alice's")
	require.Equal(t, "+493010001234", s.requester(ticket).Phone)
	require.Contains(t, last, "Ended: ")
	require.NotContains(t, last, "estimated")
	require.False(t, ticket.HasTag("call_missed"), ticket.Tags)
	missed := s.wholeTicket(c, "hq/push1/1002")
	require.True(t, missed.HasTag("call_abandoned"), missed.Tags)
	require.Zero(t, missed.AssigneeID)
	require.InDelta(t, 5.0, c.metric(t, `talkbridge_deliveries_total{result="accepted",source="push1"}`), 0)

	// The examples once more, as by a sender that lost the answers.
	runExamples(t, c, "docs/cti.md", "TOKEN="+pushToken)
	require.InDelta(t, 10.0, c.metric(t, `talkbridge_deliveries_total{result="accepted",source="push1"}`), 0)
	s.eventually(c, "both calls are settled", func() bool { return s.settled("hq/push1/1001") && s.settled("hq/push1/1002") })
	require.Len(t, s.zendesk.TicketsByExternalID("hq/push1/1001"), 1)
	require.Len(t, s.zendesk.TicketsByExternalID("hq/push1/1002"), 1)

	code, out, errs := runCLI(t.Context(), "check", "--config", s.config)
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "sources[1] (push1): post newCall, answer and hangup to http://127.0.0.1:9/v1/cti/push1/TOKEN")
	_, metrics := c.page(t, "/metrics")
	require.NotContains(t, out+c.log.String()+metrics, pushToken, "the token is shown nowhere")
	c.stop(t)
}

// Those of docs/events.md do, too: in every form of body, with a token and signed.
func TestExamplesOfEvents(t *testing.T) {
	t.Parallel()
	s := newSite(t, withSource("  - name: pbx2\n    events: {token: "+pushToken+", hmac_secret: 5ec2e7005ec2e700}\n"))
	c := s.startReady()
	for range 2 { // the second time as by a sender that lost the answers
		runExamples(t, c, "docs/events.md", "TOKEN="+pushToken, "SECRET=5ec2e7005ec2e700")
		ticket := s.wholeTicket(c, "hq/pbx2/2001")
		require.Equal(t, s.agentID("Alice"), ticket.AssigneeID)
		require.Equal(t, "+493010001234", s.requester(ticket).Phone)
		missed := s.wholeTicket(c, "hq/pbx2/2002")
		require.True(t, missed.HasTag("call_abandoned"), missed.Tags)
	}
	require.InDelta(t, 12, c.metric(t, `talkbridge_deliveries_total{result="accepted",source="pbx2"}`), 0)
	s.eventually(c, "both calls are settled", func() bool { return s.settled("hq/pbx2/2001") && s.settled("hq/pbx2/2002") })
	code, out, errs := runCLI(t.Context(), "check", "--config", s.config)
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "sources[1] (pbx2): post events to http://127.0.0.1:9/v1/events, or send them over its WebSocket")
	_, metrics := c.page(t, "/metrics")
	require.NotContains(t, out+c.log.String()+metrics, pushToken)
	require.NotContains(t, out+c.log.String()+metrics, "5ec2e700")
	c.stop(t)
}

// A phone system's WebSocket is dialled, and dialled again when it ends.
func TestDialledFeed(t *testing.T) {
	t.Parallel()
	conns := make(chan *websocket.Conn, 4)
	pbx := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil); err == nil {
			conns <- conn
		}
	}))
	defer pbx.Close()
	s := newSite(t, withSource("  - name: wazo\n    events:\n      url: ws"+strings.TrimPrefix(pbx.URL, "http")+
		"\n      mapping: {kind: name, call: call, direction: way, from: from, to: to, agent: who, kinds: [{is: new, means: started}, {is: up, means: answered}, {is: bye, means: ended}]}\n"))
	c := s.startReady()
	say := func(conn *websocket.Conn, text string) {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(text)))
	}
	first := <-conns
	say(first, `{"name":"new","call":7,"way":"in","from":"+493010001234","to":"+15550100001","who":["Ana"]}`)
	say(first, `{"name":"up","call":7,"way":"in","who":"Ana"}`)
	s.ticketOf(c, "hq/wazo/7", 1)
	require.NoError(t, first.Close())
	second := <-conns
	defer func() { _ = second.Close() }()
	say(second, `{"name":"bye","call":7}`)
	ticket := s.ticketOf(c, "hq/wazo/7", 2)
	require.Equal(t, s.agentID("Alice"), ticket.AssigneeID)
	require.NotContains(t, ticket.Comments[1].Body, "estimated")
	c.stop(t)
}
