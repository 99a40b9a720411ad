package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
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

// outcome is what talkbridge did, in words.
func (n *narrator) outcome(e bridge.Entry) storyLine {
	o := e.Outcome
	line := storyLine{At: o.Time, Who: byAnswer, Seq: e.Seq}
	tell, known := map[bridge.OutcomeKind]func(*bridge.Outcome, *storyLine){
		bridge.CallerKnown: n.callerKnown, bridge.CallerDropped: n.callerDropped,
		bridge.DialIntended: n.dialIntended, bridge.DialDone: n.dialDone, bridge.DialFailed: n.dialFailed,
		bridge.Matched: n.matched, bridge.Attached: n.attached, bridge.Intended: n.intended, bridge.Done: n.done,
		bridge.Freed: n.freed, bridge.Unknown: n.unknown, bridge.Popped: n.popped, bridge.AudioKept: n.audioKept, bridge.Transcribed: n.transcribed,
		bridge.Parked: n.parked, bridge.GivenUp: n.givenUp, bridge.Retried: n.retried, bridge.TicketClosed: n.closed, bridge.TicketGone: n.gone, bridge.Duplicate: n.duplicate,
	}[o.Kind]
	if known {
		tell(o, &line)
	} else {
		line.Text = strings.TrimSpace(string(o.Kind) + " " + o.Reason)
	}
	return line
}

func (n *narrator) callerKnown(o *bridge.Outcome, l *storyLine) {
	how := map[string]string{
		"direct": "by the user's own number", "shared": "by a number that users share", "field": "by a number in the user field for further ones", "external_id": "made by talkbridge before",
		"created": "nobody had the number, so the user was made", "given": "whoever placed the call named him", "placeholder": "who stands for callers without a number",
	}
	l.Who, l.Text = byDecision, fmt.Sprintf("the customer is user %d", o.User)
	if words, known := how[o.How]; known {
		l.Text += ": " + words
	}
	if len(o.Candidates) > 0 {
		l.Text += fmt.Sprintf("; %d users share the number, and the ticket names them", len(o.Candidates))
	}
}

func (n *narrator) callerDropped(o *bridge.Outcome, l *storyLine) {
	l.Tone, l.Text = bad, fmt.Sprintf("zendesk refuses user %d as the requester (%s); the caller is looked for anew", o.User, o.Reason)
}

func (n *narrator) matched(o *bridge.Outcome, l *storyLine) {
	l.Who, l.Text = byDecision, "it goes onto no ticket that is there: "+o.Reason
	if o.Ticket != 0 {
		l.Text = fmt.Sprintf("if it comes to need a ticket, it goes onto #%d: %s", o.Ticket, o.Reason)
	}
}

func (n *narrator) attached(o *bridge.Outcome, l *storyLine) {
	l.Who, l.Tone, l.Text = byDecision, good, fmt.Sprintf("it is attached to ticket #%d, which was there", o.Ticket)
}

// sentTicket is what a reader wants to know of a request.
type sentTicket struct {
	Ticket zendesk.TicketFields `json:"ticket"`
	// DisplayToAgent is a create's.
	DisplayToAgent int64 `json:"display_to_agent"`
}

func (n *narrator) intended(o *bridge.Outcome, l *storyLine) {
	l.Who, l.Request = bySent, o.Request
	if o.Step == bridge.StepComplete && o.App != 0 {
		l.Text = recordWords(o)
		return
	}
	var sent sentTicket
	_ = json.Unmarshal(o.Request, &sent)        // what cannot be read is shown by --requests
	_ = json.Unmarshal(o.Request, &sent.Ticket) // an update has its fields outside
	t := sent.Ticket
	var words []string
	if o.Step == bridge.StepCreate {
		l.Text = "POST a voice ticket because " + o.Reason
		words = append(words, fmt.Sprintf("%q", t.Subject), viaWords(t.ViaID), fmt.Sprintf("requester %d", t.RequesterID))
	} else {
		l.Text = fmt.Sprintf("PUT ticket #%d because %s", o.Ticket, o.Reason)
	}
	if t.AssigneeID != 0 {
		words = append(words, "assignee "+n.agentName(t.AssigneeID))
	}
	if t.VoiceComment != nil {
		words = append(words, "with the voice data and a player")
	} else if t.Comment != nil {
		words = append(words, "with a private comment")
	}
	if sent.DisplayToAgent != 0 {
		words = append(words, "and its page for "+n.agentName(sent.DisplayToAgent))
	}
	if len(words) > 0 {
		l.Text += ": " + strings.Join(words, ", ")
	}
}

// recordWords are those for a call record that is sent.
func recordWords(o *bridge.Outcome) string {
	if o.CallRecord == 0 {
		return fmt.Sprintf("POST a call record, shown on ticket #%d, because %s", o.Ticket, o.Reason)
	}
	return fmt.Sprintf("PATCH call record %d and show it once more on ticket #%d because %s", o.CallRecord, o.Ticket, o.Reason)
}

func viaWords(via zendesk.ViaID) string {
	names := map[zendesk.ViaID]string{zendesk.ViaInbound: "inbound call", zendesk.ViaOutbound: "outbound call", zendesk.ViaVoicemail: "voicemail"}
	return fmt.Sprintf("via %d (%s)", via, names[via])
}

// meet learns the Zendesk ids of the agents: from the directory, and, for those
// whom nobody has asked Zendesk for yet, from the pages that they were shown.
func (n *narrator) meet(entries []bridge.Entry) {
	for _, e := range entries {
		if e.Outcome == nil || e.Outcome.Pop == nil {
			continue
		}
		_, leg, _ := strings.Cut(e.Outcome.Want, "/")
		if agent, found := n.desk.directory.Lookup(n.legs[leg].Phone()); found {
			n.agents[e.Outcome.Pop.Agent] = agent.Name
		}
	}
	for _, a := range n.desk.directory.Agents() {
		if a.ZendeskID != 0 {
			n.agents[a.ZendeskID] = a.Name
		}
	}
}

