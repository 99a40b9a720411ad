package cti

import (
	"errors"
	"fmt"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// Type says what an Event tells. Over /v1/events its name stands behind TypePrefix.
type Type string

// The types of events.
const (
	// Started: a call began: From calls To. Agents are rung, or, outbound, it is the
	// first of them who dials.
	Started Type = "started"
	// Ringing: the phones of Agents ring.
	Ringing Type = "ringing"
	// RingEnded: the phones of Agents ring no more, or nobody's do where none is named.
	RingEnded Type = "ring_ended"
	// Answered: the first of Agents and the other side talk.
	Answered Type = "answered"
	// Held: the first of Agents has the other side wait; Resumed: no more.
	Held    Type = "held"
	Resumed Type = "resumed"
	// Left: Agents are out of the call, which goes on.
	Left Type = "left"
	// Queued: the caller waits in Queue; Unqueued: no more.
	Queued   Type = "queued"
	Unqueued Type = "unqueued"
	// Linked: the call and With are one conversation.
	Linked Type = "linked"
	// Forwarded: the call goes on as another, which is linked with it.
	Forwarded Type = "forwarded"
	// Ended: the whole call is over, with Reason.
	Ended Type = "ended"
)

// Types are all types, in the order in which they may happen.
var Types = []Type{Started, Ringing, RingEnded, Queued, Unqueued, Answered, Held, Resumed, Left, Linked, Forwarded, Ended}

// Reason is why a call, or the ringing of a phone, ended.
type Reason string

// The reasons. Whether a call was answered is told by its events, not by this.
const (
	Completed   Reason = "completed"
	Busy        Reason = "busy"
	Cancelled   Reason = "cancelled" // the caller gave up
	NoAnswer    Reason = "no_answer"
	Congestion  Reason = "congestion"
	Unreachable Reason = "unreachable"
)

// Reasons are all reasons.
var Reasons = []Reason{Completed, Busy, Cancelled, NoAnswer, Congestion, Unreachable}

// statuses are the reasons in the words of telephony.
var statuses = map[Reason]telephony.DialStatus{
	"": telephony.DialNoAnswer, Completed: telephony.DialNoAnswer, Busy: telephony.DialBusy, Cancelled: telephony.DialCancel,
	NoAnswer: telephony.DialNoAnswer, Congestion: telephony.DialCongestion, Unreachable: telephony.DialUnavailable,
}

// The bounds of an event.
const (
	maxID      = 250 // bytes of a call's id; Zammad takes as many
	maxText    = 256 // bytes of a number or a name
	maxAgents  = 64
	maxAhead   = 5 * time.Minute // how far in the future a time may be
	firstYear  = 2000            // no phone system that speaks to this told anything before
	maxDetails = 64              // what is kept of a message as it came
)

// Agent is a person of ours by the names that a phone system has for him: user,
// extension, number. They are tried in their order; the first tells him apart.
type Agent []string

// Event is what a phone system tells of one call. The zero value of a field says
// nothing of it.
type Event struct {
	Type Type
	// Identity tells the event apart from others of the same call: a repeat has the
	// same.
	Identity string
	// Time is when it happened, or, where nobody says, when it came.
	Time time.Time
	// Call is the phone system's id of the call.
	Call      string
	Direction telephony.Direction
	// From and To are who calls and who is called, as they came; FromName is what the
	// phone system calls the caller.
	From, FromName, To string
	Agents             []Agent
	// Machine says that it was no person who answered: a voicemail, a queue.
	Machine  bool
	Queue    string
	Position int
	// With is the id of the call that this one is linked with.
	With   string
	Reason Reason
	// Raw is what came, for a replay after a mistake of ours.
	Raw map[string]string
}

// validate reports what cannot be told of any call.
func (e Event) validate(now time.Time) error {
	switch {
	case e.Call == "":
		return errors.New("there is no id of a call")
	case len(e.Call) > maxID || len(e.With) > maxID:
		return fmt.Errorf("the id of a call has more than %d bytes", maxID)
	case telephony.StripControls(e.Call) != e.Call || telephony.StripControls(e.With) != e.With:
		return errors.New("the id of a call has control characters")
	case len(e.Agents) > maxAgents:
		return fmt.Errorf("%d agents, at most %d", len(e.Agents), maxAgents)
	case e.Type == Linked && (e.With == "" || e.With == e.Call):
		return errors.New("it is linked with no other call")
	case (e.Type == Queued || e.Type == Unqueued) && e.Queue == "":
		return errors.New("there is no name of a queue")
	case (e.Type == Ringing || e.Type == Held || e.Type == Resumed || e.Type == Left) && len(e.Agents) == 0:
		return errors.New("there is no agent")
	case e.Position < 0:
		return errors.New("a position in a queue is below 0")
	}
	return checkTime(e.Time, now)
}

// errTime marks a time at which nothing can have happened.
var errTime = errors.New("the time is impossible")

func checkTime(at, now time.Time) error {
	switch {
	case at.After(now.Add(maxAhead)):
		return fmt.Errorf("%w: %s is in the future", errTime, at.UTC().Format(time.RFC3339))
	case at.Year() < firstYear:
		return fmt.Errorf("%w: %s is before %d", errTime, at.UTC().Format(time.RFC3339), firstYear)
	}
	return nil
}
