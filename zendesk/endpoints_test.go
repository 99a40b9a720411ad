package zendesk_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

var day = time.Date(2026, 3, 1, 9, 14, 57, 0, time.UTC)

// endpoint is one use of one method: what must go out, what comes back, what it must return.
type endpoint struct {
	name   string
	invoke func(ctx context.Context, c *zendesk.Client) (any, error)
	method string
	path   string
	query  url.Values
	body   string
	status int
	answer string
	want   any
	write  bool
}

func endpoints() []endpoint {
	list := append(ticketEndpoints(), voiceEndpoints()...)
	list = append(list, requesterEndpoints()...)
	list = append(list, xEndpoints()...)
	list = append(list, anyChannelEndpoints()...)
	list = append(list, callEndpoints()...)
	list = append(list, peopleEndpoints()...)
	list = append(list, availabilityEndpoints()...)
	return append(list, userEndpoints()...)
}

func voiceEndpoints() []endpoint {
	voicemail := zendesk.VoiceTicket{
		Ticket: zendesk.TicketFields{
			ViaID: zendesk.ViaVoicemail, ExternalID: "hq/pbx1/1.2", Subject: "Voicemail", RequesterID: 7, Tags: []string{"voicemail"},
			VoiceComment: &zendesk.VoiceComment{
				From: "+15135557611", To: "+15550100001", RecordingURL: "https://calls.example.com/r/1.mp3", StartedAt: day,
				CallDuration: 40 * time.Second, AnsweredByID: 28, TranscriptionText: "Hello", Location: "Dublin", Public: new(false),
			},
			Metadata: zendesk.Metadata{"call": "hq/pbx1/1.2"},
		},
		DisplayToAgent: 28,
	}
	return []endpoint{
		{
			name: "CreateVoiceTicket", method: "POST", path: "/api/v2/channels/voice/tickets", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.CreateVoiceTicket(ctx, voicemail) },
			body: `{"display_to_agent":28,"ticket":{"via_id":44,"external_id":"hq/pbx1/1.2","subject":"Voicemail","requester_id":7,
				"tags":["voicemail"],"metadata":{"call":"hq/pbx1/1.2"},"voice_comment":{"from":"+15135557611","to":"+15550100001",
				"recording_url":"https://calls.example.com/r/1.mp3","started_at":"2026-03-01T09:14:57Z","call_duration":40,
				"answered_by_id":28,"transcription_text":"Hello","location":"Dublin","public":false}}}`,
			status: 201, answer: `{"ticket":{"id":35436,"external_id":"hq/pbx1/1.2","via":{"channel":"api_voicemail","source":{}},"assignee_id":null},"audit":{"id":1}}`,
			want: zendesk.Ticket{ID: 35436, ExternalID: "hq/pbx1/1.2", Via: zendesk.Via{Channel: "api_voicemail"}},
		},
		{
			name: "DisplayTicket", method: "POST", path: "/api/v2/channels/voice/agents/28/tickets/35436/display", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return nil, c.DisplayTicket(ctx, 28, 35436) },
			status: 200,
		},
		{
			name: "DisplayUser", method: "POST", path: "/api/v2/channels/voice/agents/28/users/7/display", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return nil, c.DisplayUser(ctx, 28, 7) },
			status: 200,
		},
	}
}

