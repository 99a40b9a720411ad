package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
)

// narrator puts events and outcomes of one call into words. It has one owner.
type narrator struct {
	desk   *desk
	view   bridge.View
	behind time.Duration
	legs   map[string]telephony.Leg
	agents map[int64]string // names by Zendesk id
	// bridges are the legs that are in each, as the story goes on.
	bridges map[string][]string
	asked   bool // somebody asked for the end
	joined  map[telephony.CallID]bool
	holding map[string]bool // the legs that have the other side wait
}

// person is who is at a leg.
func (n *narrator) person(leg, endpoint string) string {
	l, known := n.legs[leg]
	if known && (endpoint == "" || l.Inside) {
		endpoint = l.Phone()
	}
	if known && l.Side == telephony.SideTrunk && !l.Inside {
		if n.view.State.Direction == telephony.Inbound && l.First {
			return "the caller"
		}
		return "the other side"
	}
	if endpoint == "" {
		return "a channel"
	}
	if agent, found := n.desk.directory.Lookup(endpoint); found {
		return agent.Name + " (" + endpoint + ")"
	}
	return endpoint
}

// event is an event in words, "" for one that says nothing to a reader.
func (n *narrator) event(e telephony.Event) (text, tone string) {
	tell, known := map[telephony.Kind]func(telephony.Event) (string, string){
		telephony.LegStarted: n.started, telephony.LegDialled: n.dialled, telephony.LegDialEnded: n.dialEnded,
		telephony.LegBridged: n.bridged, telephony.LegUnbridged: n.unbridged, telephony.LegHangupAsked: n.hangupAsked,
		telephony.LegEnded: n.ended, telephony.CallHint: n.hint, telephony.CallRecorded: n.recorded, telephony.CallVoicemail: n.voicemail,
		telephony.CallQueued: n.queued, telephony.CallUnqueued: n.unqueued, telephony.CallLinked: n.linked,
		telephony.LegHeld: n.held, telephony.LegResumed: n.resumed,
		telephony.CallRingEnded: n.ringEnded, telephony.CallForwarded: n.forwarded, telephony.CallEnded: n.callEnded,
	}[e.Kind]
	if known {
		return tell(e)
	}
	return strings.TrimSpace(string(e.Kind) + " " + n.person(e.Leg, e.Endpoint) + " " + e.Name + " " + e.Value), ""
}

func (n *narrator) started(e telephony.Event) (string, string) {
	switch {
	case e.Side == telephony.SideHelper:
		return "", ""
	case e.Estimated:
		return n.person(e.Leg, e.Endpoint) + " is found in the call: its beginning was not heard", ""
	case !e.First:
		return "", "" // its dialling says more
	case e.Side == telephony.SideTrunk:
		return fmt.Sprintf("a call from %s for %s comes in on %s", n.party(e.Party), n.party(telephony.Party{Number: e.Dialled}), e.Endpoint), ""
	case e.Dialled == e.Endpoint:
		return "", "" // the phone system rings it, which is told
	}
	return fmt.Sprintf("%s dials %s", n.person(e.Leg, e.Endpoint), e.Dialled), ""
}

func (n *narrator) dialled(e telephony.Event) (string, string) {
	if e.Side == telephony.SideTrunk && !n.legs[e.Leg].Inside {
		if e.Dialled == "" {
			return "the other side is dialled", ""
		}
		return "the other side is dialled: " + n.party(telephony.Party{Number: e.Dialled}), ""
	}
	if e.Side == telephony.SideHelper {
		return "", "" // the phone behind it is told of
	}
	return "the phone of " + n.person(e.Leg, e.Endpoint) + " rings", ""
}

func (n *narrator) dialEnded(e telephony.Event) (string, string) {
	words := map[telephony.DialStatus]string{
		telephony.DialAnswer: "answers", telephony.DialBusy: "is busy", telephony.DialNoAnswer: "does not answer",
		telephony.DialCancel: "is not rung any more", telephony.DialCongestion: "cannot be reached: congestion",
		telephony.DialUnavailable: "cannot be reached: not registered, or unknown",
	}
	if n.legs[e.Leg].Side == telephony.SideHelper {
		return "", ""
	}
	word, known := words[e.Status]
	if !known {
		word = "stops ringing: " + string(e.Status)
	}
	return n.person(e.Leg, e.Endpoint) + " " + word, ""
}

func (n *narrator) bridged(e telephony.Event) (string, string) {
	inside := n.bridges[e.Bridge]
	if slices.Contains(inside, e.Leg) {
		return "", ""
	}
	n.bridges[e.Bridge] = append(inside, e.Leg)
	if n.legs[e.Leg].Side == telephony.SideHelper {
		return "", ""
	}
	var others []string
	for _, leg := range inside {
		if n.legs[leg].Side != telephony.SideHelper {
			others = append(others, n.person(leg, ""))
		}
	}
	if len(others) == 0 {
		return "", ""
	}
	return fmt.Sprintf("%s and %s are connected", strings.Join(others, ", "), n.person(e.Leg, e.Endpoint)), ""
}

