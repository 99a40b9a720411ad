package zendesk_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

// clientSecret holds what JSON escapes.
const clientSecret = `s3cr3t-of"the<oauth>client`

// printed is v in every way that a program prints it.
func printed(v any) string {
	return fmt.Sprintf("%v %+v %#v %s %q %d %x", v, v, v, v, v, v, v)
}

func requireNoSecret(t *testing.T, text string) {
	t.Helper()
	encoded := base64.StdEncoding.EncodeToString([]byte("bridge@example.com/token:" + legacyToken))
	for _, secret := range []string{clientSecret, legacyToken, encoded, "minted-token-99"} {
		for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%d", []byte(secret))} {
			require.NotContains(t, text, form)
		}
	}
	for _, beginning := range []string{clientSecret[:8], legacyToken[:8], "minted-t"} {
		require.NotContains(t, text, beginning)
	}
}

// TestServerThatEchoes answers with everything it was told, in every place and form that ends up in an error.
func TestServerThatEchoes(t *testing.T) {
	t.Parallel()
	forms := []struct {
		name   string
		answer func(w http.ResponseWriter, heard string)
	}{
		{"text", func(w http.ResponseWriter, heard string) { http.Error(w, heard, 500) }},
		{"text that is cut within a secret", func(w http.ResponseWriter, heard string) {
			at := max(strings.Index(heard, clientSecret[:8]), strings.Index(heard, "minted-token"), 6)
			http.Error(w, strings.Repeat("x", 485-at)+heard, 500)
		}},
		{"web page", func(w http.ResponseWriter, heard string) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(503)
			_, _ = io.WriteString(w, "<title>"+heard+"</title>")
		}},
		{"JSON", func(w http.ResponseWriter, heard string) {
			body, _ := json.Marshal(map[string]any{
				"error": heard, "description": heard, "details": map[string]any{heard: []any{map[string]string{"description": heard, "error": heard}}},
			})
			answerJSON(w, 422, string(body))
		}},
		{"request id", func(w http.ResponseWriter, heard string) {
			w.Header().Set("X-Request-Id", heard)
			answerJSON(w, 404, "")
		}},
		{"redirect", func(w http.ResponseWriter, heard string) {
			w.Header().Set("Location", "https://other.example/?"+heard)
			w.WriteHeader(302)
		}},
		{"not JSON", func(w http.ResponseWriter, heard string) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, heard)
		}},
		{"broken JSON", func(w http.ResponseWriter, heard string) { answerJSON(w, 200, `{"ticket":`+heard) }},
	}
	auths := []zendesk.Authenticator{legacy, zendesk.OAuthClientCredentials{ClientID: "talkbridge", ClientSecret: clientSecret}}
	for _, form := range forms {
		for i, auth := range auths {
			for _, mints := range []bool{true, false} {
				t.Run(fmt.Sprint(form.name, i, mints), func(t *testing.T) {
					t.Parallel()
					checkEcho(t, auth, mints, form.answer)
				})
			}
		}
	}
}

func checkEcho(t *testing.T, auth zendesk.Authenticator, mints bool, answer func(http.ResponseWriter, string)) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if mints && r.URL.Path == "/oauth/tokens" {
			answerJSON(w, 200, `{"access_token":"minted-token-99","token_type":"bearer"}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		answer(w, r.Header.Get("Authorization")+" "+string(body))
	}))
	t.Cleanup(server.Close)
	var seen recorder
	client := newClient(t, server.URL, auth, zendesk.WithObserver(seen.observe))
	_, err := client.CreateVoiceTicket(t.Context(), inbound())
	require.Error(t, err)
	requireNoSecret(t, printed(err)+err.Error())
	requireNoSecret(t, printed(client)+printed(auth)+compact(t, auth))
	for _, x := range seen.all() {
		requireNoSecret(t, printed(x))
	}
}

// TestBrokenServerThatEchoes does the same with an answer that is not HTTP, which net/http quotes in its error.
func TestBrokenServerThatEchoes(t *testing.T) {
	t.Parallel()
	client := newClient(t, rawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if req, err := readRequest(r); err == nil {
			fmt.Fprintf(conn, "%s\r\n\r\n", req.Header.Get("Authorization"))
		}
	}), legacy)
	_, err := client.GetTicket(t.Context(), 1)
	require.ErrorContains(t, err, "malformed HTTP")
	requireNoSecret(t, err.Error())
}

func TestNoPhoneNumberInTransportErrors(t *testing.T) {
	t.Parallel()
	var seen recorder
	client := newClient(t, rawServer(t, func(net.Conn, *bufio.Reader) {}), legacy, zendesk.WithObserver(seen.observe))
	_, err := client.SearchUsersByPhone(t.Context(), zendesk.PhoneQuery{Numbers: []string{"15135557611"}})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "5557611")
	require.NotContains(t, printed(seen.all()), "5557611")
}

func TestAuthenticatorsShowWho(t *testing.T) {
	t.Parallel()
	require.Equal(t, `APIToken{"bridge@example.com", <redacted>}`, legacy.String())
	require.Equal(t, `OAuthClientCredentials{"talkbridge", <redacted>}`, fmt.Sprint(oauth))
	require.Equal(t, "zendesk.Client(https://acme.zendesk.com)", newClient(t, "https://acme.zendesk.com", legacy).String())
}
