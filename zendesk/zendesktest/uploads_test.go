package zendesktest_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// What is uploaded can be fetched where the answer says that it is; no more
// than 50 MB are taken.
func TestUploads(t *testing.T) {
	t.Parallel()
	server := zendesktest.New(zendesktest.WithPlan(zendesktest.Unlimited))
	require.NoError(t, server.Start(""))
	t.Cleanup(server.Close)
	client, err := zendesk.New(server.URL(), zendesk.APIToken{Email: zendesktest.DefaultEmail, Token: zendesktest.DefaultAPIToken})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)

	sound := bytes.Repeat([]byte("sound"), 1<<20) // more than any other request may have
	up, err := client.UploadFile(t.Context(), "call 1.wav", "audio/wav", sound)
	require.NoError(t, err)
	kept := server.Uploads()
	require.Len(t, kept, 1)
	require.Equal(t, "call 1.wav", kept[0].Name)
	require.Equal(t, up.Token, kept[0].Token)
	require.Equal(t, up.ContentURL, kept[0].ContentURL)

	for url, status := range map[string]int{up.ContentURL: http.StatusOK, server.URL() + "/attachments/token/other/x": http.StatusNotFound} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, status, answer.StatusCode)
		if status == http.StatusOK {
			require.Equal(t, "audio/wav", answer.Header.Get("Content-Type"))
			require.True(t, bytes.Equal(sound, body))
		}
	}
}
