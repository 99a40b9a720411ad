package cti

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
)

// Translator makes events of telephony of what a phone system tells. It is a value
// without state: what it makes of an Event depends on nothing that came before.
type Translator struct {
	// Site and Source are the first parts of the ids of calls.
	Site, Source string
	// Country is where numbers without a country code are read, "" for nowhere.
	Country string
	// Known reports whether an agent is known by a name: of several names the
	// first that is known is used. It may be nil.
	Known func(name string) bool
}

// mostTold is how many events of ours an event makes, most times.
const mostTold = 4

// telling is the translation of one event.
type telling struct {
	Translator
	Event

	call   telephony.CallID
	events []telephony.Event
}

// Translate returns what an event tells; nothing, if it tells nothing that
// matters. An error says what is wrong with the event.
//
// The legs of a call have ids made from that of the call, so that each message can
// name them: "line" is the other side's, "caller" that of an agent who dials, and
// each agent who is rung has one by his first name.
func (t Translator) Translate(e Event) ([]telephony.Event, error) {
	call, err := telephony.NewCallID(t.Site, t.Source, e.Call)
	if err != nil {
		return nil, err
	}
	s := telling{Translator: t, Event: e, call: call}
	s.begin()
	switch e.Type {
	case Started:
		s.rings()
		s.queue(telephony.CallQueued)
	case Ringing:
		s.rings()
	case RingEnded:
		s.ringEnded()
	case Queued:
		s.queue(telephony.CallQueued)
	case Unqueued:
		s.queue(telephony.CallUnqueued)
	case Answered:
		s.queue(telephony.CallUnqueued)
		s.answered()
	case Held:
		s.agentEvent(telephony.LegHeld)
	case Resumed:
		s.agentEvent(telephony.LegResumed)
	case Left:
		s.agentEvent(telephony.LegEnded)
	case Linked: // as of any event that names another call
	case Forwarded:
		s.add(telephony.Event{Kind: telephony.CallForwarded, Status: telephony.DialNoAnswer})
	case Ended:
		s.add(telephony.Event{Kind: telephony.CallEnded, Status: statuses[e.Reason]})
	}
	if len(s.events) > 0 {
		s.events[0].Raw = e.Raw
	}
	return s.events, nil
}

// begin tells of who began the call, as far as the event says so. It is the same
// in each event of a call that says the same.
func (s *telling) begin() {
	if s.From == "" && s.To == "" && s.Type != Started {
		s.link()
		return
	}
	from, dialled := party(s.From, s.FromName, s.Country), number(s.To, s.Country)
	switch s.Direction {
	case telephony.Outbound, telephony.Internal:
		s.fact(telephony.Event{
			Kind: telephony.LegStarted, Leg: s.leg("caller"), First: true, Side: telephony.SideAgent, Endpoint: s.dialler(), Party: from, Dialled: dialled,
		})
	case telephony.Inbound, "": // who pushes calls tells of inbound ones first of all
		s.fact(telephony.Event{
			Kind: telephony.LegStarted, Leg: s.leg("line"), First: true, Side: telephony.SideTrunk, Endpoint: s.Source, Party: from, Dialled: dialled,
		})
	}
	if s.Direction == telephony.Outbound {
		line := telephony.Event{Leg: s.leg("line"), Side: telephony.SideTrunk, Endpoint: s.Source, Dialled: dialled}
		line.Kind = telephony.LegStarted
		s.fact(line)
		line.Kind, line.Peer, line.Party = telephony.LegDialled, s.leg("caller"), from
		s.fact(line)
	}
	if s.Direction != "" {
		s.fact(telephony.Event{Kind: telephony.CallHint, Name: telephony.HintDirection, Value: string(s.Direction)})
	}
	s.link()
}

// link tells that two calls are one conversation.
func (s *telling) link() {
	if s.With == "" || s.With == s.Call {
		return
	}
	if other, err := telephony.NewCallID(s.Site, s.Source, s.With); err == nil {
		s.fact(telephony.Event{Kind: telephony.CallLinked, Other: other})
	}
}

// dialler is the phone of the agent who calls out: who is named, or the number that
// he calls from. At the end nobody is named, and nothing is said.
func (s *telling) dialler() string {
	switch {
	case s.Type == Ended || s.Type == Forwarded:
		return ""
	case len(s.Agents) > 0 && s.Direction == telephony.Outbound:
		return s.name(append(s.Agents[0], s.From))
	case telephony.IsWithheld(s.From):
		return ""
	}
	return number(s.From, s.Country)
}

