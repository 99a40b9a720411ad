package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// Sink is where drivers deliver: it appends events to the journal. One entry of
// the journal holds all events of one Append. It is safe for concurrent use.
type Sink struct {
	bridge *Bridge
	source string
	log    logrus.FieldLogger
}

// Sink returns the sink for the named source.
func (b *Bridge) Sink(source string) *Sink {
	return &Sink{bridge: b, source: source, log: b.log.WithField("source", source)}
}

// Append implements telephony.Sink: a link between two calls is told in the
// stories of both. It waits while the journal is full, and
// returns an error only when ctx is over, when an event is ill-formed, or when
// the journal is broken, which ends the bridge too. Events too large for one
// entry make several; a single one that is too large loses its Raw.
func (s *Sink) Append(ctx context.Context, events []telephony.Event) error {
	if len(events) == 0 {
		return nil
	}
	messages, err := encodeWithin(events, journal.MaxData)
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.Kind != telephony.CallLinked {
			continue
		}
		// Loading either story must load the other.
		mirrored, err := EncodeEvents([]telephony.Event{e.Mirrored()})
		if err != nil {
			return err
		}
		messages = append(messages, mirrored)
	}
	err = s.bridge.whileFull(ctx, s.log.WithField("call_id", events[0].Call), func() error {
		_, err := s.bridge.journal.Append(ctx, messages...)
		return err
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	err = fmt.Errorf("append events of %s: %w", events[0].Call, err)
	if _, unfit := errors.AsType[*journal.MessageError](err); !unfit {
		select {
		case s.bridge.broken <- err:
		default: // one is enough
		}
	}
	return err
}

// encodeWithin makes entries of at most limit bytes for events of one call.
func encodeWithin(events []telephony.Event, limit int) ([]journal.Message, error) {
	message, err := EncodeEvents(events)
	switch {
	case err != nil:
		return nil, err
	case len(message.Data) <= limit:
		return []journal.Message{message}, nil
	case len(events) > 1:
		half := len(events) / 2
		first, err := encodeWithin(events[:half], limit)
		if err != nil {
			return nil, err
		}
		second, err := encodeWithin(events[half:], limit)
		return append(first, second...), err
	case events[0].Raw != nil:
		bare := events[0]
		bare.Raw = nil
		return encodeWithin([]telephony.Event{bare}, limit)
	}
	return nil, fmt.Errorf("event %s: has %d bytes, at most %d can be kept", events[0].ID, len(message.Data), limit)
}

// Live implements telephony.Sink.
func (s *Sink) Live(ctx context.Context) ([]telephony.LiveLeg, error) {
	return s.bridge.Live(ctx, s.source)
}

// Ready implements telephony.Sink.
func (s *Sink) Ready() {}

// EncodeEvents makes the entry of the journal for events of one call. Its ID is
// made from theirs, so that the same facts from two nodes become one entry: but
// not a fact that was estimated, and is reported then.
func EncodeEvents(events []telephony.Event) (journal.Message, error) {
	if len(events) == 0 {
		return journal.Message{}, errors.New("encode events: there are none")
	}
	hash := sha256.New()
	for _, e := range events {
		if err := e.Validate(); err != nil {
			return journal.Message{}, err
		}
		if e.Call != events[0].Call {
			return journal.Message{}, fmt.Errorf("event %s: belongs to %s, not to %s", e.ID, e.Call, events[0].Call)
		}
		telling := e.ID + "\n"
		if e.Estimated {
			telling = "~" + telling
		}
		_, _ = hash.Write([]byte(telling))
	}
	data, err := json.Marshal(events)
	if err != nil {
		return journal.Message{}, fmt.Errorf("encode events of %s: %w", events[0].Call, err)
	}
	id := hex.EncodeToString(hash.Sum(nil)[:16])
	return journal.Message{Call: string(events[0].Call), Kind: journal.Event, ID: id, Data: data}, nil
}
