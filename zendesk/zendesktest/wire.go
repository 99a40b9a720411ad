package zendesktest

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The answers as Zendesk writes them: every property is there, absent values are null.

type ticketWire struct {
	URL                  string            `json:"url"`
	ID                   int64             `json:"id"`
	ExternalID           *string           `json:"external_id"`
	Via                  any               `json:"via"`
	CreatedAt            string            `json:"created_at"`
	UpdatedAt            string            `json:"updated_at"`
	GeneratedTimestamp   int64             `json:"generated_timestamp"`
	Type                 *string           `json:"type"`
	Subject              *string           `json:"subject"`
	RawSubject           *string           `json:"raw_subject"`
	Description          string            `json:"description"`
	Priority             *string           `json:"priority"`
	Status               string            `json:"status"`
	Recipient            *string           `json:"recipient"`
	RequesterID          int64             `json:"requester_id"`
	SubmitterID          int64             `json:"submitter_id"`
	AssigneeID           *int64            `json:"assignee_id"`
	OrganizationID       *int64            `json:"organization_id"`
	GroupID              *int64            `json:"group_id"`
	CollaboratorIDs      []int64           `json:"collaborator_ids"`
	FollowerIDs          []int64           `json:"follower_ids"`
	EmailCCIDs           []int64           `json:"email_cc_ids"`
	ProblemID            *int64            `json:"problem_id"`
	HasIncidents         bool              `json:"has_incidents"`
	IsPublic             bool              `json:"is_public"`
	DueAt                *string           `json:"due_at"`
	Tags                 []string          `json:"tags"`
	CustomFields         []CustomField     `json:"custom_fields"`
	SatisfactionRating   map[string]string `json:"satisfaction_rating"`
	SharingAgreementIDs  []int64           `json:"sharing_agreement_ids"`
	CustomStatusID       *int64            `json:"custom_status_id"`
	Fields               []CustomField     `json:"fields"`
	FollowupIDs          []int64           `json:"followup_ids"`
	TicketFormID         *int64            `json:"ticket_form_id"`
	BrandID              *int64            `json:"brand_id"`
	AllowChannelback     bool              `json:"allow_channelback"`
	AllowAttachments     bool              `json:"allow_attachments"`
	FromMessagingChannel bool              `json:"from_messaging_channel"`
}

func (c *call) ticketJSON(t *Ticket) ticketWire {
	fields := append([]CustomField{}, t.CustomFields...)
	return ticketWire{
		URL: fmt.Sprintf("%s/api/v2/tickets/%d.json", c.base, t.ID), ID: t.ID, ExternalID: orNull(t.ExternalID),
		Via: viaJSON(t, t.ViaID), CreatedAt: stamp(t.CreatedAt), UpdatedAt: stamp(t.UpdatedAt),
		GeneratedTimestamp: t.UpdatedAt.Unix(), Type: orNull(t.Type), Subject: orNull(t.Subject),
		RawSubject: orNull(t.Subject), Description: t.Description, Priority: orNull(t.Priority), Status: t.Status,
		Recipient: orNull(t.Recipient), RequesterID: t.RequesterID, SubmitterID: t.SubmitterID,
		AssigneeID: orNull(t.AssigneeID), OrganizationID: orNull(t.OrganizationID), GroupID: orNull(t.GroupID),
		CollaboratorIDs: []int64{}, FollowerIDs: []int64{}, EmailCCIDs: []int64{}, ProblemID: orNull(t.ProblemID),
		IsPublic: t.Public, DueAt: orNull(t.DueAt), Tags: emptyList(t.Tags), CustomFields: fields,
		SatisfactionRating: map[string]string{"score": "unoffered"}, SharingAgreementIDs: []int64{},
		CustomStatusID: orNull(t.CustomStatusID), Fields: fields, FollowupIDs: append([]int64{}, t.FollowupIDs...),
		TicketFormID: orNull(t.TicketFormID), BrandID: orNull(t.BrandID), AllowAttachments: true,
	}
}

