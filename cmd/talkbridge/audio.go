package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/voicemail"
)

// sweepEvery is how often audio that has outlived recordings.keep is removed.
const sweepEvery = time.Hour

// audio is everything about voicemail: where it comes from, where it is kept,
// how its links are signed. It implements bridge.AudioCollector.
type audio struct {
	collector *voicemail.Collector
	store     *voicemail.Store
	ring      *voicemail.Keyring
	spools    map[string]*voicemail.Spool
	publicURL string
	keep      time.Duration
	log       logrus.FieldLogger
}

// openAudio opens the store and the spools of all sources. public is where the
// public listener is, for links while no address of it is configured.
func openAudio(cfg *config.Config, public net.Addr, log logrus.FieldLogger) (*audio, error) {
	ring, err := openRing(cfg.Recordings)
	if err != nil {
		return nil, err
	}
	store, err := voicemail.OpenStore(recordingsDir(cfg), ring, 0)
	if err != nil {
		return nil, fmt.Errorf("recordings.dir: %w", err)
	}
	a := &audio{
		store: store, ring: ring, publicURL: cfg.HTTP.PublicURL, keep: cfg.Recordings.Keep, log: log,
		spools: make(map[string]*voicemail.Spool),
	}
	if a.publicURL == "" {
		a.publicURL = "http://" + public.String()
	}
	for i, s := range cfg.Sources {
		if s.Asterisk == nil || s.Asterisk.Voicemail == "" {
			continue
		}
		spool, err := voicemail.OpenSpool(s.Asterisk.Voicemail, 0)
		if err != nil {
			return nil, errors.Join(explained(err, "sources[%d].asterisk.voicemail: %s: %s; correct the path, mount the spool there, or leave the key out",
				i, s.Asterisk.Voicemail, reason(err)), a.Close())
		}
		a.spools[s.Name] = spool
	}
	a.collector = voicemail.NewCollector(a.spools, store, 0)
	return a, nil
}

func openRing(cfg config.Recordings) (*voicemail.Keyring, error) {
	if len(cfg.Keys) == 0 {
		ring, err := voicemail.LoadKeyring(cfg.KeysFile)
		if err != nil {
			return nil, fmt.Errorf("recordings.keys_file: %w", err)
		}
		return ring, nil
	}
	keys := make([]string, 0, len(cfg.Keys))
	for _, k := range cfg.Keys {
		keys = append(keys, k.Reveal())
	}
	ring, err := voicemail.NewKeyring(keys)
	if err != nil {
		return nil, fmt.Errorf("recordings.keys: %w", err)
	}
	return ring, nil
}

func recordingsDir(cfg *config.Config) string {
	if cfg.Recordings.Dir != "" {
		return cfg.Recordings.Dir
	}
	return filepath.Join(cfg.Journal.Dir, "recordings")
}

// Collect implements bridge.AudioCollector.
func (a *audio) Collect(ctx context.Context, call telephony.CallID, path string) (bridge.Audio, error) {
	kept, err := a.collector.Collect(ctx, call, path)
	if refused, found := errors.AsType[*voicemail.RefusedError](err); found {
		return bridge.Audio{Refused: refused.Error()}, nil
	}
	if errors.Is(err, voicemail.ErrRevoked) {
		return bridge.Audio{Refused: err.Error()}, nil
	}
	if err != nil {
		return bridge.Audio{}, err
	}
	link, err := a.ring.Link(a.publicURL, kept)
	if err != nil {
		return bridge.Audio{}, fmt.Errorf("sign the link: %w", err)
	}
	return bridge.Audio{URL: link, Seconds: int(kept.Duration.Round(time.Second) / time.Second)}, nil
}

// sweep removes what has outlived its time, until ctx is over.
func (a *audio) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if _, err := a.store.Sweep(ctx, time.Now(), a.keep); err != nil && ctx.Err() == nil {
			a.log.WithError(err).Warn("old recordings not removed")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close closes the folders.
func (a *audio) Close() error {
	errs := []error{a.store.Close()}
	for _, s := range a.spools {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
