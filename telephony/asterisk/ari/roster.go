package ari

import (
	"cmp"
	"slices"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// ARI does not say which call a channel is of. Asterisk knows it, as
// CHANNEL(linkedid), and writes that into every channel if ari.conf says so
// (channelvars). Where it does not, the call is worked out from what there is:
//
//   - A channel that comes up ringing (Ring) is a phone that dials: it begins a call
//     of its own.
//   - A channel that is dialled (Down) is of the call of the channel that dials it.
//     The Dial follows some milliseconds after the channel, which is held back until
//     then. Without a dialling channel it begins a call of its own.
//   - The two ends of a Local channel are of one call.
//   - Who comes into a bridge before anything else is known of him is of the call of
//     those who are there.
//
// Over all captures both ways give the same calls.

const (
	// maxRoster bounds the channels that one session remembers. Asterisk machines
	// carry a few thousand.
	maxRoster = 1 << 16
	// maxHeldBack bounds what is held back of channels that are of one call, of
	// which it is not known yet which it is.
	maxHeldBack = 256
	// linkedID is the variable that names the call of a channel.
	linkedID = "CHANNEL(linkedid)"
)

// member is a channel that is known to live.
type member struct {
	endpoint, linked, bridge string
	waits                    *group // not nil: it is not known yet which call it is of
	hidden                   bool   // its number must not be shown
	queue                    string // in which it waits
}

// group are channels that are of one call, and what was told of them.
type group struct {
	members  []string
	messages []*message
}

// placed is a message, and the call that its channel is of.
type placed struct {
	*message
	linked string
}

// roster knows the live channels of one session: which call each belongs to, and
// which bridge each is in. It has one owner. See newRoster.
type roster struct {
	members map[string]*member
	bridges map[string][]string // who is in which bridge
	wires   map[string]string   // the first known end of each Local channel, by endpoint
	derived func()              // told of each channel whose call was worked out
}

func newRoster(derived func()) *roster {
	return &roster{members: make(map[string]*member), bridges: make(map[string][]string), wires: make(map[string]string), derived: derived}
}

// place says what can be told now: the message, with the call that its channel is
// of, after those that were held back for it; nothing while that is not known, or
// if the channel is one that nobody knows.
func (r *roster) place(m *message) []placed {
	c := m.subject()
	known := r.members[c.ID]
	if known == nil {
		begins := m.Type == "ChannelCreated" || m.Type == "Dial" || c.Vars[linkedID] != ""
		if !begins || len(r.members) >= maxRoster {
			return nil
		}
		known = r.meet(c)
	}
	known.hidden = known.hidden || m.hidden
	known.wait(m)
	var out []placed
	if known.waits != nil {
		known.waits.messages = append(known.waits.messages, m)
		out = r.decide(m, known)
	} else {
		m.hidden = m.hidden || r.hides(m)
		linked := cmp.Or(c.Vars[linkedID], known.linked)
		out = append(r.joined(m, linked), placed{m, linked})
	}
	if m.Type == "ChannelDestroyed" {
		r.forget(c.ID)
	}
	return out
}

// forget takes a channel off the list. What it said last is told afterwards.
func (r *roster) forget(id string) {
	r.leave(id)
	if known := r.members[id]; known != nil && r.wires[known.endpoint] == id {
		delete(r.wires, known.endpoint)
	}
	delete(r.members, id)
}

// hides reports whether the number that a message shows must not be shown.
func (r *roster) hides(m *message) bool {
	c := m.Channel
	if m.Type == "Dial" {
		c = m.Caller
	}
	return c != nil && r.members[c.ID] != nil && r.members[c.ID].hidden
}

// meet notes a new channel.
func (r *roster) meet(c *channel) *member {
	id := strings.Clone(c.ID)
	known := &member{endpoint: pbx.Endpoint(strings.Clone(c.Name)), linked: strings.Clone(c.Vars[linkedID])}
	r.members[id] = known
	other := r.members[r.wires[known.endpoint]]
	if strings.HasPrefix(known.endpoint, "Local/") && other == nil {
		r.wires[known.endpoint] = id
	}
	if known.linked != "" {
		return known
	}
	r.derived()
	switch {
	case other != nil:
		if known.linked, known.waits = other.linked, other.waits; known.waits != nil {
			known.waits.members = append(known.waits.members, id)
		}
	case c.State == "Ring" && pbx.Side(known.endpoint, nil) != telephony.SideHelper:
		known.linked = id
	default:
		known.waits = &group{members: []string{id}}
	}
	return known
}

// decide looks whether a message says which call a channel is of that waits for
// that, and returns what was held back then.
func (r *roster) decide(m *message, known *member) []placed {
	g := known.waits
	switch m.Type {
	case "Dial":
		if m.Caller == nil {
			return r.settle(g, g.members[0])
		}
		caller := r.members[m.Caller.ID]
		switch {
		case caller == nil:
			return r.settle(g, m.Caller.ID)
		case caller.waits == nil:
			return r.settle(g, caller.linked)
		case caller.waits != g:
			r.merge(caller.waits, g)
		}
	case "ChannelEnteredBridge":
		for _, id := range m.Bridge.Channels {
			other := r.members[id]
			if m.Bridge.holding() {
				break
			}
			if other == nil || other.waits == g {
				continue
			}
			if other.waits == nil {
				return r.settle(g, other.linked)
			}
			r.merge(other.waits, g)
			g = other.waits
		}
	case "ChannelDestroyed":
		return r.settle(g, g.members[0])
	}
	if len(g.messages) >= maxHeldBack {
		return r.settle(g, g.members[0])
	}
	return nil
}

// merge makes one group of two.
func (r *roster) merge(into, from *group) {
	for _, id := range from.members {
		if m := r.members[id]; m != nil {
			m.waits = into
		}
	}
	into.members = append(into.members, from.members...)
	into.messages = append(into.messages, from.messages...)
}

// settle says of a group which call it is of, and returns what was held back.
func (r *roster) settle(g *group, linked string) []placed {
	linked = strings.Clone(linked)
	for _, id := range g.members {
		if m := r.members[id]; m != nil {
			m.linked, m.waits = linked, nil
		}
	}
	out := make([]placed, 0, len(g.messages))
	for _, m := range g.messages {
		m.hidden = m.hidden || r.hides(m)
		out = append(out, placed{m, linked})
	}
	return out
}

// joined is what was held back of those in a bridge into which a channel of a known
// call comes: they are of that call.
func (r *roster) joined(m *message, linked string) []placed {
	if m.Type != "ChannelEnteredBridge" || m.Bridge.holding() {
		return nil
	}
	var out []placed
	for _, id := range m.Bridge.Channels {
		if other := r.members[id]; other != nil && other.waits != nil {
			out = append(out, r.settle(other.waits, linked)...)
		}
	}
	return out
}

// follow notes what a message says of who is where, and returns the links that it
// shows between calls: Asterisk says of a channel that it is of another call now, or
// channels of two calls meet in a bridge. (Capture i2_attended_refer.)
func (r *roster) follow(p placed, e telephony.Event) []telephony.Event {
	var links []telephony.Event
	id := p.subject().ID
	link := func(linked, other string) {
		told := slices.ContainsFunc(links, func(have telephony.Event) bool { return have.Other.Native() == other })
		if linked != other && other != "" && !told {
			links = append(links, pbx.Link(e, id, linked, other))
		}
	}
	if said := p.subject().Vars[linkedID]; said != "" {
		if known := r.members[id]; known != nil && known.linked != said {
			link(said, known.linked)
			known.linked = strings.Clone(said)
		}
	}
	switch p.Type {
	case "ChannelEnteredBridge":
		for _, other := range r.bridges[p.Bridge.ID] {
			if m := r.members[other]; m != nil && m.waits == nil {
				link(p.linked, m.linked)
			}
		}
		r.enter(id, p.Bridge.ID)
	case "ChannelLeftBridge":
		r.leave(id)
	}
	return links
}

func (r *roster) enter(id, bridge string) {
	r.leave(id)
	if known := r.members[id]; known != nil && bridge != "" {
		known.bridge = strings.Clone(bridge)
		r.bridges[known.bridge] = append(r.bridges[known.bridge], strings.Clone(id))
	}
}

func (r *roster) leave(id string) {
	known := r.members[id]
	if known == nil || known.bridge == "" {
		return
	}
	is := func(other string) bool { return other == id }
	if r.bridges[known.bridge] = slices.DeleteFunc(r.bridges[known.bridge], is); len(r.bridges[known.bridge]) == 0 {
		delete(r.bridges, known.bridge)
	}
	known.bridge = ""
}
