package zendesk

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// input checks the arguments of one request and keeps the first that cannot be right.
type input struct {
	op  operation
	err error
}

// refuse keeps a complaint unless there is one already.
func (in *input) refuse(field, problem string) {
	if in.err == nil {
		in.err = &InputError{Operation: in.op.name, Field: field, Problem: problem}
	}
}

// id wants a positive id.
func (in *input) id(field string, id int64) {
	if id <= 0 {
		in.refuse(field, "want a positive id")
	}
}

// size wants at most limit of something, such as "characters".
func (in *input) size(field string, length, limit int, of string) {
	if length > limit && in.err == nil {
		in.err = &InputError{
			Operation: in.op.name, Field: field, Limit: limit, Length: length,
			Problem: fmt.Sprintf("is %d %s; the limit is %d", length, of, limit),
		}
	}
}

// text wants at most limit characters; empty is left out.
func (in *input) text(field, value string, limit int) {
	in.size(field, utf8.RuneCountInString(value), limit, "characters")
}

// present wants a text that is not empty.
func (in *input) present(field, value string) {
	if value == "" {
		in.refuse(field, "is empty; Zendesk demands it")
	}
}

// needed wants 1 to limit characters.
func (in *input) needed(field, value string, limit int) {
	in.present(field, value)
	in.text(field, value, limit)
}

// key wants at most limit characters that can stand in an identifier of another system: ASCII, and no white space around
// them. Empty is left out.
func (in *input) key(field, value string, limit int) {
	in.text(field, value, limit)
	switch {
	case strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }):
		in.refuse(field, "holds a character that is not ASCII")
	case strings.TrimSpace(value) != value:
		in.refuse(field, "begins or ends with white space")
	}
}

// neededKey is key that must not be empty.
func (in *input) neededKey(field, value string, limit int) {
	in.present(field, value)
	in.key(field, value, limit)
}
