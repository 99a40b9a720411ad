package ari

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/sirupsen/logrus"
)

const (
	// DefaultWatch is how long a probe listens for events.
	DefaultWatch = 2 * time.Second
	// MaxWatch bounds how long a probe listens.
	MaxWatch = 10 * time.Minute
	// probeGrace is how long a probe may take beyond its watch.
	probeGrace = 20 * time.Second
)

// Report is what a Probe found out about an Asterisk. What comes after the step at
// which the probe failed has its zero value.
type Report struct {
	// Version is what Asterisk says of itself, such as "22.10.1".
	Version string
	// Encrypted says that the connection is TLS.
	Encrypted bool
	// RoundTrip is how long a request and its answer took.
	RoundTrip time.Duration
	// ClockKnown says that Asterisk told its time, and Ahead how far that is ahead of
	// ours, give or take a second; negative: behind.
	ClockKnown bool
	Ahead      time.Duration
	// StartedAt is when Asterisk was started, zero if it does not say.
	StartedAt time.Time
	// Listening says that the stream of events was opened.
	Listening bool
	// Connected says that somebody is connected with the app that is configured: this
	// program's own daemon, or somebody else.
	Connected bool
	// Writes says that this user may also control calls.
	Writes bool
	// Watched is how long events were listened for.
	Watched time.Duration
	// Channels is how many channels were up at the end of it; Moved how many came or
	// went meanwhile: events must tell of each.
	Channels, Moved int
	// Events is how many messages came, Useful how many of them are used.
	Events, Useful int
	// Seen is how many channels were looked at, in lists and messages; Linked how many
	// of them said which call they are of, Presented whether their number may be shown.
	Seen, Linked, Presented int
}

// Probe connects to an Asterisk, logs in, asks for what a Source asks for, and
// listens for the time watch (0 means DefaultWatch, at most MaxWatch). It changes
// nothing there and may run beside a Source: it takes an app of its own.
//
// The error is the first thing without which a Source cannot work; the report says
// how far it came. See ErrAuthentication and ErrNoARI.
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
	ctx, cancel := context.WithTimeoutCause(ctx, watch+probeGrace, errors.New("no answer in time"))
	defer cancel()
	defer source.client.close()
	p := &prober{source: source}
	p.report.Encrypted = source.client.base.Scheme == "https"
	if err := p.run(ctx, watch); err != nil {
		return p.report, source.describe(ctx, err)
	}
	return p.report, nil
}

// prober is one probe. It has one owner.
type prober struct {
	source *Source
	report Report
}

func (p *prober) run(ctx context.Context, watch time.Duration) error {
	if err := p.info(ctx); err != nil {
		return err
	}
	var app any
	_, err := p.source.client.get(ctx, &app, nil, "applications", p.source.config.App)
	if p.report.Connected = err == nil; err != nil && !errors.Is(err, errNotFound) {
		return err
	}
	conn, err := p.source.client.events(ctx, p.source.config.App+"-probe-"+rand.Text()[:6])
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing is left to lose
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	p.report.Listening = true
	before, err := p.channels(ctx)
	if err != nil {
		return err
	}
	if err := p.watch(ctx, conn, watch); err != nil {
		return err
	}
	after, err := p.channels(ctx)
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
	return p.writes(ctx)
}

func (p *prober) info(ctx context.Context) error {
	var answer struct {
		System struct {
			Version string `json:"version"`
		} `json:"system"`
		Status struct {
			Started string `json:"startup_time"`
		} `json:"status"`
	}
	asked := time.Now()
	clock, err := p.source.client.get(ctx, &answer, nil, "asterisk", "info")
	if errors.Is(err, errNotFound) {
		return refusal(http.StatusNotFound)
	}
	if err != nil {
		return err
	}
	p.report.RoundTrip, p.report.Version = time.Since(asked), answer.System.Version
	if p.report.ClockKnown = !clock.IsZero(); p.report.ClockKnown {
		p.report.Ahead = clock.Sub(asked).Round(time.Second)
	}
	if at, err := time.Parse(stampLayout, answer.Status.Started); err == nil {
		p.report.StartedAt = at.UTC()
	}
	return nil
}

// channels are the ids of what is up.
func (p *prober) channels(ctx context.Context) (map[string]bool, error) {
	var list []*channel
	if _, err := p.source.client.get(ctx, &list, nil, "channels"); err != nil {
		return nil, err
	}
	up := make(map[string]bool, len(list))
	for _, c := range list {
		if c != nil {
			up[c.ID] = true
			p.see(c)
		}
	}
	return up, nil
}

func (p *prober) see(c *channel) {
	p.report.Seen++
	if c.Vars[linkedID] != "" {
		p.report.Linked++
	}
	if c.Vars[presentation] != "" {
		p.report.Presented++
	}
}

// watch listens for a time.
func (p *prober) watch(ctx context.Context, conn *websocket.Conn, d time.Duration) error {
	begun := time.Now()
	conn.SetReadLimit(maxFrame)
	if err := conn.SetReadDeadline(begun.Add(d)); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			p.report.Watched = time.Since(begun)
			if ctx.Err() == nil && p.report.Watched >= d {
				return nil
			}
			return fmt.Errorf("listen: %w", err)
		}
		p.report.Events++
		m, err := decode(raw, time.Now())
		if err == nil && m.wanted() && m.subject() != nil {
			p.report.Useful++
			p.see(m.subject())
		}
	}
}

// writes asks for the end of a channel that there is not: whoever may not ask for that
// is told so.
func (p *prober) writes(ctx context.Context) error {
	u := p.source.client.base.JoinPath("channels", "talkbridge-probe-"+rand.Text())
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, u.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("ask for rights: %w", err)
	}
	request.Header = p.source.client.login.Clone()
	answer, err := p.source.client.http.Do(request)
	if err != nil {
		return fmt.Errorf("ask for rights: %w", err)
	}
	p.report.Writes = answer.StatusCode == http.StatusNotFound
	_ = answer.Body.Close() // not read
	return nil
}
