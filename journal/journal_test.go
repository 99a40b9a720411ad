package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
)

const site = "hq"

// open opens a journal that is closed at the end of the test.
func open(t testing.TB, dir string, change ...func(*journal.Options)) *journal.Journal {
	t.Helper()
	j, err := tryOpen(t.Context(), dir, change...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	return j
}

func tryOpen(ctx context.Context, dir string, change ...func(*journal.Options)) (*journal.Journal, error) {
	opts := journal.Options{Dir: dir, Site: site, MaxBytes: 1 << 30}
	for _, f := range change {
		f(&opts)
	}
	return journal.Open(ctx, opts)
}

func event(call, id, data string) journal.Message {
	return journal.Message{Call: call, Kind: journal.Event, ID: id, Data: []byte(data)}
}

func outcome(call, id, data string) journal.Message {
	return journal.Message{Call: call, Kind: journal.Outcome, ID: id, Data: []byte(data)}
}

var errStop = errors.New("enough")

// read returns the records from a sequence to the last one there is.
func read(t testing.TB, j *journal.Journal, from uint64) []journal.Record {
	t.Helper()
	s, err := j.State(t.Context())
	require.NoError(t, err)
	var got []journal.Record
	if s.Messages == 0 || from > s.Last {
		return got
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err = j.Tail(ctx, from, func(r journal.Record) error {
		got = append(got, r)
		if r.Seq == s.Last {
			return errStop
		}
		return nil
	})
	require.ErrorIs(t, err, errStop)
	return got
}

func TestAppendAndRead(t *testing.T) {
	t.Parallel()
	j := open(t, filepath.Join(t.TempDir(), "data"))
	weird := "hq/pbx 1/1724.17 *>.\x00ü"
	seqs, err := j.Append(t.Context(), event("a", "1", "one"), event(weird, "2", "two"), outcome("a", "", "three"), event("b", "", ""))
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 2, 3, 4}, seqs)

	want := []journal.Record{
		{Seq: 1, Call: "a", Kind: journal.Event, Data: []byte("one")},
		{Seq: 2, Call: weird, Kind: journal.Event, Data: []byte("two")},
		{Seq: 3, Call: "a", Kind: journal.Outcome, Data: []byte("three")},
		{Seq: 4, Call: "b", Kind: journal.Event},
	}
	ignore := []cmp.Option{cmpopts.IgnoreFields(journal.Record{}, "Stored"), cmpopts.EquateEmpty()}
	got := read(t, j, 0)
	require.Empty(t, cmp.Diff(want, got, ignore...))
	require.Empty(t, cmp.Diff(want[2:], read(t, j, 3), ignore...))
	for _, r := range got {
		require.WithinDuration(t, time.Now(), r.Stored, time.Minute)
		require.Equal(t, time.UTC, r.Stored.Location())
	}

	story, err := j.Story(t.Context(), "a")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]journal.Record{want[0], want[2]}, story, ignore...))
	story, err = j.Story(t.Context(), weird)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want[1:2], story, ignore...))
	story, err = j.Story(t.Context(), "nobody")
	require.NoError(t, err)
	require.Empty(t, story)

	s, err := j.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(1), s.First)
	require.Equal(t, uint64(4), s.Last)
	require.Equal(t, uint64(4), s.Messages)
	require.Equal(t, int64(1<<30), s.MaxBytes)
	require.Positive(t, s.Bytes)
	require.Positive(t, s.Free)
}

func TestAppendNothing(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	seqs, err := j.Append(t.Context())
	require.NoError(t, err)
	require.Empty(t, seqs)
}

