package asterisktest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// channel is what Asterisk knows of one live channel.
type channel struct {
	name, state, stateDesc      string
	callerNum, callerName       string
	connectedNum, connectedName string
	language, account           string
	context, exten, priority    string
	uniqueid, linkedid          string
	dialled, application, data  string
	bridge                      string
	order                       int // of creation
	created, answered           time.Time
	variables                   map[string]string
}

// bridge is one live bridge.
type bridge struct {
	id, kind, technology string
	channels             int
}

// waiting is a caller in a queue.
type waiting struct {
	queue, uniqueid string
	since           time.Time
}

// switchboard is the state that the traffic implies: what Status and its kin
// report. It is not safe for concurrent use; the Server's lock guards it.
type switchboard struct {
	channels map[string]*channel // by Uniqueid
	bridges  map[string]*bridge
	globals  map[string]string
	queued   []waiting
	created  int // channels ever made
}

func newSwitchboard() *switchboard {
	return &switchboard{
		channels: map[string]*channel{},
		bridges:  map[string]*bridge{},
		globals:  map[string]string{},
	}
}

// apply takes one genuine event into account. Events of channels that are not
// known change nothing, as after a restart.
func (b *switchboard) apply(e *event, now time.Time) {
	switch e.kind {
	case "BridgeCreate":
		id := e.get("BridgeUniqueid")
		b.bridges[id] = &bridge{id: id, kind: e.get("BridgeType"), technology: e.get("BridgeTechnology")}
		return
	case "BridgeDestroy":
		delete(b.bridges, e.get("BridgeUniqueid"))
		return
	case "CEL", "Cdr", "TestEvent":
		return // reports about the past, not ordered against the channel events
	}
	id := e.get("Uniqueid")
	if e.kind == "Newchannel" && b.channels[id] == nil && id != "" {
		b.channels[id] = &channel{
			uniqueid: id, order: b.created, created: now, dialled: e.get("Exten"), variables: map[string]string{},
		}
		b.created++
	}
	if dest := b.channels[e.get("DestUniqueid")]; dest != nil {
		dest.update(e, "Dest", now)
	}
	c := b.channels[id]
	if c == nil {
		if e.kind == "VarSet" && id == "none" {
			b.globals[e.get("Variable")] = e.get("Value")
		}
		return
	}
	if e.kind == "Hangup" {
		delete(b.channels, id)
		b.unqueue(id)
		return
	}
	c.update(e, "", now)
	b.applyTo(c, e, now)
}

func (b *switchboard) applyTo(c *channel, e *event, now time.Time) {
	switch e.kind {
	case "VarSet":
		c.variables[variableName(e.get("Variable"))] = e.get("Value")
	case "Newexten":
		c.application, c.data = e.get("Application"), e.get("AppData")
	case "Rename":
		c.name = e.get("Newname")
	case "BridgeEnter", "BridgeLeave":
		b.applyBridge(c, e)
	case "QueueCallerJoin":
		b.queued = append(b.queued, waiting{queue: e.get("Queue"), uniqueid: c.uniqueid, since: now})
	case "QueueCallerLeave", "QueueCallerAbandon":
		b.unqueue(c.uniqueid)
	}
}

func (b *switchboard) applyBridge(c *channel, e *event) {
	id := e.get("BridgeUniqueid")
	c.bridge = ""
	if e.kind == "BridgeEnter" {
		c.bridge = id
		if b.bridges[id] == nil { // a capture that lacks BridgeCreate
			b.bridges[id] = &bridge{id: id, kind: e.get("BridgeType"), technology: e.get("BridgeTechnology")}
		}
	}
	if known := b.bridges[id]; known != nil {
		known.channels, _ = strconv.Atoi(e.get("BridgeNumChannels"))
		if known.channels == 0 {
			delete(b.bridges, id)
		}
	}
}

func (b *switchboard) unqueue(uniqueid string) {
	b.queued = slices.DeleteFunc(b.queued, func(w waiting) bool { return w.uniqueid == uniqueid })
}

// live returns the channels that are up, oldest first.
func (b *switchboard) live() []*channel {
	return slices.SortedFunc(maps.Values(b.channels), func(x, y *channel) int { return x.order - y.order })
}

