package torture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// The names and secrets of the site that is tortured.
const (
	siteName, sourceName = "torture", "pbx1"
	clientID             = "talkbridge-torture"
	clientSecret         = "torture-client-secret"
	// pace is how much faster the minutes of a plan's limits pass; those of the
	// daemon do not, so it is told of so many more updates in one of its own.
	pace    = 15
	updates = pace * zendesk.UpdatesPerMinute
	// settle is tickets.settle of the configuration: the least there may be.
	settle = 30 * time.Second
	// markedBytes is how large sounds are at most.
	markedBytes = 8 << 10
	// startPatience is how long a daemon may take until it is connected.
	startPatience = 3 * time.Minute
)

// site is a phone system, a Zendesk and a folder: what the program is put
// between.
type site struct {
	options Options
	plan    zendesktest.Plan
	dir     string
	config  string
	journal string
	secret  string // of whoever signs
	token   string // of Twilio, and of whoever pushes

	zendesk *zendesktest.Server
	gate    *Gate
	pbx     *asterisktest.Server
	player  *asterisktest.Player
	witness *Witness
	log     *logFile
	faults  []*zendesktest.Injected
	twilio  *twiliotest.Server // nil where no calls come from there, as are pbx and player
	sender  *sender
	socket  *socket
	batches *batches

	mu    sync.Mutex
	child *Child
	deaf  map[Source][]span
	tally Tally
}

// span is a time in which the daemon may have heard nothing.
type span struct{ from, to time.Time }

// newSite starts everything but the daemon.
func newSite(o Options, plan zendesktest.Plan, dir string, seed uint64, calls int) (_ *site, err error) {
	s := &site{options: o, plan: plan, dir: dir, config: filepath.Join(dir, "talkbridge.yaml"), deaf: map[Source][]span{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for _, name := range []string{"voicemail", "monitor"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, fmt.Errorf("make the site: %w", err)
		}
	}
	if s.log, err = newLogFile(filepath.Join(dir, "daemon.log")); err != nil {
		return nil, err
	}
	var people []zendesktest.User
	for i := range agents {
		people = append(people, zendesktest.User{Name: agentName(i), Email: agentEmail(i)})
	}
	s.zendesk = zendesktest.New(
		zendesktest.WithPlan(plan), zendesktest.WithPace(pace), zendesktest.WithSeed(seed),
		zendesktest.WithOAuthClient(clientID, clientSecret), zendesktest.WithAgents(people...),
		zendesktest.WithRetention(zendesktest.Retention{Tickets: 2*calls + 1000, Users: 2*calls + 1000, Pops: 8*calls + 1000, Requests: 20_000}),
	)
	if s.gate, err = NewGate(s.zendesk); err != nil {
		return nil, err
	}
	if err := s.installPhones(seed, calls); err != nil {
		return nil, err
	}
	s.journal = cmp.Or(o.Journal, filepath.Join(dir, "journal"))
	s.witness = NewWitness(s.journal)
	if err := os.WriteFile(s.config, []byte(s.yaml()), 0o600); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return s, nil
}

// yaml is the configuration as a person would write it.
func (s *site) yaml() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, `site: %s
country: DE
zendesk:
  url: %s
  timeout: 2s
  updates_per_minute: %d
  oauth: {client_id: %s, client_secret: %s}
sources:
%stickets: {settle: %s}
journal: {dir: %q}
http: {listen: "127.0.0.1:0", public_listen: "127.0.0.1:0", public_url: %q}
lines:
`, siteName, s.gate.URL(), updates, clientID, clientSecret, s.sources(), settle, s.journal, publicURL)
	for i := range lines {
		_, _ = fmt.Fprintf(&b, "  - {number: \"+1555010000%d\", name: Line %d}\n", i+1, i+1)
	}
	b.WriteString("agents:\n")
	for i := range agents {
		_, _ = fmt.Fprintf(&b, "  - {name: %s, zendesk: %s, numbers: [%q, %q, %q]}\n", agentName(i), agentEmail(i), extension(i), mobile(i), client(i))
	}
	return b.String()
}

// command is the program with arguments and the configuration.
func (s *site) command(args ...string) []string {
	return append(append(append([]string{}, s.options.Command...), args...), "--config", s.config)
}

// start starts the daemon and waits until it knows what is live on the phone
// system.
func (s *site) start(ctx context.Context) error {
	before := map[Source]int{}
	for _, share := range s.options.shares() {
		before[share.Source] = s.log.sessions(share.Source)
	}
	child, err := StartChild(s.log, s.options.Env, s.command("serve")...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.child = child
	s.mu.Unlock()
	return s.await(ctx, "connected with the phone systems", func() bool {
		for source, sessions := range before {
			if s.log.sessions(source) <= sessions {
				return false
			}
		}
		return true
	})
}

// await waits for something of the daemon.
func (s *site) await(ctx context.Context, what string, so func() bool) error {
	child := s.daemon()
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("the daemon was not %s after %s", what, startPatience))
	defer cancel()
	for !so() {
		select {
		case <-child.Ended:
			return fmt.Errorf("the daemon ended by itself before it was %s: %w", what, errors.Join(child.Result, io.EOF))
		default:
		}
		if !wait(ctx, 10*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// daemon is the newest child.
func (s *site) daemon() *Child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.child
}

// deafSince notes that the daemon may have missed what happened since then on some
// sources.
func (s *site) deafSince(from time.Time, sources ...Source) {
	const around = 1500 * time.Millisecond // what was on its way
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, source := range sources {
		s.deaf[source] = append(s.deaf[source], span{from.Add(-around), time.Now().Add(around)})
	}
}

// reconnecting is how long a daemon may be without a connection, at most, before it
// says that it has a new one, where nobody saw the old one end.
const reconnecting = 3 * time.Second

// listen notes when nobody is connected to the phone system: it throws out who
// reads too slowly, as Asterisk does, and a busy machine may do that to the daemon.
func (s *site) listen(ctx context.Context) {
	if s.pbx == nil {
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	sessions := 0
	for alone := (time.Time{}); ; {
		if begun := s.log.sessions(Asterisk); begun > sessions {
			sessions = begun
			s.deafSince(time.Now().Add(-reconnecting), Asterisk)
		}
		switch connected := s.pbx.Clients() > 0; {
		case !connected && alone.IsZero():
			alone = time.Now()
		case connected && !alone.IsZero():
			s.deafSince(alone, Asterisk)
			alone = time.Time{}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// deafness is for how long, in all, the daemon may have been deaf to a source in
// spans that touch a time, or go on from those that do.
func (s *site) deafness(source Source, from, to time.Time) time.Duration {
	s.mu.Lock()
	spans := slices.Clone(s.deaf[source])
	s.mu.Unlock()
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	var sum time.Duration
	var counted time.Time
	for _, d := range spans {
		touches := d.from.Before(to) || d.from.Before(counted)
		if touches && d.to.After(from) && d.to.After(counted) {
			if d.from.Before(counted) {
				d.from = counted
			}
			sum += d.to.Sub(d.from)
			counted = d.to
		}
	}
	return sum
}

// count changes the tally.
func (s *site) count(change func(*Tally)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.tally)
}

// close ends whatever runs.
func (s *site) close() error {
	var errs []error
	if child := s.daemon(); child != nil {
		child.Kill()
	}
	if s.gate != nil {
		errs = append(errs, s.gate.Shut())
	}
	if s.zendesk != nil {
		s.zendesk.Close()
	}
	if s.pbx != nil {
		errs = append(errs, s.pbx.Close())
	}
	if s.twilio != nil {
		s.twilio.Close()
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	return errors.Join(errs...)
}
