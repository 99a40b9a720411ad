package zendesk

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Audit is one change of a ticket: who, when, and the events that happened in it.
type Audit struct {
	ID        int64         `json:"id"`
	TicketID  int64         `json:"ticket_id"`
	AuthorID  int64         `json:"author_id"`
	CreatedAt time.Time     `json:"created_at"`
	Metadata  AuditMetadata `json:"metadata"`
	Events    []AuditEvent  `json:"events"`
	Via       Via           `json:"via"`
}

// AuditMetadata is what was said along with a change.
type AuditMetadata struct {
	// Custom is the Metadata of the request that made the change.
	Custom Metadata `json:"custom"`
	// System is Zendesk's own: address, client and place.
	System Metadata `json:"system"`
}

// AuditEvent is one thing that happened in an audit. Which fields are set depends on Type, such as "Create", "Change",
// "Comment" or "VoiceComment".
//
// Zendesk docs: https://developer.zendesk.com/documentation/ticketing/reference-guides/ticket-audit-events-reference/
type AuditEvent struct {
	ID            int64           `json:"id"`
	Type          string          `json:"type"`
	AuthorID      int64           `json:"author_id"`
	Public        *bool           `json:"public"`
	Body          string          `json:"body"`
	FieldName     string          `json:"field_name"`
	Value         json.RawMessage `json:"value"`
	PreviousValue json.RawMessage `json:"previous_value"`
	// Data of a VoiceComment holds from, to, recording_url, call_duration and the rest of it.
	Data json.RawMessage `json:"data"`
}

// AuditListOptions choose a page of audits. The zero value is the first page of up to 100, oldest first.
type AuditListOptions struct {
	NewestFirst bool
	// Page counts from 1; zero means 1.
	Page int
	// PerPage is 1 to 100; zero means 100.
	PerPage int
}

// AuditPage is one page of audits.
type AuditPage struct {
	Audits []Audit
	// Next is the number of the next page, zero if there is none.
	Next int
}

// auditList is {"audits": […]}.
type auditList struct {
	Audits   []Audit `json:"audits"`
	NextPage string  `json:"next_page"`
}

func (a *auditList) missing() string {
	if a.Audits == nil {
		return "audits"
	}
	return ""
}

// ListTicketAudits returns one page of the audits of a ticket. Zendesk does not page the audits of an archived
// ticket.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/#list-audits-for-a-ticket
//
//api:operation GET /api/v2/tickets/{ticket_id}/audits
func (c *Client) ListTicketAudits(ctx context.Context, ticketID int64, opts AuditListOptions) (AuditPage, error) {
	op := operation{"ListTicketAudits", http.MethodGet, "/api/v2/tickets/{ticket_id}/audits"}
	page, perPage := cmp.Or(opts.Page, 1), cmp.Or(opts.PerPage, pageSize)
	if page < 1 || perPage < 1 || perPage > pageSize {
		return AuditPage{}, &InputError{Operation: op.name, Field: "page", Problem: "want a page from 1 on, of 1 to 100 audits"}
	}
	query := url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(perPage)}}
	if opts.NewestFirst {
		query.Set("sort_order", "desc")
	}
	var out auditList
	if err := c.do(ctx, call{op: op, ids: []int64{ticketID}, query: query}, &out); err != nil {
		return AuditPage{}, err
	}
	slices.SortStableFunc(out.Audits, func(a, b Audit) int {
		if opts.NewestFirst {
			a, b = b, a
		}
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	got := AuditPage{Audits: out.Audits}
	if out.NextPage != "" && len(out.Audits) > 0 {
		got.Next = page + 1
	}
	return got, nil
}

// TicketAudits ranges over the audits of a ticket from opts.Page on, fetching page after page. An error is yielded
// once, as the last pair.
func (c *Client) TicketAudits(ctx context.Context, ticketID int64, opts AuditListOptions) iter.Seq2[Audit, error] {
	return func(yield func(Audit, error) bool) {
		next := opts
		for {
			page, err := c.ListTicketAudits(ctx, ticketID, next)
			if err != nil {
				yield(Audit{}, err)
				return
			}
			for _, audit := range page.Audits {
				if !yield(audit, nil) {
					return
				}
			}
			if next.Page = page.Next; next.Page == 0 {
				return
			}
		}
	}
}
