package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	lockFile = "lock"
	dirMode  = 0o700
	fileMode = 0o600
)

// prepareDir makes the folder if only it is missing, and says what is wrong with it otherwise.
func prepareDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return makeDir(dir)
	case err != nil:
		return &FolderError{Dir: dir, Reason: "cannot be read", Remedy: "check the path (journal.dir) and its permissions", Err: err}
	case !info.IsDir():
		return &FolderError{Dir: dir, Reason: "is not a folder", Remedy: "give journal.dir a folder, or move that file away"}
	}
	return nil
}

func makeDir(dir string) error {
	err := os.Mkdir(dir, dirMode)
	switch {
	case err == nil, errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &FolderError{Dir: dir, Reason: "cannot be made: the folder above it does not exist", Remedy: "make " + filepath.Dir(dir) + ", or correct journal.dir"}
	default:
		return &FolderError{Dir: dir, Reason: "cannot be made", Remedy: "make it, owned by the user that runs talkbridge", Err: err}
	}
}

// lockDir takes the folder for this process. The lock is the kernel's (flock): it goes with the process, however
// that ends. Give it up with unlockDir.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, fileMode) //nolint:gosec // A fixed name in the configured folder.
	if err != nil {
		return nil, notWritable(dir, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		held := &LockedError{Dir: dir, PID: readPID(f)}
		return nil, errors.Join(held, f.Close())
	}
	if err != nil {
		return nil, errors.Join(&FolderError{Dir: dir, Reason: "cannot be locked", Remedy: "use a local file system that supports flock", Err: err}, f.Close())
	}
	if err := writePID(f); err != nil {
		return nil, errors.Join(notWritable(dir, err), unlockDir(f))
	}
	return f, nil
}

// unlockDir gives the folder up. It says so to the kernel: a process that this one is just starting holds a copy of
// every open file until it executes, and the lock with it, if the file were only closed.
func unlockDir(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

func notWritable(dir string, err error) error {
	return &FolderError{Dir: dir, Reason: "is not writable", Remedy: "give it to the user that runs talkbridge (chown), on a file system with room", Err: err}
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("write process id: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("write process id: %w", err)
	}
	return nil
}

// readPID returns the process id that the lock's holder wrote, zero if there is none to read.
func readPID(f *os.File) int {
	buf := make([]byte, 20)
	n, err := f.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(buf[:n])))
	if err != nil {
		return 0
	}
	return pid
}
