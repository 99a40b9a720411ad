package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/talkbridge/talkbridge/voicemail"
	"github.com/talkbridge/talkbridge/voicemail/transcript"
)

// speechWithin is how long doctor waits for the hook: a second of silence is short,
// but a model may have to be loaded first.
const speechWithin = 30 * time.Second

// speech has a second of silence put into words: so address, key, model and program
// are tried, and nothing that anybody said is sent.
func (d *doctoring) speech(ctx context.Context) []symptom {
	cfg, f := d.cfg.Transcription, symptom{Area: "transcription", Check: "hook", Verdict: failure}
	if cfg == nil {
		return nil
	}
	limited := *cfg
	limited.Timeout = min(limited.Timeout, speechWithin)
	hook, closeHook, err := newHook(limited)
	if err != nil {
		f.Text = err.Error()
		return []symptom{f}
	}
	defer closeHook()
	silence := quietWAV(time.Second)
	dir, err := os.MkdirTemp("", "talkbridge-doctor-")
	if err != nil {
		f.Text, f.Remedy = "no place for a second of silence: "+reason(err), "free space in the folder for temporary files"
		return []symptom{f}
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system clears it, too
	path := filepath.Join(dir, "silence.wav")
	if err := os.WriteFile(path, silence, 0o600); err != nil {
		f.Text, f.Remedy = "no place for a second of silence: "+reason(err), "free space in the folder for temporary files"
		return []symptom{f}
	}
	began := time.Now()
	_, err = hook.Transcribe(ctx, transcript.Speech{
		Audio: bytes.NewReader(silence), Size: int64(len(silence)), Format: voicemail.WAV, Path: path,
	})
	if err != nil {
		f.Text, f.Remedy = err.Error(), "correct the section transcription, or take it out; tickets do not wait for it"
		return []symptom{f}
	}
	f.Verdict, f.Text = fine, fmt.Sprintf("it took a second of silence, in %s", time.Since(began).Round(time.Millisecond))
	return []symptom{f}
}

// quietWAV is silence as phone systems record: 8 kHz, 16 bits, mono.
func quietWAV(length time.Duration) []byte {
	const rate, width = 8000, 2
	size := uint32(length.Seconds() * rate * width)
	wav := make([]byte, 0, 44+size)
	wav = append(wav, "RIFF"...)
	wav = binary.LittleEndian.AppendUint32(wav, 36+size)
	wav = append(wav, "WAVEfmt "...)
	wav = binary.LittleEndian.AppendUint32(wav, 16)
	wav = binary.LittleEndian.AppendUint16(wav, 1) // PCM
	wav = binary.LittleEndian.AppendUint16(wav, 1) // mono
	wav = binary.LittleEndian.AppendUint32(wav, rate)
	wav = binary.LittleEndian.AppendUint32(wav, rate*width)
	wav = binary.LittleEndian.AppendUint16(wav, width)
	wav = binary.LittleEndian.AppendUint16(wav, 8*width)
	wav = append(wav, "data"...)
	wav = binary.LittleEndian.AppendUint32(wav, size)
	return append(wav, make([]byte, size)...)
}
