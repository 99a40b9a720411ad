package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// The waits between tries to append, while the journal cannot take more.
const (
	firstAppendWait = 50 * time.Millisecond
	lastAppendWait  = 2 * time.Second
)

// Sink is where drivers deliver: it appends events to the journal. One entry of
// the journal holds all events of one Append. It is safe for concurrent use.
type Sink struct {
	journal Journal
	live    func(ctx context.Context, source string) ([]telephony.LiveLeg, error)
	source  string
	log     logrus.FieldLogger
}

// Sink returns the sink for the named source.
func (b *Bridge) Sink(source string) *Sink {
	return &Sink{journal: b.journal, live: b.Live, source: source, log: b.log.WithField("source", source)}
}

// Append implements telephony.Sink: it waits while the journal is full, and
// returns an error only when ctx is over or an event is not fit to be kept.
func (s *Sink) Append(ctx context.Context, events []telephony.Event) error {
	if len(events) == 0 {
		return nil
	}
	message, err := EncodeEvents(events)
	if err != nil {
		return err
	}
	return appendDurably(ctx, s.journal, s.log.WithField("call_id", events[0].Call), message)
}

// Live implements telephony.Sink.
func (s *Sink) Live(ctx context.Context) ([]telephony.LiveLeg, error) { return s.live(ctx, s.source) }

// Ready implements telephony.Sink.
func (s *Sink) Ready() {}

// EncodeEvents makes the entry of the journal for events of one call. Its ID is
// made from theirs, so that the same facts from two nodes become one entry.
func EncodeEvents(events []telephony.Event) (journal.Message, error) {
	hash := sha256.New()
	for _, e := range events {
		if err := e.Validate(); err != nil {
			return journal.Message{}, err
		}
		if e.Call != events[0].Call {
			return journal.Message{}, fmt.Errorf("event %s: belongs to %s, not to %s", e.ID, e.Call, events[0].Call)
		}
		_, _ = hash.Write([]byte(e.ID + "\n"))
	}
	data, err := json.Marshal(events)
	if err != nil {
		return journal.Message{}, fmt.Errorf("encode events of %s: %w", events[0].Call, err)
	}
	id := hex.EncodeToString(hash.Sum(nil)[:16])
	return journal.Message{Call: string(events[0].Call), Kind: journal.Event, ID: id, Data: data}, nil
}

// DecodeEvents reads the entry that EncodeEvents made.
func DecodeEvents(data []byte) ([]telephony.Event, error) {
	var events []telephony.Event
	if err := json.Unmarshal(data, &events); err != nil {
		return nil, fmt.Errorf("decode events: %w", err)
	}
	return events, nil
}

// appendDurably appends until it is durable or ctx is over.
func appendDurably(ctx context.Context, j Journal, log logrus.FieldLogger, m journal.Message) error {
	return retryAppend(ctx, log, func() error {
		_, err := j.Append(ctx, m)
		return err
	})
}

// retryAppend tries until it succeeds or ctx is over. A journal that is full
// makes it wait; what another try cannot mend is returned at once.
func retryAppend(ctx context.Context, log logrus.FieldLogger, try func() error) error {
	wait, last := firstAppendWait, ""
	for {
		err := try()
		if err == nil {
			if last != "" {
				log.Info("journal takes entries again")
			}
			return nil
		}
		if ctx.Err() != nil || !worthRetrying(err) {
			return err
		}
		if err.Error() != last {
			last = err.Error()
			log.WithError(err).Error("journal takes no entries, waiting")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("append to the journal: %w", context.Cause(ctx))
		case <-time.After(wait):
		}
		wait = min(2*wait, lastAppendWait)
	}
}
