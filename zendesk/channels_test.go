package zendesk_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

func xEndpoints() []endpoint {
	handle := zendesk.XHandle{ID: 431, ScreenName: "@zendeskops", TwitterUserID: 67923318930, BrandID: 8, CanReply: true, CreatedAt: day}
	const handleJSON = `{"created_at":"2026-03-01T09:14:57Z","id":431,"screen_name":"@zendeskops","twitter_user_id":67923318930,
		"brand_id":8,"can_reply":true,"name":null,"updated_at":null}`
	return []endpoint{
		{
			name: "ListXHandles", method: "GET", path: "/api/v2/channels/twitter/monitored_twitter_handles",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.ListXHandles(ctx) },
			status: 200, answer: `{"monitored_twitter_handles":[` + handleJSON + `]}`, want: []zendesk.XHandle{handle},
		},
		{
			name: "GetXHandle", method: "GET", path: "/api/v2/channels/twitter/monitored_twitter_handles/431",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.GetXHandle(ctx, 431) },
			status: 200, answer: `{"monitored_twitter_handle":` + handleJSON + `}`, want: handle,
		},
		{
			name: "CreateTicketFromPost", method: "POST", path: "/api/v2/channels/twitter/tickets", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return nil, c.CreateTicketFromPost(ctx, zendesk.XPost{PostID: 1744031231231231233, HandleID: 431})
			},
			body:   `{"ticket":{"twitter_status_message_id":1744031231231231233,"monitored_twitter_handle_id":431}}`,
			status: 201,
		},
		{
			name: "XStatuses", method: "GET", path: "/api/v2/channels/twitter/tickets/834/statuses",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.XStatuses(ctx, 834, 1, 3, 5) },
			query:  url.Values{"ids": {"1,3,5"}}, status: 200,
			answer: `{"statuses":[{"favorited":true,"id":834,"retweeted":false,"user_followed":true}]}`,
			want:   []zendesk.XStatus{{ID: 834, Favorited: true, UserFollowed: true}},
		},
	}
}

// resource is the smallest that Zendesk takes.
func resource(id string) zendesk.ExternalResource {
	return zendesk.ExternalResource{
		ExternalID: id, Message: "Hello", CreatedAt: day, Author: zendesk.ChannelAuthor{ExternalID: "ana-7"},
	}
}

// fullPush has every field.
func fullPush() zendesk.Push {
	full := resource("m-2")
	full.HTMLMessage, full.ParentID, full.InternalNote, full.AllowChannelback = "<p>Hello</p>", "m-1", true, new(false)
	full.DisplayInfo = []zendesk.DisplayInfo{{Type: "urn:example:1", Data: json.RawMessage(`{"colour":"red"}`)}}
	full.Fields = []zendesk.FieldValue{{ID: "subject", Value: "Hi"}, {ID: "360001", Value: json.Number("12345678901234567890")}}
	full.FileURLs = []string{"https://files.example.com/1.png"}
	full.Author = zendesk.ChannelAuthor{
		ExternalID: "ana-7", Name: "Ana", ImageURL: "https://files.example.com/ana.png", Locale: "de",
		Fields: []zendesk.FieldValue{{ID: "notes", Value: "likes tea"}},
	}
	threaded := resource("m-1")
	threaded.ThreadID = "t-1"
	return zendesk.Push{InstancePushID: "push-1", RequestID: "r-1", Resources: []zendesk.ExternalResource{threaded, full}}
}

func anyChannelEndpoints() []endpoint {
	return []endpoint{
		{
			name: "Push", method: "POST", path: "/api/v2/any_channel/push", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.Push(ctx, fullPush()) },
			body: `{"instance_push_id":"push-1","request_id":"r-1","external_resources":[
				{"external_id":"m-1","message":"Hello","thread_id":"t-1","created_at":"2026-03-01T09:14:57Z","author":{"external_id":"ana-7"}},
				{"external_id":"m-2","message":"Hello","html_message":"<p>Hello</p>","parent_id":"m-1","created_at":"2026-03-01T09:14:57Z",
				"internal_note":true,"allow_channelback":false,"display_info":[{"type":"urn:example:1","data":{"colour":"red"}}],
				"fields":[{"id":"subject","value":"Hi"},{"id":"360001","value":12345678901234567890}],"file_urls":["https://files.example.com/1.png"],
				"author":{"external_id":"ana-7","name":"Ana","image_url":"https://files.example.com/ana.png","locale":"de",
				"fields":[{"id":"notes","value":"likes tea"}]}}]}`,
			status: 200,
			answer: `{"results":[{"external_resource_id":"m-1","status":{"code":"already_imported"}},
				{"external_resource_id":"m-2","status":{"code":"a_new_code","description":"x"}}]}`,
			want: []zendesk.PushResult{
				{ExternalResourceID: "m-1", Status: zendesk.PushStatus{Code: zendesk.PushAlreadyImported}},
				{ExternalResourceID: "m-2", Status: zendesk.PushStatus{Code: "a_new_code", Description: "x"}},
			},
		},
		{
			name: "ValidateToken", method: "POST", path: "/api/v2/any_channel/validate_token", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return nil, c.ValidateToken(ctx, "push-1", "r-1")
			},
			body: `{"instance_push_id":"push-1","request_id":"r-1"}`, status: 200,
		},
		{
			name: "ReportChannelbackError", method: "POST", path: "/api/v2/any_channel/channelback/report_error", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return nil, c.ReportChannelbackError(ctx, zendesk.ChannelbackFailure{
					InstancePushID: "push-1", ExternalID: "m-9", Description: "The number is not in service", RequestID: "r-2",
				})
			},
			body:   `{"instance_push_id":"push-1","external_id":"m-9","description":"The number is not in service","request_id":"r-2"}`,
			status: 200,
		},
	}
}

