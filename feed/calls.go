package feed

import (
	"context"
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
	StoryBefore(ctx context.Context, call string, before uint64) ([]journal.Record, error)
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
	entries int
}

// folded is one conversation: a call, or several that were linked, after an entry
// of the journal. It is never changed, so that whoever has it needs no lock; the
// next entry makes another one. There may be thousands, for hours: what it adds up
// to is worked out when it is told.
type folded struct {
	// id is the one that it goes by: of several calls the oldest one's.
	id      telephony.CallID
	members []*telephony.Call
	sight   sight
	began   time.Time
	// known says that an event was told of it, live that it goes on.
	known, live bool
	// quiet is when the journal took the last entry of a call that is over, zero
	// while it is live.
	quiet time.Time
	// state is what all adds up to, while the entry is taken; nil afterwards.
	state *telephony.State
}

func newFolded(id string) *folded {
	call := telephony.CallID(id)
	return &folded{id: call, members: []*telephony.Call{telephony.NewCall(call)}}
}

// told is the conversation as the feed tells it, nil before its first event.
func (f *folded) told() *Call {
	if !f.known {
		return nil
	}
	if f.state != nil {
		return newCall(*f.state, f.sight)
	}
	return newCall(telephony.Join(f.members...), f.sight)
}

func newCalls(j Journal, names Names, onError func(journal.Record, error)) *calls {
	return &calls{journal: j, names: names, onError: onError, folds: make(map[string]*folded)}
}

// taken is an entry that was folded: the conversation as it is then, and for an entry
// of events these, and how it is told.
type taken struct {
	*folded

	events []telephony.Event
	call   *Call
}

// take folds the next entry. One that cannot be read is reported, and there is no
// conversation. The error is the context's.
func (cs *calls) take(ctx context.Context, r journal.Record) (taken, error) {
	events, err := decodeEvents(r)
	if err != nil {
		cs.onError(r, err)
		return taken{}, nil
	}
	f, found := cs.folds[r.Call]
	if !found { // also where it begins: some phone systems tell of the beginning again, long after the end
		if f, err = cs.recall(ctx, newFolded(r.Call), r.Call, r); err != nil {
			return taken{}, err
		}
	}
	f = f.apply(events, cs.names)
	if f, err = cs.connect(ctx, f, r); err != nil {
		return taken{}, err
	}
	t := taken{folded: f, events: events}
	if r.Kind == journal.Event {
		t.call = f.told()
	}
	f.state = nil
	f.quiet = time.Time{}
	if !f.live {
		f.quiet = r.Stored
	}
	for _, m := range f.members {
		cs.folds[string(m.ID())] = f
	}
	cs.sweep(r.Stored)
	return t, nil
}

// apply is the conversation with more events of one of its calls.
func (f *folded) apply(events []telephony.Event, names Names) *folded {
	next := *f
	next.members = make([]*telephony.Call, 0, len(f.members))
	changed := false
	for _, m := range f.members {
		m = m.Clone()
		for _, e := range events {
			changed = m.Apply(e) || changed // only the event's own call takes it
		}
		next.members = append(next.members, m)
	}
	if changed {
		next.look(names)
	}
	return &next
}

// look works out what is kept of a conversation that is being made.
func (f *folded) look(names Names) {
	s := telephony.Join(f.members...)
	f.state, f.sight = &s, f.sight.look(s, f.members, names)
	f.id, f.began, f.known, f.live = s.ID, s.StartedAt, true, s.Live()
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
func (cs *calls) connect(ctx context.Context, f *folded, at journal.Record) (*folded, error) {
	for missing := f.unknownLinks(); len(missing) > 0; missing = f.unknownLinks() {
		for _, id := range missing {
			other, found := cs.folds[string(id)]
			if !found {
				var err error
				if other, err = cs.recall(ctx, newFolded(string(id)), string(id), at); err != nil {
					return nil, err
				}
			}
			f = f.with(other)
		}
		f.look(cs.names)
	}
	return f, nil
}

// with is the conversation with the calls of another, and who took part in them.
func (f *folded) with(other *folded) *folded {
	both := *f
	both.members = slices.Clone(f.members)
	for _, m := range other.members {
		if !slices.ContainsFunc(f.members, func(c *telephony.Call) bool { return c.ID() == m.ID() }) {
			both.members = append(both.members, m)
		}
	}
	for _, a := range other.sight.agents {
		both.sight.add(a, nil)
	}
	return &both
}

// recall folds what the journal holds of a call before an entry. A story that
// cannot be read is reported, and the call goes on from here.
func (cs *calls) recall(ctx context.Context, f *folded, id string, before journal.Record) (*folded, error) {
	story, err := cs.journal.StoryBefore(ctx, id, before.Seq)
	for errors.Is(err, journal.ErrFull) && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(storyRetry):
			story, err = cs.journal.StoryBefore(ctx, id, before.Seq)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		cs.onError(before, fmt.Errorf("read what came before: %w", err))
		return f, nil
	}
	for _, r := range story {
		if events, err := decodeEvents(r); err == nil {
			f = f.apply(events, cs.names)
		}
	}
	return f, nil
}

// sweep lets go of the calls that have been over for long, now and then.
func (cs *calls) sweep(now time.Time) {
	if cs.entries++; cs.entries%sweepEvery != 0 {
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
	return telephony.DecodeEvents(r.Data)
}
