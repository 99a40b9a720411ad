package bridge

import (
	"slices"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// firstTalk is the agent who talked first, the zero Talk if none did.
func (w *work) firstTalk() telephony.Talk {
	if len(w.call.Talks) == 0 {
		return telephony.Talk{}
	}
	return w.call.Talks[0]
}

func (w *work) agentOf(talk telephony.Talk) (screenpop.Agent, bool) {
	if talk.Endpoint == "" || w.policy.Directory == nil {
		return screenpop.Agent{}, false
	}
	return w.policy.Directory.Lookup(talk.Endpoint)
}

// answeredBy is the Zendesk id of the first agent who talked, 0 if none did or
// he is not known there.
func (w *work) answeredBy() int64 {
	agent, known := w.agentOf(w.firstTalk())
	if !known || !agent.Verified() {
		return 0
	}
	return agent.ZendeskID
}

// lastAgent is the Zendesk id of the agent who talked last, 0 as answeredBy.
func (w *work) lastAgent() int64 {
	for _, talk := range slices.Backward(w.call.Talks) {
		if agent, known := w.agentOf(talk); known && agent.Verified() {
			return agent.ZendeskID
		}
	}
	return 0
}

// agentNames are those who talked, each once, in the order in which they began.
// A phone of the phone system that is nobody's stands for itself.
func (w *work) agentNames() []string {
	var names []string
	for _, talk := range w.call.Talks {
		name := talk.Endpoint
		if agent, known := w.agentOf(talk); known {
			name = agent.Name
		} else if name == "" || w.call.OverTrunk(talk) {
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// strangers are the numbers outside that the call was forwarded to, and that are
// no agent's, as agentNames.
func (w *work) strangers() []string {
	var numbers []string
	for _, talk := range w.call.Talks {
		if _, known := w.agentOf(talk); known || !w.call.OverTrunk(talk) {
			continue
		}
		if number := w.show(telephony.Party{Number: talk.Endpoint}); !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	return numbers
}
