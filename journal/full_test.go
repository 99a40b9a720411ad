package journal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
)

func TestFullRefusesAndDropsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const limit = 256 << 10
	j, err := tryOpen(t.Context(), dir, func(o *journal.Options) { o.MaxBytes = limit })
	require.NoError(t, err)
	body := strings.Repeat("x", 1000)
	stored := 0
	for stored < 1000 {
		if _, err = j.Append(t.Context(), event("a", fmt.Sprint(stored), body)); err != nil {
			break
		}
		stored++
	}
	require.ErrorIs(t, err, journal.ErrFull)
	var full *journal.FullError
	require.ErrorAs(t, err, &full)
	require.Equal(t, &journal.FullError{Dir: dir, Bytes: limit}, full)
	require.ErrorContains(t, err, "raise journal.max_size")
	require.Greater(t, stored, 100)
	require.Len(t, read(t, j, 1), stored)
	_, err = j.AppendIf(t.Context(), outcome("a", "", body), 0)
	require.ErrorIs(t, err, journal.ErrFull)

	require.NoError(t, j.PurgeBefore(t.Context(), 11))
	for range 5 {
		_, err = j.Append(t.Context(), event("a", "", body))
		require.NoError(t, err, "there is room again")
	}
	require.NoError(t, j.Close())

	j = open(t, dir, func(o *journal.Options) { o.MaxBytes = 2 * limit })
	_, err = j.Append(t.Context(), event("a", "", body))
	require.NoError(t, err)
	require.Len(t, read(t, j, 1), stored-10+6)
}

func TestLowerLimitDropsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := tryOpen(t.Context(), dir)
	require.NoError(t, err)
	for range 50 {
		_, err = j.Append(t.Context(), event("a", "", strings.Repeat("x", 1000)))
		require.NoError(t, err)
	}
	require.NoError(t, j.Close())
	j = open(t, dir, func(o *journal.Options) { o.MaxBytes = 10 << 10 })
	require.Len(t, read(t, j, 1), 50)
	_, err = j.Append(t.Context(), event("a", "", "x"))
	require.ErrorIs(t, err, journal.ErrFull)
}
