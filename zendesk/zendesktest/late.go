package zendesktest

import (
	"sync"
	"time"
)

// lateQueue holds commits that happen after their client has gone. Each runs once: by its timer, or when the
// account's clock is advanced past it. Safe for concurrent use.
type lateQueue struct {
	mu      sync.Mutex
	stopped bool
	items   map[*lateCommit]struct{}
	running sync.WaitGroup
}

type lateCommit struct {
	due     time.Time
	timer   *time.Timer
	run     func()
	claimed bool // running or about to
}

func newLateQueue() *lateQueue { return &lateQueue{items: map[*lateCommit]struct{}{}} }

// schedule runs fn after d of real time or when the account's clock reaches due. After stop it does nothing.
func (q *lateQueue) schedule(due time.Time, d time.Duration, fn func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return
	}
	it := &lateCommit{due: due, run: fn}
	q.items[it] = struct{}{}
	it.timer = time.AfterFunc(d, func() { q.commit(it) })
}

// commit runs the item unless it has run or the queue was stopped.
func (q *lateQueue) commit(it *lateCommit) {
	q.mu.Lock()
	_, waiting := q.items[it]
	waiting = waiting && !it.claimed
	if waiting {
		it.claimed = true
		it.timer.Stop()
		q.running.Add(1)
	}
	q.mu.Unlock()
	if !waiting {
		return
	}
	it.run()
	q.mu.Lock()
	delete(q.items, it)
	q.mu.Unlock()
	q.running.Done()
}

func (q *lateQueue) commitDue(now time.Time) {
	q.mu.Lock()
	var due []*lateCommit
	for it := range q.items {
		if !it.due.After(now) {
			due = append(due, it)
		}
	}
	q.mu.Unlock()
	for _, it := range due {
		q.commit(it)
	}
}

func (q *lateQueue) pending() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// stop drops what has not run and waits for what is running.
func (q *lateQueue) stop() {
	q.mu.Lock()
	q.stopped = true
	for it := range q.items {
		it.timer.Stop()
	}
	clear(q.items)
	q.mu.Unlock()
	q.running.Wait()
}