// viaJSON is a via object. Calls name the numbers of the ticket's first voice comment.
func viaJSON(t *Ticket, viaID int) any {
	from, to := map[string]any{}, map[string]any{}
	var rel any
	switch {
	case viaID == viaFollowUp:
		from["ticket_id"], rel = t.FollowupSourceID, "follow_up"
	case knownVia(viaID):
		rel = map[int]string{viaVoicemail: "voicemail", viaInbound: "inbound", viaOutbound: "outbound"}[viaID]
		for i := range t.Comments {
			if v := t.Comments[i].Voice; v != nil {
				from["phone"], from["formatted_phone"] = v.From, formatPhone(v.From)
				to["phone"], to["formatted_phone"] = v.To, formatPhone(v.To)
				break
			}
		}
	}
	return map[string]any{"channel": channelName(viaID), "source": map[string]any{"from": from, "to": to, "rel": rel}}
}

func auditJSON(t *Ticket, a *Audit) any {
	events := make([]any, 0, len(a.Events))
	for i := range a.Events {
		events = append(events, eventJSON(t, &a.Events[i]))
	}
	return map[string]any{
		"id": a.ID, "ticket_id": a.TicketID, "created_at": stamp(a.CreatedAt), "author_id": a.AuthorID,
		"metadata": map[string]any{
			"system": map[string]any{"client": a.Client, "ip_address": a.IPAddress}, "custom": a.Custom,
		},
		"events": events, "via": viaJSON(t, a.ViaID),
	}
}

func eventJSON(t *Ticket, e *Event) any {
	switch e.Type {
	case "Create":
		return map[string]any{"id": e.ID, "type": e.Type, "field_name": e.FieldName, "value": e.Value}
	case "Change":
		return map[string]any{
			"id": e.ID, "type": e.Type, "field_name": e.FieldName, "value": e.Value, "previous_value": e.PreviousValue,
		}
	}
	for i := range t.Comments {
		if t.Comments[i].ID == e.CommentID {
			return commentFields(&t.Comments[i])
		}
	}
	return map[string]any{"id": e.ID, "type": e.Type}
}

// commentJSON is a comment as GET /tickets/{id}/comments lists it.
func commentJSON(t *Ticket, co *Comment) any {
	out := commentFields(co)
	out["created_at"], out["via"] = stamp(co.CreatedAt), viaJSON(t, co.ViaID)
	out["metadata"] = map[string]any{"system": map[string]any{}, "custom": map[string]any{}}
	for i := range t.Audits {
		if a := &t.Audits[i]; a.ID == co.AuditID {
			out["metadata"] = map[string]any{
				"system": map[string]any{"client": a.Client, "ip_address": a.IPAddress}, "custom": a.Custom,
			}
		}
	}
	return out
}

// commentFields are the properties that a comment has in audits and in lists alike.
func commentFields(co *Comment) map[string]any {
	out := map[string]any{
		"id": co.ID, "type": co.Type, "author_id": co.AuthorID, "body": co.Body, "html_body": co.HTMLBody,
		"plain_body": co.Body, "public": co.Public, "attachments": []any{}, "audit_id": co.AuditID,
	}
	if v := co.Voice; v != nil {
		out["data"] = voiceJSON(v)
		out["formatted_from"], out["formatted_to"] = formatPhone(v.From), formatPhone(v.To)
		out["transcription_visible"] = v.TranscriptionText != ""
		out["trusted"] = true
	}
	if v := co.Call; v != nil {
		from, _ := v.Fields["from_line"].(string)
		to, _ := v.Fields["to_line"].(string)
		out["data"], out["title"], out["trusted"] = callViewJSON(co), v.Title, true
		out["formatted_from"], out["formatted_to"] = formatPhone(from), formatPhone(to)
		out["transcription_visible"] = v.Fields["transcript"] != nil
	}
	return out
}

func voiceJSON(v *VoiceComment) map[string]any {
	var started, transcribed any
	if !v.StartedAt.IsZero() {
		started = stamp(v.StartedAt)
	}
	if v.TranscriptionText != "" {
		transcribed = "completed"
	}
	return map[string]any{
		"from": v.From, "to": v.To, "recording_url": v.RecordingURL, "recording_duration": v.CallDuration,
		"call_duration": v.CallDuration, "call_id": nil, "answered_by_id": orNull(v.AnsweredByID),
		"transcription_text": orNull(v.TranscriptionText), "transcription_status": transcribed, "started_at": started,
		"location": orNull(v.Location), "outbound": v.Outbound,
	}
}

