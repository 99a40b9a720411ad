package zendesktest

import (
	"maps"
	"slices"
	"time"
)

// Roles of a [User].
const (
	RoleEndUser = "end-user"
	RoleAgent   = "agent"
	RoleAdmin   = "admin"
)

// User is a person in the account: an end user, an agent or an admin.
// The zero value is not a valid user; [Server.AddUser] and [Server.AddAgent] say what is needed.
type User struct {
	// ID is assigned if zero.
	ID int64
	// Name is mandatory.
	Name string
	// Email is unique in the account, or empty.
	Email string
	// Phone is kept as typed, or empty.
	Phone string
	// SharedPhone says that Phone is not unique in the account: it is no identity, and other users may have it too.
	SharedPhone bool
	// PhoneIdentities are the direct lines of the user: each is unique in the account.
	PhoneIdentities []string
	// Role is RoleEndUser, RoleAgent or RoleAdmin.
	Role string
	// ExternalID is unique in the account without regard to case, or empty.
	ExternalID string
	// Suspended users cannot request tickets; suspended agents cannot be shown pages.
	Suspended bool
	// Deleted users are still shown by their id, as inactive, and nowhere else; see [Server.DeleteUser].
	Deleted bool
	// MergedInto is the user that this one was merged into, zero if he was not.
	MergedInto int64
	// Notes and Tags are kept as sent.
	Notes string
	Tags  []string
	// Fields are the custom user fields by key.
	Fields map[string]any
	// CreatedAt and UpdatedAt are the account's time.
	CreatedAt, UpdatedAt time.Time
}

// IsAgent reports whether the user can work on tickets and be shown pages: an agent or admin who is neither suspended nor deleted.
func (u User) IsAgent() bool {
	return (u.Role == RoleAgent || u.Role == RoleAdmin) && !u.Suspended && !u.Deleted
}

func (u *User) clone() User {
	c := *u
	c.PhoneIdentities = slices.Clone(u.PhoneIdentities)
	c.Tags = slices.Clone(u.Tags)
	c.Fields = maps.Clone(u.Fields)
	return c
}

// phones returns every number that the user can be found by.
func (u *User) phones() []string {
	if u.Phone == "" || slices.Contains(u.PhoneIdentities, u.Phone) {
		return u.PhoneIdentities
	}
	return append([]string{u.Phone}, u.PhoneIdentities...)
}

// Ticket is a ticket as it is stored, with its whole story. Zero ids and empty strings mean null.
type Ticket struct {
	ID          int64
	Subject     string
	Description string
	// Status is new, open, pending, hold, solved or closed.
	Status   string
	Priority string
	Type     string
	// ExternalID is not unique in the account.
	ExternalID                   string
	RequesterID, SubmitterID     int64
	AssigneeID, GroupID, BrandID int64
	ProblemID, CustomStatusID    int64
	OrganizationID, TicketFormID int64
	Tags                         []string
	CustomFields                 []CustomField
	DueAt                        string
	Recipient                    string
	// ViaID is how the ticket was made: 0 web or API, 44 voicemail, 45 inbound call, 46 outbound call, 27 follow-up.
	// It never changes.
	ViaID int
	// Public says that at least one comment is public.
	Public bool
	// FollowupSourceID is the closed ticket that this one follows up.
	FollowupSourceID int64
	FollowupIDs      []int64
	// CreatedAt and UpdatedAt are the account's time, to the second as Zendesk gives them.
	CreatedAt, UpdatedAt time.Time
	// Deleted tickets are hidden from the API, not from [Server.Ticket].
	Deleted bool
	// MergedInto is the ticket that this one was merged into, zero if it was not.
	MergedInto int64
	// Comments and Audits are in the order in which they were made.
	Comments []Comment
	Audits   []Audit
}

// CustomField is the value of one custom ticket field.
type CustomField struct {
	ID    int64 `json:"id"`
	Value any   `json:"value"`
}

// Channel is the ticket's via.channel: api_phone_call_inbound for a call from outside, and so on.
func (t Ticket) Channel() string { return channelName(t.ViaID) }

