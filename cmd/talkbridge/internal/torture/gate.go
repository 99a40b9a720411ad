package torture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Gate is the way to the simulated Zendesk: it can be shut, so that connections
// are refused, and it remembers which tokens went through. It is safe for
// concurrent use.
type Gate struct {
	handler http.Handler
	address string

	mu     sync.Mutex
	server *http.Server
	served chan error
	tokens []string
}

// NewGate opens a gate before a handler, on a free port of loopback.
func NewGate(h http.Handler) (*Gate, error) {
	g := &Gate{handler: h, address: "127.0.0.1:0"}
	return g, g.Open()
}

// URL is where it is, the same however often it is shut.
func (g *Gate) URL() string { return "http://" + g.address }

// Open listens; after Shut at the same address as before. An open gate stays.
func (g *Gate) Open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.server != nil {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", g.address)
	if err != nil {
		return fmt.Errorf("open the way to Zendesk: %w", err)
	}
	g.address = l.Addr().String()
	server := &http.Server{Handler: g, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	g.server, g.served = server, served
	go func() { served <- server.Serve(l) }()
	return nil
}

// Shut cuts all connections and refuses new ones. A gate that is shut stays so.
func (g *Gate) Shut() error {
	g.mu.Lock()
	server, served := g.server, g.served
	g.server = nil
	g.mu.Unlock()
	if server == nil {
		return nil
	}
	_ = server.Close() // connections are cut: nothing else was wanted
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve Zendesk: %w", err)
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found {
		g.mu.Lock()
		if !slices.Contains(g.tokens, token) {
			g.tokens = append(g.tokens, token)
		}
		g.mu.Unlock()
	}
	g.handler.ServeHTTP(w, r)
}

// Secrets are the tokens seen so far.
func (g *Gate) Secrets() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.tokens)
}
