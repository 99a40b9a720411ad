package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/presence"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/twilio"
	"github.com/talkbridge/talkbridge/zendesk"
)

// daemon is the whole program as a value: newDaemon opens what it needs, Run
// works until its context is over, Close gives everything back.
type daemon struct {
	cfg      *config.Config
	log      logrus.FieldLogger
	registry *prometheus.Registry
	// backfillSince is what serve was told by --since, zero for nothing.
	backfillSince time.Time

	journal   *journal.Journal
	node      string // names this process
	lease     *journal.Lease
	client    *zendesk.Client
	directory *screenpop.Directory
	// remembered are the agents in agentsFile; once the daemon runs, of who resolves.
	remembered map[string]int64
	audio      *audio
	bridge     *bridge.Bridge
	sources    []*telephony.Supervisor
	dialDesk   *dialDesk
	twilio     map[string]*twilio.Source
	receivers  []receiver // those of the sources that are told of calls over HTTP
	gaps       *gaps
	feed       *feed.Hub
	feedNames  *feedNames
	gate       *feed.Gate
	presence   *presence.Service // nil where statuses are nobody's business

	listener, public, control net.Listener
	guards                    map[string]*guard         // of the listeners, by the key that configures them
	tls                       map[string]*tls.Config    // of those that have it
	resolve                   chan struct{}             // asks for another look at the agents
	troubles                  atomic.Pointer[[]trouble] // of the last look, nil before it
	closers                   []closer
}

type closer struct {
	name  string
	close func() error
}

// newDaemon opens everything in order: the journal first, so that a second
// daemon hears of the first one and not of its addresses. What was opened before a failure is
// closed again.
func newDaemon(ctx context.Context, cfg *config.Config, log logrus.FieldLogger, options ...func(*daemon)) (_ *daemon, err error) {
	d := &daemon{cfg: cfg, log: log, registry: prometheus.NewRegistry(), resolve: make(chan struct{}, 1)}
	for _, set := range options {
		set(d)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	for _, open := range []func(context.Context) error{
		d.openJournal, d.openListeners, d.openTLS, d.openGuards, d.openAudio, d.openZendesk, d.openBridge, d.openFeed, d.openSources, d.openPresence, d.openMetrics,
	} {
		if err := open(ctx); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *daemon) onClose(name string, f func() error) {
	d.closers = append(d.closers, closer{name, f})
}

// Close gives back what newDaemon opened, the last first.
func (d *daemon) Close() error {
	var errs []error
	for _, c := range slices.Backward(d.closers) {
		if err := c.close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("close %s: %w", c.name, err))
		}
	}
	d.closers = nil
	return errors.Join(errs...)
}

func (d *daemon) openListeners(ctx context.Context) error {
	var err error
	if d.listener, err = d.listen(ctx, "http.listen", d.cfg.HTTP.Listen); err != nil {
		return err
	}
	d.public, err = d.listen(ctx, "http.public_listen", d.cfg.HTTP.PublicListen)
	return err
}

func (d *daemon) listen(ctx context.Context, key, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, explainListen(key, address, err)
	}
	d.onClose(key, l.Close)
	return l, nil
}

func (d *daemon) openJournal(ctx context.Context) error {
	j, err := journal.Open(ctx, journalOptions(d.cfg, d.log))
	if err != nil {
		return err
	}
	d.journal = j
	d.node = nodeName()
	d.lease = j.Lease(d.node)
	d.onClose("journal", j.Close)
	if d.control, err = j.ListenControl(ctx); err != nil {
		return fmt.Errorf("journal.dir: %w", err)
	}
	d.onClose("control socket", d.control.Close)
	return nil
}

func (d *daemon) openAudio(context.Context) error {
	a, err := openAudio(d.cfg, d.public.Addr(), d.log) //nolint:contextcheck // folders of this machine
	if err != nil {
		return err
	}
	d.audio = a
	d.onClose("recordings", a.Close)
	return nil
}

