package zendesk_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := "https://acme.zendesk.com"
	tests := []struct {
		name string
		url  string
		auth zendesk.Authenticator
		opt  zendesk.Option
		want string
	}{
		{name: "no address", url: "", want: "not an address"},
		{name: "a bare name", url: "acme", want: "not an address"},
		{name: "a broken one", url: "https://acme zendesk:hunter2\x7f", want: "not an address"},
		{name: "a password in it", url: "https://ana:hunter2@acme.zendesk.com", want: "must not hold a user name"},
		{name: "a path", url: good + "/agent/dashboard", want: "scheme and host only"},
		{name: "the API's path", url: good + "/api/v2", want: "scheme and host only"},
		{name: "a query", url: good + "?x=hunter2", want: "scheme and host only"},
		{name: "plain http", url: "http://acme.zendesk.com", want: "use https"},
		{name: "another scheme", url: "ftp://acme.zendesk.com", want: "want the scheme https"},
		{name: "no authenticator", url: good, want: "no authenticator"},
		{name: "no client id", url: good, auth: zendesk.OAuthClientCredentials{ClientSecret: "hunter2"}, want: "ClientID is empty"},
		{name: "no client secret", url: good, auth: zendesk.OAuthClientCredentials{ClientID: "a"}, want: "ClientSecret is empty"},
		{name: "a line break after the secret", url: good, auth: zendesk.OAuthClientCredentials{ClientID: "a", ClientSecret: "hunter2\n"}, want: "white space"},
		{name: "a short life", url: good, auth: zendesk.OAuthClientCredentials{ClientID: "a", ClientSecret: "hunter2", Lifetime: time.Second}, want: "more than 300 s"},
		{name: "no email", url: good, auth: zendesk.APIToken{Email: "ana", Token: "hunter2"}, want: "Email is not an address"},
		{name: "email with suffix", url: good, auth: zendesk.APIToken{Email: "ana@example.com/token", Token: "hunter2"}, want: "ends with /token"},
		{name: "no token", url: good, auth: zendesk.APIToken{Email: "ana@example.com"}, want: "Token is empty"},
		{name: "a line break in the token", url: good, auth: zendesk.APIToken{Email: "ana@example.com", Token: "hunter2\n"}, want: "white space"},
		{name: "nil HTTP client", url: good, auth: legacy, opt: zendesk.WithHTTPClient(nil), want: "WithHTTPClient"},
		{name: "no time", url: good, auth: legacy, opt: zendesk.WithTimeout(0), want: "WithTimeout"},
		{name: "nil clock", url: good, auth: legacy, opt: zendesk.WithClock(nil), want: "WithClock"},
		{name: "line break in the agent", url: good, auth: legacy, opt: zendesk.WithUserAgent("a\r\nb"), want: "WithUserAgent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var opts []zendesk.Option
			if tt.opt != nil {
				opts = append(opts, tt.opt)
			}
			_, err := zendesk.New(tt.url, tt.auth, opts...)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "zendesk: ")
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://acme.zendesk.com", "https://acme.zendesk.com/", "http://127.0.0.1:8089", "http://[::1]:8089", "http://LOCALHOST:1"} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			c, err := zendesk.New(base, legacy)
			require.NoError(t, err)
			require.Equal(t, strings.TrimSuffix(base, "/"), c.BaseURL())
		})
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	var got http.Header
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		answerJSON(w, 200, `{"ticket":{"id":1}}`)
	}, zendesk.WithUserAgent("acme-phone/1.0"))
	_, err := c.GetTicket(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "acme-phone/1.0", got.Get("User-Agent"))
	require.Equal(t, "Basic YnJpZGdlQGV4YW1wbGUuY29tL3Rva2VuOmxlZ2FjeS1hcGktdG9rZW4tNDcxMQ==", got.Get("Authorization"))
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	voice := func(f zendesk.TicketFields, agent int64) func(context.Context, *zendesk.Client) error {
		return func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.CreateVoiceTicket(ctx, zendesk.VoiceTicket{Ticket: f, DisplayToAgent: agent})
			return err
		}
	}
	phone := func(numbers ...string) func(context.Context, *zendesk.Client) error {
		return func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.SearchUsersByPhone(ctx, zendesk.PhoneQuery{Numbers: numbers})
			return err
		}
	}
	agent := func(email string) func(context.Context, *zendesk.Client) error {
		return func(ctx context.Context, c *zendesk.Client) error { _, err := c.AgentsByEmail(ctx, email); return err }
	}
	external := func(ids ...string) func(context.Context, *zendesk.Client) error {
		return func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.UsersByExternalIDs(ctx, ids...)
			return err
		}
	}
	update := func(u zendesk.TicketUpdate) func(context.Context, *zendesk.Client) error {
		return func(ctx context.Context, c *zendesk.Client) error { _, err := c.UpdateTicket(ctx, 1, u); return err }
	}
	audits := func(o zendesk.AuditListOptions) func(context.Context, *zendesk.Client) error {
		return func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.ListTicketAudits(ctx, 1, o)
			return err
		}
	}
	tags := func(tags ...string) func(context.Context, *zendesk.Client) error {
		return func(ctx context.Context, c *zendesk.Client) error { _, err := c.AddTags(ctx, 1, tags...); return err }
	}
	create := func(f zendesk.TicketFields, key string) func(context.Context, *zendesk.Client) error {
		return func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.CreateTicket(ctx, zendesk.NewTicket{Ticket: f}, zendesk.CreateTicketOptions{IdempotencyKey: key})
			return err
		}
	}
	tests := []struct {
		name  string
		do    func(context.Context, *zendesk.Client) error
		field string
	}{
		{"no via", voice(zendesk.TicketFields{}, 0), "ticket.via_id"},
		{"native via", voice(zendesk.TicketFields{ViaID: 34}, 0), "ticket.via_id"},
		{"voicemail without a comment", voice(zendesk.TicketFields{ViaID: zendesk.ViaVoicemail}, 0), "ticket.voice_comment"},
		{"negative agent", voice(zendesk.TicketFields{ViaID: zendesk.ViaInbound}, -1), "display_to_agent"},
		{"not JSON", create(zendesk.TicketFields{Metadata: zendesk.Metadata{"x": math.NaN()}}, ""), "body"},
		{"too large", create(zendesk.TicketFields{Subject: strings.Repeat("x", 3<<20)}, ""), "body"},
		{"line break in the key", create(zendesk.TicketFields{}, "a\r\nb"), "Idempotency-Key"},
		{"long key", create(zendesk.TicketFields{}, strings.Repeat("x", 256)), "Idempotency-Key"},
		{"no agent", func(ctx context.Context, c *zendesk.Client) error { return c.DisplayTicket(ctx, 0, 1) }, "agent_id"},
		{"no ticket", func(ctx context.Context, c *zendesk.Client) error { return c.DisplayTicket(ctx, 1, 0) }, "ticket_id"},
		{"no user", func(ctx context.Context, c *zendesk.Client) error { return c.DisplayUser(ctx, 1, -1) }, "user_id"},
		{"no external id", func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.TicketsByExternalID(ctx, "")
			return err
		}, "external_id"},
		{"no ticket to get", func(ctx context.Context, c *zendesk.Client) error { _, err := c.GetTicket(ctx, 0); return err }, "ticket_id"},
		{"safe without a stamp", update(zendesk.TicketUpdate{SafeUpdate: true}), "updated_stamp"},
		{"a stamp without safe", update(zendesk.TicketUpdate{UpdatedStamp: day}), "updated_stamp"},
		{"no tags", tags(), "tags"},
		{"an empty tag", tags("a", ""), "tags"},
		{"no tags to remove", func(ctx context.Context, c *zendesk.Client) error { _, err := c.RemoveTags(ctx, 1); return err }, "tags"},
		{"no post", func(ctx context.Context, c *zendesk.Client) error {
			return c.CreateTicketFromPost(ctx, zendesk.XPost{HandleID: 1})
		}, "ticket.twitter_status_message_id"},
		{"no handle", func(ctx context.Context, c *zendesk.Client) error {
			return c.CreateTicketFromPost(ctx, zendesk.XPost{PostID: 1})
		}, "ticket.monitored_twitter_handle_id"},
		{"no handle to get", func(ctx context.Context, c *zendesk.Client) error { _, err := c.GetXHandle(ctx, 0); return err }, "monitored_twitter_handle_id"},
		{"no comment", func(ctx context.Context, c *zendesk.Client) error { _, err := c.XStatuses(ctx, 0); return err }, "comment_id"},
		{"a bad comment id", func(ctx context.Context, c *zendesk.Client) error { _, err := c.XStatuses(ctx, 1, -1); return err }, "ids"},
		{"no push id to validate", func(ctx context.Context, c *zendesk.Client) error { return c.ValidateToken(ctx, "", "") }, "instance_push_id"},
		{"no failed message", func(ctx context.Context, c *zendesk.Client) error {
			return c.ReportChannelbackError(ctx, zendesk.ChannelbackFailure{InstancePushID: "p"})
		}, "external_id"},
		{"a long failure", func(ctx context.Context, c *zendesk.Client) error {
			return c.ReportChannelbackError(ctx, zendesk.ChannelbackFailure{InstancePushID: "p", ExternalID: "m", Description: strings.Repeat("x", 512)})
		}, "description"},
		{"negative page", audits(zendesk.AuditListOptions{Page: -1}), "page"},
		{"large page", audits(zendesk.AuditListOptions{PerPage: 101}), "page"},
		{"no name", func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.CreateUser(ctx, zendesk.NewUser{Name: " "})
			return err
		}, "user.name"},
		{"no user to get", func(ctx context.Context, c *zendesk.Client) error { _, err := c.GetUser(ctx, 0); return err }, "user_id"},
		{"no ids", func(ctx context.Context, c *zendesk.Client) error { _, err := c.UsersByIDs(ctx); return err }, "ids"},
		{"a bad id", func(ctx context.Context, c *zendesk.Client) error { _, err := c.UsersByIDs(ctx, 1, 0); return err }, "ids"},
		{"no external ids", external(), "external_ids"},
		{"too many", external(strings.Split(strings.Repeat("x,", 100)+"x", ",")...), "external_ids"},
		{"a comma", external("a", "b,c"), "external_ids"},
		{"no numbers", phone(), "numbers"},
		{"too many numbers", phone(strings.Split("1,2,3,4,5,6,7,8,9,0,1", ",")...), "numbers"},
		{"a plus", phone("1", "+15135557611"), "numbers[1]"},
		{"a star alone", phone("*"), "numbers[0]"},
		{"two stars", phone("**5135557611"), "numbers[0]"},
		{"a search term", phone("1 role:admin"), "numbers[0]"},
		{"withheld", phone("anonymous"), "numbers[0]"},
		{"no email", agent("ana"), "email"},
		{"a search term in the email", agent("a@b role:admin"), "email"},
		{"a wildcard", agent("*@example.com"), "email"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("sent %s", r.URL) })
			err := tt.do(t.Context(), c)
			var bad *zendesk.InputError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, tt.field, bad.Field)
			require.NotEmpty(t, bad.Operation)
			require.False(t, zendesk.Uncertain(err))
			require.NotContains(t, err.Error(), "5557611")
		})
	}
}

