package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDemoOnTwilio: the same calls on a simulated Twilio have the same tickets.
func TestDemoOnTwilio(t *testing.T) {
	t.Parallel()
	code, out, errs := runCLI(t.Context(), "demo", "--twilio", "--calls", "20", "--exit", "--listen", "127.0.0.1:0")
	require.Equal(t, exitOK, code, "%s%s", out, errs)
	require.Empty(t, errs)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Equal(t, "calls=20 tickets=18 pops=12 lost=0 duplicate=0", lines[len(lines)-1])
	require.Contains(t, lines[0], "a simulated Twilio")
	for _, row := range lines[len(lines)-21 : len(lines)-1] {
		require.Regexp(t, `^CA[0-9a-f]{32} +[a-z]+ +\S+ +(#\d+ +via 4[456]|- +-) +[01] +ok$`, row)
	}
}
