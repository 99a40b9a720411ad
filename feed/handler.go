package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/sirupsen/logrus"
)

const (
	// maxWishes bounds how many values one filter may have, maxWish their length.
	maxWishes = 64
	maxWish   = 1024
	// handshakeTimeout bounds the answer to a handshake.
	handshakeTimeout = 5 * time.Second
	readBuffer       = 1 << 10
	writeBuffer      = 4 << 10
)

var errFull = errors.New("as many readers as feed.max_clients allows are connected")

// Register adds the routes of the feed to a mux:
//
//	GET    /v1/feed         the WebSocket
//	POST   /v1/feed/ticket  a bearer token for a ticket that works once
//	POST   /v1/session      a bearer token for a cookie
//	DELETE /v1/session      ends what the browser knows of it
//
// With a nil gate there is only the WebSocket, and everybody who can connect may
// read everything, but no page of a browser: that is for a socket which only the
// daemon's own user can open.
func (h *Hub) Register(mux *http.ServeMux, gate *Gate) {
	buffers := &sync.Pool{}
	plain := &websocket.Upgrader{
		HandshakeTimeout: handshakeTimeout, ReadBufferSize: readBuffer, WriteBufferSize: writeBuffer, WriteBufferPool: buffers,
		Subprotocols: []string{Protocol}, CheckOrigin: func(*http.Request) bool { return true }, // the gate has
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			h.refuse(w, nil, badRequest(status, reason))
		},
	}
	packed := *plain
	packed.EnableCompression = true
	mux.HandleFunc("GET /v1/feed", func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, gate, plain, &packed) })
	if gate == nil {
		return
	}
	mux.HandleFunc("POST /v1/feed/ticket", func(w http.ResponseWriter, r *http.Request) { h.serveTicket(w, r, gate) })
	mux.HandleFunc("POST /v1/session", func(w http.ResponseWriter, r *http.Request) { h.serveSession(w, r, gate) })
	mux.HandleFunc("DELETE /v1/session", func(w http.ResponseWriter, r *http.Request) { h.endSession(w, r, gate) })
}

func badRequest(status int, err error) *refusal { return &refusal{status, "request", err.Error()} }

// wishes are what the query of a request asks for.
type wishes struct {
	filter filter
	since  *Cursor
	packed bool
}

// parseWishes reads a query. A key that is not known is an error, lest somebody
// believes that it filters.
func parseWishes(query url.Values, names Names) (wishes, error) {
	var w wishes
	for key, values := range query {
		if len(values) > maxWishes {
			return w, fmt.Errorf("%.80s: has %d values, at most %d are taken", key, len(values), maxWishes)
		}
		for _, value := range values {
			if value == "" || len(value) > maxWish {
				return w, fmt.Errorf("%.80s: is empty or longer than %d bytes: give a value, or leave it out", key, maxWish)
			}
			if err := w.add(key, value, names); err != nil {
				return w, err
			}
		}
	}
	return w, nil
}

func (w *wishes) add(key, value string, names Names) error {
	switch key {
	case "agent":
		w.filter.agents = append(w.filter.agents, value)
	case "line":
		if number, ok := strings.CutPrefix(value, " "); ok {
			value = "+" + number // a plus in a query stands for a blank
		}
		number, _ := names.Line(value)
		w.filter.lines = append(w.filter.lines, value, number)
	case "call":
		w.filter.calls = append(w.filter.calls, value)
	case "since":
		cursor, err := ParseCursor(value)
		if err != nil || w.since != nil {
			return fmt.Errorf("since: %w", errors.Join(err, onlyOnce(w.since != nil)))
		}
		w.since = &cursor
	case "compress":
		packed, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("compress: %.80q is neither 1 nor 0", value)
		}
		w.packed = packed
	case "ticket": // the gate has looked at it
	case "token", "access_token", "authorization":
		return fmt.Errorf("%s: a token does not belong in a URL, where logs keep it: send the header Authorization: Bearer, or get a ticket from POST /v1/feed/ticket", key)
	default:
		return fmt.Errorf("%.80q is not known: use since, agent, line, call, compress or ticket", key)
	}
	return nil
}

func onlyOnce(again bool) error {
	if again {
		return errors.New("is there twice: give one")
	}
	return nil
}

