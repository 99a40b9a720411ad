package feed

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// The numbers a connection is closed with. After all but CloseToken the reader
// may come back and resume by its last cursor.
const (
	// CloseSlow: the reader did not keep up.
	CloseSlow = 4001
	// CloseStopping: the daemon stops. It will be back.
	CloseStopping = 4002
	// CloseToken: the token, or the cookie made of it, is no longer valid.
	CloseToken = 4003
	// CloseFailed: the journal could not be read for this reader.
	CloseFailed = 4004
)

// closeReasons are the texts that go with the numbers, and the labels of the
// metric.
var closeReasons = map[int]string{CloseSlow: "slow", CloseStopping: "stopping", CloseToken: "token", CloseFailed: "failed", 0: "gone"}

const (
	// maxQueue and maxQueueBytes bound what waits for one reader. The messages
	// themselves are shared by all.
	maxQueue      = 1024
	maxQueueBytes = 4 << 20
	// maxBatch is how many messages leave in one write, at most.
	maxBatch = 16
	// writeTimeout is how long one write may take.
	writeTimeout = 10 * time.Second
	// byeTimeout is how long a good-bye may take, and its answer; cutTimeout is how
	// long a reader may hold up the end of his connection in all.
	byeTimeout = 400 * time.Millisecond
	cutTimeout = 900 * time.Millisecond
	// pingEvery and pongWithin find connections that are dead.
	pingEvery  = 30 * time.Second
	pongWithin = 75 * time.Second
	// maxInbound bounds a frame of a reader, in bytes. What it says is ignored.
	maxInbound = 4 << 10
)

// errGone says that the reader went away.
var errGone = errors.New("the reader went away")

// client is one connected reader.
type client struct {
	hub     *Hub
	conn    *websocket.Conn
	wire    *wire    // below conn
	packed  bool     // messages go compressed
	frames  [][]byte // its writer's, to be used again
	filter  filter
	valid   func() bool // whether its token still is
	expires time.Time   // zero: never
	ctx     context.Context
	cancel  context.CancelCauseFunc
	wake    chan struct{}

	mu    sync.Mutex
	queue []*message
	bytes int
	code  int // why it is closed, 0 while it is not
}

// offer queues a message, and reports false once the client takes no more. It
// never waits.
func (c *client) offer(m *message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 || c.ctx.Err() != nil {
		return false
	}
	if len(c.queue) >= c.hub.queueMax || c.bytes+len(m.frame) > maxQueueBytes {
		c.closeLocked(CloseSlow)
		return false
	}
	c.queue = append(c.queue, m)
	c.bytes += len(m.frame)
	select {
	case c.wake <- struct{}{}:
	default: // it is awake already
	}
	return true
}

// close ends the connection with a number; the first one counts. It never waits:
// the writer says good-bye.
func (c *client) close(code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(code)
}

func (c *client) closeLocked(code int) {
	if c.code != 0 {
		return
	}
	c.code, c.queue, c.bytes = code, nil, 0
	c.cancel(errGone)
}

// cut ends the connection soon, whatever holds it up.
func (c *client) cut() {
	time.AfterFunc(cutTimeout, func() { _ = c.conn.NetConn().Close() })
}

// take empties the queue.
func (c *client) take() []*message {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := c.queue
	c.queue, c.bytes = nil, 0
	return batch
}

// closeCode is the number to close with, 0 for a reader that went by itself.
func (c *client) closeCode() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// serve runs the connection until it ends. since is nil for a reader that begins
// anew.
func (c *client) serve(since *Cursor) {
	var helpers sync.WaitGroup
	unread := make(chan struct{})
	helpers.Go(func() {
		defer close(unread)
		c.read()
	})
	helpers.Go(c.watch)
	err := c.begin(since)
	if err == nil {
		err = c.write()
	}
	if err != nil && c.ctx.Err() == nil {
		c.cancel(err)
	}
	c.hub.leave(c)
	code := c.closeCode()
	if code != 0 {
		c.bye(code, unread)
	}
	_ = c.conn.Close() // nothing is lost: the reader resumes
	helpers.Wait()
	c.hub.metrics.closed.WithLabelValues(closeReasons[code]).Inc()
}

// bye says why it ends, and waits a moment for the answer: a connection that is
// closed with something unread in it may lose the last words.
func (c *client) bye(code int, unread <-chan struct{}) {
	text := websocket.FormatCloseMessage(code, closeReasons[code])
	if c.conn.WriteControl(websocket.CloseMessage, text, time.Now().Add(byeTimeout)) != nil {
		return
	}
	timer := time.NewTimer(byeTimeout)
	defer timer.Stop()
	select {
	case <-unread:
	case <-timer.C:
	}
}

// write sends what is queued until the connection ends.
func (c *client) write() error {
	for {
		select {
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		case <-c.wake:
		}
		if err := c.sendAll(c.take()); err != nil {
			return err
		}
	}
}

// sendAll sends messages, as many in one write as wait, within bounds. Only the
// client's writer calls it.
func (c *client) sendAll(list []*message) error {
	for batch := range slices.Chunk(list, maxBatch) {
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		if err := c.sendBatch(batch); err != nil {
			return err
		}
		for _, m := range batch {
			c.hub.metrics.messages.Inc()
			if !m.stored.IsZero() {
				c.hub.metrics.lag.Observe(time.Since(m.stored).Seconds())
			}
		}
	}
	return nil
}

func (c *client) sendBatch(batch []*message) error {
	if !c.packed {
		c.frames = c.frames[:0]
		for _, m := range batch {
			c.frames = append(c.frames, m.frame)
		}
		_, err := c.wire.send(time.Now().Add(writeTimeout), c.frames)
		return err
	}
	for _, m := range batch {
		packed, err := m.packed()
		if err != nil {
			return err
		}
		if err := errors.Join(c.deadline(), c.conn.WritePreparedMessage(packed)); err != nil {
			return err
		}
	}
	return nil
}

// send sends one message.
func (c *client) send(m *message) error { return c.sendAll([]*message{m}) }

// deadline bounds the next write.
func (c *client) deadline() error { return c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) }

// read takes what the reader sends, which is answers to pings and good-byes; the
// rest is ignored.
func (c *client) read() {
	c.conn.SetReadLimit(maxInbound)
	alive := func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongWithin)) }
	c.conn.SetPongHandler(alive)
	err := alive("")
	for err == nil {
		_, _, err = c.conn.NextReader()
	}
	c.cancel(errGone)
}

// watch asks whether the reader is there, and ends a session that is over.
func (c *client) watch() {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	var over <-chan time.Time
	if !c.expires.IsZero() {
		timer := time.NewTimer(time.Until(c.expires))
		defer timer.Stop()
		over = timer.C
	}
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-over:
			c.close(CloseToken)
			c.cut()
			return
		case <-tick.C:
			if err := c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)); err != nil {
				c.cancel(errGone)
				return
			}
		}
	}
}
