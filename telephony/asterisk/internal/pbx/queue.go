package pbx

import (
	"errors"
	"fmt"
	"sync"
)

// MaxBacklog bounds what is kept in memory while the journal is slow, in
// bytes: at 14 KiB of wanted messages a call, some 4,000 calls.
const MaxBacklog = 64 << 20

// ErrBacklog says that the journal was slow for so long that what came meanwhile
// did not fit into memory. The snapshot of the next session makes up for it.
var ErrBacklog = errors.New("backlog full")

// Sized knows how much memory it takes, in bytes.
type Sized interface{ Size() int }

// Queue holds messages between the goroutine that reads the connection, which
// must never wait (Asterisk throws out a client that does not read), and the
// one that delivers. Safe for concurrent use. See NewQueue.
type Queue[T Sized] struct {
	limit int
	ready chan struct{} // has a token when there may be something to take

	mu    sync.Mutex
	items []T
	bytes int
	err   error // why nothing more comes
}

// NewQueue returns an empty queue that holds up to limit bytes.
func NewQueue[T Sized](limit int) *Queue[T] {
	return &Queue[T]{limit: limit, ready: make(chan struct{}, 1)}
}

// Push adds a message. It never waits; beyond the limit it returns an error
// that wraps ErrBacklog.
func (q *Queue[T]) Push(m T) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+m.Size() > q.limit {
		return fmt.Errorf("%w: %d messages of %d bytes wait for the journal", ErrBacklog, len(q.items), q.bytes)
	}
	q.items = append(q.items, m)
	q.bytes += m.Size()
	q.wake()
	return nil
}

// Close says that nothing more comes, and why. What is there can still be
// taken.
func (q *Queue[T]) Close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.wake()
}

// Take returns up to n of the messages, oldest first. When there are none it
// returns why nothing more will come, nil while more may.
func (q *Queue[T]) Take(n int) ([]T, error) {
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
		q.bytes -= m.Size()
	}
	if len(q.items) > 0 || q.err != nil {
		q.wake()
	}
	return taken, nil
}

// Ready has a token when there may be something to take.
func (q *Queue[T]) Ready() <-chan struct{} { return q.ready }

func (q *Queue[T]) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