func TestAnonymousUser(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, `{"user":{"id":null,"name":"Anonymous user","role":"end-user","email":"invalid@example.com"}}`)
	})
	_, err := c.Me(t.Context())
	var anonymous *zendesk.AnonymousError
	require.ErrorAs(t, err, &anonymous)
	require.ErrorContains(t, err, "the credentials were not accepted")
}

func TestExternalIDPages(t *testing.T) {
	t.Parallel()
	var pages []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Query().Get("page")
		pages = append(pages, page)
		if page == "" {
			answerJSON(w, 200, `{"tickets":[{"id":2,"external_id":"x"}],"next_page":"https://elsewhere.example/?page=2"}`)
			return
		}
		answerJSON(w, 200, `{"tickets":[{"id":1,"external_id":"x"}],"next_page":null}`)
	})
	got, err := c.TicketsByExternalID(t.Context(), "x")
	require.NoError(t, err)
	require.Equal(t, []zendesk.Ticket{{ID: 1, ExternalID: "x"}, {ID: 2, ExternalID: "x"}}, got)
	require.Equal(t, []string{"", "2"}, pages)
}

func TestExternalIDPagesEnd(t *testing.T) {
	t.Parallel()
	requests := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		answerJSON(w, 200, `{"tickets":[{"id":1,"external_id":"other"}],"next_page":"again"}`)
	})
	got, err := c.TicketsByExternalID(t.Context(), "x")
	require.NoError(t, err)
	require.Empty(t, got)
	require.Equal(t, 10, requests)
}

