package bridge

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// OutcomeKind says what an Outcome reports.
type OutcomeKind string

// The kinds of outcomes.
const (
	// CallerKnown: the requester is found or made.
	CallerKnown OutcomeKind = "caller"
	// CallerDropped: Zendesk refused the requester; he is to be found anew.
	CallerDropped OutcomeKind = "caller.dropped"
	// Matched: the caller's tickets were looked at. Ticket is the one that the
	// call goes onto, 0 if it gets its own, Reason why.
	Matched OutcomeKind = "match"
	// Attached: Ticket, which was there before, is the call's.
	Attached OutcomeKind = "attached"
	// Intended: a write is about to be sent. It carries the frozen request.
	Intended OutcomeKind = "intent"
	// Done: the write of the open intent happened.
	Done OutcomeKind = "done"
	// Freed: the write of the open intent certainly did not happen.
	Freed OutcomeKind = "freed"
	// Unknown: the write of the open intent may have happened.
	Unknown OutcomeKind = "unknown"
	// Popped: a page was shown to an agent, or could not be.
	Popped OutcomeKind = "pop"
	// AudioKept: the audio of the call is kept, or was refused with a reason.
	AudioKept OutcomeKind = "audio"
	// Transcribed: what is said in the audio of the call is known, or will not be,
	// with the reason.
	Transcribed OutcomeKind = "transcribed"
	// Parked: a person must act before the step is tried again.
	Parked OutcomeKind = "parked"
	// Retried: a person asked for another try of what is parked.
	Retried OutcomeKind = "retried"
	// GivenUp: nobody acted on what is parked for 90 days. Nothing more is owed,
	// unless a person asks for another try after all.
	GivenUp OutcomeKind = "given_up"
	// TicketClosed: the ticket takes no update; a successor is owed.
	TicketClosed OutcomeKind = "ticket.closed"
	// TicketGone: a person deleted the ticket. Nothing more is owed.
	TicketGone OutcomeKind = "ticket.gone"
	// DialIntended: the call is about to be placed, with Dial.
	DialIntended OutcomeKind = "dial"
	// DialDone: the phone system took that order.
	DialDone OutcomeKind = "dial.done"
	// DialFailed: the phone system refused it; nothing rang. Reason says why.
	DialFailed OutcomeKind = "dial.failed"
	// Duplicate: more than one ticket carries the call's external_id.
	Duplicate OutcomeKind = "duplicate"
)

// StepKind names something to do about a call.
type StepKind string

// The steps.
const (
	// StepCaller finds or makes the requester.
	StepCaller StepKind = "caller"
	// StepMatch finds out whether the call goes onto a ticket of the caller's.
	StepMatch StepKind = "match"
	// StepAttach makes that ticket the call's.
	StepAttach StepKind = "attach"
	// StepAudio collects the voicemail that the caller left.
	StepAudio StepKind = "audio"
	// StepRecording collects the recording of the call.
	StepRecording StepKind = "recording"
	// StepCreate makes the ticket.
	StepCreate StepKind = "create"
	// StepLookup asks whether a create of unknown fate made the ticket.
	StepLookup StepKind = "lookup"
	// StepPop shows a page to an agent.
	StepPop StepKind = "pop"
	// StepComplete adds what is known at the end to the ticket.
	StepComplete StepKind = "complete"
	// StepTell adds in words what the voice comment of the ticket does not say.
	StepTell StepKind = "tell"
	// StepTranscribe has what is said in the audio put into words.
	StepTranscribe StepKind = "transcribe"
	// StepTranscript adds that text to a ticket that is complete without.
	StepTranscript StepKind = "transcript"
	// StepVerify asks whether an update of unknown fate happened.
	StepVerify StepKind = "verify"
	// StepLink notes on a duplicate which ticket is the right one.
	StepLink StepKind = "link"
	// StepJoin notes on the ticket of a call that was joined with another which
	// ticket that one has.
	StepJoin StepKind = "join"
	// StepGiveUp ends the wait for a person.
	StepGiveUp StepKind = "give_up"
)