type userWire struct {
	ID                int64          `json:"id"`
	URL               string         `json:"url"`
	Name              string         `json:"name"`
	Email             *string        `json:"email"`
	CreatedAt         string         `json:"created_at"`
	UpdatedAt         string         `json:"updated_at"`
	TimeZone          string         `json:"time_zone"`
	Phone             *string        `json:"phone"`
	SharedPhoneNumber *bool          `json:"shared_phone_number"`
	Locale            string         `json:"locale"`
	Role              string         `json:"role"`
	Verified          bool           `json:"verified"`
	Active            bool           `json:"active"`
	Suspended         bool           `json:"suspended"`
	ExternalID        *string        `json:"external_id"`
	Tags              []string       `json:"tags"`
	Notes             *string        `json:"notes"`
	UserFields        map[string]any `json:"user_fields"`
}

func (c *call) userJSON(u *User) userWire {
	var shared *bool // null without a phone
	if u.Phone != "" {
		is := u.SharedPhone
		shared = &is
	}
	fields := u.Fields
	if fields == nil {
		fields = map[string]any{}
	}
	return userWire{
		ID: u.ID, URL: fmt.Sprintf("%s/api/v2/users/%d.json", c.base, u.ID), Name: u.Name, Email: orNull(u.Email),
		CreatedAt: stamp(u.CreatedAt), UpdatedAt: stamp(u.UpdatedAt), TimeZone: "UTC", Phone: orNull(u.Phone),
		SharedPhoneNumber: shared, Locale: "en-US", Role: u.Role, Verified: u.Email != "", Active: !u.Deleted,
		Suspended: u.Suspended, ExternalID: orNull(u.ExternalID), Tags: emptyList(u.Tags), Notes: orNull(u.Notes),
		UserFields: fields,
	}
}

const maxPerPage = 100

// listing is one page of a list: by cursor if the query has page[size] or page[after], else by offset. A negative or
// absurd page is the first one.
func listing[T any](c *call, key string, all []T, render func(T) any) reply {
	size, after, byCursor := cursorOf(c.query)
	start := after
	page := 1
	if !byCursor {
		size = bounded(c.query.Get("per_page"), maxPerPage, maxPerPage)
		page = bounded(c.query.Get("page"), 1, 1_000_000)
		start = (page - 1) * size
	}
	start = min(max(start, 0), len(all))
	end := min(start+size, len(all))
	items := make([]any, 0, end-start)
	for _, v := range all[start:end] {
		items = append(items, render(v))
	}
	body := map[string]any{key: items}
	if byCursor {
		cursorLinks(c, body, start, end, end < len(all))
		return ok(body)
	}
	body["count"], body["next_page"], body["previous_page"] = len(all), nil, nil
	if end < len(all) {
		body["next_page"] = c.pageURL(map[string]string{"page": strconv.Itoa(page + 1)})
	}
	if page > 1 {
		body["previous_page"] = c.pageURL(map[string]string{"page": strconv.Itoa(page - 1)})
	}
	return ok(body)
}

func bounded(s string, fallback, limit int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return fallback
	}
	return min(n, limit)
}

func cursorOf(q url.Values) (size, start int, byCursor bool) {
	if !q.Has("page[size]") && !q.Has("page[after]") {
		return 0, 0, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(q.Get("page[after]"))
	if err == nil {
		start, _ = strconv.Atoi(strings.TrimPrefix(string(raw), "o")) // A foreign cursor begins at the beginning.
	}
	return bounded(q.Get("page[size]"), maxPerPage, maxPerPage), start, true
}

func cursorLinks(c *call, body map[string]any, start, end int, more bool) {
	encode := func(n int) string { return base64.RawURLEncoding.EncodeToString([]byte("o" + strconv.Itoa(n))) }
	meta := map[string]any{"has_more": more, "after_cursor": nil, "before_cursor": nil}
	links := map[string]any{"next": nil, "prev": nil}
	if end > start {
		meta["after_cursor"], meta["before_cursor"] = encode(end), encode(start)
	}
	if more {
		links["next"] = c.pageURL(map[string]string{"page[after]": encode(end)})
	}
	body["meta"], body["links"] = meta, links
}

func (c *call) pageURL(set map[string]string) string {
	q := url.Values{}
	maps.Copy(q, c.query)
	for k, v := range set {
		q.Set(k, v)
	}
	return c.base + c.path + ".json?" + q.Encode()
}

// dateOf reads a date or time of a search query.
func dateOf(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
