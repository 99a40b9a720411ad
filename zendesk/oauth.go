package zendesk

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// A token is replaced in the background in the last tenth of its life, but not earlier than 10 minutes before
	// its end, and is not used any more in the last 5 seconds.
	refreshShare  = 10
	refreshMargin = 10 * time.Minute
	expiryMargin  = 5 * time.Second
	// refreshPause is how long a token that still works is used on after its replacement could not be had.
	refreshPause = 5 * time.Second
	// maxHidden is how many tokens that came and went are kept out of errors.
	maxHidden = 16
)

// oauthSession holds the token of a client and replaces it. At most one token is being fetched at any time, by a
// goroutine of its own that lives no longer than the client's time-out: a caller who gives up does not spoil the
// token for the others.
type oauthSession struct {
	client *Client
	// mint gets a new token. It is called by one goroutine at a time.
	mint func(ctx context.Context) (token, error)

	mu      sync.Mutex
	hidden  []string
	current token
	fetch   *tokenFetch // Nil unless a token is being fetched.
	pause   time.Time   // No fetch in the background before.
}

// token is one access token. The zero value is none.
type token struct {
	header  string
	refresh time.Time // From when it is to be replaced; zero for never.
	expires time.Time // From when it is not used any more; zero for never.
}

// tokenFetch is one attempt to get a token. Its result may be read after done was closed.
type tokenFetch struct {
	done chan struct{}
	got  token
	err  error
}

// secrets implements session.
func (s *oauthSession) secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hidden)
}

// hide adds secrets that must not appear in an error; the first keep of those before stay, and the newest maxHidden.
func (s *oauthSession) hide(keep int, secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		if secret != "" && !slices.Contains(s.hidden, secret) {
			s.hidden = append(s.hidden, secret)
		}
	}
	if over := len(s.hidden) - keep - maxHidden; over > 0 {
		s.hidden = slices.Delete(s.hidden, keep, keep+over)
	}
}

// authorization implements session.
func (s *oauthSession) authorization(ctx context.Context) (string, error) {
	s.mu.Lock()
	now := wall(s.client.now())
	if s.current.usable(now) {
		if s.current.stale(now) && s.fetch == nil && !now.Before(s.pause) {
			s.startFetch(ctx)
		}
		header := s.current.header
		s.mu.Unlock()
		return header, nil
	}
	if s.fetch == nil {
		s.startFetch(ctx)
	}
	fetch := s.fetch
	s.mu.Unlock()
	select {
	case <-fetch.done:
		return fetch.got.header, fetch.err
	case <-ctx.Done():
		return "", cause(ctx)
	}
}

// rejected implements session. The refused token is forgotten unless it was replaced already.
func (s *oauthSession) rejected(credentials string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.header == credentials {
		s.current = token{}
	}
	return true
}

// revoked forgets the token, which works no more: the next request gets another one where that is possible.
func (s *oauthSession) revoked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = token{}
}

// startFetch begins to fetch a token. The lock must be held.
func (s *oauthSession) startFetch(ctx context.Context) {
	fetch := &tokenFetch{done: make(chan struct{})}
	s.fetch = fetch
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer close(fetch.done)
		timeout := s.client.timeout
		ctx, cancel := context.WithTimeoutCause(ctx, timeout, &timeoutError{after: timeout})
		defer cancel()
		fetch.got, fetch.err = s.mint(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fetch = nil
		if fetch.err != nil {
			s.pause = wall(s.client.now()).Add(refreshPause)
			return
		}
		s.current = fetch.got
	}()
}

func (t token) usable(now time.Time) bool {
	return t.header != "" && (t.expires.IsZero() || now.Before(t.expires))
}

func (t token) stale(now time.Time) bool { return !t.refresh.IsZero() && !now.Before(t.refresh) }

// wall drops the monotonic reading, which does not count the time a machine was suspended.
func wall(t time.Time) time.Time { return t.Round(0) }

// tokenRequest is the body of CreateToken.
type tokenRequest struct {
	GrantType    string `json:"grant_type"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitzero"`
	RefreshToken string `json:"refresh_token,omitzero"`
	Code         string `json:"code,omitzero"`
	RedirectURI  string `json:"redirect_uri,omitzero"`
	CodeVerifier string `json:"code_verifier,omitzero"`
	Scope        string `json:"scope"`
	ExpiresIn    int64  `json:"expires_in"`
	// RefreshExpiresIn is Zendesk's 30 days if zero.
	RefreshExpiresIn int64 `json:"refresh_token_expires_in,omitzero"`
}

// tokenAnswer is its answer.
type tokenAnswer struct {
	AccessToken      string `json:"access_token"`
	RefreshToken     string `json:"refresh_token"`
	TokenType        string `json:"token_type"`
	Scope            string `json:"scope"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshExpiresIn int64  `json:"refresh_token_expires_in"`
}

// pair is what to keep of the answer to a request that was made at that time.
func (a *tokenAnswer) pair(asked time.Time) TokenPair {
	return TokenPair{
		AccessToken: a.AccessToken, RefreshToken: a.RefreshToken, Scope: a.Scope,
		ExpiresAt: after(asked, a.ExpiresIn), RefreshExpiresAt: after(asked, a.RefreshExpiresIn),
	}
}

func (a *tokenAnswer) missing() string {
	if a.AccessToken == "" {
		return "access_token"
	}
	return ""
}

// createToken gets a token by one of the grants.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/#create-token-for-grant-type
//
//api:operation POST /oauth/tokens
func (c *Client) createToken(ctx context.Context, req tokenRequest) (tokenAnswer, error) {
	op := operation{"CreateToken", http.MethodPost, "/oauth/tokens"}
	cl := call{op: op, body: req}
	target, payload, err := c.encode(cl)
	if err != nil {
		return tokenAnswer{}, err
	}
	var got tokenAnswer
	if err := c.exchange(ctx, cl, target, payload, "", &got); err != nil {
		return tokenAnswer{}, err
	}
	if !strings.EqualFold(got.TokenType, "bearer") && got.TokenType != "" || !bearable(got.AccessToken) {
		err := errors.New("the answer has no bearer token that a header can hold")
		return tokenAnswer{}, &FormatError{Operation: op.name, Host: c.host, Status: http.StatusOK, ContentType: "application/json", Err: err}
	}
	return got, nil
}

// bearable reports whether a header can hold the token.
func bearable(access string) bool {
	return access != "" && printable(access) && !strings.Contains(access, " ")
}

// newToken is a token that was asked for at that time and lasts so many seconds, zero for ever.
func newToken(access string, asked time.Time, lasts int64) token {
	t := token{header: "Bearer " + access}
	if lasts > 0 {
		life := time.Duration(min(lasts, int64(longestLifetime/time.Second))) * time.Second
		t.refresh = asked.Add(life - min(life/refreshShare, refreshMargin))
		t.expires = asked.Add(life - min(life/refreshShare, expiryMargin))
	}
	return t
}
