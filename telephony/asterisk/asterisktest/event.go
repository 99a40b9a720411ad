package asterisktest

import (
	"strconv"
	"strings"
	"time"
)

const (
	crlf    = "\r\n"
	unknown = "<unknown>" // how Asterisk prints a number or name it does not have
)

// field is one header of an event.
type field struct{ key, value string }

// event is one message of the event stream. It is never changed once it is
// made, so that sessions may share it.
type event struct {
	kind   string
	class  class // what a user must be allowed to read; 0: everybody
	raw    []byte
	fields []field
}

// parseEvent reads one complete event, the empty line at its end included.
func parseEvent(raw []byte) *event {
	e := &event{raw: raw, fields: parseFields(string(raw))}
	e.kind = e.get("Event")
	e.class = parseClasses(e.get("Privilege")) &^ classAll
	return e
}

// get returns the first value of a header, and "" where there is none.
func (e *event) get(key string) string {
	for _, f := range e.fields {
		if f.key == key {
			return f.value
		}
	}
	return ""
}

// linkedid returns the call that an event belongs to; CEL and Cdr spell it
// differently.
func (e *event) linkedid() string {
	for _, f := range e.fields {
		if f.key == "Linkedid" || f.key == "LinkedID" {
			return f.value
		}
	}
	return e.get("DestLinkedid") // a Dial without a calling channel
}

// parseFields splits an event into its headers. A number that a remote caller
// filled with line breaks stays whole: Asterisk prints the number unescaped,
// and always the name of the same party right after it.
func parseFields(text string) []field {
	fields := make([]field, 0, strings.Count(text, "\n"))
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, crlf)
		key, value, found := strings.Cut(line, ":")
		if !found {
			continue
		}
		value = strings.TrimPrefix(value, " ")
		if next := nameAfter(key); next != "" && !strings.HasPrefix(text, next) {
			if end := strings.Index(text, crlf+next); end >= 0 {
				value, text = value+crlf+text[:end], text[end+len(crlf):]
			}
		}
		fields = append(fields, field{key, value})
	}
	return fields
}

// nameAfter returns how the line after a number must begin, "" for any other
// header.
func nameAfter(key string) string {
	switch {
	case strings.HasSuffix(key, "CallerIDNum"), strings.HasSuffix(key, "ConnectedLineNum"):
		return strings.TrimSuffix(key, "Num") + "Name: "
	case key == "CallerIDnum": // CEL
		return "CallerIDname: "
	}
	return ""
}

// writer builds messages in the wire format.
type writer struct{ text []byte }

func (w *writer) put(text string) { w.text = append(w.text, text...) }

func (w *writer) add(key, value string) {
	w.put(key)
	w.put(": ")
	w.put(value)
	w.put(crlf)
}

func (w *writer) addInt(key string, value int) { w.add(key, strconv.Itoa(value)) }

func (w *writer) end() []byte {
	w.put(crlf)
	return w.text
}

// stamp formats a time as timestampevents=yes does: seconds and microseconds.
func stamp(t time.Time) string {
	micros := t.UnixMicro()
	text := strconv.FormatInt(micros, 10)
	if len(text) <= 6 {
		return strconv.FormatFloat(float64(micros)/1e6, 'f', 6, 64)
	}
	return text[:len(text)-6] + "." + text[len(text)-6:]
}

// escapeName escapes a display name as channel events print it: quotes,
// backslashes and control characters as in C.
func escapeName(name string) string {
	return nameEscaper.Replace(name)
}

var nameEscaper = strings.NewReplacer(
	`\`, `\\`, `"`, `\"`, `'`, `\'`, "\a", `\a`, "\b", `\b`, "\f", `\f`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\v`)
