package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	health := func(args ...string) (code int, stdout, stderr string) {
		return runCLI(t.Context(), append([]string{"health", "--config", s.config}, args...)...)
	}

	code, _, stderr := health()
	require.Equal(t, exitRun, code)
	require.Contains(t, stderr, "no daemon runs on "+s.dir)

	c := s.startReady()
	code, stdout, stderr := health()
	require.Equal(t, exitOK, code, stderr)
	require.Equal(t, "works: site hq, version "+version()+"\n", stdout)
	require.Eventually(t, func() bool {
		code, stdout, stderr = health("--ready")
		return code == exitOK
	}, 30*time.Second, 50*time.Millisecond, "log:\n%s", c.log)
	require.Equal(t, "ready: site hq, version "+version()+"\n", stdout)
	c.stop(t)

	code, _, stderr = health("--ready")
	require.Equal(t, exitRun, code)
	require.Contains(t, stderr, "no daemon runs on "+s.dir)
}

func TestHealthWithoutPBX(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.withoutPBX()
	c := s.launch()
	c.says(t, "phone system not connected")
	code, stdout, stderr := runCLI(t.Context(), "health", "--config", s.config)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "works: ")
	status, body := c.page(t, "/healthz")
	require.Equal(t, http.StatusOK, status, body)

	code, stdout, stderr = runCLI(t.Context(), "health", "--ready", "--config", s.config)
	require.Equal(t, exitRun, code)
	require.Empty(t, stdout)
	require.Regexp(t, `^talkbridge: not ready: source pbx1: .*connection refused`, stderr)
	c.stop(t)
}

func TestHealthUsage(t *testing.T) {
	t.Parallel()
	code, _, stderr := runCLI(t.Context(), "health", "--config", "/nonexistent.yaml")
	require.Equal(t, exitConfig, code)
	require.Contains(t, stderr, "/nonexistent.yaml")
	code, _, _ = runCLI(t.Context(), "health", "now")
	require.Equal(t, exitUsage, code)
}
