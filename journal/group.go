package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// A single server syncs each message by itself: on a disk of 1 ms it takes a
// thousand a second, whoever sends them. What it takes as an atomic batch it syncs
// together (nats-server 2.15, stream.go, coalesceSync); but a batch costs some syncs
// of its own. So appends are grouped only while more of them wait than a batch costs
// (docs/decisions/0042-appends-share-a-sync.md).
const (
	// crowded is from how many appends under way on they are grouped.
	crowded = 32
	// worthwhile is the part of that which makes a batch.
	worthwhile = 4
	// maxGrouped is how many messages of one append go into a group; more are on
	// their way together anyhow.
	maxGrouped = 8
	// maxBatch is how many messages, and windowBytes how many bytes, are in a batch: the
	// engine takes a thousand.
	maxBatch = 500
	// groupTime bounds the wait for a batch: the engine gives one up after 10 s.
	groupTime = 8 * time.Second
)

// The headers of an atomic batch (nats-server, server/stream.go).
const (
	headerBatch    = "Nats-Batch-Id"
	headerBatchSeq = "Nats-Batch-Sequence"
	headerCommit   = "Nats-Batch-Commit"
)

// group gathers appends while a batch is on its way. The zero value is empty.
type group struct {
	mu      sync.Mutex
	waiting []*grouped
	sending bool
	sent    atomic.Int64 // batches that were stored
}

// grouped is an append that waits for its batch.
type grouped struct {
	messages []*nats.Msg
	done     chan struct{} // closed when seqs and alone are set
	seqs     []uint64
	alone    bool // it was in no batch: to be sent by itself
}

// appendGrouped stores messages with those of others. It reports false if that was
// not done: then they are to be sent by themselves. After an error they may become
// durable, or not.
func (j *Journal) appendGrouped(ctx context.Context, messages []Message) ([]uint64, bool, error) {
	e, err := j.ready()
	if err != nil {
		return nil, false, err
	}
	w := &grouped{done: make(chan struct{}), alone: true}
	for _, m := range messages {
		w.messages = append(w.messages, j.wire(m))
	}
	j.group.mu.Lock()
	j.group.waiting = append(j.group.waiting, w)
	leads := !j.group.sending
	j.group.sending = true
	j.group.mu.Unlock()
	if leads {
		j.ops.Go(func() { j.sendGroups(e) }) //nolint:contextcheck // a batch is of many callers, and ends with the journal
	}
	select {
	case <-w.done:
		return w.seqs, !w.alone, nil
	case <-ctx.Done():
		return nil, true, context.Cause(ctx)
	}
}

// sendGroups sends what waits, a batch after the other, until nothing does.
func (j *Journal) sendGroups(e *engine) {
	for {
		batch := j.group.next()
		if len(batch) == 0 {
			return
		}
		j.sendBatch(e, batch)
		for _, w := range batch {
			close(w.done)
		}
	}
}

// next takes what goes into the next batch; nothing says that the sender may go.
func (g *group) next() []*grouped {
	g.mu.Lock()
	defer g.mu.Unlock()
	messages, bytes, n := 0, 0, 0
	for _, w := range g.waiting {
		for _, m := range w.messages {
			messages++
			bytes += len(m.Data)
		}
		if n > 0 && (messages > maxBatch || bytes > windowBytes) {
			break
		}
		n++
	}
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	g.sending = n > 0
	return batch
}

// sendBatch sends appends as one batch, if they are enough for one. A batch that holds
// what the journal has already is refused whole, and so is one for which there is no
// room: then each is sent by itself, and hears what is to be said of it.
func (j *Journal) sendBatch(e *engine, batch []*grouped) {
	together := distinct(batch)
	if len(together) < int(j.crowded)/worthwhile {
		return
	}
	ctx, cancel := context.WithTimeout(j.ctx, groupTime)
	defer cancel()
	first, err := j.publishBatch(ctx, e, together)
	if err != nil {
		return
	}
	for _, w := range together {
		w.alone = false
		for range w.messages {
			w.seqs = append(w.seqs, first)
			first++
		}
	}
}

// distinct is what can be in one batch: what another append has too stays out.
func distinct(batch []*grouped) []*grouped {
	seen := make(map[string]bool)
	return slices.DeleteFunc(slices.Clone(batch), func(w *grouped) bool {
		repeats := false
		for _, m := range w.messages {
			id := m.Header.Get(jetstream.MsgIDHeader)
			repeats = repeats || id != "" && seen[id]
			seen[id] = true
		}
		return repeats
	})
}

// publishBatch returns the sequence of the first message.
func (j *Journal) publishBatch(ctx context.Context, e *engine, batch []*grouped) (uint64, error) {
	var all []*nats.Msg
	name := nuid.Next()
	for _, w := range batch {
		all = append(all, w.messages...)
	}
	for i, msg := range all {
		msg.Header.Set(headerBatch, name)
		msg.Header.Set(headerBatchSeq, strconv.Itoa(i+1))
	}
	last := all[len(all)-1]
	last.Header.Set(headerCommit, "1")
	for _, msg := range all[:len(all)-1] {
		if err := e.conn.PublishMsg(msg); err != nil {
			return 0, err
		}
	}
	reply, err := e.conn.RequestMsgWithContext(ctx, last)
	if err != nil {
		return 0, err
	}
	return j.batchAnswer(reply.Data, uint64(len(all)))
}

// batchAnswer reads what the engine says of a batch: its messages have the last
// sequences up to the one that it names.
func (j *Journal) batchAnswer(data []byte, count uint64) (uint64, error) {
	var answer struct {
		Error *jetstream.APIError `json:"error"`
		Seq   uint64              `json:"seq"`
		Count uint64              `json:"count"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return 0, fmt.Errorf("read what the engine says of a batch: %w", err)
	}
	if answer.Error != nil {
		return 0, answer.Error
	}
	if answer.Count != count || answer.Seq < count {
		return 0, fmt.Errorf("the engine stored %d messages of %d", answer.Count, count)
	}
	j.advance(answer.Seq)
	j.group.sent.Add(1)
	return answer.Seq - count + 1, nil
}
