package twilio

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// hook is the last part of the path of a webhook: what is told there.
type hook string

// The webhooks.
const (
	hookVoice         hook = "voice"         // a call comes in, or its next step is asked for
	hookDial          hook = "dial"          // the action of Dial: phones have rung, or the talk is over
	hookStatus        hook = "status"        // the status of a call or of a leg
	hookRecording     hook = "recording"     // the status of a recording
	hookTranscription hook = "transcription" // the text of a message
	hookQueue         hook = "queue"         // the action and waitUrl of Enqueue, the url of Queue
	hookConference    hook = "conference"    // who joins and leaves
	hookVoicemail     hook = "voicemail"     // the action of Record: a message was left
)

var hooks = []hook{hookVoice, hookDial, hookStatus, hookRecording, hookTranscription, hookQueue, hookConference, hookVoicemail}

// The bounds of a time that is told. Callbacks may come hours late, honestly; a
// clock of ours may be wrong by minutes.
const (
	maxLate  = 24 * time.Hour
	maxAhead = 10 * time.Minute
)

// Reason says why a webhook was refused: few and constant, to be counted.
type Reason string

// The reasons of a refusal.
const (
	// Unsigned: no X-Twilio-Signature.
	Unsigned Reason = "unsigned"
	// WrongSignature: not signed with a configured auth token for the public URL.
	WrongSignature Reason = "signature"
	// WrongAccount: signed, and of another account.
	WrongAccount Reason = "account"
	// TooLarge: over 1 MiB.
	TooLarge Reason = "too_large"
	// ContentType: neither a form nor signed JSON.
	ContentType Reason = "content_type"
	// Unreadable: the body is not what its type says.
	Unreadable Reason = "unreadable"
	// BadSid: an id is missing, or is none.
	BadSid Reason = "sid"
	// BadTime: a time that cannot be.
	BadTime Reason = "time"
	// NotListening: the program starts or stops.
	NotListening Reason = "not_listening"
	// NotDurable: the journal did not take it in time.
	NotDurable Reason = "not_durable"
	// NotKnown: how the call began could not be asked of Twilio.
	NotKnown Reason = "not_known"
)

// Reasons are all of them.
var Reasons = []Reason{
	Unsigned, WrongSignature, WrongAccount, TooLarge, ContentType, Unreadable, BadSid, BadTime, NotListening, NotDurable, NotKnown,
}

// RefusedError says why a webhook was refused, in one line for whoever sent it.
type RefusedError struct {
	Reason Reason
	// Status is that of the HTTP answer.
	Status int
	Text   string
}

// Error implements error.
func (e *RefusedError) Error() string { return e.Text }

func refuse(reason Reason, status int, format string, args ...any) error {
	return &RefusedError{reason, status, fmt.Sprintf(format, args...)}
}

// callback is one request of Twilio's whose signature was right.
type callback struct {
	hook hook
	form url.Values
	// query is what we wrote into the URL that Twilio asks for.
	query    url.Values
	received time.Time
}

// get is a parameter, without control characters and bounded.
func (c callback) get(key string) string {
	return telephony.StripControls(bounded(strings.TrimSpace(c.form.Get(key)), maxValue))
}

var sidForm = regexp.MustCompile(`^[A-Z]{2}[0-9a-f]{32}$`)

// sid is an id that must be there, of the kind that its two letters say.
func (c callback) sid(key, kind string) (string, error) {
	sid, err := c.optional(key, kind)
	if err == nil && sid == "" {
		err = refuse(BadSid, http.StatusBadRequest, "%s is missing: want %s and 32 hexadecimal digits", key, kind)
	}
	return sid, err
}

// optional is an id that may be left out.
func (c callback) optional(key, kind string) (string, error) {
	sid := c.get(key)
	if sid != "" && (!sidForm.MatchString(sid) || sid[:2] != kind) {
		return "", refuse(BadSid, http.StatusBadRequest, "%s %q is no id: want %s and 32 hexadecimal digits", key, bounded(sid, 40), kind)
	}
	return sid, nil
}

// time is when it happened, by Twilio's clock in whole seconds, or else when we
// heard of it.
func (c callback) time() (time.Time, error) {
	text := c.get("Timestamp")
	if text == "" {
		return c.received, nil
	}
	at, err := parseTime(text)
	switch {
	case err != nil:
		return at, refuse(BadTime, http.StatusBadRequest, "Timestamp %q is no time: want RFC 2822", bounded(text, 40))
	case at.Before(c.received.Add(-maxLate)):
		return at, refuse(BadTime, http.StatusBadRequest, "Timestamp %q is more than %s ago", bounded(text, 40), maxLate)
	case at.After(c.received.Add(maxAhead)):
		return at, refuse(BadTime, http.StatusBadRequest, "Timestamp %q is in the future: is the clock of this machine right?", bounded(text, 40))
	}
	return at, nil
}

// parseTime reads a time of RFC 2822, with a zone as digits or by name.
func parseTime(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC1123Z, text)
	if err != nil {
		at, err = time.Parse(time.RFC1123, text)
	}
	return at.UTC(), err
}

// seconds is a length of time, 0 where none is told.
func (c callback) seconds(key string) time.Duration {
	n, err := strconv.ParseUint(c.get(key), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// sequence is the place of the event in its leg or conference.
func (c callback) sequence() uint64 {
	n, err := strconv.ParseUint(c.get("SequenceNumber"), 10, 16)
	if err != nil {
		return 0
	}
	return n
}

// inbound reports whether the caller began the call, not we by the API.
func (c callback) inbound() bool { return !strings.HasPrefix(c.get("Direction"), "outbound") }
