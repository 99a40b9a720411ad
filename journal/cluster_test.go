package journal_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/journal/journaltest"
)

// streamOfSite is what a site's journal is called on a cluster.
const streamOfSite = "talkbridge-hq"

// onCluster opens a node's journal on a cluster.
func onCluster(t *testing.T, c *journaltest.Cluster, node string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{
		Dir: filepath.Join(t.TempDir(), node), Site: "hq", Cluster: journal.Cluster{URL: c.URL()},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	return j
}

// insist appends until it works: what the bridge does.
func insist(ctx context.Context, j *journal.Journal, m journal.Message) (uint64, error) {
	return persist(ctx, func() (uint64, error) {
		seqs, err := j.Append(ctx, m)
		if err != nil {
			return 0, err
		}
		return seqs[0], nil
	})
}

// persist does something until the cluster has a leader for it.
func persist(ctx context.Context, f func() (uint64, error)) (uint64, error) {
	for {
		seq, err := f()
		if _, unavailable := errors.AsType[*journal.UnavailableError](err); !unavailable {
			return seq, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Two nodes share one journal: what one appends the other reads, under the same
// cursor, also while the server that leads it is killed and comes back.
func TestClusterIsOneJournal(t *testing.T) {
	t.Parallel()
	c := journaltest.Start(t, 3)
	a, b := onCluster(t, c, "a"), onCluster(t, c, "b")
	require.Equal(t, a.Epoch(), b.Epoch())
	require.Equal(t, a.Born(), b.Born())

	const messages = 300
	read := make(chan journal.Record, messages)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- b.Tail(ctx, 1, func(r journal.Record) error {
			read <- r
			return nil
		})
	}()
	for i := range messages {
		if i == messages/3 {
			leader := c.Leader(streamOfSite)
			leader.Kill()
			defer leader.Start()
		}
		seq, err := insist(t.Context(), a, journal.Message{Call: "call", Kind: journal.Event, ID: fmt.Sprint(i), Data: fmt.Append(nil, i)})
		require.NoError(t, err)
		require.Equal(t, uint64(i+1), seq, "repeated, and stored once")
	}
	for i := range messages {
		r := <-read
		require.Equal(t, uint64(i+1), r.Seq)
		require.Equal(t, fmt.Sprint(i), string(r.Data))
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	story, err := b.Story(t.Context(), "call")
	require.NoError(t, err)
	require.Len(t, story, messages)
}

// Of two who read the same story one may go on, the other is told where.
func TestClusterFence(t *testing.T) {
	t.Parallel()
	c := journaltest.Start(t, 3)
	a, b := onCluster(t, c, "a"), onCluster(t, c, "b")
	first := journal.Message{Call: "call", Kind: journal.Outcome, ID: "1", Data: []byte("a")}
	seq, err := persist(t.Context(), func() (uint64, error) { return a.AppendIf(t.Context(), first, 0) })
	require.NoError(t, err)
	_, err = persist(t.Context(), func() (uint64, error) {
		return b.AppendIf(t.Context(), journal.Message{Call: "call", Kind: journal.Outcome, ID: "2", Data: []byte("b")}, 0)
	})
	conflict, lost := errors.AsType[*journal.ConflictError](err)
	require.True(t, lost, "%v", err)
	require.Equal(t, seq, conflict.Last)
	again, err := persist(t.Context(), func() (uint64, error) { return a.AppendIf(t.Context(), first, 0) })
	require.NoError(t, err, "its own, whose answer was lost")
	require.Equal(t, seq, again)
}

// What one node purged is no damage to the other, which was away meanwhile.
func TestClusterPurge(t *testing.T) {
	t.Parallel()
	c := journaltest.Start(t, 3)
	a, b := onCluster(t, c, "a"), onCluster(t, c, "b")
	for i := range 10 {
		_, err := insist(t.Context(), a, journal.Message{Call: "call", Kind: journal.Event, ID: fmt.Sprint(i), Data: []byte("x")})
		require.NoError(t, err)
	}
	_, err := persist(t.Context(), func() (uint64, error) { return 0, a.PurgeBefore(t.Context(), 6) })
	require.NoError(t, err)
	enough := errors.New("enough")
	var first uint64
	err = b.Tail(t.Context(), 1, func(r journal.Record) error {
		first = r.Seq
		return enough
	})
	require.ErrorIs(t, err, enough)
	require.Equal(t, uint64(6), first)
}

// The lease has one holder. Who stops gives it up, who is silent loses it, and
// where there is no majority nobody has it.
func TestLease(t *testing.T) {
	t.Parallel()
	c := journaltest.Start(t, 3)
	a, b := onCluster(t, c, "a").Lease("a"), onCluster(t, c, "b").Lease("b")
	runA, stopA := context.WithCancel(t.Context())
	runB, stopB := context.WithCancel(t.Context())
	doneA, doneB := make(chan struct{}), make(chan struct{})
	go func() { defer close(doneA); a.Run(runA) }()
	await(t, a, true)
	go func() { defer close(doneB); b.Run(runB) }()
	never(t, 4*time.Second, func() bool { return a.Holds() && b.Holds() })

	stopB()
	<-doneB
	await(t, a, true) // on a busy machine the other may have had it meanwhile
	stopA()
	<-doneA
	require.False(t, a.Holds())
	for tries := 0; !strings.Contains(word(t, c), `"left":true`); tries++ { // on a busy machine the servers may not answer in time
		require.Less(t, tries, 5, "it is given up, so that nobody waits")
		runA, stopA = context.WithCancel(t.Context())
		again := make(chan struct{})
		go func() { defer close(again); a.Run(runA) }()
		await(t, a, true)
		stopA()
		<-again
	}

	runB, stopB = context.WithCancel(t.Context())
	doneB = make(chan struct{})
	go func() { defer close(doneB); b.Run(runB) }()
	await(t, b, true)
	require.Equal(t, "b", b.Holder())

	for i := range 2 {
		c.Servers[i].Signal(syscall.SIGSTOP)
	}
	await(t, b, false)
	for i := range 2 {
		c.Servers[i].Signal(syscall.SIGCONT)
	}
	await(t, b, true)
	stopB()
	<-doneB
}

// word is what was last said about the lease.
func word(t *testing.T, c *journaltest.Cluster) string {
	t.Helper()
	conn, err := nats.Connect(c.URL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	bucket, err := js.KeyValue(t.Context(), streamOfSite)
	require.NoError(t, err)
	entry, err := bucket.Get(t.Context(), "owner")
	require.NoError(t, err)
	return string(entry.Value())
}

// await waits until a lease is held, or is not, and Changed has said so.
func await(t *testing.T, l *journal.Lease, holds bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for l.Holds() != holds {
		select {
		case <-l.Changed():
		case <-deadline.C:
			require.FailNow(t, "the lease did not change", "want held: %t", holds)
		}
	}
}

// never watches for a while that something does not happen.
func never(t *testing.T, d time.Duration, bad func() bool) {
	t.Helper()
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-end.C:
			return
		case <-tick.C:
			require.False(t, bad())
		}
	}
}

// A cluster that cannot be reached is an error with the place and the remedy.
func TestClusterOutOfReach(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := journal.Open(ctx, journal.Options{
		Dir: filepath.Join(t.TempDir(), "a"), Site: "hq", Cluster: journal.Cluster{URL: "nats://127.0.0.1:1"},
	})
	_, unavailable := errors.AsType[*journal.UnavailableError](err)
	require.True(t, unavailable, "%v", err)
	require.ErrorContains(t, err, "the journal's cluster nats://127.0.0.1:1 does not answer")
}

// Two nodes that tell the same facts at the same moment make one entry of each.
func TestClusterStoresTheSameOnce(t *testing.T) {
	t.Parallel()
	c := journaltest.Start(t, 3)
	const facts = 100
	seqs := make([][]uint64, 2)
	ended := make(chan error, 2)
	for n, name := range []string{"a", "b"} {
		j := onCluster(t, c, name)
		go func() {
			var err error
			for i := 0; i < facts && err == nil; i++ {
				var got uint64
				got, err = insist(t.Context(), j, journal.Message{Call: "call", Kind: journal.Event, ID: fmt.Sprint(i), Data: fmt.Append(nil, i)})
				seqs[n] = append(seqs[n], got)
			}
			ended <- err
		}()
	}
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	require.Equal(t, seqs[0], seqs[1])
	require.Equal(t, uint64(facts), seqs[0][facts-1])
}
