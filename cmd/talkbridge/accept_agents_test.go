package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// A daemon that is restarted while Zendesk does not say who its agents are knows
// them all the same: the calls of that time have their agents.
func TestAgentsAreRememberedOverARestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{recordings: true})
	c := s.startReady()
	c.Kill()
	s.zendesk.Inject(zendesktest.Fault{Path: "/api/v2/users/me", Effect: zendesktest.Unavailable(0)})
	c = s.start()
	c.says(t, "zendesk does not work, asked again")
	ticket := s.ticketOf(c, s.play(answered()), 2)
	require.Equal(t, s.agentID("Alice"), ticket.AssigneeID)
	require.Equal(t, s.agentID("Alice"), ticket.VoiceComments()[0].AnsweredByID)
	require.Len(t, s.zendesk.Pops(), 1)
	s.zendesk.ClearFaults()
	c.says(t, "agents confirmed")
	c.stop(t)
}

// What was written down for another account, or cannot be read, is not believed.
func TestAgentsFileThatIsOfNoUse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, says string }{
		{name: "another account", text: `{"account":"https://another.example.com","agents":{"alice@example.com":1}}`, says: "agents confirmed"},
		{name: "damaged", text: `{"acc`, says: "agents confirmed before not remembered, they are asked for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{})
			file := filepath.Join(s.folder("data"), agentsFile)
			require.NoError(t, os.WriteFile(file, []byte(tt.text), 0o600))
			c := s.startReady()
			c.says(t, tt.says)
			ticket := s.ticketOf(c, s.play(answered()), 2)
			require.Equal(t, s.agentID("Alice"), ticket.AssigneeID)
			c.stop(t)
			kept, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Contains(t, string(kept), s.gate.URL())
		})
	}
}
