package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	controlSocket = "control.sock"
	// maxSocketPath is the longest path that fits into a Unix socket's address with its final zero (unix(7)).
	maxSocketPath = 107
	procFolder    = "/proc/self/fd"
)

// ListenControl listens on the Unix socket in the journal's folder (mode 0600), by which other processes talk to the
// one that holds the journal. Only the holder of the lock gets here, so a socket that is there already is a dead
// process's and is removed. Closing the listener removes the socket; close it before the journal.
func (j *Journal) ListenControl(ctx context.Context) (net.Listener, error) {
	_, leave, err := j.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	path := filepath.Join(j.dir, controlSocket)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove stale control socket: %w", err)
	}
	short, done, err := socketPath(j.dir)
	if err != nil {
		return nil, err
	}
	defer done()
	config := net.ListenConfig{Control: privateSocket}
	l, err := config.Listen(ctx, "unix", short)
	if err != nil {
		return nil, fmt.Errorf("listen on control socket %s: %w", path, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	c := &controlListener{Listener: l, path: path}
	if err := os.Chmod(path, fileMode); err != nil {
		return nil, errors.Join(fmt.Errorf("protect control socket: %w", err), c.Close())
	}
	return c, nil
}

// privateSocket gives the socket its mode before it has a name, so that no other user can connect meanwhile.
func privateSocket(_, _ string, raw syscall.RawConn) error {
	var modeErr error
	if err := raw.Control(func(fd uintptr) { modeErr = unix.Fchmod(int(fd), fileMode) }); err != nil {
		return err
	}
	return modeErr
}

// DialControl connects to the process that holds the journal in a folder. An error that matches fs.ErrNotExist or
// syscall.ECONNREFUSED means that none does.
func DialControl(ctx context.Context, dir string) (net.Conn, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("connect to control socket: %w", err)
	}
	short, done, err := socketPath(abs)
	if err != nil {
		return nil, err
	}
	defer done()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", short)
	if err != nil {
		return nil, fmt.Errorf("connect to control socket %s: %w", filepath.Join(abs, controlSocket), err)
	}
	return conn, nil
}

// socketPath returns a path of the socket that fits into an address: its own, or one by way of the open folder
// (Linux). The returned function ends its use.
func socketPath(dir string) (string, func(), error) {
	path := filepath.Join(dir, controlSocket)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	folder, err := os.Open(dir) //nolint:gosec // The configured folder.
	if err != nil {
		return "", nil, fmt.Errorf("open folder of control socket: %w", err)
	}
	closeFolder := func() { _ = folder.Close() } // Opened for reading only: nothing to lose.
	short := filepath.Join(procFolder, strconv.Itoa(int(folder.Fd())), controlSocket)
	if _, err := os.Stat(filepath.Dir(short)); err != nil {
		closeFolder()
		return "", nil, &FolderError{
			Dir: dir, Reason: fmt.Sprintf("has too long a path for a Unix socket (%d bytes, at most %d)", len(path), maxSocketPath),
			Remedy: "give journal.dir a shorter path", Err: err,
		}
	}
	return short, closeFolder, nil
}

// controlListener removes its socket by the real path when it is closed.
type controlListener struct {
	net.Listener

	path string
	once sync.Once
	err  error
}

// Close ends the listener and removes its socket; a second Close does nothing.
func (c *controlListener) Close() error {
	c.once.Do(func() {
		c.err = c.Listener.Close()
		if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.err = errors.Join(c.err, fmt.Errorf("remove control socket: %w", err))
		}
	})
	return c.err
}
