package bridge

import "time"

// Turn says whether it is this node that acts: of several that read the same
// journal one does. It is safe for concurrent use.
type Turn interface {
	// Holds reports whether this node may begin something now.
	Holds() bool
	// Changed receives a value when Holds has changed.
	Changed() <-chan struct{}
}

// ours reports whether this node may begin something now.
func (b *Bridge) ours() bool { return b.turn == nil || b.turn.Holds() }

func (b *Bridge) turnChanged() <-chan struct{} {
	if b.turn == nil {
		return nil
	}
	return b.turn.Changed()
}

// takeTurn begins to act or ceases to. Who does not act reads and folds all the
// same, and so knows what is owed when it becomes his turn. What another node
// began and did not finish is then of unknown fate, as after a restart.
func (b *Bridge) takeTurn() {
	ours := b.ours()
	if ours != b.waits {
		return
	}
	b.waits = !ours
	b.metrics.acting(ours)
	if b.waits {
		b.log.Info("this node does not act, it follows")
		b.forget()
		return
	}
	b.log.Info("this node acts now")
	if b.caughtUp {
		b.considerAll()
	}
}

// forget drops what waits to be done: it is planned anew when it is this node's
// turn again.
func (b *Bridge) forget() {
	b.agenda, b.unplanned = agenda{}, nil
	b.lanes.waiting = [laneCount][]waiter{}
	for _, e := range b.calls {
		e.queued, e.wakes = false, time.Time{}
	}
}
