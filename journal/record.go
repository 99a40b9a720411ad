package journal

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Kind says which of the two stories of a call a record belongs to. The zero value is not a kind.
type Kind uint8

// The kinds. Each has its own subject, so that fencing (AppendIf) sees outcomes only.
const (
	// Event is what the phone system reported.
	Event Kind = iota + 1
	// Outcome is what talkbridge did about it: intents and results.
	Outcome
)

// String returns "event", "outcome" or "kind(N)".
func (k Kind) String() string {
	switch k {
	case Event:
		return "event"
	case Outcome:
		return "outcome"
	default:
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
}

// Limits of a message. They keep a subject within the engine's control line (4096 bytes) and what is in flight
// within its input queue (128 MiB).
const (
	// MaxCall is the longest call id in bytes.
	MaxCall = 1024
	// MaxData is the largest body in bytes.
	MaxData = 256 << 10
)

// Message is what goes into the journal.
type Message struct {
	// Call is the call's id: any non-empty string of at most MaxCall bytes.
	Call string
	// Kind is Event or Outcome.
	Kind Kind
	// ID makes a repeated append harmless: within the duplicate window (two minutes) a second message of the same
	// call, kind and ID is not stored again. Empty: never a duplicate.
	ID string
	// Data is the body, at most MaxData bytes. The journal keeps no reference to it after the call returns, unless
	// that call was cut short by its context.
	Data []byte
}

// Record is what comes out of the journal.
type Record struct {
	// Seq is the place in the stream, from 1, without holes.
	Seq uint64
	// Stored is when the journal took it, UTC.
	Stored time.Time
	// Call is the call's id as it was appended.
	Call string
	// Kind is Event or Outcome.
	Kind Kind
	// Data is the body; it belongs to the receiver.
	Data []byte
}

// DuplicateWindow is how long the journal recognises a repeated Message.ID.
const DuplicateWindow = 2 * time.Minute

const (
	subjectRoot  = "tb"
	streamName   = "talkbridge"
	kindEvent    = "event"
	kindOutcome  = "outcome"
	subjectParts = 4
)

var sitePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

var tokenEncoding = base64.RawURLEncoding.Strict()

// encodeToken makes one subject token of any string, reversibly: base64url without padding.
func encodeToken(s string) string { return tokenEncoding.EncodeToString([]byte(s)) }

// decodeToken is the inverse of encodeToken; it refuses whatever encodeToken cannot have made.
func decodeToken(token string) (string, error) {
	if strings.ContainsAny(token, "\r\n") { // The decoder would skip them.
		return "", fmt.Errorf("decode call token %q: line break", token)
	}
	b, err := tokenEncoding.DecodeString(token)
	if err != nil {
		return "", fmt.Errorf("decode call token %q: %w", token, err)
	}
	return string(b), nil
}

// subject returns the subject of a call's events or outcomes.
func (j *Journal) subject(call string, kind Kind) string {
	return subjectRoot + "." + j.site + "." + encodeToken(call) + "." + kind.String()
}

// parseSubject is the inverse of subject.
func parseSubject(subject string) (call string, kind Kind, err error) {
	parts := strings.Split(subject, ".")
	if len(parts) != subjectParts || parts[0] != subjectRoot {
		return "", 0, fmt.Errorf("parse subject %q: not a subject of the journal", subject)
	}
	switch parts[3] {
	case kindEvent:
		kind = Event
	case kindOutcome:
		kind = Outcome
	default:
		return "", 0, fmt.Errorf("parse subject %q: unknown kind", subject)
	}
	call, err = decodeToken(parts[2])
	return call, kind, err
}

// check refuses a message that the journal cannot hold.
func (m Message) check() error {
	switch {
	case m.Call == "":
		return &MessageError{Call: m.Call, Reason: "the call id is empty"}
	case len(m.Call) > MaxCall:
		return &MessageError{Call: m.Call[:64] + "…", Reason: fmt.Sprintf("the call id has %d bytes, at most %d are allowed", len(m.Call), MaxCall)}
	case m.Kind != Event && m.Kind != Outcome:
		return &MessageError{Call: m.Call, Reason: "unknown " + m.Kind.String()}
	case len(m.Data) > MaxData:
		return &MessageError{Call: m.Call, Reason: fmt.Sprintf("the body has %d bytes, at most %d are allowed", len(m.Data), MaxData)}
	}
	return nil
}
