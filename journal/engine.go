package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

const (
	// storeFolder is what the engine makes in the journal's folder, blockFolder where it keeps the stream's blocks.
	storeFolder = "jetstream"
	blockFolder = storeFolder + "/$G/streams/" + streamName + "/msgs"

	bucketMaxBytes = 64 << 20
	maxValue       = 64 << 10

	// createTime is how long the making or purging of a stream may take: many fsyncs on a disk that may be slow and busy.
	createTime = 60 * time.Second
	// startTime is how long the engine may take to read what it holds (measured: a second per million records).
	startTime = 5 * time.Minute
	// connectTime is how long the two ends of the in-process connection may take to greet each other: both are in this
	// process, but the machine may be busy with others. The engine's default is two seconds.
	connectTime = time.Minute
	// stopTime is how long the engine may take to stop.
	stopTime = 30 * time.Second
	// ackTime bounds the wait of a message that is never answered: the whole of what can be in flight, on a disk
	// that takes 10 ms per write.
	ackTime = 2 * time.Minute

	// engineMemory bounds what the engine may keep in memory streams; only the consumers' own state is there.
	engineMemory = 16 << 20
	// engineStore does not limit: the stream and the bucket each have their own limit.
	engineStore = 1 << 50

	metaEpoch = "talkbridge-epoch"
)

// engine is one run of the embedded server and the in-process connection to it, or the connection to a cluster.
type engine struct {
	srv    *server.Server // nil: a cluster
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	cache  jetstream.KeyValue
	log    *engineLog

	name    string // of the stream and of the bucket
	cluster Cluster
}

func startEngine(dir string, log logrus.FieldLogger) (*engine, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName:             streamName,
		DontListen:             true,
		NoSigs:                 true,
		NoLog:                  true,
		JetStream:              true,
		DisableJetStreamBanner: true,
		StoreDir:               dir,
		SyncAlways:             true, // Not a knob: the engine's default loses everything at a power cut.
		JetStreamMaxMemory:     engineMemory,
		JetStreamMaxStore:      engineStore,
		MaxPayload:             2 * MaxData,
		AuthTimeout:            connectTime.Seconds(),
	})
	if err != nil {
		return nil, fmt.Errorf("set up journal engine: %w", err)
	}
	e := &engine{srv: srv, log: newEngineLog(log), name: streamName}
	srv.SetLoggerV2(e.log, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(startTime) || !srv.JetStreamEnabled() {
		return nil, errors.Join(fmt.Errorf("start journal engine: it did not come up: %s", e.log.last()), e.stop())
	}
	if err := e.connect(log); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	return e, nil
}

func (e *engine) connect(log logrus.FieldLogger) error {
	conn, err := nats.Connect("", nats.InProcessServer(e.srv),
		nats.Name(streamName),
		nats.Timeout(connectTime),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(50*time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.WithError(err).Debug("journal connection")
		}))
	if err != nil {
		return fmt.Errorf("connect to journal engine: %w", err)
	}
	e.conn = conn
	e.js, err = jetstream.New(conn,
		jetstream.WithPublishAsyncMaxPending(2*maxInFlight),
		jetstream.WithPublishAsyncTimeout(ackTime))
	if err != nil {
		return fmt.Errorf("connect to journal engine: %w", err)
	}
	return nil
}

// openStream finds the stream, or makes it if the journal is new. A size limit of zero keeps the stream's own.
func (e *engine) openStream(ctx context.Context, k *known, maxBytes, free int64) error {
	ctx, cancel := context.WithTimeout(ctx, createTime)
	defer cancel()
	stream, err := e.js.Stream(ctx, e.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) && !k.Created {
		stream, err = e.makeStream(ctx, k, cmp.Or(maxBytes, e.defaultMaxBytes(free)))
	}
	if err != nil {
		return fmt.Errorf("open stream: %w", err)
	}
	if e.srv == nil {
		k.adopt(stream.CachedInfo().Config)
	}
	has := stream.CachedInfo().Config
	if wants := cmp.Or(maxBytes, has.MaxBytes); has.MaxBytes != wants || has.AllowAtomicPublish != (e.srv != nil) {
		has.MaxBytes, has.AllowAtomicPublish = wants, e.srv != nil
		if stream, err = e.js.UpdateStream(ctx, has); err != nil {
			return fmt.Errorf("change settings of stream: %w", err)
		}
	}
	e.stream = stream
	return nil
}

// misses reports whether an error of openStream says that the stream is gone: a cluster may just have no leader now.
func (e *engine) misses(err error) bool {
	return e.srv != nil || errors.Is(err, jetstream.ErrStreamNotFound)
}

func (e *engine) defaultMaxBytes(free int64) int64 {
	if e.srv == nil {
		return clusterMaxBytes
	}
	return defaultMaxBytes(free)
}

