package feed

import (
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// Names says what phones and numbers are called here. It must be safe for
// concurrent use, and may change its mind between two calls.
type Names interface {
	// Agent is the name of who answers on an endpoint ("PJSIP/1001"), "" where
	// nobody is known.
	Agent(endpoint string) string
	// Line is the number of ours in E.164, as it came where it cannot be read,
	// and its name, "" where it has none.
	Line(number string) (e164, name string)
}

// Phase is a call's state in one word.
type Phase string

// The phases.
const (
	// PhaseWaiting: nobody's phone rings yet, or no more; the caller waits.
	PhaseWaiting Phase = "waiting"
	// PhaseRinging: somebody's phone rings, and nobody talks.
	PhaseRinging Phase = "ringing"
	// PhaseTalking: an agent and the other side talk.
	PhaseTalking Phase = "talking"
	// PhaseEnded: the last channel is gone. The disposition says how.
	PhaseEnded Phase = "ended"
)

// AgentState is what an agent does in a call.
type AgentState string

// The states of an agent in a call.
const (
	// AgentCalling: he places the call, and nobody answered yet.
	AgentCalling AgentState = "calling"
	// AgentRinging: his phone rings.
	AgentRinging AgentState = "ringing"
	// AgentTalking: he talks.
	AgentTalking AgentState = "talking"
	// AgentLeft: he takes no part any more.
	AgentLeft AgentState = "left"
)

// Agent is somebody of ours who takes part in a call, or did.
type Agent struct {
	// Endpoint is his phone: "PJSIP/1001".
	Endpoint string `json:"endpoint"`
	// Name is from the configuration, "" where no agent has that phone.
	Name  string     `json:"name,omitzero"`
	State AgentState `json:"state"`
}

// Line is the number of ours in a call.
type Line struct {
	// Number is E.164 where it can be read.
	Number string `json:"number"`
	Name   string `json:"name,omitzero"`
}

// Voicemail is a message that the caller left.
type Voicemail struct {
	At time.Time `json:"at"`
}

// Call is a call as the feed tells it: what its events add up to, without
// numbers that are withheld and without paths of files. It is a value that is
// never changed.
type Call struct {
	// State has the id of the oldest where calls became one.
	telephony.State
	// Joined are the ids of the calls that became one (a transfer with a
	// consultation), its own included; empty where it was always one.
	Joined []telephony.CallID `json:"joined,omitzero"`
	Phase  Phase              `json:"phase"`
	// Line is zero until the number is known, and on internal calls.
	Line Line `json:"line,omitzero"`
	// Agents are all who ever rang, called or talked, in the order in which the
	// journal had it.
	Agents []Agent `json:"agents,omitzero"`
	// Recorded says that the phone system recorded at least a part.
	Recorded  bool       `json:"recorded,omitzero"`
	Voicemail *Voicemail `json:"voicemail,omitzero"`
}

// newCall makes the call of a fold, as seen.
func newCall(s telephony.State, seen sight) *Call {
	c := &Call{
		State: hidden(s), Joined: seen.joined, Phase: phase(s), Line: seen.line, Agents: slices.Clone(seen.agents), Recorded: s.Recording != "",
	}
	c.Recording, c.State.Voicemail = "", nil
	if s.Voicemail != nil {
		c.Voicemail = &Voicemail{At: s.Voicemail.At}
	}
	for i := range c.Agents {
		c.Agents[i].State = AgentLeft
	}
	for _, l := range s.Legs {
		if i := slices.IndexFunc(c.Agents, func(a Agent) bool { return a.Endpoint == l.Phone() }); i >= 0 && takesPart(l) {
			c.Agents[i].State = busier(c.Agents[i].State, doing(s, l))
		}
	}
	return c
}

func phase(s telephony.State) Phase {
	talks := slices.ContainsFunc(s.Talks, func(t telephony.Talk) bool { return t.Until.IsZero() })
	switch {
	case s.Ended():
		return PhaseEnded
	case talks:
		return PhaseTalking
	case len(s.Ringing) > 0:
		return PhaseRinging
	default:
		return PhaseWaiting
	}
}

// takesPart reports whether a leg makes somebody of ours one who takes part.
func takesPart(l telephony.Leg) bool {
	return l.Ours() && l.Phone() != "" && (l.First || !l.DialledAt.IsZero() || !l.TalkedAt.IsZero())
}

// doing is what the agent of a leg does on it.
func doing(s telephony.State, l telephony.Leg) AgentState {
	talks := func(t telephony.Talk) bool { return t.Leg == l.ID && t.Until.IsZero() }
	rings := l.DialStatus == "" && l.TalkedAt.IsZero() && !l.DialledAt.IsZero()
	switch {
	case !l.EndedAt.IsZero():
		return AgentLeft
	case slices.ContainsFunc(s.Talks, talks):
		return AgentTalking
	case rings:
		return AgentRinging
	case l.First && !s.Answered():
		return AgentCalling
	default:
		return AgentLeft
	}
}

// busier is the one of two that says more: an agent may have several legs.
func busier(a, b AgentState) AgentState {
	order := []AgentState{AgentLeft, AgentCalling, AgentRinging, AgentTalking}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// withheld reports whether the caller hides his number.
func withheld(s telephony.State) bool {
	return s.From.Withheld || slices.ContainsFunc(s.Legs, func(l telephony.Leg) bool { return l.Party.Withheld })
}

// hidden takes the parties out of a call whose caller hides his number: phones
// that ring for it may have been shown him.
func hidden(s telephony.State) telephony.State {
	if !withheld(s) {
		return s
	}
	s.From = telephony.Party{Withheld: true}
	s.Legs = slices.Clone(s.Legs)
	for i := range s.Legs {
		s.Legs[i].Party = telephony.Party{Withheld: true}
	}
	return s
}

// told is an event as the feed tells it: without raw facts, paths and what is
// withheld.
func told(e telephony.Event, callerHides bool) telephony.Event {
	e.Raw, e.Path, e.Time = nil, "", e.Time.UTC()
	if (callerHides || e.Party.Withheld) && e.Party != (telephony.Party{}) {
		e.Party = telephony.Party{Withheld: true}
	}
	if e.Kind == telephony.CallHint && e.Name == telephony.HintTranscript {
		e.Value = "" // what was said is for the ticket
	}
	return e
}

// answersAs reports whether an endpoint goes by a name: its own ("PJSIP/1001")
// or its extension ("1001"), in any case of letters.
func answersAs(endpoint, name string) bool {
	_, extension, _ := strings.Cut(endpoint, "/")
	return strings.EqualFold(endpoint, name) || (extension != "" && strings.EqualFold(extension, name))
}
