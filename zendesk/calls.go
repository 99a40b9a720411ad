package zendesk

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Seconds is a duration as the Calls API counts it. In [CallFields] nil means that nothing is known, and a pointer to
// zero that it was zero.
type Seconds int64

// InSeconds is a duration for [CallFields], rounded to whole seconds.
func InSeconds(d time.Duration) *Seconds { return new(Seconds(d.Round(time.Second) / time.Second)) }

// Duration is the duration of s.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// CallDirection says who called whom. Zendesk may send others than those named here.
type CallDirection string

// The directions that Zendesk takes.
const (
	CallInbound  CallDirection = "inbound"
	CallOutbound CallDirection = "outbound"
)

// CompletionStatus says how a call ended; empty while it lasts. Zendesk's list is open: others may come.
type CompletionStatus string

// The known ones.
const (
	CallCompleted            CompletionStatus = "completed"
	CallAbandonedInQueue     CompletionStatus = "abandoned_in_queue"
	CallAbandonedInIVR       CompletionStatus = "abandoned_in_ivr"
	CallAbandonedInVoicemail CompletionStatus = "abandoned_in_voicemail"
	CallAbandonedOnHold      CompletionStatus = "abandoned_on_hold"
	CallOverflow             CompletionStatus = "overflow"
	CallFailed               CompletionStatus = "failed"
	CallMissed               CompletionStatus = "missed"
)

// RecordingConsent says what the account does about consent to recording on a line. Others may come.
type RecordingConsent string

// The ones that Zendesk's documentation names.
const (
	ConsentAlways RecordingConsent = "always"
	ConsentOptIn  RecordingConsent = "opt_in"
	ConsentOptOut RecordingConsent = "opt_out"
	ConsentNever  RecordingConsent = "never"
)