func TestAppendManyKeepsOrder(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	const writers, each = 8, 300
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			messages := make([]journal.Message, each)
			for i := range messages {
				messages[i] = event(fmt.Sprintf("call-%d", w), fmt.Sprint(i), fmt.Sprint(i))
			}
			seqs, err := j.Append(t.Context(), messages...)
			errs[w] = err
			for i := 1; i < len(seqs); i++ {
				if seqs[i] <= seqs[i-1] {
					errs[w] = fmt.Errorf("sequence %d after %d", seqs[i], seqs[i-1])
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	next := map[string]int{}
	for _, r := range read(t, j, 1) {
		require.Equal(t, fmt.Sprint(next[r.Call]), string(r.Data), r.Call)
		next[r.Call]++
	}
	require.Len(t, next, writers)
}

func TestAppendLargeBodies(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	body := bytes.Repeat([]byte{'x'}, journal.MaxData)
	messages := make([]journal.Message, 12)
	for i := range messages {
		messages[i] = journal.Message{Call: "large", Kind: journal.Event, Data: body}
	}
	seqs, err := j.Append(t.Context(), messages...)
	require.NoError(t, err)
	require.Equal(t, uint64(12), seqs[11])
	for _, r := range read(t, j, 1) {
		require.True(t, bytes.Equal(body, r.Data))
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := tryOpen(t.Context(), dir)
	require.NoError(t, err)
	seqs, err := j.Append(t.Context(), event("a", "1", "x"), event("a", "1", "x"), event("b", "1", "x"), outcome("a", "1", "x"), event("a", "", "x"), event("a", "", "x"))
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 1, 2, 3, 4, 5}, seqs, "the ID counts per call and kind, and none is never a duplicate")
	require.NoError(t, j.Close())

	j = open(t, dir)
	seqs, err = j.Append(t.Context(), event("b", "1", "x"))
	require.NoError(t, err)
	require.Equal(t, []uint64{2}, seqs, "the window outlasts a restart")
}

func TestAppendRefusesWhatItCannotHold(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	tests := []struct {
		name string
		give journal.Message
		want string
	}{
		{name: "no call", give: event("", "", "x"), want: "call id is empty"},
		{name: "long call", give: event(strings.Repeat("c", journal.MaxCall+1), "", "x"), want: "1025 bytes"},
		{name: "no kind", give: journal.Message{Call: "a"}, want: "kind(0)"},
		{name: "large body", give: event("a", "", strings.Repeat("x", journal.MaxData+1)), want: "262145 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := j.Append(t.Context(), event("a", "", "good"), tt.give)
			var message *journal.MessageError
			require.ErrorAs(t, err, &message)
			require.ErrorContains(t, err, tt.want)
		})
	}
	t.Run("the longest call", func(t *testing.T) {
		t.Parallel()
		call := strings.Repeat("c", journal.MaxCall)
		_, err := j.Append(t.Context(), event(call, "id", "x"))
		require.NoError(t, err)
		story, err := j.Story(t.Context(), call)
		require.NoError(t, err)
		require.Len(t, story, 1)
	})
}

func TestAppendIf(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	ctx := t.Context()
	_, err := j.Append(ctx, event("a", "", "ring"), event("b", "", "ring"))
	require.NoError(t, err)

	first, err := j.AppendIf(ctx, outcome("a", "intent-1", "node-1"), 0)
	require.NoError(t, err)
	_, err = j.Append(ctx, event("a", "", "answer"))
	require.NoError(t, err)

	again, err := j.AppendIf(ctx, outcome("a", "intent-1", "node-1"), 0)
	require.NoError(t, err, "one's own intent, when the answer was lost")
	require.Equal(t, first, again)

	var conflict *journal.ConflictError
	_, err = j.AppendIf(ctx, outcome("a", "intent-1", "node-2"), 0)
	require.ErrorAs(t, err, &conflict, "the same intent of another writer")
	require.Equal(t, &journal.ConflictError{Call: "a", Expected: 0, Last: first}, conflict)

	_, err = j.AppendIf(ctx, outcome("b", "x", "x"), 77)
	require.ErrorAs(t, err, &conflict)
	require.Equal(t, uint64(0), conflict.Last, "no outcome yet")

	second, err := j.AppendIf(ctx, outcome("a", "intent-2", "node-1"), first)
	require.NoError(t, err, "events do not refuse it")
	require.Greater(t, second, first)

	_, err = j.AppendIf(ctx, outcome("a", "intent-1", "node-1"), first)
	require.ErrorAs(t, err, &conflict, "one's own, but no longer the last")
	require.Equal(t, second, conflict.Last)

	_, err = j.AppendIf(ctx, event("a", "", "x"), 0)
	var message *journal.MessageError
	require.ErrorAs(t, err, &message)
}

