package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/journal"
)

const (
	// maxListed bounds how many calls one answer lists.
	maxListed = 1000
	// maxAnswer bounds what is read of one answer of the daemon.
	maxAnswer = 64 << 20
)

// controlHandler serves the other commands of this program on the Unix socket,
// which only the daemon's own user can open.
func (d *daemon) controlHandler() http.Handler {
	mux := http.NewServeMux()
	d.feed.Register(mux, nil)
	d.operatorRoutes(mux)
	profileRoutes(mux)
	mux.HandleFunc("GET /healthz", d.healthz)
	mux.HandleFunc("GET /readyz", d.readyz)
	return mux
}

// askControl gets a path of the running daemon's control socket.
func askControl(ctx context.Context, cfg *config.Config, path string) (status int, body []byte, err error) {
	return exchangeControl(ctx, cfg, http.MethodGet, path, http.NoBody)
}

// exchangeControl makes a request on the running daemon's control socket.
func exchangeControl(ctx context.Context, cfg *config.Config, method, path string, question io.Reader) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, requestTimeout, errors.New("it does not answer"))
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return journal.DialControl(ctx, socketDir(cfg))
		},
		DisableKeepAlives: true,
	}}
	request, err := http.NewRequestWithContext(ctx, method, "http://talkbridge"+path, question)
	if err != nil {
		return 0, nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("ask the running daemon: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("ask the running daemon: %w", err)
	}
	return response.StatusCode, body, nil
}
