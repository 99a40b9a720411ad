package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/torture"
)

// gate is the way to the simulated Zendesk, which can be shut.
type gate struct {
	*torture.Gate

	t       testing.TB
	address string
}

func newGate(t testing.TB, h http.Handler) *gate {
	t.Helper()
	g, err := torture.NewGate(h)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Shut()) })
	return &gate{g, t, strings.TrimPrefix(g.URL(), "http://")}
}

func (g *gate) open() {
	g.t.Helper()
	require.NoError(g.t, g.Open())
}

func (g *gate) shut() {
	g.t.Helper()
	require.NoError(g.t, g.Shut())
}
