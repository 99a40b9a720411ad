package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// attacked is a site with a daemon that listens.
func attacked(t *testing.T, o siteOptions) (*site, *child) {
	t.Helper()
	s := newSite(t, o)
	c := s.launch()
	c.says(t, "journal read, working")
	return s, c
}

// dialFrom connects from an address of this machine.
func dialFrom(t testing.TB, from, to string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(t.Context(), "tcp", to)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// talk says something and returns the status of the answer, 0 if the connection
// was ended instead.
func talk(t testing.TB, conn net.Conn, text string) int {
	t.Helper()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err := io.WriteString(conn, text)
	if err == nil {
		var answer *http.Response
		if answer, err = http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			_ = answer.Body.Close()
			return answer.StatusCode
		}
	}
	require.True(t, closedByPeer(err), "%v", err)
	return 0
}

// closedByPeer reports an error of a connection that the other side ended.
func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// drip writes a byte at a time until the other side ends the connection, which
// it must do in time.
func drip(t *testing.T, conn net.Conn, begin, unit string, limit time.Duration) {
	t.Helper()
	require.NoError(t, conn.SetDeadline(time.Now().Add(limit)))
	_, err := io.WriteString(conn, begin)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn)
		ended <- err
	}()
	beat := time.NewTicker(100 * time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case err := <-ended:
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "still open after %s", limit)
			return
		case <-beat.C:
			_, _ = io.WriteString(conn, unit) // the end is seen by the reader
		}
	}
}

