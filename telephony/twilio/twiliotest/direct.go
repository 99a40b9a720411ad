package twiliotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
)

// Direct is a transport that has a handler answer in this process: no socket, so that time may stand still in a
// testing/synctest bubble. A handler that panics with http.ErrAbortHandler cuts the connection; any other panic is its
// own. The handler goes on when the client has given up, with its context ended.
func Direct(handler http.Handler) http.RoundTripper { return direct{handler} }

type direct struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		_ = r.Body.Close() // it was read to its end
	}
	in := r.Clone(r.Context())
	in.Body, in.RequestURI, in.RemoteAddr = io.NopCloser(bytes.NewReader(body)), r.URL.RequestURI(), "192.0.2.1:1234"
	in.ContentLength = int64(len(body))
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	answer := &written{header: http.Header{}}
	done := make(chan bool, 1)
	go func() {
		cut := true
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
				panic(p)
			}
			done <- cut
		}()
		d.handler.ServeHTTP(answer, in)
		cut = false
	}()
	select {
	case cut := <-done:
		return answer.response(r, cut)
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}

// written is what a handler answered.
type written struct {
	header http.Header
	sent   http.Header
	status int
	body   bytes.Buffer
}

func (w *written) Header() http.Header { return w.header }

func (w *written) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *written) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// response is the answer as a client gets it. What was cut before its first byte is an end of the connection, later an
// end of the body.
func (w *written) response(r *http.Request, cut bool) (*http.Response, error) {
	if cut && w.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	w.WriteHeader(http.StatusOK)
	var body io.Reader = &w.body
	if cut {
		body = io.MultiReader(body, broken{})
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}, nil
}

// broken is the end of a body that was cut.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Via is a network transport that reaches every host at one address, as through the proxy that stands before it: URLs
// and signatures are those of the public host, https becomes http on the way.
func Via(address string) http.RoundTripper { return ViaFunc(func() string { return address }) }

// ViaFunc is Via where the address may change, as that of a receiver does which starts anew: it is asked for at each
// connection. "" is nowhere.
func ViaFunc(address func() string) http.RoundTripper {
	var dialer net.Dialer
	return via{&http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			to := address()
			if to == "" {
				return nil, errors.New("connect: nobody listens")
			}
			return dialer.DialContext(ctx, network, to)
		},
		MaxIdleConnsPerHost: maxSenders, DisableCompression: true,
	}}
}

type via struct{ inner *http.Transport }

// RoundTrip implements http.RoundTripper.
func (v via) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	if strings.EqualFold(out.URL.Scheme, "https") {
		out.URL.Scheme = "http"
		out.Header.Set("X-Forwarded-Proto", "https")
	}
	return v.inner.RoundTrip(out)
}

// CloseIdleConnections lets http.Client close them.
func (v via) CloseIdleConnections() { v.inner.CloseIdleConnections() }
