package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/voicemail"
	"github.com/talkbridge/talkbridge/voicemail/transcript"
)

// speech has kept audio put into words. It implements bridge.Speech.
type speech struct {
	hook    transcript.Hook
	audio   *audio
	maxSize int64
}

// openSpeech gives the bridge the hook that is configured, if one is.
func (d *daemon) openSpeech(o *bridge.Options) error {
	cfg := d.cfg.Transcription
	if cfg == nil {
		return nil
	}
	hook, closeHook, err := newHook(*cfg)
	if err != nil {
		return err
	}
	d.onClose("transcription hook", func() error { closeHook(); return nil })
	o.Speech, o.SpeechAtOnce = &speech{hook, d.audio, int64(cfg.MaxSize)}, cfg.AtOnce
	return nil
}

// newHook makes the hook. What it returns beside must be called in the end.
func newHook(cfg config.Transcription) (hook transcript.Hook, closeHook func(), err error) {
	if len(cfg.Command) > 0 {
		command, err := transcript.NewCommand(cfg.Command, cfg.Timeout)
		if err != nil {
			return nil, nil, fmt.Errorf("transcription.command: %w", err)
		}
		return command, func() {}, nil
	}
	service, err := transcript.NewService(transcript.ServiceConfig{
		URL: cfg.URL, Key: cfg.APIKey.Reveal(), Model: cfg.Model, Timeout: cfg.Timeout, UserAgent: "talkbridge/" + version(),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("transcription.url: %w", err)
	}
	return service, service.CloseIdleConnections, nil
}

// hookOf is what only a start reads of the section transcription.
func hookOf(t *config.Transcription) config.Transcription {
	if t == nil {
		return config.Transcription{}
	}
	hook := *t
	hook.Of, hook.Language, hook.MaxLength, hook.Tries, hook.GiveUpAfter = "", "", 0, 0, 0
	return hook
}

// Transcribe implements bridge.Speech.
func (s *speech) Transcribe(ctx context.Context, call telephony.CallID, message bool, language string) (bridge.Transcript, error) {
	open := s.audio.recorder.Open
	if message {
		open = s.audio.collector.Open
	}
	kept, err := open(call)
	switch {
	case errors.Is(err, voicemail.ErrNotFound), errors.Is(err, voicemail.ErrRevoked):
		return bridge.Transcript{Refused: err.Error()}, nil
	case err != nil:
		return bridge.Transcript{}, err
	}
	defer kept.Close() //nolint:errcheck // it was only read
	if kept.Size > s.maxSize {
		return bridge.Transcript{Refused: fmt.Sprintf("its file has %d bytes, and %d are allowed (transcription.max_size)", kept.Size, s.maxSize)}, nil
	}
	text, err := s.hook.Transcribe(ctx, transcript.Speech{
		Audio: kept, Size: kept.Size, Format: kept.Format, Path: s.audio.store.Path(kept.Audio), Language: language,
	})
	if refused, found := errors.AsType[*transcript.RefusedError](err); found {
		return bridge.Transcript{Refused: refused.Reason}, nil
	}
	return bridge.Transcript{Text: text}, err
}

// transcriptState says in a word what became of the words of a call's audio.
func transcriptState(r bridge.Record) string {
	switch t := r.Transcript; {
	case r.Quoted:
		return "quoted"
	case t == nil:
		return ""
	case t.Refused != "":
		return "given_up"
	case t.Text == "":
		return "silence"
	}
	return "known"
}
