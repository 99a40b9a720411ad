package journal

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func openInternal(t *testing.T) *Journal {
	t.Helper()
	j, err := Open(t.Context(), Options{Dir: t.TempDir(), Site: "hq", MaxBytes: 1 << 30})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	return j
}

func appendOne(j *Journal, data string) error {
	_, err := j.Append(context.Background(), Message{Call: "a", Kind: Event, Data: []byte(data)})
	return err
}

// consumers returns the names of the engine's consumers of the stream.
func consumers(t *testing.T, j *Journal) []string {
	t.Helper()
	var names []string
	lister := j.eng.Load().stream.ConsumerNames(t.Context())
	for name := range lister.Name() {
		names = append(names, name)
	}
	require.NoError(t, lister.Err())
	return names
}

func TestTailSurvivesTheLossOfItsConsumer(t *testing.T) {
	t.Parallel()
	j := openInternal(t)
	const total = 400
	got := make(chan uint64, total)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- j.Tail(ctx, 1, func(r Record) error { got <- r.Seq; return nil })
	}()
	e := j.eng.Load()
	for i := range total {
		require.NoError(t, appendOne(j, "x"))
		if i%100 == 50 {
			for _, name := range consumers(t, j) {
				require.NoError(t, e.js.DeleteConsumer(t.Context(), streamName, name))
			}
		}
	}
	for want := uint64(1); want <= total; want++ {
		select {
		case seq := <-got:
			require.Equal(t, want, seq)
		case <-time.After(30 * time.Second):
			require.FailNow(t, "no record came", "%d", want)
		}
	}
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Empty(t, consumers(t, j), "a Tail leaves no consumer behind")
}

