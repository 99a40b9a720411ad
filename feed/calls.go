package feed

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	// maxJoined bounds how many calls are folded as one.
	maxJoined = 64
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

// folded is one conversation: a call, or several that were linked.
type folded struct {
	members []*telephony.Call
	// told is what its events add up to; nil before the first one.
	told *Call
	// quiet is when the journal took the last entry of a call that is over, zero
	// while it is live.
	quiet time.Time
}

func newFolded(id string) *folded {
	return &folded{members: []*telephony.Call{telephony.NewCall(telephony.CallID(id))}}
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
		f = newFolded(r.Call)
		if !begins(events) {
			if err := cs.recall(ctx, f, r.Call, r); err != nil {
				return nil, nil, false, err
			}
		}
		cs.folds[r.Call] = f
	}
	f.apply(events, cs.names)
	if err := cs.connect(ctx, f, r); err != nil {
		return nil, nil, false, err
	}
	f.quiet = time.Time{}
	if f.told == nil || !f.told.Live() {
		f.quiet = r.Stored
	}
	cs.sweep(r.Stored)
	return f.told, events, true, nil
}

// apply folds events of one of its calls, and tells the conversation anew.
func (f *folded) apply(events []telephony.Event, names Names) {
	changed := false
	for _, e := range events {
		for _, m := range f.members {
			changed = m.Apply(e) || changed // only the event's own call takes it
		}
	}
	if changed {
		f.told = newCall(telephony.Join(f.members...), f.members, f.told, names)
	}
}

// unknownLinks are the calls that those of f were linked with and that are not
// part of it yet.
func (f *folded) unknownLinks() []telephony.CallID {
	var missing []telephony.CallID
	for _, m := range f.members {
		for _, id := range m.Links() {
			known := slices.ContainsFunc(f.members, func(c *telephony.Call) bool { return c.ID() == id })
			if !known && !slices.Contains(missing, id) && len(f.members)+len(missing) < maxJoined {
				missing = append(missing, id)
			}
		}
	}
	return missing
}

// connect brings in the calls that those of f were linked with, with what the
// journal holds of them before an entry.
func (cs *calls) connect(ctx context.Context, f *folded, at journal.Record) error {
	for missing := f.unknownLinks(); len(missing) > 0; missing = f.unknownLinks() {
		for _, id := range missing {
			other, found := cs.folds[string(id)]
			if !found {
				other = newFolded(string(id))
				if err := cs.recall(ctx, other, string(id), at); err != nil {
					return err
				}
			}
			f.absorb(other)
		}
		for _, m := range f.members {
			cs.folds[string(m.ID())] = f
		}
		f.told = newCall(telephony.Join(f.members...), f.members, f.told, cs.names)
	}
	return nil
}

// absorb takes over the calls of another, and who took part in them.
func (f *folded) absorb(other *folded) {
	for _, m := range other.members {
		if !slices.ContainsFunc(f.members, func(c *telephony.Call) bool { return c.ID() == m.ID() }) {
			f.members = append(f.members, m)
		}
	}
	if f.told == nil || other.told == nil {
		f.told = cmp.Or(f.told, other.told)
		return
	}
	both := *f.told
	both.Agents = slices.Clone(both.Agents)
	for _, a := range other.told.Agents {
		if !slices.ContainsFunc(both.Agents, func(have Agent) bool { return have.Endpoint == a.Endpoint }) {
			both.Agents = append(both.Agents, a)
		}
	}
	f.told = &both
}

// recall folds what the journal holds of a call before an entry. A story that
// cannot be read is reported, and the call goes on from here.
func (cs *calls) recall(ctx context.Context, f *folded, id string, before journal.Record) error {
	story, err := cs.journal.Story(ctx, id)
	for errors.Is(err, journal.ErrFull) && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(storyRetry):
			story, err = cs.journal.Story(ctx, id)
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