// VoiceComments returns the voice comments of the ticket, oldest first.
func (t Ticket) VoiceComments() []VoiceComment {
	var out []VoiceComment
	for i := range t.Comments {
		if v := t.Comments[i].Voice; v != nil {
			out = append(out, *v)
		}
	}
	return out
}

// HasTag reports whether the ticket has the tag.
func (t Ticket) HasTag(tag string) bool { return slices.Contains(t.Tags, tag) }

// header returns a copy without comments and audits, for the search index and for comparing.
func (t *Ticket) header() Ticket {
	c := *t
	c.Comments, c.Audits = nil, nil
	c.Tags = slices.Clone(t.Tags)
	c.CustomFields = slices.Clone(t.CustomFields)
	c.FollowupIDs = slices.Clone(t.FollowupIDs)
	return c
}

func (t *Ticket) clone() Ticket {
	c := t.header()
	c.Comments = slices.Clone(t.Comments)
	c.Audits = slices.Clone(t.Audits)
	return c
}

// Comment is one comment of a ticket. Comments are never changed once made.
type Comment struct {
	ID, AuditID int64
	// Type is Comment, VoiceComment or TpeVoiceComment.
	Type     string
	AuthorID int64
	Body     string
	// HTMLBody is the body as HTML; what the client sent as body is escaped in it.
	HTMLBody  string
	Public    bool
	CreatedAt time.Time
	ViaID     int
	// Voice is the call data of a VoiceComment, else nil.
	Voice *VoiceComment
	// Call is what a TpeVoiceComment shows of a call record, else nil.
	Call *CallView
}

// VoiceComment is the call data of a voice comment.
type VoiceComment struct {
	From, To string
	// RecordingURL is the link the agent's browser plays; empty shows 'recording not available'.
	RecordingURL string
	// StartedAt is zero if it was not sent.
	StartedAt time.Time
	// CallDuration is in seconds.
	CallDuration int
	// AnsweredByID is the agent who answered, zero if nobody did.
	AnsweredByID int64
	// TranscriptionText and Location are empty if they were not sent.
	TranscriptionText, Location string
	// Outbound is true where the audit's channel is an outbound call.
	Outbound bool
}

// Audit is one change of a ticket, with all that happened in it.
type Audit struct {
	ID, TicketID, AuthorID int64
	CreatedAt              time.Time
	ViaID                  int
	// Custom is metadata.custom: what the client sent as ticket.metadata. Never nil.
	Custom map[string]any
	// Client and IPAddress are metadata.system.
	Client, IPAddress string
	Events            []Event
}

// Event is one thing that happened in an [Audit].
type Event struct {
	ID int64
	// Type is Create, Change, Comment, VoiceComment or TpeVoiceComment.
	Type string
	// FieldName, Value and PreviousValue are set for Create and Change.
	FieldName            string
	Value, PreviousValue any
	// CommentID is the comment that was made, zero for Create and Change.
	CommentID int64
}

// PopSource says which request opened a page.
type PopSource string

// The two ways in which a page is opened.
const (
	// PopDisplay is a call of one of the two display operations.
	PopDisplay PopSource = "display"
	// PopCreate is a display_to_agent in the request that created the ticket.
	PopCreate PopSource = "display_to_agent"
)

// Pop is a page that was opened in an agent's browser.
type Pop struct {
	// Seq counts from 1 over all agents.
	Seq     int64
	AgentID int64
	// TicketID is the ticket shown, zero if it was a user.
	TicketID int64
	// UserID is the user profile shown, zero if it was a ticket.
	UserID int64
	At     time.Time
	Source PopSource
}

// Request is one request that the server received.
type Request struct {
	// Seq counts from 1 in the order of arrival.
	Seq int64
	// At is when it had been read; Took is how long the answer was in the making, waits of faults included.
	At   time.Time
	Took time.Duration
	// Method and Path are as received, Query is raw.
	Method, Path, Query string
	// Status is the answer, zero if the connection was cut.
	Status int
	// Body is the beginning of the request body; empty where it holds secrets.
	Body string
	// UserID is the authenticated user, zero if there was none.
	UserID int64
	// Fault names the injected fault that the request met, empty if none.
	Fault string
	// Committed says that the request changed something. For a late commit it is false: the answer was lost before.
	Committed bool
}