func TestTailSurvivesTheLossOfTheConnection(t *testing.T) {
	t.Parallel()
	j := openInternal(t)
	require.NoError(t, appendOne(j, "x"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	want := uint64(1)
	err := j.Tail(ctx, 1, func(r Record) error {
		require.Equal(t, want, r.Seq)
		want++
		if r.Seq == 5 {
			return context.Canceled
		}
		require.NoError(t, j.eng.Load().conn.ForceReconnect())
		require.Eventually(t, func() bool { // What was not acknowledged is appended again, with the same ID.
			_, err := j.Append(ctx, Message{Call: "a", Kind: Event, ID: fmt.Sprint(r.Seq)})
			return err == nil
		}, 10*time.Second, 10*time.Millisecond)
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
}

func TestDiskWithoutRoomRefusesUntilThereIsSome(t *testing.T) {
	t.Parallel()
	j := openInternal(t)
	require.NoError(t, appendOne(j, "before"))
	free := j.minFree
	j.minFree = math.MaxInt64
	var full *FullError
	require.ErrorAs(t, appendOne(j, "during"), &full)
	require.True(t, full.Disk)
	require.ErrorIs(t, full, ErrFull)
	require.ErrorContains(t, full, "make room there")
	require.ErrorIs(t, j.Put(t.Context(), "name", nil), ErrFull)
	story, err := j.Story(t.Context(), "a")
	require.NoError(t, err, "reading goes on")
	require.Len(t, story, 1)
	j.minFree = free
	require.NoError(t, appendOne(j, "after"))
}

// TestEngineWithoutRoomIsStartedAgain says to the journal what the engine says when a write of its own finds the disk
// full: it answers no more until it is started again.
func TestEngineWithoutRoomIsStartedAgain(t *testing.T) {
	t.Parallel()
	j := openInternal(t)
	require.NoError(t, appendOne(j, "before"))
	records := make(chan uint64, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- j.Tail(ctx, 1, func(r Record) error { records <- r.Seq; return nil })
	}()
	require.Equal(t, uint64(1), <-records)
	j.eng.Load().log.Errorf("%s on stream '$G > talkbridge': write 1.blk: no space left on device", storeFailed)
	require.ErrorIs(t, appendOne(j, "during"), ErrFull)
	require.Eventually(t, func() bool { return appendOne(j, "after") == nil }, time.Minute, 50*time.Millisecond)
	require.Equal(t, uint64(2), <-records, "a reader goes on with the new engine")
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

func TestEngineThatCannotWriteIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	j := openInternal(t)
	j.eng.Load().log.Errorf("%s on stream '$G > talkbridge': sync 1.blk: input/output error", storeFailed)
	var broken *BrokenError
	require.ErrorAs(t, appendOne(j, "x"), &broken)
	require.ErrorContains(t, broken, "input/output error")
	require.ErrorAs(t, j.tendOnce(), &broken, "it is not started again by itself")
}

func TestFencingAnswersWhenTheAnswerWasLost(t *testing.T) {
	t.Parallel()
	j := openInternal(t)
	m := Message{Call: "a", Kind: Outcome, ID: "intent", Data: []byte("x")}
	future, err := j.publish(j.eng.Load(), m, jetstream.WithExpectLastSequencePerSubject(0))
	require.NoError(t, err)
	<-future.Ok() // Stored, but nobody was told.
	seq, err := j.AppendIf(t.Context(), m, 0)
	require.NoError(t, err)
	require.Equal(t, uint64(1), seq)
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	j := &Journal{site: "hq"}
	tests := []struct {
		name, subject, want string
	}{
		{name: "other root", subject: "xx.hq.YQ.event", want: "not a subject of the journal"},
		{name: "too long", subject: "tb.hq.YQ.event.x", want: "not a subject of the journal"},
		{name: "kind", subject: "tb.hq.YQ.result", want: "unknown kind"},
		{name: "token", subject: "tb.hq.Y.event", want: "decode call token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := parseSubject(tt.subject)
			require.ErrorContains(t, err, tt.want)
		})
	}
	require.Equal(t, "tb.hq.aHEvcGJ4MS8xNzI0LjE3.outcome", j.subject("hq/pbx1/1724.17", Outcome))
}

func FuzzToken(f *testing.F) {
	for _, seed := range []string{"", "a", "hq/pbx1/1724.17", "*", ">", "a b\r\n", "\xff\x00", strings.Repeat("x", MaxCall)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, call string) {
		token := encodeToken(call)
		if strings.ContainsAny(token, ".*> \t\r\n=") {
			t.Fatalf("token %q is not one subject token", token)
		}
		back, err := decodeToken(token)
		if err != nil || back != call {
			t.Fatalf("%q came back as %q (%v)", call, back, err)
		}
		// Whatever decodes is what encodes to it: one call, one token.
		if other, err := decodeToken(call); err == nil && encodeToken(other) != call {
			t.Fatalf("%q and %q are the same call", call, encodeToken(other))
		}
	})
}

func TestDefaultSizeComesFromTheDisk(t *testing.T) {
	t.Parallel()
	for free, want := range map[int64]int64{0: 64 << 20, 1 << 30: 512 << 20, 1 << 40: 8 << 30} {
		require.Equal(t, want, defaultMaxBytes(free), fmt.Sprint(free))
	}
	j, err := Open(t.Context(), Options{Dir: t.TempDir(), Site: "hq"})
	require.NoError(t, err)
	defer func() { require.NoError(t, j.Close()) }()
	s, err := j.State(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, s.MaxBytes, int64(minDefaultBytes))
	require.LessOrEqual(t, s.MaxBytes, int64(maxDefaultBytes))
}

func TestEngineOpensNoPort(t *testing.T) {
	t.Parallel()
	j := openInternal(t)
	require.Nil(t, j.eng.Load().srv.Addr())
}

func TestNewestBlocks(t *testing.T) {
	t.Parallel()
	all := []block{{index: 1, size: 10}, {index: 2, size: 10}, {index: 3, size: 5}}
	tests := []struct {
		name  string
		limit int64
		want  int
	}{
		{name: "always the last", limit: 1, want: 1},
		{name: "the last two", limit: 15, want: 2},
		{name: "not quite all", limit: 24, want: 2},
		{name: "all", limit: 25, want: 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := newest(all, tt.limit)
			require.Len(t, got, tt.want)
			require.Equal(t, uint32(3), got[len(got)-1].index)
		})
	}
	require.Empty(t, newest(nil, 1))
}

// TestScanReadsWhatTheEngineWrites holds the engine's file format: a new version of it that writes another one fails
// here, and not in the field.
func TestScanReadsWhatTheEngineWrites(t *testing.T) {
	t.Parallel()
	j := openInternal(t)
	for i := range 20 {
		_, err := j.Append(t.Context(), Message{Call: fmt.Sprint(i), Kind: Outcome, ID: fmt.Sprint(i % 2), Data: make([]byte, i*100)})
		require.NoError(t, err)
	}
	require.NoError(t, j.PurgeBefore(t.Context(), 8))
	s := &blockScan{dir: j.dir, known: &known{First: 8, Last: 20}}
	blocks, err := listBlocks(filepath.Join(j.dir, blockFolder))
	require.NoError(t, err)
	require.NotEmpty(t, blocks)
	for i, b := range blocks {
		require.NoError(t, s.block(b, i == len(blocks)-1))
	}
	require.Equal(t, uint64(20), s.prev)
	require.NoError(t, os.WriteFile(filepath.Join(j.dir, blockFolder, "x.blk"), nil, 0o600))
	same, err := listBlocks(filepath.Join(j.dir, blockFolder))
	require.NoError(t, err)
	require.Equal(t, blocks, same, "other files are not blocks")
}
