package bridge

import (
	"context"
	"errors"
	"slices"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// window is a Journal that remembers what was read of it in one go: the story of
// a call that begins there needs no further reading. Asking for each record of
// each call by itself takes ten times as long. It has one owner.
type window struct {
	Journal

	stories map[string][]journal.Record
	// calls are those that have an entry in it, in the order of their first.
	calls []string
	// whole says that nothing is before it: each story is all there is.
	whole bool
}

// readWindow reads the entries first to last.
func readWindow(ctx context.Context, j Journal, first, last uint64) (*window, error) {
	state, err := j.State(ctx)
	if err != nil {
		return nil, err
	}
	w := &window{Journal: j, stories: make(map[string][]journal.Record), whole: first <= state.First}
	err = j.Tail(ctx, first, func(r journal.Record) error {
		w.add(r)
		if r.Seq >= last {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		return nil, err
	}
	return w, nil
}

// begun is how many calls begin in it.
func (w *window) begun() int {
	n := 0
	for _, story := range w.stories {
		if story != nil {
			n++
		}
	}
	return n
}

// add remembers a record. Those of one call must come in their order, without
// holes.
func (w *window) add(r journal.Record) {
	story, known := w.stories[r.Call]
	if !known {
		w.calls = append(w.calls, r.Call)
	}
	if !known && !w.whole && !beginsCall(r) {
		w.stories[r.Call] = nil // it began before: to be read
		return
	}
	if !known || story != nil {
		w.stories[r.Call] = append(story, r)
	}
}

// Story implements Journal.
func (w *window) Story(ctx context.Context, call string) ([]journal.Record, error) {
	if story := w.stories[call]; story != nil {
		return story, nil
	}
	return w.Journal.Story(ctx, call)
}

// beginsCall reports whether a call begins with an entry.
func beginsCall(r journal.Record) bool {
	if r.Kind != journal.Event {
		return false
	}
	events, err := telephony.DecodeEvents(r.Data)
	return err == nil && slices.ContainsFunc(events, telephony.Event.Begins)
}