func TestTicketAuditsRange(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("page") {
		case "1":
			answerJSON(w, 200, `{"audits":[{"id":3},{"id":2}],"next_page":"x"}`)
		case "2":
			answerJSON(w, 200, `{"audits":[{"id":1}],"next_page":"x"}`)
		default:
			answerJSON(w, 404, ``)
		}
	})
	var ids []int64
	var last error
	for audit, err := range c.TicketAudits(t.Context(), 9, zendesk.AuditListOptions{NewestFirst: true}) {
		ids, last = append(ids, audit.ID), err
	}
	require.Equal(t, []int64{3, 2, 1, 0}, ids)
	var refused *zendesk.Error
	require.ErrorAs(t, last, &refused)
	for audit := range c.TicketAudits(t.Context(), 9, zendesk.AuditListOptions{NewestFirst: true}) {
		require.EqualValues(t, 3, audit.ID)
		break
	}
}

// TestRequestsSurviveJSON holds what lets a caller store a request before sending it: stored, read and sent later it
// is the same bytes.
func TestRequestsSurviveJSON(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CET", 3600)
	comment := &zendesk.VoiceComment{
		From: "anonymous", To: "<&>", StartedAt: time.Date(2026, 3, 1, 10, 14, 57, 999_999_999, zone), CallDuration: 1499 * time.Millisecond, Public: new(true),
	}
	fields := zendesk.TicketFields{
		ViaID: zendesk.ViaOutbound, VoiceComment: comment, Tags: []string{"b", "a"},
		CustomFields: []zendesk.CustomField{{ID: 1, Value: json.Number("9007199254740993")}, {ID: 2, Value: []any{"x", true, nil}}, {ID: 3}},
		Metadata:     zendesk.Metadata{"z": 1.5, "a": map[string]any{"n": json.Number("9007199254740993")}},
	}
	t.Run("VoiceTicket", func(t *testing.T) {
		t.Parallel()
		checkSurvives(t, zendesk.VoiceTicket{Ticket: fields, DisplayToAgent: 9})
	})
	t.Run("NewTicket", func(t *testing.T) { t.Parallel(); checkSurvives(t, zendesk.NewTicket{Ticket: fields}) })
	t.Run("TicketUpdate", func(t *testing.T) {
		t.Parallel()
		checkSurvives(t, zendesk.TicketUpdate{VoiceComment: comment, Metadata: fields.Metadata, SafeUpdate: true, UpdatedStamp: day})
	})
	t.Run("NewCall", func(t *testing.T) {
		t.Parallel()
		checkSurvives(t, zendesk.NewCall{Call: callFields(), Comment: &zendesk.CallComment{Fields: []string{"queue_time"}}})
	})
	t.Run("Push", func(t *testing.T) { t.Parallel(); checkSurvives(t, fullPush()) })
	t.Run("NewUser", func(t *testing.T) {
		t.Parallel()
		checkSurvives(t, zendesk.NewUser{Name: "x", Identities: []zendesk.Identity{{Type: "phone_number", Value: "1"}}})
	})
	t.Run("zero", func(t *testing.T) {
		t.Parallel()
		require.JSONEq(t, `{"ticket":{}}`, compact(t, zendesk.VoiceTicket{}))
		require.JSONEq(t, `{"from":"","to":"","call_duration":0}`, compact(t, zendesk.VoiceComment{}))
		checkSurvives(t, zendesk.VoiceTicket{})
	})
	t.Run("written as Zendesk reads it", func(t *testing.T) {
		t.Parallel()
		require.JSONEq(t, `{"from":"anonymous","to":"<&>","started_at":"2026-03-01T09:14:57Z","call_duration":1,"public":true}`, compact(t, comment))
	})
}

func checkSurvives[T any](t *testing.T, v T) {
	t.Helper()
	first := compact(t, v)
	var again T
	require.NoError(t, json.Unmarshal([]byte(first), &again))
	if diff := cmp.Diff(first, compact(t, again)); diff != "" {
		t.Errorf("second writing differs (-first +second):\n%s", diff)
	}
}

func TestVoiceCommentRefusesBadJSON(t *testing.T) {
	t.Parallel()
	var v zendesk.VoiceComment
	require.ErrorContains(t, json.Unmarshal([]byte(`{"started_at":"yesterday"}`), &v), "started_at")
	require.Error(t, json.Unmarshal([]byte(`{"call_duration":"x"}`), &v))
}

func TestViaChannel(t *testing.T) {
	t.Parallel()
	require.Equal(t, "api_voicemail", zendesk.ViaVoicemail.Channel())
	require.Equal(t, "api_phone_call_inbound", zendesk.ViaInbound.Channel())
	require.Equal(t, "api_phone_call_outbound", zendesk.ViaOutbound.Channel())
	require.Empty(t, zendesk.ViaID(33).Channel())
}
