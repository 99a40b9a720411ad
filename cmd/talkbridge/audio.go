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

// audio is everything about voicemails and recordings: where they come from,
// where they are kept, how their links are signed. It implements
// bridge.AudioCollector.
type audio struct {
	collector *voicemail.Collector
	recorder  *voicemail.Recorder
	store     *voicemail.Store
	ring      *voicemail.Keyring
	spools    map[string]*voicemail.Spool
	folders   map[string]*voicemail.Recordings
	remote    *voicemail.Remote // of phone systems in the network
	publicURL string
	// upload stores audio with Zendesk; nil links to it.
	upload uploader
	keep   time.Duration
	log    logrus.FieldLogger
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
		store: store, ring: ring, publicURL: publicURL(cfg.HTTP, public.String()), keep: cfg.Recordings.Keep, log: log,
		spools: make(map[string]*voicemail.Spool), folders: make(map[string]*voicemail.Recordings),
	}
	for i, s := range cfg.Sources {
		key := fmt.Sprintf("sources[%d].asterisk", i)
		if s.ARI != nil {
			key = fmt.Sprintf("sources[%d].ari", i)
		}
		if err := a.openFolders(key, s); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	a.collector = voicemail.NewCollector(a.spools, store, 0)
	a.recorder = voicemail.NewRecorder(a.folders, store)
	a.remote = voicemail.NewRemote(remoteAccounts(cfg), store)
	return a, nil
}

// openFolders opens what one phone system leaves audio in.
func (a *audio) openFolders(key string, from config.Source) error {
	source := from.Name
	voicemailDir, recordingsDir := from.Folders()
	if voicemailDir != "" {
		spool, err := voicemail.OpenSpool(voicemailDir, 0)
		if err != nil {
			return explained(err, "%s.voicemail: %s: %s; correct the path, mount the spool there, or leave the key out",
				key, voicemailDir, reason(err))
		}
		a.spools[source] = spool
	}
	if recordingsDir != "" {
		folder, err := voicemail.OpenRecordings(recordingsDir, 0)
		if err != nil {
			return explained(err, "%s.recordings: %s: %s; correct the path, mount the folder there, or leave the key out",
				key, recordingsDir, reason(err))
		}
		a.folders[source] = folder
	}
	return nil
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
	if a.remote.Has(call.Source()) {
		kept, err := a.remote.Message(ctx, call, path)
		return a.told(ctx, kept, err)
	}
	kept, err := a.collector.Collect(ctx, call, path)
	return a.told(ctx, kept, err)
}

// CollectRecording implements bridge.AudioCollector.
func (a *audio) CollectRecording(ctx context.Context, call telephony.CallID, path string) (bridge.Audio, error) {
	collect := a.recorder.Collect
	if a.remote.Has(call.Source()) {
		collect = a.remote.Recording
	}
	kept, err := collect(ctx, call, path)
	if refused, found := errors.AsType[*voicemail.RefusedError](err); found && refused.Reason == voicemail.NoSound {
		return bridge.Audio{}, nil // nothing was recorded: the file is a header
	}
	return a.told(ctx, kept, err)
}

// told says how what was kept is reached, or why it was not kept.
func (a *audio) told(ctx context.Context, kept voicemail.Audio, err error) (bridge.Audio, error) {
	if refused, found := errors.AsType[*voicemail.RefusedError](err); found {
		return bridge.Audio{Refused: refused.Error()}, nil
	}
	if errors.Is(err, voicemail.ErrRevoked) {
		return bridge.Audio{Refused: err.Error()}, nil
	}
	if err != nil {
		return bridge.Audio{}, err
	}
	url, err := a.address(ctx, kept)
	if err != nil {
		return bridge.Audio{}, err
	}
	return bridge.Audio{URL: url, Seconds: int(kept.Duration.Round(time.Second) / time.Second)}, nil
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
	if a.remote != nil {
		errs = append(errs, a.remote.Close())
	}
	for _, s := range a.spools {
		errs = append(errs, s.Close())
	}
	for _, f := range a.folders {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
