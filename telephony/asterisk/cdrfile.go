package asterisk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// firstTail and maxTail bound how much of the end of a file is read: as much
	// as is needed to get behind what is asked for. Some 250 bytes are a record.
	firstTail = 1 << 20
	maxTail   = 64 << 20
	// maxRecords bounds the records that are kept in memory, some 500 bytes each.
	maxRecords = 100_000
	// oldRecords in a row, all begun so long before what is asked for, end the
	// search: records stand in the order in which calls ended.
	oldRecords = 32
	oldEnough  = 6 * time.Hour
	// maxRotated bounds the files beside Master.csv that are read.
	maxRotated = 8
)

// recordFile is what was read of Master.csv.
type recordFile struct {
	// records began at or after what was asked for, in the order of the files.
	records []cdr
	bad     int // lines that are no records
	short   int // records without uniqueid
	whole   bool
}

// readRecords reads the records of channels that began at or after since, from
// Master.csv and, where a log rotation moved it aside meanwhile, from what
// became of it (Master.csv.1, Master.csv-20261129), but for what is compressed.
func readRecords(ctx context.Context, path string, since time.Time) (recordFile, error) {
	found := recordFile{whole: true}
	for _, name := range append(rotated(path, since), path) {
		if err := found.readFile(ctx, name, since); err != nil {
			return recordFile{}, fmt.Errorf("read call records: %w", err)
		}
	}
	return found, nil
}

// rotated are the former files of that path that were written to since, the
// oldest first.
func rotated(path string, since time.Time) []string {
	type former struct {
		name string
		at   time.Time
	}
	var all []former
	entries, _ := os.ReadDir(filepath.Dir(path)) // the file itself is read next, and says what is wrong
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), filepath.Base(path))
		if !ok || strings.Trim(rest, ".-0123456789") != "" || rest == "" || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && !info.ModTime().Before(since) {
			all = append(all, former{filepath.Join(filepath.Dir(path), e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b former) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name)) })
	var names []string
	for _, f := range all[max(0, len(all)-maxRotated):] {
		names = append(names, f.name)
	}
	return names
}

// readFile adds what the end of one file holds.
func (f *recordFile) readFile(ctx context.Context, name string, since time.Time) error {
	file, err := os.Open(name) //nolint:gosec // the configured file
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read from
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", name)
	}
	for tail := int64(firstTail); ; tail *= 4 {
		from := max(0, info.Size()-tail)
		part, past, err := readTail(ctx, file, from, info.Size(), since)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if from == 0 || past || tail >= maxTail {
			f.add(part, from == 0 || past)
			return nil
		}
	}
}

func (f *recordFile) add(part recordFile, whole bool) {
	f.records = append(f.records, part.records...)
	f.bad += part.bad
	f.short += part.short
	f.whole = f.whole && whole
	if surplus := len(f.records) - maxRecords; surplus > 0 {
		f.records, f.whole = slices.Clone(f.records[surplus:]), false
	}
}

// readTail reads a part of a file, and reports whether it begins before what is
// asked for.
func readTail(ctx context.Context, file io.ReaderAt, from, to int64, since time.Time) (recordFile, bool, error) {
	var part recordFile
	reader := newCDRReader(io.NewSectionReader(file, from, to-from))
	old := 0
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return part, false, context.Cause(ctx)
		}
		rec, err := reader.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return part, false, err
		}
		at := begun(rec.uniqueid)
		if n < oldRecords && at.Before(since.Add(-oldEnough)) {
			old++
		}
		if !at.Before(since) {
			part.records = append(part.records, rec)
		}
		if len(part.records) > 2*maxRecords {
			part.records = slices.Clone(part.records[len(part.records)-maxRecords:])
		}
	}
	part.bad, part.short = reader.bad, reader.short
	if from > 0 && part.bad > 0 {
		part.bad-- // the reading began in the middle of a line
	}
	return part, old == oldRecords, nil
}

// zones are how far the clock on the wall in the records is ahead of UTC:
// Asterisk writes local time, or UTC with usegmtime=yes, and does not say which.
// But the Uniqueid of a channel holds the second of its beginning, and the first
// record of most channels begins in it. Around a change to or from summer time
// there are two.
type zones []time.Duration

const (
	// zoneStep is what all zones of the world are multiples of.
	zoneStep = 15 * time.Minute
	// maxZone is more than any of them.
	maxZone = 15 * time.Hour
	// sameSecond is how far apart beginning and record may be to be one.
	sameSecond = 3 * time.Second
	// rareZone: one in so many may begin by chance as if in another zone.
	rareZone = 20
)

func zonesOf(records []cdr) zones {
	votes := make(map[time.Duration]int)
	most := 0
	for _, r := range records {
		ahead := r.start.Sub(begun(r.uniqueid))
		if zone := ahead.Round(zoneStep); zone.Abs() <= maxZone && (ahead-zone).Abs() <= sameSecond {
			votes[zone]++
			most = max(most, votes[zone])
		}
	}
	var found zones
	for zone, n := range votes {
		if n*rareZone >= most {
			found = append(found, zone)
		}
	}
	slices.Sort(found)
	return found
}

// of is the zone of one record: of several the one by which it begins soonest
// after its channel. Where no record tells, it is that of this machine.
func (z zones) of(r cdr) time.Duration {
	ahead := r.start.Sub(begun(r.uniqueid))
	for _, zone := range slices.Backward(z) {
		if ahead-zone >= -sameSecond {
			return zone
		}
	}
	if len(z) > 0 {
		return z[0]
	}
	_, here := begun(r.uniqueid).Local().Zone()
	return time.Duration(here) * time.Second
}

// settle turns the times of a record into UTC.
func (z zones) settle(r *cdr) {
	zone := z.of(*r)
	for _, at := range []*time.Time{&r.start, &r.answer, &r.end} {
		if !at.IsZero() {
			*at = at.Add(-zone)
		}
	}
	if r.answer.IsZero() {
		return
	}
	r.answer = earlier(r.answer, r.end)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
