package asterisk

import (
	"context"
	"fmt"
	"os"
	"time"
)

// RecordsReport is what the newest call records of a file are like.
type RecordsReport struct {
	// Records is how many were looked at, Linked how many of them have the
	// Linkedid of their call (newcdrcolumns=yes in cdr.conf), Short how many no
	// Uniqueid (loguniqueid=yes); Bad are lines that are no records.
	Records, Linked, Short, Bad int
	// Newest is when the channel of the newest one began, zero if there is none.
	Newest time.Time
	// Ahead is how far the times in them are ahead of UTC.
	Ahead time.Duration
}

// checkedTail is how much of the end of a file CheckRecords looks at.
const checkedTail = 64 << 10

// CheckRecords looks at the newest records of a Master.csv. An error says that it
// cannot be read.
func CheckRecords(ctx context.Context, path string) (RecordsReport, error) {
	file, err := os.Open(path) //nolint:gosec // the configured file
	if err != nil {
		return RecordsReport{}, fmt.Errorf("read call records: %w", err)
	}
	defer func() { _ = file.Close() }() // only read from
	info, err := file.Stat()
	if err != nil {
		return RecordsReport{}, fmt.Errorf("read call records: %w", err)
	}
	if !info.Mode().IsRegular() {
		return RecordsReport{}, fmt.Errorf("read call records: %s is no regular file", path)
	}
	from := max(0, info.Size()-checkedTail)
	part, _, err := readTail(ctx, file, from, info.Size(), time.Time{})
	if err != nil {
		return RecordsReport{}, fmt.Errorf("read call records: %w", err)
	}
	r := RecordsReport{Records: len(part.records) + part.short, Short: part.short, Bad: part.bad}
	zone := zonesOf(part.records)
	for _, c := range part.records {
		if c.linkedid != "" {
			r.Linked++
		}
		r.Newest, r.Ahead = begun(c.uniqueid), zone.of(c)
	}
	return r, nil
}
