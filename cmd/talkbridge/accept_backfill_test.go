package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// missedCalls are calls of all kinds, and what their tickets should be like where
// nobody heard of them while they went on.
var missedCalls = []struct {
	name, capture string
	agents        []string
	via           int // 0: no ticket
	assignee, tag string
	plays         bool // a recording, or the message
}{
	{name: "answered", capture: "a_inbound_answered", agents: []string{"1001"}, via: 45, assignee: "Alice", tag: "call_inbound", plays: true},
	{name: "outbound", capture: "g1_outbound_answered", agents: []string{"1002"}, via: 46, assignee: "Bob", tag: "call_outbound", plays: true},
	{name: "abandoned", capture: "c_abandoned_ringing", agents: []string{"1001"}, via: 45, tag: "call_abandoned"},
	{name: "busy", capture: "d1_busy", agents: []string{"1003"}, via: 45, tag: "call_busy"},
	{name: "voicemail", capture: "b_voicemail", agents: []string{"1001"}, via: 44, tag: "call_voicemail", plays: true},
	{name: "queue", capture: "e_queue_second_agent", agents: []string{"1001", "1002"}, via: 45, assignee: "Bob", tag: "call_inbound", plays: true},
	{name: "transferred", capture: "h1_blind_refer", agents: []string{"1001", "1002"}, via: 45, assignee: "Bob", tag: "call_inbound", plays: true},
	{name: "consulted", capture: "i1_attended_feature", agents: []string{"1001", "1002"}, via: 45, assignee: "Bob", tag: "call_inbound", plays: true},
	{name: "internal", capture: "m_internal"},
	{name: "unanswered", capture: "g2_outbound_unanswered"},
}

// TestBackfill: calls that happen while the daemon is down get one ticket each
// when it is back: late, without a page, however often it starts.
func TestBackfill(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		old  bool
	}{{"with Linkedids", false}, {"with Uniqueids alone", true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{records: true, recordings: true})
			s.player.OldRecords = tt.old
			c := s.startReady()
			heard := s.ticketOf(c, s.play(answered()), 2)
			pops := len(s.zendesk.Pops())
			c.stop(t)

			ids := make([]string, len(missedCalls))
			var playing sync.WaitGroup
			for i, call := range missedCalls {
				playing.Go(func() {
					ids[i] = s.play(asterisktest.Scenario{Capture: call.capture, Kind: call.name, Agents: call.agents})
				})
			}
			playing.Wait()
			require.Len(t, s.zendesk.Tickets(), 1)

			c = s.startReady()
			c.says(t, "call records looked at")
			for i, call := range missedCalls {
				if call.via != 0 {
					s.requireLate(c, ids[i], i)
				}
			}
			s.eventually(c, "nothing is owed", func() bool { return c.metric(t, `talkbridge_calls{state="open"}`) == 0 })
			code, story, errs := runCLI(t.Context(), "explain", "--config", s.config, ids[0])
			require.Equal(t, exitOK, code, errs)
			require.Regexp(t, `the call is over \(from the call records, read \d+m?s later\)`, story)
			require.InDelta(t, 10, c.metric(t, "talkbridge_asterisk_late_calls_total"), 0)
			s.restartTwice(c)
			require.Len(t, s.zendesk.Tickets(), 9, "one for each call that wants one")
			require.Len(t, s.zendesk.Pops(), pops, "no page for what is over")
			require.Empty(t, s.zendesk.Duplicates())
			again := s.ticketOf(s.children[len(s.children)-1], heard.ExternalID, 2)
			require.False(t, again.HasTag("call_late"), "this one was heard of")
		})
	}
}

// requireLate demands the ticket of a call that was not heard of.
func (s *site) requireLate(c *child, id string, i int) {
	s.t.Helper()
	want := missedCalls[i]
	var ticket zendesktest.Ticket
	said := func() string {
		var b strings.Builder
		for _, comment := range ticket.Comments {
			b.WriteString(comment.Body + "\n")
		}
		return b.String()
	}
	s.eventually(c, want.name+" is told late", func() bool {
		if tickets := s.zendesk.TicketsByExternalID(id); len(tickets) > 0 {
			ticket = tickets[0]
		}
		return strings.Contains(said(), "Told late: ")
	})
	require.Len(s.t, s.zendesk.TicketsByExternalID(id), 1, want.name)
	require.Equal(s.t, want.via, ticket.ViaID, want.name)
	require.True(s.t, ticket.HasTag(want.tag), "%s: %v", want.name, ticket.Tags)
	require.True(s.t, ticket.HasTag("call_late"), "%s: %v", want.name, ticket.Tags)
	require.NotContains(s.t, said(), "estimated", want.name)
	if want.assignee != "" {
		require.Equal(s.t, s.agentID(want.assignee), ticket.AssigneeID, want.name)
	}
	require.Equal(s.t, want.plays, len(ticket.VoiceComments()) > 0, want.name)
}

