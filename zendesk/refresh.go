package zendesk

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// OAuthRefresh is an OAuth client that acts as a user who gave it leave (the authorization code flow), by a pair of
// tokens that is kept in Store. Each refresh gives a new pair and kills the old one. So the new pair is saved before its
// access token is used; while it cannot be saved no request is sent, and saving is tried again at the next. A pair that
// is lost nevertheless (a crash, or a lost answer, in the moment of the refresh) needs the user's leave anew.
//
// One client at a time may use a store. If another one has refreshed meanwhile, its pair is taken from the store instead.
type OAuthRefresh struct {
	// ClientID is the OAuth client's identifier.
	ClientID string
	// ClientSecret is its secret; empty for a public client.
	ClientSecret string
	// Scope and Lifetime are as in [OAuthClientCredentials]. A refresh cannot widen the scope that the user gave.
	Scope    string
	Lifetime time.Duration
	// RefreshLifetime is the life of a refresh token that is asked for: Zendesk's 30 days if zero, else more than 7 days,
	// and less than 90. A pair that is not used for so long needs the user's leave anew.
	RefreshLifetime time.Duration
	// Store keeps the pair. It must hold one before the first request; [OAuthRefresh.TakeLeave] puts it there.
	Store TokenStore
}

// TokenStore keeps one pair of tokens. Save must be atomic and durable: when it returns nil, Load gives the new pair,
// whatever crashes. See [TokenFile].
type TokenStore interface {
	Load(ctx context.Context) (TokenPair, error)
	Save(ctx context.Context, pair TokenPair) error
}

// TokenPair is an access token with the refresh token that replaces it. Printing it shows neither; as JSON it holds both,
// for a [TokenStore] to keep.
type TokenPair struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	// ExpiresAt and RefreshExpiresAt are the ends of the two; zero if not known.
	ExpiresAt        time.Time `json:"expires_at,omitzero"`
	RefreshExpiresAt time.Time `json:"refresh_expires_at,omitzero"`
	// Scope is what Zendesk granted.
	Scope string `json:"scope,omitzero"`
}

// String shows no token.
func (p TokenPair) String() string {
	return fmt.Sprintf("TokenPair{%s, until %s}", redacted, p.ExpiresAt.UTC().Format(time.RFC3339))
}

// Format prints [TokenPair.String] for every verb.
func (p TokenPair) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.String())) }

// String shows who, not the secret.
func (a OAuthRefresh) String() string {
	return fmt.Sprintf("OAuthRefresh{%q, %s}", a.ClientID, redacted)
}

// Format prints [OAuthRefresh.String] for every verb.
func (a OAuthRefresh) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// MarshalText keeps the secret out of anything marshalled.
func (a OAuthRefresh) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func (a OAuthRefresh) session(c *Client) (session, error) {
	var err error
	if a.Scope, a.Lifetime, err = checkOAuth(a.ClientID, a.ClientSecret, a.Scope, a.Lifetime); err != nil {
		return nil, err
	}
	switch life := a.RefreshLifetime; {
	case a.Store == nil:
		return nil, errors.New("OAuth: Store is nil; want a TokenStore, such as a TokenFile")
	case life != 0 && (life <= shortestRefresh || life >= longestRefresh):
		return nil, fmt.Errorf("OAuth: RefreshLifetime %s: want more than 7 and less than 90 days", life)
	}
	r := &refresher{client: c, auth: a}
	r.session = &oauthSession{client: c, mint: r.mint}
	r.session.hide(0, a.ClientSecret, escaped(a.ClientSecret))
	r.fixed = len(r.session.hidden)
	return r.session, nil
}

// refresher gets tokens for a session, one at a time.
type refresher struct {
	client  *Client
	auth    OAuthRefresh
	session *oauthSession
	fixed   int // How many of the hidden secrets stay for good.

	handed  string     // The access token that was given out last.
	unsaved *TokenPair // A new pair that could not be saved yet; the one in the store is dead.
}

// mint returns the stored access token if it is not the one given out last, else that of a new pair.
func (r *refresher) mint(ctx context.Context) (token, error) {
	if r.unsaved == nil {
		pair, err := r.load(ctx)
		if err != nil {
			return token{}, err
		}
		if t := r.use(pair); pair.AccessToken != r.handed && t.usable(wall(r.client.now())) {
			r.handed = pair.AccessToken
			return t, nil
		}
		if pair, err = r.exchange(ctx, pair); err != nil {
			return token{}, err
		}
		r.unsaved = &pair
	}
	pair := *r.unsaved
	if err := r.auth.Store.Save(ctx, pair); err != nil {
		return token{}, fmt.Errorf("save the new OAuth tokens, without which they would be lost: %w", r.client.clean(err, ""))
	}
	r.unsaved, r.handed = nil, pair.AccessToken
	return r.use(pair), nil
}

// load reads the pair, and keeps it out of errors from then on.
func (r *refresher) load(ctx context.Context) (TokenPair, error) {
	pair, err := r.auth.Store.Load(ctx)
	if err != nil {
		return TokenPair{}, fmt.Errorf("load the OAuth tokens: %w", err)
	}
	r.session.hide(r.fixed, pair.AccessToken, pair.RefreshToken)
	if pair.RefreshToken == "" {
		return TokenPair{}, errors.New("load the OAuth tokens: the store has no refresh token; let the user give leave again")
	}
	return pair, nil
}

// exchange spends a refresh token. If it was spent already, by another client of the same store, that one's is taken.
func (r *refresher) exchange(ctx context.Context, pair TokenPair) (TokenPair, error) {
	asked := wall(r.client.now())
	got, err := r.client.createToken(ctx, tokenRequest{
		GrantType: "refresh_token", ClientID: r.auth.ClientID, ClientSecret: r.auth.ClientSecret, RefreshToken: pair.RefreshToken,
		Scope: r.auth.Scope, ExpiresIn: int64(r.auth.Lifetime / time.Second), RefreshExpiresIn: int64(r.auth.RefreshLifetime / time.Second),
	})
	if refused, ok := errors.AsType[*Error](err); ok && refused.Code == "invalid_grant" {
		newer, loadErr := r.load(ctx)
		switch {
		case loadErr != nil || newer.RefreshToken == pair.RefreshToken:
		case r.use(newer).usable(asked):
			return newer, nil
		default:
			return r.exchange(ctx, newer) // It ends: each time the store has another one.
		}
	}
	if err != nil {
		return TokenPair{}, err
	}
	r.session.hide(r.fixed, got.AccessToken, got.RefreshToken)
	if got.RefreshToken == "" {
		got.RefreshToken = pair.RefreshToken // Not rotated: an account may have it so.
	}
	return got.pair(asked), nil
}

// use is the access token of a pair, none if a header cannot hold it.
func (r *refresher) use(pair TokenPair) token {
	if !bearable(pair.AccessToken) {
		return token{}
	}
	now := wall(r.client.now())
	if pair.ExpiresAt.IsZero() {
		return newToken(pair.AccessToken, now, 0)
	}
	left := int64(pair.ExpiresAt.Sub(now) / time.Second)
	if left <= 0 {
		return token{}
	}
	return newToken(pair.AccessToken, now, left)
}

// after is that many seconds after t, zero for none.
func after(t time.Time, seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return t.Add(time.Duration(seconds) * time.Second).UTC()
}
