package feed

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Token lets its bearer read the feed.
type Token struct {
	// Name is what logs call it. It is no secret.
	Name string
	// Secret is what the bearer shows.
	Secret string
	// Agent is the name of the agent whose calls it shows; "" shows all calls.
	Agent string
}

// Gate says who may read. It is safe for concurrent use. Without tokens it lets
// everybody in who addresses this machine by a loopback name; whoever serves it
// then must see to it that only this machine can connect.
type Gate struct {
	rules   atomic.Pointer[rules]
	tickets tickets
}

// rules are what Set gave. They are never changed.
type rules struct {
	tokens  []Token
	origins []string
}

// grant is what somebody may see, and by which token. The zero value sees all.
type grant struct {
	token   Token
	expires time.Time // of the cookie; zero: never
}

// refusal is why somebody may not.
type refusal struct {
	status int
	reason string // label of the metric
	text   string // what to do about it
}

const (
	cookieName = "talkbridge_session"
	// sessionTime is how long a cookie works. It ends earlier with its token.
	sessionTime = 12 * time.Hour
	sessionWord = "talkbridge session until "
	// ticketProtocol begins the WebSocket subprotocol that carries a ticket.
	ticketProtocol = "talkbridge.ticket."
	// Protocol is the WebSocket subprotocol of the feed.
	Protocol = "talkbridge.feed.v1"
)

// NewGate returns a gate with tokens and with the origins, besides the feed's own
// host, whose pages may read: "https://wall.example.com".
func NewGate(tokens []Token, origins []string) (*Gate, error) {
	g := &Gate{}
	return g, g.Set(tokens, origins)
}

// Set replaces tokens and origins. On an error they stay as they were. Call
// Hub.Review afterwards.
func (g *Gate) Set(tokens []Token, origins []string) error {
	r := &rules{tokens: slices.Clone(tokens)}
	for i, t := range tokens {
		if t.Secret == "" {
			return fmt.Errorf("tokens[%d] (%s): has no secret: give one", i, t.Name)
		}
	}
	for i, text := range origins {
		origin, ok := parseOrigin(text)
		if !ok {
			return fmt.Errorf("origins[%d]: %q is no origin: write scheme and host, such as https://wall.example.com", i, text)
		}
		r.origins = append(r.origins, origin)
	}
	g.rules.Store(r)
	return nil
}

// Open reports whether there is no token, so that nobody is asked for one.
func (g *Gate) Open() bool { return len(g.rules.Load().tokens) == 0 }

// parseOrigin returns an origin in the form in which browsers send it: scheme, host and
// port, in ASCII. A slash behind them is ours to forgive.
func parseOrigin(text string) (string, bool) {
	u, err := url.Parse(text)
	foreign := func(r rune) bool { return r <= ' ' || r > '~' }
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
		!strings.EqualFold(strings.TrimSuffix(text, "/"), u.Scheme+"://"+u.Host) || strings.ContainsFunc(text, foreign) {
		return "", false
	}
	host := strings.ToLower(u.Host)
	if name, port, err := net.SplitHostPort(host); err == nil && port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		host = name
		if strings.Contains(name, ":") {
			host = "[" + name + "]"
		}
	}
	return u.Scheme + "://" + host, true
}

// page judges where a request of a browser comes from. One without an origin is
// not of a page.
func (g *Gate) page(r *http.Request) *refusal {
	rules := g.rules.Load()
	if text := r.Header.Get("Origin"); text != "" {
		origin, ok := parseOrigin(text)
		if ok && slices.Contains(rules.origins, origin) {
			return nil
		}
		u, err := url.Parse(text)
		if !ok || err != nil || !strings.EqualFold(u.Host, r.Host) {
			return &refusal{http.StatusForbidden, "origin", "pages of this origin may not read here: add it to http.origins"}
		}
	}
	// A name that leads here by somebody else's name server is not ours: without
	// tokens nothing else would stand in the way of his pages.
	if len(rules.tokens) == 0 && !loopbackHost(r.Host) {
		return &refusal{http.StatusForbidden, "origin", "without http.tokens this is served to this machine alone, as localhost: configure a token"}
	}
	return nil
}

