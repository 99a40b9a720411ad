package zendesktest

import (
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
)

// draft is a change of a ticket in the making: it is read and checked whole before anything is stored.
type draft struct {
	acct   *account
	call   *call
	r      reader
	issues problems
	viaID  int // of the audit and the comment

	comment   *Comment
	requester *User // to be made with the ticket
	source    *ticketRecord
}

// create makes a ticket; the record is nil if it was refused.
func (d *draft) create() (*ticketRecord, reply) {
	t := Ticket{Status: "new", ViaID: d.viaID, Public: true, RequesterID: d.call.user.ID, SubmitterID: d.call.user.ID}
	if d.source != nil {
		t.Tags, t.CustomFields = d.source.Tags, d.source.CustomFields
		t.RequesterID, t.FollowupSourceID = d.source.RequesterID, d.source.ID
	}
	d.fields(&t)
	if id, sent := d.r.integer("submitter_id"); sent && id != 0 && d.source == nil {
		t.SubmitterID = id
	}
	d.readRequester(&t)
	d.readComment(&t, t.SubmitterID)
	if d.comment == nil && d.r.bad == nil {
		d.issues.add("base", "BlankValue", "Description: cannot be blank")
	}
	d.validate(&t)
	if rep := d.refusal(); rep != nil {
		return nil, *rep
	}
	if d.requester != nil {
		t.RequesterID = d.acct.storeUser(*d.requester).ID
	}
	t.CreatedAt = d.call.now.Truncate(time.Second)
	t.Description, t.Public = d.comment.Body, d.comment.Public
	rec := &ticketRecord{made: d.call.now}
	rec.ExternalID = t.ExternalID
	d.acct.addTicket(rec)
	t.ID = rec.ID
	audit := d.commit(rec, &t)
	if d.source != nil {
		d.source.FollowupIDs = append(slices.Clone(d.source.FollowupIDs), rec.ID)
	}
	rep := created(map[string]any{"ticket": d.call.ticketJSON(&rec.Ticket), "audit": auditJSON(&rec.Ticket, audit)})
	rep.with("Location", fmt.Sprintf("%s/api/v2/tickets/%d.json", d.call.base, rec.ID))
	return rec, rep
}

// update changes the ticket and answers with it and its new audit, which is null if nothing changed.
func (d *draft) update(rec *ticketRecord) reply {
	t := rec.Ticket
	d.fields(&t)
	d.readRequester(&t)
	d.readComment(&t, d.call.user.ID)
	d.validate(&t)
	if rep := d.refusal(); rep != nil {
		return *rep
	}
	if d.requester != nil {
		t.RequesterID = d.acct.storeUser(*d.requester).ID
	}
	if d.comment != nil && d.comment.Public {
		t.Public = true
	}
	body := map[string]any{"audit": nil}
	if audit := d.commit(rec, &t); audit != nil {
		body["audit"] = auditJSON(&rec.Ticket, audit)
	}
	body["ticket"] = d.call.ticketJSON(&rec.Ticket)
	return ok(body)
}

func (d *draft) refusal() *reply {
	if d.r.bad != nil {
		return d.r.bad
	}
	if len(d.issues) == 0 {
		return nil
	}
	rep := d.issues.reply()
	return &rep
}

// fields reads the plain properties of the ticket.
func (d *draft) fields(t *Ticket) {
	r := &d.r
	set := func(dst *string, key string) {
		if v, sent := r.text(key); sent {
			*dst = v
		}
	}
	set(&t.Subject, "subject")
	set(&t.Subject, "raw_subject")
	set(&t.Priority, "priority")
	set(&t.Type, "type")
	set(&t.ExternalID, "external_id")
	set(&t.DueAt, "due_at")
	set(&t.Recipient, "recipient")
	if v, sent := r.text("status"); sent && v != "" {
		t.Status = v
	}
	for key, dst := range map[string]*int64{
		"assignee_id": &t.AssigneeID, "group_id": &t.GroupID, "brand_id": &t.BrandID, "problem_id": &t.ProblemID,
		"custom_status_id": &t.CustomStatusID, "organization_id": &t.OrganizationID, "ticket_form_id": &t.TicketFormID,
	} {
		if id, sent := r.integer(key); sent {
			*dst = id
		}
	}
	if tags, sent := r.list("tags"); sent {
		t.Tags = normalTags(tags)
	}
	r.nested("metadata") // Its type is checked here; the audit takes it.
	d.customFields(t)
}

// customFields merges custom_fields (or its old name fields) into the ticket's.
func (d *draft) customFields(t *Ticket) {
	list, isList := d.r.o["custom_fields"].([]any)
	if !isList {
		if d.r.o["custom_fields"] != nil {
			d.r.fail("custom_fields", "an array of objects")
		}
		return
	}
	merged := slices.Clone(t.CustomFields)
	for _, e := range list {
		o, isObject := e.(map[string]any)
		fr := reader{o: o}
		id, sent := fr.integer("id")
		if !isObject || !sent {
			d.r.fail("custom_fields", "an array of objects with id and value")
			return
		}
		f := CustomField{ID: id, Value: o["value"]}
		if i := slices.IndexFunc(merged, func(m CustomField) bool { return m.ID == id }); i >= 0 {
			merged[i] = f
		} else {
			merged = append(merged, f)
		}
	}
	t.CustomFields = merged
}

