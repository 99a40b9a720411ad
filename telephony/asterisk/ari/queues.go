package ari

import (
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// ARI has no events of queues. That a caller waits in one is seen by what his channel
// does: it runs the application Queue, until it runs another one, somebody talks to
// him, or it is gone. At which place he waits nobody tells.

// queueOf is the queue that an application lets the caller wait in.
func queueOf(app, data string) (string, bool) {
	name, _, _ := strings.Cut(data, ",")
	name = pbx.Cut(strings.TrimSpace(name))
	return name, app == "Queue" && name != ""
}

// wait follows in which queue the channel of a message waits.
func (k *member) wait(m *message) {
	switch m.Type {
	case "ChannelDialplan":
	case "ChannelEnteredBridge":
		if m.Bridge.holding() {
			return
		}
	case "ChannelDestroyed":
	default:
		return
	}
	m.left, k.queue = k.queue, ""
	if name, waits := queueOf(m.App, m.Data); waits {
		k.queue = strings.Clone(name)
	}
}

// unqueued says which queue the channel of a message is in no more.
func (t *translator) unqueued(p placed) (telephony.Event, bool) {
	if p.left == "" {
		return telephony.Event{}, false
	}
	call, err := telephony.NewCallID(t.site, t.source, p.linked)
	return telephony.Event{
		ID: pbx.Digest(t.site, t.source, p.identity(), "left", p.left), Call: call, Kind: telephony.CallUnqueued, Time: p.at,
		Ordinal: pbx.Ranks[telephony.CallUnqueued], Leg: p.subject().ID, Name: p.left,
	}, err == nil
}
