package main

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"
)

// How many connections a listener holds: in all, and of them from one address.
// A proxy is one address, so that its share must do for everybody behind it.
const (
	publicPlaces   = 256
	publicTotal    = 4 * publicPlaces
	internalPlaces = 64 // beside the readers of the feed
	controlPlaces  = 128
)

// Wrong answers are those to wrong links and tokens. From one address so many are
// given in a window of time; what is more gets 429.
const (
	wrongAnswers = 100
	wrongWindow  = 10 * time.Second
	// maxAddresses bounds the addresses that a window tells apart.
	maxAddresses = 4096
)

// guard bounds one listener: its connections, and how often an address may be
// wrong. See newGuard.
type guard struct {
	listener  string
	total     int
	perSource int // 0: no limit of its own
	body      int64
	refused   *prometheus.CounterVec
	log       logrus.FieldLogger
	logged    rate.Sometimes

	mu    sync.Mutex
	open  int
	from  map[netip.Prefix]int
	wrong map[netip.Prefix]int
	since time.Time // when wrong began to be counted
}

// newGuard returns the guard of a listener. The counter has the labels listener
// and reason.
func newGuard(listener string, total, perSource int, refused *prometheus.CounterVec, log logrus.FieldLogger) *guard {
	for _, reason := range []string{"connections", "wrong"} {
		refused.WithLabelValues(listener, reason)
	}
	return &guard{
		listener: listener, total: total, perSource: perSource, body: maxBody, refused: refused, log: log,
		logged: rate.Sometimes{Interval: time.Minute},
		from:   make(map[netip.Prefix]int), wrong: make(map[netip.Prefix]int),
	}
}

// refuse counts a refusal, and tells of it once a minute.
func (g *guard) refuse(reason string, source netip.Prefix) {
	g.refused.WithLabelValues(g.listener, reason).Inc()
	g.logged.Do(func() {
		g.log.WithFields(logrus.Fields{"listener": g.listener, "reason": reason, "remote": source.String()}).
			Warn("requests refused: one address makes too many, or there are too many in all")
	})
}

// sourceOf is the address that a connection comes from, or its network where one
// subscriber has a whole network: a /64 of IPv6. It is zero for a Unix socket.
func sourceOf(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	address := at.Addr().Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	source, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return source
}

// enter takes a place for a connection, if there is one.
func (g *guard) enter(source netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= g.total || (g.perSource > 0 && g.from[source] >= g.perSource) {
		return false
	}
	g.open++
	g.from[source]++
	return true
}

// leave gives the place back.
func (g *guard) leave(source netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if g.from[source]--; g.from[source] == 0 {
		delete(g.from, source)
	}
}

// mayErr counts a wrong request, and reports whether it is one that is still
// answered as such.
func (g *guard) mayErr(source netip.Prefix, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.since) >= wrongWindow {
		clear(g.wrong)
		g.since = now
	}
	if _, known := g.wrong[source]; !known && len(g.wrong) >= maxAddresses {
		return false
	}
	g.wrong[source]++
	return g.wrong[source] <= wrongAnswers
}

// listen bounds the connections of l. One for which there is no place is closed at
// once, and does not wait: it would keep those out that are let in.
func (g *guard) listen(l net.Listener) net.Listener { return guardedListener{l, g} }

type guardedListener struct {
	net.Listener
	guard *guard
}

// Accept implements net.Listener.
func (l guardedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		source := sourceOf(conn.RemoteAddr().String())
		if l.guard.enter(source) {
			return &guardedConn{Conn: conn, leave: sync.OnceFunc(func() { l.guard.leave(source) })}, nil
		}
		_ = conn.Close() // nothing was said yet
		l.guard.refuse("connections", source)
	}
}

// guardedConn gives its place back when it is closed.
type guardedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *guardedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// answers bounds what h may be asked: bodies, and wrong links and tokens from one
// address. Whoever is right is never refused: behind a proxy everybody comes from
// one address, and nobody there must be able to lock the others out.
//
// A connection ends with a request that has a body. Where a proxy and this server
// disagree about how long that is, what is left of it is no request of its own.
func (g *guard) answers(h http.Handler) http.Handler {
	return http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(&curtWriter{ResponseWriter: w, guard: g, request: r}, r)
	}), g.body)
}

// curtWriter turns an answer to a wrong request into 429 where there were too many.
type curtWriter struct {
	http.ResponseWriter
	guard   *guard
	request *http.Request
	curt    bool // the body is not sent
	began   bool
}

// WriteHeader implements http.ResponseWriter.
func (w *curtWriter) WriteHeader(status int) {
	if w.began {
		return
	}
	w.began = true
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		source := sourceOf(w.request.RemoteAddr)
		if w.guard.mayErr(source, time.Now()) {
			break
		}
		w.guard.refuse("wrong", source)
		w.curt, status = true, http.StatusTooManyRequests
		clear(w.Header()) // it says how to be right
		w.Header().Set("Retry-After", "10")
		w.Header().Set("Connection", "close") // the next guess costs a connection
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *curtWriter) Write(p []byte) (int, error) {
	if !w.began {
		w.WriteHeader(http.StatusOK)
	}
	if w.curt {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *curtWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// openGuards makes the guards of the listeners.
func (d *daemon) openGuards(context.Context) error {
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "talkbridge_http_refused_total", Help: "Connections without a place, and wrong links and tokens beyond those that an address may try.",
	}, []string{"listener", "reason"})
	d.registry.MustRegister(refused)
	readers := d.cfg.Feed.MaxClients
	d.guards = map[string]*guard{
		"http.listen":        newGuard("http.listen", readers+4*internalPlaces, readers+internalPlaces, refused, d.log),
		"http.public_listen": newGuard("http.public_listen", publicTotal, publicPlaces, refused, d.log),
		"control socket":     newGuard("control socket", controlPlaces, 0, refused, d.log),
	}
	d.guards["http.public_listen"].body = maxDelivery
	return nil
}
