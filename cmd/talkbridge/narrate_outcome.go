package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/zendesk"
)

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
