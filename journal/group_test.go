package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
)

// writers is how many append at once.
const writers = 300

// appendAtOnce has all writers append at the same moment, each what message
// says, and returns the sequences.
func appendAtOnce(t *testing.T, j *journal.Journal, message func(i int) []journal.Message) [][]uint64 {
	t.Helper()
	seqs, errs := make([][]uint64, writers), make([]error, writers)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			<-begin
			seqs[i], errs[i] = j.Append(t.Context(), message(i)...)
		})
	}
	close(begin)
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	return seqs
}

// Many who append at once share batches: each hears where its own messages are, in
// its order, and all are there once.
func TestAppendsInGroups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	message := func(i int) []journal.Message {
		var all []journal.Message
		for k := range 1 + i%3 {
			all = append(all, journal.Message{
				Call: fmt.Sprint("call-", i), Kind: journal.Event, ID: fmt.Sprintf("%d-%d", i, k), Data: []byte(fmt.Sprintf("%d-%d", i, k)),
			})
		}
		return all
	}
	j, err := tryOpen(t.Context(), dir)
	require.NoError(t, err)
	j.CrowdedFrom(8)
	groups := j.Groups()
	seqs := appendAtOnce(t, j, message)
	require.Greater(t, j.Groups(), groups, "some went together")
	check := func(j *journal.Journal) {
		t.Helper()
		kept := make(map[uint64]string)
		for _, r := range tailOf(t, j) {
			kept[r.Seq] = r.Call + " " + string(r.Data)
		}
		want := 0
		for i := range writers {
			require.Len(t, seqs[i], len(message(i)))
			for k, m := range message(i) {
				require.Equal(t, m.Call+" "+string(m.Data), kept[seqs[i][k]])
				require.True(t, k == 0 || seqs[i][k] > seqs[i][k-1], "in order")
				want++
			}
		}
		require.Len(t, kept, want, "nothing twice")
	}
	check(j)

	// The same once more, among what is new: a batch with something known is no batch.
	again := appendAtOnce(t, j, message)
	require.Equal(t, seqs, again)
	check(j)

	// And the same thing by many at once.
	one := appendAtOnce(t, j, func(int) []journal.Message {
		return []journal.Message{{Call: "one", Kind: journal.Event, ID: "one", Data: []byte("one")}}
	})
	for _, s := range one {
		require.Equal(t, one[0], s)
	}
	story, err := j.Story(t.Context(), "call-2")
	require.NoError(t, err)
	require.Len(t, story, 3, "a story has what was in a batch")
	require.NoError(t, j.Close())

	seqs = append(seqs, one[0])
	j = open(t, dir)
	require.Len(t, tailOf(t, j), 601, "a new start finds all of it")
	require.Equal(t, seqs[:writers], appendAtOnce(t, j, message), "and knows it again")
}

// Whoever does not wait for his batch any more leaves at once, and harms no other.
func TestGroupWithoutPatience(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	j.CrowdedFrom(8)
	patient := t.Context()
	over, cancel := context.WithCancel(patient)
	cancel()
	var all sync.WaitGroup
	errs := make([]error, 200)
	for i := range errs {
		all.Go(func() {
			ctx := over
			if i%2 != 0 {
				ctx = patient
			}
			_, errs[i] = j.Append(ctx, journal.Message{Call: fmt.Sprint(i), Kind: journal.Event, ID: fmt.Sprint(i), Data: []byte("x")})
		})
	}
	all.Wait()
	for i, err := range errs {
		if i%2 == 0 {
			require.ErrorIs(t, err, context.Canceled)
		} else {
			require.NoError(t, err)
		}
	}
}

// tailOf is all that the journal has.
func tailOf(t *testing.T, j *journal.Journal) []journal.Record {
	t.Helper()
	state, err := j.State(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	enough := errors.New("all is read")
	var all []journal.Record
	err = j.Tail(ctx, state.First, func(r journal.Record) error {
		r.Data = append([]byte(nil), r.Data...)
		all = append(all, r)
		if r.Seq >= state.Last {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	return all
}
