package zendesktest

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// ticketField is a property whose changes stand in the audits.
type ticketField struct {
	name string
	get  func(*Ticket) any
}

var ticketFields = []ticketField{
	{"subject", func(t *Ticket) any { return orNil(t.Subject) }},
	{"status", func(t *Ticket) any { return orNil(t.Status) }},
	{"priority", func(t *Ticket) any { return orNil(t.Priority) }},
	{"type", func(t *Ticket) any { return orNil(t.Type) }},
	{"requester_id", func(t *Ticket) any { return idText(t.RequesterID) }},
	{"assignee_id", func(t *Ticket) any { return idText(t.AssigneeID) }},
	{"group_id", func(t *Ticket) any { return idText(t.GroupID) }},
	{"brand_id", func(t *Ticket) any { return idText(t.BrandID) }},
	{"problem_id", func(t *Ticket) any { return idText(t.ProblemID) }},
	{"custom_status_id", func(t *Ticket) any { return idText(t.CustomStatusID) }},
	{"organization_id", func(t *Ticket) any { return idText(t.OrganizationID) }},
	{"ticket_form_id", func(t *Ticket) any { return idText(t.TicketFormID) }},
	{"external_id", func(t *Ticket) any { return orNil(t.ExternalID) }},
	{"due_at", func(t *Ticket) any { return orNil(t.DueAt) }},
	{"tags", func(t *Ticket) any { return emptyList(t.Tags) }},
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// idText is an id as audits have it: a string.
func idText(id int64) any {
	if id == 0 {
		return nil
	}
	return strconv.FormatInt(id, 10)
}

func emptyList(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// commit stores the ticket as drafted, with its comment, and writes the audit. It returns nil, and changes nothing,
// if there is nothing to write down: an audit holds at least one event, so metadata alone leaves no trace.
func (d *draft) commit(rec *ticketRecord, t *Ticket) *Audit {
	a := d.acct
	isNew := len(rec.Audits) == 0
	events := a.fieldEvents(&rec.Ticket, t, isNew)
	if len(events) == 0 && d.comment == nil {
		return nil
	}
	now := d.call.now.Truncate(time.Second)
	audit := Audit{
		ID: a.nextEventID(), TicketID: rec.ID, AuthorID: d.call.user.ID, CreatedAt: now, ViaID: d.viaID,
		Custom: d.metadata(), Client: d.call.header.Get("User-Agent"), IPAddress: d.call.ip,
	}
	t.Comments, t.Audits = rec.Comments, rec.Audits
	if co := d.comment; co != nil {
		co.ID, co.AuditID, co.CreatedAt = a.nextEventID(), audit.ID, now
		audit.AuthorID = co.AuthorID
		events = append(events, Event{ID: co.ID, Type: co.Type, CommentID: co.ID})
		t.Comments = append(t.Comments, *co)
	}
	audit.Events = events
	t.Audits = append(t.Audits, audit)
	t.UpdatedAt = now
	if rec.ExternalID != t.ExternalID {
		a.unlinkExternal(rec)
		rec.ExternalID = t.ExternalID
		a.linkExternal(rec)
	}
	rec.Ticket = *t
	d.call.committed = true
	a.ticketChanged(rec)
	return &rec.Audits[len(rec.Audits)-1]
}

// metadata is what the client sent as ticket.metadata.
func (d *draft) metadata() map[string]any {
	custom := maps.Clone(d.r.nested("metadata"))
	if custom == nil {
		custom = map[string]any{}
	}
	return custom
}

// fieldEvents are the Create events of a new ticket or the Change events of an update.
func (a *account) fieldEvents(old, t *Ticket, isNew bool) []Event {
	var out []Event
	for _, f := range ticketFields {
		before, after := f.get(old), f.get(t)
		switch {
		case isNew && after != nil:
			out = append(out, Event{ID: a.nextEventID(), Type: "Create", FieldName: f.name, Value: after})
		case !isNew && !reflect.DeepEqual(before, after):
			out = append(out, Event{
				ID: a.nextEventID(), Type: "Change", FieldName: f.name, Value: after, PreviousValue: before,
			})
		}
	}
	for _, f := range t.CustomFields {
		i := slices.IndexFunc(old.CustomFields, func(o CustomField) bool { return o.ID == f.ID })
		e := Event{Type: "Create", FieldName: strconv.FormatInt(f.ID, 10), Value: f.Value}
		switch {
		case isNew && f.Value == nil, !isNew && i >= 0 && reflect.DeepEqual(old.CustomFields[i].Value, f.Value):
			continue
		case !isNew:
			e.Type = "Change"
			if i >= 0 {
				e.PreviousValue = old.CustomFields[i].Value
			}
		}
		e.ID = a.nextEventID()
		out = append(out, e)
	}
	return out
}
