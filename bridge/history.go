package bridge

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// entriesPerCall is how many entries of the journal a call is reckoned to have
// when the newest calls are looked for.
const entriesPerCall = 12

// mostEntries is about how many are read in one go at most, 60 MB of them: the
// stories of calls that began before are read one by one.
const mostEntries = 50_000

// errEnough ends a reading of the journal that has what it wants.
var errEnough = errors.New("enough read")

// History folds the newest calls from the journal alone, at most limit of them,
// the newest first. It reads from a running daemon's journal as well as from one
// at rest, and changes nothing.
func History(ctx context.Context, j Journal, limit int) ([]View, error) {
	state, err := j.State(ctx)
	if err != nil || state.Messages == 0 || limit <= 0 {
		return nil, err
	}
	w, err := newestWindow(ctx, j, state, limit)
	if err != nil {
		return nil, err
	}
	views, err := readCalls(ctx, w, newestOf(w, limit))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(views, func(x, y View) int {
		return cmp.Or(y.State.StartedAt.Compare(x.State.StartedAt), cmp.Compare(x.State.ID, y.State.ID))
	})
	return views[:min(len(views), limit)], nil
}

// newestWindow reads far enough back for limit calls to begin there. Where outcomes
// came late, after an outage, they begin before what is usual.
func newestWindow(ctx context.Context, j Journal, state journal.State, limit int) (*window, error) {
	for back := uint64(limit) * entriesPerCall; ; back *= 2 { //nolint:gosec // it is positive
		from := state.First
		if state.Last > back {
			from = max(from, state.Last-back)
		}
		w, err := readWindow(ctx, j, from, state.Last)
		if err != nil || w.whole || w.begun() >= limit || back >= mostEntries {
			return w, err
		}
	}
}

// newestOf are the calls among which the newest of a window are: those that
// begin last in it, and, if they are too few, also all that began before it. An
// old call does not become a new one because something was done about it.
func newestOf(w *window, limit int) []string {
	if w.begun() < limit {
		return w.calls
	}
	begun := slices.DeleteFunc(slices.Clone(w.calls), func(call string) bool { return w.stories[call] == nil })
	return begun[max(0, len(begun)-2*limit):] // some of them became one
}

// readCalls folds calls from the journal. Those that became one are one view,
// at the place of the first.
func readCalls(ctx context.Context, j Journal, ids []string) ([]View, error) {
	views := make([]View, 0, len(ids))
	read := make(map[telephony.CallID]bool)
	for _, id := range ids {
		if read[telephony.CallID(id)] {
			continue
		}
		view, found, err := ReadCall(ctx, j, telephony.CallID(id))
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		for _, p := range view.Parts {
			read[p.ID] = true
		}
		views = append(views, view)
	}
	return views, nil
}
