package asterisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

const (
	// probeGrace is how long a probe may take beyond its login and its watch.
	probeGrace = 15 * time.Second
	// DefaultWatch is how long a probe listens for events.
	DefaultWatch = 2 * time.Second
	// MaxWatch bounds how long a probe listens.
	MaxWatch = 10 * time.Minute
)

// Report is what a Probe found out about an Asterisk. What comes after the step
// at which the probe failed has its zero value.
type Report struct {
	// Greeting is the line with which Asterisk began, such as "Asterisk Call
	// Manager/11.0.0"; "" if nothing greeted.
	Greeting string
	// Encrypted says that the connection is TLS.
	Encrypted bool
	// Connected is how long the connection took, RoundTrip an action and its
	// answer.
	Connected, RoundTrip time.Duration
	// LoggedIn says that username and secret were taken.
	LoggedIn bool
	// ClockKnown says that Asterisk told its time, and Ahead how far that is
	// ahead of ours; negative: behind.
	ClockKnown bool
	Ahead      time.Duration
	// StartedAt is when Asterisk was started, zero if it does not say.
	StartedAt time.Time

	// Status says that the action Status is allowed, which asks for the live
	// channels; StatusAnswer is what Asterisk said if it is not.
	Status       bool
	StatusAnswer string
	// Filter says that the action Filter is allowed. It needs write=system,
	// which allows much more.
	Filter bool
	// Pauses says that the action QueuePause is allowed: write=agent. Only Members
	// needs it.
	Pauses bool
	// Powers are actions that talkbridge does not need and this user may do,
	// of those that can do harm, in ascending order.
	Powers []string

	// Watched is how long events were listened for.
	Watched time.Duration
	// Channels is how many channels were up at the end of it; Moved how many
	// came or went meanwhile: events must tell of each.
	Channels, Moved int
	// Events is how many events came, Useful how many of them are used, Stamped
	// how many of them carry the time at which they happened.
	Events, Useful, Stamped int
	// Classes counts the events by the privilege class that let them through.
	Classes map[string]int
	// FullyBooted says that Asterisk reported to have come up, which it tells
	// those who read the class system. talkbridge needs neither.
	FullyBooted bool
}

// harmful are the actions that a user who only listens should not have.
var harmful = []string{"Command", "DBDel", "DBPut", "Hangup", "Originate", "Redirect", "Reload", "UpdateConfig"}

// Probe connects to an Asterisk, logs in, asks for what a Source asks for,
// listens for the time watch (0 means DefaultWatch, at most MaxWatch), and logs
// off. It changes nothing there, keeps nothing and may run beside a Source.
//
// The error is the first thing without which a Source cannot work; the report
// says how far it came. See ErrAuthentication and ErrNoGreeting.
func Probe(ctx context.Context, config Config, watch time.Duration) (Report, error) {
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	source, err := New(config, quiet)
	if err != nil {
		return Report{}, err
	}
	if watch <= 0 {
		watch = DefaultWatch
	}
	watch = min(watch, MaxWatch)
	p := &prober{source: source, report: Report{Classes: make(map[string]int)}}
	if err := p.run(ctx, watch); err != nil {
		return p.report, source.describe(ctx, err)
	}
	return p.report, nil
}

// prober is one probe. It has one owner.
type prober struct {
	source *Source
	link   *link
	report Report
}

func (p *prober) run(ctx context.Context, watch time.Duration) error {
	begun := time.Now()
	conn, err := p.source.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing is left to lose
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	p.report.Connected, p.report.Encrypted = time.Since(begun), p.source.config.TLS != nil
	p.open(conn)
	if err := p.login(); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(watch + probeGrace)); err != nil {
		return fmt.Errorf("set a limit: %w", err)
	}
	return p.explore(watch)
}

// open makes the link. Unlike that of a session it lets every event through.
func (p *prober) open(conn net.Conn) {
	p.link = newLink(conn, &p.source.count)
	all := NewReader(listener{p.link}, nil)
	all.count, all.actionID = p.link.count, p.link.actionID
	p.link.Reader = all
}

func (p *prober) login() error {
	l := p.link
	var err error
	if p.report.Greeting, err = p.source.greet(l); err != nil {
		return err
	}
	if err := l.conn.SetReadDeadline(l.begun.Add(loginTimeout)); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	if err := p.source.authenticate(l, "on"); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	p.report.LoggedIn = true
	return nil
}

// explore asks for everything, with events coming in between.
func (p *prober) explore(watch time.Duration) error {
	if err := p.ping(); err != nil {
		return err
	}
	if err := p.started(); err != nil {
		return err
	}
	before, err := p.channels()
	if err != nil {
		return err
	}
	if err := p.watch(watch); err != nil {
		return err
	}
	after, err := p.channels()
	if err != nil {
		return err
	}
	p.report.Channels = len(after)
	for id := range after {
		if !before[id] {
			p.report.Moved++
		}
		delete(before, id)
	}
	p.report.Moved += len(before)
	if err := p.powers(); err != nil {
		return err
	}
	_, err = p.link.act("Logoff")
	return err
}

