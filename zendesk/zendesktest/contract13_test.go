package zendesktest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCase13CommentOnCall(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.newCall(`"external_id":"hq/pbx1/17.4"`, `"queue_name":"Support"`, `"recording_url":"https://calls.example.com/1.mp3"`)
	path := fmt.Sprintf("%s/%d/comments", callsPath, id)
	a := d.want(201, "POST", path, `{"title":"Call ended","call_fields":["direction","queue_name","wait_time"]}`)
	require.Equal(t, "TpeVoiceComment", a.at("type"))
	require.Equal(t, false, a.at("public"))
	require.Equal(t, "Call ended\n\nSummary\nDirection: inbound\nQueue name: Support", a.at("body"))
	require.Equal(t, map[string]any{
		"app_id": 1001.0, "app_name": "talkbridge", "author_id": a.at("author_id"), "call_id": float64(id), "direction": "inbound",
		"external_id": "hq/pbx1/17.4", "queue_name": "Support", "recording_url": "https://calls.example.com/1.mp3", "title": "Call ended",
		"via_id": 45.0,
	}, a.at("data"))
	require.Equal(t, "Unknown", a.at("formatted_from"), "the line was not among the fields")
	require.Contains(t, a.header.Get("X-Zendesk-Api-Warn"), `"comment"`, "as recorded: also where nothing was dropped")

	ticket := d.want(200, "GET", fmt.Sprintf("%s/%d", callsPath, id), "").id("call.ticket_id")
	require.Positive(t, ticket, "a ticket was made")
	d.s.Advance(time.Second)
	d.want(200, "PATCH", fmt.Sprintf("%s/%d", callsPath, id), `{"call":{"queue_name":"Sales"}}`)
	comments := func() answer { return d.want(200, "GET", fmt.Sprintf("/api/v2/tickets/%d/comments", ticket), "") }
	require.Equal(t, "Support", comments().at("comments.0.data.queue_name"), "a comment is a snapshot")
	require.Equal(t, "hq/pbx1/17.4", comments().at("comments.0.data.external_id"))

	d.want(201, "POST", path, `{"title":"Again","call_fields":["queue_name"]}`)
	require.Equal(t, "Sales", comments().at("comments.1.data.queue_name"))
	require.Len(t, d.s.Tickets(), 1)
}

func TestCase13WrappedCommentLosesItsKeys(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.newCall()
	a := d.want(201, "POST", fmt.Sprintf("%s/%d/comments", callsPath, id), `{"comment":{"title":"Call ended","call_fields":["direction"]}}`)
	require.Equal(t, `Removed restricted keys ["comment"] from parameters according to whitelist`, a.header.Get("X-Zendesk-Api-Warn"))
	require.Equal(t, "Inbound call", a.at("title"), "201 does not prove that the fields were taken")
	require.NotContains(t, a.at("data"), "direction")

	d.want(404, "POST", callsPath+"/1/comments", `{}`)
	d.want(400, "POST", fmt.Sprintf("%s/%d/comments", callsPath, id), `{"call_fields":["colour"]}`)
	d.want(422, "POST", fmt.Sprintf("%s/%d/comments", callsPath, id), `{"display_to_agent":99}`)
}
