package zendesk

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// brokenConn takes no byte.
type brokenConn struct{ net.Conn }

func (c brokenConn) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// dial wraps what the transport's own dialler makes.
func dial(tr *http.Transport, wrap func(net.Conn) net.Conn) {
	own := tr.DialContext
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := own(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return wrap(conn), nil
	}
}

func newInternal(t *testing.T, base string, tr *http.Transport) *Client {
	t.Helper()
	c, err := New(base, APIToken{Email: "a@example.com", Token: "t0ken"}, WithHTTPClient(&http.Client{Transport: tr}), WithTimeout(5*time.Second))
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// TestNoByteTaken breaks the connection before it takes anything: certain not to be sent, although there was a
// connection. The same connection, seen by nobody who counts, must be taken for sent.
func TestNoByteTaken(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	tests := []struct {
		name string
		wrap func(net.Conn) net.Conn
		sent bool
	}{
		{name: "counted", wrap: func(c net.Conn) net.Conn { return &countingConn{Conn: brokenConn{c}} }, sent: false},
		{name: "not counted", wrap: func(c net.Conn) net.Conn { return brokenConn{c} }, sent: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tr := newTransport()
			dial(tr, tt.wrap)
			err := newInternal(t, server.URL, tr).DisplayTicket(t.Context(), 1, 2)
			lost, ok := errors.AsType[*TransportError](err)
			require.True(t, ok, err)
			require.Equal(t, tt.sent, lost.Sent, err)
		})
	}
}

// TestCountedThroughTLS holds that the counter is found under a TLS connection, where the handshake does not count.
func TestCountedThroughTLS(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			panic(http.ErrAbortHandler)
		}
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())

	t.Run("after the request", func(t *testing.T) {
		t.Parallel()
		tr := newTransport()
		tr.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		_, err := newInternal(t, server.URL, tr).GetTicket(t.Context(), 1)
		lost, ok := errors.AsType[*TransportError](err)
		require.True(t, ok, err)
		require.True(t, lost.Sent)
	})
	t.Run("trace", func(t *testing.T) {
		t.Parallel()
		counting := &countingConn{Conn: dialed(t, server.Listener.Addr().String())}
		secured := tls.Client(counting, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ServerName: "example.com"})
		require.NoError(t, secured.HandshakeContext(t.Context()))
		var trace sentTrace
		require.False(t, trace.sent(), "no connection yet")
		trace.gotConn(httptrace.GotConnInfo{Conn: secured})
		require.False(t, trace.sent(), "only the handshake was written")
		_, err := secured.Write([]byte("GET"))
		require.NoError(t, err)
		require.True(t, trace.sent())
		trace.gotConn(httptrace.GotConnInfo{Conn: &countingConn{}})
		require.True(t, trace.sent(), "another connection does not undo what the first one took")
	})
}

func dialed(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// fragileConn takes no byte any more once broken is set.
type fragileConn struct {
	net.Conn
	broken *atomic.Bool
}

func (c fragileConn) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return 0, errors.New("broken pipe")
	}
	return c.Conn.Write(p)
}

// TestStaleConnection breaks a kept connection, which is noticed only by writing. As it took nothing, the write goes
// out on another one, once, and the caller notices nothing.
func TestStaleConnection(t *testing.T) {
	t.Parallel()
	var requests, dials atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ticket":{"id":1}}`))
	}))
	t.Cleanup(server.Close)
	var broken atomic.Bool
	tr := newTransport()
	dial(tr, func(conn net.Conn) net.Conn {
		if dials.Add(1) > 1 {
			return conn
		}
		return &countingConn{Conn: fragileConn{Conn: conn, broken: &broken}}
	})
	client := newInternal(t, server.URL, tr)
	_, err := client.CreateTicket(t.Context(), NewTicket{}, CreateTicketOptions{IdempotencyKey: "a"})
	require.NoError(t, err)
	broken.Store(true)
	_, err = client.CreateTicket(t.Context(), NewTicket{}, CreateTicketOptions{IdempotencyKey: "b"})
	require.NoError(t, err)
	require.EqualValues(t, 2, dials.Load())
	require.EqualValues(t, 2, requests.Load())
}
