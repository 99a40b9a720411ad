package zendesktest

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

type effectKind int

const (
	effectNone effectKind = iota
	effectAnswer
	effectDropBefore
	effectDropAfter
	effectLate
	effectStall
	effectTruncate
	effectAnswerAfter
)

// Effect is what a [Fault] does to a request. The zero value does nothing. Effects are values, safe to share.
type Effect struct {
	name        string
	kind        effectKind
	delay       time.Duration
	commitAfter time.Duration
	status      int
	retryAfter  string
	contentType string
	body        string
}

// String names the effect as it stands in [Request].Fault.
func (e Effect) String() string { return e.name }

// After returns the effect with d of real time added before it.
func (e Effect) After(d time.Duration) Effect {
	e.delay += max(d, 0)
	return e
}

// Status answers with the status and a body that is no JSON; nothing is done. A retryAfter above zero becomes a
// Retry-After header in whole seconds, rounded up.
func Status(status int, retryAfter time.Duration) Effect {
	e := Effect{
		name: "status " + strconv.Itoa(status), kind: effectAnswer, status: status,
		contentType: "text/plain; charset=utf-8", body: http.StatusText(status),
	}
	if retryAfter > 0 {
		e.retryAfter = strconv.FormatInt(seconds(retryAfter), 10)
	}
	return e
}

// RateLimited answers 429 with Retry-After, as an exhausted account does.
func RateLimited(retryAfter time.Duration) Effect {
	return Status(http.StatusTooManyRequests, max(retryAfter, time.Second))
}

// Unavailable answers 503 in HTML, with Retry-After if retryAfter is above zero.
func Unavailable(retryAfter time.Duration) Effect {
	e := Status(http.StatusServiceUnavailable, retryAfter)
	e.contentType, e.body = "text/html; charset=utf-8", "<html><body><h1>Sorry, we'll be back soon</h1></body></html>"
	return e
}

// ServerError answers 500; nothing is done.
func ServerError() Effect { return Status(http.StatusInternalServerError, 0) }

// FailAfterCommit does what was asked and answers with the status, as where a proxy gave up on a server that did not.
func FailAfterCommit(status int) Effect {
	e := Status(status, 0)
	e.name, e.kind = e.name+" after commit", effectAnswerAfter
	return e
}

// HTML answers 200 with a web page instead of the API's answer, as a proxy or a login page does; nothing is done.
func HTML() Effect {
	return Effect{
		name: "html", kind: effectAnswer, status: http.StatusOK, contentType: "text/html; charset=utf-8",
		body: "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to continue</body></html>",
	}
}

// TokenExpired answers 401 as for an access token that has expired; nothing is done.
func TokenExpired() Effect {
	return Effect{
		name: "token expired", kind: effectAnswer, status: http.StatusUnauthorized,
		contentType: "application/json; charset=utf-8", body: `{"error":"invalid_token","error_description":` +
			`"The access token provided is expired, revoked, malformed or invalid for other reasons."}`,
	}
}

// Slow answers as usual, d later.
func Slow(d time.Duration) Effect { return Effect{name: "slow", delay: max(d, 0)} }

// DropBeforeCommit cuts the connection; nothing is done.
func DropBeforeCommit() Effect { return Effect{name: "drop before commit", kind: effectDropBefore} }

// DropAfterCommit does what was asked and cuts the connection: the answer is lost.
func DropAfterCommit() Effect { return Effect{name: "drop after commit", kind: effectDropAfter} }

// LateCommit cuts the connection at once, and does what was asked d later although the client has gone: after d of
// real time, or when [Server.Advance] passes d, whichever comes first.
func LateCommit(d time.Duration) Effect {
	return Effect{name: "late commit", kind: effectLate, commitAfter: max(d, 0)}
}

// StalledCommit keeps the client waiting until it gives up, and does what was asked d after the request had come in,
// whether the client is still there or not. The client never gets an answer.
func StalledCommit(d time.Duration) Effect {
	return Effect{name: "stalled commit", kind: effectStall, commitAfter: max(d, 0)}
}

