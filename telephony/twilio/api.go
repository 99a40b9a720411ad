package twilio

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"
)

// apiTimeout bounds one request to Twilio's API.
const apiTimeout = 10 * time.Second

// maxAnswer bounds an answer: a page of a thousand calls has some two megabytes.
const maxAnswer = 16 << 20

// twilioAPI is where Twilio's API is.
const twilioAPI = "https://api.twilio.com"

// api asks Twilio's REST API, through twilio-go, which knows neither contexts nor
// other hosts than Twilio's own: its requests pass a transport that has both. It is
// safe for concurrent use.
type api struct {
	base    *url.URL
	account string
	login   client.Credentials
	pool    *http.Transport
}

func newAPI(config Config) (*api, error) {
	base, err := url.Parse(cmp.Or(config.API, twilioAPI))
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("api %q: want an address such as %s", config.API, twilioAPI)
	}
	a := &api{base: base, account: config.AccountSid, login: client.Credentials{Username: config.AccountSid, Password: config.Tokens[0]}}
	if config.Key != "" {
		a.login = client.Credentials{Username: config.Key, Password: config.KeySecret}
	}
	a.pool = &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: apiTimeout,
		ForceAttemptHTTP2: true,
	}
	return a, nil
}

// Host is the host of an API, Twilio's own for "".
func Host(api string) string {
	u, err := url.Parse(cmp.Or(api, twilioAPI))
	if err != nil {
		return ""
	}
	return u.Host
}

// service is the API for the requests of one context.
func (a *api) service(ctx context.Context) *openapi.ApiService {
	c := &client.Client{Credentials: &a.login, HTTPClient: &http.Client{
		Transport:     within{ctx, a},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.SetAccountSid(a.account)
	return openapi.NewApiServiceWithClient(c)
}

// within sends requests to the configured host, and for as long as a context
// lasts. It turns the answers that twilio-go misunderstands into errors.
type within struct {
	ctx context.Context //nolint:containedctx // twilio-go takes none
	api *api
}

// errNotSent says that there was no connection, and nothing of the request went out.
var errNotSent = errors.New("not sent")

// StatusError is an answer of the API that is none of its own: of a proxy, say.
type StatusError struct{ Status int }

// Error implements error.
func (e *StatusError) Error() string {
	return fmt.Sprintf("Twilio's API answers %d %s", e.Status, http.StatusText(e.Status))
}

// RoundTrip implements http.RoundTripper. It reads the answer to its end: twilio-go
// does not close those that say an error.
func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(w.ctx, apiTimeout, fmt.Errorf("no answer within %s", apiTimeout))
	defer cancel()
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.Host = w.api.base.Scheme, w.api.base.Host, w.api.base.Host
	var sent atomic.Bool
	response, err := w.api.pool.RoundTrip(out.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})))
	if err != nil && !sent.Load() {
		return nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	redirected := response.StatusCode >= 300 && response.StatusCode < 400
	foreign := response.StatusCode >= 400 && response.Header.Get("Content-Type") != "" && !isJSON(response.Header.Get("Content-Type"))
	if redirected || foreign {
		return nil, &StatusError{response.StatusCode}
	}
	whole := *response
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return &whole, nil
}

func isJSON(contentType string) bool {
	return len(contentType) >= len("application/json") && contentType[:len("application/json")] == "application/json"
}

// explain says why the API did not answer as wanted.
func explain(err error) error {
	if refused, found := errors.AsType[*client.TwilioRestError](err); found {
		return fmt.Errorf("Twilio's API answers %d: %s (%d)", refused.Status, refused.Message, refused.Code) //nolint:staticcheck // a name
	}
	return err
}

// close lets the connections go.
func (a *api) close() { a.pool.CloseIdleConnections() }

// text is a value that may be left out.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
