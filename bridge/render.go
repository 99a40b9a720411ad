package bridge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// metadataKey is where talkbridge's own data stands in a ticket's audits.
const metadataKey = "talkbridge"

// metadata says which write of which call an audit comes from.
func (w *work) metadata(intent string) zendesk.Metadata {
	return zendesk.Metadata{metadataKey: map[string]any{
		"call_id": string(w.id), "step": string(w.step.Kind), "intent": intent,
	}}
}

// voiceTicket renders the create.
func (w *work) voiceTicket(intent string) zendesk.VoiceTicket {
	fields := zendesk.TicketFields{
		ViaID:       w.viaID(),
		ExternalID:  w.externalID(),
		Subject:     w.subject(),
		RequesterID: w.record.Caller,
		Tags:        w.tags(),
		Metadata:    w.metadata(intent),
	}
	if !w.step.Bare {
		fields.AssigneeID = w.lastAgent()
	}
	// Sent together, the plain comment would win: it is one or the other. A call that goes on is
	// played when it is over, with all of its data: one player is enough.
	if fields.ViaID == zendesk.ViaVoicemail || (w.step.Final && w.step.App == 0 && w.record.sound().playable() && w.record.Predecessor == 0) {
		fields.VoiceComment = w.voiceComment()
	} else {
		fields.Comment = w.comment()
	}
	w.dress(&fields)
	request := zendesk.VoiceTicket{Ticket: fields}
	if w.step.Want.Key != "" && !w.step.Bare {
		request.DisplayToAgent = w.step.Want.Agent.ZendeskID
	}
	return request
}

// viaID is the channel of the ticket. That of voicemails demands a voice comment,
// which stands beside no call record.
func (w *work) viaID() zendesk.ViaID {
	if w.step.App != 0 && w.step.Via == zendesk.ViaVoicemail {
		return zendesk.ViaInbound
	}
	return w.step.Via
}

// ticketUpdate renders what completes the ticket: the voice comment where there
// is audio; without, the player would say 'not available', so a private comment.
func (w *work) ticketUpdate(intent string) zendesk.TicketUpdate {
	update := zendesk.TicketUpdate{Metadata: w.metadata(intent)}
	if !w.record.Attached { // its fields are of what it was made for
		update.CustomFields = w.lateFields()
	}
	// One that is complete plays what there is: it is told of further calls.
	if w.record.sound().playable() && !w.record.Completed {
		update.VoiceComment = w.voiceComment()
	} else {
		update.Comment = w.comment()
	}
	return update
}

func (w *work) voiceComment() *zendesk.VoiceComment {
	private := false
	c := &zendesk.VoiceComment{
		From: w.show(w.call.From), To: w.show(w.call.To),
		StartedAt: w.call.StartedAt, CallDuration: w.call.Duration(),
		Location: w.location(), Public: &private,
	}
	if !w.step.Bare {
		c.AnsweredByID, c.TranscriptionText = w.answeredBy(), w.spoken()
	}
	if sound := w.record.sound(); sound != nil {
		c.RecordingURL = sound.URL
	}
	return c
}

// comment says in words what a voice comment says in fields: in those of the
// form if it has any.
func (w *work) comment() *zendesk.Comment {
	private := false
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, clip(wording.Literal(value), maxLine))
		}
	}
	if said := clip(lines(w.write("comment", w.policy.form(w.call).Comment)), maxComment); said != "" {
		b.WriteString(said + "\n\n")
	} else {
		w.summary(line)
	}
	w.remarks(line)
	if said := w.quotation(); said != "" {
		b.WriteString("\n" + said)
	}
	return &zendesk.Comment{Body: b.String(), Public: &private}
}

// summary is what talkbridge says of a call where the form does not.
func (w *work) summary(line func(name, value string)) {
	line("Call", w.headline())
	line("From", w.describe(w.call.From))
	line("To", w.describe(w.call.To))
	line("Queue", w.queue())
	line("Started", clock(w.call.StartedAt))
	if w.call.Answered() {
		line("Answered", clock(w.call.AnsweredAt)+" after "+length(w.call.AnsweredAt.Sub(w.call.StartedAt)))
		line("Agents", strings.Join(w.agentNames(), ", "))
		line("Connected to", strings.Join(w.strangers(), ", "))
	}
	if w.call.Ended() {
		line("Ended", clock(w.call.EndedAt)+w.estimated())
		line("Duration", length(w.call.Duration()))
		line("Talked", w.talked())
		line("On hold", w.held())
	}
}

// queue is the queue, and the place in it at which the caller gave up.
func (w *work) queue() string {
	name := telephony.StripControls(w.call.Queue())
	if place := w.call.AbandonedPosition(); place > 0 {
		name += fmt.Sprintf(", given up at place %d", place)
	}
	return name
}