func TestAppendIfLetsOneOfManyThrough(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	const writers = 16
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			_, errs[w] = j.AppendIf(t.Context(), outcome("a", "create", fmt.Sprint(w)), 0)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		var conflict *journal.ConflictError
		if err == nil {
			won++
			continue
		}
		require.ErrorAs(t, err, &conflict)
		require.Equal(t, uint64(1), conflict.Last)
	}
	require.Equal(t, 1, won)
}

func TestReopenKeepsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := tryOpen(t.Context(), dir)
	require.NoError(t, err)
	epoch, born := j.Epoch(), j.Born()
	require.WithinDuration(t, time.Now(), born, time.Minute)
	_, err = j.Append(t.Context(), event("a", "", "1"), event("a", "", "2"))
	require.NoError(t, err)
	require.NoError(t, j.SetCheckpoint(t.Context(), 2))
	require.NoError(t, j.Put(t.Context(), "user of +15550100001", []byte("42")))
	require.NoError(t, j.Close())
	require.NoError(t, j.Close(), "twice is once")

	j = open(t, dir, func(o *journal.Options) { o.MaxBytes = 0 })
	require.Equal(t, epoch, j.Epoch())
	require.Equal(t, born, j.Born())
	require.Positive(t, j.FsyncTime())
	require.Len(t, read(t, j, 1), 2)
	s, err := j.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(1<<30), s.MaxBytes, "no limit given keeps the one it has")
	checkpoint, err := j.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(2), checkpoint)
	value, err := j.Get(t.Context(), "user of +15550100001")
	require.NoError(t, err)
	require.Equal(t, "42", string(value))

	other := open(t, t.TempDir())
	require.NotEqual(t, epoch, other.Epoch())
}

func TestCache(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	checkpoint, err := j.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Zero(t, checkpoint)
	_, err = j.Get(t.Context(), "nothing")
	require.ErrorIs(t, err, journal.ErrNotFound)
	require.NoError(t, j.Put(t.Context(), "checkpoint", []byte("mine")))
	checkpoint, err = j.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Zero(t, checkpoint, "a value of that name is another thing")
	require.Error(t, j.Put(t.Context(), "", nil))
	require.Error(t, j.Put(t.Context(), "large", make([]byte, 65<<10)))
	require.NoError(t, j.Put(t.Context(), "largest", make([]byte, 64<<10)))
	for i := range 3 {
		require.NoError(t, j.Put(t.Context(), "last wins", []byte{byte(i)}))
	}
	value, err := j.Get(t.Context(), "last wins")
	require.NoError(t, err)
	require.Equal(t, []byte{2}, value)
}

func TestPurgeBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := tryOpen(t.Context(), dir)
	require.NoError(t, err)
	for i := range 10 {
		_, err = j.Append(t.Context(), event("a", "", fmt.Sprint(i)))
		require.NoError(t, err)
	}
	require.NoError(t, j.PurgeBefore(t.Context(), 4))
	require.NoError(t, j.PurgeBefore(t.Context(), 2), "below the floor: nothing to do")
	got := read(t, j, 1)
	require.Len(t, got, 7)
	require.Equal(t, uint64(4), got[0].Seq)
	require.NoError(t, j.Close())

	j, err = tryOpen(t.Context(), dir)
	require.NoError(t, err)
	require.Len(t, read(t, j, 1), 7)
	require.NoError(t, j.PurgeBefore(t.Context(), 1000), "all")
	s, err := j.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, journal.State{First: 11, Last: 10, MaxBytes: 1 << 30, Free: s.Free}, s)
	require.NoError(t, j.Close())

	j = open(t, dir)
	seqs, err := j.Append(t.Context(), event("a", "", "next"))
	require.NoError(t, err)
	require.Equal(t, []uint64{11}, seqs)
	require.Len(t, read(t, j, 1), 1)
}

