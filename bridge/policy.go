package bridge

import (
	"cmp"
	"time"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// CreateMode says when the ticket of an answered call is made.
type CreateMode string

// The modes. Answered calls only: all others get theirs at the end.
const (
	// CreateOnAnswer makes the ticket at the answer and completes it at the
	// end: two writes.
	CreateOnAnswer CreateMode = "answer"
	// CreateAtEnd shows the caller's profile at the answer and makes the ticket
	// at the end: one write.
	CreateAtEnd CreateMode = "end"
)

// SharedNumbers says whose call it is when several users share a number.
type SharedNumbers string

// The policies for shared numbers.
const (
	// SharedNone takes none of them: the number gets a user of its own.
	SharedNone SharedNumbers = "none"
	// SharedOldest takes the user who was created first.
	SharedOldest SharedNumbers = "oldest"
	// SharedNewest takes the user who was created last.
	SharedNewest SharedNumbers = "newest"
	// SharedActive takes the user whose ticket changed last; if none of them has
	// one, whose profile did.
	SharedActive SharedNumbers = "active"
	// SharedTag takes none of them, as SharedNone, and has the ticket say so:
	// with the tag caller_ambiguous, and their names in the comment.
	SharedTag SharedNumbers = "tag"
)

// DefaultSettle is how long after an intent a write may still commit: more
// than the client's time-out, the kernel's and the server's together.
const DefaultSettle = 90 * time.Second

// DefaultRecordingWait is enough for a phone system that finishes a recording at
// the hang-up, on a folder that is there.
const DefaultRecordingWait = time.Minute

// recordsWait is how long after a call was found gone its end may be read in the
// call records: they are looked at some seconds after the connection is up.
const recordsWait = 30 * time.Second

// Policy is what the site decided. It is read only once made, so that it may
// be exchanged while the bridge runs.
type Policy struct {
	Create             CreateMode
	Missed             bool
	OutboundUnanswered bool
	// AnonymousEmail is the user for withheld numbers; "" makes one.
	AnonymousEmail string
	Shared         SharedNumbers
	// NumberField is the key of the user field in which users have further
	// numbers; "" if there is none.
	NumberField string
	// Form is what tickets look like.
	Form Form
	// Rules say which calls get none, Match which go onto one that is there.
	Rules Rules
	Match Match
	// CallRecords is the Zendesk app whose call records tell of calls; 0 has
	// comments of the tickets tell of them.
	CallRecords int64
	// Consent is how callers agree to be recorded, for the call records; "" is
	// not told.
	Consent zendesk.RecordingConsent
	// Lines are our numbers by E.164.
	Lines map[string]Line
	// Country is how national numbers are read where the line says nothing.
	Country   string
	Pop       screenpop.Policy
	Directory *screenpop.Directory
	// Recorded are the sources whose calls are recorded to a folder that can be
	// read. Of others the tickets play nothing.
	Recorded map[string]bool
	// Transcription says which audio is put into words, nil for none.
	Transcription *Transcription
	// Records are the sources whose call records are read.
	Records map[string]bool
	// Trails are the sources whose news of a call may come after its end, in no
	// order, and for how long that is waited for before the last is written.
	Trails map[string]time.Duration
	// Repeats are the sources that tell in each message how a call began, and may send
	// one again at any time: whatever is told of a call that is not in memory, there may
	// be more of it in the journal.
	Repeats map[string]bool
	// RecordingWait is how long after the end of its call a ticket waits for
	// the recording. Then it is completed without, and gets it when it comes.
	// Zero means DefaultRecordingWait.
	RecordingWait time.Duration
	// Reserve is the share of the account's requests per minute, 0 to 1, that is
	// left to people and to other programs. Pops may use it.
	Reserve float64
	// UpdatesPerMinute is how many updates of tickets the account may make, which
	// Zendesk tells nowhere; 0 takes it from the plan.
	UpdatesPerMinute int
	// Settle is how long a write of unknown fate is looked up before it is
	// repeated. Zero means DefaultSettle.
	Settle time.Duration
}

// Line is one number of ours.
type Line struct {
	Name    string
	Country string
	// Language is what is spoken, in ISO 639-1; "" for the hook for speech to find out.
	Language string
	// Consent is the line's own, "" for the site's.
	Consent zendesk.RecordingConsent
	// Pop is the line's own policy, nil for the site's.
	Pop *screenpop.Policy
	// Form is the line's own, whole; nil for the site's.
	Form *Form
	// Rules are the line's own, whole; nil for the site's.
	Rules *Rules
	// Match is the line's own, whole; nil for the site's.
	Match *Match
}

// line is the line of a call, the zero Line with the site's country if it is
// none of ours.
func (p *Policy) line(s telephony.State) Line {
	line := p.Lines[telephony.ParseNumber(s.Line().Number, p.Country).E164]
	if line.Country == "" {
		line.Country = p.Country
	}
	return line
}

// pop says when and what is shown to the agents of a call.
func (p *Policy) pop(s telephony.State) screenpop.Policy {
	if line := p.line(s); line.Pop != nil {
		return *line.Pop
	}
	return p.Pop
}

// consent is how the caller of a call agreed to be recorded.
func (p *Policy) consent(s telephony.State) zendesk.RecordingConsent {
	return cmp.Or(p.line(s).Consent, p.Consent)
}

func (p *Policy) recordingWait() time.Duration {
	if p.RecordingWait > 0 {
		return p.RecordingWait
	}
	return DefaultRecordingWait
}

func (p *Policy) settle() time.Duration {
	if p.Settle > 0 {
		return p.Settle
	}
	return DefaultSettle
}

// lookups are when a write of unknown fate is looked up, counted from its
// intent; the last one, at settle, is conclusive.
func (p *Policy) lookups() []time.Duration {
	var at []time.Duration
	for _, d := range []time.Duration{0, 2 * time.Second, 10 * time.Second, 30 * time.Second} {
		if d < p.settle() {
			at = append(at, d)
		}
	}
	return append(at, p.settle())
}
