package asterisk

import (
	"bufio"
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

// scanSpool looks in the voicemail spool for messages of the calls, which are
// given by their Linkedid: a dialplan that does
// Set(VM_CATEGORY=${CHANNEL(linkedid)}) before VoiceMail writes it into the
// text file beside the message, the last file that is made. What was found
// before an error counts.
func scanSpool(dir string, calls map[string]telephony.CallID, now time.Time) ([]telephony.Event, error) {
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
		if seen++; seen > maxSpoolEntries {
			return fmt.Errorf("%w (%d)", errSpoolLarge, maxSpoolEntries)
		}
		if match, _ := path.Match("msg*.txt", entry.Name()); !match || !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil || now.Sub(info.ModTime()) > maxSpoolAge || info.Size() > maxEnvelope {
			return nil //nolint:nilerr // it is gone again: read by its owner
		}
		if e, ok := readEnvelope(root, name, calls, info.ModTime()); ok {
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
func readEnvelope(root *os.Root, name string, calls map[string]telephony.CallID, modified time.Time) (telephony.Event, bool) {
	file, err := root.Open(name)
	if err != nil {
		return telephony.Event{}, false
	}
	defer func() { _ = file.Close() }() // only read from
	said := make(map[string]string)
	lines := bufio.NewScanner(io.LimitReader(file, maxEnvelope))
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), "="); ok {
			said[key] = value
		}
	}
	call, ok := calls[said["category"]]
	if !ok || lines.Err() != nil {
		return telephony.Event{}, false
	}
	e := telephony.Event{
		Call: call, Kind: telephony.CallVoicemail, Ordinal: ranks[telephony.CallVoicemail],
		Time: modified.UTC(), Estimated: true,
		ID: digest(string(call), string(telephony.CallVoicemail), said["msg_id"], said["origtime"]),
	}
	begun, err := strconv.ParseInt(said["origtime"], 10, 64)
	length, err2 := strconv.ParseInt(said["duration"], 10, 32)
	if err == nil && err2 == nil && begun > 0 && length >= 0 {
		e.Time = time.Unix(begun+length, 0).UTC()
	}
	return e, true
}
