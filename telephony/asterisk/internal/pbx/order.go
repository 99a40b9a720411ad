package pbx

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// Ranks order events that carry the same time, in the way that they follow
// each other in the life of a call. They depend on the kind alone, so that two
// nodes that hear the same event agree. Those of one rank do not depend on each
// other.
var Ranks = map[telephony.Kind]uint64{
	telephony.LegStarted: 1, telephony.CallHint: 2, telephony.CallRecorded: 3, telephony.CallQueued: 4, telephony.LegDialled: 5,
	telephony.LegDialEnded: 6, telephony.CallLinked: 7, telephony.LegHeld: 7, telephony.LegBridged: 8, telephony.LegResumed: 8, telephony.LegHangupAsked: 9, telephony.LegUnbridged: 10,
	telephony.CallUnqueued: 11, telephony.CallVoicemail: 12, telephony.LegEnded: 13,
}

// HintNames are the variables of the dialplan that are hints.
var HintNames = map[string]string{
	"TB_DID": telephony.HintDID, "TB_DIR": telephony.HintDirection, "TB_AGENT": telephony.HintAgent,
}

// Digest is a hash of its parts, of 128 bits.
func Digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

const (
	// MaxValue bounds a name, number or hint in bytes.
	MaxValue = 256
	// MaxPath is PATH_MAX of Linux.
	MaxPath = 4096
)

// Bounded is the text, or the first limit bytes of it.
func Bounded(s string, limit int) string { return s[:min(len(s), limit)] }

// Facts are events of a snapshot, by call. Events must be made; Order is that in
// which the calls were added.
type Facts struct {
	Order  []telephony.CallID
	Events map[telephony.CallID][]telephony.Event
}

// Add adds an event, if it is a valid one.
func (f *Facts) Add(e telephony.Event) {
	if e.Validate() != nil {
		return
	}
	if _, ok := f.Events[e.Call]; !ok {
		f.Order = append(f.Order, e.Call)
	}
	f.Events[e.Call] = append(f.Events[e.Call], e)
}

// AddFound adds what was found of a channel that began then: all is an estimate, and
// what is not of its beginning is so now, at.
func (f *Facts) AddFound(call telephony.CallID, begun, at time.Time, found []telephony.Event) {
	for _, e := range found {
		e.Call, e.Time, e.Estimated = call, begun, true
		switch e.Kind { //nolint:exhaustive // the others are of the beginning
		case telephony.LegBridged, telephony.CallVoicemail, telephony.CallHint, telephony.CallRecorded:
			e.Time = at
		}
		e = Identified(e)
		e.Ordinal += foundAt(at.Sub(e.Time))
		f.Add(e)
	}
}

// AddGone ends the legs that were alive and are not listed, and links the calls
// of those that are listed under another one: listed has the Linkedid of each. Both
// are estimates: it happened somewhen before.
func (f *Facts) AddGone(before []telephony.LiveLeg, listed map[string]string, at time.Time) {
	for _, leg := range before {
		linked, alive := listed[leg.Leg]
		if alive && linked == leg.Call.Native() {
			continue
		}
		e := telephony.Event{
			Call: leg.Call, Kind: telephony.LegEnded, Leg: leg.Leg, Endpoint: leg.Endpoint, Side: leg.Side,
			Time: at, Estimated: true,
		}
		if alive {
			e.Kind, e.Other = telephony.CallLinked, Sibling(leg.Call, linked)
		}
		f.Add(Identified(e))
	}
}

// Identified gives a fact of a snapshot its identity: what it says of which
// leg, so that it is one fact however often it is seen.
func Identified(e telephony.Event) telephony.Event {
	e.ID = Digest(string(e.Call), e.Leg, string(e.Kind), e.Bridge, e.Name, e.Path, string(e.Other))
	e.Ordinal = Ranks[e.Kind]
	return e
}

// foundAt is what the ordinal of a fact gets besides its rank: how long after its
// time it was found. Of two findings of one fact the first one counts, since what
// is listed of a channel changes: a transfer gives it another number.
func foundAt(after time.Duration) uint64 {
	const ranksBelow = 16
	return ranksBelow * uint64(max(after.Milliseconds(), 0))
}

// Cut makes a value from the wire fit for use.
func Cut(s string) string { return telephony.StripControls(Bounded(s, MaxValue)) }

// Sibling is another call of the same phone system.
func Sibling(call telephony.CallID, native string) telephony.CallID {
	return telephony.CallID(call.Site() + "/" + call.Source() + "/" + native)
}

// Link tells that the call linked, which the channel is in from e on, and the
// call other are one.
func Link(e telephony.Event, uniqueid, linked, other string) telephony.Event {
	call := Sibling(e.Call, linked)
	return telephony.Event{
		ID: e.ID + "-link-" + uniqueid + "-" + other, Call: call, Other: Sibling(call, other), Kind: telephony.CallLinked,
		Time: e.Time, Ordinal: e.Ordinal, Leg: uniqueid,
	}
}
