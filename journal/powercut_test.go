package journal_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal/journaltest"
)

// powerCuts is how often each journal loses its power.
var powerCuts = flag.Int("power-cuts", 5, "how often TestPowerCut cuts the power of each journal")

const (
	// roleLoose is the control: the journal's engine as it comes.
	roleLoose = "loose"
	looseAcks = 100
)

// TestPowerCut is the promise of durability: a journal lies on a disk of its own, an ext4 in a file, that loses its
// power again and again while 16 writers append. What was only in the system's memory is gone then. That it is, a
// control shows each time: the same engine without SyncAlways, on the same disk, must lose what it had acknowledged.
//
// What a disk forgets that does not honour fsync is not shown: the file keeps all that the file system wrote to it.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for _, role := range []string{roleWrite, rolePurge} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			d := journaltest.NewDisk(t)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			dir := filepath.Join(d.Path, "journal")
			all, total, lost := map[string][]acked{}, 0, 0
			for run := range *powerCuts {
				control := filepath.Join(d.Path, fmt.Sprintf("control%d", run))
				total += writeAndCut(t, d, role, dir, control, run, random, all)
				d.Mount()
				first := compareWithJournal(t, dir, all)
				require.True(t, role == rolePurge || first == 1, "nothing is purged by itself")
				kept := looseKept(t, control)
				require.Less(t, kept, looseAcks, "the control must lose something: else there was no cut")
				lost += looseAcks - kept
			}
			t.Logf("%d power cuts: %d acknowledged, 0 lost; without SyncAlways %d acknowledged, %d lost", *powerCuts, total, *powerCuts*looseAcks, lost)
		})
	}
}

// writeAndCut lets a journal write until it has acknowledged some messages, and cuts the power, of it, of the control and
// of the disk, which it unmounts. It adds to all what the journal acknowledged.
func writeAndCut(t *testing.T, d *journaltest.Disk, role, dir, controlDir string, run int, random *rand.Rand, all map[string][]acked) int {
	t.Helper()
	control, _ := child(t, roleLoose, controlDir, run)
	writer, lines := child(t, role, dir, run)
	at, delay := 1+random.IntN(100), time.Duration(random.IntN(5_000))*time.Microsecond
	cut := make(chan error, 1)
	acks := noteAcks(lines, all, func(count int) {
		if count == at {
			go func() {
				<-time.After(delay)
				frozen := errors.Join(journaltest.Freeze(writer.Process.Pid), journaltest.Freeze(control.Process.Pid))
				cut <- errors.Join(frozen, d.Cut(), writer.Process.Kill(), control.Process.Kill())
			}()
		}
	})
	var exit *exec.ExitError
	require.ErrorAs(t, writer.Wait(), &exit)
	require.NoError(t, <-cut)
	require.ErrorAs(t, control.Wait(), &exit)
	d.Unmount()
	return acks
}

// looseEngine is the journal's engine without SyncAlways.
type looseEngine struct {
	srv    *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
}

func openLoose(ctx context.Context, dir string) (e looseEngine, err error) {
	e.srv, err = server.NewServer(&server.Options{
		ServerName: "loose", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, DisableJetStreamBanner: true,
		StoreDir: dir, JetStreamMaxMemory: 16 << 20, JetStreamMaxStore: 64 << 20,
	})
	if err != nil {
		return e, err
	}
	e.srv.Start()
	if !e.srv.ReadyForConnections(time.Minute) {
		return e, errors.New("the engine does not come up")
	}
	if e.conn, err = nats.Connect("", nats.InProcessServer(e.srv)); err != nil {
		return e, err
	}
	if e.js, err = jetstream.New(e.conn); err != nil {
		return e, err
	}
	e.stream, err = e.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "loose", Subjects: []string{"loose"}, MaxBytes: 16 << 20})
	return e, err
}

// writeLoose is told that some messages are stored, says so, and waits to be killed.
func writeLoose(ctx context.Context, dir string) error {
	e, err := openLoose(ctx, dir)
	if err != nil {
		return err
	}
	for i := range looseAcks {
		if _, err := e.js.Publish(ctx, "loose", fmt.Append(nil, i)); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(os.Stdout, "open"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// looseKept is how much the control still has.
func looseKept(t *testing.T, dir string) int {
	t.Helper()
	e, err := openLoose(t.Context(), dir)
	require.NoError(t, err)
	info, err := e.stream.Info(t.Context())
	require.NoError(t, err)
	e.conn.Close()
	e.srv.Shutdown()
	e.srv.WaitForShutdown()
	return int(info.State.Msgs)
}
