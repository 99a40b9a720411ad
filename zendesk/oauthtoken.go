package zendesk

import (
	"context"
	"net/http"
	"time"
)

// OAuthToken is what Zendesk knows of an access token.
type OAuthToken struct {
	ID       int64 `json:"id"`
	ClientID int64 `json:"client_id"`
	UserID   int64 `json:"user_id"`
	// Scopes are what it may do. Zendesk grants any word that it is asked for: only [ScopeRead], [ScopeWrite] and the
	// like mean something.
	Scopes    []string  `json:"scopes"`
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is zero for a token that does not expire.
	ExpiresAt time.Time `json:"expires_at"`
}

func (t OAuthToken) lacks() string { return lacksID(t.ID) }

// CurrentToken returns what Zendesk knows of the token that the client uses now. It does not work with an [APIToken].
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/oauth/oauth_tokens/#show-current-token
//
//api:operation GET /api/v2/oauth/tokens/current
func (c *Client) CurrentToken(ctx context.Context) (OAuthToken, error) {
	op := operation{"CurrentToken", http.MethodGet, "/api/v2/oauth/tokens/current"}
	return one[OAuthToken](ctx, c, call{op: op}, "token")
}
