package journal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
)

// Cluster says where a journal is kept outside this process: on the servers of a NATS cluster with JetStream, which
// several talkbridge nodes share. The zero value is no cluster.
type Cluster struct {
	// URL is where its servers are: nats://host:4222, or tls://; several are separated by commas.
	URL string
	// CredentialsFile holds a user's JWT and seed, "" for none. A name and a password may stand in URL.
	CredentialsFile string
	// CAFile holds the authorities that the servers' certificates are checked against, "" for the system's.
	CAFile string
	// Replicas is on how many servers each record is before it counts as durable, if the stream is to be made. Zero: 3.
	Replicas int
}

const (
	defaultReplicas = 3
	// clusterMaxBytes is the size limit of a new journal on a cluster.
	clusterMaxBytes = 2 << 30
	// joinTime is how long a cluster may take to be found at the start.
	joinTime = 30 * time.Second
	joinWait = 500 * time.Millisecond
	// joinTry is how long the first try may take, before a request or its answer counts as lost. The next one has twice
	// the time then: a cluster that makes a stream may be slow.
	joinTry = 4 * time.Second
	// clusterAck is how long an answer may take: it was lost then, most likely, with the server that led.
	clusterAck = 1500 * time.Millisecond
	// A dead connection is noticed after pings·pingEvery.
	pingEvery = time.Second
	pings     = 3
	// clusterBeat is how often a reader hears from a server at least.
	clusterBeat = time.Second

	metaBorn = "talkbridge-born"
	floorKey = "floor"
)

// UnavailableError says that a cluster does not answer, or has no leader now. Nothing that was acknowledged is
// touched; what was not may be durable or become so. It works again by itself.
type UnavailableError struct {
	// URL is where it should be, without passwords.
	URL string
	// Err is what was seen.
	Err error
}

// Error names the place and the remedy.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("the journal's cluster %s does not answer (%v): see that most of its servers run and can be reached; talkbridge goes on by itself", e.URL, e.Err)
}

// Unwrap returns what was seen.
func (e *UnavailableError) Unwrap() error { return e.Err }

// enabled reports whether there is a cluster.
func (c Cluster) enabled() bool { return c.URL != "" }

func (c Cluster) replicas() int {
	if c.Replicas > 0 {
		return c.Replicas
	}
	return defaultReplicas
}

// place is the URL without passwords.
func (c Cluster) place() string {
	var places []string
	for one := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil {
			return "(unreadable address)"
		}
		places = append(places, u.Redacted())
	}
	return strings.Join(places, ",")
}

// join connects to the cluster and opens what settle opens. A cluster that is about to start is waited for.
func (c Cluster) join(ctx context.Context, site string, log logrus.FieldLogger, settle func(context.Context, *engine) (State, error)) (*engine, State, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	limit := joinTry
	for told := false; ; told = true {
		began := time.Now()
		e, s, err := c.tryToJoin(ctx, limit, site, log, settle)
		if err == nil {
			return e, s, nil
		}
		if time.Since(began) >= limit {
			limit *= 2
		}
		if !told && !c.refused(err) {
			log.WithError(err).WithField("cluster", c.place()).Warn("journal cluster not found yet, asking again")
		}
		if c.refused(err) || !pause(ctx, joinWait) {
			if _, damaged := errors.AsType[*DamagedError](err); damaged {
				return nil, State{}, err
			}
			return nil, State{}, &UnavailableError{URL: c.place(), Err: err}
		}
	}
}

func (c Cluster) tryToJoin(ctx context.Context, limit time.Duration, site string, log logrus.FieldLogger, settle func(context.Context, *engine) (State, error)) (*engine, State, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	e, err := c.connect(site, log)
	if err != nil {
		return nil, State{}, err
	}
	if err := e.greet(ctx); err != nil {
		return nil, State{}, errors.Join(err, e.stop())
	}
	s, err := settle(ctx, e)
	if err != nil {
		return nil, State{}, errors.Join(err, e.stop())
	}
	return e, s, nil
}

// greet asks for a sign of JetStream. One that is about to start may not answer at all.
func (e *engine) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, clusterAck)
	defer cancel()
	_, err := e.js.AccountInfo(ctx)
	return err
}

// refused reports what another try would not change.
func (c Cluster) refused(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount)
}

func (c Cluster) connect(site string, log logrus.FieldLogger) (*engine, error) {
	options := []nats.Option{
		nats.Name(streamName + " " + site),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.ReconnectBufSize(-1), // what cannot be sent now is an error now
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(pings),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.WithError(err).Debug("journal connection")
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil: closed by this side
				log.WithError(err).Warn("journal cluster lost, looking for another server")
			}
		}),
		nats.ReconnectHandler(func(conn *nats.Conn) {
			log.WithField("server", conn.ConnectedServerName()).Info("journal cluster found again")
		}),
	}
	if c.CredentialsFile != "" {
		options = append(options, nats.UserCredentials(c.CredentialsFile))
	}
	if c.CAFile != "" {
		options = append(options, nats.RootCAs(c.CAFile))
	}
	conn, err := nats.Connect(c.URL, options...)
	if err != nil {
		return nil, err
	}
	e := &engine{conn: conn, log: newEngineLog(log), name: streamName + "-" + site, cluster: c}
	e.js, err = jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(2*maxInFlight), jetstream.WithPublishAsyncTimeout(clusterAck))
	if err != nil {
		conn.Close()
		return nil, err
	}
	return e, nil
}

// adopt takes over the name and the birthday of a stream that another node made.
func (k *known) adopt(config jetstream.StreamConfig) {
	if k.Created {
		return
	}
	k.Epoch = config.Metadata[metaEpoch]
	if seconds, err := strconv.ParseInt(config.Metadata[metaBorn], 10, 64); err == nil {
		k.Born = time.Unix(seconds, 0).UTC()
	}
}

// catchFloor learns up to where another node has purged.
func (j *Journal) catchFloor(ctx context.Context, e *engine) error {
	entry, err := e.cache.Get(ctx, floorKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return j.explain(ctx, "read how far the journal was purged", err)
	}
	floor, err := strconv.ParseUint(string(entry.Value()), 10, 64)
	if err != nil {
		return fmt.Errorf("read how far the journal was purged: %w", err)
	}
	for {
		was := j.floor.Load()
		if floor <= was || j.floor.CompareAndSwap(was, floor) {
			return nil
		}
	}
}

// tellFloor tells the other nodes up to where this one is about to purge.
func (j *Journal) tellFloor(ctx context.Context, e *engine, seq uint64) error {
	if _, err := e.cache.Put(ctx, floorKey, strconv.AppendUint(nil, seq, 10)); err != nil {
		return j.explain(ctx, "write how far the journal is purged", err)
	}
	return nil
}

// measureAck returns the median time that a small write takes to become durable on the cluster.
func (e *engine) measureAck(ctx context.Context) (time.Duration, error) {
	return median(fsyncSamples, func() error {
		_, err := e.cache.Put(ctx, "probe", []byte("probe"))
		return err
	})
}
