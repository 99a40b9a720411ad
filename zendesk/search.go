package zendesk

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxSearchTerms = 10
	maxPhoneDigits = 32
)

// fieldKey is what the key of a user field looks like.
var fieldKey = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

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

// SearchUsersByField finds end users by the value of one of the account's own user fields, named by its key; a user who
// matches any one of the values is found. How Zendesk compares a text with a value is not documented to the letter, so
// compare each hit's [User.Fields] before trusting it. The index is behind by minutes.
//
// Zendesk docs: https://developer.zendesk.com/documentation/voice/talk-partner-edition/retrieving-the-zendesk-user-id-of-a-caller/
//
//api:operation GET /api/v2/search
func (c *Client) SearchUsersByField(ctx context.Context, key string, values ...string) (UserHits, error) {
	op := operation{"SearchUsersByField", http.MethodGet, "/api/v2/search"}
	if !fieldKey.MatchString(key) {
		return UserHits{}, &InputError{Operation: op.name, Field: "key", Problem: "want the key of a user field: letters, digits and _"}
	}
	if len(values) == 0 || len(values) > maxSearchTerms {
		return UserHits{}, &InputError{Operation: op.name, Field: "values", Problem: "want 1 to 10"}
	}
	terms := []string{"type:user", "role:" + RoleEndUser}
	for i, value := range values {
		if strings.TrimSpace(value) == "" || strings.ContainsFunc(value, func(r rune) bool { return r == '"' || unicode.IsControl(r) }) {
			return UserHits{}, &InputError{Operation: op.name, Field: "values[" + strconv.Itoa(i) + "]", Problem: "want a text without quotes and control characters"}
		}
		terms = append(terms, key+`:"`+value+`"`)
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
