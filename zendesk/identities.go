package zendesk

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// The types of an identity that a phone system meets. Zendesk has others, such as "any_channel" and "messaging".
const (
	IdentityEmail           = "email"
	IdentityPhone           = "phone_number"
	IdentityAgentForwarding = "agent_forwarding"
)

// UserIdentity is one address of a user, as Zendesk keeps it.
type UserIdentity struct {
	ID     int64 `json:"id"`
	UserID int64 `json:"user_id"`
	// Type is IdentityEmail, IdentityPhone or another.
	Type string `json:"type"`
	// Value is as it was typed.
	Value     string    `json:"value"`
	Verified  bool      `json:"verified"`
	Primary   bool      `json:"primary"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func (i UserIdentity) lacks() string { return lacksID(i.ID) }

// NewIdentity is a request of [Client.AddIdentity].
type NewIdentity struct {
	// Type and Value are mandatory.
	Type  string `json:"type"`
	Value string `json:"value"`
	// Verified says that it is known to be theirs; SkipVerifyEmail keeps Zendesk from sending a mail about it.
	Verified        bool `json:"verified,omitzero"`
	SkipVerifyEmail bool `json:"skip_verify_email,omitzero"`
}

// UserIdentities ranges over the addresses of a user, fetching page after page. A number that several users share is no
// identity of any of them; it is in [User.Phone] only. An error is yielded once, as the last pair.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/user_identities/#list-identities
//
//api:operation GET /api/v2/users/{user_id}/identities
func (c *Client) UserIdentities(ctx context.Context, userID int64) iter.Seq2[UserIdentity, error] {
	op := operation{"UserIdentities", http.MethodGet, "/api/v2/users/{user_id}/identities"}
	return each[UserIdentity](ctx, c, call{op: op, ids: []int64{userID}}, "identities")
}

// AddIdentity gives a user one more address. A number or address that another user has is a 422, see
// [Error.IsDuplicate] with the field "value".
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/user_identities/#create-identity
//
//api:operation POST /api/v2/users/{user_id}/identities
func (c *Client) AddIdentity(ctx context.Context, userID int64, n NewIdentity) (UserIdentity, error) {
	op := operation{"AddIdentity", http.MethodPost, "/api/v2/users/{user_id}/identities"}
	in := input{op: op}
	in.present("identity.type", n.Type)
	in.present("identity.value", n.Value)
	if in.err != nil {
		return UserIdentity{}, in.err
	}
	return one[UserIdentity](ctx, c, call{op: op, ids: []int64{userID}, body: wrap{"identity": n}}, "identity")
}

// RemoveIdentity takes an address off a user. A 404 means that it is not his, or not any more.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/user_identities/#delete-identity
//
//api:operation DELETE /api/v2/users/{user_id}/identities/{user_identity_id}
func (c *Client) RemoveIdentity(ctx context.Context, userID, identityID int64) error {
	op := operation{"RemoveIdentity", http.MethodDelete, "/api/v2/users/{user_id}/identities/{user_identity_id}"}
	return c.do(ctx, call{op: op, ids: []int64{userID, identityID}}, nil)
}
