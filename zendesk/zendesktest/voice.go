package zendesktest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Via ids, from Zendesk's "Via object reference".
const (
	viaWeb         = 0
	viaAPI         = 5
	viaFollowUp    = 27
	viaTwitter     = 30
	viaVoicemail   = 44
	viaInbound     = 45
	viaOutbound    = 46
	viaAnyChannel  = 55
	channelAPI     = "api"
	channelWebForm = "web"
)

// channelName is via.channel for a via id.
func channelName(viaID int) string {
	switch viaID {
	case viaVoicemail:
		return "api_voicemail"
	case viaInbound:
		return "api_phone_call_inbound"
	case viaOutbound:
		return "api_phone_call_outbound"
	case viaAPI:
		return channelAPI
	case viaTwitter:
		return "twitter"
	case viaAnyChannel:
		return "any_channel"
	}
	return channelWebForm
}

// knownVia says that a via id names one of the channels that a phone integration may give.
func knownVia(id int) bool { return id == viaVoicemail || id == viaInbound || id == viaOutbound }

// createVoiceTicket is POST /channels/voice/tickets. It has no idempotency: every success is a new ticket. A bad
// display_to_agent is found before anything is made (but see WithLateDisplayCheck), and answered with an empty body.
func (a *account) createVoiceTicket(c *call) reply {
	whole, in, bad := c.wrapped("ticket")
	if bad != nil {
		return *bad
	}
	outer := reader{o: whole}
	agentID, display := outer.integer("display_to_agent")
	if outer.bad != nil || display && agentID != 0 && a.agent(agentID) == nil {
		return bare(http.StatusUnprocessableEntity)
	}
	d := draft{acct: a, call: c, r: reader{o: in}, issues: problems{}}
	viaID, sent := d.r.integer("via_id")
	if !sent || !knownVia(int(viaID)) {
		d.issues.add("via_id", "InvalidValue", "Via: must be one of 44, 45, 46")
	}
	d.viaID = int(viaID)
	if d.viaID == viaVoicemail && d.r.nested("voice_comment") == nil {
		d.issues.add("voice_comment", "BlankValue", "Voice comment: is required for voicemail")
	}
	if a.cfg.choices.noVoiceExternalID {
		delete(d.r.o, "external_id")
	}
	if more, sent := d.r.list("additional_tags"); sent {
		have, _ := d.r.list("tags")
		d.r.o["tags"] = anyList(append(have, more...))
	}
	rec, rep := d.create()
	if rec == nil || agentID == 0 {
		return rep
	}
	if a.undisplayable(agentID) {
		return bare(http.StatusUnprocessableEntity)
	}
	a.pop(Pop{AgentID: agentID, TicketID: rec.ID, Source: PopCreate})
	return rep
}

func anyList(in []string) []any {
	out := make([]any, len(in))
	for i, s := range in {
		out[i] = s
	}
	return out
}

// readVoiceComment reads ticket.voice_comment. None of its properties is mandatory here: without a recording_url
// Zendesk accepts it and shows 'recording not available'.
func (d *draft) readVoiceComment(author int64) {
	o := d.r.nested("voice_comment")
	if o == nil {
		return
	}
	r := reader{o: o}
	v := &VoiceComment{Outbound: d.viaID == viaOutbound}
	v.From, _ = r.text("from")
	v.To, _ = r.text("to")
	v.RecordingURL, _ = r.text("recording_url")
	v.StartedAt, _ = r.moment("started_at")
	v.TranscriptionText, _ = r.text("transcription_text")
	v.Location, _ = r.text("location")
	duration, _ := r.integer("call_duration")
	v.AnsweredByID, _ = r.integer("answered_by_id")
	public, sent := r.boolean("public")
	if r.bad != nil {
		d.r.bad = r.bad
		return
	}
	v.CallDuration = int(duration)
	if v.AnsweredByID != 0 && d.acct.users[v.AnsweredByID] == nil {
		d.issues.add("voice_comment", "InvalidValue", fmt.Sprintf("Answered by: %d is not valid", v.AnsweredByID))
	}
	body := voiceBody(v)
	d.comment = &Comment{
		Type: "VoiceComment", AuthorID: author, Body: body, HTMLBody: commentHTML(body),
		Public: public || !sent, ViaID: d.viaID, Voice: v,
	}
}

func voiceBody(v *VoiceComment) string {
	kind := "Inbound"
	if v.Outbound {
		kind = "Outbound"
	}
	lines := []string{
		kind + " call from " + formatPhone(v.From), "Call Details:", "Call from: " + formatPhone(v.From),
		"Call to: " + formatPhone(v.To),
	}
	if !v.StartedAt.IsZero() {
		lines = append(lines, "Time of call: "+v.StartedAt.Format(time.RFC1123))
	}
	if v.Location != "" {
		lines = append(lines, "Location: "+v.Location)
	}
	lines = append(lines, fmt.Sprintf("Length of phone call: %s", time.Duration(v.CallDuration)*time.Second))
	return strings.Join(lines, "\n")
}

// formatPhone is a number as Zendesk shows it: bracketed in the North American plan, as sent elsewhere, Unknown if
// it is no number.
func formatPhone(n string) string {
	d := digits(n)
	switch {
	case len(d) < 3:
		return "Unknown"
	case strings.HasPrefix(n, "+1") && len(d) == 11:
		return fmt.Sprintf("+1 (%s) %s-%s", d[1:4], d[4:7], d[7:])
	}
	return n
}

// displayTicket opens a ticket in an agent's browser. Both answers have an empty body.
func (a *account) displayTicket(c *call) reply {
	agent, ticket := a.agent(c.params[0]), a.liveTicket(c.params[1])
	if agent == nil || ticket == nil || a.undisplayable(c.params[0]) {
		return bare(http.StatusNotFound)
	}
	c.committed = true
	a.pop(Pop{AgentID: agent.ID, TicketID: ticket.ID, Source: PopDisplay})
	return bare(http.StatusOK)
}

// displayUser opens a user's profile in an agent's browser.
func (a *account) displayUser(c *call) reply {
	agent, user := a.agent(c.params[0]), a.users[c.params[1]]
	if agent == nil || user == nil || user.Deleted || a.undisplayable(c.params[0]) {
		return bare(http.StatusNotFound)
	}
	c.committed = true
	a.pop(Pop{AgentID: agent.ID, UserID: user.ID, Source: PopDisplay})
	return bare(http.StatusOK)
}

func (a *account) pop(p Pop) {
	a.lastPop++
	p.Seq, p.At = a.lastPop, a.clock.now()
	a.pops.add(p)
	a.hub.publish(Change{Kind: ChangePop, TicketID: p.TicketID, UserID: p.UserID, AgentID: p.AgentID, At: p.At})
}
