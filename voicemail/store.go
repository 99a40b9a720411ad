package voicemail

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The names of what is in a store's folder beside <id>.<format>.
const (
	tempPrefix    = ".keeping-"
	revokedSuffix = ".revoked"
)

// staleTemp is the age at which a half written file is surely nobody's.
const staleTemp = time.Hour

// sweepBatch is how many names are read from the folder at a time.
const sweepBatch = 256

// Audio is a recording that is kept. It is a value.
type Audio struct {
	// ID is the unguessable name: 26 characters.
	ID     string
	Format Format
	// Size is in bytes.
	Size int64
	// Duration is 0 where it is not known.
	Duration time.Duration
	// KeptAt is when it was kept, from which its life counts.
	KeptAt time.Time
}

// ContentType is the media type: "audio/wav" or "audio/mpeg".
func (a Audio) ContentType() string { return a.Format.ContentType() }

// Ext is the extension of its link, with the dot: ".wav" or ".mp3".
func (a Audio) Ext() string { return "." + string(a.Format) }

func (a Audio) name() string { return a.ID + a.Ext() }

// Store keeps audio in a local folder, each under a name that only the ring
// can derive. It is safe for concurrent use within one process. See OpenStore.
type Store struct {
	root    *os.Root
	ring    *Keyring
	maxSize int64
	// create makes a file that is written and then renamed; tests replace it.
	create func(name string) (writable, error)
}

// writable is an *os.File that is being written.
type writable interface {
	io.Writer
	io.ReaderAt
	Sync() error
	Close() error
}

// OpenStore opens the folder, and makes it if it is not there; it lets nobody
// but its owner in. maxSize bounds one recording in bytes; 0 is DefaultMaxSize.
// What a crash left half written is removed. The caller closes it.
func OpenStore(dir string, ring *Keyring, maxSize int64) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make recordings folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open recordings folder: %w", err)
	}
	if err := root.Chmod(".", 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("close recordings folder to others: %w", err), root.Close())
	}
	s := &Store{root: root, ring: ring, maxSize: cmp.Or(maxSize, DefaultMaxSize)}
	s.create = func(name string) (writable, error) {
		return root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	}
	if err := s.each(context.Background(), func(entry fs.DirEntry) error { return s.dropStale(entry, time.Now()) }); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

// Close lets the folder go.
func (s *Store) Close() error { return s.root.Close() }

// Lookup finds the audio that was kept under key. It returns ErrNotFound if
// there is none, and ErrRevoked if it was taken back.
func (s *Store) Lookup(key string) (Audio, error) {
	rec, err := s.Open(s.ring.id(key))
	if err != nil {
		return Audio{}, err
	}
	return rec.Audio, rec.Close()
}

// Keep copies audio and returns when it is durable. The key, such as a call's
// id, names it: keeping a second time under one key, after a crash too, gives
// the first copy, and r is not read. What r has is looked into: audio that is
// no WAV or MP3, has no sound or is too large is a *RefusedError. On any error
// nothing is left behind; a full disk is syscall.ENOSPC.
func (s *Store) Keep(ctx context.Context, key string, r io.Reader) (Audio, error) {
	have, err := s.Lookup(key)
	if err == nil {
		// Whoever kept it may have crashed before its name was durable.
		err = s.syncFolder()
	}
	if !errors.Is(err, ErrNotFound) {
		return have, err
	}
	temp := tempPrefix + rand.Text()
	format, err := s.write(ctx, temp, key, r)
	if err == nil {
		err = s.root.Rename(temp, Audio{ID: s.ring.id(key), Format: format}.name())
	}
	if err != nil {
		if gone := s.root.Remove(temp); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		if errors.Is(err, syscall.ENOSPC) {
			err = fmt.Errorf("%w: free space in %s, or lower recordings.keep", err, s.root.Name())
		}
		return Audio{}, fmt.Errorf("keep recording: %w", err)
	}
	if err := s.syncFolder(); err != nil {
		return Audio{}, fmt.Errorf("keep recording: %w", err)
	}
	return s.Lookup(key)
}

// write makes a durable file of r and says what it is.
func (s *Store) write(ctx context.Context, temp, key string, r io.Reader) (format Format, err error) {
	file, err := s.create(temp)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := io.Copy(file, io.LimitReader(cancellable{ctx, r}, s.maxSize+1))
	if err != nil {
		return "", err
	}
	if size > s.maxSize {
		return "", refuse(key, TooLarge, "more than %d bytes", s.maxSize)
	}
	format, _, err = Probe(file, size)
	switch {
	case errors.Is(err, errNoSound):
		return "", refuse(key, NoSound, "%v", err)
	case errors.Is(err, errNotAudio):
		return "", refuse(key, NotAudio, "%v", err)
	case err != nil:
		return "", err
	}
	return format, file.Sync()
}

