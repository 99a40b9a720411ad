package zendesktest

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// token is an OAuth access token.
type token struct {
	user    int64
	scope   string
	expires time.Time // zero: never
	refresh string    // its refresh token, empty if it has none
	// refreshable is until when the refresh token is good.
	refreshable time.Time
	id          int64
	created     time.Time
}

// TokenPair is an access token with its refresh token.
type TokenPair struct {
	Access, Refresh string
}

// The lives of refresh tokens: that of one for which none was asked, and the seconds between which it must be.
const (
	defaultRefreshLife = 30 * 24 * time.Hour
	shortestRefresh    = 604_800
	longestRefresh     = 7_776_000
)

// maxTokens bounds the tokens that are remembered; beyond it the expired ones go, then all.
const maxTokens = 10_000

// mintToken is POST /oauth/tokens with client_credentials, authorization_code or refresh_token. As Zendesk it gives a token for any
// scope, also for one that is missing or misspelt: such a token gets 403 later.
func (a *account) mintToken(c *call) reply {
	o, bad := c.decode()
	if bad != nil {
		return *bad
	}
	r := reader{o: o}
	grant, _ := r.text("grant_type")
	id, _ := r.text("client_id")
	secret, _ := r.text("client_secret")
	scope, _ := o["scope"].(string) // An array is accepted and good for nothing.
	life, limited := r.integer("expires_in")
	if r.bad != nil {
		return *r.bad
	}
	want, known := a.cfg.clients[id]
	if !known || subtle.ConstantTimeCompare([]byte(want), []byte(secret)) != 1 {
		return oauthError(http.StatusUnauthorized, "invalid_client", "Client authentication failed due to unknown client, "+
			"no client authentication included, or unsupported authentication method.")
	}
	keep, kept := r.integer("refresh_token_expires_in")
	if r.bad != nil {
		return *r.bad
	}
	if kept && (keep <= shortestRefresh || keep >= longestRefresh) {
		return oauthError(http.StatusBadRequest, "invalid_request", "refresh_token_expires_in must be between 604800 and 7776000 seconds.")
	}
	if limited && life != 0 && (life < 300 || life > 172_800) {
		return oauthError(http.StatusBadRequest, "invalid_request", "expires_in must be between 300 and 172800 seconds.")
	}
	t := &token{user: a.owner.ID, scope: scope, expires: c.now.Add(defaultTokenLife)}
	if life != 0 {
		t.expires = c.now.Add(time.Duration(life) * time.Second)
	}
	switch grant {
	case "client_credentials":
		if a.public(id) {
			return oauthError(http.StatusBadRequest, "unauthorized_client", "A public client cannot use this grant.")
		}
	case "authorization_code":
		code, _ := r.text("code")
		redirect, _ := r.text("redirect_uri")
		verifier, _ := r.text("code_verifier")
		leave, good := a.spendCode(code, id, redirect, verifier, c.now)
		if !good {
			return oauthError(http.StatusBadRequest, "invalid_grant", "The provided authorization grant is invalid, expired or revoked.")
		}
		t.refresh, t.scope = rand.Text(), leave.scope
	case "refresh_token":
		old, _ := r.text("refresh_token")
		if !a.spendRefresh(old) {
			return oauthError(http.StatusBadRequest, "invalid_grant", "The provided refresh token is invalid, expired or revoked.")
		}
		t.refresh = rand.Text()
	default:
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "The authorization grant type is not supported.")
	}
	t.refreshable = c.now.Add(defaultRefreshLife)
	if kept {
		t.refreshable = c.now.Add(time.Duration(keep) * time.Second)
	}
	return created(a.tokenBody(a.storeToken(t), t, c.now))
}

func (a *account) tokenBody(access string, t *token, now time.Time) map[string]any {
	body := map[string]any{
		"access_token": access, "token_type": "bearer", "scope": t.scope, "expires_in": int64(t.expires.Sub(now) / time.Second),
	}
	if t.refresh != "" {
		body["refresh_token"] = t.refresh
		body["refresh_token_expires_in"] = int64(t.refreshable.Sub(now) / time.Second)
	}
	return body
}

func (a *account) storeToken(t *token) string {
	if len(a.tokens) >= maxTokens {
		a.dropTokens(func(t *token) bool { return !t.expires.IsZero() && t.expires.Before(a.clock.now()) })
	}
	if len(a.tokens) >= maxTokens {
		a.dropTokens(func(*token) bool { return true })
	}
	access := rand.Text()
	t.id, t.created = a.nextEventID(), a.clock.now()
	a.tokens[access] = t
	if t.refresh != "" {
		a.refreshes[t.refresh] = access
	}
	return access
}

func (a *account) dropTokens(gone func(*token) bool) {
	for access, t := range a.tokens {
		if gone(t) {
			delete(a.tokens, access)
			delete(a.refreshes, t.refresh)
		}
	}
}

// spendRefresh ends a refresh token and its access token; false if there is none such.
func (a *account) spendRefresh(refresh string) bool {
	access, known := a.refreshes[refresh]
	if !known || refresh == "" {
		return false
	}
	t := a.tokens[access]
	good := t != nil && a.clock.now().Before(t.refreshable)
	delete(a.refreshes, refresh)
	delete(a.tokens, access)
	return good
}

