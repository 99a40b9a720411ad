package zendesk

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The roles of a user. Custom roles are agents.
const (
	RoleEndUser = "end-user"
	RoleAgent   = "agent"
	RoleAdmin   = "admin"
)

// maxShowMany is how many ids Zendesk takes in one show_many request.
const maxShowMany = 100

// User is a user as Zendesk answers it: a customer, an agent or an admin. Identities are not part of it.
type User struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Email      string `json:"email"`
	ExternalID string `json:"external_id"`
	// Phone is as it was typed, in any punctuation.
	Phone string `json:"phone"`
	// SharedPhoneNumber is true if Phone is not this user's direct line; several users may have it.
	SharedPhoneNumber bool   `json:"shared_phone_number"`
	Role              string `json:"role"`
	// Active is false for a deleted user.
	Active    bool     `json:"active"`
	Suspended bool     `json:"suspended"`
	Verified  bool     `json:"verified"`
	Locale    string   `json:"locale"`
	TimeZone  string   `json:"iana_time_zone"`
	Tags      []string `json:"tags"`
	// Fields are the account's own user fields, by their keys: texts, numbers, booleans, lists of texts, or nil.
	Fields    map[string]any `json:"user_fields"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// WorkingAgent reports whether the user is an agent or an admin, not deleted and not suspended.
func (u User) WorkingAgent() bool {
	return (u.Role == RoleAgent || u.Role == RoleAdmin) && u.Active && !u.Suspended
}

// Identity is one address of a user to be created.
type Identity struct {
	// Type is "email" or "phone_number", among others.
	Type  string `json:"type"`
	Value string `json:"value"`
}

// NewUser is a request of [Client.CreateUser]. Zero values are not sent. It survives JSON like a [VoiceTicket].
type NewUser struct {
	Name string `json:"name"`
	// ExternalID is unique in the account, and "A1" is the same as "a1" to Zendesk.
	ExternalID string `json:"external_id,omitzero"`
	Phone      string `json:"phone,omitzero"`
	Email      string `json:"email,omitzero"`
	// Role is an end user's if empty.
	Role       string     `json:"role,omitzero"`
	Identities []Identity `json:"identities,omitempty"`
	// SkipVerifyEmail keeps Zendesk from sending the new user a mail.
	SkipVerifyEmail bool     `json:"skip_verify_email,omitzero"`
	Locale          string   `json:"locale,omitzero"`
	Notes           string   `json:"notes,omitzero"`
	Tags            []string `json:"tags,omitempty"`
}

func (u User) lacks() string { return lacksID(u.ID) }

// Me returns the user that the client acts as. It is the cheapest proof that the credentials work. Returns an
// [*AnonymousError] if Zendesk did not take them.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/users/#show-self
//
//api:operation GET /api/v2/users/me
func (c *Client) Me(ctx context.Context) (User, error) {
	op := operation{"Me", http.MethodGet, "/api/v2/users/me"}
	type user User // One whose id may be null.
	self, err := one[user](ctx, c, call{op: op}, "user")
	if err == nil && self.ID == 0 {
		err = &AnonymousError{Host: c.host}
	}
	return User(self), err
}

// GetUser returns one user. A deleted one is still there, with Active false.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/users/#show-user
//
//api:operation GET /api/v2/users/{user_id}
func (c *Client) GetUser(ctx context.Context, userID int64) (User, error) {
	op := operation{"GetUser", http.MethodGet, "/api/v2/users/{user_id}"}
	return one[User](ctx, c, call{op: op, ids: []int64{userID}}, "user")
}

// CreateUser creates a user. If the external id is taken, the error is a 422 (see [Error.IsDuplicate]); search finds
// the new user only after minutes, [Client.UsersByExternalIDs] at once.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/users/#create-user
//
//api:operation POST /api/v2/users
func (c *Client) CreateUser(ctx context.Context, u NewUser) (User, error) {
	op := operation{"CreateUser", http.MethodPost, "/api/v2/users"}
	if strings.TrimSpace(u.Name) == "" {
		return User{}, &InputError{Operation: op.name, Field: "user.name", Problem: "is empty; Zendesk demands one"}
	}
	return one[User](ctx, c, call{op: op, body: wrap{"user": u}}, "user")
}

// CreateOrUpdateUser changes the user with this ExternalID or else this Email, or makes one: it never looks for a phone
// number, so without either of the two it would make another user each time, and is refused here. Zendesk takes one of
// these requests a second for the whole account, and five a minute for one user. Whether the user is new is in
// [Exchange.Status]: 201, or else 200.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/users/#create-or-update-user
//
//api:operation POST /api/v2/users/create_or_update
func (c *Client) CreateOrUpdateUser(ctx context.Context, u NewUser) (User, error) {
	op := operation{"CreateOrUpdateUser", http.MethodPost, "/api/v2/users/create_or_update"}
	in := input{op: op}
	if strings.TrimSpace(u.Name) == "" {
		in.refuse("user.name", "is empty; Zendesk demands one")
	}
	if u.ExternalID == "" && u.Email == "" {
		in.refuse("user.external_id", "is empty, and user.email too; want one of them to find the user by")
	}
	if in.err != nil {
		return User{}, in.err
	}
	return one[User](ctx, c, call{op: op, body: wrap{"user": u}}, "user")
}

// UsersByIDs returns those of up to 100 users that exist, in no particular order. Deleted users are left out.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/users/#show-many-users
//
//api:operation GET /api/v2/users/show_many
func (c *Client) UsersByIDs(ctx context.Context, ids ...int64) ([]User, error) {
	values := make([]string, 0, len(ids))
	for _, id := range ids {
		if id <= 0 {
			return nil, &InputError{Operation: "UsersByIDs", Field: "ids", Problem: "want positive ids"}
		}
		values = append(values, strconv.FormatInt(id, 10))
	}
	return c.showMany(ctx, "UsersByIDs", "ids", values)
}

// UsersByExternalIDs returns those of up to 100 users that exist, in no particular order. It reads Zendesk's database,
// not its search index. Zendesk compares external ids without regard to case. Deleted users are left out.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/users/#show-many-users
//
//api:operation GET /api/v2/users/show_many
func (c *Client) UsersByExternalIDs(ctx context.Context, externalIDs ...string) ([]User, error) {
	for _, id := range externalIDs {
		if id == "" || strings.Contains(id, ",") {
			return nil, &InputError{Operation: "UsersByExternalIDs", Field: "external_ids", Problem: "want ids that are not empty and hold no comma"}
		}
	}
	return c.showMany(ctx, "UsersByExternalIDs", "external_ids", externalIDs)
}

// showMany asks for a list of users by one of the two kinds of id.
func (c *Client) showMany(ctx context.Context, name, param string, values []string) ([]User, error) {
	op := operation{name, http.MethodGet, "/api/v2/users/show_many"}
	if len(values) == 0 || len(values) > maxShowMany {
		return nil, &InputError{Operation: name, Field: param, Problem: "want 1 to 100 ids"}
	}
	return one[[]User](ctx, c, call{op: op, query: url.Values{param: {strings.Join(values, ",")}}}, "users")
}