// remarks are what people must be told in any form.
func (w *work) remarks(line func(name, value string)) {
	switch {
	case w.record.Detached:
		line("Belongs to", fmt.Sprintf("ticket #%d, which took no more when the call was over", w.record.Predecessor))
	case w.record.Predecessor != 0:
		line("Continues", fmt.Sprintf("ticket #%d, which was closed before the call was complete", w.record.Predecessor))
	}
	if w.record.Audio != nil && w.record.Audio.Refused != "" {
		line("Voicemail", "the message could not be collected: "+w.record.Audio.Refused)
	}
	if w.record.Recording != nil && w.record.Recording.Refused != "" {
		line("Recording", "it could not be collected: "+w.record.Recording.Refused)
	}
	if w.call.Late {
		line("Told late", "talkbridge did not hear of this call while it went on; this is what the phone system's call records say")
	}
	line("May be", w.ambiguity())
	line("Call ID", string(w.id))
	line("Joined", w.joined())
}

// joined are the ids of the calls that became one with this one.
func (w *work) joined() string {
	ids := make([]string, 0, len(w.step.Covers))
	for _, id := range w.step.Covers {
		ids = append(ids, string(id))
	}
	return strings.Join(ids, ", ")
}

func (w *work) subject() string {
	subject := w.ownSubject()
	if said := wording.Line(w.write("subject", w.policy.form(w.call).Subject)); said != "" {
		subject = clip(said, maxSubject)
	}
	if w.record.Predecessor != 0 {
		subject += fmt.Sprintf(" (continues #%d)", w.record.Predecessor)
	}
	return subject
}

// ownSubject is the subject where the form says nothing.
func (w *work) ownSubject() string {
	who := w.describe(w.call.Customer())
	var subject string
	switch {
	case w.step.Via == zendesk.ViaVoicemail:
		subject = "Voicemail from " + who
	case w.call.Direction == telephony.Outbound && w.call.Answered():
		subject = "Call to " + who
	case w.call.Direction == telephony.Outbound:
		subject = "Unanswered call to " + who
	case w.call.Answered():
		subject = "Call from " + who
	default:
		subject = dispositionWord(w.call.Disposition) + " call from " + who
	}
	return subject
}

// tags say what the call was. They are only ever given at the create: an update
// would replace those that people set.
func (w *work) tags() []string {
	tags := slices.Concat([]string{"talkbridge"}, w.formTags(), []string{"call_" + string(w.call.Direction)})
	switch {
	case w.step.Via == zendesk.ViaVoicemail:
		tags = append(tags, "call_voicemail")
	case !w.call.Answered() && w.call.Ended():
		tags = append(tags, "call_"+string(w.call.Disposition))
	}
	if w.call.Late {
		tags = append(tags, "call_late")
	}
	tags = append(tags, w.ambiguousTag()...)
	slices.Sort(tags)
	return slices.Compact(tags)
}

func (w *work) headline() string {
	if d := w.call.Disposition; d != "" {
		return string(w.call.Direction) + ", " + string(d)
	}
	return string(w.call.Direction)
}

// show is a party's number for a field of Zendesk.
func (w *work) show(party telephony.Party) string {
	n := w.number(party)
	if n.Withheld {
		return "anonymous"
	}
	return clip(wording.Literal(n.String()), maxNumber)
}

// describe is a party for people: number, name, line.
func (w *work) describe(party telephony.Party) string {
	n, text := w.number(party), w.show(party)
	if line, found := w.policy.Lines[n.E164]; found && n.E164 != "" && line.Name != "" {
		return text + " (" + line.Name + ")"
	}
	if name := telephony.StripControls(party.Name); !n.Withheld && name != "" && !telephony.IsWithheld(name) && name != party.Number {
		return text + " (" + clip(wording.Literal(name), maxName) + ")"
	}
	return text
}

// location is where the customer's number belongs: as the phone system says, or
// else as the numbering plan does.
func (w *work) location() string {
	customer := w.call.Customer()
	if customer.Withheld || customer.Location == "" {
		return w.number(customer).Location()
	}
	return clip(telephony.StripControls(customer.Location), maxName)
}

// number reads a party's number as on the call's line. Reading one takes long,
// and a ticket names each several times.
func (w *work) number(party telephony.Party) telephony.Number {
	if n, known := w.numbers[party]; known {
		return n
	}
	if w.numbers == nil {
		w.numbers = make(map[telephony.Party]telephony.Number)
	}
	n := telephony.ParseNumber(party.Number, w.policy.line(w.call).Country)
	if party.Withheld {
		n.Withheld, n.E164 = true, ""
	}
	w.numbers[party] = n
	return n
}

func (w *work) estimated() string {
	if w.call.EndEstimated {
		return " (estimated: nobody reported the end)"
	}
	return ""
}

func (w *work) talked() string {
	if !w.call.Answered() {
		return ""
	}
	return length(w.call.TalkTime())
}

// held is how long of that the other side was on hold, "" if it never was.
func (w *work) held() string {
	if w.call.HoldTime() == 0 {
		return ""
	}
	return length(w.call.HoldTime())
}

func dispositionWord(d telephony.Disposition) string {
	word := cmp.Or(string(d), string(telephony.Missed))
	return strings.ToUpper(word[:1]) + word[1:]
}

// Bounds of texts from the wire, in bytes.
const (
	maxNumber = 40
	maxName   = 120
	maxLine   = 500
)

// clip shortens a text to at most limit bytes, at the end of a character.
func clip(text string, limit int) string { return wording.Clip(text, limit) }

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func length(d time.Duration) string { return max(0, d).Round(time.Second).String() }
