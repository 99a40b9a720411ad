package zendesk_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/talkbridge/talkbridge/zendesk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const legacyToken = "legacy-api-token-4711"

var legacy = zendesk.APIToken{Email: "bridge@example.com", Token: legacyToken}

// newClient returns a client of base that leaves no connection behind.
func newClient(tb testing.TB, base string, auth zendesk.Authenticator, opts ...zendesk.Option) *zendesk.Client {
	tb.Helper()
	c, err := zendesk.New(base, auth, opts...)
	require.NoError(tb, err)
	tb.Cleanup(c.CloseIdleConnections)
	return c
}

// serve starts an HTTP server and returns a client of it.
func serve(tb testing.TB, handler http.HandlerFunc, opts ...zendesk.Option) *zendesk.Client {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return newClient(tb, server.URL, legacy, opts...)
}

// answerJSON writes a JSON answer.
func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// rawServer accepts connections and leaves each to handle, which reads and writes as it likes. The connection is
// closed after handle. It returns the base URL.
func rawServer(tb testing.TB, handle func(conn net.Conn, r *bufio.Reader)) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	var (
		mu     sync.Mutex
		open   []net.Conn
		served sync.WaitGroup
	)
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			served.Go(func() {
				defer conn.Close()
				handle(conn, bufio.NewReader(conn))
			})
		}
	})
	tb.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		served.Wait()
	})
	return "http://" + listener.Addr().String()
}

// readRequest reads one request whole.
func readRequest(r *bufio.Reader) (*http.Request, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return req, err
}

// recorder collects exchanges.
type recorder struct {
	mu   sync.Mutex
	seen []zendesk.Exchange
}

func (r *recorder) observe(x zendesk.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, x)
}

func (r *recorder) all() []zendesk.Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]zendesk.Exchange(nil), r.seen...)
}

// quiet is a log that nobody reads, for servers that expect broken connections.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// compact is v as JSON.
func compact(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	require.NoError(tb, err)
	return string(data)
}
