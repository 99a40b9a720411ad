package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/talkbridge/talkbridge/telephony"
)

// page is where a command prints for people. Whatever comes from outside goes
// through its functions: it can then neither move the cursor nor pretend to be a
// line of ours. Colours are only for a terminal.
type page struct {
	io.Writer

	colour bool
	// width is how many characters a line has, 0 for no limit: then a text
	// stays in one line, so that grep finds it.
	width int
}

// newPage returns a page as wide as the terminal, with colours unless NO_COLOR
// says otherwise (https://no-color.org); or a plain one, where out is none.
func newPage(out io.Writer) page {
	p := page{Writer: out}
	file, isFile := out.(*os.File)
	if !isFile {
		return p
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return p
	}
	p.width = int(size.Col)
	p.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return p
}

// ink is how a text is shown, as ECMA-48 numbers it.
type ink string

const (
	plainInk ink = ""
	boldInk  ink = "1"
	dimInk   ink = "2"
	redInk   ink = "31"
	greenInk ink = "32"
	amberInk ink = "33"
)

// say prints one line. Its arguments are made safe for a terminal.
func (p page) say(format string, args ...any) {
	_, _ = fmt.Fprintln(p, safeLine(fmt.Sprintf(format, args...)))
}

// ink returns the text, made safe, in that ink. It stays in one line.
func (p page) ink(how ink, text string) string {
	text = safeLine(text)
	if !p.colour || how == plainInk || text == "" {
		return text
	}
	return "\x1b[" + string(how) + "m" + text + "\x1b[0m"
}

// raw prints a line that was put together with ink.
func (p page) raw(parts ...string) { _, _ = fmt.Fprintln(p, strings.Join(parts, "")) }

// safeLine is a text that cannot break a terminal.
func safeLine(text string) string {
	return telephony.StripControls(strings.NewReplacer("\r", " ", "\n", " ", "\t", " ").Replace(text))
}

// minColumn is the narrowest column that a text is cut for.
const minColumn = 40

// lines cuts a text for what is left of the page behind an indent.
func (p page) lines(text string, indent int) []string {
	if p.width == 0 {
		return []string{text}
	}
	return wrap(text, max(p.width-indent, minColumn))
}

// wrap cuts a text into lines of at most width characters, at blanks where
// there are any.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