// readRequester reads requester_id, or else requester: an email, an id, or an object that may make a user. The
// phone in such an object finds nobody.
func (d *draft) readRequester(t *Ticket) {
	if id, sent := d.r.integer("requester_id"); sent && id != 0 {
		t.RequesterID = id
		return
	}
	switch v := d.r.o["requester"].(type) {
	case nil:
	case string:
		d.requesterByEmail(t, User{Name: v, Email: v})
	case json.Number:
		id, err := v.Int64()
		if err != nil {
			d.r.fail("requester", "a user id, an email or an object")
		}
		t.RequesterID = id
	case map[string]any:
		r := reader{o: v}
		var u User
		u.Name, _ = r.text("name")
		u.Email, _ = r.text("email")
		u.Phone, _ = r.text("phone")
		if r.bad != nil {
			d.r.bad = r.bad
			return
		}
		d.requesterByEmail(t, u)
	default:
		d.r.fail("requester", "a user id, an email or an object")
	}
}

func (d *draft) requesterByEmail(t *Ticket, u User) {
	if u.Email != "" {
		if known := d.acct.userByEmail(u.Email); known != nil {
			t.RequesterID = known.ID
			return
		}
	}
	if u.Name == "" {
		d.issues.add("requester", "BlankValue", "Requester: Name: cannot be blank")
		return
	}
	u.Role = RoleEndUser
	d.requester = &u
}

// readComment reads the comment or the voice comment; where both are sent the plain comment wins.
func (d *draft) readComment(t *Ticket, author int64) {
	in := d.r.o["comment"]
	if text, isText := in.(string); isText {
		in = map[string]any{"body": text}
	}
	o, isObject := in.(map[string]any)
	if !isObject && in != nil {
		d.r.fail("comment", "an object")
		return
	}
	if o == nil {
		if text, sent := d.r.text("description"); sent && text != "" && t.ID == 0 {
			o = map[string]any{"body": text}
		}
	}
	if co := d.plainComment(o, t, author); co != nil {
		d.comment = co
		return
	}
	d.readVoiceComment(author)
}

func (d *draft) plainComment(o object, t *Ticket, author int64) *Comment {
	if o == nil {
		return nil
	}
	r := reader{o: o}
	body, _ := r.text("body")
	markup, hasMarkup := r.text("html_body")
	public, publicSent := r.boolean("public")
	authorID, authorSent := r.integer("author_id")
	if r.bad != nil {
		d.r.bad = r.bad
		return nil
	}
	if hasMarkup && markup != "" {
		body = stripTags(markup)
	} else {
		markup = commentHTML(body)
	}
	if strings.TrimSpace(body) == "" {
		return nil
	}
	if !publicSent {
		public = t.Public // As the ticket began; comments are public unless the client says otherwise.
	}
	if authorSent && authorID != 0 {
		if d.acct.users[authorID] == nil {
			d.issues.add("comment", "InvalidValue", fmt.Sprintf("Author: %d is not valid", authorID))
		}
		author = authorID
	}
	return &Comment{Type: "Comment", AuthorID: author, Body: body, HTMLBody: markup, Public: public, ViaID: d.viaID}
}

func commentHTML(body string) string {
	text := strings.ReplaceAll(html.EscapeString(body), "\n", "<br>")
	return `<div class="zd-comment" dir="auto"><p dir="auto">` + text + "</p></div>"
}

// stripTags is the plain text of markup: good enough for a body, never for safety.
func stripTags(markup string) string {
	var b strings.Builder
	inTag := false
	for _, r := range markup {
		switch {
		case r == '<':
			inTag = true
		case r == '>' && inTag:
			inTag = false
		case !inTag:
			b.WriteRune(r)
		}
	}
	return html.UnescapeString(b.String())
}

// followUp makes the new ticket a follow-up of the closed ticket that via_followup_source_id names; of a ticket that
// is not closed the property is silently ignored.
func (d *draft) followUp() {
	id, _ := d.r.integer("via_followup_source_id")
	if src := d.acct.liveTicket(id); src != nil && src.Status == "closed" {
		d.source, d.viaID = src, viaFollowUp
	}
}

var statusOrder = []string{"new", "open", "pending", "hold", "solved", "closed"}

// validate checks the ticket as it would be, and sets what follows from the rest.
func (d *draft) validate(t *Ticket) {
	a := d.acct
	enum := func(field, value string, allowed ...string) {
		if value != "" && !slices.Contains(allowed, value) {
			d.issues.add(field, "InvalidValue", fmt.Sprintf("%s: %s is not valid", title(field), value))
		}
	}
	enum("status", t.Status, statusOrder...)
	enum("priority", t.Priority, "urgent", "high", "normal", "low")
	enum("type", t.Type, "problem", "incident", "question", "task")
	if t.AssigneeID != 0 && a.agent(t.AssigneeID) == nil {
		d.issues.add("assignee", "InvalidValue", fmt.Sprintf("Assignee: %d is not valid", t.AssigneeID))
	}
	if t.Status == "new" && t.AssigneeID != 0 {
		t.Status = "open"
	}
	if t.Status == "solved" && t.AssigneeID == 0 {
		d.issues.add("base", "", "Assignee: is required when solving a ticket")
	}
	if a.users[t.SubmitterID] == nil {
		d.issues.add("submitter", "InvalidValue", fmt.Sprintf("Submitter: %d is not valid", t.SubmitterID))
	}
	switch u := a.users[t.RequesterID]; {
	case d.requester != nil:
	case u == nil, u.Deleted && t.ID == 0:
		d.issues.add("requester", "InvalidValue", fmt.Sprintf("Requester: %d is not valid", t.RequesterID))
	case u.Suspended && t.ID == 0 && !a.cfg.choices.suspendedMayAsk:
		d.issues.add("requester", "InvalidValue", fmt.Sprintf("Requester: %s is suspended.", u.Name))
	}
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
