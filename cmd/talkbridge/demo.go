package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// The names and numbers of the demonstration. They are those of the captured
// traffic.
const (
	demoSite     = "demo"
	demoSource   = "pbx1"
	demoDIDs     = 3
	demoClient   = "talkbridge-demo"
	demoSecret   = "demo-secret"
	demoAddress  = "127.0.0.1:8090"
	demoPatience = 45 * time.Second
	demoPoll     = 20 * time.Millisecond
)

// demoOptions are the flags of the command demo.
type demoOptions struct {
	calls   int
	exit    bool
	listen  string
	speed   float64
	verbose bool
	records bool             // calls are told of by call records
	twilio  bool             // the phone system is a simulated Twilio
	mix     asterisktest.Mix // what is played, again and again
}

func newDemo() *cobra.Command {
	o := demoOptions{mix: demoMix}
	cmd := &cobra.Command{
		Use:   "demo [--calls N] [--exit]",
		Short: "Show everything at work: no account, no phone system",
		Long: `Show talkbridge at work without an account and without a phone system: a simulated
Zendesk with the agents' browsers to look at, a phone system that plays captured
calls, and the daemon between them. Everything runs in this process, on loopback,
and leaves nothing behind. With --twilio the phone system is a simulated Twilio.

With --exit it ends when the calls are over, prints what became of each, and
exits 0 only if every call got what it should: none lost, none twice.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.calls < 0 || o.calls > maxListed {
				return fmt.Errorf("--calls %d: want 1 to %d, or 0 for no end", o.calls, maxListed)
			}
			if o.exit && o.calls == 0 {
				return errors.New("--exit needs --calls: without a number of calls there is no end")
			}
			if o.speed <= 0 || o.speed > 100 {
				return fmt.Errorf("--speed %g: want more than 0, at most 100", o.speed)
			}
			d := &demo{options: o, out: &lockedWriter{w: cmd.OutOrStdout()}}
			if err := d.run(cmd.Context(), cmd.ErrOrStderr()); err != nil {
				return asExit(err)
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&o.calls, "calls", 0, "play `N` calls; 0 goes on until Ctrl-C")
	cmd.Flags().BoolVar(&o.exit, "exit", false, "end when the calls are over, with a table")
	cmd.Flags().StringVar(&o.listen, "listen", demoAddress, "`address` of the simulated Zendesk")
	cmd.Flags().Float64Var(&o.speed, "speed", 2, "play the calls so many `times` faster than recorded")
	cmd.Flags().BoolVar(&o.records, "call-records", false, "tell of the calls by Zendesk's call records (zendesk.call_records)")
	cmd.Flags().BoolVar(&o.twilio, "twilio", false, "place the calls on a simulated Twilio")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "show the daemon's log")
	return cmd
}

// demo is the three parts of the demonstration.
type demo struct {
	options demoOptions
	out     io.Writer
	dir     string
	zendesk *zendesktest.Server
	pbx     *asterisktest.Server
	player  *asterisktest.Player
	twilio  *demoTwilio // instead of pbx and player, with --twilio
	daemon  *daemon
	// judging is called before the calls are judged, unless it is nil: tests
	// spoil something here, to see that it is noticed.
	judging func()
}

func (d *demo) run(ctx context.Context, logs io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "talkbridge-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demonstration: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d.dir = dir
	if err := d.startZendesk(); err != nil {
		return err
	}
	defer d.zendesk.Close()
	if err := d.startPhones(); err != nil { //nolint:contextcheck // they live until they are closed
		return err
	}
	defer func() { err = errors.Join(err, d.closePhones()) }()

	level := config.LogLevelError
	if d.options.verbose {
		level = config.LogLevelInfo
	}
	log := newLogger(config.Log{Level: level}, logs)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if d.daemon, err = newDaemon(ctx, d.config(), log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.daemon.Close()) }()
	if d.twilio != nil {
		d.twilio.reach(d.daemon.public.Addr().String())
	}
	ran := make(chan error, 1)
	go func() { ran <- d.daemon.Run(ctx) }()
	err = d.show(ctx)
	cancel()
	return errors.Join(err, <-ran)
}

// startZendesk starts the simulated account with its agents.
func (d *demo) startZendesk() error {
	d.zendesk = zendesktest.New(
		zendesktest.WithPlan(zendesktest.Unlimited),
		zendesktest.WithOAuthClient(demoClient, demoSecret),
		zendesktest.WithAgents(
			zendesktest.User{Name: "Alice Agent", Email: "alice@example.com"},
			zendesktest.User{Name: "Bob Agent", Email: "bob@example.com"},
			zendesktest.User{Name: "Carol Agent", Email: "carol@example.com"},
		),
	)
	if err := d.zendesk.Start(d.options.listen); err == nil {
		return nil
	}
	if err := d.zendesk.Start("127.0.0.1:0"); err != nil {
		return fmt.Errorf("start the simulated Zendesk: %w", err)
	}
	return nil
}

// startPhones starts the phone system that is asked for.
func (d *demo) startPhones() error {
	if !d.options.twilio {
		return d.startPBX()
	}
	var err error
	d.twilio, err = startDemoTwilio(d.options.speed)
	return err
}

func (d *demo) closePhones() error {
	if d.twilio != nil {
		d.twilio.Close()
		return nil
	}
	return d.pbx.Close()
}

// startPBX starts an Asterisk.
func (d *demo) startPBX() error {
	var err error
	if d.pbx, err = asterisktest.Start(asterisktest.Config{}); err != nil {
		return fmt.Errorf("start the phone system: %w", err)
	}
	d.player = &asterisktest.Player{
		Server: d.pbx, Speed: d.options.speed, Seed: uint64(time.Now().UnixNano()),
		Voicemail: d.folder("voicemail"), Recordings: d.folder("monitor"),
	}
	return errors.Join(os.MkdirAll(d.player.Voicemail, 0o700), os.MkdirAll(d.player.Recordings, 0o700))
}

func (d *demo) folder(name string) string { return filepath.Join(d.dir, name) }

// config is what a user would write for this site.
func (d *demo) config() *config.Config {
	cfg := config.Default()
	cfg.Site, cfg.Country = demoSite, "DE"
	cfg.Zendesk.URL = d.zendesk.URL()
	cfg.Zendesk.OAuth = &config.OAuth{ClientID: demoClient, ClientSecret: config.NewSecret(demoSecret), Scope: "read write"}
	if d.options.records {
		cfg.Zendesk.CallRecords = &config.CallRecords{AppID: zendesktest.DefaultAppID}
	}
	for i := range demoDIDs {
		cfg.Lines = append(cfg.Lines, config.Line{
			Number: demoDID(i), Name: []string{"Support", "Sales", "Service"}[i], Country: "DE",
		})
	}
	for i, name := range []string{"Alice", "Bob", "Carol"} {
		cfg.Agents = append(cfg.Agents, config.Agent{
			Name: name + " Agent", Zendesk: config.AgentRef{Email: []string{"alice", "bob", "carol"}[i] + "@example.com"},
			Numbers: []string{fmt.Sprintf("100%d", i+1)},
		})
	}
	cfg.Journal.Dir = d.folder("journal")
	cfg.Recordings.Dir, cfg.Recordings.KeysFile = d.folder("recordings"), d.folder("keys")
	cfg.HTTP.Listen, cfg.HTTP.PublicListen = "127.0.0.1:0", "127.0.0.1:0"
	if d.twilio != nil {
		d.twilio.configure(&cfg)
		return &cfg
	}
	user := asterisktest.LeastPrivilegeUser()
	cfg.Sources = []config.Source{{Name: demoSource, Asterisk: &config.Asterisk{
		Address: d.pbx.Addr(), Username: user.Name, Secret: config.NewSecret(user.Secret),
		Trunks: []string{"PJSIP/trunk"}, Voicemail: d.player.Voicemail, Recordings: d.player.Recordings, Keepalive: 15 * time.Second,
	}}}
	return &cfg
}

// show waits for the daemon, says where to look, and plays the calls.
func (d *demo) show(ctx context.Context) error {
	if err := d.waitReady(ctx); err != nil {
		return err
	}
	d.greet()
	if d.options.exit {
		return errors.Join(d.play(ctx), d.report(ctx))
	}
	if err := d.watch(ctx); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(d.out, "\nDemonstration over. Nothing was left behind.")
	return nil
}

// watch plays the calls and tells what happens until ctx is over.
func (d *demo) watch(ctx context.Context) error {
	var told sync.WaitGroup
	telling, quiet := context.WithCancel(ctx)
	told.Go(func() { d.tell(telling) })
	defer told.Wait()
	defer quiet()
	if err := d.play(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("play the calls: %w", err)
	}
	if ctx.Err() == nil {
		_, _ = fmt.Fprintln(d.out, "\nThe calls are over; the pages stay until Ctrl-C.")
	}
	<-ctx.Done()
	return nil
}

// lockedWriter lets several goroutines write whole texts.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// waitReady waits until the daemon is connected to both sides.
func (d *demo) waitReady(ctx context.Context) error {
	patience := time.NewTimer(demoPatience)
	defer patience.Stop()
	tick := time.NewTicker(demoPoll)
	defer tick.Stop()
	for {
		h := d.daemon.health(ctx)
		if len(h.Errors) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-patience.C:
			return fmt.Errorf("the daemon did not become ready: %v", h.Errors)
		case <-tick.C:
		}
	}
}

// demoMix is what twenty calls are made of.
var demoMix = asterisktest.Mix{Inbound: 8, Outbound: 3, Missed: 2, Voicemail: 2, Busy: 1, Greeting: 1, Unanswered: 1, Internal: 1, Withheld: 1}

// play plays the calls: a number of them, or one mix after the other.
func (d *demo) play(ctx context.Context) error {
	every := time.Duration(float64(1500*time.Millisecond) / d.options.speed)
	if d.options.exit {
		every /= 2
	}
	left, seed := d.options.calls, uint64(time.Now().UnixNano())
	for first := true; ctx.Err() == nil; first = false {
		scenarios := d.options.mix.Scenarios(seed)
		seed++
		if d.options.calls > 0 {
			scenarios = scenarios[:min(left, len(scenarios))]
			left -= len(scenarios)
		}
		if err := d.playAll(ctx, scenarios, every, first); err != nil {
			return err
		}
		if d.options.calls > 0 && left == 0 {
			return nil
		}
	}
	return context.Cause(ctx)
}

// playAll starts the scenarios one after the other and waits for all of them.
// The very first call is one that is answered: there is a page to see at once.
func (d *demo) playAll(ctx context.Context, scenarios []asterisktest.Scenario, every time.Duration, first bool) error {
	if first {
		for i := range scenarios {
			if scenarios[i].Kind == "inbound" {
				scenarios[0], scenarios[i] = scenarios[i], scenarios[0]
				break
			}
		}
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	done := make(chan error, len(scenarios))
	for i, s := range scenarios {
		s.Agents = demoAgents(s.Kind, i)
		if s.Caller.Name != "" {
			s.Caller.Name = demoNames[i%len(demoNames)]
		}
		go func() { done <- d.playOne(ctx, i, first, s) }()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	var errs []error
	for range scenarios {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}

// playOne plays the i-th call to its end.
func (d *demo) playOne(ctx context.Context, i int, first bool, s asterisktest.Scenario) error {
	if d.twilio != nil {
		return d.twilio.play(ctx, i, s)
	}
	_, err := d.playerOf(i, first).Play(ctx, s)
	return err
}

// demoNames are what callers are called. Nobody in particular.
var demoNames = []string{
	"Erika Muster", "Jane Doe", "Juan Pérez", "Maria Rossi", "Jan Kowalski", "Ola Nordmann", "Jean Dupont", "Anna Novák",
	"Li Wei", "Mehmet Yılmaz", "Ali Hassan", "Aiko Tanaka",
}

// playerOf is who plays the i-th call: the very first one goes twice as fast,
// for whoever waits for something to see.
func (d *demo) playerOf(i int, first bool) *asterisktest.Player {
	if i > 0 || !first {
		return d.player
	}
	p := d.player
	return &asterisktest.Player{Server: p.Server, Speed: 2 * p.Speed, Seed: p.Seed, Voicemail: p.Voicemail, Recordings: p.Recordings}
}

// demoAgents spreads the calls over the agents.
func demoAgents(kind string, i int) []string {
	if kind == "internal" {
		return nil
	}
	return []string{fmt.Sprintf("100%d", i%3+1)}
}
