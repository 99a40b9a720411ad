package zendesk_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

func TestUploadFile(t *testing.T) {
	t.Parallel()
	answer := `{"upload":{"token":"abc","attachment":{"id":1,"content_url":"https://acme.zendesk.com/attachments/token/x/?name=call.wav"},"attachments":[]}}`
	for name, tt := range map[string]struct {
		answer, want string
	}{
		"taken":            {answer: answer},
		"without an url":   {answer: `{"upload":{"token":"abc","attachment":{}}}`, want: "content_url"},
		"without a token":  {answer: `{"upload":{"attachment":{"content_url":"https://x"}}}`, want: "token"},
		"something else":   {answer: `[]`, want: "UploadFile"},
		"nothing to speak": {answer: ``, want: "UploadFile"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodPost || r.URL.Path != "/api/v2/uploads" || r.URL.Query().Get("filename") != "call.wav" ||
					r.Header.Get("Content-Type") != "audio/wav" || string(body) != "RIFF" {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, tt.answer)
			}))
			t.Cleanup(server.Close)
			client, err := zendesk.New(server.URL, zendesk.APIToken{Email: "a@example.com", Token: "t"})
			require.NoError(t, err)
			t.Cleanup(client.CloseIdleConnections)
			up, err := client.UploadFile(t.Context(), "call.wav", "audio/wav", []byte("RIFF"))
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				require.True(t, zendesk.Uncertain(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, zendesk.Upload{Token: "abc", ContentURL: "https://acme.zendesk.com/attachments/token/x/?name=call.wav"}, up)
		})
	}
}

func TestUploadFileRefusesInput(t *testing.T) {
	t.Parallel()
	client, err := zendesk.New("https://acme.zendesk.com", zendesk.APIToken{Email: "a@example.com", Token: "t"})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		file, kind string
		content    []byte
		field      string
	}{
		"empty":           {file: "a.wav", kind: "audio/wav", field: "body"},
		"too large":       {file: "a.wav", kind: "audio/wav", content: make([]byte, zendesk.MaxUpload+1), field: "body"},
		"no name":         {kind: "audio/wav", content: []byte("x"), field: "filename"},
		"a folder":        {file: "../a.wav", kind: "audio/wav", content: []byte("x"), field: "filename"},
		"a line break":    {file: "a\n.wav", kind: "audio/wav", content: []byte("x"), field: "filename"},
		"no type":         {file: "a.wav", content: []byte("x"), field: "Content-Type"},
		"no type at all":  {file: "a.wav", kind: "wav", content: []byte("x"), field: "Content-Type"},
		"a header inside": {file: "a.wav", kind: "audio/wav\r\nX: y", content: []byte("x"), field: "Content-Type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client.UploadFile(t.Context(), tt.file, tt.kind, tt.content)
			wrong, ok := errors.AsType[*zendesk.InputError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, tt.field, wrong.Field)
			require.Less(t, len(strings.TrimSpace(err.Error())), 300)
		})
	}
}
