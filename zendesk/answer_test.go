package zendesk_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

// TestWarning surfaces what Zendesk says of keys that it dropped, and nothing that is secret.
func TestWarning(t *testing.T) {
	t.Parallel()
	var seen recorder
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Zendesk-Api-Warn", `Removed restricted keys ["comment"] `+r.Header.Get("Authorization")+strings.Repeat("x", 1000))
		answerJSON(w, 201, `{"ticket":{"id":1}}`)
	}, zendesk.WithObserver(seen.observe))
	_, err := c.CreateVoiceTicket(t.Context(), inbound())
	require.NoError(t, err)
	warning := seen.all()[0].Warning
	require.True(t, strings.HasPrefix(warning, `Removed restricted keys ["comment"]`), warning)
	require.LessOrEqual(t, len(warning), 500)
	requireNoSecret(t, warning)
}

// TestWrongAnswers holds that an answer which is not the API's is told with its status and its beginning.
func TestWrongAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, kind, body string
		status           int
		begins, problem  string
	}{
		{"a web page", "text/html", "<html>\n<title>Sign in</title>", 200, "<html> <title>Sign in</title>", "content of type text/html"},
		{"nothing", "application/json", "", 200, "", "unexpected end of JSON input"},
		{"cut", "application/json", `{"ticket":{"id":1`, 201, `{"ticket":{"id":1`, "unexpected end of JSON input"},
		{"another type", "application/json", `{"ticket":{"id":"one"}}`, 201, `{"ticket":{"id":"one"}}`, "cannot unmarshal string"},
		{"a list", "application/json", `[1]`, 200, `[1]`, "cannot unmarshal array"},
		{"null", "application/json", `null`, 200, `null`, "the answer has no ticket"},
		{"no record", "application/json", `{"ticket":null}`, 200, `{"ticket":null}`, "the answer has no ticket"},
		{"no id", "application/json", `{"ticket":{}}`, 200, `{"ticket":{}}`, "the answer has no ticket.id"},
		{"10 MB", "application/json", strings.Repeat("y", 10<<20), 200, strings.Repeat("y", 197) + "…", "too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.kind)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := c.GetTicket(t.Context(), 1)
			var wrong *zendesk.FormatError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, tt.status, wrong.Status)
			require.Equal(t, tt.begins, wrong.Body)
			require.ErrorContains(t, err, tt.problem)
			require.Equal(t, tt.kind == "text/html", strings.Contains(err.Error(), "that begins"), "JSON may hold a number")
		})
	}
}

func TestWhiteSpaceAroundAnAnswer(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, " \n\t{ \"audit\" : {\"ticket\":{\"id\":2}} , \"ticket\" : {\"id\":1} } \n")
	})
	ticket, err := c.GetTicket(t.Context(), 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, ticket.ID)
}