// makeStream makes the stream, or finds the one that another node made at the same moment.
func (e *engine) makeStream(ctx context.Context, k *known, maxBytes int64) (jetstream.Stream, error) {
	stream, err := e.js.CreateStream(ctx, e.streamConfig(k, maxBytes))
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return e.js.Stream(ctx, e.name)
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && e.srv == nil && (api.ErrorCode == codeNoPeers || api.ErrorCode == codeStorage) {
		return nil, fmt.Errorf("%d servers with %d MiB of room are needed (journal.replicas, journal.max_size): %w", e.replicas(), maxBytes>>20, err)
	}
	return stream, err
}

func (e *engine) replicas() int {
	if e.srv == nil {
		return e.cluster.replicas()
	}
	return 1
}

func (e *engine) streamConfig(k *known, maxBytes int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        e.name,
		Description: "talkbridge: events and outcomes of calls",
		Subjects:    []string{subjectRoot + "." + k.Site + ".*.*"},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    maxBytes,
		MaxMsgSize:  2 * MaxData,
		Replicas:    e.replicas(),
		Duplicates:  DuplicateWindow,
		AllowDirect: e.srv != nil, // of several replicas any would answer, also one that lags
		DenyDelete:  true,

		AllowAtomicPublish: e.srv != nil,
		Metadata:           map[string]string{metaEpoch: k.Epoch, metaBorn: strconv.FormatInt(k.Born.Unix(), 10)},
	}
}

func (e *engine) openCache(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, createTime)
	defer cancel()
	cache, err := e.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:       e.name,
		Description:  "talkbridge: checkpoint and caches; losing it loses nothing",
		History:      1,
		MaxBytes:     bucketMaxBytes,
		MaxValueSize: maxValue,
		Storage:      jetstream.FileStorage,
		Replicas:     e.replicas(),
	})
	if err != nil {
		return fmt.Errorf("open cache bucket: %w", err)
	}
	e.cache = cache
	return nil
}

func (e *engine) purge(ctx context.Context, seq uint64) error {
	ctx, cancel := context.WithTimeout(ctx, createTime)
	defer cancel()
	return e.stream.Purge(ctx, jetstream.WithPurgeSequence(seq))
}

// stop ends the connection and the server. It returns an error if the server did not end in time; then the folder
// must not be given up.
func (e *engine) stop() error {
	if e.conn != nil {
		e.conn.Close()
	}
	if e.srv == nil {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.srv.Shutdown()
		e.srv.WaitForShutdown()
	}()
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-timer.C:
		return fmt.Errorf("stop journal engine: still running after %s", stopTime)
	}
}

// storeFailed is how the engine says that a write of its own went wrong; it then answers no more (server/stream.go).
const storeFailed = "JetStream failed to store a msg"

// engineLog gives the server's log to the injected logger, and notices the failure that the server does not report.
type engineLog struct {
	log    logrus.FieldLogger
	failed chan struct{} // Closed at the first failed write.

	mu      sync.Mutex
	text    string // The last warning or error.
	failure string // The failed write.
}

func newEngineLog(log logrus.FieldLogger) *engineLog {
	return &engineLog{log: log, failed: make(chan struct{})}
}

// Noticef, Debugf and Tracef are part of the server's Logger.
func (l *engineLog) Noticef(format string, v ...any) { l.debug("notice", format, v) }

// Debugf is part of the server's Logger.
func (l *engineLog) Debugf(format string, v ...any) { l.debug("debug", format, v) }

// Tracef is part of the server's Logger.
func (l *engineLog) Tracef(format string, v ...any) { l.debug("trace", format, v) }

// Warnf is part of the server's Logger.
func (l *engineLog) Warnf(format string, v ...any) { l.trouble("warning", format, v) }

// Errorf is part of the server's Logger.
func (l *engineLog) Errorf(format string, v ...any) { l.trouble("error", format, v) }

// Fatalf is part of the server's Logger; it ends nothing.
func (l *engineLog) Fatalf(format string, v ...any) { l.trouble("fatal", format, v) }

// debug is where all of the engine's own words go: what a person must know is an error of this package.
func (l *engineLog) debug(level, format string, v []any) {
	l.log.WithFields(logrus.Fields{"engine_level": level, "text": fmt.Sprintf(format, v...)}).Debug("journal engine")
}

func (l *engineLog) trouble(level, format string, v []any) {
	l.debug(level, format, v)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = fmt.Sprintf(format, v...)
	if l.failure == "" && strings.HasPrefix(l.text, storeFailed) {
		l.failure = l.text
		close(l.failed)
	}
}

func (l *engineLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

// failure returns what the failed write was, empty if none failed.
func (e *engine) failure() string {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	return e.log.failure
}

// lacksRoom reports that a write failed for want of room: it will work again.
func lacksRoom(failure string) bool {
	return strings.Contains(failure, unix.ENOSPC.Error()) || strings.Contains(failure, unix.EDQUOT.Error())
}
