package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// Journal is what the feed needs of the journal. *journal.Journal is one.
type Journal interface {
	// Epoch names the journal.
	Epoch() string
	// State says from where to where it reaches.
	State(ctx context.Context) (journal.State, error)
	// Checkpoint is an entry before which no call is live.
	Checkpoint(ctx context.Context) (uint64, error)
	// Story returns all entries of a call.
	Story(ctx context.Context, call string) ([]journal.Record, error)
	// Tail gives every entry from one on, then what comes.
	Tail(ctx context.Context, from uint64, fn func(journal.Record) error) error
}

const (
	// keepQuiet is how long a call that is over stays folded, by the journal's
	// time: what comes later has its story read again.
	keepQuiet = 2 * time.Minute
	// sweepEvery is after how many entries the calls that are over are let go.
	sweepEvery = 512
	// storyRetry is the wait between two tries to read a story while the
	// journal's disk is full.
	storyRetry = 250 * time.Millisecond
)

// calls folds the journal's entries, in order. It has one owner. What it says of
// an entry depends on the journal alone, never on where the reading began.
type calls struct {
	journal Journal
	names   Names
	onError func(journal.Record, error)
	folds   map[string]*folded
	taken   int
}

// folded is one call.
type folded struct {
	fold *telephony.Call
	// told is what its events add up to; nil before the first one.
	told *Call
	// quiet is when the journal took the last entry of a call that is over, zero
	// while it is live.
	quiet time.Time
}

func newCalls(j Journal, names Names, onError func(journal.Record, error)) *calls {
	return &calls{journal: j, names: names, onError: onError, folds: make(map[string]*folded)}
}

// take folds the next entry. It returns the call as it is then, and the events of
// the entry; none if it is an outcome. An entry that cannot be read is reported,
// and known is false. The error is the context's.
func (cs *calls) take(ctx context.Context, r journal.Record) (call *Call, events []telephony.Event, known bool, err error) {
	events, err = decodeEvents(r)
	if err != nil {
		cs.onError(r, err)
		return nil, nil, false, nil
	}
	f, found := cs.folds[r.Call]
	if !found {
		f = &folded{fold: telephony.NewCall(telephony.CallID(r.Call))}
		if !begins(events) {
			if err := cs.recall(ctx, f, r); err != nil {
				return nil, nil, false, err
			}
		}
		cs.folds[r.Call] = f
	}
	f.apply(events, cs.names)
	f.quiet = time.Time{}
	if f.told == nil || !f.told.Live() {
		f.quiet = r.Stored
	}
	cs.sweep(r.Stored)
	return f.told, events, true, nil
}

// apply folds events, and tells the call anew.
func (f *folded) apply(events []telephony.Event, names Names) {
	changed := false
	for _, e := range events {
		changed = f.fold.Apply(e) || changed
	}
	if changed {
		f.told = newCall(f.fold.State(), f.told, names)
	}
}

// recall folds what the journal holds of a call before an entry. A story that
// cannot be read is reported, and the call goes on from here.
func (cs *calls) recall(ctx context.Context, f *folded, before journal.Record) error {
	story, err := cs.journal.Story(ctx, before.Call)
	for errors.Is(err, journal.ErrFull) && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(storyRetry):
			story, err = cs.journal.Story(ctx, before.Call)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		cs.onError(before, fmt.Errorf("read what came before: %w", err))
		return nil
	}
	for _, r := range story {
		if r.Seq >= before.Seq {
			return nil
		}
		if events, err := decodeEvents(r); err == nil {
			f.apply(events, cs.names)
		}
	}
	return nil
}

// sweep lets go of the calls that have been over for long, now and then.
func (cs *calls) sweep(now time.Time) {
	if cs.taken++; cs.taken%sweepEvery != 0 {
		return
	}
	for id, f := range cs.folds {
		if !f.quiet.IsZero() && now.Sub(f.quiet) > keepQuiet {
			delete(cs.folds, id)
		}
	}
}

// decodeEvents reads the events of an entry: a JSON array of them. An outcome has
// none.
func decodeEvents(r journal.Record) ([]telephony.Event, error) {
	if r.Kind != journal.Event {
		return nil, nil
	}
	var events []telephony.Event
	if err := json.Unmarshal(r.Data, &events); err != nil {
		return nil, fmt.Errorf("decode events: %w", err)
	}
	return events, nil
}

// begins reports whether nothing of the call can have come before.
func begins(events []telephony.Event) bool {
	for _, e := range events {
		if e.Kind == telephony.LegStarted && e.First && !e.Estimated {
			return true
		}
	}
	return false
}
