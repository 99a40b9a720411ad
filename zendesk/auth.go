package zendesk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const redacted = "<redacted>"

// The lifetimes that Zendesk accepts for a token, and the one that is asked for by default.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
const (
	defaultScope     = "read write"
	defaultLifetime  = 24 * time.Hour
	shortestLifetime = 301 * time.Second
	longestLifetime  = 172_799 * time.Second
)

// Authenticator is how a client proves who it is: [OAuthClientCredentials] or [APIToken]. No way of printing or
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
	// endpoints. A misspelt scope still yields a token, which is then refused everywhere with 403.
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
	if a.Scope = strings.Join(strings.Fields(a.Scope), " "); a.Scope == "" {
		a.Scope = defaultScope
	}
	if a.Lifetime == 0 {
		a.Lifetime = defaultLifetime
	}
	switch {
	case a.ClientID == "":
		return nil, errors.New("OAuth: ClientID is empty; want the OAuth client's identifier")
	case a.ClientSecret == "":
		return nil, errors.New("OAuth: ClientSecret is empty; want the OAuth client's secret")
	case strings.TrimSpace(a.ClientSecret) != a.ClientSecret:
		return nil, errors.New("OAuth: ClientSecret begins or ends with white space; want the secret alone")
	case a.Lifetime < shortestLifetime || a.Lifetime > longestLifetime:
		return nil, fmt.Errorf("OAuth: Lifetime %s: want more than 300 s and less than 48 h", a.Lifetime)
	}
	return &oauthSession{client: c, credentials: a, hidden: []string{a.ClientSecret, escaped(a.ClientSecret)}}, nil
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
