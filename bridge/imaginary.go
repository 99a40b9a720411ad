package bridge

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// The ids of an imaginary account.
const (
	imaginaryUser       = 1
	imaginaryTicket     = 1
	imaginaryOpenTicket = 2
	imaginaryCall       = 1
)

// RehearsedTicket is the ticket of a rehearsed call, as it is when nothing more
// is owed.
type RehearsedTicket struct {
	Via     zendesk.ViaID
	Subject string
	Tags    []string
	// Group, Brand, Assignee and AnsweredBy are ids, 0 for none. The last is part
	// of a voice comment: tickets without audio have none.
	Group, Brand, Assignee, AnsweredBy int64
	Priority                           string
	CustomFields                       []zendesk.CustomField
	// Comments are the plain ones, the oldest first.
	Comments []string
	// Voice is the voice comment, nil if it has none.
	Voice *zendesk.VoiceComment
	// RecordedCall is the call record that it shows, nil if it shows none.
	RecordedCall *zendesk.CallFields
	Requester    zendesk.User
	// Attached says that it was the caller's open ticket, onto which the call
	// went. Then only what the call added to it is told.
	Attached bool
}

// RehearsedPage is a page that an agent was shown.
type RehearsedPage struct {
	// Agent is the Zendesk id.
	Agent int64
	At    time.Time
	Page  RehearsedPageKind
}

// RehearsedPageKind says which page.
type RehearsedPageKind string

// The pages, named as in the policy.
const (
	PageTicket     RehearsedPageKind = "ticket"      // the call's own
	PageOpenTicket RehearsedPageKind = "open_ticket" // one of the caller that was open already
	PageUser       RehearsedPageKind = "user"        // the caller's profile
)

// imaginaryZendesk is an account that knows nobody and takes everything. One
// request is made at a time.
type imaginaryZendesk struct {
	now        func() time.Time
	openTicket bool
	user       zendesk.User
	tickets    map[int64]*RehearsedTicket
	pages      []RehearsedPage
}

// CreateVoiceTicket implements Zendesk. Of two comments the plain one counts, as
// Zendesk has it.
func (z *imaginaryZendesk) CreateVoiceTicket(_ context.Context, t zendesk.VoiceTicket) (zendesk.Ticket, error) {
	fields := t.Ticket
	made := &RehearsedTicket{
		Via: fields.ViaID, Subject: fields.Subject, Tags: fields.Tags, Group: fields.GroupID, Brand: fields.BrandID,
		Assignee: fields.AssigneeID, Priority: fields.Priority, Requester: z.user,
	}
	z.tickets[imaginaryTicket] = made
	made.fill(fields.CustomFields)
	if fields.Comment != nil {
		fields.VoiceComment = nil
	}
	made.comment(fields.Comment, fields.VoiceComment)
	if t.DisplayToAgent != 0 {
		z.show(t.DisplayToAgent, PageTicket)
	}
	return zendesk.Ticket{ID: imaginaryTicket}, nil
}

// UpdateTicket implements Zendesk.
func (z *imaginaryZendesk) UpdateTicket(_ context.Context, id int64, u zendesk.TicketUpdate) (zendesk.Ticket, error) {
	t := z.tickets[id]
	if t == nil {
		return zendesk.Ticket{}, notImagined("UpdateTicket")
	}
	if u.AssigneeID != 0 {
		t.Assignee = u.AssigneeID
	}
	t.fill(u.CustomFields)
	t.comment(u.Comment, u.VoiceComment)
	return zendesk.Ticket{ID: id, AssigneeID: t.Assignee}, nil
}

// fill sets custom fields of the ticket.
func (t *RehearsedTicket) fill(fields []zendesk.CustomField) {
	for _, f := range fields {
		same := func(have zendesk.CustomField) bool { return have.ID == f.ID }
		t.CustomFields = append(slices.DeleteFunc(t.CustomFields, same), f)
	}
}

// comment adds to the ticket what is not nil.
func (t *RehearsedTicket) comment(plain *zendesk.Comment, voice *zendesk.VoiceComment) {
	if plain != nil {
		t.Comments = append(t.Comments, strings.TrimSpace(plain.Body))
	}
	if voice != nil {
		t.Voice, t.AnsweredBy = voice, voice.AnsweredByID
	}
}

// GetTicket implements Zendesk.
func (z *imaginaryZendesk) GetTicket(_ context.Context, id int64) (zendesk.Ticket, error) {
	t := z.tickets[id]
	if t == nil {
		return zendesk.Ticket{}, notImagined("GetTicket")
	}
	return zendesk.Ticket{ID: id, AssigneeID: t.Assignee, RequesterID: imaginaryUser, Status: "open"}, nil
}

// RequestedTickets implements Zendesk: the caller's open ticket has just changed.
func (z *imaginaryZendesk) RequestedTickets(context.Context, int64, time.Time) ([]zendesk.Ticket, error) {
	if !z.openTicket {
		return nil, nil
	}
	at := z.now()
	return []zendesk.Ticket{{
		ID: imaginaryOpenTicket, RequesterID: imaginaryUser, Status: "open", CreatedAt: at, UpdatedAt: at,
	}}, nil
}

// TicketsByExternalID implements Zendesk.
func (z *imaginaryZendesk) TicketsByExternalID(context.Context, string) ([]zendesk.Ticket, error) {
	return nil, nil
}

