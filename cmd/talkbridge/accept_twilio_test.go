package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	twilioAccount = "AC0123456789abcdef0123456789abcdef"
	twilioToken   = "5c0ffee0123456789abcdef012345678"
	twilioCall    = "CA00000000000000000000000000000001"
	twilioChild   = "CA00000000000000000000000000000002"
)

// twilioOptions are a site with a Twilio account, of which keys may say more.
func twilioOptions(keys string) siteOptions {
	return siteOptions{edit: []string{
		"sources:\n", "sources:\n  - name: tw\n    twilio: {account_sid: " + twilioAccount + ", auth_token: " + twilioToken + keys + "}\n",
		`numbers: ["1001"]`, `numbers: ["1001", "client:alice"]`,
	}}
}

// twilioHook posts what Twilio tells, and returns the status.
func (s *site) twilioHook(c *child, hook string, pairs ...string) int {
	s.t.Helper()
	status, _ := s.twilioAsk(c, hook, pairs...)
	return status
}

// twilioAsk posts what Twilio tells, signed as it signs, and returns the answer.
func (s *site) twilioAsk(c *child, hook string, pairs ...string) (status int, document string) {
	s.t.Helper()
	form := url.Values{"AccountSid": {twilioAccount}}
	for pair := range slices.Chunk(pairs, 2) {
		form.Set(pair[0], pair[1])
	}
	request, err := signedByTwilio(context.WithoutCancel(s.t.Context()), "http://"+c.address(s.t, "public_listen"), "/v1/twilio/tw/"+hook, form)
	require.NoError(s.t, err)
	response, err := http.DefaultClient.Do(request) //nolint:forbidigo // Twilio is none of ours
	require.NoError(s.t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, response.Body.Close())
	return response.StatusCode, string(body)
}

// signedByTwilio is a request as Twilio makes it, signed for the address that it
// knows, which is where the daemon is told to be.
func signedByTwilio(ctx context.Context, address, path string, form url.Values) (*http.Request, error) {
	signed := "http://127.0.0.1:9" + path
	for _, key := range slices.Sorted(maps.Keys(form)) {
		signed += key + form.Get(key)
	}
	mac := hmac.New(sha1.New, []byte(twilioToken))
	mac.Write([]byte(signed))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address+path, strings.NewReader(form.Encode()))
	if err == nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return request, err
}

// A call on Twilio that Alice answers in her browser is one ticket, with its page.
func TestTwilioCall(t *testing.T) {
	t.Parallel()
	s := newSite(t, twilioOptions(""))
	c := s.startReady()
	now := func() string { return time.Now().UTC().Format(time.RFC1123Z) }
	child := func(status, sequence string) []string {
		return []string{
			"CallSid", twilioChild, "ParentCallSid", twilioCall, "From", "+12125550123", "To", "client:alice", "Direction", "outbound-dial",
			"CallStatus", status, "SequenceNumber", sequence, "Timestamp", now(),
		}
	}
	require.Equal(t, http.StatusOK, s.twilioHook(c, "voice", "CallSid", twilioCall, "From", "+12125550123", "To", "+15550100001",
		"FromCity", "BUFFALO", "FromState", "NY", "FromCountry", "US", "Direction", "inbound", "CallStatus", "ringing"))
	require.Equal(t, http.StatusNoContent, s.twilioHook(c, "status", child("initiated", "0")...))
	require.Equal(t, http.StatusNoContent, s.twilioHook(c, "status", child("in-progress", "1")...))
	s.eventually(c, "page for Alice", func() bool { return len(s.zendesk.Pops()) == 1 })
	require.Equal(t, s.agentID("Alice"), s.zendesk.Pops()[0].AgentID)
	require.Equal(t, http.StatusNoContent, s.twilioHook(c, "status", append(child("completed", "2"), "CallDuration", "1")...))
	require.Equal(t, http.StatusNoContent, s.twilioHook(c, "status", "CallSid", twilioCall, "From", "+12125550123", "To", "+15550100001",
		"Direction", "inbound", "CallStatus", "completed", "CallDuration", "2", "SequenceNumber", "0", "Timestamp", now()))
	id := "hq/tw/" + twilioCall
	ticket := s.ticketOf(c, id, 2)
	require.Equal(t, 45, ticket.ViaID)
	s.eventually(c, "nothing is owed", func() bool { return s.settled(id) })
	require.Equal(t, http.StatusForbidden, s.twilioHook(c, "status", "CallSid", twilioCall, "AccountSid", "AC0123456789abcdef0123456789abcdee"))
	_, metrics := get(t, "http://"+c.address(t, "listen")+"/metrics")
	require.Contains(t, metrics, `talkbridge_twilio_refused_total{reason="account",source="tw"} 1`)
	require.Contains(t, metrics, `talkbridge_twilio_webhooks_total{source="tw"} 6`)
	code, out, errs := runCLI(t.Context(), "explain", id, "--config", s.config)
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "client:alice")
	c.stop(t)
	require.NotContains(t, c.log.String(), twilioToken)
}

