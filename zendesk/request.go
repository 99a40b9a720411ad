package zendesk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxRequestBytes     = 2 << 20
	maxAnswerBytes      = 8 << 20
	maxErrorAnswerBytes = 64 << 10
	maxQuote            = 200
)

// operation is one endpoint. The path holds its parameters in braces, so that it can be shown and counted without
// anything personal in it.
type operation struct{ name, method, path string }

// call is one use of an operation.
type call struct {
	op operation
	// ids fill the braces of the path, in order.
	ids   []int64
	query url.Values
	// body is sent as JSON; nil sends none.
	body any
	// file is sent as it is, as what contentType says; nil sends none.
	file        []byte
	contentType string
	// idempotencyKey is sent where it is not empty.
	idempotencyKey string
}

// answer is implemented by expected answers that can be told to be incomplete: missing names the first field that
// is not there.
type answer interface{ missing() string }

// do sends the call with credentials and decodes the answer into out. A nil out expects an empty answer. The only
// request it repeats is one that was answered 401, and only when a fresh token can be had.
func (c *Client) do(ctx context.Context, cl call, out answer) error {
	target, payload, err := c.encode(cl)
	if err != nil {
		return err
	}
	timeout := c.timeout
	if cl.file != nil {
		timeout = max(timeout, uploadTimeout)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &timeoutError{after: timeout})
	defer cancel()
	for first := true; ; first = false {
		credentials, err := c.auth.authorization(ctx)
		if err != nil {
			return &TransportError{Operation: cl.op.name, Err: err}
		}
		err = c.exchange(ctx, cl, target, payload, credentials, out)
		refused, ok := errors.AsType[*Error](err)
		if !ok || !first || !refused.IsUnauthorized() || !c.auth.rejected(credentials) {
			return err
		}
	}
}

// encode builds the address and the body of a call, and checks both.
func (c *Client) encode(cl call) (target string, payload []byte, err error) {
	path := cl.op.path
	for _, id := range cl.ids {
		before, rest, _ := strings.Cut(path, "{")
		name, after, _ := strings.Cut(rest, "}")
		if id <= 0 {
			return "", nil, &InputError{Operation: cl.op.name, Field: name, Problem: "want a positive id"}
		}
		path = before + strconv.FormatInt(id, 10) + after
	}
	target = c.base + path
	if len(cl.query) > 0 {
		target += "?" + cl.query.Encode()
	}
	if !printable(cl.idempotencyKey) || len(cl.idempotencyKey) > 255 {
		return "", nil, &InputError{Operation: cl.op.name, Field: "Idempotency-Key", Problem: "want up to 255 printable characters"}
	}
	if cl.body == nil {
		return target, cl.file, nil
	}
	payload, err = json.Marshal(cl.body)
	if err != nil {
		return "", nil, &InputError{Operation: cl.op.name, Field: "body", Problem: "cannot be written as JSON", Err: err}
	}
	in := input{op: cl.op}
	in.size("body", len(payload), maxRequestBytes, "bytes")
	return target, payload, in.err
}

// exchange sends one request, reads its answer and reports both to the observer.
func (c *Client) exchange(ctx context.Context, cl call, target string, payload []byte, credentials string, out answer) error {
	seen := Exchange{Operation: cl.op.name, Method: cl.op.method, Path: cl.op.path, Started: c.now()}
	began := time.Now()
	resp, err := c.send(ctx, cl, target, payload, credentials)
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		seen.Status = resp.StatusCode
		seen.Replayed = strings.EqualFold(resp.Header.Get("X-Idempotency-Lookup"), "hit")
		seen.RateLimit = parseRateLimit(resp.Header, seen.Started)
		seen.RetryAfter = parseRetryAfter(resp.Header, seen.Started)
		if warning := resp.Header.Get("X-Zendesk-Api-Warn"); warning != "" {
			seen.Warning = cut(c.hider(credentials)(warning), maxDescription)
		}
		c.limits.note(seen.RateLimit)
		if resp.StatusCode/100 == 2 {
			err = c.readAnswer(ctx, cl.op, resp, credentials, out)
		} else {
			refusal := c.readRefusal(cl, resp, credentials, seen.RetryAfter)
			if refusal.IsRateLimited() {
				refusal.Limit = seen.RateLimit.spent()
			}
			err = refusal
		}
	}
	seen.Duration, seen.Err = time.Since(began), err
	if c.observe != nil {
		c.observe(seen)
	}
	return err
}

// send makes one round trip. Its error is a TransportError that says whether anything can have left.
func (c *Client) send(ctx context.Context, cl call, target string, payload []byte, credentials string) (*http.Response, error) {
	if ctx.Err() != nil {
		return nil, &TransportError{Operation: cl.op.name, Err: cause(ctx)}
	}
	var trace sentTrace
	var body io.Reader = http.NoBody
	if payload != nil {
		body = bytes.NewReader(payload)
	}
	req, err := http.NewRequestWithContext(trace.withTrace(ctx), cl.op.method, target, body)
	if err != nil {
		return nil, &TransportError{Operation: cl.op.name, Err: c.clean(err, credentials)}
	}
	c.setHeaders(req, cl, credentials)
	resp, err := c.http.Do(req)
	if err != nil {
		sent := trace.sent()
		if ctx.Err() != nil {
			err = cause(ctx)
		}
		return nil, &TransportError{Operation: cl.op.name, Sent: sent, Err: c.clean(err, credentials)}
	}
	return resp, nil
}

