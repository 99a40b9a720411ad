package journal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// maxStory bounds the memory that one call's story may take; an ordinary call has ten records.
const maxStory = 100_000

// How Tail asks the engine: so many bytes at a time; it hears something at least every tailBeat.
const (
	tailBatch  = 1000
	tailBytes  = 2 << 20
	tailExpiry = 30 * time.Second
	tailBeat   = 5 * time.Second
	tailIdle   = time.Minute
	tailRetry  = 50 * time.Millisecond
	tailSlow   = 2 * time.Second
)

// Story returns all records of a call, in stream order; none if the journal has none.
func (j *Journal) Story(ctx context.Context, call string) ([]Record, error) {
	return j.StoryBefore(ctx, call, math.MaxUint64)
}

// StoryBefore returns the records of a call that stand before a sequence, in stream order. It reads one more than
// those at the most.
func (j *Journal) StoryBefore(ctx context.Context, call string, before uint64) ([]Record, error) {
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	e, err := j.engine()
	if err != nil {
		return nil, err
	}
	filter := jetstream.WithGetMsgSubject(subjectRoot + "." + j.site + "." + encodeToken(call) + ".*")
	var story []Record
	for next := uint64(1); len(story) < maxStory; {
		msg, err := e.stream.GetMsg(ctx, next, filter)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return story, nil
		}
		if err != nil {
			return nil, j.explain(ctx, "read story", err)
		}
		if msg.Sequence >= before {
			return story, nil
		}
		_, kind, err := parseSubject(msg.Subject)
		if err != nil {
			return nil, err
		}
		story = append(story, Record{Seq: msg.Sequence, Stored: msg.Time.UTC(), Call: call, Kind: kind, Data: msg.Data})
		next = msg.Sequence + 1
	}
	return nil, fmt.Errorf("read story of call %s: it has more than %d records", call, maxStory)
}

// Tail gives fn every record from a sequence on, in stream order, none twice and none left out: first what is there,
// then what comes, until ctx ends, the journal is closed or fn returns an error; that error, as it is, is what Tail
// returns. It never returns nil. Sequences 0 and 1 mean the oldest record, as does any that was purged; one that is
// not there yet waits for it. fn runs on the caller's goroutine; a slow fn holds up nothing but its own Tail.
//
// A hole in the stream is a *DamagedError.
func (j *Journal) Tail(ctx context.Context, from uint64, fn func(Record) error) error {
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	t := &tail{j: j, next: max(from, 1), fn: fn}
	for wait := tailRetry; ; wait = min(2*wait, tailSlow) {
		before := t.next
		err := t.session(ctx)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if stop, ok := errors.AsType[*stopError](err); ok {
			return stop.err
		}
		if damaged, ok := errors.AsType[*DamagedError](err); ok {
			return damaged
		}
		if t.next != before {
			wait = tailRetry
		}
		j.log.WithError(err).WithField("next", t.next).Debug("journal reader starts again")
		if !pause(ctx, wait) {
			return context.Cause(ctx)
		}
	}
}

// pause waits, and reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// stopError marks an error of fn, which ends a Tail as damage does; all others begin a new session.
type stopError struct{ err error }

func (s *stopError) Error() string { return s.err.Error() }

// tail is one Tail: a row of sessions, each with a consumer of its own, which goes on where the one before ended.
type tail struct {
	j    *Journal
	next uint64 // The sequence that comes next.
	gap  uint64 // The sequence that came instead at the last attempt, zero if none did.
	fn   func(Record) error
}

func (t *tail) session(ctx context.Context) error {
	e, err := t.j.engine()
	if err != nil {
		return err
	}
	consumer, err := e.js.CreateConsumer(ctx, e.name, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       t.next,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: tailIdle,
		MemoryStorage:     true,
		Replicas:          1,
	})
	if err != nil {
		return fmt.Errorf("make consumer: %w", err)
	}
	defer t.remove(ctx, e, consumer.CachedInfo().Name)
	messages, err := consumer.Messages(
		jetstream.PullMaxMessagesWithBytesLimit(tailBatch, tailBytes),
		jetstream.PullExpiry(tailExpiry), jetstream.PullHeartbeat(e.beat()))
	if err != nil {
		return fmt.Errorf("read from consumer: %w", err)
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("read next record: %w", err)
		}
		if err := t.take(ctx, e, msg); err != nil {
			return err
		}
	}
}

// beat is how often a reader hears something.
func (e *engine) beat() time.Duration {
	if e.srv == nil {
		return clusterBeat
	}
	return tailBeat
}

// remove takes the consumer away; one that cannot be reached goes by itself after tailIdle.
func (t *tail) remove(ctx context.Context, e *engine, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := e.js.DeleteConsumer(ctx, e.name, name); err != nil {
		t.j.log.WithError(err).Debug("journal consumer not removed")
	}
}

func (t *tail) take(ctx context.Context, e *engine, msg jetstream.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("read record: %w", err)
	}
	seq := meta.Sequence.Stream
	switch {
	case seq < t.next:
		return nil
	case seq > t.next && seq > t.j.floor.Load():
		if e.srv == nil {
			if err := t.j.catchFloor(ctx, e); err != nil {
				return err
			}
		}
		if seq > t.j.floor.Load() {
			return t.hole(seq)
		}
	}
	call, kind, err := parseSubject(msg.Subject())
	if err != nil {
		return &DamagedError{Dir: t.j.dir, Found: fmt.Sprintf("record %d is not one of the journal", seq), Err: err}
	}
	t.next, t.gap = seq+1, 0
	if err := t.fn(Record{Seq: seq, Stored: meta.Timestamp.UTC(), Call: call, Kind: kind, Data: msg.Data()}); err != nil {
		return &stopError{err}
	}
	return nil
}

// hole begins a new session at the first hole, and gives up when the same one is met again.
func (t *tail) hole(seq uint64) error {
	if t.gap == seq {
		return &DamagedError{Dir: t.j.dir, Found: fmt.Sprintf("records %d to %d cannot be read", t.next, seq-1)}
	}
	t.gap = seq
	return fmt.Errorf("records %d to %d did not come", t.next, seq-1)
}