// loopbackHost reports whether the host of a request is a name of this machine.
func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// Screen refuses requests that a page of a browser made from where none may: from
// another origin, and, without tokens, under a name that is not this machine's. It
// is for what stands beside the feed and asks for no token.
func (g *Gate) Screen(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refused := g.page(r); refused != nil {
			answer(w, refused.status, map[string]any{"error": refused.text})
			return
		}
		next.ServeHTTP(w, r)
	})
}

var errNoToken = errors.New("no token")

// bearer finds the token that a request shows.
func (g *Gate) bearer(r *http.Request) (grant, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return grant{}, errNoToken
	}
	return g.find(func(t Token) bool { return same(t.Secret, strings.TrimSpace(secret)) })
}

// find looks at every token, whatever it finds, so that the time it takes says
// nothing.
func (g *Gate) find(is func(Token) bool) (grant, error) {
	found := grant{}
	err := errNoToken
	for _, t := range g.rules.Load().tokens {
		if is(t) {
			found.token, err = t, nil
		}
	}
	return found, err
}

// same compares two secrets in a time that depends on neither.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// valid reports whether a grant still holds: its token is configured, as it was.
func (g *Gate) valid(of grant) bool {
	if of.token == (Token{}) {
		return g.Open()
	}
	held, err := g.find(func(t Token) bool { return same(t.Secret, of.token.Secret) && t.Agent == of.token.Agent })
	return err == nil && held.token.Secret != ""
}

// admit judges who asks to read: by bearer token, by ticket, or by cookie.
func (g *Gate) admit(r *http.Request) (grant, *refusal) {
	if refused := g.page(r); refused != nil {
		return grant{}, refused
	}
	if g.Open() {
		return grant{}, nil
	}
	var found grant
	var err error
	switch ticket := ticketOf(r); {
	case r.Header.Get("Authorization") != "":
		found, err = g.bearer(r)
	case ticket != "":
		if found, err = g.tickets.redeem(ticket); err == nil && !g.valid(found) {
			err = errNoToken
		}
	default:
		found, err = g.session(r)
	}
	if err != nil {
		return grant{}, unauthorized("show a token of http.tokens in the header Authorization: Bearer, a session's cookie, or a ticket that was not used yet")
	}
	return found, nil
}

func unauthorized(text string) *refusal { return &refusal{http.StatusUnauthorized, "token", text} }

// ticketOf returns the ticket of a request, "" if it has none.
func ticketOf(r *http.Request) string {
	for _, line := range r.Header.Values("Sec-Websocket-Protocol") {
		for protocol := range strings.SplitSeq(line, ",") {
			if ticket, ok := strings.CutPrefix(strings.TrimSpace(protocol), ticketProtocol); ok {
				return ticket
			}
		}
	}
	return r.URL.Query().Get("ticket")
}

// seal signs the end of a session with the token that it was opened by. So a
// cookie survives a restart, and ends with its token.
func seal(secret, until string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(sessionWord + until))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// session finds the token that a cookie was made of.
func (g *Gate) session(r *http.Request) (grant, error) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return grant{}, errNoToken
	}
	until, sealed, _ := strings.Cut(cookie.Value, ".")
	seconds, err := strconv.ParseInt(until, 10, 64)
	if err != nil || !time.Now().Before(time.Unix(seconds, 0)) {
		return grant{}, errNoToken
	}
	found, err := g.find(func(t Token) bool { return same(seal(t.Secret, until), sealed) })
	found.expires = time.Unix(seconds, 0)
	return found, err
}

// newSession makes the cookie of a token. It is sent back over TLS only, unless
// the browser is on this machine.
func newSession(of Token, r *http.Request, now time.Time) *http.Cookie {
	until := strconv.FormatInt(now.Add(sessionTime).Unix(), 10)
	return &http.Cookie{ //nolint:gosec // Secure but for browsers on this machine
		Name: cookieName, Value: until + "." + seal(of.Secret, until), Path: "/", MaxAge: int(sessionTime / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: !loopbackHost(r.Host),
	}
}
