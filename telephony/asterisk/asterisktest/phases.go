package asterisktest

import (
	"slices"
	"time"
)

// Phase is a stretch of a call in which it can be held.
type Phase int

// The phases that a Hold can prolong.
const (
	Ringing   Phase = iota + 1 // from the first dial attempt to its end
	Talking                    // from the first bridge to the request to hang up
	Recording                  // while a voicemail is spoken
	Longest                    // wherever the capture is silent for longest while a channel is up
	Parting                    // from the last bridge, after all transfers, to the last request to hang up
	Meeting                    // from the first bridge to whatever is done next: nobody was transferred or held yet
)

// Hold keeps a call in a phase. The zero value holds nothing.
type Hold struct {
	Phase Phase
	// For is how long, beyond the recorded time; real time, whatever the speed.
	For time.Duration
	// Until, if not nil, holds further until it is closed or receives.
	Until <-chan struct{}
	// Known, if not nil, holds, before For begins to count, until it says of each
	// call of the scenario, by its Linkedid, that enough is known of it.
	Known func(linkedid string) bool
}

// findPhases finds where each phase can be stretched: before the step that
// follows its longest silence.
func (t *template) findPhases() {
	isKind := func(kinds ...string) func(step) bool {
		return func(s step) bool { return slices.Contains(kinds, s.kind) }
	}
	voicemail := func(s step) bool {
		return s.kind == "Newexten" && len(s.parts) > 0 && s.contains("Application: VoiceMail")
	}
	t.ringing = t.span(isKind("DialBegin"), isKind("DialEnd", "HangupRequest"))
	t.talking = t.span(isKind("BridgeEnter"), isKind("HangupRequest"))
	t.meeting = t.span(isKind("BridgeEnter"), isKind("HangupRequest", "SoftHangupRequest", "BridgeLeave", "Newchannel", "Hold", "BlindTransfer"))
	t.mail = t.span(voicemail, isKind("HangupRequest"))
	t.longest = t.span(isKind("Newchannel"), isKind("HangupRequest"))
	bridged := t.last("BridgeEnter")
	t.parting = t.between(bridged, max(t.last("HangupRequest"), t.last("SoftHangupRequest"), bridged))
}

// last is the last step of a kind, -1 if there is none.
func (t *template) last(kind string) int {
	for i, s := range slices.Backward(t.steps) {
		if s.kind == kind {
			return i
		}
	}
	return -1
}

// between finds the step after the longest silence between two steps.
func (t *template) between(begin, end int) span {
	var silence time.Duration
	var result span
	for i := begin + 1; begin >= 0 && i <= end; i++ {
		if gap := t.steps[i].at - t.steps[i-1].at; gap > silence {
			silence, result = gap, span{found: true, cut: i}
		}
	}
	return result
}

// span finds the first step that begins, the next that ends, and in between the
// step after the longest silence.
func (t *template) span(begins, ends func(step) bool) span {
	begin := slices.IndexFunc(t.steps, begins)
	if begin < 0 {
		return span{}
	}
	length := slices.IndexFunc(t.steps[begin+1:], ends)
	if length < 0 {
		return span{}
	}
	return t.between(begin, begin+1+length)
}

// has reports whether there is what the hold prolongs.
func (t *template) has(h Hold) bool { return h.Phase == 0 || t.phase(h.Phase).found }

func (t *template) phase(p Phase) span {
	switch p {
	case Ringing:
		return t.ringing
	case Talking:
		return t.talking
	case Recording:
		return t.mail
	case Longest:
		return t.longest
	case Parting:
		return t.parting
	case Meeting:
		return t.meeting
	}
	return span{}
}