// check shows what is to be pasted into Twilio.
func TestCheckShowsTwilioAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t, twilioOptions(", public_url: https://calls.example.com"))
	code, out, errs := runCLI(t.Context(), "check", "--config", s.config)
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "tw: addresses for Twilio")
	require.Contains(t, out, "https://calls.example.com/v1/twilio/tw/status#rc=5&rp=ct,rt,5xx\n")
}

// talkbridge says what happens to a call: the agents of the line ring, and who gets
// nobody leaves a message, which is fetched with the account's login.
func TestTwilioAnswers(t *testing.T) {
	t.Parallel()
	recording := "/2010-04-01/Accounts/" + twilioAccount + "/Recordings/RE00000000000000000000000000000001"
	head := "RIFF\x84\x5d\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data\x60\x5d\x00\x00"
	message := append([]byte(head), make([]byte, 24000)...) // three seconds of silence
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != twilioAccount || password != twilioToken || r.URL.Path != recording+".wav" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(message)
	}))
	t.Cleanup(api.Close)
	s := newSite(t, twilioOptions(", mode: answer, recording_format: wav, api_url: "+api.URL+
		", answer: {greeting: Welcome., ring: [Alice], voicemail: {greeting: Leave a message.}}"))
	c := s.startReady()
	caller := []string{"CallSid", twilioCall, "From", "+12125550123", "To", "+15550100001", "Direction", "inbound"}
	with := func(pairs ...string) []string { return append(slices.Clone(caller), pairs...) }
	status, document := s.twilioAsk(c, "voice", with("CallStatus", "ringing")...)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, document, "<Say>Welcome.</Say>")
	require.Contains(t, document, ">alice</Client>")
	_, document = s.twilioAsk(c, "dial", with("CallStatus", "in-progress", "DialCallSid", twilioChild, "DialCallStatus", "no-answer")...)
	require.Contains(t, document, "<Say>Leave a message.</Say><Record ")
	_, document = s.twilioAsk(c, "voicemail", with("CallStatus", "completed", "RecordingUrl", api.URL+recording, "RecordingDuration", "3")...)
	require.Contains(t, document, "<Hangup/>")
	over := time.Now().Add(time.Second).UTC().Format(time.RFC1123Z) // whole seconds, and after what was told before
	require.Equal(t, http.StatusNoContent, s.twilioHook(c, "status", with("CallStatus", "completed", "CallDuration", "30", "Timestamp", over)...))
	ticket := s.ticketOf(c, "hq/tw/"+twilioCall, 1)
	require.Equal(t, 44, ticket.ViaID)
	require.Len(t, ticket.VoiceComments(), 1)
	require.NotEmpty(t, ticket.VoiceComments()[0].RecordingURL)

	// What callers hear can change without a restart.
	text, err := os.ReadFile(s.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.config, []byte(strings.Replace(string(text), "Welcome.", "Hello.", 1)), 0o600))
	c.signal(t, syscall.SIGHUP)
	s.eventually(c, "another greeting", func() bool {
		_, document := s.twilioAsk(c, "voice", with("CallStatus", "ringing")...)
		return strings.Contains(document, "<Say>Hello.</Say>")
	})
	c.stop(t)
	require.NotContains(t, c.log.String(), "restart needed")
}