// serve answers a handshake and then tells the reader until he is gone.
func (h *Hub) serve(w http.ResponseWriter, r *http.Request, gate *Gate, plain, packed *websocket.Upgrader) {
	w.Header().Set("Cache-Control", "no-store")
	granted, refused := h.judge(r, gate)
	if refused != nil {
		h.refuse(w, r, refused)
		return
	}
	wants, err := parseWishes(r.URL.Query(), h.names)
	if err != nil {
		h.refuse(w, r, badRequest(http.StatusBadRequest, err))
		return
	}
	if err := h.reserve(); err != nil {
		h.refuse(w, r, &refusal{http.StatusServiceUnavailable, "full", err.Error()})
		return
	}
	defer h.release()
	upgrader := plain
	if wants.packed {
		upgrader = packed
	}
	hijacked := &wired{ResponseWriter: w}
	conn, err := upgrader.Upgrade(hijacked, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	c := h.newClient(r.Context(), conn, wants.filter, gate, granted)
	c.wire, c.packed = hijacked.wire, wants.packed
	log := h.log.WithFields(logrus.Fields{"remote": r.RemoteAddr, "token": granted.token.Name, "agent": granted.token.Agent})
	log.WithField("resumes", wants.since != nil).Debug("feed reader connected")
	c.serve(wants.since) //nolint:contextcheck // it carries the request's
	log.WithField("reason", closeReasons[c.closeCode()]).Debug("feed reader gone")
}

// judge says what somebody may see, or why he may not.
func (h *Hub) judge(r *http.Request, gate *Gate) (grant, *refusal) {
	var granted grant
	var refused *refusal
	switch {
	case gate != nil:
		granted, refused = gate.admit(r)
	case r.Header.Get("Origin") != "":
		refused = &refusal{http.StatusForbidden, "origin", "this socket is not for pages of a browser"}
	}
	if refused != nil {
		return grant{}, refused
	}
	if !websocket.IsWebSocketUpgrade(r) {
		return grant{}, badRequest(http.StatusUpgradeRequired, errors.New("this is a WebSocket: connect with a client that speaks it"))
	}
	select {
	case <-h.ready:
		return granted, nil
	default:
		return grant{}, &refusal{http.StatusServiceUnavailable, "starting", "the journal is still being read: come back in a moment"}
	}
}

// newClient makes the reader of a connection, who ends with the hub.
func (h *Hub) newClient(ctx context.Context, conn *websocket.Conn, wants filter, gate *Gate, granted grant) *client {
	wants.scope = granted.token.Agent
	c := &client{
		hub: h, conn: conn, filter: wants, expires: granted.expires, wake: make(chan struct{}, 1),
		valid: func() bool { return gate == nil || gate.valid(granted) },
	}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns[c] = struct{}{}
	switch {
	case h.stopped:
		c.close(CloseStopping)
		c.cut()
	case !c.valid(): // the tokens changed during the handshake
		c.close(CloseToken)
	}
	return c
}

// reserve takes a place among the connections; release gives it back.
func (h *Hub) reserve() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stopped:
		return errStopping
	case h.open >= h.maxClients:
		return errFull
	}
	h.open++
	h.leaving.Add(1)
	h.metrics.clients.Inc()
	return nil
}

func (h *Hub) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
	h.leaving.Done()
	h.metrics.clients.Dec()
}

// leave takes a reader off the hub.
func (h *Hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c)
	delete(h.conns, c)
}

// serveTicket gives a ticket for a bearer token.
func (h *Hub) serveTicket(w http.ResponseWriter, r *http.Request, gate *Gate) {
	granted, refused := h.byBearer(r, gate)
	if refused != nil {
		h.refuse(w, r, refused)
		return
	}
	text, err := gate.tickets.issue(granted)
	if err != nil {
		h.refuse(w, r, &refusal{http.StatusServiceUnavailable, "full", err.Error()})
		return
	}
	answer(w, http.StatusCreated, map[string]any{"ticket": text, "expires_in": int(ticketTime / time.Second)})
}

// serveSession gives a cookie for a bearer token.
func (h *Hub) serveSession(w http.ResponseWriter, r *http.Request, gate *Gate) {
	granted, refused := h.byBearer(r, gate)
	if refused != nil {
		h.refuse(w, r, refused)
		return
	}
	http.SetCookie(w, newSession(granted.token, r, time.Now()))
	answer(w, http.StatusCreated, map[string]any{"expires_in": int(sessionTime / time.Second)})
}

// endSession takes the cookie off the browser.
func (h *Hub) endSession(w http.ResponseWriter, r *http.Request, gate *Gate) {
	if refused := gate.page(r); refused != nil {
		h.refuse(w, r, refused)
		return
	}
	over := newSession(Token{}, r, time.Time{}) //nolint:gosec // the one that newSession makes, over
	over.Value, over.MaxAge = "", -1
	http.SetCookie(w, over)
	w.WriteHeader(http.StatusNoContent)
}

// byBearer judges who asks for a ticket or a cookie: these are had for a token
// alone.
func (h *Hub) byBearer(r *http.Request, gate *Gate) (grant, *refusal) {
	if refused := gate.page(r); refused != nil {
		return grant{}, refused
	}
	if gate.Open() {
		return grant{}, &refusal{http.StatusConflict, "request", "no token is configured (http.tokens): the feed needs none on this machine"}
	}
	granted, err := gate.bearer(r)
	if err != nil {
		return grant{}, unauthorized("show a token of http.tokens in the header Authorization: Bearer")
	}
	return granted, nil
}

// refuse answers with a refusal, and counts it. A nil request is of the upgrader.
func (h *Hub) refuse(w http.ResponseWriter, r *http.Request, why *refusal) {
	h.metrics.refused.WithLabelValues(why.reason).Inc()
	if r != nil {
		h.log.WithFields(logrus.Fields{"remote": r.RemoteAddr, "status": why.status, "reason": why.reason}).Debug("feed request refused")
	}
	switch why.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="talkbridge"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusUpgradeRequired:
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
	}
	answer(w, why.status, map[string]any{"error": why.text})
}

// answer writes JSON. A client that went away is no error of ours.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
