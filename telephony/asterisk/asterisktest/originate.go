package asterisktest

import (
	"slices"
	"strings"
)

// maxOriginated bounds how many orders a Server remembers.
const maxOriginated = 100_000

// Origination is one Originate that was taken.
type Origination struct {
	// Channel is what was to be called first, such as "PJSIP/1001"; Exten and Context
	// what was to be dialled then.
	Channel, Exten, Context string
	// CallerID and ChannelID are as they were given.
	CallerID, ChannelID string
}

// Originated returns the orders that were taken, oldest first: those to which it
// answered that the call is queued.
func (s *Server) Originated() []Origination {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.originated)
}

// originate takes an order, as Asterisk does with Async: true, and lets
// Config.Originate play the call. One for a channel whose id is taken comes to
// nothing afterwards.
func (s *session) originate(m message) bool {
	server := s.server
	o := Origination{
		Channel: m.get("channel"), Exten: m.get("exten"), Context: m.get("context"), CallerID: m.get("callerid"), ChannelID: m.get("channelid"),
	}
	switch {
	case o.Channel == "":
		return s.send(failure(m, "Channel not specified"))
	case !strings.Contains(o.Channel, "/"):
		return s.send(failure(m, "Invalid channel"))
	case o.Exten == "" || o.Context == "":
		return s.send(failure(m, "Extension does not exist."))
	case !strings.EqualFold(m.get("async"), "true"):
		return s.send(failure(m, "this server originates with Async: true alone"))
	}
	if server.config.Unanswered {
		return true // it was taken, and the answer got lost
	}
	if len(server.originated) < maxOriginated {
		server.originated = append(server.originated, o)
	}
	taken := server.board.channels[o.ChannelID] != nil
	if play := server.config.Originate; play != nil && !taken {
		server.running.Go(func() { play(server.place(o)) })
	}
	return s.send(success(m, "Originate successfully queued"))
}

// place begins a call that Asterisk places by itself: it rings the channel.
func (s *Server) place(o Origination) *Script {
	_, phone, _ := strings.Cut(o.Channel, "/")
	script := &Script{server: s, generation: s.current(), legs: map[string]*channel{}, exten: o.Exten}
	script.first = s.newChannel(phone, "", "from-internal", "s", Party{Number: phone})
	if o.ChannelID != "" {
		script.first.uniqueid, script.first.linkedid = o.ChannelID, o.ChannelID
	}
	s.mu.Lock()
	s.ledger.announce(script.first.linkedid, "placed")
	s.mu.Unlock()
	script.emit("Newchannel", script.first)
	script.first.callerNum = orUnknown(o.CallerID)
	script.dialFirst("DialBegin", Extra{"DialString", phone})
	script.first.setState(stateRinging)
	script.emit("Newstate", script.first)
	script.dialFirst("DialState", Extra{"DialStatus", "RINGING"})
	return script
}

// PickUp lets the phone that a placed call rings answer: what was to be dialled is
// dialled next; see Ring and Answer.
func (c *Script) PickUp() {
	c.first.setState(stateUp)
	c.emit("Newstate", c.first)
	c.dialFirst("DialEnd", Extra{"DialStatus", "ANSWER"})
	c.first.exten = c.exten
	c.send("Newexten", "dialplan,all", c.first, Extra{"Extension", c.exten}, Extra{"Application", "Dial"}, Extra{"AppData", ""})
}

// Ignore lets that phone ring until Asterisk gives up.
func (c *Script) Ignore() {
	c.dialFirst("DialEnd", Extra{"DialStatus", "NOANSWER"})
	c.hangup(c.first, "19", "User alerting, no answer")
}

// dialFirst sends an event of the first channel that no other dials.
func (c *Script) dialFirst(kind string, extra Extra) {
	if c.err != nil {
		return
	}
	w := c.server.newEvent(kind, "call,all", c.server.config.Now())
	c.first.snapshot(w, "Dest")
	c.publish(w, []Extra{extra})
}
