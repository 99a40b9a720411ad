package telephony_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

func ring(t *testing.T) []telephony.Event {
	t.Helper()
	id, err := telephony.NewCallID("hq", "tw", "CA1")
	require.NoError(t, err)
	return []telephony.Event{{ID: "1", Call: id, Kind: telephony.LegStarted, Time: time.Unix(1, 0), Leg: "CA1", First: true}}
}

func TestInboxTakesNothingBeforeAndAfterItsSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inbox telephony.Inbox
		require.ErrorIs(t, inbox.Append(t.Context(), ring(t)), telephony.ErrNotListening)
		sink := telephonytest.NewSink()
		why := errors.New("stopping")
		ctx, stop := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() { done <- inbox.Listen(ctx, sink, nil) }()
		synctest.Wait()
		require.NoError(t, inbox.Append(t.Context(), ring(t)))
		require.Len(t, sink.Entries(), 1)
		stop(why)
		require.ErrorIs(t, <-done, why)
		require.ErrorIs(t, inbox.Append(t.Context(), ring(t)), telephony.ErrNotListening)
		require.Equal(t, 1, sink.Sessions())
	})
}

// Whoever tells of a call does not wait for ever, and that he gives up ends no session.
func TestInboxWaitsNoLongerThanItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inbox telephony.Inbox
		sink := telephonytest.NewSink()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- inbox.Listen(ctx, sink, nil) }()
		synctest.Wait()
		release := sink.Block()
		brief, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, inbox.Append(brief, ring(t)), context.DeadlineExceeded)
		release()
		require.NoError(t, inbox.Append(t.Context(), ring(t)))
		stop()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

// A session that is over waits for nobody.
func TestInboxEndsWhileItsSinkTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inbox telephony.Inbox
		sink := telephonytest.NewSink()
		ctx, stop := context.WithCancel(t.Context())
		rings := ring(t)
		done, told := make(chan error, 1), make(chan error, 1)
		go func() { done <- inbox.Listen(ctx, sink, nil) }()
		synctest.Wait()
		defer sink.Block()()
		go func() { told <- inbox.Append(t.Context(), rings) }()
		synctest.Wait()
		stop()
		require.ErrorIs(t, <-told, context.Canceled)
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestInboxEndsWithAFailedSink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inbox telephony.Inbox
		broken := errors.New("the journal is closed")
		done := make(chan error, 1)
		go func() { done <- inbox.Listen(t.Context(), failing{telephonytest.NewSink(), broken}, nil) }()
		synctest.Wait()
		require.ErrorIs(t, inbox.Append(t.Context(), ring(t)), broken)
		require.ErrorIs(t, <-done, broken)
	})
}

// What happened before is delivered before anybody is told that the session is up.
func TestInboxPreparesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inbox telephony.Inbox
		sink := telephonytest.NewSink()
		no := errors.New("the list of calls does not come")
		err := inbox.Listen(t.Context(), sink, func(ctx context.Context, k telephony.Sink) error {
			require.Zero(t, sink.Sessions())
			return errors.Join(k.Append(ctx, ring(t)), no)
		})
		require.ErrorIs(t, err, no)
		require.Zero(t, sink.Sessions())
		require.Len(t, sink.Entries(), 1)
	})
}

type failing struct {
	*telephonytest.Sink

	err error
}

func (f failing) Append(context.Context, []telephony.Event) error { return f.err }
