package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	checkpointKey = "checkpoint"
	cachePrefix   = "cache."
)

// Checkpoint returns the sequence that SetCheckpoint stored last, zero if it is not known.
func (j *Journal) Checkpoint(ctx context.Context) (uint64, error) {
	value, err := j.get(ctx, checkpointKey)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read checkpoint: %w", err)
	}
	seq, err := strconv.ParseUint(string(value), 10, 64)
	if err != nil {
		j.log.WithError(err).Warn("journal checkpoint is unreadable, reading from the start")
		return 0, nil
	}
	return seq, nil
}

// SetCheckpoint stores the sequence from which a start may read: nothing before it is needed. Losing it costs only
// the reading of more.
func (j *Journal) SetCheckpoint(ctx context.Context, seq uint64) error {
	if err := j.put(ctx, checkpointKey, strconv.AppendUint(nil, seq, 10)); err != nil {
		return fmt.Errorf("store checkpoint: %w", err)
	}
	return nil
}

// Get returns a value that Put stored, or ErrNotFound. It is a cache: whatever is in it may be gone.
func (j *Journal) Get(ctx context.Context, name string) ([]byte, error) {
	value, err := j.get(ctx, cachePrefix+encodeToken(name))
	if err != nil {
		return nil, fmt.Errorf("read cached %s: %w", name, err)
	}
	return value, nil
}

// Put stores a value of at most 64 KiB under a non-empty name of at most MaxCall bytes; the last one wins.
func (j *Journal) Put(ctx context.Context, name string, value []byte) error {
	switch {
	case name == "" || len(name) > MaxCall:
		return fmt.Errorf("store cached value: the name has %d bytes, 1 to %d are allowed", len(name), MaxCall)
	case len(value) > maxValue:
		return fmt.Errorf("store cached %s: the value has %d bytes, at most %d are allowed", name, len(value), maxValue)
	}
	if err := j.put(ctx, cachePrefix+encodeToken(name), value); err != nil {
		return fmt.Errorf("store cached %s: %w", name, err)
	}
	return nil
}

func (j *Journal) get(ctx context.Context, key string) ([]byte, error) {
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	e, err := j.engine()
	if err != nil {
		return nil, err
	}
	entry, err := e.cache.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, ErrNotFound
	case err != nil:
		return nil, j.explain(ctx, "read cache", err)
	}
	return entry.Value(), nil
}

func (j *Journal) put(ctx context.Context, key string, value []byte) error {
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	e, err := j.ready()
	if err != nil {
		return err
	}
	if _, err := e.cache.Put(ctx, key, value); err != nil {
		return j.explain(ctx, "write cache", err)
	}
	return nil
}
