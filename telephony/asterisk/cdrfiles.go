package asterisk

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// maxRecordingEntries bounds how many files and folders of recordings are looked at.
const maxRecordingEntries = 50_000

// extras are the voicemails and recordings of calls that nobody told of, by their
// ids.
func (s *session) extras(ctx context.Context, calls []recorded, told telephony.Told, since time.Time) map[string][]telephony.Event {
	unknown := slices.DeleteFunc(slices.Clone(calls), func(c recorded) bool { return len(s.knownAs(c, told)) > 0 })
	found := make(map[string][]telephony.Event)
	if len(unknown) == 0 {
		return found
	}
	for _, e := range append(s.leftMessages(ctx, unknown, since), s.recordings(ctx, unknown, since)...) {
		e.Late, e.Estimated = true, false
		if e.Validate() == nil {
			found[e.Call.Native()] = append(found[e.Call.Native()], e)
		}
	}
	return found
}

// leftMessages are the messages that were left in the calls: found by the
// category, or else by the channel and the time.
func (s *session) leftMessages(ctx context.Context, calls []recorded, since time.Time) []telephony.Event {
	byChannel := make(map[string][]cdr)
	of := make(map[string]telephony.CallID) // by Uniqueid or Linkedid
	for _, c := range calls {
		id := s.callID(c.id)
		of[c.id] = id
		for _, r := range c.records {
			of[r.uniqueid] = id
			if strings.EqualFold(r.app, "VoiceMail") {
				byChannel[r.channel] = append(byChannel[r.channel], r)
			}
		}
	}
	if s.source.config.VoicemailDir == "" || len(byChannel) == 0 {
		return nil
	}
	found, err := scanSpool(ctx, s.source.config.VoicemailDir, func(e envelope) telephony.CallID {
		if id := of[e.said["category"]]; id != "" {
			return id
		}
		for _, r := range byChannel[e.said["callerchan"]] {
			if !e.begun.Before(r.start.Add(-sameSecond)) && !e.begun.After(r.end.Add(sameSecond)) {
				return of[r.uniqueid]
			}
		}
		return ""
	}, since)
	if err != nil {
		s.source.once("spool", map[string]any{"err": err.Error()}, "voicemail spool cannot be read: messages left while there was no connection are not found")
	}
	return found
}

func (s *session) callID(native string) telephony.CallID {
	return telephony.CallID(s.source.config.Site + "/" + s.source.config.Name + "/" + native)
}

// recordings are those of calls in which people talked. A record does not name
// the file; but it may stand in its userfield, and the Uniqueid in the file's name.
func (s *session) recordings(ctx context.Context, calls []recorded, since time.Time) []telephony.Event {
	if s.source.config.RecordingsDir == "" {
		return nil
	}
	var found []telephony.Event
	wanted := make(map[string]recorded)
	for _, c := range calls {
		for _, r := range c.records {
			if !r.answered() {
				continue
			}
			if name := telephony.StripControls(r.userfield); audioName(name) {
				found = append(found, s.recordedTo(c, name))
				delete(wanted, bare(c.id))
				break
			}
			wanted[bare(r.uniqueid)], wanted[bare(c.id)] = c, c
		}
	}
	root, err := os.OpenRoot(s.source.config.RecordingsDir)
	if err != nil || len(wanted) == 0 {
		return found // that the folder cannot be read is said where recordings are collected
	}
	defer func() { _ = root.Close() }() // only read from
	budget := maxRecordingEntries
	newestFirst(ctx, root, ".", &budget, since, func(name string) {
		for _, uniqueid := range uniqueidsIn(path.Base(name)) {
			if c, ok := wanted[uniqueid]; ok && audioName(name) {
				found = append(found, s.recordedTo(c, filepath.Join(s.source.config.RecordingsDir, name)))
				delete(wanted, uniqueid)
			}
		}
	})
	return found
}

func (s *session) recordedTo(c recorded, name string) telephony.Event {
	id := s.callID(c.id)
	return telephony.Event{
		ID: pbx.Digest(string(id), "cdr", string(telephony.CallRecorded), name), Call: id, Kind: telephony.CallRecorded,
		Path: pbx.Bounded(name, pbx.MaxPath), Time: begun(c.id), Ordinal: pbx.Ranks[telephony.CallRecorded] << 16, Leg: c.id,
	}
}

// audioName reports whether a name is one of a file that can be played.
func audioName(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".wav", ".mp3":
		return true
	}
	return false
}

// uniqueidsIn are what may be Uniqueids in the name of a file, without the name of
// the system, which may be left out and may be joined to anything.
func uniqueidsIn(name string) []string { return uniqueidInName.FindAllString(name, -1) }

var uniqueidInName = regexp.MustCompile(`[0-9]{9,11}\.[0-9]+`)

// bare is a Uniqueid without the name of the system.
func bare(uniqueid string) string { return uniqueid[strings.LastIndexByte(uniqueid, '-')+1:] }

// newestFirst gives the regular files below a folder that were written since a
// time to use, in the reverse order of their names: folders are named by dates.
func newestFirst(ctx context.Context, root *os.Root, dir string, budget *int, since time.Time, use func(string)) {
	folder, err := root.Open(dir)
	if err != nil {
		return // one that cannot be read hides no other
	}
	entries, _ := folder.ReadDir(max(1, *budget)) // what was read before an error counts
	_ = folder.Close()                            // only read from
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(b.Name(), a.Name()) })
	for _, e := range entries {
		if *budget--; *budget < 0 || ctx.Err() != nil {
			return
		}
		name := path.Join(dir, e.Name())
		switch info, err := e.Info(); {
		case err != nil:
		case e.IsDir():
			newestFirst(ctx, root, name, budget, since, use)
		case info.Mode().IsRegular() && !info.ModTime().Before(since):
			use(name)
		}
	}
}
