package voicemail

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// area is a folder of a phone system from which audio is read, and nothing that
// is outside of it. It is safe for concurrent use.
type area struct {
	dir     string
	root    *os.Root
	maxSize int64
}

func openArea(dir string, maxSize int64) (area, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return area{}, err
	}
	return area{filepath.ToSlash(filepath.Clean(dir)), root, cmp.Or(maxSize, DefaultMaxSize)}, nil
}

// Close lets the folder go. Audio that is open stays so.
func (a *area) Close() error { return a.root.Close() }

// probe refuses what is no audio, or too much of it.
func (a *area) probe(name string, file *os.File, size int64) (Format, error) {
	if size > a.maxSize {
		return "", refuse(name, TooLarge, "%d bytes, and %d are allowed", size, a.maxSize)
	}
	format, _, err := Probe(file, size)
	switch {
	case err == nil:
		return format, nil
	case errors.Is(err, errNoSound):
		return "", refuse(name, NoSound, "%v", err)
	case errors.Is(err, errNotAudio):
		return "", refuse(name, NotAudio, "%v", err)
	}
	return "", fmt.Errorf("look into %s: %w", name, err)
}

// regular opens a regular file below the root, without waiting for the other
// end of a pipe. Its error is fs.ErrNotExist or a *RefusedError.
func (a *area) regular(name string) (*os.File, int64, error) {
	info, err := a.root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, 0, refuse(name, NotRegular, "it is %s", kind(info.Mode()))
	}
	var file *os.File
	if err == nil {
		file, err = a.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, fs.ErrNotExist
	case errors.Is(err, fs.ErrPermission):
		return nil, 0, refuse(name, NotReadable, "%v: the user that talkbridge runs as must be allowed to read it", err)
	case err != nil:
		return nil, 0, refuse(name, NotReadable, "%v", err)
	}
	// What was looked at need not be what was opened.
	if info, err = file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, 0, errors.Join(refuse(name, NotRegular, "it was exchanged while it was opened"), file.Close())
	}
	return file, info.Size(), nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	default:
		return "no regular file"
	}
}
