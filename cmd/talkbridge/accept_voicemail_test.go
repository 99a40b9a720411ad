package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

func TestVoicemailPlays(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	played, err := s.player.Play(t.Context(), asterisktest.Scenario{Capture: "b_voicemail", Kind: "voicemail", Agents: []string{"1001"}})
	require.NoError(t, err)
	ticket := s.ticketOf(c, "hq/pbx1/"+played.Linkedids[0], 1)
	require.Equal(t, 44, ticket.ViaID)
	require.Empty(t, s.zendesk.Pops())
	voice := ticket.VoiceComments()
	require.Len(t, voice, 1)

	link, err := url.Parse(voice[0].RecordingURL)
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:9", link.Scheme+"://"+link.Host, "the link is at the configured address")
	link.Host = c.address(t, "public_listen")
	message := played.Message
	if !filepath.IsAbs(message) {
		message = filepath.Join(s.player.Voicemail, message)
	}
	want, err := os.ReadFile(message + ".wav")
	require.NoError(t, err)

	r := request(t, http.MethodGet, link.String(), nil)
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, "audio/wav", r.header.Get("Content-Type"))
	require.Equal(t, "no-referrer", r.header.Get("Referrer-Policy"))
	require.Equal(t, want, r.body)

	r = request(t, http.MethodHead, link.String(), nil)
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, int64(len(want)), r.length)
	require.Empty(t, r.body)

	r = request(t, http.MethodGet, link.String(), http.Header{"Range": {"bytes=100-199"}})
	require.Equal(t, http.StatusPartialContent, r.status)
	require.Equal(t, want[100:200], r.body)

	for name, wrong := range map[string]string{
		"tampered":      tamper(link.String()),
		"without a key": link.Scheme + "://" + link.Host + link.Path + "?",
		"a folder":      link.Scheme + "://" + link.Host + "/recordings/",
		"out of it":     link.Scheme + "://" + link.Host + "/recordings/..%2f..%2ftalkbridge.yaml",
		"metrics":       link.Scheme + "://" + link.Host + "/metrics",
		"calls":         link.Scheme + "://" + link.Host + "/v1/calls?limit=1",
	} {
		status, _ := get(t, wrong)
		require.Equal(t, http.StatusNotFound, status, name)
	}
	c.stop(t)
	require.NotContains(t, c.log.String(), link.RawQuery, "a link in a log is a link for everybody who reads it")
}

// tamper changes the last character of a link.
func tamper(link string) string {
	last := "A"
	if strings.HasSuffix(link, last) {
		last = "B"
	}
	return link[:len(link)-1] + last
}
