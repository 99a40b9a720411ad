package zendesk

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// UsersByEmail returns the users with this primary email, end users and agents, who are neither deleted nor suspended;
// mostly one or none. Case does not count. It reads the search index, which is behind by minutes.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/ticket-management/search/#list-search-results
//
//api:operation GET /api/v2/search
func (c *Client) UsersByEmail(ctx context.Context, email string) ([]User, error) {
	op := operation{"UsersByEmail", http.MethodGet, "/api/v2/search"}
	if strings.Count(email, "@") != 1 || strings.ContainsAny(email, " \t\r\n\"*:<>") {
		return nil, &InputError{Operation: op.name, Field: "email", Problem: "want one plain address"}
	}
	hits, err := c.searchUsers(ctx, op, "type:user email:"+email)
	if err != nil {
		return nil, err
	}
	var users []User
	for _, u := range hits.Users {
		if strings.EqualFold(u.Email, email) && u.Active && !u.Suspended {
			users = append(users, u)
		}
	}
	return users, nil
}

// NewestOpenTicket returns the user's newest ticket that is not solved: new, open, pending or on hold; found is false
// if there is none among the newest 100. A ticket made less than a minute ago may be missing, and the status may be
// as old: Zendesk's list lags.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#list-tickets
//
//api:operation GET /api/v2/users/{user_id}/tickets/requested
func (c *Client) NewestOpenTicket(ctx context.Context, userID int64) (newest Ticket, found bool, err error) {
	op := operation{"NewestOpenTicket", http.MethodGet, "/api/v2/users/{user_id}/tickets/requested"}
	query := url.Values{
		"sort_by": {"created_at"}, "sort_order": {"desc"}, "per_page": {strconv.Itoa(pageSize)}, "exclude_archived": {"true"},
	}
	var out ticketList
	if err := c.do(ctx, call{op: op, ids: []int64{userID}, query: query}, &out); err != nil {
		return Ticket{}, false, err
	}
	for _, t := range out.Tickets {
		newer := cmp.Or(t.CreatedAt.Compare(newest.CreatedAt), cmp.Compare(t.ID, newest.ID)) > 0
		if unsolved(t.Status) && (!found || newer) {
			newest, found = t, true
		}
	}
	return newest, found, nil
}

// unsolved reports whether a ticket of this status is still worked on.
func unsolved(status string) bool {
	switch status {
	case "new", "open", "pending", "hold":
		return true
	}
	return false
}