func TestImported(t *testing.T) {
	t.Parallel()
	for code, want := range map[zendesk.PushCode]bool{
		zendesk.PushSuccess: true, zendesk.PushAlreadyImported: true, zendesk.PushHalted: false,
		zendesk.PushUnknownParent: false, zendesk.PushProcessingError: false, "a_new_code": false, "": false,
	} {
		require.Equal(t, want, zendesk.PushResult{Status: zendesk.PushStatus{Code: code}}.Imported(), code)
	}
}

func TestPushWantsAResultForEachResource(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"results":[]}`) })
	_, err := c.Push(t.Context(), fullPush())
	var wrong *zendesk.FormatError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "0 results for 2 resources")
	require.True(t, zendesk.Uncertain(err))
}

// TestChannelLimits goes one beyond each limit, and to each limit exactly.
func TestChannelLimits(t *testing.T) {
	t.Parallel()
	const at = "external_resources[0]."
	texts := []struct {
		field string
		limit int
		set   func(p *zendesk.Push, r *zendesk.ExternalResource, text string)
	}{
		{"instance_push_id", 255, func(p *zendesk.Push, _ *zendesk.ExternalResource, s string) { p.InstancePushID = s }},
		{"request_id", 64, func(p *zendesk.Push, _ *zendesk.ExternalResource, s string) { p.RequestID = s }},
		{at + "external_id", 255, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) { r.ExternalID = s }},
		{at + "message", 65_535, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) { r.Message = s }},
		{at + "html_message", 65_535, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) { r.HTMLMessage = s }},
		{at + "parent_id", 255, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) { r.ParentID = s }},
		{at + "thread_id", 255, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) { r.ThreadID = s }},
		{at + "author.external_id", 255, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) { r.Author.ExternalID = s }},
		{at + "author.name", 255, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) { r.Author.Name = s }},
		{at + "author.image_url", 255, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) { r.Author.ImageURL = s }},
		{at + "author.locale", 255, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) { r.Author.Locale = s }},
		{at + "author.fields[0].id", 255, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) {
			r.Author.Fields = []zendesk.FieldValue{{ID: s}}
		}},
		{at + "fields[0].id", 255, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) {
			r.Fields = []zendesk.FieldValue{{ID: s}}
		}},
		{at + "display_info[0].type", 255, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) {
			r.DisplayInfo = []zendesk.DisplayInfo{{Type: s, Data: json.RawMessage(`{}`)}}
		}},
		{at + "display_info[0].data", 65_535, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) {
			r.DisplayInfo = []zendesk.DisplayInfo{{Type: "x", Data: json.RawMessage(`{"a":"` + s[8:] + `"}`)}}
		}},
		{at + "file_urls[0]", 511, func(_ *zendesk.Push, r *zendesk.ExternalResource, s string) {
			r.FileURLs = []string{"https://x/" + s[10:]}
		}},
	}
	for _, tt := range texts {
		t.Run(tt.field, func(t *testing.T) {
			t.Parallel()
			p := zendesk.Push{InstancePushID: "push-1", Resources: []zendesk.ExternalResource{resource("m-1")}}
			tt.set(&p, &p.Resources[0], strings.Repeat("x", tt.limit))
			pushed(t, p)
			tt.set(&p, &p.Resources[0], strings.Repeat("x", tt.limit+1))
			bad := refusedPush(t, p)
			require.Equal(t, zendesk.InputError{
				Operation: "Push", Field: tt.field, Problem: bad.Problem, Limit: tt.limit, Length: tt.limit + 1,
			}, *bad)
			require.NotContains(t, bad.Error(), "xxx")
		})
	}
}

// TestChannelCharacters counts characters, not bytes.
func TestChannelCharacters(t *testing.T) {
	t.Parallel()
	p := zendesk.Push{InstancePushID: "push-1", Resources: []zendesk.ExternalResource{resource("m-1")}}
	p.Resources[0].Author.Name = strings.Repeat("é", 255)
	pushed(t, p)
	p.Resources[0].Author.Name += "é"
	require.Equal(t, 256, refusedPush(t, p).Length)
}

func TestChannelListLimits(t *testing.T) {
	t.Parallel()
	const at = "external_resources[0]."
	for _, tt := range []struct {
		field string
		limit int
		set   func(p *zendesk.Push, n int)
	}{
		{"external_resources", 256, func(p *zendesk.Push, n int) {
			p.Resources = nil
			for range n {
				p.Resources = append(p.Resources, resource("m"))
			}
		}},
		{at + "display_info", 16, func(p *zendesk.Push, n int) {
			p.Resources[0].DisplayInfo = fill(n, zendesk.DisplayInfo{Type: "x", Data: json.RawMessage(`{}`)})
		}},
		{at + "fields", 64, func(p *zendesk.Push, n int) { p.Resources[0].Fields = fill(n, zendesk.FieldValue{ID: "x"}) }},
		{at + "author.fields", 64, func(p *zendesk.Push, n int) { p.Resources[0].Author.Fields = fill(n, zendesk.FieldValue{ID: "x"}) }},
		{at + "file_urls", 10, func(p *zendesk.Push, n int) { p.Resources[0].FileURLs = fill(n, "https://x/y") }},
	} {
		t.Run(tt.field, func(t *testing.T) {
			t.Parallel()
			p := zendesk.Push{InstancePushID: "push-1", Resources: []zendesk.ExternalResource{resource("m-1")}}
			tt.set(&p, tt.limit)
			pushed(t, p)
			tt.set(&p, tt.limit+1)
			bad := refusedPush(t, p)
			require.Equal(t, []any{tt.field, tt.limit, tt.limit + 1}, []any{bad.Field, bad.Limit, bad.Length})
		})
	}
}

func TestChannelForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, field string
		set         func(p *zendesk.Push, r *zendesk.ExternalResource)
	}{
		{"nothing to push", "external_resources", func(p *zendesk.Push, _ *zendesk.ExternalResource) { p.Resources = nil }},
		{"no push id", "instance_push_id", func(p *zendesk.Push, _ *zendesk.ExternalResource) { p.InstancePushID = "" }},
		{"no id", "external_id", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.ExternalID = "" }},
		{"an id that is not ASCII", "external_id", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.ExternalID = "zürich" }},
		{"white space around an id", "external_id", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.ExternalID = "m-1 " }},
		{"no message", "message", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.Message = "" }},
		{"no time", "created_at", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.CreatedAt = time.Time{} }},
		{"parent and thread", "thread_id", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.ParentID, r.ThreadID = "a", "b" }},
		{"a parent that is not ASCII", "parent_id", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.ParentID = "ä" }},
		{"no author", "author.external_id", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.Author.ExternalID = "" }},
		{"an author that is not ASCII", "author.external_id", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.Author.ExternalID = "ä" }},
		{"no field id", "fields[0].id", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.Fields = make([]zendesk.FieldValue, 1) }},
		{"data that is a text", "display_info[0].data", func(_ *zendesk.Push, r *zendesk.ExternalResource) {
			r.DisplayInfo = []zendesk.DisplayInfo{{Type: "x", Data: json.RawMessage(`"text"`)}}
		}},
		{"data that is no JSON", "display_info[0].data", func(_ *zendesk.Push, r *zendesk.ExternalResource) {
			r.DisplayInfo = []zendesk.DisplayInfo{{Type: "x", Data: json.RawMessage(`{`)}}
		}},
		{"plain http", "file_urls[0]", func(_ *zendesk.Push, r *zendesk.ExternalResource) { r.FileURLs = []string{"http://x/y"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := zendesk.Push{InstancePushID: "push-1", Resources: []zendesk.ExternalResource{resource("m-1")}}
			tt.set(&p, &p.Resources[0])
			bad := refusedPush(t, p)
			require.Equal(t, tt.field, strings.TrimPrefix(bad.Field, "external_resources[0]."))
			require.Zero(t, bad.Limit)
		})
	}
}

func fill[T any](n int, v T) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = v
	}
	return list
}

// pushed wants the request to be sent.
func pushed(t *testing.T, p zendesk.Push) {
	t.Helper()
	arrived := false
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived = true
		answerJSON(w, 503, "")
	})
	_, err := c.Push(t.Context(), p)
	var refused *zendesk.Error
	require.ErrorAs(t, err, &refused)
	require.True(t, arrived)
}

// refusedPush wants the request not to be sent.
func refusedPush(t *testing.T, p zendesk.Push) *zendesk.InputError {
	t.Helper()
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	_, err := c.Push(t.Context(), p)
	var bad *zendesk.InputError
	require.ErrorAs(t, err, &bad)
	return bad
}
