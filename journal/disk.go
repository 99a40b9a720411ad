package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of the size limit when none is given: half of what the disk has free, within these.
const (
	minDefaultBytes = 64 << 20
	maxDefaultBytes = 8 << 30
)

// minFree is the room that is always left on the disk: the engine stops for good when a write of its own finds no
// room, so appends are refused before that.
const minFree = 32 << 20

const fsyncSamples = 7

// freeBytes returns how much of the folder's disk this process may still use.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("read free space of %s: %w", dir, err)
	}
	const most = 1 << 62
	blocks, size := st.Bavail, uint64(st.Bsize) //nolint:gosec // A block size is positive.
	if size != 0 && blocks > most/size {
		return most, nil
	}
	return int64(blocks * size), nil //nolint:gosec // At most 1<<62, see above.
}

// defaultMaxBytes is the size limit of a new journal on a disk with so much room.
func defaultMaxBytes(free int64) int64 {
	return max(minDefaultBytes, min(free/2, maxDefaultBytes))
}

// measureFsync returns the median time that one small write takes to become durable in the folder.
func measureFsync(dir string) (_ time.Duration, err error) {
	f, err := os.CreateTemp(dir, "fsync-*.tmp")
	if err != nil {
		return 0, notWritable(dir, err)
	}
	defer func() {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}()
	block := make([]byte, 512)
	return median(fsyncSamples, func() error {
		if _, err := f.Write(block); err != nil {
			return notWritable(dir, err)
		}
		if err := f.Sync(); err != nil {
			return notWritable(dir, err)
		}
		return nil
	})
}

// median does something a few times, and returns how long it took in the middle.
func median(times int, do func() error) (time.Duration, error) {
	took := make([]time.Duration, times)
	for i := range took {
		start := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// writeFileDurably replaces a file of the folder as a whole: after a crash it holds the old or the new text.
func writeFileDurably(dir, name string, data []byte) (err error) {
	tmp := filepath.Join(dir, name+".tmp")
	if err := writeSynced(tmp, data); err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("replace %s: %w", name, err)
	}
	return syncDir(dir)
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode) //nolint:gosec // A fixed name in the configured folder.
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // The configured folder.
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}
