package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/talkbridge/talkbridge/journal"
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
			state := e.call.State()
			if id.Source() != source || !state.Live() {
				continue
			}
			for _, l := range state.Legs {
				if l.EndedAt.IsZero() {
					legs = append(legs, telephony.LiveLeg{Call: id, Leg: l.ID, Endpoint: l.Endpoint, Side: l.Side})
				}
			}
		}
	})
	return legs, err
}

// View is a call as people ask for it.
type View struct {
	State  telephony.State
	Record Record
	// Next is what is owed.
	Next Step
}

// Calls returns the calls in memory, the newest first: those that are not
// settled, and those settled a moment ago.
func (b *Bridge) Calls(ctx context.Context) ([]View, error) {
	var views []View
	err := b.ask(ctx, func() {
		for id, e := range b.calls {
			views = append(views, b.view(id, e))
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
	err = b.ask(ctx, func() { view.Next = plan(view.State, &view.Record, b.current(), b.moment(id)) })
	return view, found, err
}

func (b *Bridge) view(id telephony.CallID, e *entry) View {
	state := e.call.State()
	return View{State: state, Record: e.record, Next: plan(state, &e.record, b.current(), b.moment(id))}
}

// ReadCall folds one call from the journal alone, so that Next is not known.
// What cannot be read is an error.
func ReadCall(ctx context.Context, j Journal, id telephony.CallID) (View, bool, error) {
	story, err := j.Story(ctx, string(id))
	if err != nil || len(story) == 0 {
		return View{}, false, err
	}
	e := &entry{call: telephony.NewCall(id)}
	for _, r := range story {
		if err := e.fold(r); err != nil {
			return View{}, false, fmt.Errorf("read entry %d of %s: %w", r.Seq, id, err)
		}
	}
	return View{State: e.call.State(), Record: e.record}, true, nil
}

// fold takes one entry of the journal.
func (e *entry) fold(r journal.Record) error {
	if r.Kind == journal.Outcome {
		o, err := DecodeOutcome(r.Data)
		if err != nil {
			return err
		}
		e.record.apply(r.Seq, o)
		return nil
	}
	events, err := DecodeEvents(r.Data)
	e.take(r.Stored, events)
	return err
}
