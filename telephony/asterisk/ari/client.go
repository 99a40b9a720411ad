package ari

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

const (
	dialTimeout = 10 * time.Second
	// maxAnswer bounds the answer to one request: the list of some 30,000 channels.
	maxAnswer = 32 << 20
	// maxIdle bounds the connections that wait for the next request.
	maxIdle = 8
)

// errNotFound says that Asterisk does not have what was asked for: the channel is
// gone, or the variable is not set.
var errNotFound = errors.New("not found")

// client makes the requests to one Asterisk. Safe for concurrent use.
type client struct {
	base  *url.URL
	login http.Header
	http  *http.Client
	ws    *websocket.Dialer
}

func newClient(c Config, base *url.URL) *client {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true}}
	login := base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password))
	return &client{
		base:  base,
		login: http.Header{"Authorization": {"Basic " + login}},
		http: &http.Client{
			Transport: &http.Transport{
				DialContext: dialer.DialContext, TLSClientConfig: c.TLS, TLSHandshakeTimeout: dialTimeout,
				ResponseHeaderTimeout: dialTimeout, MaxIdleConnsPerHost: maxIdle, IdleConnTimeout: time.Minute,
			},
			// The login is for that host and no other.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		ws: &websocket.Dialer{NetDialContext: dialer.DialContext, TLSClientConfig: c.TLS, HandshakeTimeout: dialTimeout},
	}
}

// events opens the stream of everything that happens in that Asterisk.
func (c *client) events(ctx context.Context, app string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, fmt.Errorf("no connection within %s", dialTimeout))
	defer cancel()
	u := c.base.JoinPath("events")
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	u.RawQuery = url.Values{"app": {app}, "subscribeAll": {"true"}}.Encode()
	conn, answer, err := c.ws.DialContext(ctx, u.String(), c.login)
	if answer != nil && answer.Body != nil {
		_ = answer.Body.Close() // of a refusal gorilla has read the beginning
	}
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("connect: %w", context.Cause(ctx))
	case answer != nil && errors.Is(err, websocket.ErrBadHandshake):
		return nil, fmt.Errorf("connect: %w", refusal(answer.StatusCode))
	}
	return nil, fmt.Errorf("connect: %w", err)
}

// refusal says what a status means that ARI does not answer with when all is well.
func refusal(status int) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: check username and password against ari.conf", ErrAuthentication)
	case http.StatusNotFound:
		return fmt.Errorf("%w: it answers 404: is url right, with the prefix of http.conf, and enabled=yes in ari.conf?", ErrNoARI)
	}
	return fmt.Errorf("%w: it answers %d %s", ErrNoARI, status, http.StatusText(status))
}

// get asks for what is at a path and reads the answer into it. There is Asterisk's
// clock too, zero if it does not tell. A 404 is errNotFound.
func (c *client) get(ctx context.Context, into any, query url.Values, path ...string) (time.Time, error) {
	u := c.base.JoinPath(path...)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask for %s: %w", path[0], err)
	}
	request.Header = c.login.Clone()
	answer, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return time.Time{}, fmt.Errorf("ask for %s: %w", path[0], err)
	}
	defer func() { _ = answer.Body.Close() }() // only read from
	clock, _ := http.ParseTime(answer.Header.Get("Date"))
	body := io.LimitReader(answer.Body, maxAnswer)
	switch {
	case answer.StatusCode == http.StatusNotFound && len(path) > 1:
		_, _ = io.Copy(io.Discard, io.LimitReader(body, 4096)) // so that the connection can be used again
		return clock, errNotFound
	case answer.StatusCode != http.StatusOK:
		return clock, fmt.Errorf("ask for %s: %w", path[0], refusal(answer.StatusCode))
	}
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return clock, fmt.Errorf("read the answer for %s: %w", path[0], err)
	}
	return clock, nil
}

// variable asks for a variable of a channel, or a function of the dialplan. The
// error is errNotFound if there is no such channel, or the variable is not set.
func (c *client) variable(ctx context.Context, channel, name string) (string, error) {
	var answer struct {
		Value string `json:"value"`
	}
	_, err := c.get(ctx, &answer, url.Values{"variable": {name}}, "channels", url.PathEscape(channel), "variable")
	return telephony.StripControls(pbx.Bounded(answer.Value, pbx.MaxPath)), err
}

// close ends the connections that wait for the next request.
func (c *client) close() { c.http.CloseIdleConnections() }
