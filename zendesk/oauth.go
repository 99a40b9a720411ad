package zendesk

import (
	"context"
	"errors"
	"net/http"
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
)

// oauthSession holds the token of a client and replaces it. At most one token is being fetched at any time, by a
// goroutine of its own that lives no longer than the client's time-out: a caller who gives up does not spoil the
// token for the others.
type oauthSession struct {
	client      *Client
	credentials OAuthClientCredentials
	hidden      []string

	mu      sync.Mutex
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
func (s *oauthSession) secrets() []string { return s.hidden }

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
		fetch.got, fetch.err = s.client.createToken(ctx, s.credentials)
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
	ClientSecret string `json:"client_secret"`
	Scope        string `json:"scope"`
	ExpiresIn    int64  `json:"expires_in"`
}

// tokenAnswer is its answer.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
}

func (a *tokenAnswer) missing() string {
	if a.AccessToken == "" {
		return "access_token"
	}
	return ""
}

// createToken gets a token by the client credentials grant. There is no refresh token in this grant.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/#create-token-for-grant-type
//
//api:operation POST /oauth/tokens
func (c *Client) createToken(ctx context.Context, a OAuthClientCredentials) (token, error) {
	op := operation{"CreateToken", http.MethodPost, "/oauth/tokens"}
	cl := call{op: op, body: tokenRequest{
		GrantType: "client_credentials", ClientID: a.ClientID, ClientSecret: a.ClientSecret,
		Scope: a.Scope, ExpiresIn: int64(a.Lifetime / time.Second),
	}}
	target, payload, err := c.encode(cl)
	if err != nil {
		return token{}, err
	}
	asked := wall(c.now())
	var got tokenAnswer
	if err := c.exchange(ctx, cl, target, payload, "", &got); err != nil {
		return token{}, err
	}
	if !strings.EqualFold(got.TokenType, "bearer") && got.TokenType != "" ||
		!printable(got.AccessToken) || strings.Contains(got.AccessToken, " ") {
		err := errors.New("the answer has no bearer token that a header can hold")
		return token{}, &FormatError{Operation: op.name, Host: c.host, Status: http.StatusOK, ContentType: "application/json", Err: err}
	}
	t := token{header: "Bearer " + got.AccessToken}
	if got.ExpiresIn > 0 {
		life := time.Duration(min(got.ExpiresIn, int64(longestLifetime/time.Second))) * time.Second
		t.refresh = asked.Add(life - min(life/refreshShare, refreshMargin))
		t.expires = asked.Add(life - min(life/refreshShare, expiryMargin))
	}
	return t, nil
}
