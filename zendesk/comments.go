package zendesk

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// The types of a [TicketComment]. Zendesk may send others.
const (
	CommentPlain = "Comment"
	// CommentVoice is made of a [VoiceComment].
	CommentVoice = "VoiceComment"
	// CommentCall shows a [CallRecord], see [TicketComment.Call].
	CommentCall = "TpeVoiceComment"
)

// TicketComment is a comment as it stands on a ticket. Comments are never changed.
type TicketComment struct {
	ID int64 `json:"id"`
	// Type is CommentPlain, CommentVoice, CommentCall, or another.
	Type     string `json:"type"`
	AuthorID int64  `json:"author_id"`
	Body     string `json:"body"`
	HTMLBody string `json:"html_body"`
	// Public says whether the requester sees it.
	Public bool `json:"public"`
	// AuditID is the change of the ticket that it belongs to.
	AuditID     int64         `json:"audit_id"`
	Attachments []Attachment  `json:"attachments"`
	Via         Via           `json:"via"`
	Metadata    AuditMetadata `json:"metadata"`
	CreatedAt   time.Time     `json:"created_at"`
	// Data is that of a call, as JSON; nil for a plain comment.
	Data json.RawMessage `json:"data"`
}

// Attachment is a file on a comment.
type Attachment struct {
	ID          int64  `json:"id"`
	FileName    string `json:"file_name"`
	ContentType string `json:"content_type"`
	// ContentURL may point to another host: send no credentials there.
	ContentURL string `json:"content_url"`
	// Size is in bytes.
	Size int64 `json:"size"`
}

// CallReference says which call record a comment shows.
type CallReference struct {
	CallID     int64  `json:"call_id"`
	ExternalID string `json:"external_id"`
	AppID      int64  `json:"app_id"`
}

func (t TicketComment) lacks() string { return lacksID(t.ID) }

// Call says which call record the comment shows; false for a comment that shows none. It is the only way to find a
// record whose id was lost: look for its ExternalID among the comments of the ticket.
func (t TicketComment) Call() (CallReference, bool) {
	var ref CallReference
	if t.Type != CommentCall || json.Unmarshal(t.Data, &ref) != nil {
		return CallReference{}, false
	}
	return ref, ref.CallID != 0
}

// TicketComments ranges over the comments of a ticket, oldest first, or newest first, fetching page after page. An
// error is yielded once, as the last pair.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/#list-comments
//
//api:operation GET /api/v2/tickets/{ticket_id}/comments
func (c *Client) TicketComments(ctx context.Context, ticketID int64, newestFirst bool) iter.Seq2[TicketComment, error] {
	op := operation{"TicketComments", http.MethodGet, "/api/v2/tickets/{ticket_id}/comments"}
	var query url.Values
	if newestFirst {
		query = url.Values{"sort": {"-created_at"}}
	}
	return each[TicketComment](ctx, c, call{op: op, ids: []int64{ticketID}, query: query}, "comments")
}