// CallFields are what Zendesk's standard call object holds about a call. Zero values and nil pointers are not sent: on
// an update they leave alone what is there. The wire names are what [CallComment.Fields] lists.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/voice/talk-partner-edition-api/calls/#json-format
type CallFields struct {
	// AppID is the id of a Zendesk app that is installed in the account; its name is shown on the comment. Mandatory.
	AppID int64 `json:"app_id,omitzero"`
	// TicketID is where comments go. Without one the first comment makes a ticket.
	TicketID       int64 `json:"ticket_id,omitzero"`
	EndUserID      int64 `json:"end_user_id,omitzero"`
	OrganizationID int64 `json:"organization_id,omitzero"`
	// BrandID is the brand of a ticket that is made.
	BrandID int64 `json:"brand_id,omitzero"`
	// AgentID is the agent who answered.
	AgentID int64 `json:"agent_id,omitzero"`
	// ExternalID is the caller's own key. It need not be unique, and nothing finds a call by it.
	ExternalID string `json:"external_id,omitzero"`

	// FromLine and ToLine are the numbers. Mandatory.
	FromLine         string        `json:"from_line,omitzero"`
	FromLineNickname string        `json:"from_line_nickname,omitzero"`
	ToLine           string        `json:"to_line,omitzero"`
	ToLineNickname   string        `json:"to_line_nickname,omitzero"`
	DNIS             string        `json:"dnis,omitzero"`
	PhoneName        string        `json:"phone_name,omitzero"`
	EndUserLocation  string        `json:"end_user_location,omitzero"`
	Direction        CallDirection `json:"direction,omitzero"`
	CallType         string        `json:"call_type,omitzero"`

	// StartedAt is when the call was connected and a greeting began. Mandatory.
	StartedAt time.Time `json:"call_started_at,omitzero"`
	EndedAt   time.Time `json:"call_ended_at,omitzero"`
	// Duration is the whole call; the others are its parts.
	Duration          *Seconds `json:"duration,omitzero"`
	WaitTime          *Seconds `json:"wait_time,omitzero"`
	TimeToAnswer      *Seconds `json:"time_to_answer,omitzero"`
	QueueTime         *Seconds `json:"queue_time,omitzero"`
	ExceededQueueTime *bool    `json:"exceeded_queue_time,omitzero"`
	TalkTime          *Seconds `json:"talk_time,omitzero"`
	HoldTime          *Seconds `json:"hold_time,omitzero"`
	ConsultationTime  *Seconds `json:"consultation_time,omitzero"`
	WrapUpTime        *Seconds `json:"wrap_up_time,omitzero"`

	QueueName               string   `json:"queue_name,omitzero"`
	IVRTimeSpent            *Seconds `json:"ivr_time_spent,omitzero"`
	IVRHops                 *int     `json:"ivr_hops,omitzero"`
	IVRAction               string   `json:"ivr_action,omitzero"`
	IVRRoutedTo             string   `json:"ivr_routed_to,omitzero"`
	IVRDestinationGroupName string   `json:"ivr_destination_group_name,omitzero"`
	Overflowed              *bool    `json:"overflowed,omitzero"`
	OverflowedTo            string   `json:"overflowed_to,omitzero"`
	OutsideBusinessHours    *bool    `json:"outside_business_hours,omitzero"`

	Voicemail                  *bool  `json:"voicemail,omitzero"`
	CustomerRequestedVoicemail *bool  `json:"customer_requested_voicemail,omitzero"`
	Callback                   *bool  `json:"callback,omitzero"`
	CallbackSource             string `json:"callback_source,omitzero"`
	CallbackNumber             string `json:"callback_number,omitzero"`
	// AbandonedPosition is where in the call the caller gave up.
	AbandonedPosition string           `json:"call_abandoned_position,omitzero"`
	CompletionStatus  CompletionStatus `json:"completion_status,omitzero"`
	// Disposition is the outcome in the words of the call centre, such as "problem solved".
	Disposition string `json:"call_disposition,omitzero"`

	// RecordingURL is a link that the agent's browser can follow.
	RecordingURL     string   `json:"recording_url,omitzero"`
	RecordingTime    *Seconds `json:"recording_time,omitzero"`
	NotRecordingTime *Seconds `json:"not_recording_time,omitzero"`
	// RecordingConsentAction is what the caller chose, such as "caller_opted_in".
	RecordingConsent             RecordingConsent `json:"call_recording_consent,omitzero"`
	RecordingConsentAction       string           `json:"call_recording_consent_action,omitzero"`
	RecordingControlInteractions *int             `json:"recording_control_interactions,omitzero"`
	Transcript                   string           `json:"transcript,omitzero"`
}

