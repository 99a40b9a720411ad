package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/ari/aritest"
)

// overARI has a site read a phone system through its REST interface instead.
func overARI(t *testing.T, s *site, config aritest.Config) *aritest.Server {
	t.Helper()
	server := aritest.New(config)
	t.Cleanup(server.Close)
	text, err := os.ReadFile(s.config)
	require.NoError(t, err)
	section := fmt.Sprintf("ari: {url: %q, username: talkbridge, password: secret, trunks: [PJSIP/trunk], voicemail: %s}", server.URL(), s.player.Voicemail)
	text = regexp.MustCompile(`asterisk: \{.*\}`).ReplaceAllLiteral(text, []byte(section))
	require.NoError(t, os.WriteFile(s.config, text, 0o600))
	return server
}

// TestOverARI: a call in, one out and one that nobody takes, read through the REST
// interface: one ticket each, and the right pages.
func TestOverARI(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	server := overARI(t, s, aritest.Config{})
	c := s.startReady()
	shown := func(n int) { s.eventually(c, "a page opens", func() bool { return len(s.zendesk.Pops()) == n }) }

	in := server.Inbound(aritest.Party{Number: "+493010001234", Name: "Erika Muster"}, "+15550100001")
	in.Ring("1001")
	in.Answer("1001")
	shown(1)
	in.Hangup()
	out := server.Outbound("1002", "03055512345")
	out.Answer("trunk")
	shown(2)
	out.Hangup()
	missed := server.Inbound(aritest.Party{Number: "+493010005678"}, "+15550100003")
	missed.Ring("1003")
	missed.Hangup()
	for _, call := range []*aritest.Call{in, out, missed} {
		require.NoError(t, call.Err())
	}

	for _, want := range []struct {
		call     *aritest.Call
		via      int
		comments int
		agent    string
	}{{in, 45, 2, "Alice"}, {out, 46, 2, "Bob"}, {missed, 45, 1, ""}} {
		ticket := s.ticketOf(c, "hq/pbx1/"+want.call.ID(), want.comments)
		require.Equal(t, want.via, ticket.ViaID)
		if want.agent != "" {
			require.Equal(t, s.agentID(want.agent), ticket.AssigneeID)
		}
	}
	var agents []int64
	for _, pop := range s.zendesk.Pops() {
		agents = append(agents, pop.AgentID)
	}
	require.Equal(t, []int64{s.agentID("Alice"), s.agentID("Bob")}, agents)
	require.InDelta(t, 1, c.metric(t, `talkbridge_source_up{source="pbx1"} `), 0)
	require.InDelta(t, 6, c.metric(t, `talkbridge_ari_derived_total{source="pbx1"} `), 0)
	require.Len(t, s.zendesk.Tickets(), 3)
	c.stop(t)
}

// TestDoctorOverARI: what doctor says of a REST interface.
func TestDoctorOverARI(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		server       aritest.Config
		before       func(s *site, server *aritest.Server)
		area, check  string
		verdict      severity
		text, remedy string
	}{
		{
			name: "wrong password", server: aritest.Config{Username: "talkbridge", Password: "other"},
			area: "pbx1", check: "login", verdict: failure, text: "authentication refused", remedy: "[talkbridge] of ari.conf",
		},
		{
			name: "no ARI", server: aritest.Config{Prefix: "/pbx"},
			before: func(s *site, _ *aritest.Server) {
				text, err := os.ReadFile(s.config)
				require.NoError(s.t, err)
				require.NoError(s.t, os.WriteFile(s.config, bytes.ReplaceAll(text, []byte("/pbx\""), []byte("\"")), 0o600))
			},
			area: "pbx1", check: "connection", verdict: failure, text: "prefix of http.conf",
		},
		{
			name: "phone system away", before: func(_ *site, server *aritest.Server) { server.Close() },
			area: "pbx1", check: "connection", verdict: failure, text: "sources[0].ari.url: no connection",
		},
		{
			name: "too many rights", server: aritest.Config{Writes: true},
			area: "pbx1", check: "rights", verdict: warning, text: "place, move and end calls", remedy: "read_only = yes",
		},
		{
			name: "channels say nothing of their call", before: calling,
			area: "pbx1", check: "calls", verdict: warning, text: "which call it is of, nor whether its number may be shown", remedy: "channelvars = CHANNEL(linkedid),CALLERID(num-pres)",
		},
		{
			name: "channels say it", server: aritest.Config{ChannelVars: []string{"CHANNEL(linkedid)", "CALLERID(num-pres)"}}, before: calling,
			area: "pbx1", check: "calls", verdict: fine, text: "every channel",
		},
		{
			name: "slow clock", server: aritest.Config{Ahead: -time.Minute},
			area: "pbx1", check: "clock", verdict: warning, text: "behind ours", remedy: "NTP",
		},
		{
			name: "what it cannot tell", area: "pbx1", check: "limits", verdict: note, text: "place in a queue", remedy: "asterisk (AMI)",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{})
			server := overARI(t, s, tt.server)
			if tt.before != nil {
				tt.before(s, server)
			}
			found := s.diagnosis() // the site has no https, so there is always one failure
			got := found.finds(t, tt.area, tt.check, tt.verdict)
			require.Contains(t, got.Text, tt.text)
			require.Contains(t, got.Remedy, tt.remedy)
		})
	}
}

func calling(_ *site, server *aritest.Server) {
	server.Inbound(aritest.Party{Number: "+493010001234"}, "+15550100001").Ring("1001")
}
