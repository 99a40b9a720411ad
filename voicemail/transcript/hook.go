package transcript

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/voicemail"
)

// Hook puts speech into words. It is safe for concurrent use.
type Hook interface {
	// Transcribe returns what is said, clean and bounded; "" if nothing is. The
	// error is a *RefusedError for what no other try will change, a *BusyError
	// where the hook says when to come back, and else something that may pass.
	Transcribe(ctx context.Context, speech Speech) (string, error)
}

// Speech is what to put into words.
type Speech struct {
	// Audio is read to its end, which is after Size bytes. Path is the file that it
	// is in.
	Audio  io.Reader
	Size   int64
	Format voicemail.Format
	Path   string
	// Language is that of the speech in ISO 639-1, such as "de"; "" leaves it to
	// the hook to find out.
	Language string
}

// DefaultTimeout is how long one request or run may take: a service needs some
// seconds for a minute of speech, a model on a small machine as long as it lasts.
const DefaultTimeout = 2 * time.Minute

// MaxText bounds a text, in bytes: half an hour of speech. Zendesk takes comments
// of 64 KiB.
const MaxText = 32 << 10

// RefusedError says that a recording will not be put into words, however often it
// is asked for.
type RefusedError struct {
	// Reason is for people, and has no secret in it.
	Reason string
}

// Error says why.
func (e *RefusedError) Error() string { return "transcription refused: " + e.Reason }

// BusyError says that the hook cannot do it now.
type BusyError struct {
	// Status is that of the answer.
	Status int
	// After is how long to wait, 0 if the service did not say.
	After time.Duration
}

// Error says so.
func (e *BusyError) Error() string {
	return fmt.Sprintf("transcription service is busy: status %d", e.Status)
}

// RetryAfter is how long to wait, 0 if the service did not say.
func (e *BusyError) RetryAfter() time.Duration { return e.After }

// Clean is a text from outside as it may be kept: lines without control
// characters, at most limit bytes.
func Clean(text string, limit int) string {
	if len(text) > 2*limit {
		text = text[:2*limit] // there is nothing to see in the rest
	}
	var out []string
	for line := range strings.Lines(lineEnds.Replace(text)) {
		line = strings.TrimSpace(telephony.StripControls(strings.ReplaceAll(line, "\t", " ")))
		if line != "" || (len(out) > 0 && out[len(out)-1] != "") {
			out = append(out, line)
		}
	}
	return clip(strings.TrimSpace(strings.Join(out, "\n")), limit)
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// clip shortens a text to at most limit bytes, at the end of a character.
func clip(text string, limit int) string {
	const sign = "…"
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:max(0, limit-len(sign))], "") + sign
}
