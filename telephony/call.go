package telephony

import (
	"cmp"
	"slices"
	"time"
)

// maxEvents bounds the story of one call. An ordinary call has about fifteen
// events, a busy queue call a few hundred.
const maxEvents = 4096

// Call is one whole conversation: a fold of its events. Apply adds an event,
// State says what they add up to.
//
// The fold is idempotent and indifferent to order: the same set of events
// gives the same state, in whatever order and however often they came.
//
// A call that goes on is little more than its story, packed: what it adds up to
// is worked out when it is asked for, which takes some microseconds.
//
// A Call has one owner; it is not safe for concurrent use. The zero value is
// not usable, see NewCall.
type Call struct {
	id    CallID
	story story
	links []CallID
}

// NewCall returns a call without events.
func NewCall(id CallID) *Call {
	return &Call{id: id}
}

// ID names the call.
func (c *Call) ID() CallID { return c.id }

// Len is the number of different events folded so far.
func (c *Call) Len() int { return c.story.n }

// Apply folds one event in and reports whether it said anything new. Events
// of another call, ill-formed ones and those beyond 4096 for one call are
// ignored. Raw is not kept: it stays in the journal.
func (c *Call) Apply(e Event) bool {
	if e.Call != c.id || e.Validate() != nil {
		return false
	}
	e.Raw, e.Time = nil, e.Time.UTC()
	same, place := c.story.find(keyOf(e))
	if same >= 0 {
		if !e.betterThan(c.story.at(c.id, same)) {
			return false
		}
		c.story.remove(same)
		_, place = c.story.find(keyOf(e))
	}
	if c.story.n >= maxEvents {
		return false
	}
	c.story.insert(place, e)
	if e.Kind == CallLinked && !slices.Contains(c.links, e.Other) {
		c.links = append(c.links, e.Other)
	}
	return true
}

// Links are the calls that this one was linked with, in the order in which that
// was told. The slice must not be changed.
func (c *Call) Links() []CallID { return c.links }

// Clone is the call as it is now. It takes next to no memory of its own, and may
// be read by another goroutine while events are applied to c.
func (c *Call) Clone() *Call {
	clone := *c
	clone.links = slices.Clip(c.links)
	return &clone
}

// State is what the events so far add up to. Its slices are never changed
// afterwards, so it may be handed to other goroutines.
func (c *Call) State() State {
	room, _ := scratches.Get().(*scratch)
	defer room.release()
	return fold(c.id, c.id, room.unpack(&c.story, c.id))
}

// Events returns the folded events in their order, without Raw. The slice is
// the caller's.
func (c *Call) Events() []Event { return c.story.events(c.id) }

// State is what is known of a call. Times are zero where they are not known.
type State struct {
	ID          CallID      `json:"id"`
	Direction   Direction   `json:"direction,omitzero"`
	Disposition Disposition `json:"disposition,omitzero"`
	// From is who called, To whom: a DID of ours on one side, the outside
	// party on the other.
	From Party `json:"from,omitzero"`
	To   Party `json:"to,omitzero"`

	StartedAt  time.Time `json:"started_at,omitzero"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	// EndedAt is zero while a leg is alive.
	EndedAt time.Time `json:"ended_at,omitzero"`
	// EndEstimated says that nobody reported the end: the call was found gone.
	EndEstimated bool `json:"end_estimated,omitzero"`
	// Late says that nothing of the call was heard while it went on: all of it is
	// from the phone system's call records.
	Late bool `json:"late,omitzero"`
	// HungUpBy is the side that asked for the end first, of those that were in
	// the conversation.
	HungUpBy Side `json:"hung_up_by,omitzero"`

	// Talks are the agents who talked to the other side, in the order in which
	// they began. A consultation between agents while the caller waits is none.
	Talks []Talk `json:"talks,omitzero"`
	// Holds are the times for which agents had the other side wait, in the order
	// in which they began; see HoldTime.
	Holds []Hold `json:"holds,omitzero"`
	// Queues are those that the caller waited in, in that order.
	Queues []QueueStay `json:"queues,omitzero"`
	// Ringing are the agents' phones that ring now, named as in Talk.
	Ringing []string `json:"ringing,omitzero"`

	// Recording is the file the call is recorded to, as the phone system names it.
	Recording string     `json:"recording,omitzero"`
	Voicemail *Voicemail `json:"voicemail,omitzero"`
	// Transcript is what was said, where the phone system put it into words: as it
	// came. It is not in JSON: few are to read it.
	Transcript string `json:"-"`

	// Legs are all channels of the call in the order in which they began.
	Legs []Leg `json:"legs,omitzero"`
}

// Leg is one party's channel.
type Leg struct {
	ID       string `json:"id"`
	Endpoint string `json:"endpoint,omitzero"`
	Side     Side   `json:"side,omitzero"`
	First    bool   `json:"first,omitzero"`
	// Inside says of a leg over a trunk that it reaches somebody on our side: an
	// agent's mobile, or whomever a caller was forwarded to. See Ours and Phone.
	Inside bool  `json:"inside,omitzero"`
	Party  Party `json:"party,omitzero"`
	// Dialled is the number or extension that this leg asked for, or that was
	// asked for to reach it.
	Dialled string `json:"dialled,omitzero"`

	StartedAt  time.Time  `json:"started_at,omitzero"`
	DialledAt  time.Time  `json:"dialled_at,omitzero"`
	DialStatus DialStatus `json:"dial_status,omitzero"`
	// TalkedAt is when the leg was first bridged with another.
	TalkedAt     time.Time `json:"talked_at,omitzero"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	EndEstimated bool      `json:"end_estimated,omitzero"`
	Cause        int       `json:"cause,omitzero"`
}

