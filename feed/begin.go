package feed

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"github.com/talkbridge/talkbridge/journal"
)

// replayTime is how long one reader may be served from the journal in one go; who
// needs longer is closed as slow and goes on where he was.
const replayTime = 5 * time.Minute

var (
	errStopping = errors.New("the feed has stopped")
	// errReached ends a reading of the journal that has what it wants.
	errReached = errors.New("reached")
	// errPurged says that the journal let go of entries while they were read.
	errPurged = errors.New("purged")
)

// begin brings a reader to the point from which the hub serves him: by a
// snapshot, or by what he has missed.
func (c *client) begin(since *Cursor) error {
	if since == nil {
		c.hub.metrics.resumed.WithLabelValues("snapshot").Inc()
		return c.beginAnew()
	}
	reason, err := c.hub.resumable(c.ctx, *since)
	if err == nil && reason == "" {
		err = c.resume(since.Seq)
		if errors.Is(err, errPurged) {
			reason, err = GapPurged, nil
		}
	}
	if err != nil || reason == "" {
		return c.failed(err)
	}
	c.hub.metrics.resumed.WithLabelValues("gap").Inc()
	if err := c.sendGap(*since, reason); err != nil {
		return c.failed(err)
	}
	return c.beginAnew()
}

// failed closes a reader whom the journal could not be read for.
func (c *client) failed(err error) error {
	if _, unread := errors.AsType[*journalError](err); unread && c.ctx.Err() == nil {
		c.hub.log.WithError(err).Warn("journal not readable for a reader of the feed")
		c.close(CloseFailed)
	}
	return err
}

// journalError marks an error of reading the journal.
type journalError struct{ err error }

func (e *journalError) Error() string { return "read the journal: " + e.err.Error() }
func (e *journalError) Unwrap() error { return e.err }

// resumable says why it cannot be resumed behind a cursor, "" if it can.
func (h *Hub) resumable(ctx context.Context, since Cursor) (GapReason, error) {
	h.mu.Lock()
	applied, oldest := h.applied, h.recent.first
	h.mu.Unlock()
	switch {
	case since.Epoch != h.epoch:
		return GapOtherJournal, nil
	case since.Seq > applied:
		return GapAhead, nil
	case since.Seq+1 >= oldest:
		return "", nil
	}
	state, err := h.journal.State(ctx)
	if err != nil {
		return "", &journalError{err}
	}
	if since.Seq+1 < state.First {
		return GapPurged, nil
	}
	return "", nil
}

func (c *client) sendGap(since Cursor, reason GapReason) error {
	state, err := c.hub.journal.State(c.ctx)
	if err != nil {
		return &journalError{err}
	}
	m, err := c.hub.gap(since, reason, max(state.First, 1)-1, time.Now())
	if err != nil {
		return err
	}
	return c.send(m)
}

// beginAnew sends a snapshot. From the moment that it shows on the hub queues
// what comes.
func (c *client) beginAnew() error {
	h := c.hub
	h.mu.Lock()
	if h.stopped {
		h.mu.Unlock()
		c.close(CloseStopping)
		return errStopping
	}
	seq, live := h.applied, h.liveCalls(&c.filter)
	h.clients[c] = struct{}{}
	h.mu.Unlock()
	slices.SortFunc(live, func(a, b *folded) int {
		return cmp.Or(a.began.Compare(b.began), cmp.Compare(a.id, b.id))
	})
	return c.sendSnapshot(seq, live)
}

// sendSnapshot writes the snapshot call by call, so that thousands of calls for
// thousands of readers do not have to fit into memory at once.
func (c *client) sendSnapshot(seq uint64, live []*folded) error {
	e := c.hub.envelope(TypeSnapshot, seq, time.Now())
	e.ID += "/snapshot/" + e.Time.Format("20060102T150405.000Z")
	e.Data = SnapshotData{Calls: []*Call{}}
	frame, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode snapshot: %w", err)
	}
	const tail = "]}}"
	if err := c.deadline(); err != nil {
		return err
	}
	w, err := c.conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	if _, err := w.Write(frame[:len(frame)-len(tail)]); err != nil {
		return err
	}
	for i, f := range live {
		data, err := json.Marshal(f.told())
		if err != nil {
			return fmt.Errorf("encode call: %w", err)
		}
		if i > 0 {
			data = append([]byte{','}, data...)
		}
		if err := c.deadline(); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	if _, err := w.Write([]byte(tail)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	c.hub.metrics.messages.Inc()
	return nil
}

// resume sends what is behind an entry, from memory if it is there, else from the
// journal until memory reaches far enough.
func (c *client) resume(after uint64) error {
	from := "memory"
	ctx, cancel := context.WithTimeout(c.ctx, replayTime)
	defer cancel()
	for {
		missed, oldest, joined := c.join(after)
		if joined {
			c.hub.metrics.resumed.WithLabelValues(from).Inc()
			return c.sendAll(missed)
		}
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		from = "journal"
		if err := c.replay(ctx, after, oldest-1); err != nil {
			if ctx.Err() != nil && c.ctx.Err() == nil {
				c.close(CloseSlow)
			}
			return err
		}
		after = oldest - 1
	}
}

// join has the hub queue what comes, if what is missed till then is in memory.
func (c *client) join(after uint64) (missed []*message, oldest uint64, joined bool) {
	h := c.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		c.close(CloseStopping)
		return nil, 0, false
	}
	missed, joined = h.recent.after(after, &c.filter)
	if joined {
		h.clients[c] = struct{}{}
	}
	return missed, h.recent.first, joined
}

// replay sends the entries behind after, up to until, from the journal. It reads
// at the reader's pace.
func (c *client) replay(ctx context.Context, after, until uint64) error {
	h := c.hub
	select {
	case h.replays <- struct{}{}:
		defer func() { <-h.replays }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	folds := newCalls(h.journal, h.names, func(journal.Record, error) {}) // the hub has reported them
	var sendErr error
	err := h.journal.Tail(ctx, after+1, func(r journal.Record) error {
		if r.Seq > after+1 {
			return errPurged
		}
		t, err := folds.take(ctx, r)
		if err != nil {
			return err
		}
		if t.folded != nil && c.filter.match(r.Call, &t.sight) {
			if m, err := h.entry(r, t); err == nil {
				if sendErr = c.send(m); sendErr != nil {
					return sendErr
				}
			}
		}
		if after = r.Seq; after >= until {
			return errReached
		}
		return nil
	})
	switch {
	case errors.Is(err, errReached):
		return nil
	case sendErr != nil, errors.Is(err, errPurged), ctx.Err() != nil:
		return err
	default:
		return &journalError{err}
	}
}
