package zendesk

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var errorBodies = []struct {
	name        string
	contentType string
	body        string
	want        Error
}{
	{name: "empty"},
	{name: "white space", body: " \r\n"},
	{
		name: "validation", contentType: "application/json",
		body: `{"error":"RecordInvalid","description":"Record validation errors","details":{"status":[{"description":"Status: closed prevents ticket update"}]}}`,
		want: Error{
			Code: "RecordInvalid", Description: "Record validation errors",
			Details: map[string][]Detail{"status": {{Description: "Status: closed prevents ticket update"}}},
		},
	},
	{
		name: "duplicate", contentType: "application/json",
		body: `{"details":{"external_id":[{"description":"External has already been taken","error":"DuplicateValue"}]},"error":"RecordInvalid"}`,
		want: Error{
			Code:    "RecordInvalid",
			Details: map[string][]Detail{"external_id": {{Code: "DuplicateValue", Description: "External has already been taken"}}},
		},
	},
	{
		name: "details as words", contentType: "application/json",
		body: `{"error":"Invalid","details":{"a":["one","two"],"b":"three","c":[1,null],"d":{"description":"four"}}}`,
		want: Error{Code: "Invalid", Details: map[string][]Detail{
			"a": {{Description: "one"}, {Description: "two"}}, "b": {{Description: "three"}}, "d": {{Description: "four"}},
		}},
	},
	{name: "details as a word", body: `{"error":"Invalid","details":"no"}`, want: Error{Code: "Invalid"}},
	{
		name: "nested", contentType: "application/json",
		body: `{"error":{"title":"Forbidden","message":"You do not have access to this page."}}`,
		want: Error{Code: "Forbidden", Description: "You do not have access to this page."},
	},
	{
		name: "oauth", body: `{"error":"invalid_client","error_description":"Client authentication failed"}`,
		want: Error{Code: "invalid_client", Description: "Client authentication failed"},
	},
	{
		name: "list of errors", body: `{"errors":[{"code":"TooManyRequests","title":"Too many","detail":"Slow down","status":"429"}]}`,
		want: Error{Code: "TooManyRequests", Description: "Slow down"},
	},
	{name: "message alone", body: `{"message":"no"}`, want: Error{Description: "no"}},
	{name: "another object", body: `{"foo":[1]}`},
	{name: "null", body: `null`},
	{name: "JSON text", contentType: "application/json", body: `"Not Found"`, want: Error{Description: `"Not Found"`}},
	{
		name: "text", contentType: "text/plain", body: "Number of allowed API requests per minute exceeded\n",
		want: Error{Description: "Number of allowed API requests per minute exceeded"},
	},
	{
		name: "web page", contentType: "text/html",
		body: "<html><head><TITLE class=x>503 Service\n Unavailable &amp; more</TITLE></head></html>",
		want: Error{Description: "a web page: 503 Service Unavailable & more"},
	},
	{name: "web page without a title", contentType: "text/html", body: "<h1>no</h1>", want: Error{Description: "a web page"}},
	{name: "web page without a type", body: "<!doctype html><title></title>", want: Error{Description: "a web page"}},
	{name: "broken JSON", contentType: "application/json", body: `{"error":"Rec`, want: Error{Description: `{"error":"Rec`}},
	{name: "binary", body: "\x1f\x8b\x00\x07x", want: Error{Description: "??x"}},
}

