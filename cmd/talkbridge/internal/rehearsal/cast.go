package rehearsal

import (
	"slices"
	"strings"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// cast finds who takes part in the call of one test.
type cast struct {
	cfg *config.Config
	// path is that of the call, with a dot behind.
	path  string
	wrong func(path, message, hint string)
}

// source is the phone system of that name, or the first one.
func (c cast) source(name string) config.Source {
	names := make([]string, 0, len(c.cfg.Sources))
	for _, s := range c.cfg.Sources {
		if s.Name == name || name == "" {
			return s
		}
		names = append(names, s.Name)
	}
	c.wrong(c.path+"source", quote(name)+" is no phone system of sources", config.Hint(name, names))
	return c.cfg.Sources[0]
}

// phone is the endpoint at which an agent is reached: the first of the numbers.
// A channel that is nobody's stands for itself.
func (c cast) phone(key, name string) string {
	i := slices.IndexFunc(c.cfg.Agents, func(a config.Agent) bool { return a.Name == name })
	switch {
	case name == "":
		return ""
	case i >= 0:
		return c.cfg.Agents[i].Numbers[0]
	case !strings.Contains(name, "/"):
		c.wrong(c.path+key, quote(name)+" is no name of agents", config.Hint(name, agentNames(c.cfg)))
	}
	return name
}

// judge says what does not go together in a call.
func (c cast) judge(call config.TestCall) {
	answered := call.Disposition == config.TestAnswered
	switch {
	case call.Direction != config.TestInbound && call.Agent == "":
		c.wrong(c.path+"agent", "is missing", "say who calls: "+strings.Join(agentNames(c.cfg), ", "))
	case answered && call.Agent == "":
		c.wrong(c.path+"agent", "is missing", "say who answers: "+strings.Join(agentNames(c.cfg), ", "))
	}
	if call.Direction != config.TestInbound && call.Disposition == config.TestVoicemail {
		c.wrong(c.path+"disposition", "is of inbound calls alone", "take it out, or make the call an inbound one")
	}
	alone := call.Talk // what the first agent talks
	if call.TransferTo != "" {
		alone /= 2
	}
	switch {
	case call.Hold > 0 && !answered:
		c.wrong(c.path+"hold", "is of answered calls alone", "take it out, or say which agent answers")
	case call.Hold > alone:
		c.wrong(c.path+"hold", "is longer than the agent talks", "use at most "+alone.String())
	}
	if call.TransferTo != "" && !answered {
		c.wrong(c.path+"transfer_to", "is of answered calls alone", "take it out, or say which agent answers")
	}
}

func agentNames(cfg *config.Config) []string {
	names := make([]string, 0, len(cfg.Agents))
	for _, a := range cfg.Agents {
		names = append(names, a.Name)
	}
	return names
}
