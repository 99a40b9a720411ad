package feed

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Cursor is a place in a journal: everything up to the entry Seq has been told.
// The zero value is no place. It is written EPOCH-SEQ.
//
// One entry of the journal is one message, whole: an entry with several events of
// a call makes one message with all of them. So a cursor never points into the
// middle of anything, and what was not received whole comes again.
type Cursor struct {
	// Epoch names the journal; a new or replaced one has another.
	Epoch string
	// Seq is the last entry that was told, 0 for none.
	Seq uint64
}

// maxEpoch bounds the epoch of a cursor, in bytes.
const maxEpoch = 64

var epochForm = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

var errCursor = errors.New("is no cursor: give one that a message carried, as it came, such as EPOCH-42")

// ParseCursor reads what String wrote. It accepts nothing else: String of what
// it returns is the text it was given.
func ParseCursor(text string) (Cursor, error) {
	i := strings.LastIndexByte(text, '-')
	if i < 1 || i > maxEpoch || !epochForm.MatchString(text[:i]) {
		return Cursor{}, fmt.Errorf("%.80q %w", text, errCursor)
	}
	digits := text[i+1:]
	seq, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || strconv.FormatUint(seq, 10) != digits {
		return Cursor{}, fmt.Errorf("%.80q %w", text, errCursor)
	}
	return Cursor{Epoch: text[:i], Seq: seq}, nil
}

// String is the form for messages and URLs, "" for the zero value.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return c.Epoch + "-" + strconv.FormatUint(c.Seq, 10)
}

// MarshalText implements [encoding.TextMarshaler].
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (c *Cursor) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCursor(string(text))
	return err
}
