package journal_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
)

// follow tails in the background and gives the records out on a channel.
func follow(t *testing.T, j *journal.Journal, from uint64) (<-chan journal.Record, <-chan error, context.CancelFunc) {
	t.Helper()
	records, done := make(chan journal.Record), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		done <- j.Tail(ctx, from, func(r journal.Record) error {
			select {
			case records <- r:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return records, done, cancel
}

func next(t *testing.T, records <-chan journal.Record) journal.Record {
	t.Helper()
	select {
	case r := <-records:
		return r
	case <-time.After(time.Minute):
		require.FailNow(t, "no record came")
		return journal.Record{}
	}
}

func TestTailGoesFromReplayToLive(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	for i := range 3 {
		_, err := j.Append(t.Context(), event("a", "", fmt.Sprint(i)))
		require.NoError(t, err)
	}
	records, done, cancel := follow(t, j, 2)
	defer cancel()
	require.Equal(t, uint64(2), next(t, records).Seq)
	require.Equal(t, uint64(3), next(t, records).Seq)
	for i := range 50 {
		_, err := j.Append(t.Context(), event("a", "", ""))
		require.NoError(t, err)
		require.Equal(t, uint64(4+i), next(t, records).Seq)
	}
	start := time.Now()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Less(t, time.Since(start), 10*time.Second)
}

func TestTailWaitsForASequenceToCome(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	records, _, cancel := follow(t, j, 3)
	defer cancel()
	for range 4 {
		_, err := j.Append(t.Context(), event("a", "", ""))
		require.NoError(t, err)
	}
	require.Equal(t, uint64(3), next(t, records).Seq)
	require.Equal(t, uint64(4), next(t, records).Seq)
}

func TestTailReturnsTheErrorOfItsFunction(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	_, err := j.Append(t.Context(), event("a", "", ""), event("a", "", ""))
	require.NoError(t, err)
	mine := errors.New("mine")
	calls := 0
	err = j.Tail(t.Context(), 1, func(journal.Record) error { calls++; return mine })
	require.Equal(t, mine, err, "as it is")
	require.Equal(t, 1, calls)
}

func TestTailStartsAtWhatIsNotPurged(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	for range 10 {
		_, err := j.Append(t.Context(), event("a", "", ""))
		require.NoError(t, err)
	}
	records, _, cancel := follow(t, j, 1)
	defer cancel()
	require.Equal(t, uint64(1), next(t, records).Seq)
	require.NoError(t, j.PurgeBefore(t.Context(), 6))
	for seq := uint64(2); seq < 11; { // What was under way may still come, and then goes on behind the purge.
		r := next(t, records)
		require.True(t, r.Seq == seq || r.Seq == 6, "record %d after %d", r.Seq, seq-1)
		seq = r.Seq + 1
	}
	records, _, cancel = follow(t, j, 2)
	defer cancel()
	require.Equal(t, uint64(6), next(t, records).Seq)
}

func TestSlowTailHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	slow, _, cancelSlow := follow(t, j, 1)
	defer cancelSlow()
	fast, _, cancelFast := follow(t, j, 1)
	defer cancelFast()
	messages := make([]journal.Message, 3000)
	for i := range messages {
		messages[i] = event("a", "", fmt.Sprintf("%0500d", i))
	}
	_, err := j.Append(t.Context(), messages...)
	require.NoError(t, err)
	for i := range messages {
		require.Equal(t, uint64(i+1), next(t, fast).Seq)
	}
	for i := range messages {
		require.Equal(t, uint64(i+1), next(t, slow).Seq)
	}
}
