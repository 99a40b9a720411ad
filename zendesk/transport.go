package zendesk

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
	// idleTimeout is below the 60 s after which common load balancers drop an idle connection, so that it is this
	// side which closes it: a write on a connection that the other side just closed may have an unknown outcome.
	idleTimeout     = 50 * time.Second
	maxIdleConns    = 32
	maxConns        = 64
	maxHeaderBytes  = 256 << 10
	maxSameHostHops = 3
)

// newTransport returns the transport of a client that brings none. It speaks HTTP/1.1 only: there a connection
// carries one request at a time, so the bytes it wrote tell exactly whether anything of that request left, and one
// stalled connection holds up one request instead of all.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &countingConn{Conn: conn}, nil
		},
		Protocols:              protocols,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    handshakeTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           maxIdleConns,
		MaxIdleConnsPerHost:    maxIdleConns,
		MaxConnsPerHost:        maxConns,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// countingConn counts the bytes that may have left. Bytes count from before the system call until it has certainly
// not taken them, so that the count is never too low.
type countingConn struct {
	net.Conn
	written atomic.Int64
}

// Write implements [net.Conn].
func (c *countingConn) Write(p []byte) (int, error) {
	c.written.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n - len(p)))
	return n, err
}

// sentTrace watches one request on its way out. Its fields are written by the transport's callbacks, which all
// happen before the round trip returns.
type sentTrace struct {
	conn    *countingConn
	base    int64
	foreign bool
	earlier bool
}

// withTrace returns ctx with t attached.
func (t *sentTrace) withTrace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: t.gotConn})
}

// gotConn notes how much the connection had written before this request. It is called again when the transport
// tries another connection.
func (t *sentTrace) gotConn(info httptrace.GotConnInfo) {
	t.earlier = t.sent()
	conn := info.Conn
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	counting, ok := conn.(*countingConn)
	if !ok {
		t.foreign = true
		return
	}
	t.conn, t.base = counting, counting.written.Load()
}

// sent reports whether anything of the request may have left. False is certain.
func (t *sentTrace) sent() bool {
	return t.earlier || t.foreign || t.conn != nil && t.conn.written.Load() != t.base
}

// followSameHost lets a read follow a few redirects on the account's own host. Everything else is handed back as it
// is and becomes an [Error]: credentials never go to another host, and no write is ever repeated elsewhere.
func followSameHost(next *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet || len(via) > maxSameHostHops ||
		next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host {
		return http.ErrUseLastResponse
	}
	return nil
}
