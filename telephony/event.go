package telephony

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Kind says what an Event reports.
type Kind string

// The kinds of events. A driver leaves out what its phone system does not
// tell; the fold copes.
const (
	// LegStarted: a channel of the call came to be, or was found alive.
	LegStarted Kind = "leg.started"
	// LegDialled: Peer rings Leg, or the phone system does (Peer is empty).
	LegDialled Kind = "leg.dialled"
	// LegDialEnded: the ringing of Leg came to its end, with Status.
	LegDialEnded Kind = "leg.dial_ended"
	// LegBridged: Leg entered Bridge, where it hears whoever else is there.
	LegBridged Kind = "leg.bridged"
	// LegUnbridged: Leg left Bridge.
	LegUnbridged Kind = "leg.unbridged"
	// LegHeld: the party of Leg has whoever it talks to wait on the line.
	LegHeld Kind = "leg.held"
	// LegResumed: it does not any more, or never did.
	LegResumed Kind = "leg.resumed"
	// LegHangupAsked: the party of Leg asked for the end.
	LegHangupAsked Kind = "leg.hangup_asked"
	// LegEnded: the channel is gone. Estimated when it was only found missing.
	LegEnded Kind = "leg.ended"
	// CallHint: the dialplan said something of the call: Name and Value.
	CallHint Kind = "call.hint"
	// CallRecorded: the call is recorded to Path, which is not final yet.
	CallRecorded Kind = "call.recorded"
	// CallVoicemail: the caller left a message, which is final, at Path.
	CallVoicemail Kind = "call.voicemail"
	// CallQueued: the caller waits in the queue Name.
	CallQueued Kind = "call.queued"
	// CallUnqueued: he waits there no more.
	CallUnqueued Kind = "call.unqueued"
	// CallLinked: this call and Other became one conversation: a caller was
	// transferred into it, two were joined. Both are folded as one from then
	// on, whatever was told of either before; see Join. A driver tells it in one
	// of the two, whoever keeps stories keeps it in both; see Event.Mirrored.
	CallLinked Kind = "call.linked"
	// CallRingEnded: no phone of ours rings in the call any more, with Status: who
	// was rung and did not answer is out of it.
	CallRingEnded Kind = "call.ring_ended"
	// CallForwarded: whoever of ours was in the call is out of it, and the other
	// side goes on in another call, which is linked with this one; it ends with that.
	CallForwarded Kind = "call.forwarded"
	// CallEnded: the whole call is over, all its legs are gone. Status is how it
	// ended for those that were still rung, or for nobody of whom it was told.
	CallEnded Kind = "call.ended"
)

var kinds = map[Kind]bool{
	LegStarted: true, LegDialled: true, LegDialEnded: true, LegBridged: true, LegUnbridged: true,
	LegHeld: true, LegResumed: true, LegHangupAsked: true, LegEnded: true, CallHint: true, CallRecorded: true, CallVoicemail: true,
	CallQueued: true, CallUnqueued: true, CallLinked: true,
	CallRingEnded: true, CallForwarded: true, CallEnded: true,
}

// Side says whose channel a leg is.
type Side string

// The sides of a leg.
const (
	// SideTrunk is a line to the outside world.
	SideTrunk Side = "trunk"
	// SideAgent is one of our own phones.
	SideAgent Side = "agent"
	// SideHelper is a channel that the phone system made for itself. Two such
	// legs of one endpoint are the two ends of one wire: who is in the bridge of
	// one hears the bridge of the other.
	SideHelper Side = "helper"
)

// DialStatus is how the ringing of one leg came to its end.
type DialStatus string

// The dial statuses, named as Asterisk's DIALSTATUS are, in lower case.
const (
	DialAnswer      DialStatus = "answer"
	DialBusy        DialStatus = "busy"
	DialNoAnswer    DialStatus = "noanswer"
	DialCancel      DialStatus = "cancel"
	DialCongestion  DialStatus = "congestion"
	DialUnavailable DialStatus = "chanunavail"
	// DialDeclined: it was answered, and whoever answered was not connected: he
	// did not accept the call that was announced to him, or was a machine. It
	// overrules an answer, and that the leg was bridged.
	DialDeclined DialStatus = "declined"
)

// The names of hints that the fold understands.
const (
	// HintDID is the dialled number of ours.
	HintDID = "did"
	// HintDirection is "inbound", "outbound" or "internal".
	HintDirection = "direction"
	// HintAgent is the endpoint or extension of the agent who dials out.
	HintAgent = "agent"
	// HintGaveUp is told, with any value, where a phone system says that the caller
	// gave up; HintTurnedAway where it says that it was done with him itself: the
	// phones rang in vain and it went on, or it was closed. The latter wins.
	HintGaveUp     = "gave_up"
	HintTurnedAway = "turned_away"
	// HintTaken is told where nobody tells who answered, but that somebody did: a queue
	// says so when the talk is over. Its value is how many seconds the caller had waited
	// then: in the queue, or since the beginning where none is known.
	HintTaken = "taken"
	// HintTranscript is what was said in the message or recording, in the words of
	// the phone system. It may come long after the call.
	HintTranscript = "transcript"
)

