package bridge

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

func detail(field, text string) map[string][]zendesk.Detail {
	return map[string][]zendesk.Detail{field: {{Description: text}}}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	refused := func(status int) *zendesk.Error { return &zendesk.Error{Operation: "UpdateTicket", Status: status} }
	unsent := func(err error) error { return &zendesk.TransportError{Operation: "CreateVoiceTicket", Err: err} }
	token := func(status int) error { return unsent(&zendesk.Error{Operation: "CreateToken", Status: status}) }
	tests := []struct {
		name        string
		err         error
		write, read verdict
	}{
		{name: "none", err: nil, write: verdict{kind: ok}, read: verdict{kind: ok}},
		{name: "400", err: refused(400), write: verdict{kind: park}, read: verdict{kind: park}},
		{name: "401", err: refused(401), write: verdict{kind: halt}, read: verdict{kind: halt}},
		{name: "403", err: refused(403), write: verdict{kind: park}, read: verdict{kind: park}},
		{name: "404", err: refused(404), write: verdict{kind: gone}, read: verdict{kind: gone}},
		{name: "408", err: refused(408), write: verdict{kind: retry}, read: verdict{kind: retry}},
		{name: "409", err: refused(409), write: verdict{kind: reapply}, read: verdict{kind: reapply}},
		{name: "410", err: refused(410), write: verdict{kind: gone}, read: verdict{kind: gone}},
		{name: "413", err: refused(413), write: verdict{kind: park}, read: verdict{kind: park}},
		{name: "422", err: refused(422), write: verdict{kind: invalid}, read: verdict{kind: invalid}},
		{
			name: "422, the ticket is closed", err: &zendesk.Error{Status: 422, Details: detail("status", "Status: closed prevents ticket update")},
			write: verdict{kind: closed}, read: verdict{kind: closed},
		},
		{
			name: "422, the requester", err: &zendesk.Error{Status: 422, Details: detail("requester", "Requester: is suspended.")},
			write: verdict{kind: reresolve}, read: verdict{kind: reresolve},
		},
		{
			name: "422, another field", err: &zendesk.Error{Status: 422, Details: detail("assignee", "Assignee: is not valid")},
			write: verdict{kind: invalid}, read: verdict{kind: invalid},
		},
		{name: "425", err: refused(425), write: verdict{kind: retry}, read: verdict{kind: retry}},
		{name: "429 that names no time", err: refused(429), write: verdict{kind: waitUntil, wait: defaultRetryAfter}, read: verdict{kind: waitUntil, wait: defaultRetryAfter}},
		{name: "429", err: &zendesk.Error{Status: 429, RetryAfter: 7 * time.Second}, write: verdict{kind: waitUntil, wait: 7 * time.Second}, read: verdict{kind: waitUntil, wait: 7 * time.Second}},
		{name: "429 for a day", err: &zendesk.Error{Status: 429, RetryAfter: 24 * time.Hour}, write: verdict{kind: waitUntil, wait: maxRetryAfter}, read: verdict{kind: waitUntil, wait: maxRetryAfter}},
		{
			name: "429 of one ticket", err: &zendesk.Error{Status: 429, RetryAfter: time.Second, Limit: "per-ticket-updates"},
			write: verdict{kind: waitUntil, wait: time.Second, alone: true}, read: verdict{kind: waitUntil, wait: time.Second, alone: true},
		},
		{name: "302", err: refused(302), write: verdict{kind: park}, read: verdict{kind: park}},
		{name: "500", err: refused(500), write: verdict{kind: unknown}, read: verdict{kind: retry}},
		{name: "502", err: refused(502), write: verdict{kind: unknown}, read: verdict{kind: retry}},
		{name: "503", err: &zendesk.Error{Status: 503, RetryAfter: time.Minute}, write: verdict{kind: unknown, wait: time.Minute}, read: verdict{kind: retry, wait: time.Minute}},
		{name: "504", err: refused(504), write: verdict{kind: unknown}, read: verdict{kind: retry}},
		{name: "not sent", err: unsent(errors.New("connection refused")), write: verdict{kind: retry}, read: verdict{kind: retry}},
		{name: "stopped before it was sent", err: unsent(context.Canceled), write: verdict{kind: retry}, read: verdict{kind: retry}},
		{name: "cut", err: &zendesk.TransportError{Sent: true, Err: errors.New("EOF")}, write: verdict{kind: unknown}, read: verdict{kind: retry}},
		{name: "too slow", err: &zendesk.TransportError{Sent: true, Err: context.DeadlineExceeded}, write: verdict{kind: unknown}, read: verdict{kind: retry}},
		{name: "a web page", err: &zendesk.FormatError{Status: 200}, write: verdict{kind: unknown}, read: verdict{kind: retry}},
		{name: "an argument", err: &zendesk.InputError{Field: "numbers"}, write: verdict{kind: park}, read: verdict{kind: park}},
		{name: "no token: 401", err: token(401), write: verdict{kind: halt}, read: verdict{kind: halt}},
		{name: "no token: 400", err: token(400), write: verdict{kind: halt}, read: verdict{kind: halt}},
		{name: "no token: 429", err: token(429), write: verdict{kind: waitUntil, wait: defaultRetryAfter}, read: verdict{kind: waitUntil, wait: defaultRetryAfter}},
		{name: "no token: 503", err: token(503), write: verdict{kind: retry}, read: verdict{kind: retry}},
		{name: "wrapped", err: fmt.Errorf("create: %w", refused(403)), write: verdict{kind: park}, read: verdict{kind: park}},
		{name: "something else", err: errors.New("odd"), write: verdict{kind: unknown}, read: verdict{kind: retry}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.write, classify(test.err, true), "as a write")
			require.Equal(t, test.read, classify(test.err, false), "as a read")
		})
	}
}

func TestBackoffGrowsToTwoMinutes(t *testing.T) {
	t.Parallel()
	require.Equal(t, time.Second, backoff(0))
	require.Equal(t, 2*time.Second, backoff(1))
	require.Equal(t, 64*time.Second, backoff(6))
	require.Equal(t, 2*time.Minute, backoff(7))
	require.Equal(t, 2*time.Minute, backoff(1_000_000))
}

func TestNumbersInErrorsAreMasked(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Phone: +*********23 is taken (request 1234567890)", maskNumbers("Phone: +12125550123 is taken (request 1234567890)"))
}
