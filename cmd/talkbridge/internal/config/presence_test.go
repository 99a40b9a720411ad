package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAgentStatusSection(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, section, says string }{
		{name: "a name", section: "agent_status: {on_call: On a call}"},
		{name: "an id", section: "agent_status: {on_call: \"101\", pause_on: [away]}"},
		{name: "nothing", section: "agent_status: {poll: 30s}", says: "agent_status: says of no status when it is to be set"},
		{name: "offline", section: "agent_status: {paused: offline}", says: "would make agents offline"},
		{name: "too often", section: "agent_status: {pause_on: [away], poll: 1s}", says: "agent_status.poll"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := parse("t.yaml", speechFile(tt.section, ""), 0, exampleEnv)
			if tt.says != "" {
				require.ErrorContains(t, err, tt.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, 30*time.Second, cfg.AgentStatus.Poll)
		})
	}
}