func TestClosed(t *testing.T) {
	t.Parallel()
	j, err := tryOpen(t.Context(), t.TempDir())
	require.NoError(t, err)
	tailing := make(chan error, 1)
	started := make(chan struct{})
	_, err = j.Append(t.Context(), event("a", "", "x"))
	require.NoError(t, err)
	go func() {
		tailing <- j.Tail(context.WithoutCancel(t.Context()), 1, func(journal.Record) error { close(started); return nil })
	}()
	<-started
	require.NoError(t, j.Close())
	require.ErrorIs(t, <-tailing, journal.ErrClosed)
	_, err = j.Append(t.Context(), event("a", "", "x"))
	require.ErrorIs(t, err, journal.ErrClosed)
	_, err = j.AppendIf(t.Context(), outcome("a", "", "x"), 0)
	require.ErrorIs(t, err, journal.ErrClosed)
	_, err = j.Story(t.Context(), "a")
	require.ErrorIs(t, err, journal.ErrClosed)
	_, err = j.State(t.Context())
	require.ErrorIs(t, err, journal.ErrClosed)
	_, err = j.Checkpoint(t.Context())
	require.ErrorIs(t, err, journal.ErrClosed)
	require.ErrorIs(t, j.SetCheckpoint(t.Context(), 1), journal.ErrClosed)
	require.ErrorIs(t, j.PurgeBefore(t.Context(), 1), journal.ErrClosed)
	_, err = j.ListenControl(t.Context())
	require.ErrorIs(t, err, journal.ErrClosed)
}

func TestContexts(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := j.Append(ctx, event("a", "", "x"))
	require.ErrorIs(t, err, context.Canceled)
	_, err = j.Story(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	_, err = j.State(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, j.Tail(ctx, 1, func(journal.Record) error { return nil }), context.Canceled)

	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	require.ErrorIs(t, j.Tail(ctx, 1, func(journal.Record) error { return nil }), context.DeadlineExceeded)
	require.Less(t, time.Since(start), 10*time.Second)
}

func TestOpenTellsWhatItAllows(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	log := logrus.New()
	log.SetOutput(&text)
	dir := t.TempDir()
	j, err := tryOpen(t.Context(), dir, func(o *journal.Options) { o.Log = log })
	require.NoError(t, err)
	require.NoError(t, j.Close())
	require.Contains(t, text.String(), "fsync_ms=")
	require.Contains(t, text.String(), "messages_per_second=")
	require.NotContains(t, text.String(), "level=warning")
	info, err := os.Stat(filepath.Join(dir, "journal.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// What stands before a record of a call is read without what comes after it.
func TestStoryBefore(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir())
	for i := range 10 {
		_, err := j.Append(t.Context(), journal.Message{Call: fmt.Sprint("call", i%2), Kind: journal.Event, ID: fmt.Sprint(i), Data: []byte("x")})
		require.NoError(t, err)
	}
	for before, want := range map[uint64][]uint64{0: nil, 1: nil, 2: {1}, 3: {1}, 4: {1, 3}, 11: {1, 3, 5, 7, 9}} {
		story, err := j.StoryBefore(t.Context(), "call0", before)
		require.NoError(t, err)
		var seqs []uint64
		for _, r := range story {
			seqs = append(seqs, r.Seq)
		}
		require.Equal(t, want, seqs, "before %d", before)
	}
}
