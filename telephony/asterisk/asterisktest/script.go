package asterisktest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Party is a number and a name, as a caller id carries them. Empty values are
// printed as Asterisk prints what it does not know. The number goes to the wire
// as it is, line breaks included, as a caller can forge it; the name is
// escaped.
type Party struct{ Number, Name string }

// Extra is one more header of a hand-made event.
type Extra struct{ Key, Value string }

// Script is one call written by hand, a step at a time:
//
//	call := server.Inbound(asterisktest.Party{Number: "+493012345678"}, "+15550100001")
//	call.Ring("1001")
//	call.Answer("1001")
//	call.Hangup()
//	err := call.Err()
//
// Each step sends the events that Asterisk sends for it, in its order, without
// the variables of any particular dialplan; Set and Emit add what a test needs.
// The first error stays, and later steps do nothing. A Script is not safe for
// concurrent use; several of them on one Server are.
type Script struct {
	server     *Server
	generation int
	first      *channel
	legs       map[string]*channel // dialled and not hung up, by endpoint
	bridge     *bridge
	exten      string // of a placed call: what is dialled when it is answered
	err        error
}

// Inbound starts a call from the endpoint "trunk" to one of our numbers.
func (s *Server) Inbound(from Party, did string) *Script {
	return s.startScript("inbound", "trunk", "from-trunk", did, from)
}

// Outbound starts a call that an agent's phone makes; Ring("trunk") dials out.
func (s *Server) Outbound(agent, dialled string) *Script {
	return s.startScript("outbound", agent, "from-internal", dialled, Party{Number: agent})
}

// Send sends one event as it is written, which may be wrong on purpose: line
// ends may be LF, the empty line at the end is added if it is missing. What it
// says of channels is taken into account; classes and filters apply.
func (s *Server) Send(text string) error {
	text = strings.ReplaceAll(text, crlf, "\n")
	text = strings.ReplaceAll(strings.TrimRight(text, "\n")+"\n\n", "\n", crlf)
	e := parseEvent([]byte(text))
	return s.publish(s.current(), e, e)
}

// SendBytes sends exact bytes to every client that is logged in: halves of
// messages, garbage, a whole capture. Nothing is taken into account and nothing
// is filtered.
func (s *Server) SendBytes(data []byte) error {
	data = slices.Clone(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up() {
		return ErrStopped
	}
	for session := range s.sessions {
		if session.account != nil {
			session.send(data)
		}
	}
	return nil
}

func (s *Server) startScript(kind, from, context, exten string, caller Party) *Script {
	script := &Script{server: s, generation: s.current(), legs: map[string]*channel{}}
	script.first = s.newChannel(from, "", context, exten, caller)
	script.first.setState(stateRing)
	s.mu.Lock()
	s.ledger.announce(script.first.linkedid, kind)
	s.mu.Unlock()
	script.emit("Newchannel", script.first)
	return script
}

// newChannel makes a channel with fresh identities; it is not live before its
// Newchannel is sent. An empty linkedid means that it starts a call.
func (s *Server) newChannel(endpoint, linkedid, context, exten string, caller Party) *channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &channel{
		name: s.nextChannel("PJSIP/" + endpoint), uniqueid: s.nextUniqueid(s.config.Now()), linkedid: linkedid,
		callerNum: orUnknown(caller.Number), callerName: orUnknown(escapeName(caller.Name)),
		connectedNum: unknown, connectedName: unknown,
		language: "en", context: context, exten: exten, priority: "1",
	}
	if linkedid == "" {
		c.linkedid = c.uniqueid
	}
	c.setState(stateDown)
	return c
}

// nextUniqueid returns [systemname-]epoch.sequence; the caller holds the lock.
func (s *Server) nextUniqueid(now time.Time) string {
	s.ids.epoch = max(s.ids.epoch, now.Unix())
	id := strconv.FormatInt(s.ids.epoch, 10) + "." + strconv.Itoa(s.ids.uniqueid)
	s.ids.uniqueid++
	if s.config.SystemName != "" {
		id = s.config.SystemName + "-" + id
	}
	return id
}

// nextChannel returns technology/endpoint-hex; the caller holds the lock.
func (s *Server) nextChannel(stem string) string {
	name := fmt.Sprintf("%s-%08x", stem, s.ids.channel)
	s.ids.channel++
	return name
}

func (c *channel) setState(state string) { c.state, c.stateDesc = state, stateText[state] }

func orUnknown(value string) string {
	if value == "" {
		return unknown
	}
	return value
}

// newUUID makes the identity of a bridge.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Linkedid is the identity of the call.
func (c *Script) Linkedid() string { return c.first.linkedid }

// Channel is the name of the channel that an endpoint has in the call, "" if
// none is up.
func (c *Script) Channel(endpointName string) string {
	if leg := c.leg(endpointName); leg != nil {
		return leg.name
	}
	return ""
}

// Uniqueid is the identity of the channel that an endpoint has in the call, ""
// if none is up.
func (c *Script) Uniqueid(endpointName string) string {
	if leg := c.leg(endpointName); leg != nil {
		return leg.uniqueid
	}
	return ""
}

// Err returns the first thing that went wrong: ErrStopped when the PBX is
// down, or a step that makes no sense.
func (c *Script) Err() error { return c.err }

func (c *Script) leg(name string) *channel {
	if endpoint(c.first.name) == name {
		return c.first
	}
	return c.legs[name]
}

// need returns the channel of an endpoint and notes an error if there is none.
func (c *Script) need(step, name string) *channel {
	leg := c.leg(name)
	if leg == nil && c.err == nil {
		c.err = fmt.Errorf("%s %q: it has no channel in call %s", step, name, c.Linkedid())
	}
	return leg
}

func (c *Script) emit(kind string, leg *channel, extra ...Extra) {
	c.send(kind, "call,all", leg, extra...)
}

func (c *Script) send(kind, privilege string, leg *channel, extra ...Extra) {
	if c.err != nil {
		return
	}
	w := c.server.newEvent(kind, privilege, c.server.config.Now())
	if leg != nil {
		leg.snapshot(w, "")
	}
	c.publish(w, extra)
}

func (c *Script) publish(w *writer, extra []Extra) {
	for _, header := range extra {
		w.add(header.Key, header.Value)
	}
	e := parseEvent(w.end())
	c.err = c.server.publish(c.generation, e, e)
}