// CallRecord is a call as Zendesk keeps it.
type CallRecord struct {
	ID        int64 `json:"id"`
	AccountID int64 `json:"account_id"`
	CallFields

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func (r CallRecord) lacks() string { return lacksID(r.ID) }

// CallComment says how a call is shown on a ticket. All of it is optional. What is shown is a snapshot: a later change
// of the call does not change it.
type CallComment struct {
	// Fields are the wire names of the [CallFields] to show, in order, such as "queue_time".
	Fields []string `json:"call_fields,omitempty"`
	Title  string   `json:"title,omitzero"`
	// Subject is that of a ticket which is made.
	Subject string `json:"subject,omitzero"`
	// AuthorID is zero for the user the client acts as.
	AuthorID  int64 `json:"author_id,omitzero"`
	EndUserID int64 `json:"end_user_id,omitzero"`
	// DisplayToAgent opens the ticket in the browser of this agent; zero for nobody.
	DisplayToAgent int64 `json:"display_to_agent,omitzero"`
}

// NewCall is a request of [Client.CreateCall]. It survives JSON like a [VoiceTicket].
type NewCall struct {
	Call CallFields `json:"call"`
	// Comment shows the call on a ticket at once: on Call.TicketID, or on one that Zendesk makes. Nil shows it nowhere.
	Comment *CallComment `json:"comment,omitempty"`
}

// CreateCall stores a call record. With a comment and without a TicketID Zendesk also makes a ticket, whose id is in the
// answer: do not make another one with [Client.CreateVoiceTicket]. Without a comment nothing is seen anywhere.
//
// There is no idempotency key, and no way to list calls or to find one by its ExternalID: after an [Uncertain] error the
// call can only be found through the comments of its ticket, see [TicketComment.Call].
//
// A 422 mostly means that AppID is not the id of an installed app; a 403 or 404, that the account has no Talk Partner
// Edition. Keys that Zendesk does not know are dropped, see [Exchange.Warning].
//
// Zendesk docs: https://developer.zendesk.com/api-reference/voice/talk-partner-edition-api/calls/#create-call
//
//api:operation POST /api/v2/calls
func (c *Client) CreateCall(ctx context.Context, n NewCall) (CallRecord, error) {
	op := operation{"CreateCall", http.MethodPost, "/api/v2/calls"}
	in := input{op: op}
	in.id("call.app_id", n.Call.AppID)
	in.present("call.from_line", n.Call.FromLine)
	in.present("call.to_line", n.Call.ToLine)
	in.present("call.direction", string(n.Call.Direction))
	if n.Call.StartedAt.IsZero() {
		in.refuse("call.call_started_at", "is not set; Zendesk demands it")
	}
	if in.err != nil {
		return CallRecord{}, in.err
	}
	n.Call.inUTC()
	return one[CallRecord](ctx, c, call{op: op, body: n}, "call")
}

// UpdateCall changes what is set in the fields and returns the record as it is then. Comments that show the call stay as
// they are.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/voice/talk-partner-edition-api/calls/#update-call
//
//api:operation PATCH /api/v2/calls/{call_id}
func (c *Client) UpdateCall(ctx context.Context, callID int64, change CallFields) (CallRecord, error) {
	op := operation{"UpdateCall", http.MethodPatch, "/api/v2/calls/{call_id}"}
	if change == (CallFields{}) {
		return CallRecord{}, &InputError{Operation: op.name, Field: "call", Problem: "changes nothing"}
	}
	change.inUTC()
	return one[CallRecord](ctx, c, call{op: op, ids: []int64{callID}, body: wrap{"call": change}}, "call")
}

// GetCall returns one call record.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/voice/talk-partner-edition-api/calls/#show-call
//
//api:operation GET /api/v2/calls/{call_id}
func (c *Client) GetCall(ctx context.Context, callID int64) (CallRecord, error) {
	op := operation{"GetCall", http.MethodGet, "/api/v2/calls/{call_id}"}
	return one[CallRecord](ctx, c, call{op: op, ids: []int64{callID}}, "call")
}

// CommentOnCall shows a call on its ticket, as it is now, and returns the comment. If the record has no ticket Zendesk
// makes one; [Client.GetCall] then tells which.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/voice/talk-partner-edition-api/calls/#create-comment-on-ticket
//
//api:operation POST /api/v2/calls/{call_id}/comments
func (c *Client) CommentOnCall(ctx context.Context, callID int64, comment CallComment) (TicketComment, error) {
	op := operation{"CommentOnCall", http.MethodPost, "/api/v2/calls/{call_id}/comments"}
	for i, field := range comment.Fields {
		if field == "" {
			return TicketComment{}, &InputError{Operation: op.name, Field: fmt.Sprintf("call_fields[%d]", i), Problem: "is empty"}
		}
	}
	return one[TicketComment](ctx, c, call{op: op, ids: []int64{callID}, body: comment}, "")
}

// inUTC makes the times what Zendesk answers with: UTC, in whole seconds.
func (f *CallFields) inUTC() {
	for _, at := range []*time.Time{&f.StartedAt, &f.EndedAt} {
		if !at.IsZero() {
			*at = at.UTC().Truncate(time.Second)
		}
	}
}
