package voicemail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// DefaultPatience is how long a Collector waits for a message to be final:
// phone systems announce it some milliseconds after it is.
const DefaultPatience = time.Minute

// The waits between two looks double from the first to the last.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = 5 * time.Second
)

// Collector keeps the voicemails of calls. It is safe for concurrent use. See
// NewCollector.
type Collector struct {
	spools   map[string]*Spool
	store    *Store
	patience time.Duration
}

// NewCollector returns a collector that reads the spool of the phone system
// that a call came from, by the name of its source, and keeps in store. It
// waits for a message at most patience; 0 is DefaultPatience. spools must not
// be changed afterwards.
func NewCollector(spools map[string]*Spool, store *Store, patience time.Duration) *Collector {
	if patience <= 0 {
		patience = DefaultPatience
	}
	return &Collector{spools: spools, store: store, patience: patience}
}

// Collect keeps the message that the phone system calls path, a name without
// extension, and returns once it is durable. It waits until the message is
// final. What was collected for a call already is returned again, also after a
// crash and when the message is no longer there.
//
// The error is ErrNotFinal or ErrChanged if patience ran out, ErrRevoked, a
// *RefusedError for what will never be collected, the cause of ctx, or one of
// the file system.
func (c *Collector) Collect(ctx context.Context, call telephony.CallID, path string) (Audio, error) {
	key := messageKey(call)
	audio, err := c.store.Lookup(key)
	if !errors.Is(err, ErrNotFound) {
		return audio, err
	}
	spool := c.spools[call.Source()]
	if spool == nil {
		return Audio{}, refuse(path, NoFolder, "no voicemail folder is configured for %q: set sources[].asterisk.voicemail", call.Source())
	}
	patience := time.NewTimer(c.patience)
	defer patience.Stop()
	look := time.NewTimer(0)
	defer look.Stop()
	for wait := firstLook; ; wait = min(2*wait, lastLook) {
		select {
		case <-ctx.Done():
			return Audio{}, fmt.Errorf("collect voicemail: %w", context.Cause(ctx))
		case <-patience.C:
			return Audio{}, fmt.Errorf("collect voicemail: waited %s: %w", c.patience, err)
		case <-look.C:
		}
		audio, err = c.collect(ctx, spool, key, call.Native(), path)
		if !errors.Is(err, ErrNotFinal) && !errors.Is(err, ErrChanged) {
			return audio, err
		}
		look.Reset(wait)
	}
}

// Open opens the message that was kept for a call. Its error is that of
// Store.Open.
func (c *Collector) Open(call telephony.CallID) (*Recording, error) {
	return c.store.Open(c.store.ring.id(messageKey(call)))
}

// collect tries once.
func (c *Collector) collect(ctx context.Context, spool *Spool, key, native, path string) (Audio, error) {
	message, err := spool.Open(path, native)
	if err != nil {
		return Audio{}, err
	}
	defer message.Close() //nolint:errcheck // it was only read
	audio, err := c.store.Keep(ctx, key, whole{message})
	if err != nil {
		return Audio{}, err
	}
	if audio.Duration == 0 {
		audio.Duration = message.Info.Duration
	}
	return audio, nil
}

// whole reads a message to its end and asks there whether it still is the same:
// so that a copy of another one is never kept.
type whole struct{ message *Message }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.message.Read(p)
	if errors.Is(err, io.EOF) {
		if changed := w.message.Unchanged(); changed != nil {
			return n, changed
		}
	}
	return n, err
}
