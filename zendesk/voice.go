package zendesk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// ViaID says what kind of call a voice ticket stands for. It is fixed when the ticket is created; on an update it
// would mark only that one audit.
//
// Zendesk docs: https://developer.zendesk.com/documentation/ticketing/reference-guides/via-object-reference/
type ViaID int

// The kinds that Create Ticket or Voicemail Ticket takes. The zero value is none of them.
const (
	ViaVoicemail ViaID = 44
	ViaInbound   ViaID = 45
	ViaOutbound  ViaID = 46
)

// Channel is what the ticket's via.channel says, such as "api_phone_call_inbound"; empty for an unknown kind.
func (v ViaID) Channel() string {
	switch v {
	case ViaVoicemail:
		return "api_voicemail"
	case ViaInbound:
		return "api_phone_call_inbound"
	case ViaOutbound:
		return "api_phone_call_outbound"
	}
	return ""
}

// VoiceTicket is a request of [Client.CreateVoiceTicket]. It survives JSON: what is marshalled, stored and read again
// is sent as exactly the same bytes.
type VoiceTicket struct {
	Ticket TicketFields `json:"ticket"`
	// DisplayToAgent opens the new ticket in the browser of this agent; zero for nobody. Zendesk checks it first
	// and creates nothing if it is not an agent's id.
	DisplayToAgent int64 `json:"display_to_agent,omitzero"`
}

// VoiceComment is a call as Zendesk shows it on a ticket: the data and a player. Without a recording the player stays
// and says that there is none.
//
// Zendesk docs: https://developer.zendesk.com/documentation/ticketing/managing-tickets/adding-voice-comments-to-tickets/
type VoiceComment struct {
	// From and To are the numbers, E.164 where possible.
	From, To string
	// RecordingURL is a link that the agent's browser can follow; Zendesk does not copy what is behind it.
	RecordingURL string
	// StartedAt is sent as UTC with whole seconds; not sent if zero.
	StartedAt time.Time
	// CallDuration is sent as whole seconds, also if zero.
	CallDuration time.Duration
	// AnsweredByID is the agent's user id, zero for nobody.
	AnsweredByID int64
	// TranscriptionText and Location (free text) are optional.
	TranscriptionText, Location string
	// Public says whether the requester sees the comment; nil leaves it to Zendesk.
	Public *bool
}

// voiceCommentWire is a VoiceComment as Zendesk spells it.
type voiceCommentWire struct {
	From              string `json:"from"`
	To                string `json:"to"`
	RecordingURL      string `json:"recording_url,omitzero"`
	StartedAt         string `json:"started_at,omitzero"`
	CallDuration      int64  `json:"call_duration"`
	AnsweredByID      int64  `json:"answered_by_id,omitzero"`
	TranscriptionText string `json:"transcription_text,omitzero"`
	Location          string `json:"location,omitzero"`
	Public            *bool  `json:"public,omitzero"`
}

// MarshalJSON implements [json.Marshaler].
func (v VoiceComment) MarshalJSON() ([]byte, error) {
	wire := voiceCommentWire{
		From: v.From, To: v.To, RecordingURL: v.RecordingURL,
		CallDuration: int64(v.CallDuration.Round(time.Second) / time.Second), AnsweredByID: v.AnsweredByID,
		TranscriptionText: v.TranscriptionText, Location: v.Location, Public: v.Public,
	}
	if !v.StartedAt.IsZero() {
		wire.StartedAt = v.StartedAt.UTC().Format(time.RFC3339)
	}
	return json.Marshal(wire)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (v *VoiceComment) UnmarshalJSON(data []byte) error {
	var wire voiceCommentWire
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*v = VoiceComment{
		From: wire.From, To: wire.To, RecordingURL: wire.RecordingURL,
		CallDuration: time.Duration(wire.CallDuration) * time.Second, AnsweredByID: wire.AnsweredByID,
		TranscriptionText: wire.TranscriptionText, Location: wire.Location, Public: wire.Public,
	}
	if wire.StartedAt == "" {
		return nil
	}
	started, err := time.Parse(time.RFC3339, wire.StartedAt)
	if err != nil {
		return fmt.Errorf("voice comment: started_at: %w", err)
	}
	v.StartedAt = started.UTC()
	return nil
}

// CreateVoiceTicket creates a ticket that stands for a call. Every success is a new ticket: there is no idempotency
// key on this endpoint, so after an [Uncertain] error look with [Client.TicketsByExternalID] before sending it again.
// If the fields hold a Comment and a VoiceComment, Zendesk keeps the plain comment only.
//
// A 403 or 404 mostly means that the account has no Talk Partner Edition (Suite Growth or higher); a 422 with an
// empty body, that DisplayToAgent is not an agent.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/voice/talk-partner-edition-api/basics/#create-ticket-or-voicemail-ticket
//
//api:operation POST /api/v2/channels/voice/tickets
func (c *Client) CreateVoiceTicket(ctx context.Context, t VoiceTicket) (Ticket, error) {
	op := operation{"CreateVoiceTicket", http.MethodPost, "/api/v2/channels/voice/tickets"}
	switch {
	case t.Ticket.ViaID.Channel() == "":
		return Ticket{}, &InputError{Operation: op.name, Field: "ticket.via_id", Problem: "want 44, 45 or 46"}
	case t.Ticket.ViaID == ViaVoicemail && t.Ticket.VoiceComment == nil:
		return Ticket{}, &InputError{Operation: op.name, Field: "ticket.voice_comment", Problem: "a voicemail must have one"}
	case t.DisplayToAgent < 0:
		return Ticket{}, &InputError{Operation: op.name, Field: "display_to_agent", Problem: "want a positive id, or zero for nobody"}
	}
	return one[Ticket](ctx, c, call{op: op, body: t}, "ticket")
}

// DisplayTicket opens the ticket in the agent's browser. Success means that Zendesk accepted it, not that anybody saw
// it; 404 means that one of the ids is not valid.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/voice/talk-partner-edition-api/basics/#open-ticket-in-agents-browser
//
//api:operation POST /api/v2/channels/voice/agents/{agent_id}/tickets/{ticket_id}/display
func (c *Client) DisplayTicket(ctx context.Context, agentID, ticketID int64) error {
	op := operation{"DisplayTicket", http.MethodPost, "/api/v2/channels/voice/agents/{agent_id}/tickets/{ticket_id}/display"}
	return c.do(ctx, call{op: op, ids: []int64{agentID, ticketID}}, nil)
}

// DisplayUser opens the user's profile in the agent's browser. Success means the same as in [Client.DisplayTicket].
//
// Zendesk docs: https://developer.zendesk.com/api-reference/voice/talk-partner-edition-api/basics/#open-a-users-profile-in-an-agents-browser
//
//api:operation POST /api/v2/channels/voice/agents/{agent_id}/users/{user_id}/display
func (c *Client) DisplayUser(ctx context.Context, agentID, userID int64) error {
	op := operation{"DisplayUser", http.MethodPost, "/api/v2/channels/voice/agents/{agent_id}/users/{user_id}/display"}
	return c.do(ctx, call{op: op, ids: []int64{agentID, userID}}, nil)
}
