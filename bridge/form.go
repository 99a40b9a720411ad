package bridge

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/talkbridge/talkbridge/bridge/hours"
	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// Form is what the tickets of a site or of one line look like, beyond what each
// ticket has. The zero Form changes nothing. It is only read once made.
type Form struct {
	// Subject and Comment stand in for talkbridge's own words; nil or a text
	// that comes out empty leaves these.
	Subject, Comment *wording.Template
	// Tags are added to those that say what the call was. What comes out is
	// brought into the form that Zendesk keeps; an empty one is left out.
	Tags []*wording.Template
	// Fields are values for the account's own ticket fields.
	Fields []Field
	// Group and Brand write an id, Priority one of low, normal, high, urgent;
	// what comes out empty or otherwise is left to Zendesk.
	Group, Brand, Priority *wording.Template
	// Hours give the ticket a tag that says whether the call began within them:
	// in_hours or outside_hours. Nil gives none.
	Hours *hours.Week
}

// FieldType is what a ticket field holds.
type FieldType string

// The types of fields whose value a template writes. The zero value is a text.
const (
	FieldText FieldType = "text"
	// FieldInteger is written as digits, and sent as a number.
	FieldInteger FieldType = "integer"
	// FieldCheckbox is written as true or false, and sent so.
	FieldCheckbox FieldType = "checkbox"
)

// Field is the value of one ticket field.
type Field struct {
	ID int64
	// Value is an int64 or a bool; nil where Template writes it, as Type.
	Value    any
	Template *wording.Template
	Type     FieldType
}

// late reports whether the value is only known when the call is over.
func (f Field) late() bool { return f.Template.Late() }

// Bounds of what templates write, in bytes. Zendesk cuts tags and subjects
// itself, and refuses what is far longer.
const (
	maxSubject = 255
	maxComment = 8 << 10
	maxTag     = 100
	maxField   = 2 << 10
)

// form is what the tickets of a call look like.
func (p *Policy) form(s telephony.State) *Form {
	if line := p.line(s); line.Form != nil {
		return line.Form
	}
	return &p.Form
}

// words are what templates may say of the call.
func (w *work) words() wording.Call {
	if w.said != nil {
		return *w.said
	}
	customer, line := w.call.Customer(), w.policy.line(w.call)
	c := wording.Call{
		ID: string(w.id), Site: w.id.Site(), Subject: w.ownSubject(),
		Number: w.show(customer), DID: w.show(w.call.Line()), Line: line.Name, Queue: w.call.Queue(), Place: w.call.AbandonedPosition(),
		Location:  w.location(),
		Direction: string(w.call.Direction), Disposition: string(w.call.Disposition), Agents: w.agentNames(),
		Voicemail: w.call.Voicemail != nil, Answered: w.call.Answered(),
		Started: w.call.StartedAt, AnsweredAt: w.call.AnsweredAt, Ended: w.call.EndedAt,
		Wait: w.call.Wait(), Talk: w.call.TalkTime(), Hold: w.call.HoldTime(), Duration: w.call.Duration(),
	}
	if !w.number(customer).Withheld && !telephony.IsWithheld(customer.Name) {
		c.Name = customer.Name
	}
	w.said = &c
	return c
}

// write has a template say something of the call; "" if it cannot. That must
// not cost a ticket.
func (w *work) write(what string, t *wording.Template) string {
	text, err := t.Text(w.words())
	if err != nil {
		w.warn(err).WithField("template", what).Warn("template not written, the ticket goes without")
		return ""
	}
	return strings.TrimSpace(text)
}

