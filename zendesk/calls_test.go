package zendesk_test

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

// callFields are the least that a record needs, and more of each type.
func callFields() zendesk.CallFields {
	return zendesk.CallFields{
		AppID: 1001, FromLine: "+15135557611", ToLine: "+15550100001", Direction: zendesk.CallInbound,
		StartedAt: day.In(time.FixedZone("CET", 3600)).Add(time.Millisecond), QueueTime: zendesk.InSeconds(1499 * time.Millisecond),
		HoldTime: zendesk.InSeconds(0), Voicemail: new(false), ExternalID: "hq/pbx1/1.2",
	}
}

func callEndpoints() []endpoint {
	const record = `{"call":{"id":16444799095826,"account_id":850916,"ticket_id":null,"app_id":1001,"from_line":"+15135557611",
		"to_line":"+15550100001","call_started_at":"2026-03-01T09:14:57Z","call_ended_at":null,"direction":"inbound","duration":null,
		"queue_time":1,"hold_time":0,"voicemail":false,"completion_status":"a_new_status","external_id":"hq/pbx1/1.2",
		"created_at":"2026-03-01T09:14:57Z","updated_at":"2026-03-01T09:14:57Z","transcript":null,"a_new_field":{}}}`
	fields := callFields()
	fields.StartedAt, fields.CompletionStatus = day, "a_new_status"
	want := zendesk.CallRecord{ID: 16444799095826, AccountID: 850916, CallFields: fields, CreatedAt: day, UpdatedAt: day}
	return []endpoint{
		{
			name: "CreateCall", method: "POST", path: "/api/v2/calls", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.CreateCall(ctx, zendesk.NewCall{Call: callFields(), Comment: &zendesk.CallComment{Title: "A call", Fields: []string{"queue_time"}}})
			},
			body: `{"call":{"app_id":1001,"from_line":"+15135557611","to_line":"+15550100001","direction":"inbound",
				"call_started_at":"2026-03-01T09:14:57Z","queue_time":1,"hold_time":0,"voicemail":false,"external_id":"hq/pbx1/1.2"},
				"comment":{"title":"A call","call_fields":["queue_time"]}}`,
			status: 201, answer: record, want: want,
		},
		{
			name: "UpdateCall", method: "PATCH", path: "/api/v2/calls/16444799095826", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.UpdateCall(ctx, 16444799095826, zendesk.CallFields{CompletionStatus: zendesk.CallCompleted, EndedAt: day})
			},
			body:   `{"call":{"completion_status":"completed","call_ended_at":"2026-03-01T09:14:57Z"}}`,
			status: 200, answer: record, want: want,
		},
		{
			name: "GetCall", method: "GET", path: "/api/v2/calls/16444799095826",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.GetCall(ctx, 16444799095826) },
			status: 200, answer: record, want: want,
		},
		{
			name: "CommentOnCall", method: "POST", path: "/api/v2/calls/7/comments", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.CommentOnCall(ctx, 7, zendesk.CallComment{
					Title: "Ended", Fields: []string{"direction"}, Subject: "S", AuthorID: 28, EndUserID: 9, DisplayToAgent: 29,
				})
			},
			body:   `{"title":"Ended","call_fields":["direction"],"subject":"S","author_id":28,"end_user_id":9,"display_to_agent":29}`,
			status: 201, answer: `{"id":5,"type":"TpeVoiceComment","public":false,"data":{"call_id":7},"author_id":28,"body":"Ended","audit_id":4}`,
			want: zendesk.TicketComment{ID: 5, Type: zendesk.CommentCall, Data: json.RawMessage(`{"call_id":7}`), AuthorID: 28, Body: "Ended", AuditID: 4},
		},
		{
			name: "TicketComments", method: "GET", path: "/api/v2/tickets/35436/comments",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return collect(c.TicketComments(ctx, 35436, true))
			},
			query: url.Values{"page[size]": {"100"}, "sort": {"-created_at"}}, status: 200,
			answer: `{"comments":[{"id":5,"type":"Comment","body":"Hi","public":true,"attachments":[{"id":1,"file_name":"a.mp3","size":3}]}],
				"meta":{"has_more":false},"links":{}}`,
			want: []zendesk.TicketComment{{
				ID: 5, Type: zendesk.CommentPlain, Body: "Hi", Public: true, Attachments: []zendesk.Attachment{{ID: 1, FileName: "a.mp3", Size: 3}},
			}},
		},
	}
}

