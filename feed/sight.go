package feed

import (
	"slices"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
)

// sight is what decides who sees a call, and is kept for as long as the call is.
// The zero value is a call of which nothing is known. It is never changed.
type sight struct {
	// joined are the ids of the calls that became one, none where it was always
	// one.
	joined []telephony.CallID
	// number is our number as it came, line what it was read as.
	number string
	line   Line
	// agents are all who ever took part, with the names that they had then. What
	// they do is not kept.
	agents []Agent
}

// look is what a reader may go by of a call, given what that was before: s.
func (s sight) look(state telephony.State, members []*telephony.Call, names Names) sight {
	after := s
	if len(members) > 1 {
		after.joined = make([]telephony.CallID, 0, len(members))
		for _, m := range members {
			after.joined = append(after.joined, m.ID())
		}
		slices.Sort(after.joined)
	}
	// A number is read once for as long as it stays the same: reading is dear.
	if number := state.Line().Number; state.Direction == telephony.Internal || number == "" {
		after.number, after.line = "", Line{}
	} else if number != s.number || s.line.Number == "" {
		after.number = strings.Clone(number)
		after.line.Number, after.line.Name = names.Line(after.number)
	}
	// Who took part once stays: a later word on the order of things takes nobody's
	// sight away.
	for _, l := range state.Legs {
		if takesPart(l) {
			after.add(Agent{Endpoint: l.Phone()}, names)
		}
	}
	return after
}

// add adds an agent, whom names knows if he has none, unless he is there.
func (s *sight) add(a Agent, names Names) {
	if slices.ContainsFunc(s.agents, func(have Agent) bool { return have.Endpoint == a.Endpoint }) {
		return
	}
	a.Endpoint = strings.Clone(a.Endpoint) // it may be a piece of a large text
	if names != nil {
		a.Name = names.Agent(a.Endpoint)
	}
	s.agents = append(slices.Clip(s.agents), a)
}