// formTags are the tags of the form.
func (w *work) formTags() []string {
	form := w.policy.form(w.call)
	var tags []string
	switch {
	case form.Hours == nil || w.call.StartedAt.IsZero():
	case form.Hours.Open(w.call.StartedAt):
		tags = append(tags, "in_hours")
	default:
		tags = append(tags, "outside_hours")
	}
	for _, t := range form.Tags {
		if tag := asTag(w.write("tags", t)); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

// asTag brings a text into the form of a tag: small letters, digits and _-/:.
// without blanks.
func asTag(text string) string {
	tag := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return '_'
		case unicode.IsLetter(r), unicode.IsDigit(r), strings.ContainsRune("_-/:.", r):
			return unicode.ToLower(r)
		}
		return -1
	}, wording.Line(text))
	for len(tag) > maxTag {
		_, size := utf8.DecodeLastRuneInString(tag)
		tag = tag[:len(tag)-size]
	}
	return tag
}

// dress gives a new ticket what the form says besides words and tags. It is left
// out of a bare one: a wrong id must not cost a ticket.
func (w *work) dress(fields *zendesk.TicketFields) {
	if w.step.Bare {
		return
	}
	form := w.policy.form(w.call)
	fields.GroupID, fields.BrandID = w.formID("group", form.Group), w.formID("brand", form.Brand)
	priority := strings.ToLower(w.write("priority", form.Priority))
	if slices.Contains([]string{"low", "normal", "high", "urgent"}, priority) {
		fields.Priority = priority
	} else if priority != "" {
		w.noValue("priority", priority)
	}
	ended := w.call.Ended()
	fields.CustomFields = w.formFields(func(f Field) bool { return ended || !f.late() })
}

// dressed reports whether a new ticket has something of the form that Zendesk
// may refuse.
func dressed(fields zendesk.TicketFields) bool {
	return fields.GroupID != 0 || fields.BrandID != 0 || fields.Priority != "" || len(fields.CustomFields) > 0
}

// lateFields are the values that are only known when the call is over. The others
// have been on the ticket from its beginning, and people may have changed them.
func (w *work) lateFields() []zendesk.CustomField {
	if w.step.Bare {
		return nil
	}
	return w.formFields(Field.late)
}

func (w *work) formFields(wanted func(Field) bool) []zendesk.CustomField {
	var fields []zendesk.CustomField
	for _, f := range w.policy.form(w.call).Fields {
		if !wanted(f) {
			continue
		}
		if value := w.fieldValue(f); value != nil {
			fields = append(fields, zendesk.CustomField{ID: f.ID, Value: value})
		}
	}
	return fields
}

// fieldValue is what the field gets, nil to leave it alone.
func (w *work) fieldValue(f Field) any {
	if f.Template == nil {
		return f.Value
	}
	text := wording.Clip(lines(w.write("custom_fields", f.Template)), maxField)
	if text == "" {
		return nil
	}
	var value any
	var err error
	switch f.Type {
	case FieldInteger:
		value, err = strconv.ParseInt(text, 10, 64)
	case FieldCheckbox:
		value, err = strconv.ParseBool(text)
	case FieldText, "":
		return text
	}
	if err != nil {
		w.noValue("custom_fields", text)
		return nil
	}
	return value
}

// formID is the id that a template writes, 0 if it writes none.
func (w *work) formID(what string, t *wording.Template) int64 {
	text := w.write(what, t)
	id, err := strconv.ParseInt(text, 10, 64)
	if text != "" && (err != nil || id <= 0) {
		w.noValue(what, text)
		return 0
	}
	return id
}

func (w *work) noValue(what, text string) {
	w.log.WithField("template", what).WithField("wrote", maskNumbers(wording.Clip(wording.Line(text), maxTag))).
		Warn("template wrote no such value, the ticket goes without")
}

// lines is a text of several lines without other control characters.
func lines(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		out = append(out, strings.TrimRight(telephony.StripControls(strings.ReplaceAll(line, "\t", " ")), " "))
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

// hasForm reports whether the form may have been what Zendesk refused, rather
// than an agent.
func (w *work) hasForm() bool {
	form := w.policy.form(w.call)
	return form.Group != nil || form.Brand != nil || form.Priority != nil || len(form.Fields) > 0
}