// agentName is an agent by the Zendesk id.
func (n *narrator) agentName(id int64) string {
	if name, known := n.agents[id]; known {
		return name
	}
	return fmt.Sprintf("user %d", id)
}

// took is how long an exchange took, for people.
func took(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000)
}

func (n *narrator) done(o *bridge.Outcome, l *storyLine) {
	l.Tone = good
	switch {
	case o.Step == bridge.StepLookup:
		l.Text = "looked up: " + o.Reason
		return
	case o.Step == bridge.StepCreate && o.Took == 0:
		l.Text = fmt.Sprintf("ticket #%d is there: %s", o.Ticket, o.Reason)
	case o.Step == bridge.StepCreate:
		l.Text = fmt.Sprintf("ticket #%d is made, answered after %s", o.Ticket, took(o.Took))
	case o.CallRecord != 0 && o.Took == 0:
		l.Text = fmt.Sprintf("ticket #%d shows call record %d: %s", o.Ticket, o.CallRecord, o.Reason)
	case o.CallRecord != 0:
		l.Text = fmt.Sprintf("ticket #%d shows call record %d, answered after %s", o.Ticket, o.CallRecord, took(o.Took))
	case o.Took == 0:
		l.Text = fmt.Sprintf("ticket #%d has it: %s", o.Ticket, o.Reason)
	default:
		l.Text = fmt.Sprintf("ticket #%d is updated, answered after %s", o.Ticket, took(o.Took))
	}
	if o.Pop != nil {
		l.Text += "; page: " + n.popWords(o.Pop)
	}
}

func (n *narrator) popWords(p *screenpop.Outcome) string {
	what := fmt.Sprintf("ticket #%d", p.Ticket)
	if p.Ticket == 0 {
		what = fmt.Sprintf("user %d", p.User)
	}
	if p.Ticket == 0 && p.User == 0 {
		what = "no page"
	}
	text := fmt.Sprintf("%s for %s: %s, %s after its moment", what, n.agentName(p.Agent), p.Result, took(p.Latency))
	if p.Err != "" {
		text += " (" + p.Err + ")"
	}
	return text
}

func (n *narrator) popped(o *bridge.Outcome, l *storyLine) {
	if o.Pop == nil {
		return
	}
	l.Text, l.Tone = "page: "+n.popWords(o.Pop), good
	if o.Reason != "" {
		l.Text += ", because " + o.Reason
	}
	if o.Pop.Result != screenpop.Accepted {
		l.Tone = bad
	}
}

func (n *narrator) freed(o *bridge.Outcome, l *storyLine) {
	l.Tone, l.Text = bad, "it did not happen: "+o.Reason
	switch {
	case o.Bare:
		l.Text += "; tried again without the agent's id"
	case !o.NotBefore.IsZero():
		l.Text += fmt.Sprintf("; tried again %s later", max(0, o.NotBefore.Sub(o.Time)).Round(100*time.Millisecond))
	}
}

func (n *narrator) unknown(o *bridge.Outcome, l *storyLine) {
	l.Tone, l.Text = bad, "whether it happened is not known, so it is looked up before it is tried again: "+o.Reason
}

func (n *narrator) audioKept(o *bridge.Outcome, l *storyLine) {
	l.Who = byDecision
	what := "message"
	if o.Step == bridge.StepRecording {
		what = "recording"
	}
	switch {
	case o.Audio == nil:
	case o.Audio.Refused != "":
		l.Tone, l.Text = bad, "the "+what+" is not kept: "+o.Audio.Refused
	case o.Audio.URL == "":
		l.Text = "nothing was recorded"
	default:
		l.Tone, l.Text = good, fmt.Sprintf("the %s is kept, %d s", what, o.Audio.Seconds)
	}
}

func (n *narrator) transcribed(o *bridge.Outcome, l *storyLine) {
	l.Who, l.Tone = byDecision, good
	switch t := o.Transcript; {
	case t == nil:
	case t.Refused != "":
		l.Tone, l.Text = bad, "it is not put into words: "+t.Refused
	case t.Text == "":
		l.Text = "nothing is said in it, after " + took(o.Took)
	default:
		l.Text = fmt.Sprintf("it is put into words, %s, after %s", plural(len(strings.Fields(t.Text)), "word"), took(o.Took))
	}
}

func (n *narrator) parked(o *bridge.Outcome, l *storyLine) {
	l.Tone, l.Text = bad, "parked, a person must act: "+stepWords(o.Step)+": "+o.Reason
}

func (n *narrator) givenUp(o *bridge.Outcome, l *storyLine) {
	l.Tone, l.Text = bad, "given up: "+o.Reason
}

func (n *narrator) retried(_ *bridge.Outcome, l *storyLine) {
	l.Who, l.Text = byPerson, "asks for another try of what is parked"
}

func (n *narrator) closed(o *bridge.Outcome, l *storyLine) {
	l.Tone, l.Text = bad, fmt.Sprintf("ticket #%d takes no update (%s): a new one follows it", o.Ticket, o.Reason)
}

func (n *narrator) gone(o *bridge.Outcome, l *storyLine) {
	l.Tone, l.Text = bad, fmt.Sprintf("ticket #%d was deleted by a person: nothing more is done", o.Ticket)
}

func (n *narrator) duplicate(o *bridge.Outcome, l *storyLine) {
	l.Tone, l.Text = bad, fmt.Sprintf("more than one ticket: %s; #%d is the older one and wins", ticketList(o.Tickets), o.Ticket)
}
