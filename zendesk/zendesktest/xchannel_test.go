package zendesktest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const twitterPath = "/api/v2/channels/twitter"

func TestXChannel(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithXHandles(zendesktest.XHandle{ID: 431, ScreenName: "@help", TwitterUserID: 67923318930}))
	list := d.want(200, "GET", twitterPath+"/monitored_twitter_handles", "")
	require.Equal(t, "@help", list.at("monitored_twitter_handles.0.screen_name"))
	require.Equal(t, "2026-03-02T09:00:00Z", d.want(200, "GET", twitterPath+"/monitored_twitter_handles/431.json", "").at("monitored_twitter_handle.created_at"))
	d.want(404, "GET", twitterPath+"/monitored_twitter_handles/1", "")

	body := `{"ticket":{"twitter_status_message_id":%d,"monitored_twitter_handle_id":%d}}`
	require.Empty(t, d.want(201, "POST", twitterPath+"/tickets", fmt.Sprintf(body, 1744031231231231233, 431)).raw)
	d.want(422, "POST", twitterPath+"/tickets", fmt.Sprintf(body, 0, 431))
	d.want(422, "POST", twitterPath+"/tickets", fmt.Sprintf(body, 5, 1))
	d.want(400, "POST", twitterPath+"/tickets", `{}`)

	posts := d.s.XPosts()
	require.Len(t, posts, 1)
	require.Equal(t, int64(1744031231231231233), posts[0].ID, "ids of posts need all of their 64 bits")
	tk, _ := d.s.Ticket(posts[0].TicketID)
	require.Equal(t, "twitter", tk.Channel())
	require.Len(t, d.s.Tickets(), 1)

	require.NoError(t, d.s.MarkXPost(1744031231231231233, true, false, true))
	require.Error(t, d.s.MarkXPost(1, true, true, true))
	path := fmt.Sprintf("%s/tickets/%d/statuses", twitterPath, posts[0].CommentID)
	require.Equal(t, map[string]any{
		"id": float64(posts[0].CommentID), "favorited": true, "retweeted": false, "user_followed": true,
	}, d.want(200, "GET", path, "").at("statuses.0"))
	require.Empty(t, d.want(200, "GET", path+"?ids=1,3", "").list("statuses"))
	d.want(404, "GET", fmt.Sprintf("%s/tickets/%d/statuses", twitterPath, tk.ID), "", "Accept", "application/json")
}
