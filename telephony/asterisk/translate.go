package asterisk

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// translator turns messages into events. It holds only what is configured and
// the name of the connection; what it says of a message depends on nothing
// else.
type translator struct {
	site, source string
	trunks       []string
	node, conn   string
}

// translate says what a message means: an event, or none if it says nothing
// of a call. The ordinal is the message's number in its connection; it counts
// only where Asterisk gives no timestamps.
func (t *translator) translate(m Message, ordinal uint64) (telephony.Event, bool, error) {
	e, ok := t.fact(m)
	if !ok {
		return telephony.Event{}, false, nil
	}
	linked := cmp.Or(m.Get("Linkedid"), m.Get("DestLinkedid"))
	call, err := telephony.NewCallID(t.site, t.source, linked)
	if err != nil {
		return telephony.Event{}, false, fmt.Errorf("translate %s: %w", m.Kind(), err)
	}
	e.Call = call
	if err := t.identify(&e, m, ordinal); err != nil {
		return telephony.Event{}, false, fmt.Errorf("translate %s: %w", m.Kind(), err)
	}
	e.Raw = raw(m, e)
	return e, true, e.Validate()
}

// identify gives the event its identity, its time and its place among others
// of that time. With the PBX's own time the identity is the hash of the raw
// event, so that two nodes which hear it make one entry of it.
func (t *translator) identify(e *telephony.Event, m Message, ordinal uint64) error {
	stamp := m.Get("Timestamp")
	if stamp == "" {
		e.Time, e.Ordinal = m.Received.UTC(), ordinal
		e.ID = fmt.Sprintf("%s-%s-%d", t.node, t.conn, ordinal)
		return nil
	}
	at, err := parseTimestamp(stamp)
	if err != nil {
		return err
	}
	e.Time, e.Ordinal = at, pbx.Ranks[e.Kind]
	e.ID = pbx.Digest(t.site, t.source, m.Raw)
	return nil
}

// parseTimestamp reads Asterisk's "1795309909.146786": seconds and
// microseconds since 1970.
func parseTimestamp(s string) (time.Time, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}, fmt.Errorf("timestamp %q is not seconds since 1970", s)
	}
	var micros uint64
	if fraction != "" {
		if micros, err = strconv.ParseUint((fraction + "000000")[:6], 10, 32); err != nil {
			return time.Time{}, fmt.Errorf("timestamp %q is not seconds since 1970", s)
		}
	}
	return time.Unix(seconds, int64(micros)*1000).UTC(), nil
}

// fact says what a message reports, without its identity.
func (t *translator) fact(m Message) (telephony.Event, bool) {
	switch m.Kind() {
	case "Newchannel":
		return t.started(m), true
	case "DialBegin":
		return t.dialled(m), true
	case "DialEnd":
		e := t.leg(telephony.LegDialEnded, m, "Dest")
		e.Status = telephony.DialStatus(strings.ToLower(pbx.Bounded(m.Get("DialStatus"), 32)))
		return e, true
	case "BridgeEnter":
		return t.bridged(telephony.LegBridged, m), !isHolding(m)
	case "BridgeLeave":
		return t.bridged(telephony.LegUnbridged, m), !isHolding(m)
	case "Hold":
		return t.leg(telephony.LegHeld, m, ""), true
	case "Unhold":
		return t.leg(telephony.LegResumed, m, ""), true
	case "QueueCallerJoin":
		return queued(telephony.CallQueued, m), true
	case "QueueCallerLeave":
		return queued(telephony.CallUnqueued, m), true
	case "HangupRequest":
		e := t.leg(telephony.LegHangupAsked, m, "")
		e.Cause = cause(m)
		return e, true
	case "Hangup":
		e := t.leg(telephony.LegEnded, m, "")
		e.Cause = cause(m)
		return e, true
	case "VarSet":
		return t.variable(m)
	}
	return telephony.Event{}, false
}

// leg begins an event of the channel whose headers have that prefix.
func (t *translator) leg(kind telephony.Kind, m Message, prefix string) telephony.Event {
	endpoint := pbx.Endpoint(pbx.Bounded(m.Get(prefix+"Channel"), pbx.MaxValue))
	return telephony.Event{
		Kind: kind, Leg: m.Get(prefix + "Uniqueid"), Endpoint: endpoint, Side: pbx.Side(endpoint, t.trunks),
	}
}

