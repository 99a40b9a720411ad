package ari

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// translator turns messages into events. It holds only what is configured; what it
// says of a message, and of the call that its channel is of, depends on nothing
// else.
type translator struct {
	site, source string
	trunks       []string
}

// translate says what a message of the call linked means: an event, or none if it
// says nothing.
func (t *translator) translate(m *message, linked string) (telephony.Event, bool, error) {
	e, ok := t.fact(m, linked)
	if !ok {
		return telephony.Event{}, false, nil
	}
	call, err := telephony.NewCallID(t.site, t.source, linked)
	if err != nil {
		return telephony.Event{}, false, fmt.Errorf("translate %s: %w", m.Type, err)
	}
	e.Call, e.Time, e.Ordinal = call, m.at, pbx.Ranks[e.Kind]
	if e.Status == telephony.DialCancel {
		e.Ordinal++ // a queue reports a refused leg twice in a millisecond, noanswer and then cancel
	}
	e.ID = pbx.Digest(t.site, t.source, m.identity())
	e.Raw = raw(m, e)
	return e, true, e.Validate()
}

// fact says what a message reports, without its identity.
func (t *translator) fact(m *message, linked string) (telephony.Event, bool) {
	switch m.Type {
	case "ChannelCreated":
		return t.started(m.Channel, linked, m.hidden), true
	case "Dial":
		return t.dial(m)
	case "ChannelEnteredBridge":
		return t.bridged(telephony.LegBridged, m), !m.Bridge.holding()
	case "ChannelLeftBridge":
		return t.bridged(telephony.LegUnbridged, m), !m.Bridge.holding()
	case "ChannelHold":
		return t.leg(telephony.LegHeld, m.Channel), true
	case "ChannelUnhold":
		return t.leg(telephony.LegResumed, m.Channel), true
	case "ChannelHangupRequest":
		e := t.leg(telephony.LegHangupAsked, m.Channel)
		e.Cause = cause(m)
		return e, !m.Soft
	case "ChannelDestroyed":
		e := t.leg(telephony.LegEnded, m.Channel)
		e.Cause = cause(m)
		return e, true
	case "ChannelDialplan":
		name, queued := queueOf(m.App, m.Data)
		return telephony.Event{Kind: telephony.CallQueued, Leg: m.Channel.ID, Name: name}, queued
	case "ChannelVarset":
		return variable(m.Channel.ID, m.Variable, m.Value, m.Channel.ID == linked)
	}
	return telephony.Event{}, false
}

// leg begins an event of a channel.
func (t *translator) leg(kind telephony.Kind, c *channel) telephony.Event {
	endpoint := pbx.Endpoint(pbx.Bounded(c.Name, pbx.MaxValue))
	return telephony.Event{Kind: kind, Leg: c.ID, Endpoint: endpoint, Side: pbx.Side(endpoint, t.trunks)}
}

func (t *translator) started(c *channel, linked string, hidden bool) telephony.Event {
	e := t.leg(telephony.LegStarted, c)
	e.First = c.ID == linked
	if p := t.partyOf(c, hidden); e.First || !p.Withheld {
		e.Party = p // a leg that is rung may have no caller id yet: nobody withholds it
	}
	if e.First {
		e.Dialled = pbx.Cut(c.Dialplan.Exten)
	}
	return e
}

// dial reports that a leg is rung, or how that came to its end. Of a line to the
// outside it says which number was asked for (the caller id of the line would still
// have the access digit) and what the other side is shown.
func (t *translator) dial(m *message) (telephony.Event, bool) {
	switch m.DialStatus {
	case "":
	case "RINGING", "PROGRESS", "PROCEEDING":
		return telephony.Event{}, false
	default:
		e := t.leg(telephony.LegDialEnded, m.Peer)
		e.Status = telephony.DialStatus(strings.ToLower(pbx.Bounded(m.DialStatus, 32)))
		return e, true
	}
	e := t.leg(telephony.LegDialled, m.Peer)
	if m.Caller != nil {
		e.Peer = m.Caller.ID
	}
	if e.Side == telephony.SideTrunk {
		e.Dialled = pbx.DialledNumber(pbx.Bounded(m.DialString, pbx.MaxValue))
		if m.Caller != nil {
			e.Party = t.partyOf(m.Caller, m.hidden)
		}
	}
	return e, true
}

