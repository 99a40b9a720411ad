package bridge

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/talkbridge/talkbridge/zendesk"
)

// verdictKind says what an error of Zendesk asks for.
type verdictKind int

const (
	// ok: there was no error.
	ok verdictKind = iota
	// retry: it certainly did not happen; try again after a growing wait.
	retry
	// unknown: it may have happened, or may yet. Look before trying again.
	unknown
	// waitUntil: the budget is used up. The lane pauses; it counts as no try.
	waitUntil
	// reapply: somebody else changed the ticket at the same moment.
	reapply
	// reresolve: the user was merged or deleted.
	reresolve
	// closed: the ticket takes no update any more.
	closed
	// gone: what was named does not exist.
	gone
	// park: a person must act.
	park
	// halt: the credentials are not taken. Everything stops, loudly.
	halt
)

func (k verdictKind) String() string {
	return [...]string{
		"ok", "retry", "unknown", "wait", "reapply", "reresolve", "closed", "gone", "park", "halt",
	}[k]
}

// verdict is what to do about an error, and when.
type verdict struct {
	kind verdictKind
	// wait is what Zendesk asked for, 0 if it did not.
	wait time.Duration
}

// defaultRetryAfter is the wait after a 429 that names none.
const defaultRetryAfter = 15 * time.Second

// classify says what an error asks for. write is whether the request would
// have changed something: only a write has an unknown fate. It is the only
// function that decides this.
func classify(err error, write bool) verdict {
	if err == nil {
		return verdict{kind: ok}
	}
	fate := retry
	if write {
		fate = unknown
	}
	if refusal, found := errors.AsType[*zendesk.Error](err); found && !zendesk.Uncertain(err) {
		return classifyRefusal(refusal)
	}
	if input, found := errors.AsType[*zendesk.InputError](err); found && input != nil {
		return verdict{kind: park}
	}
	if !zendesk.Uncertain(err) {
		if errors.Is(err, context.Canceled) {
			return verdict{kind: retry}
		}
		if refusal, found := errors.AsType[*zendesk.Error](err); found && refusal.IsUnauthorized() {
			return verdict{kind: halt}
		}
		return verdict{kind: retry}
	}
	if refusal, found := errors.AsType[*zendesk.Error](err); found {
		return verdict{kind: fate, wait: refusal.RetryAfter}
	}
	return verdict{kind: fate}
}

// classifyRefusal is for answers below 500: whatever was asked did not happen.
func classifyRefusal(e *zendesk.Error) verdict {
	switch e.Status {
	case http.StatusUnauthorized:
		return verdict{kind: halt, wait: e.RetryAfter}
	case http.StatusTooManyRequests:
		wait := e.RetryAfter
		if wait <= 0 {
			wait = defaultRetryAfter
		}
		return verdict{kind: waitUntil, wait: wait}
	case http.StatusConflict:
		return verdict{kind: reapply}
	case http.StatusNotFound, http.StatusGone:
		return verdict{kind: gone}
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return verdict{kind: retry, wait: e.RetryAfter}
	case http.StatusUnprocessableEntity:
		switch {
		case e.IsClosed():
			return verdict{kind: closed}
		case e.HasDetail("requester", "requester_id"):
			return verdict{kind: reresolve}
		}
	}
	return verdict{kind: park}
}

// backoff is how long to wait before try n, counted from 0: it doubles from one
// second to two minutes.
func backoff(n int) time.Duration {
	return min(time.Second<<min(n, 7), 2*time.Minute)
}
