package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// reloadOnHangup reads agents, lines and policy again at each SIGHUP. A file
// that cannot be used changes nothing.
func reloadOnHangup(ctx context.Context, d *daemon, path string, log logrus.FieldLogger) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			fixed, err := d.Reload(path)
			if err != nil {
				log.WithError(err).Error("configuration kept as it was")
				continue
			}
			log.Info("agents, lines and policy read again")
			if len(fixed) > 0 {
				log.WithField("keys", strings.Join(fixed, ", ")).Warn("restart needed: these changed too, and are only read at the start")
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		cancel()
		<-done
	}
}

// Reload takes agents, lines, policy and who may read the feed from a new
// configuration. It returns the keys of what else has changed since the start,
// which needs a restart. An
// unusable file changes nothing. Calls must not overlap.
func (d *daemon) Reload(path string) (fixed []string, err error) {
	cfg, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	if err := guarded(d.listener.Addr(), cfg.HTTP.Readers()); err != nil {
		return nil, err
	}
	if err := d.directory.Reload(agentEntries(cfg), cfg.Countries()...); err != nil {
		return nil, fmt.Errorf("agents: %w", err)
	}
	if err := d.reloadFeed(cfg); err != nil {
		return nil, err
	}
	d.reloadAnswers(cfg)
	d.bridge.SetPolicy(newPolicy(cfg, d.directory))
	d.dialDesk.set(cfg)
	select {
	case d.resolve <- struct{}{}:
	default: // already asked for
	}
	return changedSections(d.cfg, cfg), nil
}

// changedSections are the keys, in order, under which two configurations differ
// as far as only a start reads them.
func changedSections(a, b *config.Config) []string {
	var changed []string
	for _, section := range []struct {
		key  string
		a, b any
	}{
		{"site", a.Site, b.Site},
		{"sources", phonesAtStart(a.Sources), phonesAtStart(b.Sources)},
		{"zendesk", signIn(a.Zendesk), signIn(b.Zendesk)},
		{"recordings", a.Recordings, b.Recordings},
		{"transcription", hookOf(a.Transcription), hookOf(b.Transcription)},
		{"agent_status", a.AgentStatus, b.AgentStatus},
		{"journal", a.Journal, b.Journal},
		{"http", listeners(a.HTTP), listeners(b.HTTP)},
		{"feed", a.Feed, b.Feed},
		{"log", a.Log, b.Log},
	} {
		if !reflect.DeepEqual(section.a, section.b) {
			changed = append(changed, section.key)
		}
	}
	return changed
}

// signIn is what only a start reads of the section zendesk.
func signIn(z config.Zendesk) config.Zendesk {
	z.CallRecords = nil
	return z
}

// listeners is what only a start reads of the section http.
func listeners(h config.HTTP) config.HTTP {
	h.Tokens, h.Origins = nil, nil
	return h
}
