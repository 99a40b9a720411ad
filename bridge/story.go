package bridge

import (
	"context"
	"fmt"
	"time"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// Entry is one entry of the journal about a call: either events, or an outcome.
type Entry struct {
	Seq uint64
	// Stored is when it became durable.
	Stored  time.Time
	Events  []telephony.Event
	Outcome *Outcome
}

// ReadEntries returns what the journal holds about a call, in its order; none if
// it does not know the call. What cannot be read is an error.
func ReadEntries(ctx context.Context, j Journal, id telephony.CallID) ([]Entry, error) {
	story, err := j.Story(ctx, string(id))
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(story))
	for _, r := range story {
		entry := Entry{Seq: r.Seq, Stored: r.Stored}
		if r.Kind == journal.Outcome {
			o, err := DecodeOutcome(r.Data)
			if err != nil {
				return nil, fmt.Errorf("read entry %d of %s: %w", r.Seq, id, err)
			}
			entry.Outcome = &o
		} else if entry.Events, err = telephony.DecodeEvents(r.Data); err != nil {
			return nil, fmt.Errorf("read entry %d of %s: %w", r.Seq, id, err)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// Next is what is owed about a call by a policy: what View.Next says of a bridge
// that runs. It changes nothing.
func Next(v View, policy *Policy, at Moment) Step { return v.next(policy, at) }

// Pending folds from the journal alone every call that may still be owed
// something: those with an entry behind the checkpoint, in the order of their
// first. It is for a journal that no bridge reads from; see also Bridge.Calls.
func Pending(ctx context.Context, j Journal) ([]View, error) {
	state, err := j.State(ctx)
	if err != nil {
		return nil, err
	}
	checkpoint, err := j.Checkpoint(ctx)
	if err != nil || state.Messages == 0 || checkpoint >= state.Last {
		return nil, err
	}
	w, err := readWindow(ctx, j, checkpoint+1, state.Last)
	if err != nil {
		return nil, err
	}
	return readCalls(ctx, w, w.calls)
}
