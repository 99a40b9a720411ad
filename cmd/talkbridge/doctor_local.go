package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/zendesk"
)

const (
	// entriesPerCall is what an ordinary call costs the journal at the most.
	entriesPerCall = 10
	// maxLooked bounds how many files of a folder are looked at.
	maxLooked = 10_000
	// littleRoom is when the disk is called almost full.
	littleRoom = 1 << 30
	// requestsPerCall is what an ordinary call asks of Zendesk: search, user,
	// ticket, and its page or its completion.
	requestsPerCall = 4
)

// folders looks whether what the phone systems leave can be read.
func (d *doctoring) folders(ctx context.Context) []symptom {
	var found []symptom
	for _, s := range d.cfg.Sources {
		voicemail, recordings := s.Folders()
		for _, folder := range []struct{ what, path string }{{"voicemail", voicemail}, {"recordings", recordings}} {
			if folder.path != "" {
				found = append(found, lookInto(ctx, s, folder.what, folder.path))
			}
		}
		if s.Asterisk != nil {
			found = append(found, lookAtRecords(ctx, s))
		}
	}
	return found
}

func lookInto(ctx context.Context, s config.Source, what, path string) symptom {
	f := symptom{Area: "folders", Check: s.Name + " " + what}
	remedy := "let the user that runs talkbridge read it (mostly by the group asterisk), and its folders too; a mount must be there"
	files, closed, err := readable(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Verdict, f.Text, f.Remedy = failure, path+" is not there", "correct "+what+", or make it"
	case err != nil:
		f.Verdict, f.Text, f.Remedy = failure, path+" cannot be read: "+reason(err), remedy
	case closed != "":
		f.Verdict, f.Text, f.Remedy = failure, fmt.Sprintf("%s in %s cannot be read", closed, path), remedy
	default:
		f.Verdict, f.Text = fine, fmt.Sprintf("%s: %s, all that were looked at can be read", path, plural(files, "file"))
	}
	return f
}

// readable counts the files of a folder and looks whether they can be opened;
// it names the first that cannot.
func readable(ctx context.Context, path string) (files int, closed string, err error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = root.Close() }() // only read from
	looked := 0
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if looked++; looked > maxLooked || ctx.Err() != nil {
			return fs.SkipAll
		}
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			closed = name
			return fs.SkipAll
		case !entry.Type().IsRegular():
			return nil
		}
		files++
		file, err := root.Open(name)
		if err == nil {
			_, err = file.Read(make([]byte, 1))
			_ = file.Close()
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, fs.ErrNotExist) {
			closed = name
			return fs.SkipAll
		}
		return nil
	})
	return files, closed, err
}

// disk says what the disk of the journal allows.
func (d *doctoring) disk(context.Context) []symptom {
	add := func(check string, v severity, text, remedy string) symptom {
		return symptom{"journal", check, v, text, remedy}
	}
	f := d.facts
	if !f.Journal {
		return []symptom{add("folder", note, "nothing yet in "+socketDir(d.cfg)+": it is made at the first start", "")}
	}
	found := []symptom{}
	room := fmt.Sprintf("%d MiB free, the journal has %d of at most %d MiB", f.Free>>20, f.Bytes>>20, f.MaxBytes>>20)
	switch {
	case f.Free < 2*leastFree:
		found = append(found, add("room", failure, room, "make room: below "+fmt.Sprint(leastFree>>20)+" MiB calls wait"))
	case f.Free < littleRoom || (f.MaxBytes > 0 && f.Bytes > f.MaxBytes/10*9):
		found = append(found, add("room", warning, room, "make room, raise journal.max_size, or settle what is parked"))
	default:
		found = append(found, add("room", fine, room, ""))
	}
	allows := float64(time.Second) / float64(max(f.Fsync, time.Microsecond)) / entriesPerCall
	text := fmt.Sprintf("a write is durable after %.1f ms: good for %.0f calls a second", float64(f.Fsync.Microseconds())/1000, allows)
	need := float64(d.busiest()) / 60
	switch {
	case allows < 1 || allows < 2*need:
		found = append(found, add("fsync", warning, text, "move journal.dir to a faster local disk, such as an SSD"))
	default:
		found = append(found, add("fsync", fine, text, ""))
	}
	return found
}

// busiest is how many calls begin in the busiest minute.
func (d *doctoring) busiest() int {
	if d.options.rate > 0 {
		return d.options.rate
	}
	return d.facts.Busiest
}

// tickets says which way of making tickets fits the account's limits.
func (d *doctoring) tickets() []symptom {
	add := func(v severity, text, remedy string) []symptom {
		return []symptom{{"tickets", "tickets.create", v, text, remedy}}
	}
	busiest, mode := d.busiest(), string(d.cfg.Tickets.Create)
	if busiest == 0 {
		return add(note, "no calls yet, so it is not known which setting fits; it is "+mode, "--calls-per-minute N says what to reckon with")
	}
	when := fmt.Sprintf("%s in the busiest minute", plural(busiest, "call"))
	if d.options.rate == 0 {
		when += " (" + d.facts.BusiestAt.Local().Format("2006-01-02 15:04") + ", of the newest " + plural(d.facts.Calls, "call") + ")"
	}
	if limit := d.client.RateLimit().Account.Limit; limit > 0 && busiest*requestsPerCall*5 > limit*4 {
		return add(warning, fmt.Sprintf("%s ask for about %d requests, and the account takes %d a minute for all its programs", when, busiest*requestsPerCall, limit),
			"a larger plan, or the High Volume add-on; until then tickets come later, none is lost")
	}
	updates := cmp.Or(d.cfg.Zendesk.UpdatesPerMinute, zendesk.UpdatesPerMinute)
	fits := busiest*5 <= updates*4 // a fifth is for people and other programs
	switch {
	case mode == string(config.CreateAtAnswer) && !fits:
		return add(warning, fmt.Sprintf("%s: with 'answer' each needs one of the %d updates a minute that the account has for everybody", when, updates),
			"tickets: {create: end}; talkbridge goes over to it by itself while updates lag")
	case mode != string(config.CreateAtAnswer) && fits:
		return add(note, when+": 'answer' would fit too, and agents would have the ticket during the call", "")
	}
	return add(fine, when+": '"+mode+"' fits the account's limits", "")
}
