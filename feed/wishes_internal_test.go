package feed

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// Whatever a reader asks for: what is taken is bounded, and no token is taken from
// a URL.
func FuzzParseWishes(f *testing.F) {
	for _, query := range []string{
		"", "agent=Ana&line=%2B15550100001", "since=abcd-12", "call=hq/pbx1/1.2&compress=1", "token=secret", "agent=", "since=a-1&since=a-2",
		"compress=maybe", "line=+15550100001", "%zz=1", "agent=" + strings.Repeat("x", 2000),
		strings.Repeat("x", 5000), strings.Repeat(strings.Repeat("x", 1000)+"=1&", 20),
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		query, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		w, err := parseWishes(query, noNames{})
		if err != nil {
			require.Less(t, len(err.Error()), 1<<12)
			return
		}
		for _, wished := range [][]string{w.filter.agents, w.filter.lines, w.filter.calls} {
			require.LessOrEqual(t, len(wished), 2*maxWishes)
		}
		for _, key := range []string{"token", "access_token", "authorization"} {
			require.False(t, query.Has(key))
		}
	})
}

// Whatever a browser sends as its origin: it is let in only if it is this host's
// or a configured one.
func FuzzOrigin(f *testing.F) {
	gate, err := NewGate([]Token{{Name: "wall", Secret: "a-token-of-the-wall-board"}}, []string{"https://wall.example.com"})
	require.NoError(f, err)
	for _, origin := range []string{
		"https://wall.example.com", "https://WALL.example.com:443", "https://wall.example.com.evil.com", "https://user@wall.example.com", "null", "file://",
		"http://desk.example.com:8080", "https://wall.example.com/x", "https://[::1]", "https://wall.example.com%00", "//wall.example.com", "https:wall.example.com",
		"http://desk.example.com:8080#", "http://desk.example.com:8080?", "http://desk.example.com:8080/",
	} {
		f.Add(origin, "desk.example.com:8080")
	}
	f.Add("http://\xc0", "\xc5") // both are no text
	f.Fuzz(func(t *testing.T, origin, host string) {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/v1/feed", nil)
		r.Host = host
		r.Header["Origin"] = []string{origin}
		if origin == "" || gate.page(r) != nil {
			return
		}
		low := strings.ToLower(origin)
		scheme, rest, ok := strings.Cut(low, "://")
		require.True(t, ok && (scheme == "http" || scheme == "https"), "%q", origin)
		rest = strings.TrimSuffix(rest, "/")
		require.True(t, utf8.ValidString(origin), "%q", origin)
		require.True(t, strings.EqualFold(rest, host) || strings.EqualFold(strings.TrimSuffix(rest, ":443"), "wall.example.com"), "%q was let in at %q", origin, host)
	})
}

// noNames knows nobody.
type noNames struct{}

func (noNames) Agent(string) string                    { return "" }
func (noNames) Line(number string) (e164, name string) { return number, "" }
