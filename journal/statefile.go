package journal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	stateFile = "journal.json"
	// formatVersion is the layout of the folder: subjects, stream, cache bucket and this file.
	formatVersion = 1
	maxStateFile  = 64 << 10
)

// known is what the journal remembers of itself outside the engine, to tell when the engine lost something.
type known struct {
	// Format is the layout's version.
	Format int `json:"format"`
	// Site is the site that the folder belongs to.
	Site string `json:"site"`
	// Epoch names this incarnation of the stream.
	Epoch string `json:"epoch"`
	// Born is when the journal was created.
	Born time.Time `json:"born"`
	// Created is set once the engine's stream was there.
	Created bool `json:"created"`
	// First and Last bound what must be there: every sequence from First to Last was acknowledged and not purged.
	// First is set before a purge begins, Last after an acknowledgement; Last < First means that none must be.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// sealed is the file: the text of known and its hash.
type sealed struct {
	State json.RawMessage `json:"state"`
	Sum   string          `json:"sha256"`
}

func newKnown(site string, now time.Time) known {
	epoch := make([]byte, 6)
	_, _ = rand.Read(epoch) // It never fails, see crypto/rand.
	return known{Format: formatVersion, Site: site, Epoch: hex.EncodeToString(epoch), Born: now.UTC().Truncate(time.Second), First: 1}
}

// readKnown returns nil without an error where there is no journal yet.
func readKnown(dir string) (*known, error) {
	path := filepath.Join(dir, stateFile)
	data, err := os.ReadFile(path) //nolint:gosec // A fixed name in the configured folder.
	if errors.Is(err, fs.ErrNotExist) {
		return nil, checkNoStore(dir)
	}
	if err != nil {
		return nil, &FolderError{Dir: dir, Reason: "cannot be read", Remedy: "give it to the user that runs talkbridge (chown)", Err: err}
	}
	return parseKnown(dir, data)
}

// checkNoStore refuses to begin anew over the data of a journal whose state file is gone.
func checkNoStore(dir string) error {
	store := filepath.Join(dir, storeFolder)
	_, err := os.Lstat(store)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &FolderError{Dir: dir, Reason: "cannot be read", Remedy: "give it to the user that runs talkbridge (chown)", Err: err}
	default:
		return &DamagedError{Dir: dir, Found: stateFile + " is missing beside the data in " + store}
	}
}

// checkNotEmbedded refuses a folder that holds a journal of its own for a node of a cluster.
func checkNotEmbedded(dir string) error {
	_, err := os.Lstat(filepath.Join(dir, storeFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return &FolderError{
		Dir: dir, Reason: "holds a journal of its own, which the cluster does not know", Err: err,
		Remedy: "give this node another folder (journal.dir), or remove journal.url",
	}
}

func parseKnown(dir string, data []byte) (*known, error) {
	if len(data) > maxStateFile {
		return nil, &DamagedError{Dir: dir, Found: stateFile + " is too large"}
	}
	var file sealed
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, &DamagedError{Dir: dir, Found: stateFile + " is unreadable", Err: err}
	}
	if sum := sha256.Sum256(file.State); hex.EncodeToString(sum[:]) != file.Sum {
		return nil, &DamagedError{Dir: dir, Found: stateFile + " does not agree with its own checksum"}
	}
	var k known
	if err := json.Unmarshal(file.State, &k); err != nil {
		return nil, &DamagedError{Dir: dir, Found: stateFile + " is unreadable", Err: err}
	}
	if k.Format != formatVersion {
		return nil, &DamagedError{Dir: dir, Found: fmt.Sprintf("it has format %d, this talkbridge reads format %d: run the version that wrote it", k.Format, formatVersion)}
	}
	return &k, nil
}

// write puts the state on the disk, durably and as a whole.
func (k *known) write(dir string) error {
	state, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("encode journal state: %w", err)
	}
	sum := sha256.Sum256(state)
	text, err := json.Marshal(sealed{State: state, Sum: hex.EncodeToString(sum[:])})
	if err != nil {
		return fmt.Errorf("encode journal state: %w", err)
	}
	return writeFileDurably(dir, stateFile, append(bytes.TrimSpace(text), '\n'))
}

// holds reports that records must be there.
func (k *known) holds() bool { return k.Last >= k.First }

// compare says what of the known records the engine's account of itself lacks.
func (k *known) compare(dir string, s State) error {
	if s.Last < k.Last {
		return &DamagedError{Dir: dir, Found: fmt.Sprintf("it ends at record %d, but record %d was acknowledged", s.Last, k.Last)}
	}
	if k.holds() && s.First > k.First {
		return &DamagedError{Dir: dir, Found: fmt.Sprintf("it begins at record %d, but was purged only up to record %d", s.First, k.First)}
	}
	if span := s.Last + 1 - s.First; s.Messages != span && s.Last >= s.First && s.First > 0 {
		return &DamagedError{Dir: dir, Found: fmt.Sprintf("%d of the %d records from %d to %d are missing", span-s.Messages, span, s.First, s.Last)}
	}
	return nil
}
