package zendesk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Push is a request of [Client.Push]: content of another system that is to become tickets and comments. It survives JSON
// like a [VoiceTicket].
type Push struct {
	// InstancePushID names the account of the integration. Zendesk handed it to the integration service when an admin
	// set the account up. Up to 255 characters.
	InstancePushID string `json:"instance_push_id"`
	// RequestID is the caller's own name for the request, up to 64 characters; may be empty.
	RequestID string `json:"request_id,omitzero"`
	// Resources are 1 to 256, in the order in which they are to be imported.
	Resources []ExternalResource `json:"external_resources"`
}

// ExternalResource is one message of another system. Where Zendesk's documentation and its JSON schemas name different
// limits, the smaller one holds. Texts are counted in characters.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/account-configuration/channel_framework/
type ExternalResource struct {
	// ExternalID is unique, and how Zendesk knows what it imported before: ASCII, up to 255.
	ExternalID string `json:"external_id"`
	// Message becomes the ticket or comment: 1 to 65,535.
	Message string `json:"message"`
	// HTMLMessage is the same as HTML, up to 65,535.
	HTMLMessage string `json:"html_message,omitzero"`
	// ParentID is the ExternalID of an imported resource that this one answers: ASCII, up to 255.
	ParentID string `json:"parent_id,omitzero"`
	// ThreadID is any name: the first resource with it makes a ticket, later ones are added. ASCII, up to 255. Either
	// ParentID or ThreadID, or neither for a new ticket, but not both.
	ThreadID string `json:"thread_id,omitzero"`
	// CreatedAt is when it was written in the other system; mandatory.
	CreatedAt time.Time     `json:"created_at"`
	Author    ChannelAuthor `json:"author"`
	// InternalNote makes a private comment.
	InternalNote bool `json:"internal_note,omitzero"`
	// AllowChannelback points to false to keep agents from answering; nil leaves it allowed.
	AllowChannelback *bool `json:"allow_channelback,omitzero"`
	// DisplayInfo are up to 16 hints for apps.
	DisplayInfo []DisplayInfo `json:"display_info,omitempty"`
	// Fields are up to 64 ticket fields; they are set when a ticket is created, never on one that exists.
	Fields []FieldValue `json:"fields,omitempty"`
	// FileURLs are up to 10 https addresses, each up to 511, of files that Zendesk is to fetch.
	FileURLs []string `json:"file_urls,omitempty"`
}

// ChannelAuthor is who wrote a resource.
type ChannelAuthor struct {
	// ExternalID is who it is in the other system: ASCII, up to 255; mandatory.
	ExternalID string `json:"external_id"`
	// Name is ExternalID if empty; up to 255, as ImageURL and Locale.
	Name     string `json:"name,omitzero"`
	ImageURL string `json:"image_url,omitzero"`
	// Locale is one that the account supports.
	Locale string `json:"locale,omitzero"`
	// Fields are up to 64 user fields: "notes", "details", or the id or name of a custom one.
	Fields []FieldValue `json:"fields,omitempty"`
}

// DisplayInfo is a hint for the apps of an integration.
type DisplayInfo struct {
	// Type is unique in the world, such as a GUID or a URI; up to 255.
	Type string `json:"type"`
	// Data is a JSON object, up to 65,535 characters. (The documentation says text, the schema and the examples say an
	// object.)
	Data json.RawMessage `json:"data"`
}

// FieldValue is the value of a ticket or user field.
type FieldValue struct {
	// ID is the English name of a system field, such as "subject", or the id or name of a custom one; up to 255.
	ID string `json:"id"`
	// Value is a string, a bool, a json.Number, a list or nil.
	Value any `json:"value"`
}

// UnmarshalJSON implements [json.Unmarshaler]; numbers stay as they are written.
func (f *FieldValue) UnmarshalJSON(data []byte) error {
	type plain FieldValue
	return unmarshalExact(data, (*plain)(f))
}

// PushCode says what became of one resource. Zendesk may send others than those named here.
type PushCode string

