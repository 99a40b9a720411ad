package cti

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// DefaultTimeout is after which time a call is ended that nobody ended: senders
// forget hangups.
const DefaultTimeout = 4 * time.Hour

// sweepEvery is how often it is looked for such calls.
const sweepEvery = time.Minute

// sweepOften looks for them until ctx is over.
func sweepOften(ctx context.Context, sink telephony.Sink, timeout time.Duration) error {
	tick := time.NewTicker(min(sweepEvery, max(timeout/4, time.Millisecond)))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if err := sweep(ctx, sink, timeout, now); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// sweep ends the calls of which no leg began within timeout. What is alive, and since
// when, the sink knows; so nothing need be remembered here, and a restart changes
// nothing. The end is estimated: should it be told after all, that counts.
func sweep(ctx context.Context, sink telephony.Sink, timeout time.Duration, now time.Time) error {
	legs, err := sink.Live(ctx)
	if err != nil {
		return fmt.Errorf("ask for live calls: %w", err)
	}
	began := make(map[telephony.CallID]time.Time)
	for _, l := range legs {
		if l.Since.After(began[l.Call]) {
			began[l.Call] = l.Since
		}
	}
	ends := make(map[telephony.CallID][]telephony.Event)
	for _, l := range legs {
		end := began[l.Call].Add(timeout)
		if end.After(now) {
			continue
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%q timed out %q %d", l.Call, l.Leg, end.UnixNano()))
		ends[l.Call] = append(ends[l.Call], telephony.Event{
			ID: hex.EncodeToString(sum[:12]), Call: l.Call, Kind: telephony.LegEnded, Time: end.UTC(), Leg: l.Leg, Side: l.Side,
			Endpoint: l.Endpoint, Estimated: true, Ordinal: uint64(len(ends[l.Call])),
		})
	}
	for call, events := range ends {
		if err := sink.Append(ctx, events); err != nil {
			return fmt.Errorf("end %s, which nobody ended: %w", call, err)
		}
	}
	return nil
}
