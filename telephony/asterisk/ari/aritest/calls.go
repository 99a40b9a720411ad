package aritest

import (
	"fmt"
	"slices"
	"sync"
)

// Party is a caller.
type Party struct {
	Number, Name string
	// Presentation is CALLERID(num-pres); empty: the number may be shown.
	Presentation string
}

// Call is a scripted call. Its methods do one step each, and return when it is done.
// They are safe for concurrent use. A step that is impossible changes nothing and is
// told by Err.
type Call struct {
	server *Server
	from   *channel
	mu     sync.Mutex
	legs   map[string]*channel
	bridge *bridge
	err    error
}

// Inbound lets a caller from outside call a number of ours.
func (s *Server) Inbound(from Party, number string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.newChannel(channel{
		name: "PJSIP/trunk", state: "Ring", number: from.Number, caller: from.Name, presentation: from.Presentation,
		context: "from-trunk", exten: number,
	}, "")
	return &Call{server: s, from: c, legs: make(map[string]*channel)}
}

// Outbound lets an agent's phone dial a number outside, which begins to ring.
func (s *Server) Outbound(extension, number string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.newChannel(channel{
		name: "PJSIP/" + extension, state: "Ring", number: extension, caller: "Agent " + extension, context: "from-internal", exten: "9" + number,
	}, "")
	call := &Call{server: s, from: c, legs: make(map[string]*channel)}
	call.dial("trunk", number+"@trunk", "PJSIP/"+number+"@trunk,20,T")
	return call
}

// ID is the id of the call: of its first channel.
func (c *Call) ID() string { return c.from.id }

// Err is the first step that was impossible.
func (c *Call) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// step runs one step with both locks held.
func (c *Call) step(what string, run func(s *Server) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if !run(c.server) && c.err == nil {
		c.err = fmt.Errorf("call %s: %s is impossible now", c.from.id, what)
	}
}

// Set sets a variable of the first channel, as the dialplan does.
func (c *Call) Set(name, value string) {
	c.step("to set "+name, func(s *Server) bool {
		c.from.vars[name] = value
		s.tell("ChannelVarset", c.from, map[string]any{"variable": name, "value": value})
		return s.channels[c.from.id] != nil
	})
}

// Queue lets the caller wait in a queue.
func (c *Call) Queue(name string) {
	c.step("to queue", func(s *Server) bool {
		c.from.app, c.from.data = "Queue", name+",tT"
		s.tell("ChannelDialplan", c.from, map[string]any{"dialplan_app": "Queue", "dialplan_app_data": name + ",tT"})
		return s.channels[c.from.id] != nil
	})
}

// Ring rings an agent's phone.
func (c *Call) Ring(extension string) {
	c.step("to ring "+extension, func(s *Server) bool {
		if c.legs[extension] != nil || s.channels[c.from.id] == nil {
			return false
		}
		c.dial(extension, extension, "PJSIP/"+extension+",20,tT")
		return true
	})
}

// dial makes a leg and rings it. The server's lock must be held.
func (c *Call) dial(endpoint, dialString, data string) {
	s := c.server
	if c.from.app != "Queue" {
		c.from.app, c.from.data = "Dial", data
	}
	leg := channel{name: "PJSIP/" + endpoint, state: "Down", context: "from-internal", exten: "s"}
	if endpoint != "trunk" {
		leg.number, leg.caller = endpoint, "Agent "+endpoint
	}
	l := s.newChannel(leg, c.from.linked)
	c.legs[endpoint] = l
	l.app, l.data, l.exten = "AppDial", "(Outgoing Line)", c.from.exten
	l.connected, l.connectedName = c.from.number, c.from.caller
	c.tellDial(l, dialString, "")
	l.state = "Ringing"
	s.tell("ChannelStateChange", l, nil)
	c.tellDial(l, "", "RINGING")
}

