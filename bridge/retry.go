package bridge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

var (
	// ErrNoCall says that the journal knows no call of that id.
	ErrNoCall = errors.New("no such call in the journal")
	// ErrNotParked says that nothing about the call waits for a person.
	ErrNotParked = errors.New("nothing is parked: what is owed is done by itself")
)

// Retry asks for another try of all that is parked about a call: the request is
// an outcome in the journal like any other, and what is owed then is planned
// anew. It returns the steps that were parked, with the reasons. The error is
// or wraps ErrNoCall or ErrNotParked, or is that of the journal.
func (b *Bridge) Retry(ctx context.Context, id telephony.CallID) (map[StepKind]string, error) {
	view, found, err := b.Call(ctx, id)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("retry %s: %w", id, ErrNoCall)
	}
	parked, o, err := retryParked(ctx, b.journal, view, b.now())
	if err == nil {
		b.metrics.outcome(o)
		b.log.WithField("call_id", id).WithField("steps", len(parked)).Info("parked steps tried again, as asked")
	}
	return parked, err
}

// RetryParked does what Bridge.Retry does in a journal that no bridge reads
// from: the next one that does will try again.
func RetryParked(ctx context.Context, j Journal, id telephony.CallID, now time.Time) (map[StepKind]string, error) {
	view, found, err := ReadCall(ctx, j, id)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("retry %s: %w", id, ErrNoCall)
	}
	parked, _, err := retryParked(ctx, j, view, now)
	return parked, err
}

// retryParked asks for another try in the story of each call of the view that
// has something parked, or given up.
func retryParked(ctx context.Context, j Journal, view View, now time.Time) (map[StepKind]string, Outcome, error) {
	parked := make(map[StepKind]string)
	o := Outcome{Kind: Retried, Time: now.UTC(), Reason: "a person asked for it"}
	for _, p := range view.Parts {
		reason, unheard := p.Record.unheard()
		if len(p.Record.Parked)+len(p.Record.GivenUp) == 0 && !unheard {
			continue
		}
		if unheard {
			parked[StepTranscribe] = reason
		}
		maps.Copy(parked, p.Record.GivenUp)
		maps.Copy(parked, p.Record.Parked)
		m := journal.Message{Call: string(p.ID), Kind: journal.Outcome, ID: rand.Text(), Data: o.encode()}
		if _, err := j.Append(ctx, m); err != nil {
			return nil, Outcome{}, fmt.Errorf("retry %s: %w", p.ID, err)
		}
	}
	if len(parked) == 0 {
		return nil, Outcome{}, fmt.Errorf("retry %s: %w", view.State.ID, ErrNotParked)
	}
	return parked, o, nil
}
