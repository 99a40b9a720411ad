package journal_test

import (
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
)

// greet answers each connection with its text, until the listener is closed.
func greet(l net.Listener, text string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

func TestControlSocket(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, folder string
	}{
		{name: "ordinary path", folder: "data"},
		{name: "path longer than a socket address", folder: strings.Repeat("d", 150)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), tt.folder)
			_, err := journal.DialControl(t.Context(), dir)
			require.ErrorIs(t, err, fs.ErrNotExist)
			j := open(t, dir)
			_, err = journal.DialControl(t.Context(), dir)
			require.ErrorIs(t, err, fs.ErrNotExist)

			l, err := j.ListenControl(t.Context())
			require.NoError(t, err)
			go greet(l, "hello")
			info, err := os.Stat(filepath.Join(dir, "control.sock"))
			require.NoError(t, err)
			require.Equal(t, fs.ModeSocket|0o600, info.Mode())
			conn, err := journal.DialControl(t.Context(), dir)
			require.NoError(t, err)
			text, err := io.ReadAll(conn)
			require.NoError(t, err)
			require.Equal(t, "hello", string(text))
			require.NoError(t, conn.Close())

			require.NoError(t, l.Close())
			require.NoError(t, l.Close(), "twice is once")
			_, err = os.Lstat(filepath.Join(dir, "control.sock"))
			require.ErrorIs(t, err, fs.ErrNotExist)
		})
	}
}

func TestStaleControlSocketIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(dir, "control.sock")})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())
	_, err = journal.DialControl(t.Context(), dir)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	j := open(t, dir)
	l, err := j.ListenControl(t.Context())
	require.NoError(t, err)
	go greet(l, "new")
	conn, err := journal.DialControl(t.Context(), dir)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, l.Close())
}
