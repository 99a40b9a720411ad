package asterisk

import (
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
)

// maxRoster bounds the channels that one session remembers. Asterisk machines
// carry a few thousand.
const maxRoster = 1 << 16

// member is a channel that is known to live.
type member struct {
	channel, linked string
	secret          bool // its number must not be shown
}

// roster knows the live channels of one session: which call each belongs to.
// It has one owner. See newRoster.
type roster struct{ members map[string]member }

func newRoster() *roster { return &roster{members: make(map[string]member)} }

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

// follow notes what a message says of channels, and returns the story of those
// that changed to another call: the end of their part in the old one and the
// beginning of it in the new one.
func (r *roster) follow(m Message, e telephony.Event) []telephony.Event {
	var moved []telephony.Event
	for _, prefix := range []string{"", "Dest"} {
		uniqueid, linked := m.Get(prefix+"Uniqueid"), m.Get(prefix+"Linkedid")
		if uniqueid == "" || linked == "" {
			continue
		}
		known, ok := r.members[uniqueid]
		if ok && known.linked != linked {
			moved = append(moved, moves(e, uniqueid, known, linked)...)
		}
		if len(r.members) < maxRoster || ok {
			secret := known.secret || (prefix == "" && m.Secret)
			r.members[uniqueid] = member{strings.Clone(m.Get(prefix + "Channel")), strings.Clone(linked), secret}
		}
	}
	if m.Kind() == "Hangup" {
		delete(r.members, m.Get("Uniqueid"))
	}
	return moved
}

// moves tells of a channel that was in the call known.linked and is in the
// call linked from e on. What e tells comes after it.
func moves(e telephony.Event, uniqueid string, known member, linked string) []telephony.Event {
	call := func(native string) telephony.CallID {
		return telephony.CallID(e.Call.Site() + "/" + e.Call.Source() + "/" + native)
	}
	out := telephony.Event{
		ID: e.ID + "-out-" + uniqueid, Call: call(known.linked), Kind: telephony.LegMoved, Time: e.Time,
		Ordinal: e.Ordinal, Leg: uniqueid, Endpoint: endpointOf(known.channel), Value: linked,
	}
	in := out
	in.ID, in.Call, in.Kind, in.Value = e.ID+"-in-"+uniqueid, call(linked), telephony.LegStarted, ""
	if e.Leg == uniqueid {
		out.Side, in.Side = e.Side, e.Side
	}
	return []telephony.Event{out, in}
}
