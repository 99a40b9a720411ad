package asterisk

import (
	"slices"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// maxRoster bounds the channels that one session remembers. Asterisk machines
// carry a few thousand.
const maxRoster = 1 << 16

// member is a channel that is known to live.
type member struct {
	channel, linked, bridge string
	secret                  bool // its number must not be shown
}

// roster knows the live channels of one session: which call each belongs to,
// and which bridge each is in. It has one owner. See newRoster.
type roster struct {
	members map[string]member
	bridges map[string][]string // who is in which bridge, by Uniqueid
}

func newRoster() *roster {
	return &roster{members: make(map[string]member), bridges: make(map[string][]string)}
}

// trusts reports whether a message that was put together again is about a
// channel that is what it is said to be: known under that name, or new. For a
// genuine message that is always so.
func (r *roster) trusts(m Message) bool {
	if !m.Tampered {
		return true
	}
	for _, prefix := range []string{"", "Dest"} {
		uniqueid, channel := m.Get(prefix+"Uniqueid"), m.Get(prefix+"Channel")
		known, ok := r.members[uniqueid]
		switch {
		case uniqueid == "" || m.Kind() == "Status":
		case m.Kind() == "Newchannel" && ok, m.Kind() != "Newchannel" && ok && known.channel != channel:
			return false
		}
	}
	return true
}

// hides reports whether the number of the message's channel must not be shown.
func (r *roster) hides(m Message) bool {
	return m.Secret || r.members[m.Get("Uniqueid")].secret
}

// follow notes what a message says of channels, and returns the links that it
// shows between calls. There are two signs of one: a known channel changes to
// another Linkedid, and channels of two meet in one bridge. In a SIP attended
// transfer the latter comes at once, the former with the next event of that
// channel, which may be the last of the call. (Capture i2_attended_refer.)
func (r *roster) follow(m Message, e telephony.Event) []telephony.Event {
	var links []telephony.Event
	link := func(uniqueid, linked, other string) {
		told := slices.ContainsFunc(links, func(have telephony.Event) bool { return have.Other.Native() == other })
		if linked != other && !told {
			links = append(links, pbx.Link(e, uniqueid, linked, other))
		}
	}
	for _, prefix := range []string{"", "Dest"} {
		uniqueid, linked := m.Get(prefix+"Uniqueid"), m.Get(prefix+"Linkedid")
		if uniqueid == "" || linked == "" {
			continue
		}
		known, ok := r.members[uniqueid]
		if ok {
			link(uniqueid, linked, known.linked)
		}
		if len(r.members) < maxRoster || ok {
			known.channel, known.linked = strings.Clone(m.Get(prefix+"Channel")), strings.Clone(linked)
			known.secret = known.secret || (prefix == "" && m.Secret)
			r.members[uniqueid] = known
		}
	}
	uniqueid := m.Get("Uniqueid")
	switch m.Kind() {
	case "BridgeEnter":
		for _, other := range r.bridges[m.Get("BridgeUniqueid")] {
			link(uniqueid, m.Get("Linkedid"), r.members[other].linked)
		}
		r.enter(uniqueid, m.Get("BridgeUniqueid"))
	case "Status":
		r.enter(uniqueid, m.Get("BridgeID"))
	case "BridgeLeave":
		r.leave(uniqueid)
	case "Hangup":
		r.leave(uniqueid)
		delete(r.members, uniqueid)
	}
	return links
}

func (r *roster) enter(uniqueid, bridge string) {
	r.leave(uniqueid)
	if known, ok := r.members[uniqueid]; ok && bridge != "" {
		known.bridge = strings.Clone(bridge)
		r.members[uniqueid] = known
		r.bridges[known.bridge] = append(r.bridges[known.bridge], strings.Clone(uniqueid))
	}
}

func (r *roster) leave(uniqueid string) {
	known, ok := r.members[uniqueid]
	if !ok || known.bridge == "" {
		return
	}
	is := func(other string) bool { return other == uniqueid }
	if r.bridges[known.bridge] = slices.DeleteFunc(r.bridges[known.bridge], is); len(r.bridges[known.bridge]) == 0 {
		delete(r.bridges, known.bridge)
	}
	known.bridge = ""
	r.members[uniqueid] = known
}
