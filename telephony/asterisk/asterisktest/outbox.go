package asterisktest

import (
	"errors"
	"sync"
)

const (
	// maxQueued bounds what waits for a client that does not read.
	maxQueued = 64 << 20
	// chunk is how much goes to the kernel at once.
	chunk = 256 << 10
)

// outbox is the queue between the switchboard, which must never wait, and the
// goroutine that writes to a client.
type outbox struct {
	done chan struct{} // closed by the writer when it ends

	mu       sync.Mutex
	changed  sync.Cond
	queued   [][]byte
	size     int
	finished bool // nothing more comes
	stopped  bool // nothing more goes
}

func newOutbox() *outbox {
	o := &outbox{done: make(chan struct{})}
	o.changed.L = &o.mu
	return o
}

var (
	errFull   = errors.New("too much is waiting")
	errClosed = errors.New("the connection ends")
)

// put queues bytes, which must not change afterwards.
func (o *outbox) put(data []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished || o.stopped {
		return errClosed
	}
	if o.size+len(data) > maxQueued {
		return errFull
	}
	o.queued = append(o.queued, data)
	o.size += len(data)
	o.changed.Signal()
	return nil
}

// finish lets the writer end once everything queued is written.
func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finished = true
	o.changed.Signal()
}

// stop makes the writer end at once.
func (o *outbox) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	o.changed.Signal()
}

// take waits for something to write and returns some of it; nil means that the
// writer must end.
func (o *outbox) take() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queued) == 0 && !o.finished && !o.stopped {
		o.changed.Wait()
	}
	if o.stopped || len(o.queued) == 0 {
		return nil
	}
	size, n := 0, 0
	for n < len(o.queued) && (n == 0 || size+len(o.queued[n]) <= chunk) {
		size += len(o.queued[n])
		n++
	}
	data := o.queued[0]
	if n > 1 {
		data = make([]byte, 0, size)
		for _, piece := range o.queued[:n] {
			data = append(data, piece...)
		}
	}
	o.queued = o.queued[n:]
	if len(o.queued) == 0 {
		o.queued = nil // let the backing array go
	}
	o.size -= size
	return data
}
