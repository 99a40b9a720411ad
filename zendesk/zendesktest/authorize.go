package zendesktest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"
)

const (
	// codeLife is for how long a code can be exchanged.
	codeLife = 120 * time.Second
	// maxCodes bounds the codes that wait; at the limit all are dropped.
	maxCodes = 1000
)

// authCode is the leave that the owner gave to an OAuth client, until it is exchanged for tokens.
type authCode struct {
	client, redirect, scope, challenge string
	expires                            time.Time
}

// authorize is GET /oauth/authorizations/new: the page on which a user gives leave. Here the owner always does, and is sent
// back at once. What cannot be right is refused with a 400, so that nobody is sent to an address that is not known.
func (a *account) authorize(c *call) reply {
	q := c.query
	_, known := a.cfg.clients[q.Get("client_id")]
	back, err := url.Parse(q.Get("redirect_uri"))
	switch method := q.Get("code_challenge_method"); {
	case !known:
		return oauthError(http.StatusBadRequest, "invalid_client", "There is no such OAuth client.")
	case err != nil || back.Host == "":
		return oauthError(http.StatusBadRequest, "invalid_request", "The redirect URI is not an address.")
	case q.Get("response_type") != "code", q.Get("scope") == "":
		return oauthError(http.StatusBadRequest, "invalid_request", "response_type=code and a scope are needed.")
	case q.Has("code_challenge") && method != "S256", a.public(q.Get("client_id")) && !q.Has("code_challenge"):
		return oauthError(http.StatusBadRequest, "invalid_request", "Public clients need a code_challenge of the method S256.")
	}
	if len(a.codes) >= maxCodes {
		clear(a.codes)
	}
	code := rand.Text()
	a.codes[code] = authCode{
		client: q.Get("client_id"), redirect: q.Get("redirect_uri"), scope: q.Get("scope"), challenge: q.Get("code_challenge"),
		expires: c.now.Add(codeLife),
	}
	answer := back.Query()
	answer.Set("code", code)
	if q.Has("state") {
		answer.Set("state", q.Get("state"))
	}
	back.RawQuery = answer.Encode()
	rep := bare(http.StatusFound)
	rep.with("Location", back.String())
	return rep
}

// public reports whether an OAuth client has no secret.
func (a *account) public(client string) bool { return a.cfg.clients[client] == "" }

// spendCode ends a code, and reports whether it was good: not older than two minutes, and exchanged by the client that asked
// for it, with the address and the verifier of its request.
func (a *account) spendCode(code, client, redirect, verifier string, now time.Time) (authCode, bool) {
	spent, known := a.codes[code]
	delete(a.codes, code)
	hash := sha256.Sum256([]byte(verifier))
	proof := base64.RawURLEncoding.EncodeToString(hash[:])
	proved := spent.challenge == "" || subtle.ConstantTimeCompare([]byte(proof), []byte(spent.challenge)) == 1
	return spent, known && now.Before(spent.expires) && spent.client == client && spent.redirect == redirect && proved
}

// listTokens is GET /oauth/tokens: those of the user who asks, without their secrets.
func (a *account) listTokens(c *call) reply {
	var own []string
	for _, access := range a.tokenOrder() {
		if a.tokens[access].user == c.user.ID {
			own = append(own, access)
		}
	}
	return listing(c, "tokens", own, func(access string) any { return a.tokenJSON(access, c.now) })
}

// revokeToken is DELETE /oauth/tokens/{id}. That the refresh token ends with it is not documented: see WithRefreshAfterRevoke.
func (a *account) revokeToken(c *call) reply {
	for access, t := range a.tokens {
		if t.id == c.params[0] && t.user == c.user.ID {
			return a.dropToken(c, access)
		}
	}
	return notFound()
}

// revokeCurrentToken is DELETE /oauth/tokens/current.
func (a *account) revokeCurrentToken(c *call) reply {
	if access := bearer(c); a.tokens[access] != nil {
		return a.dropToken(c, access)
	}
	return notFound()
}

func (a *account) dropToken(c *call, access string) reply {
	if a.cfg.choices.refreshOutlivesToken {
		a.tokens[access].expires = c.now.Add(-time.Second)
	} else {
		delete(a.refreshes, a.tokens[access].refresh)
		delete(a.tokens, access)
	}
	c.committed = true
	return bare(http.StatusNoContent)
}
