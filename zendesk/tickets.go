package zendesk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// maxPages bounds how many pages are read for one question whose answer is expected to be small.
const maxPages = 10

// Via says how a ticket or an audit came to be.
type Via struct {
	// Channel is a word such as "api_phone_call_inbound" or "web".
	Channel string `json:"channel"`
}

// CustomField is the value of one of the account's own ticket fields.
type CustomField struct {
	ID int64 `json:"id"`
	// Value is a string, a bool, a json.Number, a list or nil.
	Value any `json:"value"`
}

// UnmarshalJSON implements [json.Unmarshaler]; numbers stay as they are written.
func (f *CustomField) UnmarshalJSON(data []byte) error {
	type plain CustomField
	return unmarshalExact(data, (*plain)(f))
}

// Metadata is free data on an audit, shown to nobody but the API. Values are strings, bools, json.Numbers, lists and
// further maps; a list in its place (which is how some servers write an empty one) reads as nil.
type Metadata map[string]any

// UnmarshalJSON implements [json.Unmarshaler]; numbers stay as they are written.
func (m *Metadata) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		*m = nil
		return nil
	}
	return unmarshalExact(data, (*map[string]any)(m))
}

// unmarshalExact decodes without turning numbers into floats, so that they can be written again as they were.
func unmarshalExact(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode(into)
}

// Ticket is a ticket as Zendesk answers it. Fields that this package does not know are left out; ids are zero and
// texts empty where Zendesk says null.
type Ticket struct {
	ID           int64         `json:"id"`
	ExternalID   string        `json:"external_id"`
	Subject      string        `json:"subject"`
	Description  string        `json:"description"`
	Status       string        `json:"status"`
	Priority     string        `json:"priority"`
	Type         string        `json:"type"`
	RequesterID  int64         `json:"requester_id"`
	SubmitterID  int64         `json:"submitter_id"`
	AssigneeID   int64         `json:"assignee_id"`
	GroupID      int64         `json:"group_id"`
	BrandID      int64         `json:"brand_id"`
	Tags         []string      `json:"tags"`
	CustomFields []CustomField `json:"custom_fields"`
	Via          Via           `json:"via"`
	CreatedAt    time.Time     `json:"created_at"`
	UpdatedAt    time.Time     `json:"updated_at"`
}

// Comment is what is said on a ticket. Comments are public unless Public points to false: the requester may get them
// by mail.
type Comment struct {
	Body     string `json:"body,omitzero"`
	HTMLBody string `json:"html_body,omitzero"`
	Public   *bool  `json:"public,omitzero"`
	// AuthorID is zero for the user the client acts as.
	AuthorID int64 `json:"author_id,omitzero"`
	// Uploads are the tokens of files uploaded before.
	Uploads []string `json:"uploads,omitempty"`
}

// Requester names the person who asks, for a user who may not exist yet. Zendesk finds one by the email only, never
// by the phone number.
type Requester struct {
	Name  string `json:"name,omitzero"`
	Email string `json:"email,omitzero"`
	Phone string `json:"phone,omitzero"`
}

// TicketFields are the fields of a ticket to be created. Zero values are not sent.
type TicketFields struct {
	// ViaID is for voice tickets, which must have it; it belongs inside the ticket.
	ViaID        ViaID         `json:"via_id,omitzero"`
	ExternalID   string        `json:"external_id,omitzero"`
	Subject      string        `json:"subject,omitzero"`
	Comment      *Comment      `json:"comment,omitzero"`
	VoiceComment *VoiceComment `json:"voice_comment,omitzero"`
	Requester    *Requester    `json:"requester,omitzero"`
	RequesterID  int64         `json:"requester_id,omitzero"`
	SubmitterID  int64         `json:"submitter_id,omitzero"`
	AssigneeID   int64         `json:"assignee_id,omitzero"`
	GroupID      int64         `json:"group_id,omitzero"`
	BrandID      int64         `json:"brand_id,omitzero"`
	TicketFormID int64         `json:"ticket_form_id,omitzero"`
	Status       string        `json:"status,omitzero"`
	Priority     string        `json:"priority,omitzero"`
	Type         string        `json:"type,omitzero"`
	Tags         []string      `json:"tags,omitempty"`
	CustomFields []CustomField `json:"custom_fields,omitempty"`
	Metadata     Metadata      `json:"metadata,omitempty"`
	// ViaFollowupSourceID is the closed ticket that this one follows. It does nothing if that one is not closed.
	ViaFollowupSourceID int64 `json:"via_followup_source_id,omitzero"`
}

// NewTicket is a request of [Client.CreateTicket]. It survives JSON like a [VoiceTicket].
type NewTicket struct {
	Ticket TicketFields `json:"ticket"`
}

