package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"
)

func TestFindManager(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		env  map[string]string
		want *manager
		err  string
	}{
		{name: "none"},
		{name: "no watchdog", env: map[string]string{"NOTIFY_SOCKET": "/run/notify"}, want: &manager{socket: "/run/notify"}},
		{
			name: "watchdog", env: map[string]string{"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "60000000"},
			want: &manager{socket: "@abstract", every: 30 * time.Second},
		},
		{
			name: "watchdog of ours", env: map[string]string{"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": strconv.Itoa(os.Getpid())},
			want: &manager{socket: "/n", every: 500 * time.Microsecond},
		},
		{
			name: "watchdog of another process", env: map[string]string{"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
			want: &manager{socket: "/n"},
		},
		{name: "another kind of socket", env: map[string]string{"NOTIFY_SOCKET": "vsock:2:1"}, err: `NOTIFY_SOCKET "vsock:2:1": want a Unix socket, its path or @name`},
		{
			name: "no number", env: map[string]string{"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "soon"},
			err: `WATCHDOG_USEC "soon": want microseconds, at most a day of them`,
		},
		{
			name: "nothing to divide", env: map[string]string{"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1"},
			err: `WATCHDOG_USEC "1": want microseconds, at most a day of them`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := findManager(func(name string) string { return row.env[name] })
			if row.err != "" {
				require.EqualError(t, err, row.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.want, got)
		})
	}
}

// managerSocket is the service manager's end.
type managerSocket struct {
	t    *testing.T
	path string
	conn *net.UnixConn
}

func newManagerSocket(t *testing.T) *managerSocket {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return &managerSocket{t, path, conn}
}

// next is the next message, "" if none comes in time.
func (m *managerSocket) next(within time.Duration) string {
	m.t.Helper()
	require.NoError(m.t, m.conn.SetReadDeadline(time.Now().Add(within)))
	buf := make([]byte, 1024)
	n, err := m.conn.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	require.NoError(m.t, err)
	return string(buf[:n])
}

// other skips signs of life and returns the next other message.
func (m *managerSocket) other() string {
	m.t.Helper()
	for {
		if message := m.next(30 * time.Second); message != "WATCHDOG=1" {
			return message
		}
	}
}

// worker answers unless it is stuck.
type worker struct {
	ready chan struct{}
	stuck atomic.Bool
}

func (w *worker) Ready() <-chan struct{} { return w.ready }

func (w *worker) Ping(ctx context.Context) error {
	if !w.stuck.Load() {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestFollow(t *testing.T) {
	t.Parallel()
	socket := newManagerSocket(t)
	w := &worker{ready: make(chan struct{})}
	log, hook := test.NewNullLogger()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m := &manager{socket: socket.path, every: 20 * time.Millisecond}
		m.follow(ctx, w, log)
	}()

	require.Empty(t, socket.next(100*time.Millisecond), "nothing before it is ready")
	close(w.ready)
	require.Equal(t, "READY=1", socket.next(10*time.Second))
	for range 3 {
		require.Equal(t, "WATCHDOG=1", socket.next(10*time.Second))
	}

	w.stuck.Store(true)
	for socket.next(500*time.Millisecond) != "" {
	}
	require.Contains(t, hook.LastEntry().Message, "the conductor does not answer")

	w.stuck.Store(false)
	require.Equal(t, "WATCHDOG=1", socket.next(10*time.Second))
	cancel()
	require.Equal(t, "STOPPING=1", socket.other())
	<-ended
}

func TestFollowWithoutManager(t *testing.T) {
	t.Parallel()
	w := &worker{ready: make(chan struct{})}
	close(w.ready)
	log, hook := test.NewNullLogger()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	(&manager{socket: filepath.Join(t.TempDir(), "gone")}).follow(ctx, w, log)
	require.Equal(t, "service manager not told", hook.LastEntry().Message)
}

// The daemon is ready without its phone system: that it cannot be reached is no
// reason to start it again.
func TestServeTellsServiceManager(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.withoutPBX()
	socket := newManagerSocket(t)
	c := startChild(t, []string{"NOTIFY_SOCKET=" + socket.path, "WATCHDOG_USEC=200000"}, "serve", "--config", s.config)
	require.Equal(t, "READY=1", socket.next(30*time.Second), "log:\n%s", c.log)
	for range 3 {
		require.Equal(t, "WATCHDOG=1", socket.next(30*time.Second), "log:\n%s", c.log)
	}
	c.signal(t, syscall.SIGTERM)
	require.Equal(t, "STOPPING=1", socket.other())
	require.Equal(t, exitOK, c.wait(t))
}

// withoutPBX changes the configuration to a phone system that nobody answers for.
func (s *site) withoutPBX() {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	require.NoError(s.t, err)
	changed := strings.Replace(string(text), s.pbx.Addr(), "127.0.0.1:1", 1)
	require.NotEqual(s.t, string(text), changed)
	require.NoError(s.t, os.WriteFile(s.config, []byte(changed), 0o600))
}