// ListTicketAudits implements Zendesk. No write is of unknown fate here.
func (z *imaginaryZendesk) ListTicketAudits(context.Context, int64, zendesk.AuditListOptions) (zendesk.AuditPage, error) {
	return zendesk.AuditPage{}, nil
}

// DisplayTicket implements Zendesk.
func (z *imaginaryZendesk) DisplayTicket(_ context.Context, agent, ticket int64) error {
	if ticket == imaginaryOpenTicket {
		z.show(agent, PageOpenTicket)
	} else {
		z.show(agent, PageTicket)
	}
	return nil
}

// DisplayUser implements Zendesk.
func (z *imaginaryZendesk) DisplayUser(_ context.Context, agent, _ int64) error {
	z.show(agent, PageUser)
	return nil
}

func (z *imaginaryZendesk) show(agent int64, page RehearsedPageKind) {
	z.pages = append(z.pages, RehearsedPage{Agent: agent, At: z.now(), Page: page})
}

// SearchUsersByPhone implements Zendesk.
func (z *imaginaryZendesk) SearchUsersByPhone(context.Context, zendesk.PhoneQuery) (zendesk.UserHits, error) {
	return zendesk.UserHits{}, nil
}

// SearchUsersByField implements Zendesk.
func (z *imaginaryZendesk) SearchUsersByField(context.Context, string, ...string) (zendesk.UserHits, error) {
	return zendesk.UserHits{}, nil
}

// UserIdentities implements Zendesk.
func (z *imaginaryZendesk) UserIdentities(context.Context, int64) iter.Seq2[zendesk.UserIdentity, error] {
	return func(func(zendesk.UserIdentity, error) bool) {}
}

// GetUser implements Zendesk.
func (z *imaginaryZendesk) GetUser(context.Context, int64) (zendesk.User, error) { return z.user, nil }

// LastChangedTicket implements Zendesk.
func (z *imaginaryZendesk) LastChangedTicket(context.Context, int64) (zendesk.Ticket, bool, error) {
	return zendesk.Ticket{}, false, nil
}

// UsersByExternalIDs implements Zendesk.
func (z *imaginaryZendesk) UsersByExternalIDs(context.Context, ...string) ([]zendesk.User, error) {
	return nil, nil
}

// UsersByEmail implements Zendesk.
func (z *imaginaryZendesk) UsersByEmail(context.Context, string) ([]zendesk.User, error) {
	return nil, nil
}

// CreateUser implements Zendesk: whoever calls is new.
func (z *imaginaryZendesk) CreateUser(_ context.Context, u zendesk.NewUser) (zendesk.User, error) {
	z.user = zendesk.User{
		ID: imaginaryUser, Name: u.Name, Phone: u.Phone, Email: u.Email, ExternalID: u.ExternalID, Role: zendesk.RoleEndUser, Active: true,
	}
	return z.user, nil
}

// NewestOpenTicket implements Zendesk.
func (z *imaginaryZendesk) NewestOpenTicket(context.Context, int64) (zendesk.Ticket, bool, error) {
	return zendesk.Ticket{ID: imaginaryOpenTicket}, z.openTicket, nil
}

// CreateCall implements Zendesk: the record tells of the call on its ticket.
func (z *imaginaryZendesk) CreateCall(ctx context.Context, n zendesk.NewCall) (zendesk.CallRecord, error) {
	record, err := z.UpdateCall(ctx, imaginaryCall, n.Call)
	return record, err
}

// UpdateCall implements Zendesk.
func (z *imaginaryZendesk) UpdateCall(_ context.Context, id int64, change zendesk.CallFields) (zendesk.CallRecord, error) {
	t := z.tickets[change.TicketID]
	if t == nil {
		return zendesk.CallRecord{}, notImagined("UpdateCall")
	}
	t.AnsweredBy, t.RecordedCall = change.AgentID, &change
	return zendesk.CallRecord{ID: id, CallFields: change}, nil
}

// CommentOnCall implements Zendesk.
func (z *imaginaryZendesk) CommentOnCall(context.Context, int64, zendesk.CallComment) (zendesk.TicketComment, error) {
	return zendesk.TicketComment{}, nil
}

// TicketComments implements Zendesk. No write is of unknown fate here.
func (z *imaginaryZendesk) TicketComments(context.Context, int64, bool) iter.Seq2[zendesk.TicketComment, error] {
	return func(func(zendesk.TicketComment, error) bool) {}
}

// notImagined is for what cannot be asked of an account without a ticket.
func notImagined(operation string) error {
	return &zendesk.Error{Operation: operation, Status: http.StatusNotFound}
}

// imaginaryAudio has every recording, and every message where there are any.
type imaginaryAudio struct{ noVoicemail bool }

// imaginaryURL is where imaginary audio plays.
const imaginaryURL = "https://calls.example.com/audio.wav"

// Collect implements AudioCollector.
func (a imaginaryAudio) Collect(ctx context.Context, call telephony.CallID, path string) (Audio, error) {
	if a.noVoicemail {
		return noAudio{}.Collect(ctx, call, path)
	}
	return Audio{URL: imaginaryURL}, nil
}

// CollectRecording implements AudioCollector.
func (imaginaryAudio) CollectRecording(context.Context, telephony.CallID, string) (Audio, error) {
	return Audio{URL: imaginaryURL}, nil
}
