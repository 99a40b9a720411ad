package zendesktest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// desk is a running simulator with a plain HTTP client: no code of the real client takes part.
type desk struct {
	t   *testing.T
	s   *zendesktest.Server
	hc  *http.Client
	bot string // the Authorization header
}

// epoch is the standing clock of the tests.
var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func start(t *testing.T, opts ...zendesktest.Option) *desk {
	t.Helper()
	all := append([]zendesktest.Option{
		zendesktest.WithPlan(zendesktest.Unlimited), zendesktest.WithNow(func() time.Time { return epoch }),
		zendesktest.WithAgents(
			zendesktest.User{ID: 501, Name: "Ana", Email: "ana@example.com"},
			zendesktest.User{ID: 502, Name: "Ben", Email: "ben@example.com"},
		),
	}, opts...)
	s := zendesktest.New(all...)
	require.NoError(t, s.Start(""))
	hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 10 * time.Second}
	t.Cleanup(func() {
		hc.CloseIdleConnections()
		s.Close()
	})
	d := &desk{t: t, s: s, hc: hc}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL(), http.NoBody)
	r.SetBasicAuth(zendesktest.DefaultEmail+"/token", zendesktest.DefaultAPIToken)
	d.bot = r.Header.Get("Authorization")
	return d
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any // nil if the answer is not a JSON object
}

// at reads a path such as "ticket.via.channel" or "tickets.0.id" from the answer.
func (a answer) at(path string) any {
	var v any = a.body
	for k := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[k]
		case []any:
			i, _ := strconv.Atoi(k)
			if i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func (a answer) id(path string) int64 {
	f, _ := a.at(path).(float64)
	return int64(f)
}

func (a answer) list(path string) []any {
	l, _ := a.at(path).([]any)
	return l
}

// try sends a request; header is a list of names and values.
func (d *desk) try(method, path, body string, header ...string) (answer, error) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.s.URL()+path, strings.NewReader(body))
	require.NoError(d.t, err)
	r.Header.Set("Authorization", d.bot)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	resp, err := d.hc.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	a := answer{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if json.NewDecoder(bytes.NewReader(raw)).Decode(&a.body) != nil {
		a.body = nil
	}
	return a, err
}

// do is try that must get an answer.
func (d *desk) do(method, path, body string, header ...string) answer {
	d.t.Helper()
	a, err := d.try(method, path, body, header...)
	require.NoError(d.t, err)
	return a
}

// want is do that must get the status.
func (d *desk) want(status int, method, path, body string, header ...string) answer {
	d.t.Helper()
	a := d.do(method, path, body, header...)
	require.Equal(d.t, status, a.status, "%s %s: %s", method, path, a.raw)
	return a
}

// voiceTicket makes an inbound voice ticket and returns its id.
func (d *desk) voiceTicket(externalID string) int64 {
	d.t.Helper()
	a := d.want(201, "POST", "/api/v2/channels/voice/tickets", voiceBody(externalID))
	return a.id("ticket.id")
}

func voiceBody(externalID string) string {
	return `{"ticket":{"via_id":45,"subject":"Call","external_id":"` + externalID +
		`","comment":{"body":"Call from +15135557611","public":false}}}`
}

// basic is a user and a password as a header has them.
func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}
