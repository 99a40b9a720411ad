package voicemail

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
)

// maxRecordingDepth bounds how many folders a recording lies in.
const maxRecordingDepth = 32

// Recordings reads the folder in which one phone system records calls
// (Asterisk's MixMonitor). What it is asked for are names from the wire: it
// opens regular files below its folder, at any depth, and nothing else. It is
// safe for concurrent use. See OpenRecordings.
type Recordings struct{ area }

// OpenRecordings opens the folder. maxSize bounds a recording in bytes; 0 is
// DefaultMaxSize. The caller closes it.
func OpenRecordings(dir string, maxSize int64) (*Recordings, error) {
	a, err := openArea(dir, maxSize)
	if err != nil {
		return nil, fmt.Errorf("open folder of recordings: %w", err)
	}
	return &Recordings{a}, nil
}

// recording is one that is open for reading. It is not safe for concurrent use;
// the caller closes it.
type recording struct {
	name     string // below the folder
	size     int64
	modified time.Time
	file     *os.File
	sound    *io.LimitedReader
}

// Read reads the audio. It fails with ErrNotFinal if there is more of it than
// there was when it was opened.
func (r *recording) Read(p []byte) (int, error) {
	n, err := r.sound.Read(p)
	if errors.Is(err, io.EOF) && n == 0 && r.sound.N == 0 {
		return 0, fmt.Errorf("%w: %s grew beyond %d bytes while it was read", ErrNotFinal, r.name, r.size)
	}
	return n, err
}

// Close closes the audio.
func (r *recording) Close() error { return r.file.Close() }

// same reports whether nothing was written between two looks.
func (r *recording) same(o *recording) bool {
	return o != nil && r.name == o.name && r.size == o.size && r.modified.Equal(o.modified)
}

// open opens the recording that the phone system calls wire. It returns
// fs.ErrNotExist while there is none, and a *RefusedError for what is no file
// that may be read. Whether it is audio is not looked at.
func (r *Recordings) open(wire string) (*recording, error) {
	names, err := r.locate(wire)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		file, size, err := r.regular(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		info, err := file.Stat()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("look at %s: %w", name, err), file.Close())
		}
		// One byte more than there is shows that it grows.
		return &recording{name, size, info.ModTime(), file, &io.LimitedReader{R: file, N: size + 1}}, nil
	}
	return nil, fmt.Errorf("recording %q: %w", wire, fs.ErrNotExist)
}

// locate says under which names below the folder a path from the wire may be.
// The phone system may see the folder at another place, so that the beginning of
// its path does not matter: the longest ending that is there counts.
func (r *Recordings) locate(wire string) ([]string, error) {
	if wire == "" || len(wire) > maxWirePath {
		return nil, refuse(wire[:min(len(wire), maxWirePath)], BadPath, "a path has 1 to %d bytes", maxWirePath)
	}
	if strings.ContainsFunc(wire, unicode.IsControl) {
		return nil, refuse(wire, BadPath, "it has control characters")
	}
	elements := strings.Split(wire, "/")
	if slices.Contains(elements, "..") {
		return nil, refuse(wire, BadPath, "it goes upwards")
	}
	if last := elements[len(elements)-1]; last == "" || last == "." {
		return nil, refuse(wire, BadPath, "it names a folder")
	}
	clean := path.Clean(wire)
	if rest, below := strings.CutPrefix(clean, r.dir+"/"); below {
		return []string{rest}, nil
	}
	elements = strings.Split(strings.TrimPrefix(clean, "/"), "/")
	elements = elements[max(0, len(elements)-maxRecordingDepth):]
	names := make([]string, 0, len(elements))
	for i := range elements {
		names = append(names, path.Join(elements[i:]...))
	}
	return names, nil
}
