package zendesktest

import (
	"strings"
	"sync"
	"time"
)

// requestLog keeps the newest requests. Safe for concurrent use.
type requestLog struct {
	mu   sync.Mutex
	seq  int64
	ring ring[Request]
}

func newRequestLog(n int) *requestLog { return &requestLog{ring: newRing[Request](n)} }

// begin makes the entry of a request that was just read.
func (l *requestLog) begin(c *call, at time.Time) *Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e := &Request{Seq: l.seq, At: at, Method: c.method, Path: c.rawPath, Query: c.rawQuery}
	if !strings.HasPrefix(c.path, "/oauth/") { // That body holds a secret.
		e.Body = string(c.body[:min(len(c.body), maxLoggedBody)])
	}
	return e
}

// end stores the entry with what became of it. A request that is never answered is stored with status 0.
func (l *requestLog) end(e *Request, rep reply, c *call, started time.Time) {
	e.Status, e.Took, e.Committed, e.UserID = rep.status, time.Since(started), c.committed, c.userID
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring.add(*e)
}

// count is how many requests have come in.
func (l *requestLog) count() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

func (l *requestLog) all() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring.all()
}
