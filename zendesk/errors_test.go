package zendesk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

func detail(field, code, description string) map[string][]zendesk.Detail {
	return map[string][]zendesk.Detail{field: {{Code: code, Description: description}}}
}

func TestErrorQuestions(t *testing.T) {
	t.Parallel()
	closed := zendesk.Error{Status: 422, Details: detail("status", "", "Status: closed prevents ticket update")}
	base := zendesk.Error{Status: 422, Details: detail("base", "", "Ticket is Closed")}
	taken := zendesk.Error{Status: 422, Details: detail("external_id", "DuplicateValue", "x")}
	takenText := zendesk.Error{Status: 422, Details: detail("external_id", "", "External has already been taken")}
	usedText := zendesk.Error{Status: 422, Details: detail("email", "", "Email: a@b is already being used by another user")}
	tests := []struct {
		name string
		got  bool
		want bool
	}{
		{"closed by status", closed.IsClosed(), true},
		{"closed by base", base.IsClosed(), true},
		{"a duplicate is not closed", taken.IsClosed(), false},
		{"another status is not closed", (&zendesk.Error{Status: 400, Details: closed.Details}).IsClosed(), false},
		{"closed in another field", (&zendesk.Error{Status: 422, Details: detail("subject", "", "closed")}).IsClosed(), false},
		{"duplicate by code", taken.IsDuplicate("external_id"), true},
		{"duplicate by text", takenText.IsDuplicate("external_id"), true},
		{"duplicate by other text", usedText.IsDuplicate("email"), true},
		{"duplicate of another field", taken.IsDuplicate("email"), false},
		{"duplicate with another status", (&zendesk.Error{Status: 400, Details: taken.Details}).IsDuplicate("external_id"), false},
		{"not found", (&zendesk.Error{Status: 404}).IsNotFound(), true},
		{"gone", (&zendesk.Error{Status: 410}).IsNotFound(), true},
		{"conflict", (&zendesk.Error{Status: 409}).IsConflict(), true},
		{"rate limited", (&zendesk.Error{Status: 429}).IsRateLimited(), true},
		{"unauthorized", (&zendesk.Error{Status: 401}).IsUnauthorized(), true},
		{"forbidden", (&zendesk.Error{Status: 403}).IsForbidden(), true},
		{"idempotency mismatch", (&zendesk.Error{Status: 400, Code: "IdempotentRequestError"}).IsIdempotencyMismatch(), true},
		{"another bad request", (&zendesk.Error{Status: 400, Code: "x"}).IsIdempotencyMismatch(), false},
		{"has detail", closed.HasDetail("requester", "status"), true},
		{"has no detail", closed.HasDetail("requester"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, tt.got)
		})
	}
}

func TestUncertain(t *testing.T) {
	t.Parallel()
	refused := func(status int) error { return fmt.Errorf("step: %w", &zendesk.Error{Status: status}) }
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"success", nil, false},
		{"never left", &zendesk.TransportError{Err: errors.New("refused")}, false},
		{"never left for want of a token", &zendesk.TransportError{Err: &zendesk.Error{Status: 503}}, false},
		{"left", &zendesk.TransportError{Sent: true, Err: errors.New("EOF")}, true},
		{"bad argument", &zendesk.InputError{Field: "x"}, false},
		{"redirect", refused(302), false},
		{"validation", refused(422), false},
		{"rate limit", refused(429), false},
		{"conflict", refused(409), false},
		{"server error", refused(500), true},
		{"gateway", refused(502), true},
		{"unavailable", refused(503), true},
		{"unreadable answer", &zendesk.FormatError{Status: 201}, true},
		{"anything else", errors.New("x"), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, zendesk.Uncertain(tt.err))
		})
	}
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want string
	}{
		{
			"all of it",
			&zendesk.Error{
				Operation: "UpdateTicket", Status: 422, Code: "RecordInvalid", Description: "Record validation errors", RequestID: "r1", RetryAfter: time.Second,
				Details: map[string][]zendesk.Detail{"status": {{Description: "Status: closed"}}, "base": {{Code: "Bad"}}},
			},
			"zendesk UpdateTicket: 422 Unprocessable Entity: RecordInvalid: Record validation errors; base: Bad; status: Status: closed (retry after 1s) (request r1)",
		},
		{"status alone", &zendesk.Error{Operation: "GetTicket", Status: 799}, "zendesk GetTicket: 799"},
		{
			"web page", &zendesk.FormatError{Operation: "Me", Host: "acme.example", Status: 200, ContentType: "text/html"},
			"zendesk Me: acme.example answered 200 with content of type text/html instead of JSON: is the URL (zendesk.url) the account's address?",
		},
		{
			"no type", &zendesk.FormatError{Operation: "Me", Host: "acme.example", Status: 200},
			"zendesk Me: acme.example answered 200 with content without a type instead of JSON: is the URL (zendesk.url) the account's address?",
		},
		{"input", &zendesk.InputError{Operation: "Me", Field: "a", Problem: "want b", Err: context.Canceled}, "zendesk Me: a: want b: context canceled"},
		{"input of nothing", &zendesk.InputError{Field: "a", Problem: "want b"}, "a: want b"},
		{"not sent", &zendesk.TransportError{Operation: "Me", Err: context.Canceled}, "zendesk Me: context canceled (not sent)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, tt.err, tt.want)
		})
	}
}

// TestLimitThatRefused: which limit was reached is told by the headers, or it is the account's.
func TestLimitThatRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, left, own string
		status          int
		want            string
	}{
		{name: "that of a ticket", left: "599", own: "total=30; remaining=0; resets=93", status: 429, want: "per-ticket-updates"},
		{name: "the account's", left: "0", own: "total=30; remaining=0; resets=93", status: 429},
		{name: "not told", status: 429},
		{name: "another refusal", left: "599", own: "total=30; remaining=0; resets=93", status: 422},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Rate-Limit-Remaining", tt.left)
				w.Header().Set("Zendesk-Ratelimit-Per-Ticket-Updates", tt.own)
				w.WriteHeader(tt.status)
			})
			_, err := c.UpdateTicket(t.Context(), 1, zendesk.TicketUpdate{Status: "open"})
			var refused *zendesk.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tt.want, refused.Limit)
		})
	}
}