func TestAttackSlowRequests(t *testing.T) {
	t.Parallel()
	_, c := attacked(t, siteOptions{})
	for _, listener := range []string{"listen", "public_listen"} {
		for _, tt := range []struct {
			name, begin, unit string
			limit             time.Duration
		}{
			{"nothing at all", "", "", 8 * time.Second},
			{"a byte of a request line at a time", "G", "E", 8 * time.Second},
			{"a header at a time", "GET /recordings/x HTTP/1.1\r\nHost: x\r\n", "X: y\r\n", 8 * time.Second},
			{"a body without an end", "POST /v1/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 15 * time.Second},
			{"a long body, a byte at a time", "POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n", "x", 15 * time.Second},
		} {
			t.Run(listener+", "+tt.name, func(t *testing.T) {
				t.Parallel()
				drip(t, dialFrom(t, "127.0.0.1", c.address(t, listener)), tt.begin, tt.unit, tt.limit)
			})
		}
	}
}

// Somebody who takes all places that one address has does not keep others out.
func TestAttackConnectionFlood(t *testing.T) {
	t.Parallel()
	s, c := attacked(t, siteOptions{extra: "feed: {max_clients: 8}\n"})
	for _, tt := range []struct {
		listener, ask string
		status, most  int
	}{
		{"listen", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", http.StatusOK, 8 + internalPlaces},
		{"public_listen", "GET /recordings/x HTTP/1.1\r\nHost: localhost\r\n\r\n", http.StatusNotFound, publicPlaces},
	} {
		to := c.address(t, tt.listener)
		for range tt.most {
			dialFrom(t, "127.0.0.3", to)
		}
		require.Zero(t, talk(t, dialFrom(t, "127.0.0.3", to), tt.ask), tt.listener)
		require.Equal(t, tt.status, talk(t, dialFrom(t, "127.0.0.1", to), tt.ask), tt.listener)
	}
	require.Positive(t, c.metric(t, `talkbridge_http_refused_total{listener="http.public_listen",reason="connections"}`))
	c.says(t, "requests refused: one address makes too many, or there are too many in all")
	_, _, errs := runCLI(t.Context(), "health", "--config", s.config)
	require.NotContains(t, errs, "does not answer")
}

func TestAttackLargeRequests(t *testing.T) {
	t.Parallel()
	_, c := attacked(t, siteOptions{})
	long := strings.Repeat("x", 1<<20)
	for _, listener := range []string{"listen", "public_listen"} {
		for _, tt := range []struct {
			name, request string
			want          []int // 0: the connection ends
		}{
			{"a header of 1 MiB", "GET /recordings/x HTTP/1.1\r\nHost: localhost\r\nX: " + long + "\r\n\r\n", []int{431, 0}},
			{"a path of 1 MiB", "GET /recordings/" + long + " HTTP/1.1\r\nHost: localhost\r\n\r\n", []int{431, 0}},
			{"a cookie of 1 MiB", "GET /v1/feed HTTP/1.1\r\nHost: localhost\r\nCookie: talkbridge_session=" + long + "\r\n\r\n", []int{431, 0}},
			{"a body of 8 MiB", "POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8388608\r\n\r\n" + long, []int{409, 404, 0}},
			{"a body that is announced twice", "POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", []int{400}},
			{"a body that is announced in two ways", "POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400, 409, 404}},
			{"an unknown transfer encoding", "POST /v1/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", []int{400, 501}},
			{"a blank before the colon", "GET /recordings/x HTTP/1.1\r\nHost: localhost\r\nContent-Length : 3\r\n\r\n", []int{400}},
			{"a folded header", "GET /recordings/x HTTP/1.1\r\nHost: localhost\r\n X: y\r\n\r\n", []int{400}},
			{"two hosts", "GET /recordings/x HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.com\r\n\r\n", []int{400}},
			{"no host", "GET /recordings/x HTTP/1.1\r\n\r\n", []int{400}},
			{"another's address as the target", "GET http://evil.example.com/recordings/x HTTP/1.1\r\nHost: localhost\r\n\r\n", []int{404}},
			{"a tunnel", "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n", []int{404, 405}},
			{"a line break in the target", "GET /recordings/x\n\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", []int{400}},
			{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{400, 404, 505, 0}},
		} {
			t.Run(listener+", "+tt.name, func(t *testing.T) {
				t.Parallel()
				require.Contains(t, tt.want, talk(t, dialFrom(t, "127.0.0.1", c.address(t, listener)), tt.request))
			})
		}
	}
}

// What one request smuggles behind another must not be answered as one of its own
// where a proxy would not see it.
func TestAttackSmuggling(t *testing.T) {
	t.Parallel()
	_, c := attacked(t, siteOptions{})
	conn := dialFrom(t, "127.0.0.1", c.address(t, "public_listen"))
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	inner := "GET /recordings/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
	_, err := fmt.Fprintf(conn, "POST /recordings/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", 5+len(inner), inner)
	require.NoError(t, err)
	answers, err := io.ReadAll(conn)
	require.True(t, err == nil || closedByPeer(err), "%v", err)
	require.Equal(t, 1, strings.Count(string(answers), "HTTP/1.1 "), "%s", answers)
}

// Guessing is answered more and more curtly, and never costs those who have a
// right link or a right token.
func TestAttackGuessing(t *testing.T) {
	t.Parallel()
	_, c := attacked(t, siteOptions{edit: []string{"http: {", "http: {tokens: [{token: a-token-of-the-wall-board, scope: all}], "}})
	for _, tt := range []struct {
		listener, path string
		want           int
	}{
		{"public_listen", "/recordings/aaaaaaaaaaaaaaaaaaaaaaaaaa.wav?k=01234567&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", http.StatusNotFound},
		{"listen", "/v1/feed", http.StatusUnauthorized},
	} {
		answered := map[int]int{}
		for i := range 3 * wrongAnswers {
			header := http.Header{"Authorization": {fmt.Sprintf("Bearer a-token-of-the-wall-boar%d", i)}}
			r := request(t, http.MethodGet, "http://"+c.address(t, tt.listener)+tt.path, header)
			answered[r.status]++
			if r.status == http.StatusTooManyRequests {
				require.Equal(t, "10", r.header.Get("Retry-After"))
				require.Empty(t, r.header.Get("Www-Authenticate"))
			}
		}
		require.GreaterOrEqual(t, answered[tt.want], wrongAnswers, "%s: %v", tt.listener, answered)
		require.Positive(t, answered[http.StatusTooManyRequests], "%s: %v", tt.listener, answered)
		require.Equal(t, 3*wrongAnswers, answered[http.StatusTooManyRequests]+answered[tt.want], "%s: %v", tt.listener, answered)
		require.Positive(t, c.metric(t, fmt.Sprintf(`talkbridge_http_refused_total{listener="http.%s",reason="wrong"}`, tt.listener)))
	}
	right := http.Header{"Authorization": {"Bearer a-token-of-the-wall-board"}}
	r := request(t, http.MethodPost, "http://"+c.address(t, "listen")+"/v1/session", right)
	require.Equal(t, http.StatusCreated, r.status, "a right token works from where the wrong ones came")
}
