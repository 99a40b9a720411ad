package bridge

import (
	"context"
	"maps"
	"slices"
	"time"
)

// keepParked is how long a call waits for a person. It holds up the checkpoint,
// and with it the purge of the journal, so it cannot wait for ever.
const keepParked = 90 * 24 * time.Hour

// overdue reports whether nobody acted in time on what is parked last.
func (r *Record) overdue(now time.Time) bool {
	return len(r.Parked) > 0 && !r.parkedAt.IsZero() && !now.Before(r.parkedAt.Add(keepParked))
}

// giveUp notes that nothing more is owed. A person who asked for another try a
// moment before was faster.
func (r *Record) giveUp() {
	if len(r.Parked) > 0 {
		r.GivenUp, r.Parked = r.Parked, nil
	}
}

// awaitPerson lets what is parked wait, or gives it up.
func (p planner) awaitPerson() Step {
	for _, o := range p.parts {
		if o.record.overdue(p.now) {
			return Step{Kind: StepGiveUp, Call: o.id, Reason: "nobody acted on it in 90 days"}
		}
	}
	return Step{Reason: "waits for a person"}
}

// giveUp says that a call waits for nobody any more.
func (w *work) giveUp(ctx context.Context) result {
	w.log.WithField("steps", slices.Sorted(maps.Keys(w.record.Parked))).WithField("parked_at", w.record.parkedAt).
		Error("parked call given up, nobody acted on it in 90 days")
	return w.note(ctx, Outcome{Kind: GivenUp, Step: StepGiveUp, Reason: w.step.Reason})
}

// lookForOverdue plans the calls anew that have waited long enough.
func (b *Bridge) lookForOverdue(now time.Time) {
	for id, e := range b.calls {
		if slices.ContainsFunc(e.members, func(m *member) bool { return m.record.overdue(now) }) {
			b.consider(id, e)
		}
	}
}
