package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// Options says where and how a journal is kept.
type Options struct {
	// Dir is the folder. It is made (mode 0700) if only it is missing; the folder above it must exist.
	Dir string
	// Site is the site whose calls it holds: 1 to 64 letters, digits, '-' or '_'. A folder belongs to one site.
	Site string
	// MaxBytes is the size at which the journal refuses new messages, in bytes. Zero: for a new journal half of what
	// the disk has free, within 64 MiB and 8 GiB; for an existing one what it has.
	MaxBytes int64
	// VerifyBytes is how much of the newest data Open reads to find damage before the engine may touch it, in bytes;
	// older data is only counted. Zero: 1 GiB (about two million records, under a second from memory, the disk's own
	// speed otherwise).
	VerifyBytes int64
	// Cluster keeps the records on a NATS cluster instead of in Dir, which then holds what is this node's own: lock,
	// control socket, and what the node knows of the journal. Each node has a folder of its own.
	Cluster Cluster
	// Log gets what a person should know. Nil: nothing is logged.
	Log logrus.FieldLogger
}

const (
	defaultVerifyBytes = 1 << 30
	// minMaxBytes is the least size limit that the engine's own bookkeeping leaves usable.
	minMaxBytes = 1 << 10
	// tendEvery is how often what is known is written down, if it changed.
	tendEvery = 2 * time.Second
	// opsTime is how long Close waits for the operations under way; they end at once, but for a Tail's function.
	opsTime = 10 * time.Second
)

// Journal is an open journal. All methods are safe for concurrent use.
type Journal struct {
	dir, site   string
	epoch       string
	born        time.Time
	fsync       time.Duration
	verifyBytes int64
	cluster     Cluster
	log         logrus.FieldLogger
	lock        *os.File
	eng         atomic.Pointer[engine]
	slots       chan struct{} // Bounds the appends that are in flight.
	group       group         // Appends that are sent together.
	appending   atomic.Int64  // How many appends are under way, or wait to be.
	crowded     int64         // From how many on they are sent together.
	minFree     int64

	acked atomic.Uint64 // The last acknowledged sequence.
	floor atomic.Uint64 // Everything before it may be purged.

	stateMu sync.Mutex // Guards known and the state file.
	known   known

	ctx    context.Context // Ends when Close begins.
	cancel context.CancelCauseFunc
	opsMu  sync.Mutex // Guards closed, and ops against Wait.
	closed bool
	ops    sync.WaitGroup
	tender sync.WaitGroup
	broken atomic.Pointer[DamagedError] // Set when a restart of the engine found less than before.
}

// Open opens the journal in a folder, or makes a new one in an empty folder. It returns
//
//   - *LockedError if another process holds the folder,
//   - *FolderError if the folder cannot hold a journal,
//   - *DamagedError if records are missing or unreadable, or of another format; nothing was changed then.
//
// While the engine reads what it holds, which takes about a second per million records, ctx is not looked at.
func Open(ctx context.Context, opts Options) (_ *Journal, err error) {
	j, err := newJournal(opts)
	if err != nil {
		return nil, err
	}
	if err := prepareDir(j.dir); err != nil {
		return nil, err
	}
	if j.lock, err = lockDir(j.dir); err != nil {
		return nil, err
	}
	if err := j.open(ctx, opts.MaxBytes); err != nil {
		return nil, errors.Join(err, unlockDir(j.lock))
	}
	j.tender.Go(j.tend)
	return j, nil
}

func newJournal(opts Options) (*Journal, error) {
	if opts.Log == nil {
		opts.Log = discardLogger()
	}
	if opts.VerifyBytes == 0 {
		opts.VerifyBytes = defaultVerifyBytes
	}
	dir, err := filepath.Abs(opts.Dir)
	switch {
	case opts.Dir == "" || err != nil:
		return nil, &FolderError{Dir: opts.Dir, Reason: "is not given", Remedy: "set journal.dir", Err: err}
	case !sitePattern.MatchString(opts.Site):
		return nil, fmt.Errorf("open journal: site %q: use 1 to 64 letters, digits, '-' or '_'", opts.Site)
	case opts.MaxBytes != 0 && opts.MaxBytes < minMaxBytes:
		return nil, fmt.Errorf("open journal: a size limit of %d bytes is too small: use at least %d", opts.MaxBytes, minMaxBytes)
	}
	j := &Journal{
		dir: dir, site: opts.Site, verifyBytes: opts.VerifyBytes, minFree: minFree, cluster: opts.Cluster,
		log: opts.Log.WithField("journal", dir), slots: make(chan struct{}, maxAppends), crowded: crowded,
	}
	j.ctx, j.cancel = context.WithCancelCause(context.Background())
	return j, nil
}

// open does what needs the lock: look, start, compare.
func (j *Journal) open(ctx context.Context, maxBytes int64) error {
	k, err := j.begin(ctx)
	if err != nil {
		return err
	}
	j.floor.Store(k.First)
	j.acked.Store(k.Last)
	e, s, err := j.start(ctx, k, maxBytes)
	if err != nil {
		return err
	}
	j.known, j.epoch, j.born = *k, k.Epoch, k.Born
	j.eng.Store(e)
	j.acked.Store(s.Last)
	j.known.Created = true
	if err := j.remember(true); err != nil {
		return errors.Join(err, e.stop())
	}
	j.log.WithFields(logrus.Fields{
		"fsync_ms": float64(j.fsync) / float64(time.Millisecond), "messages_per_second": int64(time.Second / max(j.fsync, time.Microsecond)),
		"first": s.First, "last": s.Last, "bytes": s.Bytes, "max_bytes": s.MaxBytes,
	}).Info("journal open")
	return nil
}

