package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gate is the way to the simulated Zendesk: it can be shut, so that connections
// are refused, and it remembers which tokens went through.
type gate struct {
	t       testing.TB
	handler http.Handler
	address string

	mu     sync.Mutex
	server *http.Server
	served chan error
	tokens []string
}

func newGate(t testing.TB, h http.Handler) *gate {
	t.Helper()
	g := &gate{t: t, handler: h, address: "127.0.0.1:0"}
	g.open()
	t.Cleanup(g.shut)
	return g
}

func (g *gate) url() string { return "http://" + g.address }

// open listens; after shut at the same address as before.
func (g *gate) open() {
	g.t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(context.WithoutCancel(g.t.Context()), "tcp", g.address)
	require.NoError(g.t, err)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.address = l.Addr().String()
	server := &http.Server{Handler: g, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	g.server, g.served = server, served
	go func() { served <- server.Serve(l) }()
}

// shut cuts all connections and refuses new ones.
func (g *gate) shut() {
	g.mu.Lock()
	server, served := g.server, g.served
	g.server = nil
	g.mu.Unlock()
	if server == nil {
		return
	}
	_ = server.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		g.t.Errorf("serve Zendesk: %v", err)
	}
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found {
		g.mu.Lock()
		if !slices.Contains(g.tokens, token) {
			g.tokens = append(g.tokens, token)
		}
		g.mu.Unlock()
	}
	g.handler.ServeHTTP(w, r)
}

// secrets are the tokens seen so far.
func (g *gate) secrets() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.tokens)
}
