package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/voicemail"
)

// The bounds of every listener.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second // of a whole request: none has a large body
	maxBody           = 64 << 10
	maxDelivery       = 1<<20 + 1 // of what phone systems tell; who takes it says what is too large
	requestTimeout    = 30 * time.Second
	audioTimeout      = 10 * time.Minute // a slow line plays a long message
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	shutdownTimeout   = 2 * time.Second
	pingTimeout       = 2 * time.Second
	// leastFree is the room on the disk below which the journal takes no more.
	leastFree = 32 << 20
)

// servers are the listeners of the daemon, by the key that configures them.
// They share nothing.
func (d *daemon) servers() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"http.listen": func(ctx context.Context) error {
			return d.serveHTTP(ctx, "http.listen", d.listener, d.internalHandler(), requestTimeout)
		},
		"http.public_listen": func(ctx context.Context) error {
			return d.serveHTTP(ctx, "http.public_listen", d.public, d.publicHandler(), audioTimeout)
		},
		"control socket": func(ctx context.Context) error {
			return d.serveHTTP(ctx, "control socket", d.control, d.controlHandler(), requestTimeout)
		},
	}
}

// serveHTTP serves until ctx is over, then gives requests a moment to end.
func (d *daemon) serveHTTP(ctx context.Context, name string, l net.Listener, h http.Handler, writeTimeout time.Duration) error {
	guard := d.guards[name]
	server := &http.Server{
		Handler: guard.answers(h), ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(d.secure(name, guard.listen(l))) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		_ = server.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// internalHandler is for operators: the live feed, health and metrics.
func (d *daemon) internalHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", d.gate.Screen(http.HandlerFunc(d.healthz)))
	mux.Handle("GET /readyz", d.gate.Screen(http.HandlerFunc(d.readyz)))
	mux.Handle("GET /metrics", d.gate.Screen(promhttp.HandlerFor(d.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: requestTimeout})))
	d.feed.Register(mux, d.gate)
	d.dialDesk.register(mux)
	return mux
}

// publicHandler carries recordings and what phone systems tell, nothing else.
func (d *daemon) publicHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/recordings/", voicemail.NewHandler(d.audio.store, d.audio.ring, d.log))
	for _, r := range d.receivers {
		r.Register(mux)
	}
	return mux
}

// health is what /healthz and /readyz answer.
type health struct {
	Status  string         `json:"status"`
	Version string         `json:"version"`
	Node    *nodeHealth    `json:"node,omitempty"`
	Journal *journalHealth `json:"journal,omitempty"`
	Sources []sourceHealth `json:"sources,omitempty"`
	Errors  []string       `json:"errors,omitempty"`
}

// nodeHealth is of a node on a cluster: which one makes tickets and shows pages.
type nodeHealth struct {
	Name   string `json:"name"`
	Acting bool   `json:"acting"`
	Holder string `json:"acting_node"`
}

type journalHealth struct {
	Messages uint64 `json:"messages"`
	Bytes    int64  `json:"bytes"`
	MaxBytes int64  `json:"max_bytes"`
}

type sourceHealth struct {
	Name  string    `json:"name"`
	Ready bool      `json:"ready"`
	Since time.Time `json:"since"`
	Error string    `json:"error,omitempty"`
}

// healthz says whether the process works at all: if not, restart it.
func (d *daemon) healthz(w http.ResponseWriter, r *http.Request) {
	h := health{Status: "ok", Version: version(), Node: d.nodeHealth()}
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	if _, err := d.journal.State(ctx); err != nil {
		h.Errors = append(h.Errors, "journal: "+err.Error())
	}
	if err := d.bridge.Ping(ctx); err != nil {
		h.Errors = append(h.Errors, "bridge: does not answer: "+err.Error())
	}
	if len(h.Errors) > 0 {
		h.Status = "failing"
	}
	writeHealth(w, h)
}

// readyz says whether it does its work: the journal is read, every phone
// system is connected, every agent is confirmed.
func (d *daemon) readyz(w http.ResponseWriter, r *http.Request) {
	writeHealth(w, d.health(r.Context()))
}

func (d *daemon) health(ctx context.Context) health {
	h := health{Status: "ok", Version: version(), Node: d.nodeHealth()}
	select {
	case <-d.bridge.Ready():
	default:
		h.Errors = append(h.Errors, "journal: still being read")
	}
	if state, err := d.journal.State(ctx); err != nil {
		h.Errors = append(h.Errors, "journal: "+err.Error())
	} else {
		h.Journal = &journalHealth{state.Messages, state.Bytes, state.MaxBytes}
		h.Errors = append(h.Errors, noRoom(state)...)
	}
	for _, s := range d.sources {
		status := s.Status()
		sh := sourceHealth{Name: s.Name(), Ready: status.Ready, Since: status.Since.UTC()}
		if !status.Ready {
			sh.Error = "not connected yet"
			if status.Err != nil {
				sh.Error = status.Err.Error()
			}
			h.Errors = append(h.Errors, "source "+sh.Name+": "+sh.Error)
		}
		h.Sources = append(h.Sources, sh)
	}
	h.Errors = append(h.Errors, d.unconfirmed()...)
	if len(h.Errors) > 0 {
		h.Status = "failing"
	}
	return h
}

// nodeHealth is nil without a cluster.
func (d *daemon) nodeHealth() *nodeHealth {
	if d.cfg.Journal.URL == "" {
		return nil
	}
	return &nodeHealth{d.node, d.lease.Holds(), d.lease.Holder()}
}

// noRoom says that the journal takes no more, or hardly.
func noRoom(s journal.State) []string {
	switch {
	case s.MaxBytes > 0 && s.Bytes > s.MaxBytes-journal.MaxData:
		return []string{fmt.Sprintf("journal: full (%d of %d MiB), calls wait; raise journal.max_size and restart, or settle what waits for a person (talkbridge calls)",
			s.Bytes>>20, s.MaxBytes>>20)}
	case s.Free < leastFree:
		return []string{fmt.Sprintf("journal: the disk has %d MiB free, calls wait; make room there", s.Free>>20)}
	}
	return nil
}

func writeHealth(w http.ResponseWriter, h health) {
	status := http.StatusOK
	if len(h.Errors) > 0 {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, h)
}

// writeJSON answers with JSON. A client that went away is no error of ours.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v)
}
