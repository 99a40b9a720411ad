package zendesk

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	maxSearchTerms = 10
	maxPhoneDigits = 32
)

// PhoneQuery is a search for users by phone number.
type PhoneQuery struct {
	// Numbers are 1 to 10 numbers of digits only, without +, spaces or dashes, for which Zendesk matches what was
	// typed in the profile literally. One * before the digits matches any beginning and any punctuation, and so
	// more than wanted: "*5135557611" also finds the same ending under another country code. A user who matches
	// any one of the numbers is found.
	Numbers []string
	// AnyRole finds agents and admins too; otherwise only end users are found.
	AnyRole bool
}

// UserHits is what a search found.
type UserHits struct {
	// Users are the first up to 100 hits, as they came. Fields may be stale by minutes.
	Users []User
	// Total is how many there are.
	Total int
}

// searchAnswer is {"results": […]} of a search for users.
type searchAnswer struct {
	Results []searchResult `json:"results"`
	Count   int            `json:"count"`
}

type searchResult struct {
	ResultType string `json:"result_type"`
	User
}

func (a *searchAnswer) missing() string {
	if a.Results == nil {
		return "results"
	}
	return ""
}

// SearchUsersByPhone finds users by phone number with the query that Zendesk recommends to phone systems. The index
// is behind by minutes, and matching is loose: compare each hit exactly before trusting it.
//
// Zendesk docs: https://developer.zendesk.com/documentation/voice/talk-partner-edition/retrieving-the-zendesk-user-id-of-a-caller/
//
//api:operation GET /api/v2/search
func (c *Client) SearchUsersByPhone(ctx context.Context, q PhoneQuery) (UserHits, error) {
	op := operation{"SearchUsersByPhone", http.MethodGet, "/api/v2/search"}
	if len(q.Numbers) == 0 || len(q.Numbers) > maxSearchTerms {
		return UserHits{}, &InputError{Operation: op.name, Field: "numbers", Problem: "want 1 to 10"}
	}
	terms := []string{"type:user"}
	if !q.AnyRole {
		terms = append(terms, "role:"+RoleEndUser)
	}
	for i, number := range q.Numbers {
		digits := strings.TrimPrefix(number, "*")
		if digits == "" || len(digits) > maxPhoneDigits || strings.Trim(digits, "0123456789") != "" {
			field := "numbers[" + strconv.Itoa(i) + "]"
			return UserHits{}, &InputError{Operation: op.name, Field: field, Problem: "want digits only, with at most one * before them"}
		}
		terms = append(terms, "phone:"+number)
	}
	return c.searchUsers(ctx, op, strings.Join(terms, " "))
}

// AgentsByEmail returns the agents and admins with this primary email who are neither deleted nor suspended; mostly
// one or none. Case does not count.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/ticket-management/search/#list-search-results
//
//api:operation GET /api/v2/search
func (c *Client) AgentsByEmail(ctx context.Context, email string) ([]User, error) {
	op := operation{"AgentsByEmail", http.MethodGet, "/api/v2/search"}
	if strings.Count(email, "@") != 1 || strings.ContainsAny(email, " \t\r\n\"*:<>") {
		return nil, &InputError{Operation: op.name, Field: "email", Problem: "want one plain address"}
	}
	hits, err := c.searchUsers(ctx, op, "type:user email:"+email)
	if err != nil {
		return nil, err
	}
	var agents []User
	for _, u := range hits.Users {
		if strings.EqualFold(u.Email, email) && u.WorkingAgent() {
			agents = append(agents, u)
		}
	}
	return agents, nil
}

// searchUsers sends a query and returns the users among the results.
func (c *Client) searchUsers(ctx context.Context, op operation, query string) (UserHits, error) {
	values := url.Values{"query": {query}, "per_page": {strconv.Itoa(pageSize)}}
	var out searchAnswer
	if err := c.do(ctx, call{op: op, query: values}, &out); err != nil {
		return UserHits{}, err
	}
	hits := UserHits{Total: max(out.Count, len(out.Results))}
	for _, r := range out.Results {
		if r.ResultType == "user" || r.ResultType == "" {
			hits.Users = append(hits.Users, r.User)
		}
	}
	return hits, nil
}