func TestDecodeErrorBody(t *testing.T) {
	t.Parallel()
	for _, tt := range errorBodies {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got Error
			decodeErrorBody(&got, tt.contentType, []byte(tt.body))
			if tt.name == "binary" {
				require.True(t, utf8.ValidString(got.Description))
				require.NotContains(t, got.Description, "\x00")
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzDecodeErrorBody(f *testing.F) {
	for _, tt := range errorBodies {
		f.Add(tt.contentType, []byte(tt.body))
	}
	f.Add("text/plain", []byte(strings.Repeat("ä", 600)))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		got := Error{Operation: "GetTicket", Status: 422}
		decodeErrorBody(&got, contentType, body)
		texts := []string{got.Code, got.Description}
		require.LessOrEqual(t, len(got.Code), maxCode)
		require.LessOrEqual(t, len(got.Details), maxDetails)
		for field, list := range got.Details {
			require.LessOrEqual(t, len(field), maxCode)
			require.NotEmpty(t, list)
			require.LessOrEqual(t, len(list), maxDetails)
			for _, d := range list {
				texts = append(texts, d.Code, d.Description)
			}
		}
		for _, s := range texts {
			require.LessOrEqual(t, len(s), maxDescription)
			require.True(t, utf8.ValidString(s))
			require.NotContains(t, s, "\n")
		}
		require.NotContains(t, got.Error(), "\n")
		_ = got.IsClosed()
		_ = got.IsDuplicate("external_id")
	})
}

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestParseRateLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		h    http.Header
		want RateLimit
	}{
		{name: "nothing", h: headers("Content-Type", "application/json", "X-Limit", "3")},
		{
			name: "voice", h: headers("X-Rate-Limit", "700", "X-Rate-Limit-Remaining", "0"),
			want: RateLimit{At: now, Account: Budget{Known: true, Limit: 700}},
		},
		{
			name: "ticketing", h: headers("x-rate-limit", "700", "x-rate-limit-remaining", "699", "ratelimit-limit", "700",
				"ratelimit-remaining", "698", "ratelimit-reset", "41", "zendesk-ratelimit-tickets-index", "total=100; remaining=99; resets=41"),
			want: RateLimit{
				At: now, Account: Budget{Known: true, Limit: 700, Remaining: 698, Resets: 41 * time.Second},
				Endpoints: map[string]Budget{"tickets-index": {Known: true, Limit: 100, Remaining: 99, Resets: 41 * time.Second}},
			},
		},
		{
			name: "old spelling, as it came on the wire",
			h: http.Header{
				"rate-limit-remaining": {"5"}, "RATE-LIMIT-RESET": {"9"}, "ZENDESK-Rate-Limit-Per-Ticket-Updates": {"Total=30;remaining=0;  RESETS=540"},
			},
			want: RateLimit{
				At: now, Account: Budget{Known: true, Remaining: 5, Resets: 9 * time.Second},
				Endpoints: map[string]Budget{"per-ticket-updates": {Known: true, Limit: 30, Resets: 9 * time.Minute}},
			},
		},
		{
			name: "nonsense",
			h: http.Header{
				"X-Rate-Limit": {"many"}, "X-Rate-Limit-Remaining": {}, "Zendesk-Ratelimit-": {"total=1"}, "Zendesk-Ratelimit-X": {"soon"},
				"Ratelimit-Remaining": {"99999999999999999999"},
			},
		},
		{
			name: "out of bounds",
			h:    headers("X-Rate-Limit-Remaining", "-3", "ratelimit-reset", "9223372036854775807"),
			want: RateLimit{At: now, Account: Budget{Known: true, Resets: maxWait}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, parseRateLimit(tt.h, now)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		h    http.Header
		want time.Duration
	}{
		{name: "none", h: headers()},
		{name: "seconds", h: headers("Retry-After", " 93 "), want: 93 * time.Second},
		{name: "any case", h: headers("retry-after", "93"), want: 93 * time.Second},
		{name: "date by our clock", h: headers("Retry-After", "Sun, 01 Mar 2026 12:01:00 GMT"), want: time.Minute},
		{
			name: "date by their clock",
			h:    headers("Retry-After", "Sun, 01 Mar 2026 12:01:00 GMT", "Date", "Sun, 01 Mar 2026 12:00:30 GMT"), want: 30 * time.Second,
		},
		{name: "past date", h: headers("Retry-After", "Sun, 01 Mar 2026 11:01:00 GMT")},
		{name: "far date", h: headers("Retry-After", "Sun, 01 Mar 2099 11:01:00 GMT"), want: maxWait},
		{name: "negative", h: headers("Retry-After", "-1")},
		{name: "huge", h: headers("Retry-After", "9223372036854775807"), want: maxWait},
		{name: "too huge", h: headers("Retry-After", "92233720368547758070")},
		{name: "a word", h: headers("Retry-After", "later")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, parseRetryAfter(tt.h, now))
		})
	}
}

func FuzzRateLimitHeaders(f *testing.F) {
	f.Add("X-Rate-Limit-Remaining", "699", "41")
	f.Add("zendesk-ratelimit-tickets-index", "total=100; remaining=99; resets=41", "Sun, 01 Mar 2026 12:01:00 GMT")
	f.Add("Zendesk-Rate-Limit-a", "remaining=-1;;=;total=", "-9")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, key, value, retryAfter string) {
		h := http.Header{key: {value}, "X-Rate-Limit": {value}, "Ratelimit-Reset": {value}, "Retry-After": {retryAfter}}
		got := parseRateLimit(h, now)
		budgets := []Budget{got.Account}
		for name, b := range got.Endpoints {
			require.NotEmpty(t, name)
			require.LessOrEqual(t, len(name), maxBudgetName)
			budgets = append(budgets, b)
		}
		for _, b := range budgets {
			require.GreaterOrEqual(t, b.Remaining, 0)
			require.GreaterOrEqual(t, b.Limit, 0)
			require.GreaterOrEqual(t, b.Resets, time.Duration(0))
			require.LessOrEqual(t, b.Resets, maxWait)
		}
		wait := parseRetryAfter(h, now)
		require.GreaterOrEqual(t, wait, time.Duration(0))
		require.LessOrEqual(t, wait, maxWait)
	})
}

func TestLimitBook(t *testing.T) {
	t.Parallel()
	var book limitBook
	require.Equal(t, RateLimit{}, book.snapshot())
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	book.note(RateLimit{At: early, Account: Budget{Known: true, Remaining: 9}, Endpoints: map[string]Budget{"a": {Limit: 1}}})
	book.note(RateLimit{At: late, Endpoints: map[string]Budget{"a": {Limit: 2}, "b": {Limit: 3}}})
	book.note(RateLimit{})
	want := RateLimit{At: early, Account: Budget{Known: true, Remaining: 9}, Endpoints: map[string]Budget{"a": {Limit: 2}, "b": {Limit: 3}}}
	got := book.snapshot()
	require.Equal(t, want, got)
	got.Endpoints["a"] = Budget{}
	require.Equal(t, want, book.snapshot(), "the snapshot is a copy")
	for i := range 100 {
		book.note(RateLimit{At: late, Endpoints: map[string]Budget{strings.Repeat("x", i+1): {Limit: 1}}})
	}
	require.Len(t, book.snapshot().Endpoints, maxBudgets)
}

func TestCut(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a b", cut("  a\n\tb ", 10))
	require.Equal(t, "ab…", cut("abcdefgh", 5))
	require.Equal(t, "ä…", cut("äääää", 6))
	require.Empty(t, cut("", 5))
}