func ticketEndpoints() []endpoint {
	return []endpoint{
		{
			name: "CreateTicket", method: "POST", path: "/api/v2/tickets", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.CreateTicket(ctx, zendesk.NewTicket{Ticket: zendesk.TicketFields{
					Subject: "Hi", Comment: &zendesk.Comment{Body: "text", Public: new(false), AuthorID: 3},
					Requester:           &zendesk.Requester{Name: "Ana", Email: "ana@example.com"},
					ViaFollowupSourceID: 12, CustomFields: []zendesk.CustomField{{ID: 9, Value: "x"}},
				}}, zendesk.CreateTicketOptions{IdempotencyKey: "k1"})
			},
			body: `{"ticket":{"subject":"Hi","comment":{"body":"text","public":false,"author_id":3},
				"requester":{"name":"Ana","email":"ana@example.com"},"via_followup_source_id":12,"custom_fields":[{"id":9,"value":"x"}]}}`,
			status: 201, answer: `{"ticket":{"id":1,"custom_fields":[{"id":9,"value":12345678901234567890}]}}`,
			want: zendesk.Ticket{ID: 1, CustomFields: []zendesk.CustomField{{ID: 9, Value: json.Number("12345678901234567890")}}},
		},
		{
			name: "TicketsByExternalID", method: "GET", path: "/api/v2/tickets",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.TicketsByExternalID(ctx, "hq/pbx1/1 2+3&x")
			},
			query:  url.Values{"external_id": {"hq/pbx1/1 2+3&x"}, "per_page": {"100"}},
			status: 200,
			answer: `{"tickets":[{"id":5,"external_id":"hq/pbx1/1 2+3&x","created_at":"2026-03-01T10:00:00Z"},
				{"id":6,"external_id":"HQ/pbx1/1 2+3&x"},{"id":4,"external_id":"hq/pbx1/1 2+3&x","created_at":"2026-03-01T09:00:00Z"}],"next_page":null}`,
			want: []zendesk.Ticket{
				{ID: 4, ExternalID: "hq/pbx1/1 2+3&x", CreatedAt: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)},
				{ID: 5, ExternalID: "hq/pbx1/1 2+3&x", CreatedAt: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)},
			},
		},
		{
			name: "GetTicket", method: "GET", path: "/api/v2/tickets/35436",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.GetTicket(ctx, 35436) },
			status: 200,
			answer: `{"ticket":{"id":35436,"external_id":null,"status":"open","assignee_id":28,"group_id":2,"requester_id":7,"tags":["a"],
				"subject":"S","via":{"channel":"web"},"updated_at":"2026-03-01T09:14:57Z","unknown":{"x":1}}}`,
			want: zendesk.Ticket{
				ID: 35436, Status: "open", AssigneeID: 28, GroupID: 2, RequesterID: 7, Tags: []string{"a"}, Subject: "S",
				Via: zendesk.Via{Channel: "web"}, UpdatedAt: day,
			},
		},
		{
			name: "UpdateTicket", method: "PUT", path: "/api/v2/tickets/35436", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.UpdateTicket(ctx, 35436, zendesk.TicketUpdate{
					Status: "solved", AssigneeID: 28, Comment: &zendesk.Comment{Body: "done", Public: new(false)},
					Metadata: zendesk.Metadata{"step": "complete"}, SafeUpdate: true, UpdatedStamp: day,
				})
			},
			body: `{"ticket":{"status":"solved","assignee_id":28,"comment":{"body":"done","public":false},"metadata":{"step":"complete"},
				"safe_update":true,"updated_stamp":"2026-03-01T09:14:57Z"}}`,
			status: 200, answer: `{"ticket":{"id":35436,"status":"solved"},"audit":{}}`,
			want: zendesk.Ticket{ID: 35436, Status: "solved"},
		},
		{
			name: "AddTags", method: "PUT", path: "/api/v2/tickets/35436/tags", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.AddTags(ctx, 35436, "b") },
			body:   `{"tags":["b"]}`, status: 200, answer: `{"tags":["a","b"]}`, want: []string{"a", "b"},
		},
		{
			name: "ListTags", method: "GET", path: "/api/v2/tickets/35436/tags",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.ListTags(ctx, 35436) },
			status: 200, answer: `{"tags":["a"]}`, want: []string{"a"},
		},
		{
			name: "RemoveTags", method: "DELETE", path: "/api/v2/tickets/35436/tags", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.RemoveTags(ctx, 35436, "b") },
			body:   `{"tags":["b"]}`, status: 200, answer: `{"tags":[]}`, want: []string{},
		},
		{
			name: "ListTicketAudits", method: "GET", path: "/api/v2/tickets/666/audits",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.ListTicketAudits(ctx, 666, zendesk.AuditListOptions{NewestFirst: true, Page: 2, PerPage: 50})
			},
			query:  url.Values{"page": {"2"}, "per_page": {"50"}, "sort_order": {"desc"}},
			status: 200,
			answer: `{"audits":[{"id":1,"ticket_id":666,"metadata":{"custom":[],"system":{"n":1.50}},"events":[]},
				{"id":2,"ticket_id":666,"metadata":{"custom":{"step":"x"}},"via":{"channel":"api"},
				"events":[{"id":3,"type":"VoiceComment","public":false,"data":{"from":"+1"}},{"id":4,"type":"Change","field_name":"status","value":"open","previous_value":null}]}],
				"next_page":"https://other.example/x?page=3"}`,
			want: zendesk.AuditPage{Next: 3, Audits: []zendesk.Audit{
				{ID: 2, TicketID: 666, Metadata: zendesk.AuditMetadata{Custom: zendesk.Metadata{"step": "x"}}, Via: zendesk.Via{Channel: "api"}, Events: []zendesk.AuditEvent{
					{ID: 3, Type: "VoiceComment", Public: new(false), Data: json.RawMessage(`{"from":"+1"}`)},
					{ID: 4, Type: "Change", FieldName: "status", Value: json.RawMessage(`"open"`), PreviousValue: json.RawMessage(`null`)},
				}},
				{ID: 1, TicketID: 666, Metadata: zendesk.AuditMetadata{System: zendesk.Metadata{"n": json.Number("1.50")}}, Events: []zendesk.AuditEvent{}},
			}},
		},
	}
}