// showToken is GET /oauth/tokens/current: what is known of the token that the request carries.
func (a *account) showToken(c *call) reply {
	access := bearer(c)
	if a.tokens[access] == nil {
		return notFound()
	}
	return ok(map[string]any{"token": a.tokenJSON(access, c.now)})
}

// bearer is the access token that a request carries, empty if it carries none.
func bearer(c *call) string {
	access, _ := strings.CutPrefix(c.header.Get("Authorization"), "Bearer ")
	return strings.TrimSpace(access)
}

func (a *account) tokenJSON(access string, now time.Time) map[string]any {
	t := a.tokens[access]
	var expires any
	if !t.expires.IsZero() {
		expires = stamp(t.expires)
	}
	return map[string]any{
		"id": t.id, "client_id": 1, "user_id": t.user, "scopes": strings.Fields(t.scope), "token": access[:min(10, len(access))],
		"created_at": stamp(t.created), "expires_at": expires, "used_at": stamp(now),
	}
}

// tokenOrder are the access tokens, the oldest first.
func (a *account) tokenOrder() []string {
	return slices.SortedFunc(maps.Keys(a.tokens), func(x, y string) int { return cmp.Compare(a.tokens[x].id, a.tokens[y].id) })
}

func oauthError(status int, code, description string) reply {
	return reply{status: status, v: map[string]string{"error": code, "error_description": description}}
}

// authenticate sets the user of the call, or says why it is refused.
func (a *account) authenticate(c *call, op *operation) *reply {
	if op.open {
		return nil
	}
	header := c.header.Get("Authorization")
	if access, isBearer := strings.CutPrefix(header, "Bearer "); isBearer {
		return a.authenticateBearer(c, op, access)
	}
	c.user = a.basicUser(header, c.now)
	switch {
	case op.anonymous:
		return nil
	case c.user == nil:
		rep := reply{status: http.StatusUnauthorized, v: map[string]string{"error": "Couldn't authenticate you"}}
		return &rep
	}
	return a.authorizeRole(c, op)
}

func (a *account) authenticateBearer(c *call, op *operation, access string) *reply {
	t := a.tokens[strings.TrimSpace(access)]
	if t == nil || !t.expires.IsZero() && !c.now.Before(t.expires) {
		rep := TokenExpired().reply()
		return &rep
	}
	if missing := missingScope(t.scope, c.method, op.resource); missing != "" {
		rep := titled(http.StatusForbidden, "Forbidden", "You are missing the following required scopes: "+missing)
		return &rep
	}
	if u := a.users[t.user]; u != nil {
		c.user = &u.User
	}
	return a.authorizeRole(c, op)
}

// authorizeRole refuses whoever is not an agent, or not an admin where one is needed; only users/me answers to others.
func (a *account) authorizeRole(c *call, op *operation) *reply {
	if c.user != nil && c.user.IsAgent() && (!op.admin || c.user.Role == RoleAdmin) {
		return nil
	}
	rep := titled(http.StatusForbidden, "Forbidden",
		"You do not have access to this page. Please contact the account owner of this help desk for further help.")
	return &rep
}

// basicUser is the user of an 'email/token:secret' header, nil if it is none of ours.
func (a *account) basicUser(header string, now time.Time) *User {
	encoded, isBasic := strings.CutPrefix(header, "Basic ")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !isBasic || err != nil || !a.cfg.tokenCutoff.IsZero() && !now.Before(a.cfg.tokenCutoff) {
		return nil
	}
	name, secret, _ := strings.Cut(string(raw), ":")
	email, isToken := strings.CutSuffix(name, "/token")
	if _, known := a.cfg.tokens[secret]; !isToken || !known {
		return nil
	}
	if rec := a.userByEmail(email); rec != nil {
		return &rec.User
	}
	return nil
}

// missingScope says which scope a token lacks for the method on the resource, empty if none.
func missingScope(scope, method, resource string) string {
	need := "write"
	if method == http.MethodGet {
		need = "read"
	}
	have := strings.Fields(scope)
	if slices.Contains(have, need) || resource != "" && slices.Contains(have, resource+":"+need) {
		return ""
	}
	return need
}

// ExpireTokens makes every access token given so far invalid: the next request with one gets 401. Refresh tokens
// stay good.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	past := s.clock.now().Add(-time.Second)
	for _, t := range s.acct.tokens {
		t.expires = past
	}
}

// IssueTokens makes an access token of the owner with a refresh token, as the authorization code flow does. The
// access token lasts life of the account's time, or two hours if life is not above zero.
func (s *Server) IssueTokens(scope string, life time.Duration) TokenPair {
	s.mu.Lock()
	defer s.mu.Unlock()
	if life <= 0 {
		life = defaultTokenLife
	}
	now := s.clock.now()
	t := &token{user: s.acct.owner.ID, scope: scope, expires: now.Add(life), refresh: rand.Text(), refreshable: now.Add(defaultRefreshLife)}
	return TokenPair{Access: s.acct.storeToken(t), Refresh: t.refresh}
}