func (s *Store) syncFolder() error {
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Recording is audio that is open for reading. It is not safe for concurrent
// use; the caller closes it.
type Recording struct {
	Audio

	file *os.File
}

var _ io.ReadSeekCloser = (*Recording)(nil)

// Read reads the audio.
func (r *Recording) Read(p []byte) (int, error) { return r.file.Read(p) }

// Seek sets where Read goes on.
func (r *Recording) Seek(offset int64, whence int) (int64, error) { return r.file.Seek(offset, whence) }

// Close closes the audio.
func (r *Recording) Close() error { return r.file.Close() }

// Open opens audio by its ID. It returns ErrNotFound for one that is not there
// or is no ID, and ErrRevoked for one that was taken back.
func (s *Store) Open(id string) (*Recording, error) {
	if !validID(id) {
		return nil, ErrNotFound
	}
	switch _, err := s.root.Lstat(id + revokedSuffix); {
	case err == nil:
		return nil, ErrRevoked
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open recording: %w", err)
	}
	for _, format := range formats {
		rec, err := s.open(Audio{ID: id, Format: format})
		if !errors.Is(err, fs.ErrNotExist) {
			return rec, err
		}
	}
	return nil, ErrNotFound
}

func (s *Store) open(audio Audio) (*Recording, error) {
	file, err := s.root.Open(audio.name())
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	info, err := file.Stat()
	if err == nil {
		audio.Size, audio.KeptAt = info.Size(), info.ModTime().UTC()
		_, audio.Duration, err = Probe(file, audio.Size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open recording: %w", err), file.Close())
	}
	return &Recording{Audio: audio, file: file}, nil
}

// Revoke takes one recording back: its link stops working at once, and what
// its call left cannot be kept anew. The audio stays in the folder, unserved,
// until it is swept. Revoking twice, or what was never kept, is no error; what
// is no ID is ErrNotFound.
func (s *Store) Revoke(id string) error {
	if !validID(id) {
		return ErrNotFound
	}
	marker, err := s.root.OpenFile(id+revokedSuffix, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("revoke recording: %w", err)
	}
	if err := errors.Join(marker.Sync(), marker.Close(), s.syncFolder()); err != nil {
		return fmt.Errorf("revoke recording: %w", err)
	}
	return nil
}

// Swept is what a Sweep removed.
type Swept struct {
	Recordings int
	Bytes      int64
}

// Sweep removes audio that was kept longer than keep ago, and marks of
// revocations as old; 0 keeps all. Files that are not the store's are left
// alone. It goes on after a file that cannot be removed, and stops when ctx is
// over.
func (s *Store) Sweep(ctx context.Context, now time.Time, keep time.Duration) (Swept, error) {
	var swept Swept
	if keep <= 0 {
		return swept, nil
	}
	err := s.each(ctx, func(entry fs.DirEntry) error {
		name := entry.Name()
		id, revoked := strings.CutSuffix(name, revokedSuffix)
		_, _, audio := splitName(name)
		if !audio && (!revoked || !validID(id)) {
			return s.dropStale(entry, now)
		}
		info, err := entry.Info()
		if err != nil || now.Sub(info.ModTime()) <= keep {
			return ignoreGone(err)
		}
		if err := s.root.Remove(name); err != nil {
			return ignoreGone(err)
		}
		if audio {
			swept.Recordings++
			swept.Bytes += info.Size()
		}
		return nil
	})
	if err != nil {
		return swept, fmt.Errorf("sweep recordings: %w", err)
	}
	return swept, nil
}

// dropStale removes what was left half written.
func (s *Store) dropStale(entry fs.DirEntry, now time.Time) error {
	if !strings.HasPrefix(entry.Name(), tempPrefix) {
		return nil
	}
	info, err := entry.Info()
	if err != nil || now.Sub(info.ModTime()) < staleTemp {
		return ignoreGone(err)
	}
	return ignoreGone(s.root.Remove(entry.Name()))
}

// each calls do for every file of the folder and joins its errors.
func (s *Store) each(ctx context.Context, do func(fs.DirEntry) error) error {
	dir, err := s.root.Open(".")
	if err != nil {
		return fmt.Errorf("read recordings folder: %w", err)
	}
	defer dir.Close() //nolint:errcheck // it was only read
	var errs []error
	for {
		entries, err := dir.ReadDir(sweepBatch)
		for _, entry := range entries {
			if ctx.Err() != nil {
				return errors.Join(append(errs, context.Cause(ctx))...)
			}
			if entry.IsDir() {
				continue
			}
			errs = append(errs, do(entry))
		}
		if errors.Is(err, io.EOF) {
			return errors.Join(errs...)
		}
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// cancellable stops reading when its context is over.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// Folder is where the audio is, as configured.
func (s *Store) Folder() string { return filepath.Clean(s.root.Name()) }

// Path is the file that audio is kept in. Whoever is given it must not write to it.
func (s *Store) Path(a Audio) string { return filepath.Join(s.Folder(), a.name()) }