// TicketUpdate is a request of [Client.UpdateTicket]: what is set is changed, zero values are not sent. There are no
// tags in it, because an update would replace all of them; use [Client.AddTags]. It survives JSON like a
// [VoiceTicket].
type TicketUpdate struct {
	ExternalID   string        `json:"external_id,omitzero"`
	Subject      string        `json:"subject,omitzero"`
	Comment      *Comment      `json:"comment,omitzero"`
	VoiceComment *VoiceComment `json:"voice_comment,omitzero"`
	RequesterID  int64         `json:"requester_id,omitzero"`
	AssigneeID   int64         `json:"assignee_id,omitzero"`
	GroupID      int64         `json:"group_id,omitzero"`
	Status       string        `json:"status,omitzero"`
	Priority     string        `json:"priority,omitzero"`
	Type         string        `json:"type,omitzero"`
	CustomFields []CustomField `json:"custom_fields,omitempty"`
	// Metadata is shown as metadata.custom of the audit that this update makes.
	Metadata Metadata `json:"metadata,omitempty"`
	// SafeUpdate makes Zendesk refuse the update with 409 unless UpdatedStamp is the ticket's UpdatedAt. Its
	// presence alone switches the check on, so false is never sent.
	SafeUpdate   bool      `json:"safe_update,omitzero"`
	UpdatedStamp time.Time `json:"updated_stamp,omitzero"`
}

func (t Ticket) lacks() string { return lacksID(t.ID) }

// ticketList is {"tickets": […]}.
type ticketList struct {
	Tickets  []Ticket `json:"tickets"`
	NextPage string   `json:"next_page"`
}

func (a *ticketList) missing() string {
	if a.Tickets == nil {
		return "tickets"
	}
	return ""
}

// CreateTicketOptions are the optional parts of [Client.CreateTicket].
type CreateTicketOptions struct {
	// IdempotencyKey makes Zendesk answer a repetition within two hours with the first ticket, if the body is the
	// same; with another body it answers 400 (see [Error.IsIdempotencyMismatch]). Up to 255 characters.
	IdempotencyKey string
}

// CreateTicket creates an ordinary ticket. Only the comment is required. Whether the answer came from an earlier
// request with the same key is in [Exchange.Replayed].
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#create-ticket
//
//api:operation POST /api/v2/tickets
func (c *Client) CreateTicket(ctx context.Context, t NewTicket, opts CreateTicketOptions) (Ticket, error) {
	op := operation{"CreateTicket", http.MethodPost, "/api/v2/tickets"}
	return one[Ticket](ctx, c, call{op: op, body: t, idempotencyKey: opts.IdempotencyKey}, "ticket")
}

// TicketsByExternalID returns the tickets with exactly this external id, oldest first, empty if there are none. It
// reads Zendesk's database and not its search index, so a ticket is found as soon as it was created. External ids
// need not be unique. Deleted and archived tickets are not among them.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#list-tickets
//
//api:operation GET /api/v2/tickets
func (c *Client) TicketsByExternalID(ctx context.Context, externalID string) ([]Ticket, error) {
	op := operation{"TicketsByExternalID", http.MethodGet, "/api/v2/tickets"}
	if externalID == "" {
		return nil, &InputError{Operation: op.name, Field: "external_id", Problem: "is empty, which would list all tickets"}
	}
	var found []Ticket
	for page := 1; ; page++ {
		query := url.Values{"external_id": {externalID}, "per_page": {strconv.Itoa(pageSize)}}
		if page > 1 {
			query.Set("page", strconv.Itoa(page))
		}
		var out ticketList
		if err := c.do(ctx, call{op: op, query: query}, &out); err != nil {
			return nil, err
		}
		for _, t := range out.Tickets {
			if t.ExternalID == externalID {
				found = append(found, t)
			}
		}
		if out.NextPage == "" || page == maxPages {
			break
		}
	}
	slices.SortFunc(found, func(a, b Ticket) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return found, nil
}

// GetTicket returns one ticket. A deleted one is a 404.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#show-ticket
//
//api:operation GET /api/v2/tickets/{ticket_id}
func (c *Client) GetTicket(ctx context.Context, ticketID int64) (Ticket, error) {
	op := operation{"GetTicket", http.MethodGet, "/api/v2/tickets/{ticket_id}"}
	return one[Ticket](ctx, c, call{op: op, ids: []int64{ticketID}}, "ticket")
}

// UpdateTicket changes a ticket and returns it as it is then. A closed ticket is refused (see [Error.IsClosed]), a
// solved one is not. Zendesk takes 30 updates of one ticket in ten minutes, and 100 a minute for the whole account.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#update-ticket
//
//api:operation PUT /api/v2/tickets/{ticket_id}
func (c *Client) UpdateTicket(ctx context.Context, ticketID int64, u TicketUpdate) (Ticket, error) {
	op := operation{"UpdateTicket", http.MethodPut, "/api/v2/tickets/{ticket_id}"}
	if u.SafeUpdate == u.UpdatedStamp.IsZero() {
		return Ticket{}, &InputError{Operation: op.name, Field: "updated_stamp", Problem: "want both it and safe_update, or neither"}
	}
	return one[Ticket](ctx, c, call{op: op, ids: []int64{ticketID}, body: wrap{"ticket": u}}, "ticket")
}