func (d *daemon) openZendesk(context.Context) error {
	var err error
	d.client, err = newZendesk(d.cfg.Zendesk, func(ex zendesk.Exchange) {
		if d.bridge != nil {
			d.bridge.Observe(ex)
		}
	})
	if err != nil {
		return fmt.Errorf("zendesk: %w", err)
	}
	d.onClose("zendesk connections", func() error {
		d.client.CloseIdleConnections()
		return nil
	})
	if d.cfg.Recordings.Mode == config.RecordingsModeUpload {
		d.audio.upload = d.client
	}
	d.directory, err = screenpop.NewDirectory(agentEntries(d.cfg), d.cfg.Countries()...)
	if err != nil {
		return &exitError{exitConfig, fmt.Errorf("agents: %w", err)}
	}
	d.recallAgents()
	return nil
}

func (d *daemon) openBridge(context.Context) error {
	var err error
	options := bridge.Options{
		Journal: d.journal, Zendesk: d.client, Audio: d.audio, Policy: newPolicy(d.cfg, d.directory),
		Node: d.node, Turn: d.lease, Log: d.log, Metrics: d.registry,
	}
	if err := d.openSpeech(&options); err != nil {
		return err
	}
	d.bridge, err = bridge.New(options)
	return err
}

func (d *daemon) openSources(context.Context) error {
	d.gaps = newGaps(d.journal, d.registry, d.log)
	d.dialDesk = newDialDesk(d)
	for i, s := range d.cfg.Sources {
		p, err := d.newPhone(fmt.Sprintf("sources[%d]", i), s)
		if err != nil {
			return err
		}
		d.dialDesk.add(p.dialler)
		if r, told := p.source.(receiver); told {
			d.receivers = append(d.receivers, r)
		}
		sink := d.gaps.sink(d.bridge.Sink(s.Name), s.Name, p.recorded)
		d.sources = append(d.sources, telephony.NewSupervisor(p.source, sink, d.log))
	}
	return nil
}

// since is before when no call is taken from call records: the first start on this
// journal, unless somebody said otherwise.
func (d *daemon) since() time.Time {
	if !d.backfillSince.IsZero() {
		return d.backfillSince
	}
	return d.journal.Born()
}

// nodeName tells the processes of a site apart: the host, and a word of this
// start's own.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	return host + "-" + rand.Text()[:6]
}

// Run works until ctx is over or something that everything rests on fails.
func (d *daemon) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	bridged := make(chan error, 1)
	turn, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	wg.Go(func() {
		err := d.bridge.Run(ctx)
		bridged <- err
		cancel(err)
		leave() // what was under way is over
	})
	wg.Go(func() { d.lease.Run(turn) })
	wg.Go(func() { d.audio.sweep(ctx) })
	wg.Go(func() { d.resolveAgents(ctx) })
	wg.Go(func() { d.gaps.follow(ctx, d.sources) })
	wg.Go(func() {
		if err := d.feed.Run(ctx); err != nil {
			cancel(fmt.Errorf("live feed: %w", err))
		}
	})
	for name, serve := range d.servers() {
		wg.Go(func() {
			if err := serve(ctx); err != nil {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	select {
	case <-d.bridge.Ready():
		d.log.WithField("site", d.cfg.Site).WithField("journal", d.cfg.Journal.Dir).Info("journal read, working")
		for _, s := range d.sources {
			wg.Go(func() { s.Run(ctx) })
		}
		wg.Go(func() { d.runPresence(ctx) })
	case <-ctx.Done():
	}
	<-ctx.Done()
	wg.Wait()
	err := <-bridged
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// journalOptions are where the journal is.
func journalOptions(cfg *config.Config, log logrus.FieldLogger) journal.Options {
	return journal.Options{
		Dir: cfg.Journal.Dir, Site: cfg.Site, MaxBytes: int64(cfg.Journal.MaxSize), Log: log,
		Cluster: journal.Cluster{
			URL: cfg.Journal.URL, CredentialsFile: cfg.Journal.CredentialsFile, CAFile: cfg.Journal.CAFile, Replicas: cfg.Journal.Replicas,
		},
	}
}

// socketDir is the folder of the control socket.
func socketDir(cfg *config.Config) string { return filepath.Clean(cfg.Journal.Dir) }
