package zendesk_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

// TestWriteIsNeverRepeated lets the server take a second request on a connection that it had answered one on, and
// close it without an answer. There net/http repeats what it takes for idempotent; a write must not be. Which connection
// a request gets is net/http's affair: so requests are sent until one has been dropped.
func TestWriteIsNeverRepeated(t *testing.T) {
	t.Parallel()
	for _, e := range endpoints() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			var requests, dropped atomic.Int32
			base := rawServer(t, func(conn net.Conn, r *bufio.Reader) {
				for answered := false; ; answered = true {
					if _, err := readRequest(r); err != nil {
						return
					}
					requests.Add(1)
					if answered {
						dropped.Add(1)
						return
					}
					writeAnswer(conn, e)
				}
			})
			client := newClient(t, base, legacy)
			var uses int32
			var err error
			for uses < 1000 && err == nil && dropped.Load() == 0 {
				uses++
				_, err = e.invoke(t.Context(), client)
			}
			require.Positive(t, dropped.Load(), "no connection was used twice")
			if !e.write {
				require.NoError(t, err, "a read may be repeated")
				require.Equal(t, uses+1, requests.Load())
				return
			}
			var lost *zendesk.TransportError
			require.ErrorAs(t, err, &lost)
			require.True(t, lost.Sent)
			require.True(t, zendesk.Uncertain(err))
			require.ErrorContains(t, err, "outcome unknown")
			require.Equal(t, uses, requests.Load(), "each was sent once")
		})
	}
}

func writeAnswer(w io.Writer, e endpoint) {
	fmt.Fprintf(w, "HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", e.status, len(e.answer), e.answer)
}

// TestIdempotencyKeyOnTheWire demands the header in spite of its unusual spelling in the program.
func TestIdempotencyKeyOnTheWire(t *testing.T) {
	t.Parallel()
	var seen recorder
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Idempotency-Lookup", "hit")
		answerJSON(w, 201, `{"ticket":{"id":1,"subject":"`+r.Header.Get("Idempotency-Key")+`"}}`)
	}, zendesk.WithObserver(seen.observe))
	ticket, err := client.CreateTicket(t.Context(), zendesk.NewTicket{}, zendesk.CreateTicketOptions{IdempotencyKey: "call-1"})
	require.NoError(t, err)
	require.Equal(t, "call-1", ticket.Subject)
	require.True(t, seen.all()[0].Replayed)
}

func TestRefusedConnectionIsNotSent(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	base := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	requireNotSent(t, newClient(t, base, legacy))
}

func TestUnknownCertificateIsNotSent(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	requireNotSent(t, newClient(t, server.URL, legacy))
}

func TestFailedLookupIsNotSent(t *testing.T) {
	t.Parallel()
	transport := &http.Transport{DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}
	}}
	requireNotSent(t, newClient(t, "https://acme.invalid", legacy, zendesk.WithHTTPClient(&http.Client{Transport: transport})))
}

func requireNotSent(t *testing.T, client *zendesk.Client) {
	t.Helper()
	_, err := client.CreateVoiceTicket(t.Context(), inbound())
	var lost *zendesk.TransportError
	require.ErrorAs(t, err, &lost)
	require.False(t, lost.Sent, err)
	require.False(t, zendesk.Uncertain(err))
	require.ErrorContains(t, err, "zendesk CreateVoiceTicket: ")
	require.ErrorContains(t, err, "(not sent)")
}

// inbound is a plain request.
func inbound() zendesk.VoiceTicket {
	return zendesk.VoiceTicket{Ticket: zendesk.TicketFields{
		ViaID: zendesk.ViaInbound, ExternalID: "hq/pbx1/1.2", Comment: &zendesk.Comment{Body: "Call", Public: new(false)},
	}}
}

func TestOutcomeUnknown(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer string
		want   string
	}{
		{name: "closed at once", answer: "", want: "EOF"},
		{name: "cut in the header", answer: "HTTP/1.1 201 Crea", want: "EOF"},
		{name: "cut in the body", answer: "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"ticket\"", want: "read answer"},
		{name: "not HTTP", answer: "SSH-2.0-OpenSSH\r\n" + strings.Repeat("x", 3000) + "\r\n", want: "malformed HTTP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, rawServer(t, func(conn net.Conn, r *bufio.Reader) {
				if _, err := readRequest(r); err == nil {
					_, _ = io.WriteString(conn, tt.answer)
				}
			}), legacy)
			_, err := client.CreateVoiceTicket(t.Context(), inbound())
			var lost *zendesk.TransportError
			require.ErrorAs(t, err, &lost)
			require.True(t, lost.Sent)
			require.True(t, zendesk.Uncertain(err))
			require.ErrorContains(t, err, tt.want)
			require.Less(t, len(err.Error()), 700)
		})
	}
}

// stuck starts a server that reads requests and does not answer before the test is over.
func stuck(t *testing.T, opts ...zendesk.Option) (client *zendesk.Client, arrived <-chan struct{}) {
	t.Helper()
	requests := make(chan struct{}, 8)
	base := rawServer(t, func(_ net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err == nil {
			requests <- struct{}{}
			_, _ = r.ReadByte()
		}
	})
	return newClient(t, base, legacy, opts...), requests
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	client, _ := stuck(t, zendesk.WithTimeout(50*time.Millisecond))
	_, err := client.CreateVoiceTicket(t.Context(), inbound())
	var lost *zendesk.TransportError
	require.ErrorAs(t, err, &lost)
	require.True(t, lost.Sent)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.EqualError(t, err, "zendesk CreateVoiceTicket: no answer within 50ms (sent, outcome unknown)")
	var timeout interface{ Timeout() bool }
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
}

func TestCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	client, arrived := stuck(t)
	why := errors.New("the agent hung up")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(why)
	}()
	began := time.Now()
	err := client.DisplayTicket(ctx, 1, 2)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, why)
	require.Less(t, time.Since(began), 10*time.Second)
	require.True(t, zendesk.Uncertain(err))
}

func TestSlowBodyEndsWithTheTimeout(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, 201, `{"ticket":`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, zendesk.WithTimeout(50*time.Millisecond))
	_, err := client.CreateVoiceTicket(t.Context(), inbound())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "no answer within 50ms")
	require.True(t, zendesk.Uncertain(err))
}

func TestAnswerBounds(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 9<<20)
	t.Run("success", func(t *testing.T) {
		t.Parallel()
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"ticket":{"subject":"`+big+`"}}`) })
		_, err := client.GetTicket(t.Context(), 1)
		var wrong *zendesk.FormatError
		require.ErrorAs(t, err, &wrong)
		require.ErrorContains(t, err, "too large")
	})
	t.Run("refusal", func(t *testing.T) {
		t.Parallel()
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, big, http.StatusServiceUnavailable) })
		_, err := client.GetTicket(t.Context(), 1)
		var refused *zendesk.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 503, refused.Status)
		require.Len(t, refused.Description, 500)
	})
	t.Run("64 MiB in 64 KiB", func(t *testing.T) {
		t.Parallel()
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		_, err := zip.Write(bytes.Repeat([]byte(" "), 64<<20))
		require.NoError(t, err)
		require.NoError(t, zip.Close())
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(packed.Bytes())
		})
		_, err = client.GetTicket(t.Context(), 1)
		require.ErrorContains(t, err, "too large")
	})
	t.Run("headers of 1 MiB", func(t *testing.T) {
		t.Parallel()
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", big[:1<<20])
			answerJSON(w, 200, `{"ticket":{"id":1}}`)
		})
		_, err := client.GetTicket(t.Context(), 1)
		var cut *zendesk.TransportError
		require.ErrorAs(t, err, &cut)
		require.Less(t, len(err.Error()), 1000)
	})
	t.Run("cut refusal", func(t *testing.T) {
		t.Parallel()
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"error":`)
		})
		_, err := client.GetTicket(t.Context(), 1)
		var refused *zendesk.Error
		require.ErrorAs(t, err, &refused)
		require.True(t, refused.IsForbidden())
	})
}

func TestConnectionIsReused(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	peers := map[string]bool{}
	status := []int{200, 404, 500, 429, 200}
	var n atomic.Int32
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		peers[r.RemoteAddr] = true
		mu.Unlock()
		answerJSON(w, status[n.Add(1)-1], `{"ticket":{"id":1}}`)
	})
	for range status {
		_, _ = client.GetTicket(t.Context(), 1)
	}
	require.Len(t, peers, 1)
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other host got %s %s", r.Method, r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	tests := []struct {
		name   string
		target string
		status int
		write  bool
		follow bool
	}{
		{name: "read to the same host", target: "/api/v2/tickets/2", status: 302, follow: true},
		{name: "read to another host", target: other.URL + "/x?secret=1", status: 302},
		{name: "read in a circle", target: "/api/v2/tickets/1", status: 302},
		{name: "write to the same host", target: "/api/v2/tickets/2", status: 302, write: true},
		{name: "write to another host, keeping the method", target: other.URL, status: 307, write: true},
		{name: "write to the same host, keeping the method", target: "/api/v2/tickets/2", status: 308, write: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var hits atomic.Int32
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				hits.Add(1)
				if r.URL.Path == "/api/v2/tickets/2" {
					answerJSON(w, 200, `{"ticket":{"id":2}}`)
					return
				}
				http.Redirect(w, r, tt.target, tt.status)
			})
			var err error
			if tt.write {
				_, err = client.CreateVoiceTicket(t.Context(), inbound())
				require.EqualValues(t, 1, hits.Load())
			} else {
				_, err = client.GetTicket(t.Context(), 1)
				require.LessOrEqual(t, hits.Load(), int32(4))
			}
			if tt.follow {
				require.NoError(t, err)
				return
			}
			var refused *zendesk.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tt.status, refused.Status)
			require.ErrorContains(t, err, "redirects to http://127.0.0.1:")
			require.NotContains(t, err.Error(), "secret")
			require.False(t, zendesk.Uncertain(err))
		})
	}
}

func TestForeignClientIsNotChanged(t *testing.T) {
	t.Parallel()
	theirs := &http.Client{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"ticket":{"id":1}}`) }))
	t.Cleanup(server.Close)
	client := newClient(t, server.URL, legacy, zendesk.WithHTTPClient(theirs))
	_, err := client.GetTicket(t.Context(), 1)
	require.NoError(t, err)
	require.Nil(t, theirs.CheckRedirect)
	require.Nil(t, theirs.Transport)
}
