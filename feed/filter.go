package feed

import (
	"slices"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
)

// filter is what a reader wants to see, and what his token lets him see. The zero
// value lets everything through. Wishes of one kind widen it, of different kinds
// narrow it.
type filter struct {
	// agents are names or endpoints, lines numbers or names, calls ids.
	agents, lines, calls []string
	// scope is the name of the one agent whose calls may be seen, "" for all.
	scope string
}

// match reports whether a call is to be seen, by its id and what else is known of
// it. An agent's calls are seen from the moment he takes part.
func (f *filter) match(id string, s *sight) bool {
	return f.inScope(s) && f.byCall(id, s) && f.byAgent(s) && f.byLine(s)
}

// inScope goes by names alone: they are given by the configuration, endpoints by
// the phone system.
func (f *filter) inScope(s *sight) bool {
	return f.scope == "" || slices.ContainsFunc(s.agents, func(a Agent) bool { return a.Name == f.scope })
}

// byCall finds a call under its own id, and under those of the calls that it
// became one with.
func (f *filter) byCall(id string, s *sight) bool {
	if len(f.calls) == 0 || slices.Contains(f.calls, id) {
		return true
	}
	return slices.ContainsFunc(s.joined, func(joined telephony.CallID) bool { return slices.Contains(f.calls, string(joined)) })
}

func (f *filter) byAgent(s *sight) bool {
	if len(f.agents) == 0 {
		return true
	}
	for _, want := range f.agents {
		for _, a := range s.agents {
			if (a.Name != "" && strings.EqualFold(a.Name, want)) || answersAs(a.Endpoint, want) {
				return true
			}
		}
	}
	return false
}

func (f *filter) byLine(s *sight) bool {
	if len(f.lines) == 0 {
		return true
	}
	if s.line.Number == "" {
		return false
	}
	for _, want := range f.lines {
		if s.line.Number == want || (s.line.Name != "" && strings.EqualFold(s.line.Name, want)) {
			return true
		}
	}
	return false
}
