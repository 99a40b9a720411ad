package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/talkbridge/talkbridge/telephony"
)

// errStopped is returned by what asks a bridge that does not run any more.
var errStopped = errors.New("the bridge has stopped")

// ask runs a function on the conductor's goroutine and waits for it.
func (b *Bridge) ask(ctx context.Context, query func()) error {
	done := make(chan struct{})
	select {
	case b.queries <- func() { query(); close(done) }:
		<-done
		return nil
	case <-b.stopped:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Ping returns nil once the conductor has answered: it works, and is not stuck.
// How long to wait is ctx's matter. Its error is that of ctx, or says that the
// bridge has stopped.
func (b *Bridge) Ping(ctx context.Context) error { return b.ask(ctx, func() {}) }

// Live returns the legs of a source that are alive as far as the journal says.
func (b *Bridge) Live(ctx context.Context, source string) ([]telephony.LiveLeg, error) {
	var legs []telephony.LiveLeg
	err := b.ask(ctx, func() {
		for id, e := range b.calls {
			state := e.state()
			if !e.holds(id) || id.Source() != source || !state.Live() {
				continue
			}
			for _, l := range state.Legs {
				if l.EndedAt.IsZero() {
					legs = append(legs, telephony.LiveLeg{Call: state.ID, Leg: l.ID, Endpoint: l.Endpoint, Side: l.Side, Since: l.StartedAt})
				}
			}
		}
	})
	return legs, err
}

// View is a call as people ask for it. Calls that became one are one view, by
// whichever of their ids it is asked for.
type View struct {
	State telephony.State
	// Record is of the call that everything is done for, with the pages that
	// were shown for any.
	Record Record
	// Parts are the calls that became this one, the oldest first; of most calls
	// there is one.
	Parts []Part
	// Next is what is owed.
	Next Step
}

// Part is one of the calls that became one, with what was done about it.
type Part struct {
	ID     telephony.CallID
	Record Record
}

// next plans what is owed about a view.
func (v View) next(policy *Policy, at Moment) Step {
	parts := make([]part, 0, len(v.Parts))
	for i := range v.Parts {
		parts = append(parts, part{v.Parts[i].ID, &v.Parts[i].Record})
	}
	if len(parts) == 0 {
		parts = []part{{v.State.ID, &v.Record}}
	}
	return planAll(v.State, parts, policy, at)
}

// Calls returns the calls in memory, the newest first: those that are not
// settled, and those settled a moment ago.
func (b *Bridge) Calls(ctx context.Context) ([]View, error) {
	var views []View
	err := b.ask(ctx, func() {
		for id, e := range b.calls {
			if e.holds(id) {
				views = append(views, b.view(id, e))
			}
		}
	})
	slices.SortFunc(views, func(x, y View) int {
		return cmp.Or(y.State.StartedAt.Compare(x.State.StartedAt), cmp.Compare(x.State.ID, y.State.ID))
	})
	return views, err
}

// Call returns one call, from memory or else from the journal.
func (b *Bridge) Call(ctx context.Context, id telephony.CallID) (View, bool, error) {
	var view View
	var found bool
	err := b.ask(ctx, func() {
		e, known := b.calls[id]
		if known {
			found = true
			view = b.view(id, e)
		}
	})
	if err != nil || found {
		return view, found, err
	}
	view, found, err = ReadCall(ctx, b.journal, id)
	if err != nil || !found {
		return view, found, err
	}
	err = b.ask(ctx, func() { view.Next = view.next(b.current(), b.moment(id)) })
	return view, found, err
}

func (b *Bridge) view(id telephony.CallID, e *entry) View {
	view := e.view()
	view.Next = view.next(b.current(), b.moment(id))
	return view
}

// ReadCall folds one call from the journal alone, and those that it became one
// with, so that Next is not known. What cannot be read is an error.
func ReadCall(ctx context.Context, j Journal, id telephony.CallID) (View, bool, error) {
	e, found, err := readEntry(ctx, j, id)
	if err != nil || !found {
		return View{}, false, err
	}
	for links := e.unknownLinks(); len(links) > 0; links = e.unknownLinks() {
		for _, link := range links {
			o, _, err := readEntry(ctx, j, link)
			if err != nil {
				return View{}, false, err
			}
			e.absorb(o)
		}
	}
	return e.view(), true, nil
}

// readEntry folds one call from the journal, and says whether it is known there.
func readEntry(ctx context.Context, j Journal, id telephony.CallID) (*entry, bool, error) {
	story, err := j.Story(ctx, string(id))
	if err != nil {
		return nil, false, err
	}
	e := newEntry(id, 0)
	for _, r := range story {
		if err := e.fold(r); err != nil {
			return nil, false, fmt.Errorf("read entry %d of %s: %w", r.Seq, id, err)
		}
	}
	return e, len(story) > 0, nil
}
