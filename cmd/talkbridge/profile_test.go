package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProfile(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	_, errs := s.cli(exitRun, "profile", "heap", "--output", "-")
	require.Contains(t, errs, "is 'talkbridge serve' running")

	c := s.start()
	out, _ := s.cli(exitOK, "profile", "goroutine", "--output", "-")
	require.Contains(t, out, "bridge.(*Bridge).conduct")
	for _, kind := range []string{"cpu", "heap", "allocs"} {
		file := filepath.Join(s.dir, kind)
		s.cli(exitOK, "profile", kind, "--seconds", "1", "--output", file)
		profile, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(profile, []byte{0x1f, 0x8b}), "%s is a compressed profile", kind)
	}
	_, errs = s.cli(exitUsage, "profile", "hep")
	require.Contains(t, errs, `unknown profile "hep": want cpu, heap, allocs, goroutine`)
	_, errs = s.cli(exitUsage, "profile", "--seconds", "90")
	require.Contains(t, errs, "--seconds 90: want 1 to 20")

	// Others than its own user do not get to see it.
	for _, key := range []string{"listen", "public_listen"} {
		status, _ := get(t, "http://"+c.address(t, key)+"/debug/pprof/heap")
		require.Equal(t, 404, status, key)
	}
	c.stop(t)
}
