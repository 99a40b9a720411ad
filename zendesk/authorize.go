package zendesk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// LeaveRequest is a request for a user's leave, between sending him to Zendesk and his coming back. It survives JSON, and
// is a secret until then. Printing it shows neither State nor Verifier.
type LeaveRequest struct {
	// URL is where to send the user's browser.
	URL string `json:"url"`
	// RedirectURI is where Zendesk sends him afterwards, with a code in the query.
	RedirectURI string `json:"redirect_uri"`
	// State comes back in the query too: so it is known that it is the same browser.
	State string `json:"state"`
	// Verifier proves that who exchanges the code is who asked for it (PKCE).
	Verifier string `json:"verifier"`
}

// String shows where to, and no secret.
func (r LeaveRequest) String() string {
	return fmt.Sprintf("LeaveRequest{%q, %s}", r.RedirectURI, redacted)
}

// Format prints [LeaveRequest.String] for every verb.
func (r LeaveRequest) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// RefusedError says that the user, or Zendesk in his place, gave no leave.
type RefusedError struct {
	// Code is that of OAuth, such as "access_denied".
	Code        string
	Description string
}

func (e *RefusedError) Error() string {
	text := "the user gave no leave: " + e.Code
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// AskLeave begins the authorization code flow: send the user to the URL, keep the request, and give it to
// [OAuthRefresh.TakeLeave] when Zendesk sends him to redirectURI, which must be one of those that the OAuth client was
// registered with. The flow is always protected by PKCE, which public clients must use and others may. Nothing is sent.
//
// Zendesk docs: https://developer.zendesk.com/documentation/ticketing/working-with-oauth/oauth-pkce/
func (a OAuthRefresh) AskLeave(baseURL, redirectURI string) (LeaveRequest, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return LeaveRequest{}, fmt.Errorf("zendesk: %w", err)
	}
	scope, _, err := checkOAuth(a.ClientID, a.ClientSecret, a.Scope, a.Lifetime)
	if err != nil {
		return LeaveRequest{}, fmt.Errorf("zendesk: %w", err)
	}
	if back, err := url.Parse(redirectURI); err != nil || back.Host == "" || back.Fragment != "" {
		return LeaveRequest{}, errors.New("zendesk: redirect URI: want the address that the OAuth client was registered with")
	}
	// Two random texts of 26 characters each: a verifier must have 43 to 128.
	r := LeaveRequest{RedirectURI: redirectURI, State: rand.Text(), Verifier: rand.Text() + rand.Text()}
	hash := sha256.Sum256([]byte(r.Verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {a.ClientID}, "redirect_uri": {redirectURI}, "scope": {scope}, "state": {r.State},
		"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(hash[:])},
	}
	r.URL = base.Scheme + "://" + base.Host + "/oauth/authorizations/new?" + query.Encode()
	return r, nil
}

// TakeLeave ends the authorization code flow: query is that of the address with which the user came back. It exchanges
// the code, which Zendesk honours for 120 seconds and once, and saves the pair of tokens in Store; from then on a client
// with this authenticator works. A pair that could not be saved is returned with the error, as it cannot be had again.
//
// Errors: [*RefusedError] if no leave was given; another one if the query does not belong to the request, in which case
// nothing was sent; else those of every request.
func (a OAuthRefresh) TakeLeave(ctx context.Context, baseURL string, asked LeaveRequest, query url.Values, opts ...Option) (TokenPair, error) {
	switch code := query.Get("code"); {
	case asked.State == "" || query.Get("state") != asked.State:
		return TokenPair{}, errors.New("zendesk: the state that came back is not the one that was sent; begin again")
	case query.Get("error") != "":
		return TokenPair{}, &RefusedError{Code: cut(query.Get("error"), maxCode), Description: cut(query.Get("error_description"), maxDescription)}
	case code == "" || !printable(code):
		return TokenPair{}, errors.New("zendesk: the address that the user came back with has no code")
	}
	c, err := New(baseURL, a, opts...)
	if err != nil {
		return TokenPair{}, err
	}
	defer c.CloseIdleConnections()
	scope, life, err := checkOAuth(a.ClientID, a.ClientSecret, a.Scope, a.Lifetime)
	if err != nil {
		return TokenPair{}, fmt.Errorf("zendesk: %w", err)
	}
	if s, ok := c.auth.(*oauthSession); ok {
		s.hide(len(s.secrets()), query.Get("code"), asked.Verifier)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, &timeoutError{after: c.timeout})
	defer cancel()
	when := wall(c.now())
	got, err := c.createToken(ctx, tokenRequest{
		GrantType: "authorization_code", ClientID: a.ClientID, ClientSecret: a.ClientSecret, Code: query.Get("code"),
		RedirectURI: asked.RedirectURI, CodeVerifier: asked.Verifier, Scope: scope, ExpiresIn: int64(life / time.Second),
		RefreshExpiresIn: int64(a.RefreshLifetime / time.Second),
	})
	if err != nil {
		return TokenPair{}, err
	}
	pair := got.pair(when)
	if err := a.Store.Save(ctx, pair); err != nil {
		return pair, fmt.Errorf("save the first OAuth tokens: %w", c.clean(err, ""))
	}
	return pair, nil
}