// The codes that the documentation names.
const (
	// PushSuccess means that a ticket or comment was made.
	PushSuccess PushCode = "success"
	// PushAlreadyImported means that there is a ticket or comment of this ExternalID already.
	PushAlreadyImported PushCode = "already_imported"
	// PushUnknownParent means that ParentID was never imported; the description is that id.
	PushUnknownParent PushCode = "could_not_locate_parent_external_resource"
	// PushProcessingError means that Zendesk failed; see the description.
	PushProcessingError PushCode = "processing_error"
	// PushHalted means that an earlier resource failed and this one was not looked at: send it again.
	PushHalted PushCode = "halted"
)

// PushResult is what became of one resource.
type PushResult struct {
	ExternalResourceID string     `json:"external_resource_id"`
	Status             PushStatus `json:"status"`
}

// PushStatus is a code and, where something went wrong, what.
type PushStatus struct {
	Code        PushCode `json:"code"`
	Description string   `json:"description"`
}

// Imported reports whether Zendesk has the resource, from this request or an earlier one.
func (r PushResult) Imported() bool {
	return r.Status.Code == PushSuccess || r.Status.Code == PushAlreadyImported
}

// Push hands resources to Zendesk, and returns one result for each, in the same order. A nil error does not mean that
// anything was imported: Zendesk answers 200 also if all failed, so look at each with [PushResult.Imported]. After a
// failure the rest are halted. Repeating a request is safe: what was imported is skipped by its ExternalID.
//
// Needs an admin's token of the integration's global OAuth client, with the scope any_channel:write.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/account-configuration/channel_framework/#push-content-to-support
//
//api:operation POST /api/v2/any_channel/push
func (c *Client) Push(ctx context.Context, p Push) ([]PushResult, error) {
	op := operation{"Push", http.MethodPost, "/api/v2/any_channel/push"}
	if err := p.check(op); err != nil {
		return nil, err
	}
	results, err := one[[]PushResult](ctx, c, call{op: op, body: p}, "results")
	if err == nil && len(results) != len(p.Resources) {
		err = &FormatError{
			Operation: op.name, Host: c.host, Status: http.StatusOK, ContentType: "application/json",
			Err: fmt.Errorf("%d results for %d resources", len(results), len(p.Resources)),
		}
	}
	return results, err
}

// ValidateToken asks whether the client's token is good for the account of an integration. RequestID may be empty. Nil
// means that it is; a token that is not is an [*Error].
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/account-configuration/channel_framework/#validate-token
//
//api:operation POST /api/v2/any_channel/validate_token
func (c *Client) ValidateToken(ctx context.Context, instancePushID, requestID string) error {
	op := operation{"ValidateToken", http.MethodPost, "/api/v2/any_channel/validate_token"}
	in := input{op: op}
	in.needed("instance_push_id", instancePushID, maxChannelText)
	in.text("request_id", requestID, maxRequestID)
	if in.err != nil {
		return in.err
	}
	return c.do(ctx, call{op: op, body: struct {
		InstancePushID string `json:"instance_push_id"`
		RequestID      string `json:"request_id,omitzero"`
	}{instancePushID, requestID}}, nil)
}

// ChannelbackFailure is a request of [Client.ReportChannelbackError].
type ChannelbackFailure struct {
	// InstancePushID is as in [Push].
	InstancePushID string `json:"instance_push_id"`
	// ExternalID is the id that the integration service answered the channelback with: ASCII, up to 255.
	ExternalID string `json:"external_id"`
	// Description is for people, up to 511 characters; may be empty.
	Description string `json:"description,omitzero"`
	// RequestID is up to 64 characters; may be empty.
	RequestID string `json:"request_id,omitzero"`
}

// ReportChannelbackError marks an agent's reply that the integration service had accepted as not delivered after all.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/account-configuration/channel_framework/#report-channelback-error
//
//api:operation POST /api/v2/any_channel/channelback/report_error
func (c *Client) ReportChannelbackError(ctx context.Context, f ChannelbackFailure) error {
	op := operation{"ReportChannelbackError", http.MethodPost, "/api/v2/any_channel/channelback/report_error"}
	in := input{op: op}
	in.needed("instance_push_id", f.InstancePushID, maxChannelText)
	in.neededKey("external_id", f.ExternalID, maxChannelText)
	in.text("description", f.Description, maxFailureText)
	in.text("request_id", f.RequestID, maxRequestID)
	if in.err != nil {
		return in.err
	}
	return c.do(ctx, call{op: op, body: f}, nil)
}
