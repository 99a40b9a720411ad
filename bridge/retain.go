package bridge

import (
	"context"
	"time"

	"github.com/talkbridge/talkbridge/journal"
)

// The journal keeps settled calls for as long as there is room: from three
// quarters of its size limit on the oldest are purged, down to a half. Calls that
// are owed something are never purged; if they hold up the purge, a person is
// told well before the journal takes no more.
const (
	retainEvery = time.Minute
	alarmAt     = 90 // per cent of the size limit
)

// Purger is a Journal that can forget. *journal.Journal is one.
type Purger interface {
	PurgeBefore(ctx context.Context, seq uint64) error
}

// purgeTo is the first entry to keep: 0 keeps all. It assumes that entries are
// of about equal size, which the next look corrects. settled is the last entry
// before which every call is settled.
func purgeTo(s journal.State, settled uint64) uint64 {
	if s.MaxBytes <= 0 || s.Messages == 0 || s.Bytes < s.MaxBytes/4*3 {
		return 0
	}
	surplus := float64(s.Bytes-s.MaxBytes/2) / float64(s.Bytes)
	first := s.First + uint64(surplus*float64(s.Messages))
	first = min(first, settled+1)
	if first <= s.First {
		return 0
	}
	return first
}

// retain purges what the journal has no room for, and says if it cannot.
func (b *Bridge) retain(ctx context.Context, settled uint64) {
	purger, can := b.journal.(Purger)
	if !can || b.now().Sub(b.retained) < retainEvery {
		return
	}
	b.retained = b.now()
	state, err := b.journal.State(ctx)
	if err != nil {
		b.log.WithError(err).Warn("size of the journal not known")
		return
	}
	if first := purgeTo(state, settled); first != 0 {
		if err := purger.PurgeBefore(ctx, first); err != nil {
			b.log.WithError(err).Error("settled calls not purged from the journal")
			return
		}
		b.log.WithField("entries", first-state.First).Info("oldest settled calls purged from the journal")
		return
	}
	if state.MaxBytes > 0 && state.Bytes*100 > state.MaxBytes*alarmAt {
		b.log.WithField("bytes", state.Bytes).WithField("max_bytes", state.MaxBytes).
			Error("journal almost full, and calls that are owed something hold up the purge: see 'talkbridge calls'")
	}
}
