package asterisk

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// cdr is one call detail record (CDR): what one channel, the party A, did
// with at most one other, the party B. A call has one or several.
type cdr struct {
	src, dst            string // caller id and extension of the party A
	clid                string // its caller id as "name" <number>
	channel, dstChannel string
	app, data           string // what the party A did last: Dial, and what was dialled
	// Whole seconds of a clock of which nobody says where it stands: see zones.
	start, answer, end time.Time
	disposition        string
	userfield          string
	// uniqueid is of the party A. linkedid is "" where it is not logged.
	uniqueid, linkedid string
	sequence           uint64
}

const (
	// maxRecord bounds one record. Asterisk builds it in 1024 bytes up to 18, and
	// in 2 KiB later.
	maxRecord = 16 << 10
	// The columns of Master.csv: those that are always there, and those that
	// newcdrcolumns=yes adds. Between them are uniqueid and userfield, if logged.
	baseColumns = 16
	newColumns  = 3
)

// errRecord says that something is no record as Asterisk writes them.
var errRecord = errors.New("not a record of Asterisk's cdr-csv")

// uniqueidForm is Asterisk's: the name of the system, if it has one, the second,
// and a number.
var uniqueidForm = regexp.MustCompile(`^(?:.*-)?[0-9]{9,11}\.[0-9]+$`)

// cdrReader reads Master.csv as cdr_csv writes it: texts are quoted, quotes in
// them doubled, and line breaks stand as they came, from a caller id for example.
// Whatever is not exactly so is passed over up to the next line: so reading may
// begin anywhere, and nobody forges a record with his caller id, in which every
// quote is doubled.
type cdrReader struct {
	r     *bufio.Reader
	size  int
	bad   int // passed over
	short int // records without uniqueid
}

func newCDRReader(r io.Reader) *cdrReader {
	return &cdrReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next record that has a uniqueid. A last line that is not
// finished is being written: it is left for another time, and the end is io.EOF.
func (r *cdrReader) next() (cdr, error) {
	for {
		columns, err := r.line()
		switch {
		case errors.Is(err, errRecord):
			r.bad++
			continue
		case err != nil:
			return cdr{}, err
		}
		rec, err := parseRecord(columns)
		switch {
		case err != nil:
			r.bad++
		case rec.uniqueid == "":
			r.short++
		default:
			return rec, nil
		}
	}
}

// column is one value, and whether it was quoted.
type column struct {
	text   string
	quoted bool
}

// line reads one line. After errRecord the next one is at hand.
func (r *cdrReader) line() ([]column, error) {
	columns := make([]column, 0, baseColumns+2+newColumns)
	r.size = 0
	for {
		c, end, err := r.column()
		switch {
		case errors.Is(err, errRecord), err == nil && len(columns) == cap(columns) && end != '\n':
			r.skip()
			return nil, errRecord
		case err != nil:
			return nil, err
		}
		columns = append(columns, c)
		if end == '\n' {
			return columns, nil
		}
	}
}

// skip reads to the end of the line. What goes wrong meanwhile goes wrong at the
// next reading, too.
func (r *cdrReader) skip() {
	for {
		if _, err := r.r.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// column reads one value and what ends it: a comma or the end of the line.
func (r *cdrReader) column() (column, byte, error) {
	b, err := r.read()
	if err != nil {
		return column{}, 0, err
	}
	var text []byte
	if b != '"' {
		for ; b != ',' && b != '\n'; b, err = r.read() {
			if err != nil {
				return column{}, 0, err
			}
			if b < '0' || b > '9' {
				return column{}, 0, errRecord
			}
			text = append(text, b)
		}
		return column{text: string(text)}, b, err
	}
	for {
		if b, err = r.read(); err != nil {
			return column{}, 0, err
		}
		if b == '"' {
			if b, err = r.read(); err != nil {
				return column{}, 0, err
			}
			if b == ',' || b == '\n' {
				return column{string(text), true}, b, nil
			}
			if b != '"' {
				return column{}, 0, errRecord
			}
		}
		text = append(text, b)
	}
}

// read reads a byte within the bounds of a record.
func (r *cdrReader) read() (byte, error) {
	if r.size++; r.size > maxRecord {
		return 0, fmt.Errorf("%w: longer than %d bytes", errRecord, maxRecord)
	}
	return r.r.ReadByte()
}

// quotedColumns says which of the first columns are texts or dates. The others
// are numbers.
var quotedColumns = [baseColumns]bool{true, true, true, true, true, true, true, true, true, true, true, true, false, false, true, true}

const (
	// columnStart is followed by columnAnswer, which is empty where nobody answered,
	// and the end.
	columnStart  = 9
	columnAnswer = 10
)

// parseRecord understands one line. Asterisk source: cdr/cdr_csv.c,
// build_csv_record; the same in 16 and 22.
func parseRecord(columns []column) (cdr, error) {
	if len(columns) < baseColumns {
		return cdr{}, errRecord
	}
	for i, c := range columns[:baseColumns] {
		if c.quoted != quotedColumns[i] && (i != columnAnswer || c.text != "") {
			return cdr{}, errRecord
		}
	}
	var dates [3]time.Time
	for i := range dates {
		if c := columns[columnStart+i]; c.quoted {
			at, err := time.Parse(time.DateTime, c.text)
			if err != nil {
				return cdr{}, errRecord
			}
			dates[i] = at
		}
	}
	text := func(i int) string { return columns[i].text }
	rec := cdr{
		src: text(1), dst: text(2), clid: text(4), channel: text(5), dstChannel: text(6), app: text(7), data: text(8),
		start: dates[0], answer: dates[1], end: dates[2], disposition: text(14),
	}
	if rec.end.Before(rec.start) || rec.channel == "" {
		return cdr{}, errRecord
	}
	return rec, rec.extra(columns[baseColumns:])
}

// extra reads the columns that a site may have switched on: uniqueid, userfield,
// and then peeraccount, linkedid and sequence.
func (rec *cdr) extra(columns []column) error {
	if len(columns) >= newColumns {
		last := columns[len(columns)-newColumns:]
		sequence, err := strconv.ParseUint(last[2].text, 10, 64)
		if !last[0].quoted || !last[1].quoted || last[2].quoted || err != nil {
			return errRecord
		}
		if uniqueidForm.MatchString(last[1].text) {
			rec.linkedid = last[1].text
		}
		rec.sequence = sequence
		columns = columns[:len(columns)-newColumns]
	}
	for _, c := range columns {
		switch {
		case !c.quoted:
			return errRecord
		case rec.uniqueid == "" && uniqueidForm.MatchString(c.text):
			rec.uniqueid = c.text
		default:
			rec.userfield = c.text
		}
	}
	return nil
}

// begun is the second in which the channel of a Uniqueid began, by the clock of
// the phone system.
func begun(uniqueid string) time.Time {
	second, _, _ := strings.Cut(bare(uniqueid), ".")
	n, err := strconv.ParseInt(second, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// older orders Uniqueids as their channels began.
func older(a, b string) int {
	return cmp.Or(begun(a).Compare(begun(b)), cmp.Compare(counted(a), counted(b)), cmp.Compare(a, b))
}

// counted is the number that tells apart the channels of one second.
func counted(uniqueid string) uint64 {
	n, _ := strconv.ParseUint(uniqueid[strings.LastIndexByte(uniqueid, '.')+1:], 10, 64) // what is none is 0
	return n
}
