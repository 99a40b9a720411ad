package asterisk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const (
	// maxMessage bounds one message. The largest events of Asterisk 22 have
	// some 3 KiB, a Status event with variables 2 KiB.
	maxMessage = 64 << 10
	// maxHeaders bounds the lines of one message.
	maxHeaders = 512
	// maxGreeting bounds the greeting: Asterisk's has 30 bytes.
	maxGreeting = 256
	// readSize is how much is asked of the connection at once.
	readSize = 64 << 10
	// maxEmptyReads is how often a read may give neither bytes nor an error.
	maxEmptyReads = 100
)

// greeting is how Asterisk says hello.
const greeting = "Asterisk Call Manager"

// Reader cuts a stream of AMI bytes into messages. It is not safe for
// concurrent use. See NewReader.
type Reader struct {
	from     io.Reader
	wants    func(kind, variable []byte) bool
	actionID []byte // how our ActionIDs begin
	count    *counters
	now      func() time.Time

	buf        []byte
	start, end int
	received   time.Time
	spans      []span // scratch
}

// NewReader returns a reader of the messages in from. It gives the events for
// which wants is true, and every response; wants sees the event's name and, of
// a VarSet, the name of the variable, and must not keep them. A nil wants
// takes all.
func NewReader(from io.Reader, wants func(kind, variable []byte) bool) *Reader {
	if wants == nil {
		wants = func([]byte, []byte) bool { return true }
	}
	return &Reader{from: from, wants: wants, count: &counters{}, now: time.Now, buf: make([]byte, 2*maxMessage)}
}

// Stats are the reader's counts so far.
func (r *Reader) Stats() Stats { return r.count.stats() }

// ReadGreeting reads the line that Asterisk begins with. Anything else gives an
// error that wraps ErrNoGreeting.
func (r *Reader) ReadGreeting() (string, error) {
	for {
		got := r.buf[r.start:r.end]
		if i := bytes.Index(got, crlf); i >= 0 {
			line := string(got[:i])
			if !strings.HasPrefix(line, greeting) {
				return "", fmt.Errorf("%w: %q is not how Asterisk greets", ErrNoGreeting, line[:min(len(line), 60)])
			}
			r.start += i + len(crlf)
			return line, nil
		}
		if len(got) > maxGreeting {
			return "", fmt.Errorf("%w: %q… is not how Asterisk greets", ErrNoGreeting, got[:40])
		}
		if err := r.fill(); err != nil {
			return "", err
		}
	}
}

// Read returns the next wanted message. At the end of the stream it returns
// io.EOF between two messages and io.ErrUnexpectedEOF inside one. An error that
// wraps ErrMalformed concerns one message: it has been passed over, and the
// next Read goes on behind it.
func (r *Reader) Read() (Message, error) {
	for {
		frame, err := r.frame()
		if err != nil {
			return Message{}, err
		}
		m, used, err := r.look(frame)
		if errors.Is(err, errUnending) {
			if err := r.fill(); err != nil {
				return Message{}, unexpected(err)
			}
			continue
		}
		r.start += used
		r.count.messages.Add(1)
		if err != nil {
			return Message{}, err
		}
		if m.Headers != nil {
			r.count.wanted.Add(1)
			return m, nil
		}
	}
}

// errUnending says that a cut event may go on in bytes that are not here yet.
var errUnending = errors.New("unending")

// frame returns the bytes up to and with the next empty line, which may be the
// end of a message or a cut in it. Empty lines before it are passed over.
func (r *Reader) frame() ([]byte, error) {
	searched := 0
	for {
		for bytes.HasPrefix(r.buf[r.start:r.end], crlf) {
			r.start += len(crlf)
		}
		got := r.buf[r.start:r.end]
		if i := bytes.Index(got[min(searched, len(got)):], blank); i >= 0 {
			return got[:min(searched, len(got))+i+len(blank)], nil
		}
		if len(got) > maxMessage {
			return nil, r.passOver()
		}
		searched = max(0, len(got)-len(blank)+1)
		empty := len(got) == 0
		if err := r.fill(); err != nil {
			if empty {
				return nil, err
			}
			return nil, unexpected(err)
		}
	}
}

// passOver drops a message that is too large, up to its end.
func (r *Reader) passOver() error {
	for {
		got := r.buf[r.start:r.end]
		if i := bytes.Index(got, blank); i >= 0 {
			r.start += i + len(blank)
			r.count.messages.Add(1)
			r.count.malformed.Add(1)
			return ErrMessageTooLarge
		}
		r.start += max(0, len(got)-len(blank)+1)
		if err := r.fill(); err != nil {
			return unexpected(err)
		}
	}
}

