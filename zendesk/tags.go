package zendesk

import (
	"context"
	"net/http"
	"slices"
)

// ListTags returns the tags of a ticket.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/ticket-management/tags/#list-resource-tags
//
//api:operation GET /api/v2/tickets/{ticket_id}/tags
func (c *Client) ListTags(ctx context.Context, ticketID int64) ([]string, error) {
	op := operation{"ListTags", http.MethodGet, "/api/v2/tickets/{ticket_id}/tags"}
	return one[[]string](ctx, c, call{op: op, ids: []int64{ticketID}}, "tags")
}

// AddTags adds tags to a ticket, keeps those it has, and returns all of them. Tags that are there already change
// nothing. It counts as an update of the ticket.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/ticket-management/tags/#add-tags
//
//api:operation PUT /api/v2/tickets/{ticket_id}/tags
func (c *Client) AddTags(ctx context.Context, ticketID int64, tags ...string) ([]string, error) {
	op := operation{"AddTags", http.MethodPut, "/api/v2/tickets/{ticket_id}/tags"}
	return c.editTags(ctx, op, ticketID, tags)
}

// RemoveTags takes tags off a ticket, and returns those that are left. Tags that are not there change nothing. It
// counts as an update of the ticket.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/ticket-management/tags/#remove-tags
//
//api:operation DELETE /api/v2/tickets/{ticket_id}/tags
func (c *Client) RemoveTags(ctx context.Context, ticketID int64, tags ...string) ([]string, error) {
	op := operation{"RemoveTags", http.MethodDelete, "/api/v2/tickets/{ticket_id}/tags"}
	return c.editTags(ctx, op, ticketID, tags)
}

// editTags sends tags and returns those that the ticket has then.
func (c *Client) editTags(ctx context.Context, op operation, ticketID int64, tags []string) ([]string, error) {
	if len(tags) == 0 || slices.Contains(tags, "") {
		return nil, &InputError{Operation: op.name, Field: "tags", Problem: "want at least one, and none empty"}
	}
	return one[[]string](ctx, c, call{op: op, ids: []int64{ticketID}, body: wrap{"tags": tags}}, "tags")
}
