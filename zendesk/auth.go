package zendesk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

const redacted = "<redacted>"

// The lifetimes that Zendesk accepts for a token, and the one that is asked for by default.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
const (
	defaultLifetime  = 24 * time.Hour
	shortestLifetime = 301 * time.Second
	longestLifetime  = 172_799 * time.Second
	// Those between which the life of a refresh token must be.
	shortestRefresh = 7 * 24 * time.Hour
	longestRefresh  = 90 * 24 * time.Hour
)

// Authenticator is how a client proves who it is: [OAuthClientCredentials], [OAuthRefresh] or [APIToken]. No way of printing or
// marshalling one shows its secret.
type Authenticator interface {
	fmt.Stringer
	session(c *Client) (session, error)
}

// session is an authenticator at work in one client.
type session interface {
	// authorization returns the value of the Authorization header, fetching a token first if there is none.
	authorization(ctx context.Context) (string, error)
	// rejected is told that credentials were answered 401. It reports whether other ones can be had.
	rejected(credentials string) bool
	// secrets are the strings that must not appear in an error.
	secrets() []string
}

// OAuthClientCredentials is a confidential OAuth client of the account. It acts as the user who owns the OAuth client.
// The client fetches a token at the first request, replaces it in the background before it expires, and once more
// whenever it is refused.
type OAuthClientCredentials struct {
	// ClientID is the OAuth client's identifier.
	ClientID string
	// ClientSecret is its secret.
	ClientSecret string
	// Scope is a list of scopes separated by spaces, "read write" if empty. No narrower scope covers the voice
	// endpoints. What cannot be a scope is refused by [New]: Zendesk gives a token for it that gets 403 everywhere.
	Scope string
	// Lifetime is the life of a token that is asked for: 24 hours if zero, else more than 300 s and less than
	// 48 h. Zendesk may grant another.
	Lifetime time.Duration
}

// String shows who, not the secret.
func (a OAuthClientCredentials) String() string {
	return fmt.Sprintf("OAuthClientCredentials{%q, %s}", a.ClientID, redacted)
}

// Format prints [OAuthClientCredentials.String] for every verb.
func (a OAuthClientCredentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// MarshalText keeps the secret out of anything marshalled.
func (a OAuthClientCredentials) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func (a OAuthClientCredentials) session(c *Client) (session, error) {
	if a.ClientSecret == "" {
		return nil, errors.New("OAuth: ClientSecret is empty; want the OAuth client's secret")
	}
	var err error
	if a.Scope, a.Lifetime, err = checkOAuth(a.ClientID, a.ClientSecret, a.Scope, a.Lifetime); err != nil {
		return nil, err
	}
	s := &oauthSession{client: c, hidden: []string{a.ClientSecret, escaped(a.ClientSecret)}}
	s.mint = func(ctx context.Context) (token, error) {
		asked := wall(c.now())
		got, err := c.createToken(ctx, tokenRequest{
			GrantType: "client_credentials", ClientID: a.ClientID, ClientSecret: a.ClientSecret,
			Scope: a.Scope, ExpiresIn: int64(a.Lifetime / time.Second),
		})
		if err != nil {
			return token{}, err
		}
		return newToken(got.AccessToken, asked, got.ExpiresIn), nil
	}
	return s, nil
}

// The scopes that matter here. There is none for voice and calls: they need ScopeRead and ScopeWrite. Others have the
// form "tickets:read".
const (
	ScopeRead        = "read"
	ScopeWrite       = "write"
	ScopeImpersonate = "impersonate"
	ScopeAnyChannel  = "any_channel:write"
)

var scopePattern = regexp.MustCompile(`^(read|write|impersonate|web_widget|[a-z][a-z_]*:(read|write))$`)

// checkOAuth checks what the OAuth authenticators have in common, and fills in what was left out. A scope that cannot be
// one is refused, because Zendesk would give a token for it that is then refused everywhere.
func checkOAuth(id, secret, scope string, life time.Duration) (string, time.Duration, error) {
	words := strings.Fields(scope)
	if len(words) == 0 {
		words = []string{ScopeRead, ScopeWrite}
	}
	for _, word := range words {
		if !scopePattern.MatchString(word) {
			return "", 0, fmt.Errorf("OAuth: Scope %q: want read, write, impersonate, or one like tickets:read", cut(word, maxCode))
		}
	}
	if life == 0 {
		life = defaultLifetime
	}
	switch {
	case id == "":
		return "", 0, errors.New("OAuth: ClientID is empty; want the OAuth client's identifier")
	case strings.TrimSpace(secret) != secret:
		return "", 0, errors.New("OAuth: ClientSecret begins or ends with white space; want the secret alone")
	case life < shortestLifetime || life > longestLifetime:
		return "", 0, fmt.Errorf("OAuth: Lifetime %s: want more than 300 s and less than 48 h", life)
	}
	return strings.Join(words, " "), life, nil
}

// APIToken is the legacy way: a user's email and an API token. Zendesk is removing API tokens: none can be created
// after 27 October 2026, and the last ones stop on 30 April 2027.
type APIToken struct {
	// Email is the address of the user to act as.
	Email string
	// Token is the API token, without "/token" before it.
	Token string
}

// String shows who, not the token.
func (a APIToken) String() string { return fmt.Sprintf("APIToken{%q, %s}", a.Email, redacted) }

// Format prints [APIToken.String] for every verb.
func (a APIToken) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// MarshalText keeps the token out of anything marshalled.
func (a APIToken) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func (a APIToken) session(*Client) (session, error) {
	switch {
	case !strings.Contains(a.Email, "@") || strings.ContainsAny(a.Email, " :"):
		return nil, errors.New("API token: Email is not an address; want the address of the user to act as, without /token")
	case strings.HasSuffix(a.Email, "/token"):
		return nil, errors.New("API token: Email ends with /token; want the address alone")
	case a.Token == "" || !printable(a.Token) || strings.Contains(a.Token, " "):
		return nil, errors.New("API token: Token is empty or holds white space; want the token alone")
	}
	pair := a.Email + "/token:" + a.Token
	encoded := base64.StdEncoding.EncodeToString([]byte(pair))
	return &basicSession{header: "Basic " + encoded, hidden: []string{a.Token, escaped(a.Token), encoded}}, nil
}

// basicSession sends the same header always.
type basicSession struct {
	header string
	hidden []string
}

func (s *basicSession) authorization(context.Context) (string, error) { return s.header, nil }
func (s *basicSession) rejected(string) bool                          { return false }
func (s *basicSession) secrets() []string                             { return s.hidden }

// escaped is a secret as it stands inside JSON, which is how it is sent and how it may come back.
func escaped(secret string) string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		return secret
	}
	return string(quoted[1 : len(quoted)-1])
}

// bareCredentials is an Authorization header without its scheme.
func bareCredentials(header string) string {
	_, bare, _ := strings.Cut(header, " ")
	return bare
}
