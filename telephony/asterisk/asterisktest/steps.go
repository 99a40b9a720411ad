package asterisktest

import (
	"maps"
	"slices"
	"strconv"
)

// Set sends the VarSet of a variable of the first channel.
func (c *Script) Set(variable, value string) {
	c.send("VarSet", "dialplan,all", c.first, Extra{"Variable", variable}, Extra{"Value", value})
}

// Emit sends any event with the headers of an endpoint's channel and more; the
// privilege is a class such as "call" or "agent".
func (c *Script) Emit(kind, privilege, endpointName string, extra ...Extra) {
	if leg := c.need(kind, endpointName); leg != nil {
		c.send(kind, privilege+",all", leg, extra...)
	}
}

// Ring dials an endpoint, which rings. On an outbound call the endpoint is the
// trunk and the dialled number goes along.
func (c *Script) Ring(endpointName string) {
	if c.err != nil {
		return
	}
	context, number, dial := "from-internal", endpointName, endpointName
	if c.first.context == "from-internal" && !isExtension(endpointName) {
		context, number, dial = "from-trunk", c.first.exten, c.first.exten+"@"+endpointName
	}
	leg := c.server.newChannel(endpointName, c.Linkedid(), context, "s", Party{Number: number})
	c.legs[endpointName] = leg
	c.emit("Newchannel", leg)
	leg.exten = c.first.exten
	leg.connectedNum, leg.connectedName = c.first.callerNum, c.first.callerName
	c.emit("NewConnectedLine", leg)
	c.dial("DialBegin", leg, Extra{"DialString", dial})
	leg.setState(stateRinging)
	c.emit("Newstate", leg)
	c.dial("DialState", leg, Extra{"DialStatus", "RINGING"})
}

// isExtension tells a phone from a trunk, as far as scripts need it.
func isExtension(name string) bool {
	_, err := strconv.Atoi(name)
	return err == nil
}

// Answer picks up a ringing endpoint: the other ones stop ringing, and it is
// bridged with the first channel.
func (c *Script) Answer(endpointName string) {
	leg := c.need("answer", endpointName)
	if leg == nil {
		return
	}
	leg.setState(stateUp)
	c.emit("Newstate", leg)
	for _, name := range c.ringing() {
		c.giveUp(name, "CANCEL", "26", "Answered elsewhere")
	}
	c.Set("DIALSTATUS", "ANSWER")
	c.dial("DialEnd", leg, Extra{"DialStatus", "ANSWER"})
	c.first.connectedNum, c.first.connectedName = leg.callerNum, leg.callerName
	if c.first.state != stateUp {
		c.first.setState(stateUp)
		c.emit("Newstate", c.first)
	}
	leg.exten = ""
	if c.bridge == nil {
		c.bridge = &bridge{id: newUUID(), kind: "basic", technology: "simple_bridge"}
		c.bridgeEvent("BridgeCreate", nil)
	}
	c.enter(leg)
	c.enter(c.first)
}

// Refuse ends the attempt to reach an endpoint with a dial status: "BUSY",
// "NOANSWER", "CHANUNAVAIL" or "CONGESTION".
func (c *Script) Refuse(endpointName, status string) {
	if c.need("refuse", endpointName) == nil {
		return
	}
	cause, text := "16", "Normal Clearing"
	if status == "BUSY" {
		cause, text = "17", "User busy"
	}
	c.giveUp(endpointName, status, cause, text)
	c.Set("DIALSTATUS", status)
}

// Leave takes an endpoint out of the call, as the one who transfers does.
func (c *Script) Leave(endpointName string) {
	leg := c.need("leave", endpointName)
	if leg == nil {
		return
	}
	c.leave(leg)
	c.hangup(leg, "16", "Normal Clearing")
	delete(c.legs, endpointName)
}

// Voicemail lets the first channel leave a message that is stored at a path
// without extension, such as ".../INBOX/msg0000", in a mailbox such as
// "1001@default". The files are the caller's affair, and must be there before.
func (c *Script) Voicemail(mailbox, path string) {
	c.send("Newexten", "dialplan,all", c.first, Extra{"Extension", c.first.exten},
		Extra{"Application", "VoiceMail"}, Extra{"AppData", mailbox + ",us"})
	c.first.setState(stateUp)
	c.emit("Newstate", c.first)
	c.emit("HangupRequest", c.first, Extra{"Cause", "16"})
	c.Set("VM_MESSAGEFILE", path)
	c.emit("MessageWaiting", c.first, Extra{"Mailbox", mailbox}, Extra{"Waiting", "1"}, Extra{"New", "1"}, Extra{"Old", "0"})
	c.Set("VMSTATUS", "SUCCESS")
	c.hangup(c.first, "16", "Normal Clearing")
}

// Hangup ends the call: the first channel asks for it.
func (c *Script) Hangup() { c.HangupBy(endpoint(c.first.name)) }

// HangupBy ends the call: the given endpoint asks for it.
func (c *Script) HangupBy(endpointName string) {
	asking := c.need("hang up", endpointName)
	if asking == nil {
		return
	}
	c.emit("HangupRequest", asking, Extra{"Cause", "16"})
	for _, name := range c.ringing() {
		c.giveUp(name, "CANCEL", "16", "Normal Clearing")
	}
	legs := []*channel{c.first}
	for _, name := range slices.Sorted(maps.Keys(c.legs)) {
		legs = append(legs, c.legs[name])
	}
	for _, leg := range legs {
		c.leave(leg)
		c.hangup(leg, "16", "Normal Clearing")
	}
	if c.bridge != nil {
		c.bridgeEvent("BridgeDestroy", nil)
		c.bridge = nil
	}
	clear(c.legs)
}

// ringing lists the endpoints that ring, in a fixed order.
func (c *Script) ringing() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.legs)), func(name string) bool {
		return c.legs[name].state == stateUp
	})
}

func (c *Script) giveUp(name, status, cause, text string) {
	leg := c.legs[name]
	c.dial("DialEnd", leg, Extra{"DialStatus", status})
	c.hangup(leg, cause, text)
	delete(c.legs, name)
}

func (c *Script) hangup(leg *channel, cause, text string) {
	c.emit("Hangup", leg, Extra{"Cause", cause}, Extra{"Cause-txt", text})
}

// dial sends an event with both channels.
func (c *Script) dial(kind string, leg *channel, extra Extra) {
	if c.err != nil {
		return
	}
	w := c.server.newEvent(kind, "call,all", c.server.config.Now())
	c.first.snapshot(w, "")
	leg.snapshot(w, "Dest")
	c.publish(w, []Extra{extra})
}

func (c *Script) enter(leg *channel) {
	if leg.bridge != "" {
		return
	}
	c.bridge.channels++
	leg.bridge = c.bridge.id
	c.bridgeEvent("BridgeEnter", leg)
}

func (c *Script) leave(leg *channel) {
	if leg.bridge == "" || c.bridge == nil {
		return
	}
	c.bridge.channels--
	leg.bridge = ""
	c.bridgeEvent("BridgeLeave", leg)
}

func (c *Script) bridgeEvent(kind string, leg *channel) {
	if c.err != nil {
		return
	}
	w := c.server.newEvent(kind, "call,all", c.server.config.Now())
	c.bridge.snapshot(w)
	if leg != nil {
		leg.snapshot(w, "")
	}
	c.publish(w, nil)
}
