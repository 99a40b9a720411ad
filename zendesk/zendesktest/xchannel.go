package zendesktest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// XHandle is an account on X (formerly Twitter) that the account watches.
type XHandle struct {
	ID            int64
	ScreenName    string
	Name          string
	TwitterUserID int64
	BrandID       int64
	// CreatedAt is the server's start if zero.
	CreatedAt time.Time
}

// XPost is a post that became a ticket.
type XPost struct {
	ID, HandleID, TicketID, CommentID int64
	// Favorited, Retweeted and UserFollowed are what an agent did with it on X.
	Favorited, Retweeted, UserFollowed bool
}

// XPosts returns the posts that became tickets, oldest first.
func (s *Server) XPosts() []XPost {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acct.channels.posts)
}

// MarkXPost is an agent who likes, reposts or follows on X. Error: no ticket was made of that post.
func (s *Server) MarkXPost(id int64, favorited, retweeted, followed bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.acct.channels.posts {
		if p := &s.acct.channels.posts[i]; p.ID == id {
			p.Favorited, p.Retweeted, p.UserFollowed = favorited, retweeted, followed
			return nil
		}
	}
	return fmt.Errorf("mark post %d: no ticket was made of it", id)
}

func (a *account) handleJSON(h *XHandle) map[string]any {
	at := h.CreatedAt
	if at.IsZero() {
		at = a.owner.CreatedAt
	}
	return map[string]any{
		"id": h.ID, "screen_name": h.ScreenName, "name": h.Name, "twitter_user_id": h.TwitterUserID, "brand_id": orNull(h.BrandID),
		"avatar_url": nil, "allow_reply": true, "can_reply": true, "created_at": stamp(at), "updated_at": stamp(at),
	}
}

// listHandles is GET /channels/twitter/monitored_twitter_handles; it is not paged.
func (a *account) listHandles(*call) reply {
	out := make([]any, 0, len(a.channels.handles))
	for i := range a.channels.handles {
		out = append(out, a.handleJSON(&a.channels.handles[i]))
	}
	return ok(map[string]any{"monitored_twitter_handles": out})
}

func (a *account) showHandle(c *call) reply {
	i := slices.IndexFunc(a.channels.handles, func(h XHandle) bool { return h.ID == c.params[0] })
	if i < 0 {
		return notFound()
	}
	return ok(map[string]any{"monitored_twitter_handle": a.handleJSON(&a.channels.handles[i])})
}

// ticketFromPost is POST /channels/twitter/tickets. Zendesk describes no body; the one of its own older libraries is
// wanted. The answer is 201 and empty.
func (a *account) ticketFromPost(c *call) reply {
	_, in, bad := c.wrapped("ticket")
	if bad != nil {
		return *bad
	}
	r := reader{o: in}
	post, _ := r.integer("twitter_status_message_id")
	handle, _ := r.integer("monitored_twitter_handle_id")
	issues := problems{}
	i := slices.IndexFunc(a.channels.handles, func(h XHandle) bool { return h.ID == handle })
	switch {
	case r.bad != nil:
		return *r.bad
	case post <= 0:
		issues.add("twitter_status_message_id", "BlankValue", "Twitter status message: cannot be blank")
		return issues.reply()
	case i < 0:
		issues.add("monitored_twitter_handle_id", "InvalidValue", "Monitored twitter handle: is not valid")
		return issues.reply()
	}
	body := fmt.Sprintf("https://x.com/i/status/%d", post)
	d := draft{
		acct: a, call: c, issues: problems{}, viaID: viaTwitter,
		r:       reader{o: object{"subject": "Post to " + a.channels.handles[i].ScreenName}},
		comment: &Comment{Type: "Comment", AuthorID: c.user.ID, Body: body, HTMLBody: commentHTML(body), Public: true, ViaID: viaTwitter},
	}
	rec, rep := d.create()
	if rec == nil {
		return rep
	}
	a.channels.posts = append(a.channels.posts, XPost{ID: post, HandleID: handle, TicketID: rec.ID, CommentID: d.comment.ID})
	if len(a.channels.posts) > a.cfg.keep.Tickets {
		a.channels.posts = a.channels.posts[1:]
	}
	return bare(http.StatusCreated)
}

// postStatuses is GET /channels/twitter/tickets/{comment_id}/statuses: the posts of the comment's ticket, or those of
// the comments in ids.
func (a *account) postStatuses(c *call) reply {
	i := slices.IndexFunc(a.channels.posts, func(p XPost) bool { return p.CommentID == c.params[0] })
	if i < 0 {
		return notFound()
	}
	var only []string
	if c.query.Has("ids") {
		only = strings.Split(c.query.Get("ids"), ",")
	}
	statuses := []any{}
	for _, p := range a.channels.posts {
		if p.TicketID != a.channels.posts[i].TicketID {
			continue
		}
		if only != nil && !slices.Contains(only, strconv.FormatInt(p.CommentID, 10)) {
			continue
		}
		statuses = append(statuses, map[string]any{
			"id": p.CommentID, "favorited": p.Favorited, "retweeted": p.Retweeted, "user_followed": p.UserFollowed,
		})
	}
	return ok(map[string]any{"statuses": statuses})
}