// begin measures the disk, reads what is known and checks the blocks against it, all before the engine starts.
func (j *Journal) begin(ctx context.Context) (*known, error) {
	if err := removeTemporary(j.dir); err != nil {
		return nil, err
	}
	fsync, err := measureFsync(j.dir)
	if err != nil {
		return nil, err
	}
	j.fsync = fsync
	k, err := readKnown(j.dir)
	switch {
	case err != nil:
		return nil, err
	case k == nil:
		fresh := newKnown(j.site, time.Now())
		return &fresh, fresh.write(j.dir)
	case k.Site != j.site:
		return nil, &FolderError{Dir: j.dir, Reason: fmt.Sprintf("belongs to the site %q, not %q", k.Site, j.site), Remedy: "set site back, or give this site another folder (journal.dir)"}
	case j.cluster.enabled():
		return k, checkNotEmbedded(j.dir)
	default:
		return k, scanBlocks(ctx, j.dir, k, j.verifyBytes)
	}
}

// start starts the engine and compares what it has with what is known.
func (j *Journal) start(ctx context.Context, k *known, maxBytes int64) (*engine, State, error) {
	free, err := freeBytes(j.dir)
	if err != nil {
		return nil, State{}, err
	}
	if j.cluster.enabled() {
		return j.cluster.join(ctx, j.site, j.log, func(ctx context.Context, e *engine) (State, error) {
			return j.settle(ctx, e, k, maxBytes, free)
		})
	}
	e, err := startEngine(j.dir, j.log)
	if err != nil {
		return nil, State{}, err
	}
	s, err := j.settle(ctx, e, k, maxBytes, free)
	if err != nil {
		return nil, State{}, errors.Join(err, e.stop())
	}
	return e, s, nil
}

func (j *Journal) settle(ctx context.Context, e *engine, k *known, maxBytes, free int64) (State, error) {
	if err := e.openStream(ctx, k, maxBytes, free); err != nil {
		if ctx.Err() == nil && k.Created && e.misses(err) {
			return State{}, &DamagedError{Dir: j.dir, Found: "the engine does not find the stream that was there", Err: err}
		}
		return State{}, err
	}
	if epoch := e.stream.CachedInfo().Config.Metadata[metaEpoch]; epoch != k.Epoch {
		return State{}, &DamagedError{Dir: j.dir, Found: fmt.Sprintf("its stream (%s) and its %s (%s) are not of the same journal", epoch, stateFile, k.Epoch)}
	}
	s, err := e.state(ctx)
	if err != nil {
		return State{}, err
	}
	if err := e.openCache(ctx); err != nil {
		return State{}, err
	}
	if e.srv == nil {
		if j.fsync, err = e.measureAck(ctx); err != nil {
			return State{}, fmt.Errorf("write to the cluster: %w", err)
		}
		if err := j.catchFloor(ctx, e); err != nil {
			return State{}, err
		}
		k.First = j.floor.Load()
	}
	return s, k.compare(j.dir, s)
}

// Close ends the journal: operations under way return ErrClosed, what is known is written down, the engine stops and
// the folder is free. It waits at most ten seconds for a Tail whose function does not return, and 30 seconds for the
// engine. A second Close does nothing.
func (j *Journal) Close() error {
	j.opsMu.Lock()
	again := j.closed
	j.closed = true
	j.opsMu.Unlock()
	if again {
		return nil
	}
	j.cancel(ErrClosed)
	err := j.waitForOps()
	j.tender.Wait()
	if j.broken.Load() == nil {
		err = errors.Join(err, j.remember(false))
	}
	if e := j.eng.Load(); e != nil {
		if stopErr := e.stop(); stopErr != nil {
			return errors.Join(err, stopErr) // The lock stays: the engine may still write.
		}
	}
	return errors.Join(err, unlockDir(j.lock))
}

func (j *Journal) waitForOps() error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		j.ops.Wait()
	}()
	timer := time.NewTimer(opsTime)
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-timer.C:
		return fmt.Errorf("close journal: an operation has not ended within %s", opsTime)
	}
}

// enter begins an operation: its context also ends with the journal. The returned function ends the operation.
func (j *Journal) enter(ctx context.Context) (context.Context, func(), error) {
	j.opsMu.Lock()
	defer j.opsMu.Unlock()
	if j.closed {
		return nil, nil, ErrClosed
	}
	j.ops.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(j.ctx, func() { cancel(ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
		j.ops.Done()
	}, nil
}

// engine returns the engine that runs now, or why none does.
func (j *Journal) engine() (*engine, error) {
	if e := j.eng.Load(); e != nil {
		return e, nil
	}
	if damaged := j.broken.Load(); damaged != nil {
		return nil, damaged
	}
	return nil, &FullError{Dir: j.dir, Disk: true, Bytes: j.minFree}
}
