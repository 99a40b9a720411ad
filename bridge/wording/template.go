package wording

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode/utf8"
)

const (
	// MaxSource bounds the source of a template, in bytes.
	MaxSource = 16 << 10
	// maxOutput bounds what a template may write, in bytes.
	maxOutput = 16 << 10
)

// Template is a text with fields of a call in it, and is safe for concurrent
// use. A nil Template says nothing: Text is "". See Parse.
type Template struct {
	source string
	parsed *template.Template
	late   bool
}

// Error says what is wrong with a template.
type Error struct {
	// Line and Column are where, both from 1, in characters of the source.
	Line, Column int
	// Message is what is wrong, Hint what to do about it, "" if that is clear.
	Message, Hint string
	// Field is the unknown field's or function's name, "" otherwise, and Known
	// are those that there are.
	Field string
	Known []string
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("template:%d:%d: %s", e.Line, e.Column, e.Message)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Parse reads a template. The error is an *Error: the source does not parse,
// names a field or function that there is not, or cannot be written for some
// call.
func Parse(source string) (*Template, error) {
	if len(source) > MaxSource {
		return nil, &Error{Line: 1, Column: 1, Message: "is too long", Hint: fmt.Sprintf("use at most %d bytes", MaxSource)}
	}
	// Without the check for functions, so that it can be made with a place.
	tree := parse.New("template")
	tree.Mode = parse.SkipFuncCheck
	trees := make(map[string]*parse.Tree)
	if _, err := tree.Parse(source, "", "", trees); err != nil {
		return nil, syntaxError(source, err)
	}
	w := walker{source: source}
	if len(trees) > 1 || (len(trees) == 1 && trees["template"] == nil) {
		return nil, &Error{Line: 1, Column: 1, Message: "defines a template of its own", Hint: "write the text out"}
	}
	if tree.Root != nil {
		if err := w.list(tree.Root, false); err != nil {
			return nil, err
		}
	}
	parsed, err := template.New("template").Funcs(ours).Option("missingkey=error").Parse(source)
	if err != nil {
		return nil, syntaxError(source, err)
	}
	t := &Template{source: source, parsed: parsed, late: w.late}
	for _, sample := range samples() {
		if _, err := t.Text(sample); err != nil {
			return nil, runError(source, err)
		}
	}
	return t, nil
}

// Late reports whether the text says something that is only known when the call
// is over.
func (t *Template) Late() bool { return t != nil && t.late }

// String is the source.
func (t *Template) String() string {
	if t == nil {
		return ""
	}
	return t.source
}

// Text writes the template for a call, at most 16 KiB of it. It may have several
// lines; what comes from the wire has no control characters in it. An error is
// one that the samples did not show.
func (t *Template) Text(c Call) (string, error) {
	if t == nil {
		return "", nil
	}
	var out bounded
	if err := t.parsed.Execute(&out, c.values()); err != nil && !errors.Is(err, errFull) {
		return "", fmt.Errorf("write template: %w", err)
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD"), nil
}

// errFull ends a template that writes too much.
var errFull = errors.New("the text is too long")

// bounded keeps the first maxOutput bytes.
type bounded struct{ strings.Builder }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if room := maxOutput - b.Len(); len(p) > room {
		_, _ = b.Builder.Write(p[:room]) // it has no errors
		return room, errFull
	}
	return b.Builder.Write(p)
}

// place turns an offset in the source into line and column.
func place(source string, offset int) (line, column int) {
	before := source[:min(max(0, offset), len(source))]
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

var (
	syntaxForm = regexp.MustCompile(`^template: template:([0-9]+): (?s:(.*))$`)
	runForm    = regexp.MustCompile(`template: template:([0-9]+):([0-9]+): executing "template" at (?s:(.*))$`)
)

// syntaxError finds the place of what the parser says: it names the line alone.
func syntaxError(source string, err error) error {
	e := &Error{Line: 1, Column: 1, Message: err.Error(), Hint: "a field is written as {{.name}}"}
	m := syntaxForm.FindStringSubmatch(err.Error())
	if m == nil {
		return e
	}
	e.Line, _ = strconv.Atoi(m[1]) // digits
	e.Message = "does not parse: " + m[2]
	if strings.Contains(m[2], "unexpected EOF") {
		e.Hint = "close if, range and with by {{end}}"
	}
	lines := strings.Split(source, "\n")
	if e.Line > len(lines) {
		e.Line = len(lines)
	}
	e.Column = 1 + utf8.RuneCountInString(lines[e.Line-1][:badAction(lines[e.Line-1])])
	return e
}

// badAction is the offset of the action in a line that does not parse on its
// own, or else of the last one; 0 if there is none.
func badAction(line string) int {
	last := 0
	for at := 0; ; {
		i := strings.Index(line[at:], "{{")
		if i < 0 {
			return last
		}
		last = at + i
		length := strings.Index(line[last:], "}}")
		if length < 0 {
			return last
		}
		tree := parse.New("template")
		tree.Mode = parse.SkipFuncCheck
		_, err := tree.Parse(line[last:last+length+2], "", "", map[string]*parse.Tree{})
		if err != nil && !strings.Contains(err.Error(), "unexpected EOF") && !strings.Contains(err.Error(), "{{end}}") && !strings.Contains(err.Error(), "{{else}}") {
			return last
		}
		at = last + length + 2
	}
}

// runError finds the place of what went wrong while a sample was written.
func runError(source string, err error) error {
	e := &Error{Line: 1, Column: 1, Message: "cannot be written: " + err.Error()}
	if m := runForm.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1]) // digits
		column, _ := strconv.Atoi(m[2])
		lines := strings.Split(source, "\n")
		line := lines[min(e.Line, len(lines))-1]
		e.Column = 1 + utf8.RuneCountInString(line[:min(column, len(line))])
		e.Message = "cannot be written: " + m[3]
	}
	return e
}