// collect reads a sequence to its end.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

func TestCallOfAComment(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, comment string
		want          zendesk.CallReference
		found         bool
	}{
		{"a call", `{"type":"TpeVoiceComment","data":{"call_id":7,"external_id":"x","app_id":1}}`, zendesk.CallReference{CallID: 7, ExternalID: "x", AppID: 1}, true},
		{"without a key of ours", `{"type":"TpeVoiceComment","data":{"call_id":7,"external_id":null}}`, zendesk.CallReference{CallID: 7}, true},
		{"a voice comment", `{"type":"VoiceComment","data":{"call_id":7}}`, zendesk.CallReference{}, false},
		{"a plain one", `{"type":"Comment"}`, zendesk.CallReference{}, false},
		{"no data", `{"type":"TpeVoiceComment"}`, zendesk.CallReference{}, false},
		{"wrong data", `{"type":"TpeVoiceComment","data":[]}`, zendesk.CallReference{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var comment zendesk.TicketComment
			require.NoError(t, json.Unmarshal([]byte(tt.comment), &comment))
			got, found := comment.Call()
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.found, found)
		})
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	require.Equal(t, zendesk.Seconds(2), *zendesk.InSeconds(1500 * time.Millisecond))
	require.Equal(t, 90*time.Second, zendesk.Seconds(90).Duration())
}

func TestBadCalls(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*zendesk.CallFields){
		"call.app_id":          func(f *zendesk.CallFields) { f.AppID = 0 },
		"call.from_line":       func(f *zendesk.CallFields) { f.FromLine = "" },
		"call.to_line":         func(f *zendesk.CallFields) { f.ToLine = "" },
		"call.direction":       func(f *zendesk.CallFields) { f.Direction = "" },
		"call.call_started_at": func(f *zendesk.CallFields) { f.StartedAt = time.Time{} },
	} {
		c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("sent") })
		f := callFields()
		spoil(&f)
		_, err := c.CreateCall(t.Context(), zendesk.NewCall{Call: f})
		var bad *zendesk.InputError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, field, bad.Field)
		_, err = c.UpdateCall(t.Context(), 1, zendesk.CallFields{})
		require.ErrorContains(t, err, "changes nothing")
		_, err = c.CommentOnCall(t.Context(), 1, zendesk.CallComment{Fields: []string{"a", ""}})
		require.ErrorContains(t, err, "call_fields[1]")
	}
}

// TestPagesFollowCursors ranges over three pages, one of them empty, and over those of servers that never come to an end.
func TestPagesFollowCursors(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, 200, map[string]string{
			"":  `{"comments":[{"id":1},{"id":2}],"meta":{"has_more":true,"after_cursor":"b"}}`,
			"b": `{"comments":[],"meta":{"has_more":true,"after_cursor":"c"}}`,
			"c": `{"comments":[{"id":3}],"meta":{"has_more":false,"after_cursor":"d"}}`,
		}[r.URL.Query().Get("page[after]")])
	})
	seq := c.TicketComments(t.Context(), 1, false)
	for range 2 {
		got, err := collect(seq)
		require.NoError(t, err)
		require.Len(t, got, 3, "a sequence can be ranged over again")
	}
	for range seq {
		break
	}
	for _, meta := range []string{`{"has_more":true}`, `{"has_more":true,"after_cursor":"b"}`} {
		requests := 0
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			requests++
			answerJSON(w, 200, `{"comments":[{"id":1}],"meta":`+meta+`}`)
		})
		_, err := collect(c.TicketComments(t.Context(), 1, false))
		require.NoError(t, err)
		require.LessOrEqual(t, requests, 2)
	}
}

func TestPagesTellAnErrorOnce(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("page[after]") {
			answerJSON(w, 500, "")
			return
		}
		answerJSON(w, 200, `{"comments":[{"id":1}],"meta":{"has_more":true,"after_cursor":"b"}}`)
	})
	var ids []int64
	var errs []error
	for comment, err := range c.TicketComments(t.Context(), 1, false) {
		ids, errs = append(ids, comment.ID), append(errs, err)
	}
	require.Equal(t, []int64{1, 0}, ids)
	require.NoError(t, errs[0])
	var refused *zendesk.Error
	require.ErrorAs(t, errs[1], &refused)
}
