package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What may be in flight: so many appends with so many messages and bytes each. All of it fits into the engine's
// input queue (100,000 messages, 128 MiB).
const (
	maxAppends  = 64
	maxWindow   = 128
	windowBytes = 1 << 20
	maxInFlight = maxAppends * maxWindow
)

// inProcessWait is how long a message may take to be stored for another node.
const inProcessWait = 10 * time.Millisecond

// The engine's error codes that have a meaning here (nats-server, server/errors.json).
const (
	codeNoPeers       jetstream.ErrorCode = 10005
	codeResources     jetstream.ErrorCode = 10023
	codeStorage       jetstream.ErrorCode = 10047
	codeWrongLast     jetstream.ErrorCode = 10071
	codeStoreFailed   jetstream.ErrorCode = 10077
	codeWrongLastToo  jetstream.ErrorCode = 10164 // of a cluster, while the other message is being stored
	codeInProcess     jetstream.ErrorCode = 10158
	textLimitExceeded                     = "maximum bytes exceeded"
)

// Append stores messages in the order given, and returns when all of them are durable, with their sequences. They
// are sent together, so that a burst costs one wait. A message that the journal has already (see Message.ID) is no
// error; its sequence is the one it has.
//
// After an error any part of the messages may be durable, or become so: append them again, with the same IDs. The
// error matches ErrFull when there is no room (nothing that was acknowledged is lost; try again later), is a
// *MessageError when a message can never be stored (then none was), a *BrokenError when only a restart helps,
// ErrClosed, or the context's.
func (j *Journal) Append(ctx context.Context, messages ...Message) ([]uint64, error) {
	for _, m := range messages {
		if err := m.check(); err != nil {
			return nil, err
		}
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	defer j.appending.Add(-1)
	if j.appending.Add(1) >= j.crowded && len(messages) <= maxGrouped && !j.cluster.enabled() {
		if seqs, stored, err := j.appendGrouped(ctx, messages); stored || err != nil {
			return seqs, err
		}
	}
	e, release, err := j.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	seqs, err := j.publishAll(ctx, e, messages)
	if err != nil {
		return nil, j.explain(ctx, "append to journal", err)
	}
	return seqs, nil
}

// AppendIf stores a message only if the last outcome of its call is at the given sequence, zero for none; so of two
// writers that both read the same story one is refused, with a *ConflictError. Appending again what is already the
// call's last outcome (same ID, same body) succeeds with the sequence that it has: the answer to the first attempt
// may have been lost. The body should name its writer, so that no other writer makes the same one.
//
// Other errors are those of Append.
func (j *Journal) AppendIf(ctx context.Context, m Message, lastOutcome uint64) (uint64, error) {
	if err := m.check(); err != nil {
		return 0, err
	}
	if m.Kind != Outcome {
		return 0, &MessageError{Call: m.Call, Reason: "only an outcome can be fenced"}
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	e, release, err := j.admit(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	future, err := j.publish(e, m, jetstream.WithExpectLastSequencePerSubject(lastOutcome))
	if err != nil {
		return 0, j.explain(ctx, "append to journal", err)
	}
	ack, err := j.wait(ctx, e, future)
	if err == nil && !ack.Duplicate {
		return ack.Sequence, nil
	}
	if err != nil && !wrongLast(err) {
		return 0, j.explain(ctx, "append to journal", err)
	}
	return j.refused(ctx, e, m, lastOutcome)
}

func wrongLast(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == codeWrongLast || api.ErrorCode == codeWrongLastToo)
}

// refused tells a lost race from one's own message met again: the engine refuses both alike.
func (j *Journal) refused(ctx context.Context, e *engine, m Message, expected uint64) (uint64, error) {
	last, err := e.stream.GetLastMsgForSubject(ctx, j.subject(m.Call, m.Kind))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, &ConflictError{Call: m.Call, Expected: expected}
	}
	if err != nil {
		return 0, j.explain(ctx, "read last outcome", err)
	}
	if id := messageID(m); id != "" && last.Header.Get(jetstream.MsgIDHeader) == id && bytes.Equal(last.Data, m.Data) {
		return last.Sequence, nil
	}
	return 0, &ConflictError{Call: m.Call, Expected: expected, Last: last.Sequence}
}

// admit waits for a place among the appends, and refuses when there is no room on the disk.
func (j *Journal) admit(ctx context.Context) (*engine, func(), error) {
	select {
	case j.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	e, err := j.ready()
	if err != nil {
		<-j.slots
		return nil, nil, err
	}
	return e, func() { <-j.slots }, nil
}

func (j *Journal) ready() (*engine, error) {
	e, err := j.engine()
	if err != nil {
		return nil, err
	}
	if j.cluster.enabled() {
		return e, nil
	}
	free, err := freeBytes(j.dir)
	if err != nil {
		return nil, err
	}
	if free < j.minFree {
		return nil, &FullError{Dir: j.dir, Disk: true, Bytes: j.minFree}
	}
	return e, j.failed(e)
}

// failed says why an engine takes nothing more, nil if it does.
func (j *Journal) failed(e *engine) error {
	switch failure := e.failure(); {
	case failure == "":
		return nil
	case lacksRoom(failure):
		return &FullError{Dir: j.dir, Disk: true, Bytes: j.minFree}
	default:
		return &BrokenError{Dir: j.dir, Reason: failure}
	}
}

// publishAll keeps at most a window of messages in flight, in order.
func (j *Journal) publishAll(ctx context.Context, e *engine, messages []Message) ([]uint64, error) {
	seqs := make([]uint64, len(messages))
	futures := make([]jetstream.PubAckFuture, len(messages))
	done, inFlight := 0, 0
	collect := func() error {
		ack, err := j.wait(ctx, e, futures[done])
		for inProcess(err) && pause(ctx, inProcessWait) {
			ack, err = j.again(ctx, e, messages[done])
		}
		if err != nil {
			return err
		}
		seqs[done], futures[done] = ack.Sequence, nil
		inFlight -= len(messages[done].Data)
		done++
		return nil
	}
	for i, m := range messages {
		for i-done >= maxWindow || (i > done && inFlight+len(m.Data) > windowBytes) {
			if err := collect(); err != nil {
				return nil, err
			}
		}
		future, err := j.publish(e, m)
		if err != nil {
			return nil, err
		}
		futures[i] = future
		inFlight += len(m.Data)
	}
	for done < len(messages) {
		if err := collect(); err != nil {
			return nil, err
		}
	}
	return seqs, nil
}

// inProcess reports that another node is storing the same message at this moment: it soon has a sequence.
func inProcess(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && api.ErrorCode == codeInProcess
}

func (j *Journal) again(ctx context.Context, e *engine, m Message) (*jetstream.PubAck, error) {
	future, err := j.publish(e, m)
	if err != nil {
		return nil, err
	}
	return j.wait(ctx, e, future)
}

func (j *Journal) publish(e *engine, m Message, opts ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	return e.js.PublishMsgAsync(j.wire(m), opts...)
}

// wire is a message as the engine takes it.
func (j *Journal) wire(m Message) *nats.Msg {
	msg := nats.NewMsg(j.subject(m.Call, m.Kind))
	msg.Data = m.Data
	if id := messageID(m); id != "" {
		msg.Header.Set(jetstream.MsgIDHeader, id)
	}
	return msg
}

// wait returns the engine's answer. What was acknowledged is remembered as that.
func (j *Journal) wait(ctx context.Context, e *engine, future jetstream.PubAckFuture) (*jetstream.PubAck, error) {
	select {
	case ack := <-future.Ok():
		j.advance(ack.Sequence)
		return ack, nil
	case err := <-future.Err():
		return nil, errors.Join(err, j.failed(e))
	case <-e.log.failed:
		return nil, j.failed(e)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (j *Journal) advance(seq uint64) {
	for {
		was := j.acked.Load()
		if seq <= was || j.acked.CompareAndSwap(was, seq) {
			return
		}
	}
}

// messageID is the engine's id of a message: unique per call and kind, of one length, and fit for a header whatever
// the caller's ID is made of.
func messageID(m Message) string {
	if m.ID == "" {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %s", len(m.Call), m.Call, m.Kind, m.ID))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// explain gives an engine's error the name that a caller can branch on.
func (j *Journal) explain(ctx context.Context, doing string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if isTyped(err) {
		return err
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch {
		case api.ErrorCode == codeStoreFailed && strings.Contains(api.Description, textLimitExceeded):
			return &FullError{Dir: j.dir, Bytes: j.maxBytes()}
		case api.ErrorCode == codeResources || api.ErrorCode == codeStorage:
			return &FullError{Dir: j.dir, Disk: true, Bytes: j.minFree}
		}
	}
	if j.cluster.enabled() {
		return &UnavailableError{URL: j.cluster.place(), Err: fmt.Errorf("%s: %w", doing, err)}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func isTyped(err error) bool {
	_, broken := errors.AsType[*BrokenError](err)
	_, full := errors.AsType[*FullError](err)
	_, unavailable := errors.AsType[*UnavailableError](err)
	return broken || full || unavailable
}

func (j *Journal) maxBytes() int64 {
	e := j.eng.Load()
	if e == nil {
		return 0
	}
	return e.stream.CachedInfo().Config.MaxBytes
}
