package zendesk

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// requestedPages bounds how many pages of a user's tickets are read: the question is asked while a phone rings.
const requestedPages = 3

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
		if t.Unsolved() && (!found || newer) {
			newest, found = t, true
		}
	}
	return newest, found, nil
}

// LastChangedTicket returns the ticket of a requester that changed last, in whatever status; found is false if there is
// none. Archived and deleted ones do not count. A user who does not exist is a 404. Zendesk's list lags by up to a minute.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#list-tickets
//
//api:operation GET /api/v2/users/{user_id}/tickets/requested
func (c *Client) LastChangedTicket(ctx context.Context, userID int64) (last Ticket, found bool, err error) {
	op := operation{"LastChangedTicket", http.MethodGet, "/api/v2/users/{user_id}/tickets/requested"}
	query := url.Values{
		"sort_by": {"updated_at"}, "sort_order": {"desc"}, "per_page": {"1"}, "exclude_archived": {"true"},
	}
	var out ticketList
	if err := c.do(ctx, call{op: op, ids: []int64{userID}, query: query}, &out); err != nil {
		return Ticket{}, false, err
	}
	for _, t := range out.Tickets {
		if !found || t.UpdatedAt.After(last.UpdatedAt) {
			last, found = t, true
		}
	}
	return last, found, nil
}

// RequestedTickets returns the tickets of a requester that changed at or after since, the last change first; at most the
// 300 that changed last. Archived and deleted ones are not among them. A user who does not exist is a 404. What changed
// less than a minute ago may be missing, or be as it was before: Zendesk's list lags, so ask for a ticket itself before
// acting on it.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#list-tickets
//
//api:operation GET /api/v2/users/{user_id}/tickets/requested
func (c *Client) RequestedTickets(ctx context.Context, userID int64, since time.Time) ([]Ticket, error) {
	op := operation{"RequestedTickets", http.MethodGet, "/api/v2/users/{user_id}/tickets/requested"}
	var found []Ticket
	for page := 1; page <= requestedPages; page++ {
		query := url.Values{
			"sort_by": {"updated_at"}, "sort_order": {"desc"}, "per_page": {strconv.Itoa(pageSize)}, "exclude_archived": {"true"},
		}
		if page > 1 {
			query.Set("page", strconv.Itoa(page))
		}
		var out ticketList
		if err := c.do(ctx, call{op: op, ids: []int64{userID}, query: query}, &out); err != nil {
			return nil, err
		}
		older := false
		for _, t := range out.Tickets {
			if t.UpdatedAt.Before(since) {
				older = true
				continue
			}
			found = append(found, t)
		}
		if older || out.NextPage == "" {
			break
		}
	}
	slices.SortStableFunc(found, func(a, b Ticket) int {
		return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(b.ID, a.ID))
	})
	// A ticket that changes between two pages is on both.
	return slices.CompactFunc(found, func(a, b Ticket) bool { return a.ID == b.ID }), nil
}

// Unsolved reports whether the ticket is still worked on: new, open, pending or on hold.
func (t Ticket) Unsolved() bool {
	switch t.Status {
	case "new", "open", "pending", "hold":
		return true
	}
	return false
}
