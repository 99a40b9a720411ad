package journal_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/journal/journaltest"
)

// A request of a node that joins may be lost with the server that led: it costs
// one try, not the start.
func TestClusterJoinOutlivesALostRequest(t *testing.T) {
	t.Parallel()
	c := journaltest.Start(t, 3)
	onCluster(t, c, "first")
	for _, lost := range []string{
		"$JS.API.INFO ",
		"$JS.API.STREAM.INFO." + streamOfSite,
		"$JS.API.STREAM.UPDATE.KV_",
		"$KV." + streamOfSite + ".probe",
	} {
		t.Run(lost, func(t *testing.T) {
			t.Parallel()
			log, said := logtest.NewNullLogger()
			way := newLossyWay(t, c.Addresses()[0], lost)
			j, err := journal.Open(t.Context(), journal.Options{
				Dir: filepath.Join(t.TempDir(), "late"), Site: "hq", Cluster: journal.Cluster{URL: "nats://" + way.address}, Log: log,
			})
			require.NoError(t, err)
			require.NoError(t, j.Close())
			require.True(t, way.happened(), "%q was never sent", lost)
			require.Equal(t, 1, count(said, logrus.WarnLevel, "journal cluster not found yet, asking again"))
		})
	}
}

func count(hook *logtest.Hook, level logrus.Level, message string) int {
	n := 0
	for _, e := range hook.AllEntries() {
		if e.Level == level && e.Message == message {
			n++
		}
	}
	return n
}

// lossyWay leads to a NATS server, and leads one request astray: to a subject
// that somebody listens to and nobody answers.
type lossyWay struct {
	address string
	lost    []byte

	mu   sync.Mutex
	done bool
}

func newLossyWay(t *testing.T, to, lost string) *lossyWay {
	t.Helper()
	listener, err := nats.Connect("nats://" + to)
	require.NoError(t, err)
	_, err = listener.SubscribeSync("_" + lost[1:4] + ">")
	require.NoError(t, err)
	require.NoError(t, listener.Flush())

	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &lossyWay{address: l.Addr().String(), lost: []byte(lost)}
	var users sync.WaitGroup
	users.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			users.Go(func() { w.lead(t, conn, to) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		users.Wait()
		listener.Close()
	})
	return w
}

// lead carries one connection.
func (w *lossyWay) lead(t *testing.T, from net.Conn, address string) {
	var d net.Dialer
	to, err := d.DialContext(context.WithoutCancel(t.Context()), "tcp", address)
	if err != nil {
		_ = from.Close()
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(from, to)
		_ = from.Close()
	})
	r := bufio.NewReader(from)
	for err == nil {
		var line []byte
		if line, err = r.ReadBytes('\n'); err == nil {
			_, err = to.Write(w.astray(line))
		}
	}
	_ = to.Close()
	back.Wait()
}

// astray is a line as it goes on.
func (w *lossyWay) astray(line []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := bytes.Index(line, w.lost)
	if w.done || at < 0 || !bytes.Contains(line[:at], []byte("PUB ")) {
		return line
	}
	w.done = true
	line[at] = '_' // $JS becomes _JS
	return line
}

func (w *lossyWay) happened() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.done
}
