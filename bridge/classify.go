package bridge

import (
	"cmp"
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
	// invalid: something in the request is not taken.
	invalid
	// park: a person must act.
	park
	// halt: the credentials are not taken. Everything stops, loudly.
	halt
)

func (k verdictKind) String() string {
	return [...]string{
		"ok", "retry", "unknown", "wait", "reapply", "reresolve", "closed", "gone", "invalid", "park", "halt",
	}[k]
}

// verdict is what to do about an error, and when.
type verdict struct {
	kind verdictKind
	// wait is what Zendesk asked for, 0 if it did not.
	wait time.Duration
	// alone says that nothing else must wait.
	alone bool
}

const (
	// defaultRetryAfter is the wait after a 429 that names none.
	defaultRetryAfter = 15 * time.Second
	// maxRetryAfter bounds what an answer may make a lane wait. Zendesk's
	// longest window is ten minutes.
	maxRetryAfter = 15 * time.Minute
	// tokenOperation is the one that fetches an access token, which each
	// method of the client may do.
	tokenOperation = "CreateToken"
)

// classify says what an error asks for. write is whether the request would
// have changed something: only a write has an unknown fate. It is the only
// function that decides this.
func classify(err error, write bool) verdict {
	if err == nil {
		return verdict{kind: ok}
	}
	refusal, refused := errors.AsType[*zendesk.Error](err)
	if zendesk.Uncertain(err) {
		v := verdict{kind: retry}
		if write {
			v.kind = unknown
		}
		if refused {
			v.wait = min(refusal.RetryAfter, maxRetryAfter)
		}
		return v
	}
	if refused {
		v := classifyRefusal(refusal)
		v.wait = min(v.wait, maxRetryAfter)
		return v
	}
	if _, input := errors.AsType[*zendesk.InputError](err); input {
		return verdict{kind: park}
	}
	return verdict{kind: retry}
}

// classifyRefusal is for answers that say what was asked did not happen.
func classifyRefusal(e *zendesk.Error) verdict {
	switch {
	case e.Status == http.StatusTooManyRequests:
		return verdict{kind: waitUntil, wait: cmp.Or(e.RetryAfter, defaultRetryAfter), alone: e.Limit == perTicket}
	case e.Status >= http.StatusInternalServerError, e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooEarly:
		return verdict{kind: retry, wait: e.RetryAfter}
	case e.Status == http.StatusUnauthorized, e.Operation == tokenOperation:
		return verdict{kind: halt}
	case e.Status == http.StatusConflict:
		return verdict{kind: reapply}
	case e.IsNotFound():
		return verdict{kind: gone}
	case e.IsClosed():
		return verdict{kind: closed}
	case e.Status != http.StatusUnprocessableEntity:
		return verdict{kind: park}
	case e.HasDetail("requester", "requester_id"):
		return verdict{kind: reresolve}
	}
	return verdict{kind: invalid}
}

// backoff is how long to wait before try n, counted from 0: it doubles from one
// second to two minutes.
func backoff(n int) time.Duration {
	return min(time.Second<<min(n, 7), 2*time.Minute)
}
