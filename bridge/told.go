package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// Dated is a Journal that knows when its records were stored. *journal.Journal is
// one. Of others all is read.
type Dated interface {
	Since(ctx context.Context, at time.Time) (uint64, error)
}

// Told implements telephony.Sink: it reads what the journal holds of the source's
// calls from that time to now.
func (s *Sink) Told(ctx context.Context, since time.Time) (telephony.Told, error) {
	t := telling{told: make(telephony.Told), reported: make(map[string]bool)}
	err := s.bridge.readSince(ctx, since, func(r journal.Record) {
		if r.Kind == journal.Event && telephony.CallID(r.Call).Source() == s.source {
			t.read(r)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read what was told of %s: %w", s.source, err)
	}
	return t.told, nil
}

// readSince reads what the journal holds from a time to now.
func (b *Bridge) readSince(ctx context.Context, since time.Time, each func(journal.Record)) error {
	state, err := b.journal.State(ctx)
	if err != nil {
		return err
	}
	from := state.First
	if dated, can := b.journal.(Dated); can {
		if from, err = dated.Since(ctx, since); err != nil {
			return err
		}
	}
	if from > state.Last || state.Messages == 0 {
		return nil
	}
	err = b.journal.Tail(ctx, from, func(r journal.Record) error {
		each(r)
		if r.Seq >= state.Last {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		return err
	}
	return nil
}

// telling gathers what was told of legs.
type telling struct {
	told     telephony.Told
	reported map[string]bool // legs of which the end was reported
}

// read takes an entry. One that is not readable tells nothing: the conductor says
// so.
func (t *telling) read(r journal.Record) {
	events, err := telephony.DecodeEvents(r.Data)
	if err != nil {
		return
	}
	for _, e := range events {
		if e.Leg == "" {
			continue
		}
		leg, known := t.told[e.Leg]
		if !known {
			leg.Call = e.Call
		}
		if leg.Endpoint == "" {
			leg.Endpoint = strings.Clone(e.Endpoint)
		}
		if e.Kind == telephony.LegEnded {
			t.reported[e.Leg] = t.reported[e.Leg] || !e.Estimated
			leg.Gone = !t.reported[e.Leg]
		}
		t.told[e.Leg] = leg
	}
}