func (t *translator) bridged(kind telephony.Kind, m *message) telephony.Event {
	e := t.leg(kind, m.Channel)
	e.Bridge = m.Bridge.ID
	return e
}

// variable reads the few variables that say something of the call. Channels inherit
// them and report them again; the hints of the first one count.
func variable(leg, name, value string, first bool) (telephony.Event, bool) {
	name = strings.TrimLeft(name, "_")
	value = telephony.StripControls(pbx.Bounded(value, pbx.MaxPath))
	if value == "" {
		return telephony.Event{}, false
	}
	e := telephony.Event{Leg: leg}
	switch name {
	case "MIXMONITOR_FILENAME":
		e.Kind, e.Path = telephony.CallRecorded, value
	case "VM_MESSAGEFILE":
		e.Kind, e.Path = telephony.CallVoicemail, value
	default:
		hint, known := pbx.HintNames[name]
		e.Kind, e.Name, e.Value = telephony.CallHint, hint, pbx.Bounded(value, pbx.MaxValue)
		return e, known && first
	}
	return e, true
}

// partyOf is the caller id of a channel, as far as it may be shown. Where none is
// known ARI writes nothing.
func (t *translator) partyOf(c *channel, hidden bool) telephony.Party {
	if hidden || t.hides(c) {
		return telephony.Party{Withheld: true}
	}
	p := pbx.Party(pbx.Bounded(c.Caller.Number, pbx.MaxValue), pbx.Bounded(c.Caller.Name, pbx.MaxValue))
	p.Withheld = p.Withheld || p.Number == ""
	return p
}

// hides reports whether a channel's own variables say that its number must not be
// shown. Only who calls from outside asks for that.
func (t *translator) hides(c *channel) bool {
	return t.sideOf(c) == telephony.SideTrunk && secretPresentation(c.Vars[presentation])
}

func (t *translator) sideOf(c *channel) telephony.Side { return t.leg("", c).Side }

// cause is the Q.850 cause; 0 if Asterisk gives none.
func cause(m *message) int {
	if m.Cause < 0 || m.Cause > 127 {
		return 0
	}
	return m.Cause
}

// raw is what an event keeps of its message, so that a story can be told anew after
// a mistake of ours. Numbers are kept only where the party is not withheld.
func raw(m *message, e telephony.Event) map[string]string {
	kept := make(map[string]string, 12)
	keep := func(key, value string) {
		if value != "" {
			kept[key] = pbx.Cut(value)
		}
	}
	c := m.subject()
	for _, field := range [][2]string{
		{"Event", m.Type},
		{"Timestamp", m.Timestamp},
		{"Channel", c.Name},
		{"ChannelStateDesc", c.State},
		{"Context", c.Dialplan.Context},
		{"Exten", c.Dialplan.Exten},
		{"Uniqueid", c.ID},
		{"Linkedid", c.Vars[linkedID]},
		{"DialString", m.DialString},
		{"DialStatus", m.DialStatus},
		{"Variable", m.Variable},
	} {
		keep(field[0], field[1])
	}
	if m.Bridge != nil {
		keep("BridgeUniqueid", m.Bridge.ID)
		keep("BridgeNumChannels", strconv.Itoa(len(m.Bridge.Channels)))
	}
	if m.Cause != 0 {
		keep("Cause", strconv.Itoa(m.Cause))
	}
	if e.Party.Number != "" {
		kept["CallerIDNum"], kept["CallerIDName"] = e.Party.Number, e.Party.Name
	}
	return kept
}
