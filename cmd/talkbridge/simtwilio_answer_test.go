package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/twilio"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// simApp is the application that the agents' browsers call through.
const simApp = "app:talkbridge"

// answerSite is a site beside a simulated Twilio whose numbers ask the daemon what to
// do.
type answerSite struct {
	*twilioSite

	heard *heard
}

// newAnswerSite starts a Twilio whose numbers point at the daemon, and writes the
// configuration for it: what callers hear, and what is put in place of what, by pairs.
func newAnswerSite(t *testing.T, config twiliotest.Config, answer string, edit ...string) *answerSite {
	t.Helper()
	for _, number := range []string{"+15550100001", "+15550100003", simApp} {
		config.Numbers = append(config.Numbers, steered(number))
	}
	s := &answerSite{newTwilioSite(t, config, nil, ", mode: answer, answer: {"+answer+"}"), &heard{}}
	content, err := os.ReadFile(s.config)
	require.NoError(t, err)
	text := string(content)
	for pair := range slices.Chunk(edit, 2) {
		require.Contains(t, text, pair[0])
		text = strings.Replace(text, pair[0], pair[1], 1)
	}
	require.NoError(t, os.WriteFile(s.config, []byte(text), 0o600))
	return s
}

// steered is a number as `check` says that it is to be set up.
func steered(number string) twiliotest.Number {
	hook := func(what string) string { return demoPublic + twilio.Path(simSource, what) + twilio.TryAgain }
	return twiliotest.Number{Number: number, VoiceURL: hook("voice"), StatusCallback: hook("status")}
}

// startAnswering starts the daemon and leads Twilio to it.
func (s *answerSite) startAnswering() *child {
	s.t.Helper()
	c := s.startReady()
	s.heard.through(twiliotest.Via(c.address(s.t, "public_listen")))
	s.twilio.SetTransport(s.heard)
	return c
}

// takes has an agent take the next caller of the queue, and returns his CallSid.
func (s *answerSite) takes(agent string) string {
	s.t.Helper()
	sid, err := s.twilio.Call(twiliotest.Caller{From: agent, To: "queue:support", Via: simApp})
	require.NoError(s.t, err)
	return sid
}

// shown waits until so many pages were opened.
func (s *twilioSite) shown(c *child, pages int) {
	s.t.Helper()
	s.eventually(c, "pages", func() bool { return len(s.zendesk.Pops()) >= pages })
}

// hangUp has the caller hang up.
func (s *twilioSite) hangUp(id string) { s.twilio.HangUp(sidOf(id)) }

// over waits until a call is over on Twilio.
func (s *twilioSite) over(c *child, id string) {
	s.t.Helper()
	select {
	case <-s.twilio.Done(sidOf(id)):
	case <-time.After(patience):
		require.Fail(s.t, "the call goes on", "%s; log:\n%s", id, c.log)
	}
}

// sidOf is the CallSid of a call's id.
func sidOf(id string) string { return strings.TrimPrefix(id, "hq/"+simSource+"/") }

// child is the leg of a phone that rings for a call, "" if none does.
func (s *twilioSite) child(id, phone string) string {
	for _, call := range s.twilio.Calls() {
		if call.Parent == sidOf(id) && call.To == phone {
			return call.SID
		}
	}
	return ""
}

// talks waits until a phone that rings for a call is picked up.
func (s *twilioSite) talks(c *child, id, phone string) {
	s.t.Helper()
	s.eventually(c, phone+" is picked up", func() bool {
		call, _ := s.twilio.CallBySID(s.child(id, phone))
		return call.Status == twiliotest.InProgress
	})
}

// heardOf is how many phones of a call the daemon was told that status of.
func (s *twilioSite) heardOf(id, status string) int {
	n := 0
	for _, d := range s.twilio.Deliveries() {
		if d.Outcome == twiliotest.Delivered && d.Form.Get("ParentCallSid") == sidOf(id) && d.Form.Get("CallStatus") == status {
			n++
		}
	}
	return n
}

// owesNothing waits until nothing is owed of a call, and returns its one ticket.
func (s *twilioSite) owesNothing(c *child, id string) zendesktest.Ticket {
	s.t.Helper()
	s.eventually(c, "nothing is owed of "+id, func() bool { return s.settled(id) })
	tickets := s.zendesk.TicketsByExternalID(id)
	require.Len(s.t, tickets, 1, "log:\n%s", c.log)
	return tickets[0]
}

// heard is the way to the daemon, and keeps what it says that callers are to hear. It
// is safe for concurrent use.
type heard struct {
	mu        sync.Mutex
	way       http.RoundTripper
	documents []string
}

func (h *heard) through(way http.RoundTripper) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.way = way
}

// RoundTrip implements http.RoundTripper.
func (h *heard) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	way := h.way
	h.mu.Unlock()
	response, err := way.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(body) > 0 {
		h.documents = append(h.documents, string(body))
	}
	return response, nil
}

// all is what was said so far, one document after the other.
func (h *heard) all() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.documents, "\n")
}