func (t *translator) started(m Message) telephony.Event {
	e := t.leg(telephony.LegStarted, m, "")
	e.First = m.Get("Uniqueid") == m.Get("Linkedid")
	if p := partyOf(m); e.First || !p.Withheld {
		e.Party = p // a leg that is rung may have no caller id yet: nobody withholds it
	}
	if e.First {
		e.Dialled = telephony.StripControls(pbx.Bounded(m.Get("Exten"), pbx.MaxValue))
	}
	return e
}

// dialled reports that a leg is rung. For a line to the outside it says which
// number was asked for (DestCallerIDNum would still have the access digit) and
// what the other side is shown.
func (t *translator) dialled(m Message) telephony.Event {
	e := t.leg(telephony.LegDialled, m, "Dest")
	e.Peer = m.Get("Uniqueid")
	if e.Side == telephony.SideTrunk {
		e.Dialled = pbx.DialledNumber(pbx.Bounded(m.Get("DialString"), pbx.MaxValue))
		if e.Peer != "" {
			e.Party = partyOf(m)
		}
	}
	return e
}

func (t *translator) bridged(kind telephony.Kind, m Message) telephony.Event {
	e := t.leg(kind, m, "")
	e.Bridge = m.Get("BridgeUniqueid")
	return e
}

// isHolding reports whether a bridge only keeps its channels waiting, as that of
// a car park does: they do not hear each other.
func isHolding(m Message) bool { return m.Get("BridgeTechnology") == "holding_bridge" }

// queued says where in a queue the caller joins or leaves it. QueueCallerAbandon
// says the same once more, just before he leaves: one message more for each.
func queued(kind telephony.Kind, m Message) telephony.Event {
	e := telephony.Event{Kind: kind, Leg: m.Get("Uniqueid"), Name: telephony.StripControls(pbx.Bounded(m.Get("Queue"), pbx.MaxValue))}
	if at, err := strconv.ParseUint(m.Get("Position"), 10, 16); err == nil {
		e.Position = int(at)
	}
	return e
}

// variable reads the few variables that say something of the call. Channels
// inherit them and report them again; the hints of the first one count.
func (t *translator) variable(m Message) (telephony.Event, bool) {
	name := strings.TrimLeft(m.Get("Variable"), "_")
	value := telephony.StripControls(pbx.Bounded(m.Get("Value"), pbx.MaxPath))
	if value == "" {
		return telephony.Event{}, false
	}
	e := telephony.Event{Leg: m.Get("Uniqueid")}
	switch name {
	case "MIXMONITOR_FILENAME":
		e.Kind, e.Path = telephony.CallRecorded, value
	case "VM_MESSAGEFILE":
		e.Kind, e.Path = telephony.CallVoicemail, value
	case "TB_DID", "TB_DIR", "TB_AGENT":
		if m.Get("Uniqueid") != m.Get("Linkedid") {
			return telephony.Event{}, false
		}
		e.Kind, e.Name, e.Value = telephony.CallHint, pbx.HintNames[name], pbx.Bounded(value, pbx.MaxValue)
	default:
		return telephony.Event{}, false
	}
	return e, true
}

// partyOf is the caller id of a message's channel, as far as it may be shown.
func partyOf(m Message) telephony.Party {
	if m.Tampered || m.Secret {
		return telephony.Party{Withheld: true}
	}
	return party(pbx.Bounded(m.Get("CallerIDNum"), pbx.MaxValue), pbx.Bounded(m.Get("CallerIDName"), pbx.MaxValue))
}

// cause is the Q.850 cause; 0 if Asterisk gives none.
func cause(m Message) int {
	n, err := strconv.Atoi(m.Get("Cause"))
	if err != nil || n < 0 || n > 127 {
		return 0
	}
	return n
}

// rawKeys are the headers that an event keeps, so that a story can be told
// anew after a mistake of ours.
var rawKeys = []string{
	"Event", "Timestamp", "Channel", "ChannelStateDesc", "Context", "Exten", "Uniqueid", "Linkedid", "DestChannel",
	"DestUniqueid", "DialString", "DialStatus", "BridgeUniqueid", "BridgeNumChannels", "Cause", "Cause-txt", "TechCause", "Variable",
}

// raw picks the headers to keep. Numbers are kept only where the party is not
// withheld.
func raw(m Message, e telephony.Event) map[string]string {
	kept := make(map[string]string, 12)
	for _, key := range rawKeys {
		if v := m.Get(key); v != "" {
			kept[key] = telephony.StripControls(pbx.Bounded(v, pbx.MaxValue))
		}
	}
	if e.Party.Number != "" {
		kept["CallerIDNum"], kept["CallerIDName"] = e.Party.Number, m.Get("CallerIDName")
	}
	return kept
}
