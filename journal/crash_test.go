package journal_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/talkbridge/talkbridge/journal"
)

// The crash tests start this test binary again as the process that is killed.
const (
	roleVariable = "JOURNAL_TEST_ROLE"
	dirVariable  = "JOURNAL_TEST_DIR"
	runVariable  = "JOURNAL_TEST_RUN"

	roleHold  = "hold"  // Holds the folder until its input ends.
	roleWrite = "write" // Writes until it is killed, and prints each acknowledgement.
	rolePurge = "purge" // The same, purging as it goes.
	roleLimit = "limit" // Writes until the kernel lets no file grow further.

	crashRuns    = 20
	crashWriters = 64 // enough for batches
)

func runRole(role string) error {
	ctx := context.Background()
	if role == roleLoose {
		return writeLoose(ctx, os.Getenv(dirVariable))
	}
	j, err := journal.Open(ctx, journal.Options{Dir: os.Getenv(dirVariable), Site: site, MaxBytes: 1 << 30})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, "open"); err != nil {
		return err
	}
	if role == roleHold {
		_, err := io.Copy(io.Discard, os.Stdin)
		return errors.Join(err, j.Close())
	}
	if role == roleLimit {
		return writeUntilTheLimit(ctx, j)
	}
	var out sync.Mutex
	errs := make(chan error, crashWriters)
	for w := range crashWriters {
		go func() { errs <- writeUntilKilled(ctx, j, w, role == rolePurge && w == 0, &out) }()
	}
	return <-errs
}

// writeUntilKilled appends one, two or three messages at a time, and prints what is acknowledged.
func writeUntilKilled(ctx context.Context, j *journal.Journal, writer int, purge bool, out *sync.Mutex) error {
	call := fmt.Sprintf("%s/%d", os.Getenv(runVariable), writer)
	for i := 0; ; {
		messages := make([]journal.Message, 1+i%3)
		for k := range messages {
			messages[k] = event(call, fmt.Sprint(i+k), fmt.Sprint(i+k))
		}
		seqs, err := j.Append(ctx, messages...)
		if err != nil {
			return err
		}
		out.Lock()
		for k, seq := range seqs {
			_, _ = fmt.Fprintf(os.Stdout, "ack %s %d %d\n", call, i+k, seq) // The reader kills before it stops reading.
		}
		out.Unlock()
		i += len(messages)
		if purge && i%5 == 0 {
			if err := j.PurgeBefore(ctx, max(seqs[0], 100)-99); err != nil {
				return err
			}
		}
	}
}

// writeUntilTheLimit makes the engine's own writes go wrong, for another reason than want of room.
func writeUntilTheLimit(ctx context.Context, j *journal.Journal) error {
	signal.Ignore(unix.SIGXFSZ)
	limit := unix.Rlimit{Cur: 200 << 10, Max: 200 << 10}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for stored := 0; ; stored++ {
		_, err := j.Append(ctx, event("a", "", strings.Repeat("x", 1000)))
		if err == nil {
			continue
		}
		var broken *journal.BrokenError
		_, again := j.Append(ctx, event("a", "", "x"))
		_, err = fmt.Fprintf(os.Stdout, "%d %v %v\n", stored, errors.As(err, &broken), errors.As(again, &broken))
		return errors.Join(err, j.Close())
	}
}

func TestFailedWriteIsToldAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd, lines := child(t, roleLimit, dir, 0)
	require.True(t, lines.Scan())
	var stored int
	var first, second bool
	_, err := fmt.Sscan(lines.Text(), &stored, &first, &second)
	require.NoError(t, err)
	require.True(t, first && second, "both appends say *BrokenError")
	require.NoError(t, cmd.Wait())
	j := open(t, dir)
	require.GreaterOrEqual(t, len(read(t, j, 1)), stored)
	_, err = j.Append(t.Context(), event("a", "", "x"))
	require.NoError(t, err)
}

// child starts this test binary in a role, and waits until its journal is open.
func child(t *testing.T, role, dir string, run int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir, fmt.Sprintf("%s=%d", runVariable, run))
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan(), "the child's journal opens")
	require.Equal(t, "open", lines.Text())
	return cmd, lines
}

