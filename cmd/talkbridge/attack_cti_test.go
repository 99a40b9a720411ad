package main

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/cti"
)

// deliverTo posts to the public listener and returns what was answered.
func deliverTo(t *testing.T, c *child, path, contentType, body string, header http.Header) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+c.address(t, "public_listen")+path, strings.NewReader(body))
	require.NoError(t, err)
	maps.Copy(request.Header, header)
	request.Header.Set("Content-Type", contentType)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

// Whoever is not let in, or says what cannot be, makes no call; each is told in one
// line, and counted.
func TestAttackPush(t *testing.T) {
	t.Parallel()
	s := newSite(t, withSource("  - name: push1\n    cti: {token: "+pushToken+"}\n"))
	c := s.startReady()
	const form, path = "application/x-www-form-urlencoded", "/v1/cti/push1"
	const call = "event=newCall&callId=attack&from=493010001234&to=15550100001&direction=in"
	bearer := http.Header{"Authorization": {"Bearer " + pushToken}}
	before := c.metric(t, "talkbridge_journal_messages ")
	for _, tt := range []struct {
		name, path, kind, body string
		header                 http.Header
		status                 int
		counted                string
	}{
		{name: "unsigned", path: path, kind: form, body: call, status: 401, counted: "unauthorized"},
		{name: "a wrong token", path: path + "/" + strings.Repeat("0", 32), kind: form, body: call, status: 401, counted: "unauthorized"},
		{name: "the beginning of the token", path: path + "/" + pushToken[:31], kind: form, body: call, status: 401, counted: "unauthorized"},
		{name: "the token in the query", path: path + "?token=" + pushToken, kind: form, body: call, status: 401, counted: "unauthorized"},
		{name: "another source", path: "/v1/cti/pbx1/" + pushToken, kind: form, body: call, status: 404},
		{name: "over 1 MiB", path: path, kind: form, body: strings.Repeat("x", 1<<20+1), header: bearer, status: 413, counted: "too_large"},
		{name: "a wrong content type", path: path, kind: "text/xml", body: call, header: bearer, status: 415, counted: "content_type"},
		{name: "no call", path: path, kind: form, body: "event=newCall&callId=", header: bearer, status: 400, counted: "malformed"},
		{name: "a call of another source", path: path, kind: form, body: "event=newCall&callId=%00&from=1&to=2", header: bearer, status: 400, counted: "malformed"},
		{name: "JSON of great depth", path: path, kind: "application/json", body: strings.Repeat(`[`, 1<<19), header: bearer, status: 400, counted: "malformed"},
	} {
		count := `talkbridge_deliveries_total{result="` + tt.counted + `",source="push1"}`
		was := c.metric(t, count)
		status, text := deliverTo(t, c, tt.path, tt.kind, tt.body, tt.header)
		require.Equal(t, tt.status, status, "%s: %s", tt.name, text)
		require.Len(t, strings.Split(strings.TrimSpace(text), "\n"), 1, tt.name)
		if tt.counted != "" {
			require.InDelta(t, was+1, c.metric(t, count), 0, tt.name)
		}
	}
	require.InDelta(t, before, c.metric(t, "talkbridge_journal_messages "), 0, "nothing is recorded")
	status, text := deliverTo(t, c, path, form, call, bearer)
	require.Equal(t, http.StatusOK, status, text)
	require.InDelta(t, before+1, c.metric(t, "talkbridge_journal_messages "), 0)
	c.stop(t)
}

// The same for our own events, and what was overheard cannot be sent again for ever.
func TestAttackEvents(t *testing.T) {
	t.Parallel()
	const secret, path, kind = "5ec2e7005ec2e700", "/v1/events", "application/cloudevents+json"
	s := newSite(t, withSource("  - name: pbx2\n    events: {hmac_secret: "+secret+"}\n"))
	c := s.startReady()
	event := func(at string) string {
		return `{"specversion":"1.0","id":"1","source":"/x","type":"com.talkbridge.phone.started","time":"` + at +
			`","data":{"call":"attack","from":"+493010001234","to":"+15550100001"}}`
	}
	good := event(time.Now().Format(time.RFC3339))
	signed := func(body, key string, ago time.Duration) http.Header {
		return http.Header{cti.SignatureHeader: {cti.Sign(key, []byte(body), time.Now().Add(-ago))}}
	}
	before := c.metric(t, "talkbridge_journal_messages ")
	for _, tt := range []struct {
		name, body string
		header     http.Header
		status     int
		counted    string
	}{
		{name: "unsigned", body: good, status: 401, counted: "unauthorized"},
		{name: "another secret", body: good, header: signed(good, "5ec2e7005ec2e701", 0), status: 401, counted: "unauthorized"},
		{name: "another body", body: good + " ", header: signed(good, secret, 0), status: 401, counted: "unauthorized"},
		{name: "replayed", body: good, header: signed(good, secret, 301*time.Second), status: 401, counted: "stale"},
		{name: "far ahead", body: event("2999-01-01T00:00:00Z"), header: signed(event("2999-01-01T00:00:00Z"), secret, 0), status: 400, counted: "time"},
		{name: "before 2000", body: event("1970-01-01T00:00:00Z"), header: signed(event("1970-01-01T00:00:00Z"), secret, 0), status: 400, counted: "time"},
	} {
		count := `talkbridge_deliveries_total{result="` + tt.counted + `",source="pbx2"}`
		was := c.metric(t, count)
		status, text := deliverTo(t, c, path, kind, tt.body, tt.header)
		require.Equal(t, tt.status, status, "%s: %s", tt.name, text)
		require.InDelta(t, was+1, c.metric(t, count), 0, tt.name)
	}
	require.InDelta(t, before, c.metric(t, "talkbridge_journal_messages "), 0, "nothing is recorded")
	for range 2 {
		status, text := deliverTo(t, c, path, kind, good, signed(good, secret, 0))
		require.Equal(t, http.StatusOK, status, text)
	}
	s.eventually(c, "one entry for both", func() bool { return c.metric(t, `talkbridge_deliveries_total{result="accepted",source="pbx2"}`) == 2 })
	require.InDelta(t, before+1, c.metric(t, "talkbridge_journal_messages "), 0)
	c.stop(t)
}
