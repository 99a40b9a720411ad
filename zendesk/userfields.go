package zendesk

import (
	"context"
	"iter"
	"net/http"
)

// UserField is a field that the account added to its users.
type UserField struct {
	ID int64 `json:"id"`
	// Key is its name in [User] and in searches; it never changes.
	Key string `json:"key"`
	// Type is text, textarea, regexp, integer, decimal, checkbox, date, dropdown, multiselect or lookup.
	Type  string `json:"type"`
	Title string `json:"title"`
	// Active is false for one that nobody sees any more.
	Active bool `json:"active"`
}

// UserFields ranges over the fields that the account added to its users, fetching page after page. An error is yielded
// once, as the last pair.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/user_fields/#list-user-fields
//
//api:operation GET /api/v2/user_fields
func (c *Client) UserFields(ctx context.Context) iter.Seq2[UserField, error] {
	op := operation{"UserFields", http.MethodGet, "/api/v2/user_fields"}
	return each[UserField](ctx, c, call{op: op}, "user_fields")
}