func userEndpoints() []endpoint {
	ana := zendesk.User{
		ID: 7, Name: "Ana", Email: "Ana@example.com", Role: "agent", Active: true, Phone: "+1 (513) 555-7611",
		SharedPhoneNumber: true, ExternalID: "tel:+15135557611",
	}
	anaJSON := `{"id":7,"name":"Ana","email":"Ana@example.com","role":"agent","active":true,"suspended":false,
		"phone":"+1 (513) 555-7611","shared_phone_number":true,"external_id":"tel:+15135557611","result_type":"user"}`
	return []endpoint{
		{
			name: "Me", method: "GET", path: "/api/v2/users/me",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.Me(ctx) },
			status: 200, answer: `{"user":` + anaJSON + `}`, want: ana,
		},
		{
			name: "GetUser", method: "GET", path: "/api/v2/users/7",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.GetUser(ctx, 7) },
			status: 200, answer: `{"user":` + anaJSON + `}`, want: ana,
		},
		{
			name: "CreateUser", method: "POST", path: "/api/v2/users", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.CreateUser(ctx, zendesk.NewUser{
					Name: "Caller: +15135557611", ExternalID: "tel:+15135557611", Phone: "+15135557611", SkipVerifyEmail: true,
					Identities: []zendesk.Identity{{Type: "phone_number", Value: "+15135557611"}},
				})
			},
			body: `{"user":{"name":"Caller: +15135557611","external_id":"tel:+15135557611","phone":"+15135557611","skip_verify_email":true,
				"identities":[{"type":"phone_number","value":"+15135557611"}]}}`,
			status: 201, answer: `{"user":` + anaJSON + `}`, want: ana,
		},
		{
			name: "UsersByIDs", method: "GET", path: "/api/v2/users/show_many",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.UsersByIDs(ctx, 7, 8) },
			query:  url.Values{"ids": {"7,8"}}, status: 200, answer: `{"users":[` + anaJSON + `]}`, want: []zendesk.User{ana},
		},
		{
			name: "UsersByExternalIDs", method: "GET", path: "/api/v2/users/show_many",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.UsersByExternalIDs(ctx, "tel:+15135557611", "b&c")
			},
			query:  url.Values{"external_ids": {"tel:+15135557611,b&c"}},
			status: 200, answer: `{"users":[]}`, want: []zendesk.User{},
		},
		{
			name: "SearchUsersByPhone", method: "GET", path: "/api/v2/search",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.SearchUsersByPhone(ctx, zendesk.PhoneQuery{Numbers: []string{"15135557611", "*5135557611"}})
			},
			query:  url.Values{"query": {"type:user role:end-user phone:15135557611 phone:*5135557611"}, "per_page": {"100"}},
			status: 200, answer: `{"results":[` + anaJSON + `,{"id":1,"result_type":"ticket"}],"count":250}`,
			want: zendesk.UserHits{Users: []zendesk.User{ana}, Total: 250},
		},
		{
			name: "AgentsByEmail", method: "GET", path: "/api/v2/search",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.AgentsByEmail(ctx, "ana@example.com")
			},
			query:  url.Values{"query": {"type:user email:ana@example.com"}, "per_page": {"100"}},
			status: 200,
			answer: `{"results":[{"id":1,"email":"ana@example.com","role":"end-user","active":true},
				{"id":2,"email":"ana@example.com","role":"admin","active":false},{"id":3,"email":"ana@example.com","role":"agent","active":true,"suspended":true},
				{"id":4,"email":"ana@example.com.au","role":"agent","active":true},` + anaJSON + `],"count":5}`,
			want: []zendesk.User{ana},
		},
	}
}

