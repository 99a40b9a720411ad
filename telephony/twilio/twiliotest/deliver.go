package twiliotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"
)

// maxDocument is the largest answer that is read (Twilio's limit of TwiML, error 11750).
const maxDocument = 64 << 10

// message is one callback on its way.
type message struct {
	kind   Kind
	call   string // whose it is
	line   string // callbacks of one line go one after the other
	method string
	target string // with its fragment
	form   url.Values
	body   []byte // JSON instead of a form
	token  string
	last   bool // no more come on this line
}

// answer is what came back; class is why it is none, "" if it is one.
type answer struct {
	status      int
	contentType string
	body        []byte
	class       string
	err         error
}

// deliver sends a callback as often as its URL allows, all within its time, and records what became of it.
func (s *Server) deliver(ctx context.Context, m message) answer {
	o := overridesOf(m.target)
	ctx, cancel := context.WithTimeoutCause(ctx, o.total, errTotal)
	defer cancel()
	d := Delivery{Kind: m.kind, CallSID: m.call, Method: m.method, URL: m.target, Form: m.form, Token: m.token}
	var a answer
	for try := 0; ; try++ {
		attempt := Attempt{At: s.clock.now()}
		a = s.attempt(ctx, m, o)
		attempt.Status = a.status
		if a.err != nil {
			attempt.Err = a.err.Error()
		}
		d.Attempts = append(d.Attempts, attempt)
		if a.class == "" || try >= o.retries || !o.again(a.class) || ctx.Err() != nil {
			break
		}
	}
	switch {
	case a.class == "":
		d.Outcome = Delivered
	case a.status != 0:
		d.Outcome = Refused
	default:
		d.Outcome = Lost
	}
	s.journal.delivered(d)
	return a
}

// The time-outs of a callback.
var (
	errTotal   = errors.New("the total time-out is over")
	errConnect = errors.New("the connect time-out is over")
	errRead    = errors.New("the read time-out is over")
)

// attempt is one request. The connection has its time, then the answer has.
func (s *Server) attempt(ctx context.Context, m message, o overrides) answer {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	connecting := time.AfterFunc(o.connect, func() { cancel(errConnect) })
	defer connecting.Stop()
	var reading *time.Timer
	connected := false
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		connecting.Stop()
		connected = true
		reading = time.AfterFunc(o.read, func() { cancel(errRead) })
	}}
	r, err := s.newRequest(httptrace.WithClientTrace(ctx, trace), m)
	if err != nil {
		return answer{class: connectFailure, err: err}
	}
	resp, err := s.client.Load().Do(r) //nolint:gosec // its callers are tests: they name the receiver
	if reading != nil {
		defer reading.Stop()
	}
	if err != nil {
		class := connectFailure
		if connected {
			class = readFailure
		}
		return answer{class: class, err: because(ctx, err)}
	}
	defer func() { _ = resp.Body.Close() }() // nothing depends on it
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err != nil {
		return answer{class: readFailure, err: fmt.Errorf("read answer: %w", because(ctx, err))}
	}
	return answer{status: resp.StatusCode, contentType: resp.Header.Get("Content-Type"), body: body, class: classOf(resp.StatusCode)}
}

// because prefers the time-out that ended ctx to what came of it.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// classOf is the class of a failure; "" of an answer. Redirects are not followed, and no answer.
func classOf(status int) string {
	switch {
	case status >= 500:
		return serverFailure
	case status >= 300:
		return clientFailure
	}
	return ""
}

// newRequest makes the signed request.
func (s *Server) newRequest(ctx context.Context, m message) (*http.Request, error) {
	target, _, _ := strings.Cut(m.target, "#")
	var body io.Reader = http.NoBody
	form, contentType := m.form, ""
	switch {
	case m.body != nil:
		target = BodyURL(target, m.body)
		body, form, contentType = bytes.NewReader(m.body), nil, "application/json"
	case m.method == http.MethodGet:
		target, form = withQuery(target, form), nil
	default:
		body, contentType = strings.NewReader(form.Encode()), "application/x-www-form-urlencoded; charset=UTF-8"
	}
	r, err := http.NewRequestWithContext(ctx, m.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("User-Agent", "TwilioProxy/1.1")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("I-Twilio-Idempotency-Token", m.token)
	r.Header.Set("X-Home-Region", "us1")
	r.Header.Set("X-Twilio-Signature", Sign(s.AuthToken(), VoiceURL(target), form))
	return r, nil
}

// withQuery adds the parameters of a callback by GET.
func withQuery(target string, form url.Values) string {
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	return target + separator + form.Encode()
}

// Send signs and sends a callback of the caller's own making, such as one of TaskRouter, and returns the status of the
// answer, or an error if there was none.
func (s *Server) Send(ctx context.Context, target string, form url.Values) (int, error) {
	return s.sendByHand(ctx, message{target: target, form: form})
}

// SendJSON is Send with a body in JSON, signed with its hash.
func (s *Server) SendJSON(ctx context.Context, target string, body []byte) (int, error) {
	return s.sendByHand(ctx, message{target: target, body: body})
}

func (s *Server) sendByHand(ctx context.Context, m message) (int, error) {
	m.kind, m.method, m.call, m.token = ByHand, http.MethodPost, m.form.Get("CallSid"), s.ids.token()
	a := s.deliver(ctx, m)
	if a.status == 0 {
		return 0, fmt.Errorf("send callback: %w", a.err)
	}
	return a.status, nil
}
