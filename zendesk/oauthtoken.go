package zendesk

import (
	"context"
	"iter"
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

// OAuthTokens ranges over the tokens of the user that the client acts as, fetching page after page; none is shown whole. An
// error is yielded once, as the last pair. Needs an admin.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/oauth/oauth_tokens/#list-tokens
//
//api:operation GET /api/v2/oauth/tokens
func (c *Client) OAuthTokens(ctx context.Context) iter.Seq2[OAuthToken, error] {
	op := operation{"OAuthTokens", http.MethodGet, "/api/v2/oauth/tokens"}
	return each[OAuthToken](ctx, c, call{op: op}, "tokens")
}

// RevokeToken ends a token, such as that of a machine that was lost. The refresh token that belongs to it ends as well,
// as far as is known.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/oauth/oauth_tokens/#revoke-token
//
//api:operation DELETE /api/v2/oauth/tokens/{oauth_token_id}
func (c *Client) RevokeToken(ctx context.Context, tokenID int64) error {
	op := operation{"RevokeToken", http.MethodDelete, "/api/v2/oauth/tokens/{oauth_token_id}"}
	return c.do(ctx, call{op: op, ids: []int64{tokenID}}, nil)
}

// RevokeCurrentToken ends the token that the client uses now, such as when a program is uninstalled. A client with
// [OAuthClientCredentials] fetches another one if it is used again; one with [OAuthRefresh] needs the user's leave
// anew, unless the refresh token outlived it (Zendesk does not say). It does not work with an [APIToken].
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/oauth/oauth_tokens/#revoke-current-token
//
//api:operation DELETE /api/v2/oauth/tokens/current
func (c *Client) RevokeCurrentToken(ctx context.Context) error {
	op := operation{"RevokeCurrentToken", http.MethodDelete, "/api/v2/oauth/tokens/current"}
	if err := c.do(ctx, call{op: op}, nil); err != nil {
		return err
	}
	if s, ok := c.auth.(*oauthSession); ok {
		s.revoked()
	}
	return nil
}
