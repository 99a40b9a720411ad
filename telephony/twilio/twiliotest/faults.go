package twiliotest

import (
	"net/http"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"
)

type effectKind int

const (
	harmless effectKind = iota
	answers
	dropsBefore
	dropsAfter
	truncates
)

// Effect is what a [Fault] does to a request of the REST API. The zero value does nothing.
type Effect struct {
	name  string
	kind  effectKind
	delay time.Duration
	late  time.Duration
	reply reply
}

// String names the effect as it stands in [Request].Fault.
func (e Effect) String() string { return e.name }

// TooMany answers 429 with code 20429; nothing is done. A retryAfter above zero becomes a Retry-After header in whole
// seconds, which Twilio does not document.
func TooMany(retryAfter time.Duration) Effect {
	rep := problem(http.StatusTooManyRequests, 20429, "Too Many Requests")
	if retryAfter > 0 {
		rep.header = http.Header{"Retry-After": {strconv.Itoa(wholeSeconds(retryAfter))}}
	}
	return Effect{name: "too many requests", kind: answers, reply: rep}
}

// Unavailable answers 503 in HTML, as what stands before the API does; nothing is done.
func Unavailable() Effect {
	return Effect{name: "unavailable", kind: answers, reply: reply{
		status: http.StatusServiceUnavailable, contentType: "text/html; charset=utf-8",
		raw: []byte("<html><head><title>503 Service Temporarily Unavailable</title></head><body></body></html>"),
	}}
}

// Refuse answers with an error of Twilio's; nothing is done.
func Refuse(status, code int, text string) Effect {
	return Effect{name: "refused with " + strconv.Itoa(code), kind: answers, reply: problem(status, code, text)}
}

// DropBefore cuts the connection; nothing is done.
func DropBefore() Effect { return Effect{name: "dropped before", kind: dropsBefore} }

// DropAfter does what was asked and cuts the connection: the answer is lost.
func DropAfter() Effect { return Effect{name: "dropped after", kind: dropsAfter} }

// Truncate does what was asked and cuts the connection in the middle of the answer's body.
func Truncate() Effect { return Effect{name: "truncated", kind: truncates} }

// Slow answers as usual, d later.
func Slow(d time.Duration) Effect { return Effect{name: "slow", delay: max(d, 0)} }

// Late does what was asked at once, and answers d later.
func Late(d time.Duration) Effect { return Effect{name: "late", late: max(d, 0)} }

// Fault says which requests of the REST API meet an [Effect]. The zero value of each field restricts nothing.
type Fault struct {
	Method string
	// Path is a pattern as path.Match has it: "/2010-04-01/Accounts/*/Calls.json".
	Path string
	// Skip lets that many pass first; Count is how many meet it, 0 for no end.
	Skip, Count int
	Effect      Effect
}

// Injected is a fault in place. Safe for concurrent use.
type Injected struct {
	set        *faultSet
	fault      Fault
	seen, hits int
}

// Hits says how many requests met it.
func (i *Injected) Hits() int {
	i.set.mu.Lock()
	defer i.set.mu.Unlock()
	return i.hits
}

// Remove takes the fault away; doing it again does nothing.
func (i *Injected) Remove() {
	i.set.mu.Lock()
	defer i.set.mu.Unlock()
	i.set.list = slices.DeleteFunc(i.set.list, func(x *Injected) bool { return x == i })
}

// Inject puts a fault in place. Of several that match a request, the one injected first takes it.
func (s *Server) Inject(f Fault) *Injected {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	i := &Injected{set: s.faults, fault: f}
	s.faults.list = append(s.faults.list, i)
	return i
}

type faultSet struct {
	mu   sync.Mutex
	list []*Injected
}

func (fs *faultSet) meet(method, target string) Effect {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, i := range fs.list {
		f := &i.fault
		matches := f.Path == ""
		if !matches {
			matches, _ = path.Match(f.Path, target) // a bad pattern matches nothing
		}
		if !matches || f.Method != "" && f.Method != method {
			continue
		}
		i.seen++
		if i.seen <= f.Skip || f.Count > 0 && i.hits >= f.Count {
			continue
		}
		i.hits++
		return f.Effect
	}
	return Effect{}
}
