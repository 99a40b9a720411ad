package zendesk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxXComments is how many comment ids are asked for in one request; the documents name no limit, show_many has 100.
const maxXComments = 100

// XHandle is an account on X (formerly Twitter) whose posts become tickets. Zendesk sets all of it.
type XHandle struct {
	ID int64 `json:"id"`
	// ScreenName begins with @.
	ScreenName    string `json:"screen_name"`
	TwitterUserID int64  `json:"twitter_user_id"`
	Name          string `json:"name"`
	AvatarURL     string `json:"avatar_url"`
	// BrandID is zero for a handle of no brand.
	BrandID int64 `json:"brand_id"`
	// AllowReply and CanReply say whether agents may answer from this handle.
	AllowReply bool      `json:"allow_reply"`
	CanReply   bool      `json:"can_reply"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

func (h XHandle) lacks() string { return lacksID(h.ID) }

// XPost is a request of [Client.CreateTicketFromPost]. Both are mandatory.
type XPost struct {
	// PostID is the id of the post (tweet) on X.
	PostID int64 `json:"twitter_status_message_id"`
	// HandleID is the id of an [XHandle] of the account.
	HandleID int64 `json:"monitored_twitter_handle_id"`
}

// XStatus is what was done on X with the post behind a comment.
type XStatus struct {
	// ID is the comment's.
	ID           int64 `json:"id"`
	Favorited    bool  `json:"favorited"`
	Retweeted    bool  `json:"retweeted"`
	UserFollowed bool  `json:"user_followed"`
}

// ListXHandles returns the handles that the account watches. The list is not paged.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/account-configuration/x_channel/#list-monitored-x-handles
//
//api:operation GET /api/v2/channels/twitter/monitored_twitter_handles
func (c *Client) ListXHandles(ctx context.Context) ([]XHandle, error) {
	op := operation{"ListXHandles", http.MethodGet, "/api/v2/channels/twitter/monitored_twitter_handles"}
	return one[[]XHandle](ctx, c, call{op: op}, "monitored_twitter_handles")
}

// GetXHandle returns one handle.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/account-configuration/x_channel/#show-monitored-x-handle
//
//api:operation GET /api/v2/channels/twitter/monitored_twitter_handles/{monitored_twitter_handle_id}
func (c *Client) GetXHandle(ctx context.Context, handleID int64) (XHandle, error) {
	op := operation{"GetXHandle", http.MethodGet, "/api/v2/channels/twitter/monitored_twitter_handles/{monitored_twitter_handle_id}"}
	return one[XHandle](ctx, c, call{op: op, ids: []int64{handleID}}, "monitored_twitter_handle")
}

// CreateTicketFromPost turns a post into a ticket, whose submitter is the user the client acts as. The answer is empty:
// Zendesk does not say which ticket. The documents do not describe the body of this request; it is sent in the form that
// Zendesk's own libraries have used, {"ticket": {…}}.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/account-configuration/x_channel/#create-ticket-from-tweet
//
//api:operation POST /api/v2/channels/twitter/tickets
func (c *Client) CreateTicketFromPost(ctx context.Context, post XPost) error {
	op := operation{"CreateTicketFromPost", http.MethodPost, "/api/v2/channels/twitter/tickets"}
	in := input{op: op}
	in.id("ticket.twitter_status_message_id", post.PostID)
	in.id("ticket.monitored_twitter_handle_id", post.HandleID)
	if in.err != nil {
		return in.err
	}
	return c.do(ctx, call{op: op, body: wrap{"ticket": post}}, nil)
}

// XStatuses returns what was done on X with the posts of a ticket. The path takes the id of a comment, not of a ticket.
// With commentIDs, up to 100, only those are told of.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/account-configuration/x_channel/#list-ticket-statuses
//
//api:operation GET /api/v2/channels/twitter/tickets/{comment_id}/statuses
func (c *Client) XStatuses(ctx context.Context, commentID int64, commentIDs ...int64) ([]XStatus, error) {
	op := operation{"XStatuses", http.MethodGet, "/api/v2/channels/twitter/tickets/{comment_id}/statuses"}
	if len(commentIDs) > maxXComments || slices.ContainsFunc(commentIDs, func(id int64) bool { return id <= 0 }) {
		return nil, &InputError{Operation: op.name, Field: "ids", Problem: "want up to 100 positive ids"}
	}
	var query url.Values
	if len(commentIDs) > 0 {
		ids := make([]string, 0, len(commentIDs))
		for _, id := range commentIDs {
			ids = append(ids, strconv.FormatInt(id, 10))
		}
		query = url.Values{"ids": {strings.Join(ids, ",")}}
	}
	return one[[]XStatus](ctx, c, call{op: op, ids: []int64{commentID}, query: query}, "statuses")
}
