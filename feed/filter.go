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

// match reports whether a message is to be seen. An agent's calls are seen from
// the moment he takes part.
func (f *filter) match(m *message) bool {
	return f.matchCall(m.id, m.call)
}

// matchCall judges a call by its id and what is known of it, nil for nothing.
func (f *filter) matchCall(id string, c *Call) bool {
	return f.inScope(c) && f.byCall(id, c) && f.byAgent(c) && f.byLine(c)
}

// inScope goes by names alone: they are given by the configuration, endpoints by
// the phone system.
func (f *filter) inScope(c *Call) bool {
	if f.scope == "" {
		return true
	}
	if c == nil {
		return false
	}
	for _, a := range c.Agents {
		if a.Name == f.scope {
			return true
		}
	}
	return false
}

// byCall finds a call under its own id, and under those of the calls that it
// became one with.
func (f *filter) byCall(id string, c *Call) bool {
	if len(f.calls) == 0 || slices.Contains(f.calls, id) {
		return true
	}
	return c != nil && slices.ContainsFunc(c.Joined, func(joined telephony.CallID) bool { return slices.Contains(f.calls, string(joined)) })
}

func (f *filter) byAgent(c *Call) bool {
	if len(f.agents) == 0 {
		return true
	}
	if c == nil {
		return false
	}
	for _, want := range f.agents {
		for _, a := range c.Agents {
			if (a.Name != "" && strings.EqualFold(a.Name, want)) || answersAs(a.Endpoint, want) {
				return true
			}
		}
	}
	return false
}

func (f *filter) byLine(c *Call) bool {
	if len(f.lines) == 0 {
		return true
	}
	if c == nil || c.Line.Number == "" {
		return false
	}
	for _, want := range f.lines {
		if c.Line.Number == want || (c.Line.Name != "" && strings.EqualFold(c.Line.Name, want)) {
			return true
		}
	}
	return false
}
