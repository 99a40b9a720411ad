package ari

import (
	"context"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// A caller may ask his carrier not to show his number. Where the carrier is trusted
// Asterisk has it nevertheless and prints it; that it must not be shown stands only
// in CALLERID(num-pres). Either ari.conf has it written into every channel
// (channelvars), or it is asked for as soon as the channel is there, while the
// events before it are still told.

const (
	// presentation is the variable that says whether a number may be shown.
	presentation = "CALLERID(num-pres)"
	// presentationWait is how long after it came an event waits for the answer, which
	// takes some milliseconds. Without one the number is taken to be public.
	presentationWait = 250 * time.Millisecond
	// maxInquiries bounds the requests that are under way. Beyond it nobody is asked.
	maxInquiries = 64
)

// secretPresentation reports whether a value of CALLERID(num-pres) says that the
// number must not be shown.
func secretPresentation(value string) bool {
	return strings.HasPrefix(value, "prohib") || value == "unavailable"
}

// inquire asks whether the number of a caller from outside may be shown, if the
// message is of one and does not say so itself. It does not wait.
func (s *session) inquire(ctx context.Context, m *message) {
	if m.Type != "ChannelCreated" || m.Channel.State != "Ring" || m.Channel.Vars[presentation] != "" ||
		s.translate.sideOf(m.Channel) != telephony.SideTrunk || s.translate.partyOf(m.Channel, false).Withheld {
		return
	}
	select {
	case s.inquiries <- struct{}{}:
	default:
		return
	}
	answer, id := make(chan bool, 1), m.Channel.ID
	m.secret = answer
	s.running.Go(func() {
		defer func() { <-s.inquiries }()
		ctx, cancel := context.WithTimeout(ctx, presentationWait)
		defer cancel()
		value, err := s.source.client.variable(ctx, id, presentation)
		answer <- err == nil && secretPresentation(value)
	})
}

// await waits for the answer to an inquiry.
func (m *message) await() {
	if m.secret == nil {
		return
	}
	timer := time.NewTimer(presentationWait - time.Since(m.received))
	defer timer.Stop()
	select {
	case m.hidden = <-m.secret:
	case <-timer.C:
	}
}
