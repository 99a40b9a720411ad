package asterisk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

const (
	// maxSpoolEntries bounds how many files of a spool are looked at.
	maxSpoolEntries = 50_000
	// maxEnvelope bounds the text file beside a message; Asterisk's have 500
	// bytes.
	maxEnvelope = 16 << 10
	// maxSpoolAge: an older message was told of long ago.
	maxSpoolAge = 24 * time.Hour
)

var errSpoolLarge = errors.New("more files than are looked at")

// envelope is the text file beside a message: the last file that is made.
type envelope struct {
	said map[string]string
	// begun is when the caller began to speak, zero where it does not say.
	begun time.Time
}

// categories finds the call of a message by its Linkedid: a dialplan that does
// Set(VM_CATEGORY=${CHANNEL(linkedid)}) before VoiceMail writes it into the
// envelope.
func categories(calls map[string]telephony.CallID) func(envelope) telephony.CallID {
	return func(e envelope) telephony.CallID { return calls[e.said["category"]] }
}

// scanSpool looks in the voicemail spool for messages that were written since a
// time and are of a call that is looked for: whose says which, "" for none. What
// was found before an error counts.
func scanSpool(ctx context.Context, dir string, whose func(envelope) telephony.CallID, since time.Time) ([]telephony.Event, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open voicemail spool: %w", err)
	}
	defer func() { _ = root.Close() }() // only read from
	var found []telephony.Event
	seen := 0
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if name == "." {
				return err
			}
			return fs.SkipDir // a mailbox that cannot be read hides no other
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if seen++; seen > maxSpoolEntries {
			return fmt.Errorf("%w (%d)", errSpoolLarge, maxSpoolEntries)
		}
		if match, _ := path.Match("msg*.txt", entry.Name()); !match || !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil || info.ModTime().Before(since) || info.Size() > maxEnvelope {
			return nil //nolint:nilerr // it is gone again: read by its owner
		}
		if e, ok := readEnvelope(root, name, whose, info.ModTime()); ok {
			e.Path = filepath.Join(dir, strings.TrimSuffix(name, ".txt"))
			found = append(found, e)
		}
		return nil
	})
	if err != nil {
		return found, fmt.Errorf("scan voicemail spool: %w", err)
	}
	return found, nil
}

// readEnvelope reads the text file beside a message, and reports whether it is
// of one of the calls.
func readEnvelope(root *os.Root, name string, whose func(envelope) telephony.CallID, modified time.Time) (telephony.Event, bool) {
	file, err := root.Open(name)
	if err != nil {
		return telephony.Event{}, false
	}
	defer func() { _ = file.Close() }() // only read from
	found := envelope{said: make(map[string]string)}
	lines := bufio.NewScanner(io.LimitReader(file, maxEnvelope))
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), "="); ok {
			found.said[key] = value
		}
	}
	if seconds, err := strconv.ParseInt(found.said["origtime"], 10, 64); err == nil && seconds > 0 {
		found.begun = time.Unix(seconds, 0).UTC()
	}
	call := whose(found)
	if call == "" || lines.Err() != nil {
		return telephony.Event{}, false
	}
	e := telephony.Event{
		Call: call, Kind: telephony.CallVoicemail, Ordinal: pbx.Ranks[telephony.CallVoicemail],
		Time: modified.UTC(), Estimated: true,
		ID: pbx.Digest(string(call), string(telephony.CallVoicemail), found.said["msg_id"], found.said["origtime"]),
	}
	length, err := strconv.ParseInt(found.said["duration"], 10, 32)
	if err == nil && length >= 0 && !found.begun.IsZero() {
		e.Time = found.begun.Add(time.Duration(length) * time.Second)
	}
	return e, true
}
