package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"
)

// State is what the journal holds.
type State struct {
	// First and Last are the sequences of the oldest and the newest record. Where there is none, First is Last + 1
	// and Last is the last sequence that was given.
	First, Last uint64
	// Messages is how many records there are.
	Messages uint64
	// Bytes is what they take on the disk, MaxBytes the size at which new ones are refused.
	Bytes, MaxBytes int64
	// Free is the room on the disk, in bytes. Below 32 MiB new records are refused. Of a cluster it is what is left of
	// MaxBytes.
	Free int64
}

// State returns what the journal holds now.
func (j *Journal) State(ctx context.Context) (State, error) {
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return State{}, err
	}
	defer leave()
	e, err := j.engine()
	if err != nil {
		return State{}, err
	}
	s, err := e.state(ctx)
	if err != nil {
		return State{}, j.explain(ctx, "read journal state", err)
	}
	if j.cluster.enabled() {
		s.Free = s.MaxBytes - s.Bytes
		return s, nil
	}
	if s.Free, err = freeBytes(j.dir); err != nil {
		return State{}, err
	}
	return s, nil
}

func (e *engine) state(ctx context.Context) (State, error) {
	info, err := e.stream.Info(ctx)
	if err != nil {
		return State{}, fmt.Errorf("read stream state: %w", err)
	}
	s := info.State
	first := s.FirstSeq
	if s.Msgs == 0 {
		first = s.LastSeq + 1
	}
	return State{
		First: first, Last: s.LastSeq, Messages: s.Msgs,
		Bytes: int64(s.Bytes), MaxBytes: info.Config.MaxBytes, //nolint:gosec // Far below 1<<63.
	}, nil
}

// Epoch names this incarnation of the journal: a new or replaced folder has another one. Together with a sequence it
// is a cursor that is never mistaken for one of another journal.
func (j *Journal) Epoch() string { return j.epoch }

// Born is when the journal was created, in whole seconds, UTC: the site's first start.
func (j *Journal) Born() time.Time { return j.born }

// FsyncTime is how long a small write took to become durable in this folder, or on the cluster, when it was opened:
// the median of seven.
// The journal stores at most one message in that time.
func (j *Journal) FsyncTime() time.Duration { return j.fsync }

// PurgeBefore removes every record before a sequence, for good. Records that it leaves keep their sequences.
func (j *Journal) PurgeBefore(ctx context.Context, seq uint64) error {
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	e, err := j.engine()
	if err != nil {
		return err
	}
	seq = min(seq, j.acked.Load()+1)
	if seq < j.floor.Load() {
		return nil
	}
	if err := j.raiseFloor(seq); err != nil { // Before the purge: what is then missing is no damage.
		return err
	}
	if e.srv == nil {
		if err := j.tellFloor(ctx, e, seq); err != nil {
			return err
		}
	}
	if err := e.purge(ctx, seq); err != nil {
		return j.explain(ctx, "purge journal", err)
	}
	return nil
}

func (j *Journal) raiseFloor(seq uint64) error {
	j.stateMu.Lock()
	defer j.stateMu.Unlock()
	j.floor.Store(max(seq, j.floor.Load()))
	j.known.First, j.known.Last = j.floor.Load(), j.acked.Load()
	return j.known.write(j.dir)
}

// remember writes down what is known, if it changed or must.
func (j *Journal) remember(always bool) error {
	j.stateMu.Lock()
	defer j.stateMu.Unlock()
	last := j.acked.Load()
	if last == j.known.Last && !always {
		return nil
	}
	j.known.Last = last
	return j.known.write(j.dir)
}

// tend writes down what is known every so often, and restarts an engine that had no room.
func (j *Journal) tend() {
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	warned := ""
	for {
		select {
		case <-j.ctx.Done():
			return
		case <-ticker.C:
		}
		err := j.tendOnce()
		if err == nil {
			warned = ""
			continue
		}
		if err.Error() != warned {
			warned = err.Error()
			j.log.WithError(err).Warn("journal needs attention")
		}
	}
}

func (j *Journal) tendOnce() error {
	if damaged := j.broken.Load(); damaged != nil {
		return damaged
	}
	e := j.eng.Load()
	if e != nil && e.failure() == "" {
		return j.remember(false)
	}
	if e != nil && !lacksRoom(e.failure()) {
		return &BrokenError{Dir: j.dir, Reason: e.failure()}
	}
	free, err := freeBytes(j.dir)
	if err != nil {
		return err
	}
	if free < j.minFree {
		return &FullError{Dir: j.dir, Disk: true, Bytes: j.minFree}
	}
	return j.restart(e)
}

// restart replaces an engine that failed for want of room. What was acknowledged must still be there.
func (j *Journal) restart(old *engine) error {
	if old != nil {
		j.eng.Store(nil)
		if err := old.stop(); err != nil {
			return err
		}
	}
	if err := j.remember(false); err != nil {
		return err
	}
	j.stateMu.Lock()
	k := j.known
	j.stateMu.Unlock()
	ctx, cancel := context.WithTimeout(j.ctx, startTime)
	defer cancel()
	err := scanBlocks(ctx, j.dir, &k, j.verifyBytes)
	if err == nil {
		var e *engine
		if e, _, err = j.start(ctx, &k, 0); err == nil {
			j.eng.Store(e)
			j.log.Info("journal works again")
			return nil
		}
	}
	if damaged, ok := errors.AsType[*DamagedError](err); ok {
		j.broken.Store(damaged)
	}
	return err
}

// removeTemporary removes what a measurement or a state file left behind when the process died in the middle.
func removeTemporary(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
	if err != nil {
		return fmt.Errorf("list journal folder: %w", err)
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			return notWritable(dir, err)
		}
	}
	return nil
}

func discardLogger() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}
