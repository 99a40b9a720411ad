package asterisk

import (
	"bytes"
	"strings"
	"time"
)

// Header is one line of a message. A line that is no header has an empty Key
// and is kept whole in Value.
type Header struct{ Key, Value string }

// Message is one AMI message: an event or the response to an action. It is a
// value that shares nothing with the Reader it came from.
type Message struct {
	// Headers are in the order of the wire. Of an event that was put together
	// again (Tampered) those that the caller may have written are left out.
	Headers []Header
	// Raw is the message as it came, without the empty line that ends it.
	Raw string
	// Received is when its last bytes were read.
	Received time.Time
	// Tampered says that a caller id cut the message: no number or name in it
	// can be trusted.
	Tampered bool
	// Secret says that the number of its channel must not be shown, by what
	// Asterisk said elsewhere. A Reader never sets it.
	Secret bool
}

// Get is the value of the first header named key, "" if there is none. Keys
// are compared exactly: Asterisk always writes them the same way.
func (m Message) Get(key string) string {
	for _, h := range m.Headers {
		if h.Key == key {
			return h.Value
		}
	}
	return ""
}

// Kind is the name of the event, "" for a response.
func (m Message) Kind() string {
	if len(m.Headers) > 0 && m.Headers[0].Key == "Event" {
		return m.Headers[0].Value
	}
	return ""
}

// Size is how much memory the message takes, in bytes.
func (m Message) Size() int { return 128 + len(m.Raw) + 32*len(m.Headers) }

// variables are the values of the repeated header Variable, as name=value.
func (m Message) variables() map[string]string {
	vars := make(map[string]string)
	for _, h := range m.Headers {
		if h.Key != "Variable" {
			continue
		}
		if name, value, ok := strings.Cut(h.Value, "="); ok && value != "(null)" {
			vars[name] = value
		}
	}
	return vars
}

// span is one line as offsets into the bytes of its message.
type span struct{ key, keyEnd, value, valueEnd int }

var (
	crlf  = []byte("\r\n")
	blank = []byte("\r\n\r\n")
)

// splitLine finds where key and value of the line data[from:to] are.
func splitLine(data []byte, from, to int) span {
	i := bytes.IndexByte(data[from:to], ':')
	if i < 0 {
		return span{from, from, from, to}
	}
	value := from + i + 1
	if value < to && data[value] == ' ' {
		value++
	}
	return span{from, from + i, value, to}
}

// splitLines appends the lines of data, which ends with its last one's CRLF.
func splitLines(spans []span, data []byte) []span {
	for from := 0; from < len(data); {
		to := bytes.Index(data[from:], crlf)
		if to < 0 {
			to = len(data) - from
		}
		spans = append(spans, splitLine(data, from, from+to))
		from += to + len(crlf)
	}
	return spans
}

// newMessage copies the message out of the reader's buffer.
func newMessage(data []byte, spans []span, received time.Time, tampered bool) Message {
	raw := string(data)
	headers := make([]Header, len(spans))
	for i, s := range spans {
		headers[i] = Header{Key: raw[s.key:s.keyEnd], Value: raw[s.value:s.valueEnd]}
	}
	return Message{Headers: headers, Raw: raw, Received: received, Tampered: tampered}
}
