package asterisk

import (
	"fmt"
	"sync"
)

// maxBacklog bounds what is kept in memory while the journal is slow, in
// bytes: at 14 KiB of wanted messages a call, some 4,000 calls.
const maxBacklog = 64 << 20

// queue holds messages between the goroutine that reads the connection, which
// must never wait (Asterisk throws out a client that does not read), and the
// one that delivers. Safe for concurrent use. See newQueue.
type queue struct {
	limit int
	ready chan struct{} // has a token when there may be something to take

	mu    sync.Mutex
	items []Message
	bytes int
	err   error // why nothing more comes
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, ready: make(chan struct{}, 1)}
}

// push adds a message. It never waits; beyond the limit it returns an error
// that wraps ErrBacklog.
func (q *queue) push(m Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+m.size() > q.limit {
		return fmt.Errorf("%w: %d messages of %d bytes wait for the journal", ErrBacklog, len(q.items), q.bytes)
	}
	q.items = append(q.items, m)
	q.bytes += m.size()
	q.wake()
	return nil
}

// close says that nothing more comes, and why. What is there can still be
// taken.
func (q *queue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.wake()
}

// take returns up to n of the messages, oldest first. When there are none it
// returns why nothing more will come, nil while more may.
func (q *queue) take(n int) ([]Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		q.items = nil
		return nil, q.err
	}
	n = min(n, len(q.items))
	taken := q.items[:n:n]
	q.items = q.items[n:]
	for _, m := range taken {
		q.bytes -= m.size()
	}
	if len(q.items) > 0 || q.err != nil {
		q.wake()
	}
	return taken, nil
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