// Talk is the time that one agent talked to the other side.
type Talk struct {
	// Endpoint is the agent's phone: "PJSIP/1001", or the number that was dialled
	// over a trunk to reach it. See Leg.Phone.
	Endpoint string    `json:"endpoint"`
	Leg      string    `json:"leg"`
	From     time.Time `json:"from"`
	// Until is zero while the agent talks.
	Until time.Time `json:"until,omitzero"`
}

// QueueStay is the time that a caller waited in one queue.
type QueueStay struct {
	Name     string    `json:"name"`
	JoinedAt time.Time `json:"joined_at"`
	// LeftAt is zero while he waits, or where nobody told.
	LeftAt time.Time `json:"left_at,omitzero"`
	// Position was his place when he joined, from 1, and LeftPosition when he
	// left; 0 where nobody told.
	Position     int `json:"position,omitzero"`
	LeftPosition int `json:"left_position,omitzero"`
}

// Voicemail is a message that the caller left.
type Voicemail struct {
	// Path is the message as the phone system names it, without extension.
	Path string    `json:"path"`
	At   time.Time `json:"at"`
}

// Live reports whether the call goes on, as far as is known.
func (s State) Live() bool { return !s.StartedAt.IsZero() && s.EndedAt.IsZero() }

// Ended reports whether the last leg is gone.
func (s State) Ended() bool { return !s.EndedAt.IsZero() }

// Answered reports whether an agent and the other side talked.
func (s State) Answered() bool { return !s.AnsweredAt.IsZero() }

// Customer is the outside party: who called us, or whom we called.
func (s State) Customer() Party {
	if s.Direction == Outbound {
		return s.To
	}
	return s.From
}

// Line is our number in the call: the DID that was dialled, or shown.
func (s State) Line() Party {
	if s.Direction == Outbound {
		return s.From
	}
	return s.To
}

// Duration is from the first channel to the last hang-up; 0 while live.
func (s State) Duration() time.Duration {
	if !s.Ended() {
		return 0
	}
	return max(0, s.EndedAt.Sub(s.StartedAt))
}

// AbandonedPosition is the caller's place in the queue in which he gave up; 0 if
// he did not, was in none, or nobody told.
func (s State) AbandonedPosition() int {
	if s.Disposition != Abandoned || len(s.Queues) == 0 {
		return 0
	}
	last := s.Queues[len(s.Queues)-1]
	return cmp.Or(last.LeftPosition, last.Position)
}

// Queue is the name of the queue that the caller waited in last, "" if none.
func (s State) Queue() string {
	if len(s.Queues) == 0 {
		return ""
	}
	return s.Queues[len(s.Queues)-1].Name
}

// Wait is how long it took until an agent and the other side talked, or until the
// end if none did; 0 while that is open.
func (s State) Wait() time.Duration {
	if s.Answered() {
		return max(0, s.AnsweredAt.Sub(s.StartedAt))
	}
	return s.Duration()
}

// TalkTime is from the first answer to the end; 0 while live or unanswered.
func (s State) TalkTime() time.Duration {
	if !s.Ended() || !s.Answered() {
		return 0
	}
	return max(0, s.EndedAt.Sub(s.AnsweredAt))
}