// TruncatedBody does what was asked and cuts the connection in the middle of the answer's body.
func TruncatedBody() Effect { return Effect{name: "truncated body", kind: effectTruncate} }

func (e Effect) reply() reply {
	rep := reply{status: e.status, contentType: e.contentType, raw: []byte(e.body)}
	if e.retryAfter != "" {
		rep.header = append(rep.header, headerField{"Retry-After", e.retryAfter})
	}
	if e.status == http.StatusTooManyRequests {
		rep.header = append(rep.header, headerField{"X-Rate-Limit-Remaining", "0"})
	}
	return rep
}

// Fault says which requests meet an [Effect]. The zero value of each field restricts nothing.
type Fault struct {
	// Method is the HTTP method, empty for all.
	Method string
	// Path is the path without .json, empty for all. A segment * stands for any one segment, a last segment ** for
	// whatever follows: /api/v2/tickets/*, /api/v2/channels/voice/**.
	Path string
	// BodyContains must occur in the request body.
	BodyContains string
	// Skip lets that many matching requests pass first.
	Skip int
	// Count is how many requests meet the effect before the fault is spent, zero for no end.
	Count int
	// Probability lets a matching request meet the effect by chance, from the server's seed. Zero means always.
	Probability float64
	// Effect is what happens.
	Effect Effect
}

// Injected is a fault in place. Safe for concurrent use.
type Injected struct {
	set   *faultSet
	fault Fault
	seen  int
	hits  int
}

// Hits says how many requests have met the fault.
func (i *Injected) Hits() int {
	i.set.mu.Lock()
	defer i.set.mu.Unlock()
	return i.hits
}

// Remove takes the fault away; doing it again does nothing.
func (i *Injected) Remove() { i.set.remove(i) }

// Inject puts a fault in place. Of several that match a request, the one injected first takes it.
func (s *Server) Inject(f Fault) *Injected { return s.faults.add(f) }

// ClearFaults takes all faults away. Late commits that are under way still happen.
func (s *Server) ClearFaults() { s.faults.clear() }

// PendingCommits is how many late commits have not happened yet.
func (s *Server) PendingCommits() int { return s.late.pending() }

type faultSet struct {
	mu   sync.Mutex
	dice *rand.Rand
	list []*Injected
}

func newFaultSet(dice *rand.Rand) *faultSet { return &faultSet{dice: dice} }

func (fs *faultSet) add(f Fault) *Injected {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	i := &Injected{set: fs, fault: f}
	fs.list = append(fs.list, i)
	return i
}

func (fs *faultSet) remove(i *Injected) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = slices.DeleteFunc(fs.list, func(x *Injected) bool { return x == i })
}

func (fs *faultSet) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = nil
}

// meet returns the effect for the request, and its name; the zero effect if no fault takes it.
func (fs *faultSet) meet(c *call) (string, Effect) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, i := range fs.list {
		if !i.matches(c) {
			continue
		}
		i.seen++
		if i.seen <= i.fault.Skip || i.fault.Count > 0 && i.hits >= i.fault.Count {
			continue
		}
		if p := i.fault.Probability; p > 0 && fs.dice.Float64() >= p {
			continue
		}
		i.hits++
		return i.fault.Effect.name, i.fault.Effect
	}
	return "", Effect{}
}

func (i *Injected) matches(c *call) bool {
	f := &i.fault
	return (f.Method == "" || f.Method == c.method) && (f.Path == "" || pathMatches(f.Path, c.path)) &&
		(f.BodyContains == "" || strings.Contains(string(c.body), f.BodyContains))
}

func pathMatches(pattern, path string) bool {
	p, segs := strings.Split(strings.Trim(pattern, "/"), "/"), strings.Split(strings.Trim(path, "/"), "/")
	for i, want := range p {
		if want == "**" && i == len(p)-1 {
			return true
		}
		if i >= len(segs) || want != "*" && want != segs[i] {
			return false
		}
	}
	return len(p) == len(segs)
}
