package cti

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"

	"github.com/talkbridge/talkbridge/telephony"
)

// DefaultWait is how long a sender waits at the most until what it told is
// durable; then it is told that it is not.
const DefaultWait = 3 * time.Second

// door is where deliveries come in: it counts them, and hands them on.
type door struct {
	inbox  telephony.Inbox
	wait   time.Duration
	log    logrus.FieldLogger
	logged rate.Sometimes
	counts map[string]*atomic.Uint64
}

func newDoor(wait time.Duration, log logrus.FieldLogger) *door {
	if wait <= 0 {
		wait = DefaultWait
	}
	d := &door{wait: wait, log: log, logged: rate.Sometimes{Interval: time.Minute}, counts: make(map[string]*atomic.Uint64)}
	for _, result := range Results {
		d.counts[result] = new(atomic.Uint64)
	}
	return d
}

// Count is how many deliveries had a result, one of Results.
func (d *door) Count(result string) uint64 {
	if n := d.counts[result]; n != nil {
		return n.Load()
	}
	return 0
}

// append makes events of one call durable, and waits for that no longer than a
// sender would. That the sender is gone is no reason not to.
func (d *door) append(ctx context.Context, events []telephony.Event) error {
	if len(events) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), d.wait, errors.New("the journal takes too long"))
	defer cancel()
	return d.inbox.Append(ctx, events)
}

// body reads the body of a request, which is bounded. What is a little too large is
// read nevertheless: a sender who is cut off does not read why.
func (d *door) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, refuse(http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body is larger than %d KiB", maxBody>>10))
	}
	if err != nil {
		return nil, malformed("the body is cut")
	}
	return body, nil
}

// refused counts a delivery that is not taken, and tells the sender why in one line.
func (d *door) refused(w http.ResponseWriter, err error) {
	r := d.note(err)
	switch r.status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="talkbridge"`)
	}
	answer(w, r.status, map[string]string{"error": r.text})
}

// note counts and logs a delivery that is not taken. The log has one a minute: senders
// repeat themselves.
func (d *door) note(err error) *refusal {
	r := refusalOf(err)
	d.counts[r.reason].Add(1)
	d.logged.Do(func() {
		d.log.WithFields(logrus.Fields{"reason": r.reason}).WithError(err).Warn("delivery refused")
	})
	return r
}

// answer writes an answer in JSON.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a sender that went away is no error of ours
}

// run is a session: deliveries are taken until ctx is over, and calls that nobody
// ended are ended after timeout.
func (d *door) run(ctx context.Context, sink telephony.Sink, timeout time.Duration) error {
	ctx, stop := context.WithCancelCause(ctx)
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	defer stop(nil)
	sweeping.Go(func() {
		if err := sweepOften(ctx, sink, timeout); err != nil {
			stop(err)
		}
	})
	return d.inbox.Listen(ctx, sink, func(ctx context.Context, sink telephony.Sink) error { return sweep(ctx, sink, timeout, time.Now()) })
}

// bearer is the token of a request: of the header Authorization, where it may also
// be the password.
func bearer(r *http.Request) string {
	if _, password, basic := r.BasicAuth(); basic {
		return password
	}
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// same compares secrets in a time that does not tell how much of them agrees.
func same(given, secret string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
	return secret != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