type acked struct {
	data int
	seq  uint64
}

// writeAndKill runs a writing child, kills it after a while, and adds what it had printed.
func writeAndKill(t *testing.T, role, dir string, run int, after time.Duration, all map[string][]acked) int {
	t.Helper()
	cmd, lines := child(t, role, dir, run)
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	count := noteAcks(lines, all, func(int) {})
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, -1, exit.ExitCode(), "ended by the signal, not by itself")
	return count
}

// noteAcks adds all that a child acknowledges until its end, and tells after each how many they are.
func noteAcks(lines *bufio.Scanner, all map[string][]acked, each func(count int)) int {
	count := 0
	for lines.Scan() {
		var call string
		var a acked
		if n, _ := fmt.Sscanf(lines.Text(), "ack %s %d %d", &call, &a.data, &a.seq); n != 3 {
			continue // The last line may be cut.
		}
		all[call] = append(all[call], a)
		count++
		each(count)
	}
	return count
}

func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	for _, role := range []string{roleWrite, rolePurge} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			dir, all, total := t.TempDir(), map[string][]acked{}, 0
			for run := range crashRuns {
				total += writeAndKill(t, role, dir, run, time.Duration(20+random.IntN(180))*time.Millisecond, all)
				first := compareWithJournal(t, dir, all)
				require.True(t, role == rolePurge || first == 1, "nothing is purged by itself")
			}
			require.Positive(t, total)
			t.Logf("%d kills, %d acknowledged, 0 lost", crashRuns, total)
		})
	}
}

// compareWithJournal opens the folder and demands each acknowledged record that is not purged, in order.
func compareWithJournal(t *testing.T, dir string, all map[string][]acked) (first uint64) {
	t.Helper()
	j, err := tryOpen(t.Context(), dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, j.Close()) }()
	s, err := j.State(t.Context())
	require.NoError(t, err)
	stored := map[string][]acked{}
	for _, r := range read(t, j, 1) {
		var data int
		_, err := fmt.Sscan(string(r.Data), &data)
		require.NoError(t, err)
		stored[r.Call] = append(stored[r.Call], acked{data, r.Seq})
	}
	for call, want := range all {
		bySeq := map[uint64]int{}
		for i, a := range stored[call] {
			bySeq[a.seq] = a.data
			if i > 0 && a.data != stored[call][i-1].data+1 {
				t.Fatalf("call %s: %d stored after %d", call, a.data, stored[call][i-1].data)
			}
		}
		for _, a := range want {
			data, ok := bySeq[a.seq]
			if a.seq >= s.First && (!ok || data != a.data) {
				t.Fatalf("call %s: %d, acknowledged at %d, is lost (journal holds %d to %d)", call, a.data, a.seq, s.First, s.Last)
			}
		}
	}
	return s.First
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder, _ := child(t, roleHold, dir, 0)
	_, err := tryOpen(t.Context(), dir)
	var locked *journal.LockedError
	require.ErrorAs(t, err, &locked)
	require.Equal(t, &journal.LockedError{Dir: dir, PID: holder.Process.Pid}, locked)
	require.ErrorContains(t, err, fmt.Sprintf("in use by process %d", holder.Process.Pid))
	require.NoError(t, holder.Process.Kill())
	require.Error(t, holder.Wait())

	j := open(t, dir)
	_, err = tryOpen(t.Context(), dir)
	require.ErrorAs(t, err, &locked, "the same process is refused too")
	require.Equal(t, os.Getpid(), locked.PID)
	_, err = j.Append(t.Context(), event("a", "", "x"))
	require.NoError(t, err)
}

// TestLockIsGivenUpWhileProcessesStart opens and closes while other processes are being started: between fork and
// exec those hold a copy of the lock's file.
func TestLockIsGivenUpWhileProcessesStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var starters sync.WaitGroup
	for range 4 {
		starters.Go(func() {
			for ctx.Err() == nil {
				_ = exec.CommandContext(ctx, "true").Run() // It ends with ctx.
			}
		})
	}
	for range 30 {
		j, err := tryOpen(t.Context(), dir)
		require.NoError(t, err)
		require.NoError(t, j.Close())
	}
	cancel()
	starters.Wait()
}