// rung are the agents whose phones an event is about: those that it names, or, within
// the house, the number that was dialled.
func (s *telling) rung() []Agent {
	switch {
	case s.Direction == telephony.Outbound:
		return nil
	case len(s.Agents) == 0 && s.Direction == telephony.Internal && s.To != "":
		return []Agent{{s.To}}
	}
	return s.Agents
}

// rings tells whose phones ring.
func (s *telling) rings() {
	for _, a := range s.rung() {
		e := s.phone(a)
		e.Kind = telephony.LegStarted
		s.fact(e)
		e.Kind, e.Dialled = telephony.LegDialled, number(s.To, s.Country)
		s.fact(e)
	}
}

// ringEnded tells whose phones ring no more.
func (s *telling) ringEnded() {
	if len(s.Agents) == 0 {
		s.add(telephony.Event{Kind: telephony.CallRingEnded, Status: statuses[s.Reason]})
	}
	for _, a := range s.rung() {
		e := s.phone(a)
		e.Kind, e.Status = telephony.LegDialEnded, statuses[s.Reason]
		s.add(e)
		e.Kind = telephony.LegEnded
		s.add(e)
	}
}

// answered tells who talks.
func (s *telling) answered() {
	if s.Machine {
		return
	}
	line := telephony.Event{Kind: telephony.LegBridged, Leg: s.leg("line"), Side: telephony.SideTrunk, Endpoint: s.Source, Bridge: s.leg("talk")}
	caller := telephony.Event{Kind: telephony.LegBridged, Leg: s.leg("caller"), Side: telephony.SideAgent, Endpoint: s.dialler(), Bridge: s.leg("talk")}
	switch s.Direction {
	case telephony.Outbound:
		s.add(caller)
		s.add(line)
	case telephony.Internal:
		s.add(caller)
		s.talks()
	case telephony.Inbound, "":
		s.talks()
		s.add(line)
	}
	s.add(telephony.Event{Kind: telephony.CallRingEnded, Status: telephony.DialNoAnswer})
}

// talks has the agent talk who is named, or one who is not.
func (s *telling) talks() {
	agent := Agent{}
	if rung := s.rung(); len(rung) > 0 {
		agent = rung[0]
	}
	e := s.phone(agent)
	e.Kind = telephony.LegStarted
	s.fact(e)
	e.Kind, e.Bridge = telephony.LegBridged, s.leg("talk")
	s.add(e)
}

// agentEvent tells something of agents who talk.
func (s *telling) agentEvent(kind telephony.Kind) {
	for _, a := range s.Agents {
		e := s.phone(a)
		if s.Direction == telephony.Outbound {
			e = telephony.Event{Leg: s.leg("caller"), Side: telephony.SideAgent}
		}
		e.Kind = kind
		s.add(e)
	}
}

// queue tells in which queue the caller waits.
func (s *telling) queue(kind telephony.Kind) {
	if s.Queue != "" {
		s.add(telephony.Event{Kind: kind, Name: clean(s.Queue), Position: s.Position})
	}
}

// phone is the leg of an agent.
func (s *telling) phone(a Agent) telephony.Event {
	key := ""
	if len(a) > 0 {
		key = strings.ToLower(clean(a[0]))
	}
	return telephony.Event{Leg: s.leg("agent " + key), Side: telephony.SideAgent, Endpoint: s.name(a)}
}

// name is the one of an agent's names by which he is known, or the first.
func (s *telling) name(a Agent) string {
	first := ""
	for _, name := range a {
		name = clean(name)
		if first == "" {
			first = name
		}
		if name != "" && s.Known != nil && s.Known(name) {
			return name
		}
	}
	return first
}

// leg is the id of a leg, which no other call has.
func (s *telling) leg(which string) string { return s.Call + " " + which }

// fact adds what holds once in a call, whichever event tells of it.
func (s *telling) fact(e telephony.Event) { s.put(e, "") }

// add adds what may happen more than once.
func (s *telling) add(e telephony.Event) { s.put(e, s.Identity) }

func (s *telling) put(e telephony.Event, identity string) {
	e.Call, e.Time = s.call, s.Time.UTC()
	// It is the same in all versions: what a new one tells again is no new event.
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %t %q %q %q %t %q %q %q %q", e.Call, identity, e.Kind, e.Leg, e.First, e.Endpoint,
		e.Party.Number, e.Party.Name, e.Party.Withheld, e.Dialled, e.Name, e.Value, e.Other))
	e.ID = hex.EncodeToString(sum[:12])
	e.Ordinal = uint64(len(s.events))
	if s.events == nil {
		s.events = make([]telephony.Event, 0, mostTold)
	}
	s.events = append(s.events, e)
}
