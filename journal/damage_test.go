package journal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
)

const (
	damageRecords = 1500
	streamFolder  = "jetstream/$G/streams/talkbridge"
	cacheFolder   = "jetstream/$G/streams/KV_talkbridge"
)

// smallLimit makes the engine use blocks of 32 kB, so that a small journal has several; it chooses them by the limit
// that the stream has when it starts.
func smallLimit(o *journal.Options) { o.MaxBytes = 64 << 10 }

func largerLimit(o *journal.Options) { o.MaxBytes = 2 << 20 }

// images returns three copies of the same journal's folder: as a clean stop leaves it, as a kill leaves it, and as a
// kill leaves it right after the records were written.
func images(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	j, err := tryOpen(t.Context(), dir, smallLimit)
	require.NoError(t, err)
	require.NoError(t, j.Close())
	j, err = tryOpen(t.Context(), dir, largerLimit)
	require.NoError(t, err)
	messages := make([]journal.Message, damageRecords)
	for i := range messages {
		messages[i] = event(fmt.Sprint("call-", i/10), "", fmt.Sprintf("%0400d", i))
	}
	_, err = j.Append(t.Context(), messages...)
	require.NoError(t, err)
	out := map[string]string{"killed at once": filepath.Join(t.TempDir(), "i"), "killed": filepath.Join(t.TempDir(), "i"), "clean": filepath.Join(t.TempDir(), "i")}
	require.NoError(t, os.CopyFS(out["killed at once"], os.DirFS(dir)))
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "journal.json"))
		return err == nil && bytes.Contains(text, fmt.Appendf(nil, `"last":%d`, damageRecords))
	}, 30*time.Second, 20*time.Millisecond, "what is known is written down every so often")
	require.NoError(t, os.CopyFS(out["killed"], os.DirFS(dir)))
	require.NoError(t, j.Close())
	require.NoError(t, os.CopyFS(out["clean"], os.DirFS(dir)))
	return out
}

// blocks returns the block files in the order of their numbers.
func blocks(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	for i := 1; ; i++ {
		path := filepath.Join(dir, streamFolder, "msgs", fmt.Sprintf("%d.blk", i))
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			require.Greater(t, len(paths), 5)
			return paths
		}
		paths = append(paths, path)
	}
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, change(data), 0o600))
}

func flip(at func(size int) int) func([]byte) []byte {
	return func(data []byte) []byte {
		data[at(len(data))] ^= 0x10
		return data
	}
}

func cut(bytes int) func([]byte) []byte {
	return func(data []byte) []byte { return data[:len(data)-bytes] }
}

// fingerprint hashes every file below a folder, except those that a refused Open may touch.
func fingerprint(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "lock" {
			return err
		}
		data, err := os.ReadFile(path)
		sum := sha256.Sum256(data)
		sums[strings.TrimPrefix(path, dir)] = hex.EncodeToString(sum[:])
		return err
	}))
	return sums
}

