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

// begin gives the request, just read, its entry.
func (l *requestLog) begin(c *call, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	c.started = time.Now()
	c.entry = &Request{Seq: l.seq, At: at, Method: c.method, Path: c.rawPath, Query: c.rawQuery}
	if !strings.HasPrefix(c.path, "/oauth/") { // That body holds a secret.
		c.entry.Body = string(c.body[:min(len(c.body), maxLoggedBody)])
	}
}

// end stores the entry with what became of it; status 0 says that no answer went out. A late commit has no entry
// of its own.
func (l *requestLog) end(c *call, status int) {
	e := c.entry
	if e == nil {
		return
	}
	e.Status, e.Took, e.Committed, e.UserID = status, time.Since(c.started), c.committed, c.userID
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
