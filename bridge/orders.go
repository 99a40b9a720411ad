package bridge

import (
	"context"
	"fmt"
	"time"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// maxOrders bounds the orders that are looked at when a call is sought for one.
const maxOrders = 1000

// Orders are the orders that were given to a phone system since a time and of whose
// calls it told nothing yet, the oldest first. A phone system that chooses the ids of
// calls itself finds by them which call is whose.
func (b *Bridge) Orders(ctx context.Context, source string, since time.Time) ([]telephony.PlacedOrder, error) {
	open := make(map[telephony.CallID]*Outcome)
	var order []telephony.CallID
	err := b.readSince(ctx, since, func(r journal.Record) {
		id := telephony.CallID(r.Call)
		if !id.Dialled() || id.Source() != source {
			return
		}
		if r.Kind != journal.Outcome {
			delete(open, id)
			return
		}
		o, err := DecodeOutcome(r.Data)
		switch {
		case err != nil: // the conductor says so
		case o.Kind == DialIntended && o.Dial != nil && len(order) < maxOrders:
			open[id], order = &o, append(order, id)
		case o.Kind == DialFailed:
			delete(open, id)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read the orders for calls through %s: %w", source, err)
	}
	var placed []telephony.PlacedOrder
	for _, id := range order {
		if o := open[id]; o != nil {
			placed = append(placed, telephony.PlacedOrder{
				Order: telephony.Order{Call: id, Phone: o.Dial.Phone, Number: o.Dial.Number}, At: o.Time,
			})
		}
	}
	return placed, nil
}
