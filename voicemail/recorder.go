package voicemail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// Asterisk closes a recording at the hang-up, and tells nobody: MixMonitorStop
// comes only from the dialplan's StopMixMonitor. So a recording counts as final
// when its size and time do not change any more. (Asterisk 22 and 16.)
const (
	// recordingQuiet is how long nothing was written to a final recording, by
	// the clock of its file system.
	recordingQuiet = 2 * time.Second
	// recordingLook is the time between two looks that must show the same.
	recordingLook = 500 * time.Millisecond
	// recordingPatience bounds one try: others wait for their turn.
	recordingPatience = 3 * time.Second
)

// Recorder keeps the recordings of calls. It is safe for concurrent use. See
// NewRecorder.
type Recorder struct {
	folders map[string]*Recordings
	store   *Store
}

// NewRecorder returns a recorder that reads from the folder of the phone system
// that a call came from, by the name of its source, and keeps in store. folders
// must not be changed afterwards.
func NewRecorder(folders map[string]*Recordings, store *Store) *Recorder {
	return &Recorder{folders: folders, store: store}
}

// Collect keeps the recording that the phone system calls path, of a call that
// is over, and returns once it is durable. It waits some seconds until the
// recording is final. What was collected for a call already is returned again,
// also after a crash and when the file is no longer there.
//
// The error is ErrNotFinal if the file is still written to, or not there: then
// another try later is worth it. It is ErrRevoked, a *RefusedError for what will
// never be collected (of which the reason NoSound says that nothing was
// recorded), the cause of ctx, or one of the file system.
func (r *Recorder) Collect(ctx context.Context, call telephony.CallID, path string) (Audio, error) {
	key := recordingKey(call)
	audio, err := r.store.Lookup(key)
	if !errors.Is(err, ErrNotFound) {
		return audio, err
	}
	folder := r.folders[call.Source()]
	if folder == nil {
		return Audio{}, refuse(path, NoFolder, "no folder of recordings is configured for %q: set sources[].asterisk.recordings", call.Source())
	}
	patience := time.NewTimer(recordingPatience)
	defer patience.Stop()
	look := time.NewTimer(0)
	defer look.Stop()
	var before *recording
	for {
		select {
		case <-ctx.Done():
			return Audio{}, fmt.Errorf("collect recording: %w", context.Cause(ctx))
		case <-patience.C:
			return Audio{}, fmt.Errorf("collect recording: %w: %s changed within the last %s", ErrNotFinal, path, recordingPatience)
		case <-look.C:
		}
		now, err := folder.open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return Audio{}, fmt.Errorf("collect recording: %w: %w", ErrNotFinal, err)
		}
		if err != nil {
			return Audio{}, err
		}
		if now.same(before) || time.Since(now.modified) >= recordingQuiet {
			return r.keep(ctx, folder, key, now)
		}
		before = now
		if err := now.Close(); err != nil {
			return Audio{}, fmt.Errorf("collect recording: %w", err)
		}
		look.Reset(recordingLook)
	}
}

// Open opens the recording that was kept for a call. Its error is that of
// Store.Open.
func (r *Recorder) Open(call telephony.CallID) (*Recording, error) {
	return r.store.Open(r.store.ring.id(recordingKey(call)))
}

// keep copies a recording, and closes it.
func (r *Recorder) keep(ctx context.Context, folder *Recordings, key string, rec *recording) (Audio, error) {
	defer rec.Close() //nolint:errcheck // it was only read
	if _, err := folder.probe(rec.name, rec.file, rec.size); err != nil {
		return Audio{}, err
	}
	return r.store.Keep(ctx, key, rec)
}