func TestDamageIsRefused(t *testing.T) {
	t.Parallel()
	half := func(size int) int { return size / 2 }
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   string
		// engine is set where only the engine can tell; then its own small files may have changed.
		engine bool
		// late is set where a kill within the seconds before what is known is written down leaves nothing to tell by.
		late bool
	}{
		{name: "byte flipped in the first block", want: "block 1.blk", damage: func(t *testing.T, dir string) { edit(t, blocks(t, dir)[0], flip(half)) }},
		{name: "byte flipped in a middle block", want: "block 4.blk", damage: func(t *testing.T, dir string) { edit(t, blocks(t, dir)[3], flip(half)) }},
		{name: "byte flipped in the last block", want: "checksum", damage: func(t *testing.T, dir string) {
			edit(t, blocks(t, dir)[len(blocks(t, dir))-1], flip(half))
		}},
		{name: "length flipped in the first record", want: "byte 0", damage: func(t *testing.T, dir string) {
			edit(t, blocks(t, dir)[2], flip(func(int) int { return 1 }))
		}},
		{name: "middle block truncated", want: "block 3.blk", damage: func(t *testing.T, dir string) { edit(t, blocks(t, dir)[2], cut(200)) }},
		{name: "middle block cut between records", want: "missing before block 4.blk", damage: func(t *testing.T, dir string) {
			edit(t, blocks(t, dir)[2], func(data []byte) []byte { return data[:lastRecord(data)] })
		}},
		{name: "last block truncated", want: "after record 1499", late: true, damage: func(t *testing.T, dir string) {
			edit(t, blocks(t, dir)[len(blocks(t, dir))-1], cut(200))
		}},
		{name: "middle block emptied", want: "missing before block", damage: func(t *testing.T, dir string) {
			edit(t, blocks(t, dir)[4], func([]byte) []byte { return nil })
		}},
		{name: "first block deleted", want: "records 1 to 71 are missing before block 2.blk", damage: func(t *testing.T, dir string) { require.NoError(t, os.Remove(blocks(t, dir)[0])) }},
		{name: "middle block deleted", want: "missing before block 6.blk", damage: func(t *testing.T, dir string) { require.NoError(t, os.Remove(blocks(t, dir)[4])) }},
		{name: "last block deleted", want: "1500 was acknowledged", late: true, damage: func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(blocks(t, dir)[len(blocks(t, dir))-1]))
		}},
		{name: "stream folder deleted", want: "damaged", engine: true, damage: func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(filepath.Join(dir, streamFolder))) }},
		{name: "store deleted", want: "damaged", engine: true, damage: func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(filepath.Join(dir, "jetstream"))) }},
		{name: "stream description deleted", want: "does not find the stream", engine: true, damage: func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, streamFolder, "meta.inf")))
		}},
		{name: "stream description changed", want: "does not find the stream", engine: true, damage: func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, streamFolder, "meta.inf"), flip(half))
		}},
		{name: "state file deleted", want: "journal.json is missing", damage: func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "journal.json"))) }},
		{name: "state file emptied", want: "journal.json is unreadable", damage: func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "journal.json"), func([]byte) []byte { return nil })
		}},
		{name: "state file changed", want: "does not agree with its own checksum", damage: func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "journal.json"), func(data []byte) []byte { return bytes.Replace(data, []byte(`"first":1`), []byte(`"first":9`), 1) })
		}},
		{name: "state of another version", want: "it has format 7, this talkbridge reads format 1", damage: func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "journal.json"), func([]byte) []byte {
				state := `{"format":7,"site":"hq"}`
				sum := sha256.Sum256([]byte(state))
				return fmt.Appendf(nil, `{"state":%s,"sha256":"%x"}`, state, sum)
			})
		}},
	}
	made := images(t)
	for _, tt := range tests {
		for image, from := range made {
			if tt.late && image == "killed at once" {
				continue
			}
			t.Run(tt.name+", "+image, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "copy")
				require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
				tt.damage(t, dir)
				before := fingerprint(t, dir)
				_, err := tryOpen(t.Context(), dir, largerLimit)
				var damaged *journal.DamagedError
				require.ErrorAs(t, err, &damaged)
				require.Equal(t, dir, damaged.Dir)
				require.ErrorContains(t, err, tt.want)
				require.ErrorContains(t, err, "restore the folder from a backup, or move it aside")
				if !tt.engine {
					require.Empty(t, cmp.Diff(before, fingerprint(t, dir)), "a damaged folder is left as it is")
				}
				_, err = tryOpen(t.Context(), dir, largerLimit)
				require.ErrorAs(t, err, &damaged, "it stays refused, and is not locked")
			})
		}
	}
}

// lastRecord returns where the last record of a block begins; all of this test's records have one size but for the
// digits of their call.
func lastRecord(data []byte) int {
	at := 0
	for {
		size := int(data[at]) | int(data[at+1])<<8
		if at+size >= len(data) {
			return at
		}
		at += size
	}
}