// tellDial tells how the ringing of a leg goes. The server's lock must be held.
func (c *Call) tellDial(l *channel, dialString, status string) {
	vars := c.server.config.ChannelVars
	c.server.emit("Dial", map[string]any{
		"dialstatus": status, "forward": "", "dialstring": dialString, "caller": c.from.json(vars), "peer": l.json(vars),
	})
}

// Answer lets a phone that rings answer; the others stop. "trunk" is whom an agent
// called.
func (c *Call) Answer(endpoint string) {
	c.step(endpoint+" to answer", func(s *Server) bool {
		l := c.legs[endpoint]
		if l == nil || l.state != "Ringing" {
			return false
		}
		l.state, l.exten = "Up", ""
		s.tell("ChannelStateChange", l, nil)
		c.tellDial(l, "", "ANSWER")
		for other, rings := range c.legs {
			if other != endpoint && rings.state == "Ringing" {
				c.tellDial(rings, "", "CANCEL")
				s.destroy(rings, 26)
				delete(c.legs, other)
			}
		}
		c.from.state = "Up"
		s.tell("ChannelStateChange", c.from, nil)
		s.last++
		c.bridge = &bridge{id: fmt.Sprintf("d4cf671e-0eab-435d-b76a-%012d", s.last), created: s.now}
		s.bridges[c.bridge.id] = c.bridge
		s.emit("BridgeCreated", map[string]any{"bridge": c.bridge.json()})
		for _, joins := range []*channel{l, c.from} {
			c.bridge.members = append(c.bridge.members, joins.id)
			s.tell("ChannelEnteredBridge", joins, map[string]any{"bridge": c.bridge.json()})
		}
		return true
	})
}

// Hold lets the answering phone have the other side wait; Resume no more.
func (c *Call) Hold(endpoint string) { c.press(endpoint, "ChannelHold") }

// Resume ends a hold.
func (c *Call) Resume(endpoint string) { c.press(endpoint, "ChannelUnhold") }

func (c *Call) press(endpoint, kind string) {
	c.step(kind, func(s *Server) bool {
		l := c.legs[endpoint]
		if l == nil {
			return false
		}
		s.tell(kind, l, nil)
		return true
	})
}

// Hangup lets whoever began the call hang up.
func (c *Call) Hangup() {
	c.step("to hang up", func(s *Server) bool {
		if s.channels[c.from.id] == nil {
			return false
		}
		s.tell("ChannelHangupRequest", c.from, map[string]any{"cause": 16})
		cause := 16
		for _, l := range c.legs {
			if l.state == "Ringing" {
				c.tellDial(l, "", "CANCEL")
				cause = 127
			}
		}
		c.leave(s, c.from)
		s.tell("ChannelHangupRequest", c.from, map[string]any{"cause": cause, "soft": true})
		s.destroy(c.from, cause)
		for _, l := range c.legs {
			c.leave(s, l)
		}
		if c.bridge != nil {
			s.emit("BridgeDestroyed", map[string]any{"bridge": c.bridge.json()})
			delete(s.bridges, c.bridge.id)
		}
		for _, l := range c.legs {
			s.destroy(l, cause)
		}
		return true
	})
}

// leave takes a channel out of the bridge. The server's lock must be held.
func (c *Call) leave(s *Server, l *channel) {
	if c.bridge == nil || !slices.Contains(c.bridge.members, l.id) {
		return
	}
	c.bridge.members = slices.DeleteFunc(c.bridge.members, func(id string) bool { return id == l.id })
	s.tell("ChannelLeftBridge", l, map[string]any{"bridge": c.bridge.json()})
}

// destroy ends a channel. The lock must be held.
func (s *Server) destroy(c *channel, cause int) {
	s.tell("ChannelDestroyed", c, map[string]any{"cause": cause, "cause_txt": "Normal Clearing"})
	delete(s.channels, c.id)
	s.order = slices.DeleteFunc(s.order, func(id string) bool { return id == c.id })
}