// setHeaders sets what every request carries, and the call's own.
func (c *Client) setHeaders(req *http.Request, cl call, credentials string) {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", cmp.Or(cl.contentType, "application/json"))
	req.Header.Set("User-Agent", c.userAgent)
	if credentials != "" {
		req.Header.Set("Authorization", credentials)
	}
	if cl.idempotencyKey != "" {
		// Not Header.Set: net/http looks for the canonical spelling, takes it for leave to send a POST again
		// after a connection broke, and would do so behind the caller's back. On the wire case means nothing.
		req.Header["idempotency-key"] = []string{cl.idempotencyKey}
	}
}

// readAnswer reads the body of a 2xx answer into out. After a write its errors mean an unknown outcome.
func (c *Client) readAnswer(ctx context.Context, op operation, resp *http.Response, credentials string, out answer) error {
	wrong := &FormatError{
		Operation: op.name, Host: c.host, Status: resp.StatusCode, ContentType: mediaType(resp.Header),
	}
	data, err := readBody(resp, maxAnswerBytes)
	switch {
	case errors.Is(err, errTooLarge):
		wrong.Err = err
		return c.quoting(wrong, data, credentials)
	case err != nil:
		if ctx.Err() != nil {
			err = cause(ctx)
		}
		return &TransportError{Operation: op.name, Sent: true, Err: fmt.Errorf("read answer: %w", err)}
	case out == nil && (len(bytes.TrimSpace(data)) == 0 || wrong.isJSON()):
		return nil
	case out == nil || !wrong.isJSON() && wrong.ContentType != "":
		return c.quoting(wrong, data, credentials)
	}
	if err := json.Unmarshal(data, out); err != nil {
		wrong.Err = err
		return c.quoting(wrong, data, credentials)
	}
	if field := out.missing(); field != "" {
		wrong.Err = fmt.Errorf("the answer has no %s", field)
		return c.quoting(wrong, data, credentials)
	}
	return nil
}

// quoting completes the error with how the body begins. Nothing is quoted of an answer with a token in it.
func (c *Client) quoting(wrong *FormatError, body []byte, credentials string) *FormatError {
	if credentials == "" {
		return wrong
	}
	// What is cut off may be half a secret: so more than is shown is searched for them, and then cut.
	body = body[:min(len(body), maxErrorAnswerBytes)]
	wrong.Body = cut(c.hider(credentials)(string(body)), maxQuote)
	return wrong
}

// readRefusal turns a non-2xx answer into an Error.
func (c *Client) readRefusal(cl call, resp *http.Response, credentials string, retryAfter time.Duration) *Error {
	data, err := readBody(resp, maxErrorAnswerBytes)
	if err != nil && !errors.Is(err, errTooLarge) {
		data = nil // What it says is lost; that it was refused, and how, is known.
	}
	hide := c.hider(credentials)
	refusal := &Error{
		Operation: cl.op.name, Status: resp.StatusCode, RetryAfter: retryAfter,
		RequestID: cut(hide(resp.Header.Get("X-Request-Id")), maxCode),
	}
	if resp.StatusCode/100 == 3 {
		refusal.Code, refusal.Description = codeRedirect, hide(redirectText(resp))
		return refusal
	}
	// Twice: before texts are cut, so that no half of a secret stays, and after, when JSON is unescaped.
	decodeErrorBody(refusal, mediaType(resp.Header), []byte(hide(string(data))))
	refusal.rewrite(hide)
	return refusal
}

// hider returns a function that takes this client's secrets out of a text, in case the other side echoed one.
func (c *Client) hider(credentials string) func(string) string {
	var pairs []string
	for _, secret := range append(slices.Clone(c.auth.secrets()), bareCredentials(credentials)) {
		if secret != "" {
			pairs = append(pairs, secret, redacted)
		}
	}
	return strings.NewReplacer(pairs...).Replace
}

// clean takes the address off an error of net/http, because a query may hold a phone number, and makes its text safe
// and short, because it may quote what the other side sent. The error stays in the chain.
func (c *Client) clean(err error, credentials string) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	text := cut(c.hider(credentials)(err.Error()), maxDescription)
	if text == err.Error() {
		return err
	}
	return &cleanError{text: text, err: err}
}

// cleanError is an error with another text.
type cleanError struct {
	text string
	err  error
}

func (e *cleanError) Error() string { return e.text }
func (e *cleanError) Unwrap() error { return e.err }

// redirectText says where a redirect points, by host alone.
func redirectText(resp *http.Response) string {
	to := "nowhere"
	if u, err := resp.Location(); err == nil {
		to = u.Scheme + "://" + u.Host
	}
	return "redirects to " + cut(to, maxCode) + " and was not followed; is the URL (zendesk.url) the account's address?"
}

var errTooLarge = errors.New("the answer is too large")

// readBody reads up to limit bytes. Beyond it the error is errTooLarge and what was read is returned; closing the body
// then gives up the connection. Otherwise the body is read to its end, so that the connection is used again.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	if resp.ContentLength > 0 && resp.ContentLength <= limit {
		buf.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err == nil && n > limit {
		return buf.Bytes()[:limit], errTooLarge
	}
	return buf.Bytes(), err
}

// mediaType is the content type without parameters, in lower case, or empty.
func mediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind, _, _ = strings.Cut(h.Get("Content-Type"), ";")
	}
	return cut(strings.ToLower(strings.TrimSpace(kind)), maxCode)
}

// cause says why ctx ended; the result also matches ctx.Err().
func cause(ctx context.Context) error {
	why := context.Cause(ctx)
	if errors.Is(why, ctx.Err()) {
		return why
	}
	return fmt.Errorf("%w: %w", ctx.Err(), why)
}
