package zendesk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// TokenFile keeps a pair of tokens in a file that only its owner may read. Saving writes a new file beside it, syncs it
// and renames it: after a crash there is the old pair or the new one, never half of one. It takes no lock: one process
// uses it at a time.
type TokenFile struct {
	// Path is the file. Its folder must exist and be writable, because the new file is made in it.
	Path string
}

const maxTokenFile = 64 << 10

// Load implements [TokenStore]. Besides what can go wrong with a file, one that others may read is an error.
func (f TokenFile) Load(context.Context) (TokenPair, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return TokenPair{}, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return TokenPair{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return TokenPair{}, fmt.Errorf("%s may be read by others (mode %04o); want 0600", f.Path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(file, maxTokenFile))
	if err != nil {
		return TokenPair{}, err
	}
	var pair TokenPair
	if json.Unmarshal(data, &pair) != nil { // Its error may quote a token.
		return TokenPair{}, fmt.Errorf("%s does not hold a pair of tokens as JSON", f.Path)
	}
	return pair, nil
}

// Save implements [TokenStore].
func (f TokenFile) Save(_ context.Context, pair TokenPair) error {
	data, err := json.Marshal(pair) //nolint:gosec // It is the file's purpose to keep them, readable by its owner alone.
	if err != nil {
		return errors.New("the pair of tokens cannot be written as JSON")
	}
	folder := filepath.Dir(f.Path)
	next, err := os.CreateTemp(folder, ".tokens-*") // With mode 0600.
	if err != nil {
		return err
	}
	if err := writeSynced(next, append(data, '\n')); err != nil {
		_ = os.Remove(next.Name())
		return err
	}
	if err := os.Rename(next.Name(), f.Path); err != nil {
		_ = os.Remove(next.Name())
		return err
	}
	return syncFolder(folder)
}

// writeSynced writes the file, has it on the disk, and closes it.
func writeSynced(file *os.File, data []byte) error {
	_, err := file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// syncFolder has a rename on the disk.
func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // The folder of the file that the caller named.
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