func TestWhatIsNoDamage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(t *testing.T, dir string)
	}{
		{name: "nothing", change: func(*testing.T, string) {}},
		{name: "index deleted", change: func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, streamFolder, "msgs", "index.db")))
		}},
		{name: "index unreadable", change: func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, streamFolder, "msgs", "index.db"), []byte("x"), 0o600))
		}},
		{name: "half a record at the end", change: func(t *testing.T, dir string) {
			edit(t, blocks(t, dir)[len(blocks(t, dir))-1], func(data []byte) []byte { return append(data, data[:100]...) })
		}},
		{name: "cache deleted", change: func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(filepath.Join(dir, cacheFolder))) }},
		{name: "cache description deleted", change: func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, cacheFolder, "meta.inf")))
		}},
		{name: "cache description changed", change: func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cacheFolder, "meta.inf"), flip(func(size int) int { return size / 2 }))
		}},
		{name: "left-over temporary files", change: func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "journal.json.tmp"), []byte("{"), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "fsync-1.tmp"), nil, 0o600))
		}},
	}
	made := images(t)
	for _, tt := range tests {
		for image, from := range made {
			t.Run(tt.name+", "+image, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "copy")
				require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
				tt.change(t, dir)
				j := open(t, dir, largerLimit)
				require.Len(t, read(t, j, 1), damageRecords)
				require.NoError(t, j.SetCheckpoint(t.Context(), 7))
				seqs, err := j.Append(t.Context(), event("a", "", "x"))
				require.NoError(t, err)
				require.Equal(t, []uint64{damageRecords + 1}, seqs)
				names, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
				require.NoError(t, err)
				require.Empty(t, names)
			})
		}
	}
}

// TestDamageBeyondWhatOpenReads damages an old block and has Open look only at the newest: whoever reads it is told.
func TestDamageBeyondWhatOpenReads(t *testing.T) {
	t.Parallel()
	dir := images(t)["clean"]
	edit(t, blocks(t, dir)[1], flip(func(size int) int { return size / 2 }))
	j := open(t, dir, largerLimit, func(o *journal.Options) { o.VerifyBytes = 1 })
	last := uint64(0)
	err := j.Tail(t.Context(), 1, func(r journal.Record) error {
		last = r.Seq
		if r.Seq == damageRecords {
			return errStop
		}
		return nil
	})
	t.Logf("read up to %d: %v", last, err)
	var damaged *journal.DamagedError
	require.ErrorAs(t, err, &damaged)
	require.Less(t, last, uint64(damageRecords))
}

func TestFolderErrors(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	file := filepath.Join(base, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	dirWithFolderAsLock := filepath.Join(base, "odd")
	require.NoError(t, os.MkdirAll(filepath.Join(dirWithFolderAsLock, "lock"), 0o700))
	other := filepath.Join(base, "other")
	j, err := tryOpen(t.Context(), other, func(o *journal.Options) { o.Site = "branch" })
	require.NoError(t, err)
	require.NoError(t, j.Close())

	tests := []struct {
		name, dir, want string
	}{
		{name: "a file", dir: file, want: "is not a folder"},
		{name: "below a file", dir: filepath.Join(file, "data"), want: "check the path"},
		{name: "parent missing", dir: filepath.Join(base, "no", "data"), want: "make " + filepath.Join(base, "no")},
		{name: "not writable", dir: dirWithFolderAsLock, want: "is not writable"},
		{name: "not given", dir: "", want: "set journal.dir"},
		{name: "another site", dir: other, want: `belongs to the site "branch", not "hq"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tryOpen(t.Context(), tt.dir)
			var folder *journal.FolderError
			require.ErrorAs(t, err, &folder)
			require.Equal(t, tt.dir, folder.Dir)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestOptionErrors(t *testing.T) {
	t.Parallel()
	_, err := tryOpen(t.Context(), t.TempDir(), func(o *journal.Options) { o.Site = "head quarters" })
	require.ErrorContains(t, err, `site "head quarters"`)
	_, err = tryOpen(t.Context(), t.TempDir(), func(o *journal.Options) { o.MaxBytes = 1 })
	require.ErrorContains(t, err, "too small")
}
