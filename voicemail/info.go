package voicemail

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// maxInfo bounds the text file of a message; a real one has about 400 bytes.
const maxInfo = 64 << 10

// Info is what the phone system wrote beside a message. Fields that it left
// out are zero. The names are those of Asterisk's msgNNNN.txt, seen in 16 and
// 22.
type Info struct {
	// MessageID names the message for as long as it exists, unlike its file.
	MessageID string
	// Category is free for the dialplan: with
	// Set(VM_CATEGORY=${CHANNEL(linkedid)}) it names the call.
	Category string
	// Caller is the caller as written: "Name" <number>, without control
	// characters.
	Caller  string
	Mailbox string
	// Time is when the recording began, in UTC, to the second.
	Time time.Time
	// Duration is to the second.
	Duration time.Duration
}

// same reports whether two texts are of one message.
func (i Info) same(o Info) bool {
	return i.MessageID == o.MessageID && i.Category == o.Category && i.Time.Equal(o.Time) && i.Caller == o.Caller
}

// ParseInfo reads the text file of a message: at most 64 KiB, of which the
// section [message] counts. An error says what is wrong with it.
func ParseInfo(r io.Reader) (Info, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxInfo+1))
	if err != nil {
		return Info{}, fmt.Errorf("read message text: %w", err)
	}
	if len(text) > maxInfo {
		return Info{}, fmt.Errorf("message text is longer than %d bytes", maxInfo)
	}
	values, err := messageSection(string(text))
	if err != nil {
		return Info{}, err
	}
	info := Info{
		MessageID: values["msg_id"],
		Category:  values["category"],
		Caller:    values["callerid"],
		Mailbox:   values["origmailbox"],
	}
	if info.Time, err = unixTime(values["origtime"]); err != nil {
		return Info{}, err
	}
	if info.Duration, err = wholeSeconds(values["duration"]); err != nil {
		return Info{}, err
	}
	return info, nil
}

// messageSection has the keys of [message]; of a repeated one the first counts.
func messageSection(text string) (map[string]string, error) {
	values := make(map[string]string)
	found, inside := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == ';':
		case line[0] == '[':
			inside = strings.EqualFold(line, "[message]")
			found = found || inside
		case inside:
			key, value, ok := strings.Cut(line, "=")
			key = strings.ToLower(strings.TrimSpace(key))
			if _, have := values[key]; ok && !have {
				values[key] = strings.TrimSpace(telephony.StripControls(value))
			}
		}
	}
	if !found {
		return nil, errors.New("message text has no section [message]")
	}
	return values, nil
}

func unixTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 1<<33 {
		return time.Time{}, fmt.Errorf("message text: origtime %q is no time in seconds since 1970", s)
	}
	return time.Unix(n, 0).UTC(), nil
}

func wholeSeconds(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("message text: duration %q is no number of seconds", s)
	}
	return time.Duration(n) * time.Second, nil
}