func (n *narrator) unbridged(e telephony.Event) (string, string) {
	n.bridges[e.Bridge] = slices.DeleteFunc(slices.Clone(n.bridges[e.Bridge]), func(leg string) bool { return leg == e.Leg })
	if l := n.legs[e.Leg]; n.asked || l.Side == telephony.SideHelper || (!l.EndedAt.IsZero() && l.EndedAt.Sub(e.Time).Abs() < time.Second) {
		return "", "" // the end says more
	}
	return n.person(e.Leg, e.Endpoint) + " is not connected any more", ""
}

func (n *narrator) held(e telephony.Event) (string, string) {
	n.holding[e.Leg] = true
	return n.person(e.Leg, e.Endpoint) + " puts the call on hold", ""
}

func (n *narrator) resumed(e telephony.Event) (string, string) {
	if !n.holding[e.Leg] {
		return "", "" // phones say so at a transfer, too
	}
	delete(n.holding, e.Leg)
	return n.person(e.Leg, e.Endpoint) + " takes the call off hold", ""
}

func (n *narrator) hangupAsked(e telephony.Event) (string, string) {
	if n.legs[e.Leg].Side == telephony.SideHelper {
		return "", ""
	}
	n.asked = true
	return n.person(e.Leg, e.Endpoint) + " hangs up", ""
}

func (n *narrator) ended(e telephony.Event) (string, string) {
	last := n.view.State.Ended() && e.Time.Equal(n.view.State.EndedAt)
	switch {
	case e.Estimated:
		return n.person(e.Leg, e.Endpoint) + " is gone: nobody heard the end, its time is estimated", ""
	case last:
		return "the call is over" + causeWords(e.Cause), ""
	}
	return "", ""
}

// causeWords says how a call ended, where that is not the ordinary way. The
// numbers are those of Q.850.
func causeWords(cause int) string {
	words := map[int]string{
		1: "unallocated number", 17: "busy", 18: "no response", 19: "no answer", 20: "not registered", 21: "rejected",
		27: "destination out of order", 28: "invalid number", 34: "no channel available", 38: "network out of order", 127: "interworking",
	}
	if cause == 0 || cause == 16 {
		return ""
	}
	if w, known := words[cause]; known {
		return fmt.Sprintf(" (cause %d: %s)", cause, w)
	}
	return fmt.Sprintf(" (cause %d)", cause)
}

func (n *narrator) hint(e telephony.Event) (string, string) {
	switch e.Name {
	case telephony.HintTranscript:
		return "the phone system tells what was said", ""
	case telephony.HintGaveUp:
		return "the phone system says that the caller gave up", ""
	case telephony.HintTurnedAway:
		return "the phone system is done with the caller: nobody took the call", ""
	case telephony.HintTaken:
		return fmt.Sprintf("the phone system says that somebody took the call after %s s, and not who", e.Value), ""
	}
	return fmt.Sprintf("the dialplan says: %s is %s", e.Name, e.Value), ""
}

func (n *narrator) recorded(e telephony.Event) (string, string) {
	return "it is recorded to " + e.Path, ""
}

func (n *narrator) voicemail(e telephony.Event) (string, string) {
	return "the caller leaves a message: " + e.Path, ""
}

func (n *narrator) queued(e telephony.Event) (string, string) {
	return "the caller waits in the queue " + e.Name + place(e), ""
}

func (n *narrator) unqueued(e telephony.Event) (string, string) {
	return "the caller leaves the queue " + e.Name + place(e), ""
}

func place(e telephony.Event) string {
	if e.Position == 0 {
		return ""
	}
	return fmt.Sprintf(" at place %d", e.Position)
}

// linked stands in the stories of both calls, and is told once.
func (n *narrator) linked(e telephony.Event) (string, string) {
	if n.joined[e.Other] && n.joined[e.Call] {
		return "", ""
	}
	n.joined[e.Other], n.joined[e.Call] = true, true
	return fmt.Sprintf("%s and %s become one call", e.Call, e.Other), ""
}

// ringEnded says nothing that the answer does not.
func (n *narrator) ringEnded(telephony.Event) (string, string) { return "", "" }

func (n *narrator) forwarded(telephony.Event) (string, string) {
	return "the call is forwarded, and goes on as another", ""
}

func (n *narrator) callEnded(e telephony.Event) (string, string) {
	words := map[telephony.DialStatus]string{
		telephony.DialBusy: ": busy", telephony.DialNoAnswer: ": nobody answers", telephony.DialCancel: ": the caller gives up",
		telephony.DialCongestion: ": congestion", telephony.DialUnavailable: ": cannot be reached",
	}
	return "the call is over" + words[e.Status], ""
}
