package journal_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Since finds the first record of a time, whatever was purged before.
func TestSince(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	seq, err := j.Since(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, uint64(1), seq, "an empty journal: the record to come")
	for i := range 50 {
		_, err := j.Append(t.Context(), event("a", "", fmt.Sprint(i)))
		require.NoError(t, err)
	}
	require.NoError(t, j.PurgeBefore(t.Context(), 11))
	story, err := j.Story(t.Context(), "a")
	require.NoError(t, err)
	require.Len(t, story, 40)
	for _, r := range story {
		seq, err := j.Since(t.Context(), r.Stored)
		require.NoError(t, err)
		require.Equal(t, r.Seq, seq)
		seq, err = j.Since(t.Context(), r.Stored.Add(time.Nanosecond))
		require.NoError(t, err)
		require.Equal(t, r.Seq+1, seq)
	}
	seq, err = j.Since(t.Context(), time.Time{})
	require.NoError(t, err)
	require.Equal(t, uint64(11), seq, "the oldest")
}