// restartTwice starts the daemon twice more, and waits until it has looked at the
// records each time.
func (s *site) restartTwice(c *child) {
	s.t.Helper()
	for range 2 {
		before := len(s.writes())
		c.Kill()
		c = s.startReady()
		c.says(s.t, "call records looked at")
		require.Len(s.t, s.writes(), before)
	}
}

// TestBackfillOfHalfACall: of a call that was heard to begin, the records tell how
// it went on.
func TestBackfillOfHalfACall(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{records: true})
	c := s.startReady()
	talk, ring := make(chan struct{}), make(chan struct{})
	talking, ringing := answered(), answered()
	talking.Hold = asterisktest.Hold{Phase: asterisktest.Talking, Until: talk}
	ringing.Agents, ringing.Hold = []string{"1003"}, asterisktest.Hold{Phase: asterisktest.Ringing, Until: ring}
	ids := make(chan string, 2)
	go func() { ids <- s.play(talking) }()
	s.eventually(c, "Alice talks", func() bool { return len(s.zendesk.Tickets()) == 1 })
	began := time.Now()
	rang := make(chan string, 1)
	go func() { rang <- s.play(ringing) }()
	s.eventually(c, "Carol's phone rings", func() bool { return c.metric(t, `talkbridge_calls{state="live"}`) == 2 })
	c.Kill()
	close(ring) // Carol answers, and talks, while nobody listens
	close(talk)
	talked, answeredAway := <-ids, <-rang
	lasted := time.Since(began)

	c = s.startReady()
	c.says(t, "call records looked at")
	ticket := s.ticketOf(c, talked, 2)
	b, _ := os.ReadFile(s.player.Records)
	t.Logf("%s\n%s", b, c.log)
	require.NotContains(t, ticket.Comments[1].Body, "estimated")
	require.False(t, ticket.HasTag("call_late"))
	require.LessOrEqual(t, durationOf(t, ticket), lasted+3*time.Second)
	other := s.ticketOf(c, answeredAway, 1)
	require.Equal(t, s.agentID("Carol"), other.AssigneeID, "she answered")
	require.Contains(t, other.Comments[0].Body, "answered")
	require.NotContains(t, other.Comments[0].Body, "estimated")
	require.Len(t, s.zendesk.Pops(), 1)
	s.restartTwice(c)
	require.Len(t, s.zendesk.Tickets(), 2)
}

// durationOf is what the last comment of a ticket says.
func durationOf(t *testing.T, ticket zendesktest.Ticket) time.Duration {
	t.Helper()
	line := durationLine.FindStringSubmatch(ticket.Comments[len(ticket.Comments)-1].Body)
	require.NotNil(t, line)
	d, err := time.ParseDuration(line[1])
	require.NoError(t, err)
	return d
}

// TestFirstStartBesideOldCalls: what was before the first start is none of ours.
func TestFirstStartBesideOldCalls(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{records: true})
	var csv strings.Builder
	for i := range 10_000 {
		// The youngest ended a minute ago.
		at := time.Now().Add(-time.Duration(10_000-i)*8*time.Second - time.Minute).UTC()
		day := at.Format(time.DateTime)
		fmt.Fprintf(&csv, `"","+4930123%05d","+15550100001","from-trunk","","PJSIP/trunk-%08x","PJSIP/1001-%08x","Dial","PJSIP/1001,20,tT",`+
			`"%s","%s","%s",4,3,"ANSWERED","DOCUMENTATION","%d.%d","","","%d.%d",%d`+"\n",
			i, 2*i, 2*i+1, day, day, at.Add(4*time.Second).Format(time.DateTime), at.Unix(), 2*i, at.Unix(), 2*i, i)
	}
	require.NoError(t, os.WriteFile(s.player.Records, []byte(csv.String()), 0o600))
	inbox := s.folder("voicemail/default/1001/INBOX")
	for i := range 50 {
		name := filepath.Join(inbox, fmt.Sprintf("msg%04d", i))
		text := fmt.Sprintf("[message]\norigmailbox=1001\ncallerchan=PJSIP/trunk-%08x\norigtime=%d\nduration=9\n", 2*i, time.Now().Unix()-3600)
		require.NoError(t, os.WriteFile(name+".txt", []byte(text), 0o600))
		require.NoError(t, os.WriteFile(name+".wav", []byte("RIFF"), 0o600))
	}
	c := s.startReady()
	c.says(t, "call records looked at")
	require.Empty(t, s.zendesk.Tickets())
	c.Kill()
	c = s.startReady()
	c.says(t, "call records looked at")
	require.Empty(t, s.zendesk.Tickets(), "nor at the second one")
	s.ticketOf(c, s.play(answered()), 2)
	c.stop(t)
}
