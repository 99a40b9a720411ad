package voicemail

import (
	"errors"
	"fmt"
)

// Errors that a caller branches on; all come wrapped.
var (
	// ErrNotFinal: the phone system has not finished the message. Wait.
	ErrNotFinal = errors.New("message is not final")
	// ErrChanged: another message took the name while it was read. Look again.
	ErrChanged = errors.New("message changed while it was read")
	// ErrNotFound: the store has no such audio.
	ErrNotFound = errors.New("no such recording")
	// ErrRevoked: the audio was taken back; it is neither served nor kept anew.
	ErrRevoked = errors.New("recording is revoked")
)

// Reason says why audio was refused: few and constant, to be counted.
type Reason string

// The reasons of a refusal.
const (
	// BadPath: the name is none that a phone system gives to a message.
	BadPath Reason = "bad_path"
	// NoFolder: no folder is configured for that phone system.
	NoFolder Reason = "no_folder"
	// NotRegular: a link, folder, pipe or device.
	NotRegular Reason = "not_regular"
	// NotReadable: it is there and cannot be opened, or lies outside.
	NotReadable Reason = "not_readable"
	// BadInfo: the text file beside the audio cannot be read.
	BadInfo Reason = "bad_info"
	// TooLarge: more bytes than are allowed.
	TooLarge Reason = "too_large"
	// NoSound: a header without audio.
	NoSound Reason = "no_sound"
	// NotAudio: neither WAV nor MP3.
	NotAudio Reason = "not_audio"
)

// RefusedError says which audio was refused and why. Asking again does not
// help.
type RefusedError struct {
	// Path is as the phone system named it, or what was refused in its place.
	Path   string
	Reason Reason
	// Detail is for people: what was found and what to do.
	Detail string
}

// Error names the audio, the reason and the detail.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("audio %q refused (%s): %s", e.Path, e.Reason, e.Detail)
}

func refuse(path string, reason Reason, format string, args ...any) error {
	return &RefusedError{Path: path, Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