// TestEndpointsAreAll holds that no operation is left out of the table.
func TestEndpointsAreAll(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{"createToken": true, "UploadFile": true} // They have tests of their own.
	for _, e := range endpoints() {
		rows[e.name] = true
	}
	for _, d := range documentedOperations(t) {
		require.True(t, rows[d.function], "%s has no row", d.function)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for _, e := range endpoints() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			t.Run("sends and returns", func(t *testing.T) { t.Parallel(); e.checkExchange(t) })
			t.Run("refused", func(t *testing.T) { t.Parallel(); e.checkRefused(t) })
			t.Run("context over", func(t *testing.T) { t.Parallel(); e.checkContextOver(t) })
			t.Run("not JSON", func(t *testing.T) { t.Parallel(); e.checkWebPage(t) })
			t.Run("JSON without the record", func(t *testing.T) { t.Parallel(); e.checkNoRecord(t) })
		})
	}
}

func (e endpoint) checkExchange(t *testing.T) {
	t.Helper()
	var seen recorder
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Method != e.method || r.URL.Path != e.path:
			answerJSON(w, 500, `{"error":"got `+r.Method+" "+r.URL.Path+`"}`)
			return
		case r.Header.Get("Accept") != "application/json" || r.Header.Get("Content-Type") != "application/json":
			answerJSON(w, 500, `{"error":"header"}`)
			return
		}
		if diff := cmp.Diff(e.query, r.URL.Query(), cmp.Transformer("nil", func(v url.Values) string { return v.Encode() })); diff != "" {
			t.Errorf("query (-want +got):\n%s", diff)
		}
		if e.body == "" {
			if len(body) != 0 {
				t.Errorf("unexpected body %q", body)
			}
		} else if diff := cmp.Diff(normal(e.body), normal(string(body))); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		w.Header().Set("X-Rate-Limit", "700")
		w.Header().Set("X-Rate-Limit-Remaining", "699")
		if e.answer == "" {
			w.WriteHeader(e.status)
			return
		}
		answerJSON(w, e.status, e.answer)
	}, zendesk.WithObserver(seen.observe))

	got, err := e.invoke(t.Context(), client)
	require.NoError(t, err)
	if diff := cmp.Diff(e.want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	exchanges := seen.all()
	require.Len(t, exchanges, 1)
	x := exchanges[0]
	require.Equal(t, e.name, x.Operation)
	require.Equal(t, e.method, x.Method)
	require.NotContains(t, x.Path, "?")
	require.Equal(t, e.status, x.Status)
	require.NoError(t, x.Err)
	require.Positive(t, x.Duration)
	require.False(t, x.Started.IsZero())
	require.Equal(t, zendesk.Budget{Known: true, Limit: 700, Remaining: 699}, x.RateLimit.Account)
	require.Equal(t, x.RateLimit, client.RateLimit())
}

func (e endpoint) checkRefused(t *testing.T) {
	t.Helper()
	var seen recorder
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "req-1")
		answerJSON(w, http.StatusUnprocessableEntity, `{"error":"RecordInvalid","description":"Record validation errors"}`)
	}, zendesk.WithObserver(seen.observe))
	_, err := e.invoke(t.Context(), client)
	var refused *zendesk.Error
	require.ErrorAs(t, err, &refused)
	want := zendesk.Error{
		Operation: e.name, Status: 422, Code: "RecordInvalid", Description: "Record validation errors", RequestID: "req-1",
	}
	require.Equal(t, want, *refused)
	require.False(t, zendesk.Uncertain(err))
	require.Len(t, seen.all(), 1)
	require.Equal(t, err, seen.all()[0].Err)
}

func (e endpoint) checkContextOver(t *testing.T) {
	t.Helper()
	client := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.invoke(ctx, client)
	var lost *zendesk.TransportError
	require.ErrorAs(t, err, &lost)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, e.name, lost.Operation)
	require.False(t, lost.Sent)
}

func (e endpoint) checkWebPage(t *testing.T) {
	t.Helper()
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>Sign in</title>")
	})
	_, err := e.invoke(t.Context(), client)
	var wrong *zendesk.FormatError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "text/html", wrong.ContentType)
	require.Contains(t, client.BaseURL(), wrong.Host)
	require.ErrorContains(t, err, "zendesk.url")
	require.ErrorContains(t, err, "text/html")
	require.True(t, zendesk.Uncertain(err))
}

func (e endpoint) checkNoRecord(t *testing.T) {
	t.Helper()
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{}`) })
	_, err := e.invoke(t.Context(), client)
	if e.want == nil {
		require.NoError(t, err, "an empty answer is expected and any JSON is as good")
		return
	}
	var wrong *zendesk.FormatError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "the answer has no ")
}

// normal is JSON text with sorted keys and no white space, or the text itself.
func normal(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	data, _ := json.Marshal(v)
	return string(data)
}
