package zendesk

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultTimeout is how long one request may take, waiting for an access token included, unless [WithTimeout] says
// otherwise.
const DefaultTimeout = 10 * time.Second

const defaultUserAgent = "talkbridge-zendesk (+https://github.com/talkbridge/talkbridge)"

// Client talks to one Zendesk account. Make it with [New]; the zero value is not usable. It is safe for concurrent
// use, holds no goroutine while no request is under way, and need not be closed.
//
// Every method sends one request (a list of several pages one for each) and returns when the answer was read, the
// context ended or the time-out passed. A request is sent a second time in one case only: the answer was 401, the token could be replaced by a fresh one,
// and so the first request is certain not to have been carried out. The connection layer repeats a write only when
// not a byte of it had left; see [TransportError].
type Client struct {
	base      string
	host      string
	http      *http.Client
	auth      session
	timeout   time.Duration
	userAgent string
	now       func() time.Time
	observe   func(Exchange)
	limits    limitBook
}

// Option changes how [New] builds a Client.
type Option func(*Client) error

// WithHTTPClient uses a copy of hc for all requests. Its redirect policy is replaced, and a nil Transport means the
// client's own. With a foreign Transport a failed write counts as sent from the moment it had a connection, because
// nobody but the client's own transport counts bytes.
func WithHTTPClient(hc *http.Client) Option {
	return func(c *Client) error {
		if hc == nil {
			return errors.New("WithHTTPClient: the client is nil")
		}
		own := *hc
		c.http = &own
		return nil
	}
}

// WithUserAgent sets the User-Agent header. Zendesk asks for one that names the integration.
func WithUserAgent(agent string) Option {
	return func(c *Client) error {
		if agent == "" || !printable(agent) {
			return errors.New("WithUserAgent: want printable ASCII text")
		}
		c.userAgent = agent
		return nil
	}
}

// WithTimeout bounds each request as a whole, waiting for a token and reading the answer included.
func WithTimeout(d time.Duration) Option {
	return func(c *Client) error {
		if d <= 0 {
			return fmt.Errorf("WithTimeout: %s is not positive", d)
		}
		c.timeout = d
		return nil
	}
}

// WithClock replaces the clock that token expiry, dates in Retry-After and the times in [Exchange] are read from.
// Time-outs of requests always run on the real clock.
func WithClock(now func() time.Time) Option {
	return func(c *Client) error {
		if now == nil {
			return errors.New("WithClock: the clock is nil")
		}
		c.now = now
		return nil
	}
}

// WithObserver calls observe after each exchange with Zendesk, those that fetch tokens included, on the goroutine of
// the request. It must be quick and safe for concurrent use.
func WithObserver(observe func(Exchange)) Option {
	return func(c *Client) error {
		c.observe = observe
		return nil
	}
}

// New returns a client for the account at baseURL, such as "https://acme.zendesk.com". The address must be scheme
// and host only; plain http is accepted for a loopback host alone, because every request carries credentials.
// Nothing is sent yet.
func New(baseURL string, auth Authenticator, opts ...Option) (*Client, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return nil, fmt.Errorf("zendesk: %w", err)
	}
	c := &Client{
		base: base.Scheme + "://" + base.Host, host: base.Host,
		http: &http.Client{}, timeout: DefaultTimeout, userAgent: defaultUserAgent, now: time.Now,
	}
	for _, opt := range opts {
		if err := opt(c); err != nil {
			return nil, fmt.Errorf("zendesk: %w", err)
		}
	}
	if c.http.Transport == nil {
		c.http.Transport = newTransport()
	}
	c.http.CheckRedirect = followSameHost
	if auth == nil {
		return nil, errors.New("zendesk: no authenticator: want OAuthClientCredentials, OAuthRefresh or APIToken")
	}
	if c.auth, err = auth.session(c); err != nil {
		return nil, fmt.Errorf("zendesk: %w", err)
	}
	return c, nil
}

// BaseURL is the account's address, without a trailing slash.
func (c *Client) BaseURL() string { return c.base }

// CloseIdleConnections closes the connections that no request is using, such as before a program ends. The client stays
// usable.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// String names the account and shows no secret.
func (c *Client) String() string { return "zendesk.Client(" + c.base + ")" }

// Format prints [Client.String] for every verb, so that no way of printing a client shows its credentials.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// RateLimit is what Zendesk last said about its rate limits, over all answers so far. Its zero value means that no
// answer carried any.
func (c *Client) RateLimit() RateLimit { return c.limits.snapshot() }

// parseBase checks the account's address. Its errors never repeat the address, which may hold a password.
func parseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("base URL: not an address; want one like https://acme.zendesk.com")
	case u.User != nil:
		return nil, errors.New("base URL: must not hold a user name or password; pass an authenticator instead")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("base URL: want scheme and host only, like https://acme.zendesk.com, without a path or query")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	case u.Scheme == "http":
		return nil, fmt.Errorf("base URL: plain http to %s would send the credentials readable; use https", u.Hostname())
	default:
		return nil, errors.New("base URL: want the scheme https, like https://acme.zendesk.com")
	}
}

// loopback reports whether host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// printable reports whether s is printable ASCII, which any header value may hold.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