// ask writes an action and reads up to its answer; events in between count.
func (p *prober) ask(name string, fields ...field) (Message, error) {
	id, err := p.link.act(name, fields...)
	if err != nil {
		return Message{}, err
	}
	return p.await(name, func(m Message) bool { return m.Get("Response") != "" && m.Get("ActionID") == id })
}

// await reads up to a message. A bad one is passed over.
func (p *prober) await(name string, is func(Message) bool) (Message, error) {
	for {
		m, err := p.link.Read()
		switch {
		case errors.Is(err, ErrMalformed):
			continue
		case err != nil:
			return Message{}, fmt.Errorf("await the answer to %s: %w", name, err)
		case is(m):
			return m, nil
		}
		p.hear(m)
	}
}

// hear counts an event.
func (p *prober) hear(m Message) {
	kind, classes := m.Kind(), m.Get("Privilege")
	if kind == "" || kind == "Status" || classes == "" {
		return
	}
	p.report.Events++
	for class := range strings.SplitSeq(classes, ",") {
		if class != "all" {
			p.report.Classes[class]++
		}
	}
	if kind == "FullyBooted" {
		p.report.FullyBooted = true
		p.report.Events-- // it comes to everybody, and never with its time
		return
	}
	if wanted([]byte(kind), []byte(m.Get("Variable"))) {
		p.report.Useful++
	}
	if m.Get("Timestamp") != "" {
		p.report.Stamped++
	}
}

func (p *prober) ping() error {
	asked := time.Now()
	pong, err := p.ask("Ping")
	if err != nil {
		return err
	}
	p.report.RoundTrip = time.Since(asked)
	there, err := parseTimestamp(pong.Get("Timestamp"))
	if err != nil {
		return nil //nolint:nilerr // an Asterisk that does not tell its time is none that fails
	}
	p.report.ClockKnown, p.report.Ahead = true, there.Sub(asked.Add(p.report.RoundTrip/2))
	return nil
}

// started asks since when Asterisk runs. It says so in its own local time,
// which is taken to be ours.
func (p *prober) started() error {
	answer, err := p.ask("CoreStatus")
	if err != nil {
		return err
	}
	at, err := time.ParseInLocation(time.DateTime, answer.Get("CoreStartupDate")+" "+answer.Get("CoreStartupTime"), time.Local)
	if err == nil {
		p.report.StartedAt = at.UTC()
	}
	return nil
}

// channels are the Uniqueids of what is up, none where Status is not allowed.
func (p *prober) channels() (map[string]bool, error) {
	up := make(map[string]bool)
	id, err := p.link.act("Status")
	if err != nil {
		return nil, err
	}
	answer, err := p.await("Status", func(m Message) bool { return m.Get("Response") != "" && m.Get("ActionID") == id })
	if err != nil {
		return nil, err
	}
	if p.report.Status = answer.Get("Response") == "Success"; !p.report.Status {
		p.report.StatusAnswer = pbx.Bounded(answer.Get("Message"), pbx.MaxValue)
		return up, nil
	}
	_, err = p.await("Status", func(m Message) bool {
		if m.Get("ActionID") != id {
			return false
		}
		if unique := m.Get("Uniqueid"); unique != "" {
			up[unique] = true
		}
		return m.Kind() == "StatusComplete"
	})
	return up, err
}

// watch listens for a time. Its end is a ping's answer, so that no message is
// cut.
func (p *prober) watch(d time.Duration) error {
	begun := time.Now()
	sent := make(chan error, 1)
	timer := time.AfterFunc(d, func() {
		_, err := p.link.act("Ping")
		sent <- err
	})
	_, err := p.await("Ping", func(m Message) bool { return m.Get("Ping") == "Pong" })
	p.report.Watched = time.Since(begun)
	if timer.Stop() {
		return err // the connection ended before the ping was due
	}
	return errors.Join(err, <-sent)
}

// powers asks what else this user may do, and for the filters last: from then
// on fewer events come.
func (p *prober) powers() error {
	commands, err := p.ask("ListCommands")
	if err != nil {
		return err
	}
	may := make(map[string]bool)
	for _, h := range commands.Headers {
		may[h.Key] = true
	}
	p.report.Pauses = may["QueuePause"]
	p.report.Powers = slices.Sorted(maps.Keys(may))
	p.report.Powers = slices.DeleteFunc(p.report.Powers, func(name string) bool { return !slices.Contains(harmful, name) })
	answer, err := p.ask("Filter", field{"Operation", "Add"}, field{"Filter", eventFilters[0]})
	p.report.Filter = answer.Get("Response") == "Success"
	return err
}