// update copies the snapshot of a channel that an event carries. Prefix is
// "Dest" for the second channel of a dial event.
func (c *channel) update(e *event, prefix string, now time.Time) {
	for _, f := range e.fields {
		if key, found := strings.CutPrefix(f.key, prefix); found {
			if target := c.field(key); target != nil {
				*target = f.value
			}
		}
	}
	if c.state == stateUp && c.answered.IsZero() {
		c.answered = now
	}
}

// field returns where the value of a snapshot's header is kept.
func (c *channel) field(key string) *string {
	switch key {
	case "Channel":
		return &c.name
	case "ChannelState":
		return &c.state
	case "ChannelStateDesc":
		return &c.stateDesc
	case "CallerIDNum":
		return &c.callerNum
	case "CallerIDName":
		return &c.callerName
	case "ConnectedLineNum":
		return &c.connectedNum
	case "ConnectedLineName":
		return &c.connectedName
	case "Language":
		return &c.language
	case "AccountCode":
		return &c.account
	case "Context":
		return &c.context
	case "Exten":
		return &c.exten
	case "Priority":
		return &c.priority
	case "Linkedid":
		return &c.linkedid
	}
	return nil
}

// Channel states of Asterisk: number and text.
const (
	stateDown    = "0"
	stateRing    = "4"
	stateRinging = "5"
	stateUp      = "6"
)

var stateText = map[string]string{stateDown: "Down", stateRing: "Ring", stateRinging: "Ringing", stateUp: "Up"}

// snapshot writes the headers that every channel event carries, each with the
// prefix.
func (c *channel) snapshot(w *writer, prefix string) {
	w.add(prefix+"Channel", c.name)
	w.add(prefix+"ChannelState", c.state)
	w.add(prefix+"ChannelStateDesc", c.stateDesc)
	w.add(prefix+"CallerIDNum", c.callerNum)
	w.add(prefix+"CallerIDName", c.callerName)
	w.add(prefix+"ConnectedLineNum", c.connectedNum)
	w.add(prefix+"ConnectedLineName", c.connectedName)
	w.add(prefix+"Language", c.language)
	w.add(prefix+"AccountCode", c.account)
	w.add(prefix+"Context", c.context)
	w.add(prefix+"Exten", c.exten)
	w.add(prefix+"Priority", c.priority)
	w.add(prefix+"Uniqueid", c.uniqueid)
	w.add(prefix+"Linkedid", c.linkedid)
}

// value answers for a channel variable or one of the few dialplan functions
// that a client of the manager asks for; "(null)" is what Asterisk prints for
// what is not set.
func (c *channel) value(name string) string {
	switch strings.ToUpper(name) {
	case "CHANNEL(LINKEDID)":
		return c.linkedid
	case "CHANNEL(UNIQUEID)":
		return c.uniqueid
	case "CHANNEL(NAME)":
		return c.name
	case "CHANNEL(STATE)":
		return c.stateDesc
	case "CHANNEL(ENDPOINT)":
		return endpoint(c.name)
	case "CALLERID(NUM)":
		return known(c.callerNum)
	case "CALLERID(NAME)":
		return known(c.callerName)
	case "CALLERID(NUM-PRES)":
		return c.presentation()
	case "CDR(START)":
		return localTime(c.created)
	case "CDR(ANSWER)":
		return localTime(c.answered)
	}
	if value, found := c.variables[variableName(name)]; found {
		return value
	}
	return null
}

// presentation is what CALLERID(num-pres) says; a script or a play may set it
// by a variable of that name.
func (c *channel) presentation() string {
	if value := c.variables["CALLERID(num-pres)"]; value != "" {
		return value
	}
	if c.callerNum == unknown {
		return "unavailable"
	}
	return "allowed_not_screened"
}

func known(value string) string {
	if value == unknown {
		return ""
	}
	return value
}

// localTime prints a time as CDR and CEL do: local, without a zone. This
// machine is taken to live in UTC, like the one that the captures come from.
func localTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// variableName strips the marks of inheritance: __TB_DID is TB_DID.
func variableName(name string) string { return strings.TrimLeft(name, "_") }

// endpoint is the text between the technology and the last "-".
func endpoint(channelName string) string {
	_, rest, _ := strings.Cut(channelName, "/")
	if i := strings.LastIndexByte(rest, '-'); i >= 0 {
		return rest[:i]
	}
	return rest
}

// hasCall reports whether a channel of the call is up.
func (b *switchboard) hasCall(linkedid string) bool {
	for _, c := range b.channels {
		if c.linkedid == linkedid {
			return true
		}
	}
	return false
}