// Outcome is one fact about what talkbridge did. It is what the journal keeps
// beside the events; a Record is the fold of them.
type Outcome struct {
	Kind OutcomeKind `json:"kind"`
	Time time.Time   `json:"time"`
	Step StepKind    `json:"step,omitzero"`
	// Intent names the write that this is the plan or the result of.
	Intent string `json:"intent,omitzero"`
	// ExternalID is the ticket's, on a create.
	ExternalID string `json:"external_id,omitzero"`
	// Request is the frozen body of the write.
	Request json.RawMessage `json:"request,omitzero"`
	// Final says that the create carries everything, or that the ticket which was
	// found is left as it is: nothing is left to add.
	Final bool `json:"final,omitzero"`

	// Voice says that the create or completion tells of the call by a voice comment,
	// or leaves it to a call record: not in words.
	Voice bool `json:"voice,omitzero"`

	Ticket int64 `json:"ticket,omitzero"`
	User   int64 `json:"user,omitzero"`
	// How says how the caller was found: direct, shared, external_id, created,
	// placeholder, field, given.
	How string `json:"how,omitzero"`
	// Candidates are those who share the caller's number, where none of them was
	// taken and the ticket is to say so.
	Candidates []Candidate `json:"candidates,omitempty"`

	// Want is the key of the pop that this answers, Pop its outcome.
	Want string             `json:"want,omitzero"`
	Pop  *screenpop.Outcome `json:"-"`

	// Dial is the order by which the call is placed.
	Dial *Dial `json:"dial,omitzero"`

	Audio *Audio `json:"audio,omitzero"`
	// Transcript is what was said. Quotes says that the write takes it along.
	Transcript *Transcript `json:"transcript,omitzero"`
	Quotes     bool        `json:"quotes,omitzero"`
	// Tickets are those of a duplicate, the oldest first, or those that a note
	// names.
	Tickets []int64 `json:"tickets,omitzero"`
	// Covers are the calls that a create or completion tells of besides its own.
	Covers []telephony.CallID `json:"covers,omitzero"`

	// App is the Zendesk app of the call record that tells of the call, 0 if
	// comments do. It stands in whatever the call is begun with, and in each
	// completion: a call is finished in the way in which it was begun.
	App int64 `json:"call_app,omitzero"`
	// CallRecord is the id of that record, on a completion; in an intent 0 if it
	// is to be made. Shown is how many comments of the ticket showed it before.
	CallRecord int64 `json:"call_record,omitzero"`
	Shown      int   `json:"shown,omitzero"`

	// Reason says why, in words for people.
	Reason string `json:"reason,omitzero"`
	// NotBefore is when the step may be tried again.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Bare asks that the next try leaves out what is not essential.
	Bare bool `json:"bare,omitzero"`
	// Uncounted marks a wait that Zendesk asked for: it is no failed try.
	Uncounted bool `json:"uncounted,omitzero"`
	// Doubtful marks a write that was freed because look-ups did not find it,
	// rather than because it was refused.
	Doubtful bool `json:"doubtful,omitzero"`
	// Took is how long the exchange took; in JSON it is in seconds.
	Took time.Duration `json:"-"`
}

// Audio is a kept voicemail or recording. The zero URL says that there is none
// and Refused why.
type Audio struct {
	URL string `json:"url,omitzero"`
	// Seconds is how long it plays; 0 where that is not known.
	Seconds int    `json:"seconds,omitzero"`
	Refused string `json:"refused,omitzero"`
}

func (a *Audio) playable() bool { return a != nil && a.URL != "" }

// outcomeFields are the fields of an Outcome whose JSON form is their own.
type outcomeFields Outcome

// wireOutcome is an Outcome in JSON: durations are numbers of seconds.
type wireOutcome struct {
	outcomeFields
	Pop  *wirePop `json:"pop,omitzero"`
	Took float64  `json:"took,omitzero"`
}

type wirePop struct {
	Agent    int64            `json:"agent"`
	Ticket   int64            `json:"ticket,omitzero"`
	User     int64            `json:"user,omitzero"`
	Result   screenpop.Result `json:"result"`
	Latency  float64          `json:"latency"`
	Attempts int              `json:"attempts"`
	Error    string           `json:"error,omitzero"`
}

// MarshalJSON implements [json.Marshaler].
func (o Outcome) MarshalJSON() ([]byte, error) {
	wire := wireOutcome{outcomeFields: outcomeFields(o), Took: o.Took.Seconds()}
	if p := o.Pop; p != nil {
		wire.Pop = &wirePop{p.Agent, p.Ticket, p.User, p.Result, p.Latency.Seconds(), p.Attempts, p.Err}
	}
	return json.Marshal(wire)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (o *Outcome) UnmarshalJSON(data []byte) error {
	var wire wireOutcome
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*o = Outcome(wire.outcomeFields)
	o.Took = fromSeconds(wire.Took)
	if p := wire.Pop; p != nil {
		o.Pop = &screenpop.Outcome{
			Agent: p.Agent, Ticket: p.Ticket, User: p.User, Result: p.Result, Latency: fromSeconds(p.Latency),
			Attempts: p.Attempts, Err: p.Error,
		}
	}
	return nil
}

// fromSeconds is exact for durations below a hundred days.
func fromSeconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

func (o Outcome) encode() []byte {
	data, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("bridge: encode outcome: %v", err)) // plain fields only
	}
	return data
}

// DecodeOutcome reads an outcome from the journal.
func DecodeOutcome(data []byte) (Outcome, error) {
	var o Outcome
	if err := json.Unmarshal(data, &o); err != nil {
		return Outcome{}, fmt.Errorf("decode outcome: %w", err)
	}
	return o, nil
}
