package voicemail

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"
)

// Bounds of what is served. An agent's player makes two or three requests for
// a recording.
const (
	servedPerSecond = 50
	servedBurst     = 200
	servedAtOnce    = 64
	// refusedLogged is how many wrong links a second are worth a log line.
	refusedLogged = 5
	// longestAnswer is when a client that reads slowly is let go.
	longestAnswer = 10 * time.Minute
)

// Handler serves the links that a Keyring signed: GET and HEAD, with ranges,
// at /recordings/. Every wrong link gets the same answer, whatever is wrong
// with it. How much is served at a time and in a second is bounded; what is
// beyond gets 503 or 429 and Retry-After. It is safe for concurrent use. See
// NewHandler.
type Handler struct {
	store   *Store
	ring    *Keyring
	log     logrus.FieldLogger
	rate    *rate.Limiter
	refused *rate.Limiter
	slots   chan struct{}
}

var _ http.Handler = (*Handler)(nil)

// NewHandler returns a handler for the audio of store. Its access log names no
// whole link, no query and no whole address.
func NewHandler(store *Store, ring *Keyring, log logrus.FieldLogger) *Handler {
	return &Handler{
		store:   store,
		ring:    ring,
		log:     log,
		rate:    rate.NewLimiter(servedPerSecond, servedBurst),
		refused: rate.NewLimiter(refusedLogged, refusedLogged),
		slots:   make(chan struct{}, servedAtOnce),
	}
}

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	answer := &answer{ResponseWriter: w, status: http.StatusOK}
	id := h.serve(answer, r)
	if id == "" && !h.refused.Allow() {
		return
	}
	h.log.WithFields(logrus.Fields{
		"recording": maskID(id),
		"method":    r.Method,
		"range":     r.Header.Get("Range") != "",
		"status":    answer.status,
		"bytes":     answer.bytes,
		"took":      time.Since(begun).Round(time.Millisecond).String(),
		"remote":    maskAddress(r.RemoteAddr),
	}).Info("recording requested")
}

// serve answers and returns the ID of the recording, or "" for a wrong link.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) string {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Robots-Tag", "noindex, nofollow")
	header.Set("Cache-Control", "private, no-cache")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return ""
	}
	l, ok := parseLink(r.URL.Path, r.URL.RawQuery)
	if !ok || !h.ring.verify(l) {
		notFound(w)
		return ""
	}
	if !h.rate.Allow() {
		tryAgain(w, http.StatusTooManyRequests)
		return l.id
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		tryAgain(w, http.StatusServiceUnavailable)
		return l.id
	}
	h.serveAudio(w, r, l)
	return l.id
}

func (h *Handler) serveAudio(w http.ResponseWriter, r *http.Request, l link) {
	rec, err := h.store.Open(l.id)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrRevoked):
		notFound(w)
		return
	case err != nil:
		h.log.WithError(err).WithField("recording", maskID(l.id)).Error("recording cannot be read")
		http.Error(w, "recording cannot be read", http.StatusInternalServerError)
		return
	}
	defer rec.Close() //nolint:errcheck // it was only read
	if rec.Format != l.format {
		notFound(w)
		return
	}
	err = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longestAnswer))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		h.log.WithError(err).Debug("no write deadline for recording")
	}
	header := w.Header()
	header.Set("Content-Type", rec.ContentType())
	header.Set("Content-Disposition", "inline")
	// Players on pages that isolate themselves load it only if it says so.
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("ETag", fmt.Sprintf(`"%s-%x"`, rec.ID, rec.Size))
	http.ServeContent(w, r, "", rec.KeptAt, rec)
}

func notFound(w http.ResponseWriter) {
	http.Error(w, "not found", http.StatusNotFound)
}

func tryAgain(w http.ResponseWriter, status int) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, http.StatusText(status), status)
}

// answer notes what was answered.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (a *answer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// maskID is enough of an ID to find it in the folder, and too little for a
// link.
func maskID(id string) string {
	if id == "" {
		return ""
	}
	return id[:6] + "…"
}

// maskAddress is the network that a request came from: /24, or /48 of IPv6.
func maskAddress(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return ""
	}
	return network.String()
}