// Event is one fact that a phone system reported about one call, in words
// that are the same for every phone system. Events are values: once made, they
// do not change.
//
// Which fields are set depends on Kind; those that do not apply are zero.
type Event struct {
	// ID is the event's identity: two events with one ID are the same fact.
	ID string `json:"id"`
	// Call is the conversation that the event belongs to.
	Call CallID `json:"call"`
	Kind Kind   `json:"kind"`
	// Time is the phone system's time where it gives one, in UTC.
	Time time.Time `json:"time"`
	// Ordinal orders events of equal time. Order is (Time, Ordinal, ID).
	Ordinal uint64 `json:"ordinal,omitzero"`
	// Leg is the phone system's id of the channel, never reused.
	Leg string `json:"leg,omitzero"`
	// First marks the leg that began the call.
	First bool `json:"first,omitzero"`
	// Side and Endpoint say whose channel Leg is: "PJSIP/1001".
	Side     Side   `json:"side,omitzero"`
	Endpoint string `json:"endpoint,omitzero"`
	// Party is the caller as the phone system shows him on Leg.
	Party Party `json:"party,omitzero"`
	// Dialled is the number or extension that was asked for.
	Dialled string `json:"dialled,omitzero"`
	// Peer is the leg that dials Leg.
	Peer string `json:"peer,omitzero"`
	// Bridge is the id of the bridge entered or left.
	Bridge string     `json:"bridge,omitzero"`
	Status DialStatus `json:"status,omitzero"`
	// Cause is the Q.850 cause of an end; 0 is unknown.
	Cause int `json:"cause,omitzero"`
	// Position is the caller's place in the queue that he joins or leaves, from
	// 1; 0 is unknown.
	Position int `json:"position,omitzero"`
	// Other is the call that Call is linked with.
	Other CallID `json:"other,omitzero"`
	// Name and Value carry a hint; Name is that of a queue, too.
	Name  string `json:"name,omitzero"`
	Value string `json:"value,omitzero"`
	// Path is a file of the phone system. It is wire data: never open it
	// without checking it against the configured folders.
	Path string `json:"path,omitzero"`
	// Estimated marks a time that was inferred, not reported.
	Estimated bool `json:"estimated,omitzero"`
	// Late marks what nobody heard when it happened: it was read in the phone
	// system's call records afterwards. What was heard at the time overrules it.
	Late bool `json:"late,omitzero"`
	// Raw is what the driver was told, for a replay after a mistake of ours.
	Raw map[string]string `json:"raw,omitzero"`
}

// Party is one side of a conversation as the phone system shows it. The zero
// value is a party of whom nothing is known.
type Party struct {
	// Number is as it came, without control characters; see ParseNumber.
	Number string `json:"number,omitzero"`
	Name   string `json:"name,omitzero"`
	// Location is where the phone system says the number belongs, for people; ""
	// where it does not say so. See Number.Location.
	Location string `json:"location,omitzero"`
	// Withheld says that the number must not be shown, stored or searched.
	Withheld bool `json:"withheld,omitzero"`
}

// Begins reports whether a call was heard to begin with the event: nothing of it
// was told before. What was found, or read in call records, may have been preceded.
func (e Event) Begins() bool {
	return e.Kind == LegStarted && e.First && !e.Estimated && !e.Late
}

// Validate reports what is missing for the event to be folded: an ID, a well
// formed call, a known kind, a time, a leg for events of a leg, another call for
// a link.
func (e Event) Validate() error {
	switch {
	case e.ID == "":
		return errors.New("event without id")
	case e.Call.Native() == "":
		return fmt.Errorf("event %s: call %q is not site/source/id", e.ID, e.Call)
	case !kinds[e.Kind]:
		return fmt.Errorf("event %s: unknown kind %q", e.ID, e.Kind)
	case e.Time.IsZero():
		return fmt.Errorf("event %s: no time", e.ID)
	case e.Leg == "" && e.Kind.ofLeg():
		return fmt.Errorf("event %s: %s without leg", e.ID, e.Kind)
	case e.Kind == CallLinked && (e.Other.Native() == "" || e.Other == e.Call):
		return fmt.Errorf("event %s: %s is linked with %q, want another call", e.ID, e.Call, e.Other)
	}
	return nil
}

// ofLeg reports whether an event of that kind is about one leg.
func (k Kind) ofLeg() bool {
	switch k {
	case LegStarted, LegDialled, LegDialEnded, LegBridged, LegUnbridged, LegHeld, LegResumed, LegHangupAsked, LegEnded:
		return true
	case CallHint, CallRecorded, CallVoicemail, CallQueued, CallUnqueued, CallLinked, CallRingEnded, CallForwarded, CallEnded:
	}
	return false
}

// compare orders events by (Time, Ordinal, ID), never by arrival.
func (e Event) compare(o Event) int {
	return cmp.Or(e.Time.Compare(o.Time), cmp.Compare(e.Ordinal, o.Ordinal), cmp.Compare(e.ID, o.ID))
}

// betterThan decides between two tellings of one fact. What was reported is
// better than an estimate; of two estimated ends the later one is (it was heard
// of until then), of anything else the earlier one. Of two at one time it does
// not matter which, only that it is always the same.
func (e Event) betterThan(o Event) bool {
	when := e.Time.Compare(o.Time)
	if e.Estimated && e.Kind == LegEnded {
		when = -when
	}
	return cmp.Or(
		cmp.Compare(e.Kind, o.Kind), compareBool(e.Estimated, o.Estimated), when, cmp.Compare(e.Ordinal, o.Ordinal), e.compareRest(&o),
	) < 0
}

// compareRest orders events by whatever else they say, in no order that means anything.
func (e *Event) compareRest(o *Event) int {
	mine, theirs := e.texts(), o.texts()
	for i := range mine {
		if c := cmp.Compare(*mine[i], *theirs[i]); c != 0 {
			return c
		}
	}
	return cmp.Or(
		compareBool(e.First, o.First), compareBool(e.Party.Withheld, o.Party.Withheld), compareBool(e.Late, o.Late),
		cmp.Compare(e.Cause, o.Cause), cmp.Compare(e.Position, o.Position),
	)
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