// look decides about the message that begins with frame, and says how many
// bytes it takes. A message that is not wanted has no headers.
func (r *Reader) look(frame []byte) (Message, int, error) {
	kind, event := bytes.CutPrefix(frame, []byte("Event: "))
	switch {
	case event:
		kind, _, _ = bytes.Cut(kind, crlf)
	case bytes.HasPrefix(frame, []byte("Response: ")):
		m, err := r.plain(frame)
		return m, len(frame), err
	default:
		r.count.malformed.Add(1)
		return Message{}, len(frame), ErrNotAMessage
	}
	variable, has := []byte(nil), true
	if string(kind) == "VarSet" {
		variable, has = variableOf(frame)
		has = has || isGlobal(frame)
	}
	if has && !r.wants(kind, variable) {
		r.count.skipped.Add(1)
		return Message{}, len(frame), nil
	}
	s, known := shapes[string(kind)]
	if !known {
		m, err := r.plain(frame)
		return m, len(frame), err
	}
	return r.shaped(frame, s, kind)
}

// variableOf finds the name of the variable of a VarSet, if it stands where
// nobody but Asterisk can have put it: after the last lines of a channel.
func variableOf(frame []byte) ([]byte, bool) {
	key := []byte("\r\nVariable: ")
	i := bytes.LastIndex(frame, key)
	if i < 0 {
		return nil, false
	}
	name, _, _ := bytes.Cut(frame[i+len(key):], crlf)
	before := frame[:i]
	for _, last := range slices.Backward(blockTail) {
		at := bytes.LastIndex(before, crlf)
		if at < 0 || !bytes.HasPrefix(before[at+len(crlf):], []byte(last)) {
			return nil, false
		}
		before = before[:at]
	}
	return name, true
}

// isGlobal reports whether a VarSet is about a global variable: it has no
// channel, and is not used.
func isGlobal(frame []byte) bool {
	m := matcher{data: frame, spans: make([]span, 0, 4)}
	m.take("Event")
	m.take("Privilege")
	m.take("Timestamp")
	m.take("SystemName")
	return bytes.HasPrefix(frame[m.pos:], []byte("Channel: none\r\nUniqueid: none\r\nVariable: "))
}

// shaped reads an event of a kind that Asterisk always writes the same way.
func (r *Reader) shaped(frame []byte, s shape, kind []byte) (Message, int, error) {
	m := matcher{data: r.buf[r.start:r.end], spans: r.spans[:0]}
	v := m.match(s, r.actionID)
	r.spans = m.spans[:0]
	switch v {
	case unending:
		return Message{}, 0, errUnending
	case unfit:
		r.count.forged.Add(1)
		return Message{}, len(frame), ErrForged
	case genuine:
	}
	used := m.pos + len(crlf)
	if m.tampered {
		r.count.rejoined.Add(1)
		if string(kind) == "VarSet" && !r.wantsVariable(m) {
			r.count.skipped.Add(1)
			return Message{}, used, nil
		}
	}
	return newMessage(m.data[:m.pos], m.spans, r.received, m.tampered), used, nil
}

func (r *Reader) wantsVariable(m matcher) bool {
	for _, s := range m.spans {
		if m.is(s, "Variable") {
			return r.wants([]byte("VarSet"), m.data[s.value:s.valueEnd])
		}
	}
	return false
}

// plain reads a message of which no shape is known.
func (r *Reader) plain(frame []byte) (Message, error) {
	lines := frame[:len(frame)-len(crlf)]
	r.spans = splitLines(r.spans[:0], lines)
	if len(r.spans) > maxHeaders {
		r.count.malformed.Add(1)
		return Message{}, ErrTooManyHeaders
	}
	return newMessage(lines, r.spans, r.received, false), nil
}

// fill reads more bytes. There is room: nothing keeps more than maxMessage.
func (r *Reader) fill() error {
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
	if len(r.buf)-r.end < readSize/2 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	if r.end == len(r.buf) {
		return ErrMessageTooLarge
	}
	for range maxEmptyReads {
		n, err := r.from.Read(r.buf[r.end:min(len(r.buf), r.end+readSize)])
		if n > 0 {
			r.end += n
			r.count.bytes.Add(uint64(n))
			r.received = r.now()
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// unexpected says that the stream ended inside a message.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
