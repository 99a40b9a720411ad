package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// With call records each call has its ticket and one record, which the ticket
// shows; also a call during which the daemon was killed, and one that was begun
// before they were switched on.
func TestCallRecords(t *testing.T) {
	t.Parallel()
	records := fmt.Sprintf("  call_records: {app_id: %d}\n", zendesktest.DefaultAppID)
	s := newSite(t, siteOptions{recordings: true})
	c := s.startReady()
	before := s.pbx.Inbound(asterisktest.Party{Number: "+493010001234"}, "+15550100001")
	before.Ring("1001")
	before.Answer("1001")
	s.eventually(c, "ticket", func() bool { return len(s.zendesk.Tickets()) == 1 })
	c.stop(t)

	s.write(siteOptions{recordings: true, edit: []string{"zendesk:\n", "zendesk:\n" + records}})
	c = s.startReady()
	before.Hangup()
	require.NoError(t, before.Err())
	s.ticketOf(c, "hq/pbx1/"+before.Linkedid(), 2)
	require.Empty(t, s.zendesk.Calls(), "it was begun without")

	played := s.play(answered())
	s.requireRecord(c, played, map[string]any{
		"agent_id": s.agentID("Alice"), "completion_status": "completed", "direction": "inbound", "to_line_nickname": "Support",
	})
	require.Len(t, s.ticketOf(c, played, 2).Comments, 2)
	story, _ := s.cli(exitOK, "explain", played, "--requests")
	require.Contains(t, story, "POST a call record, shown on ticket #2, because the call is over")
	require.Contains(t, story, fmt.Sprintf("ticket #2 shows call record %d, answered after ", s.zendesk.Calls()[0].ID))
	require.Contains(t, story, `"call_started_at"`)

	during := s.pbx.Inbound(asterisktest.Party{Number: "+493010005678"}, "+15550100001")
	during.Ring("1001")
	during.Answer("1001")
	s.eventually(c, "page", func() bool { return len(s.zendesk.Pops()) == 3 })
	c.Kill()
	c = s.startReady()
	during.Hangup()
	require.NoError(t, during.Err())
	s.requireRecord(c, "hq/pbx1/"+during.Linkedid(), map[string]any{"completion_status": "completed"})
	missed := s.play(asterisktest.Scenario{Capture: "c_abandoned_ringing", Kind: "missed"})
	s.requireRecord(c, missed, map[string]any{"completion_status": "missed"})
	require.Len(t, s.zendesk.Calls(), 3)
	c.stop(t)
}

// Call records are switched on by a reload; the rest of the section waits.
func TestCallRecordsNeedNoRestart(t *testing.T) {
	t.Parallel()
	before, after := config.Default(), config.Default()
	after.Zendesk.CallRecords = &config.CallRecords{AppID: 1}
	require.Empty(t, changedSections(&before, &after))
	require.Equal(t, int64(1), newPolicy(&after, nil).CallRecords)
	after.Zendesk.URL = "https://other.example.com"
	require.Equal(t, []string{"zendesk"}, changedSections(&before, &after))
}

// requireRecord waits until a call is settled, and wants one call record of it
// with these fields, shown once on its ticket, beside no voice comment.
func (s *site) requireRecord(c *child, id string, fields map[string]any) {
	s.t.Helper()
	s.eventually(c, "settled", func() bool { return s.settled(id) })
	tickets := s.zendesk.TicketsByExternalID(id)
	require.Len(s.t, tickets, 1)
	require.Empty(s.t, tickets[0].VoiceComments())
	var shown []*zendesktest.CallView
	for _, comment := range tickets[0].Comments {
		if comment.Call != nil {
			shown = append(shown, comment.Call)
		}
	}
	require.Len(s.t, shown, 1)
	for _, record := range s.zendesk.Calls() {
		if record.ExternalID != id {
			continue
		}
		require.Equal(s.t, record.ID, shown[0].CallID)
		require.Equal(s.t, tickets[0].ID, record.TicketID)
		for name, want := range fields {
			require.Equal(s.t, want, record.Fields[name], name)
		}
		return
	}
	require.Fail(s.t, "no call record")
}
