package zendesk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// codeRedirect is the Code of an Error that stands for a redirect which was not followed.
const codeRedirect = "Redirect"

// Error is an answer of Zendesk that is not 2xx. Text in it comes from the other side: it is bounded and free of
// this client's secrets, but it may name a person or a number.
type Error struct {
	// Operation is the method of [Client] that failed, or "CreateToken".
	Operation string
	// Status is the HTTP status.
	Status int
	// Code is Zendesk's word for the error, such as "RecordInvalid"; empty if the body had none.
	Code string
	// Description is Zendesk's sentence, or what a proxy wrote instead; may be empty.
	Description string
	// Details are the complaints by field; nil if there were none.
	Details map[string][]Detail
	// RequestID is the X-Request-Id, which Zendesk's support asks for; may be empty.
	RequestID string
	// RetryAfter is how long Zendesk asks to wait, zero if it did not say. At most 24 hours.
	RetryAfter time.Duration
	// Limit is which limit of single endpoints refused the request, by the name in Zendesk's header, such as
	// "per-ticket-updates". It is empty if none was told, and with the account's limit.
	Limit string
}

// Detail is one complaint about one field.
type Detail struct {
	Code        string `json:"error,omitzero"`
	Description string `json:"description,omitzero"`
}

// Error implements error: one line, without a secret.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "zendesk %s: %d", e.Operation, e.Status)
	if text := http.StatusText(e.Status); text != "" {
		b.WriteString(" " + text)
	}
	if e.Code != "" {
		b.WriteString(": " + e.Code)
	}
	if e.Description != "" {
		b.WriteString(": " + e.Description)
	}
	fields := make([]string, 0, len(e.Details))
	for field := range e.Details {
		fields = append(fields, field)
	}
	slices.Sort(fields)
	for _, field := range fields {
		for _, d := range e.Details[field] {
			b.WriteString("; " + field + ": " + cmp.Or(d.Description, d.Code))
		}
	}
	if e.RetryAfter > 0 {
		b.WriteString(" (retry after " + e.RetryAfter.String() + ")")
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// IsClosed reports whether an update was refused because the ticket is closed (or was merged, which closes it).
// Zendesk says so in words only: a 422 with the word at details.status, or at details.base.
func (e *Error) IsClosed() bool {
	return e.Status == http.StatusUnprocessableEntity && e.detail("closed", "status", "base")
}

// IsDuplicate reports whether a 422 says that the value of field is taken, such as a user's external_id.
func (e *Error) IsDuplicate(field string) bool {
	if e.Status != http.StatusUnprocessableEntity {
		return false
	}
	taken := slices.ContainsFunc(e.Details[field], func(d Detail) bool { return d.Code == "DuplicateValue" })
	return taken || e.detail("already been taken", field) || e.detail("already being used", field)
}

// IsNotFound reports whether what the path names does not exist, or not any more.
func (e *Error) IsNotFound() bool {
	return e.Status == http.StatusNotFound || e.Status == http.StatusGone
}

// IsConflict reports whether the record changed meanwhile: read again, apply again.
func (e *Error) IsConflict() bool { return e.Status == http.StatusConflict }

// IsRateLimited reports whether the request was refused for now; see RetryAfter.
func (e *Error) IsRateLimited() bool { return e.Status == http.StatusTooManyRequests }

// IsUnauthorized reports whether the credentials were refused.
func (e *Error) IsUnauthorized() bool { return e.Status == http.StatusUnauthorized }

// IsForbidden reports whether the credentials are good but not for this: a role, a plan or a scope is missing.
func (e *Error) IsForbidden() bool { return e.Status == http.StatusForbidden }

// IsIdempotencyMismatch reports whether the Idempotency-Key was used before with another body. Zendesk answers that
// with 400, not 409.
func (e *Error) IsIdempotencyMismatch() bool {
	return e.Status == http.StatusBadRequest && e.Code == "IdempotentRequestError"
}

// HasDetail reports whether there is a complaint about one of the fields.
func (e *Error) HasDetail(fields ...string) bool {
	return slices.ContainsFunc(fields, func(f string) bool { return len(e.Details[f]) > 0 })
}

// detail reports whether a complaint about one of the fields holds the text, in any case.
func (e *Error) detail(text string, fields ...string) bool {
	for _, field := range fields {
		for _, d := range e.Details[field] {
			if strings.Contains(strings.ToLower(d.Description), text) {
				return true
			}
		}
	}
	return false
}

// rewrite passes every text through change.
func (e *Error) rewrite(change func(string) string) {
	e.Code, e.Description = change(e.Code), change(e.Description)
	if e.Details == nil {
		return
	}
	details := make(map[string][]Detail, len(e.Details))
	for field, list := range e.Details {
		for i, d := range list {
			list[i] = Detail{Code: change(d.Code), Description: change(d.Description)}
		}
		details[change(field)] = list
	}
	e.Details = details
}

// TransportError means that there was no answer, or not all of it.
//
// Sent is false only if it is certain that nothing of the request left this machine for the server: the name did not
// resolve, the connection was refused, the TLS handshake failed, the context had ended before, or there was no token
// to send along (Err then is what went wrong in fetching it, often an [*Error] of "CreateToken"). In all other cases
// Sent is true and the outcome of a write is unknown: it may have been carried out, or may yet be.
type TransportError struct {
	// Operation is the method of [Client] that failed.
	Operation string
	// Sent is as told above.
	Sent bool
	// Err is the reason; it holds no address with parameters.
	Err error
}

// Error implements error.
func (e *TransportError) Error() string {
	if e.Sent {
		return fmt.Sprintf("zendesk %s: %v (sent, outcome unknown)", e.Operation, e.Err)
	}
	return fmt.Sprintf("zendesk %s: %v (not sent)", e.Operation, e.Err)
}

// Unwrap returns the reason.
func (e *TransportError) Unwrap() error { return e.Err }

// FormatError means that the answer was 2xx but not what the API answers: a web page, another content type, broken
// JSON, a missing record, or too many bytes. Mostly the URL is not the account's, or a proxy answers in its place.
// After a write its outcome is unknown.
type FormatError struct {
	// Operation is the method of [Client] that failed.
	Operation string
	// Host is the host of the client's base URL.
	Host string
	// Status is the HTTP status.
	Status int
	// ContentType is the answer's, without parameters; may be empty.
	ContentType string
	// Body is how the answer began: at most 200 bytes on one line, free of this client's secrets. It may name a person
	// or a number; so the text of the error quotes it only where it is no JSON. Empty for an empty answer, and always where
	// the answer should have held a token.
	Body string
	// Err says what is wrong with the body; nil if the content type alone is wrong.
	Err error
}

// Error implements error.
func (e *FormatError) Error() string {
	what := "content of type " + e.ContentType + " instead of JSON"
	if e.ContentType == "" {
		what = "content without a type instead of JSON"
	}
	if e.Err != nil {
		what = fmt.Sprintf("something that is not the expected JSON (%v, content type %q)", e.Err, e.ContentType)
	}
	if e.Body != "" && !e.isJSON() { // JSON may be a ticket, with a caller's number in it.
		what += fmt.Sprintf(" that begins %q", e.Body)
	}
	return fmt.Sprintf("zendesk %s: %s answered %d with %s: is the URL (zendesk.url) the account's address?",
		e.Operation, e.Host, e.Status, what)
}

// Unwrap returns what is wrong with the body.
func (e *FormatError) Unwrap() error { return e.Err }

// isJSON reports whether the content type is JSON's.
func (e *FormatError) isJSON() bool {
	return e.ContentType == "application/json" || e.ContentType == "text/json" || strings.HasSuffix(e.ContentType, "+json")
}

// InputError means that the request was not sent because an argument cannot be right.
type InputError struct {
	// Operation is the method of [Client], or empty where [New] was called.
	Operation string
	// Field is the argument or the field of it.
	Field string
	// Problem says what is wrong and what is wanted; it does not repeat the value.
	Problem string
	// Limit and Length are the largest allowed size and the one found, where the problem is a size; else zero. Texts
	// are counted in characters, lists in items, bodies in bytes.
	Limit, Length int
	// Err is the reason, often nil.
	Err error
}

// Error implements error.
func (e *InputError) Error() string {
	text := e.Field + ": " + e.Problem
	if e.Operation != "" {
		text = "zendesk " + e.Operation + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the reason.
func (e *InputError) Unwrap() error { return e.Err }

// AnonymousError means that Zendesk took the request without its credentials: it answers /users/me with an anonymous
// user instead of 401.
type AnonymousError struct {
	// Host is the host of the client's base URL.
	Host string
}

// Error implements error.
func (e *AnonymousError) Error() string {
	return "zendesk Me: " + e.Host + " sees an anonymous user: the credentials were not accepted; check them and the account's address"
}

// Uncertain reports whether a write that ended with err may have been carried out all the same, or may yet be. It is
// false for nil, for a request that never left and for a refusal below 500; it is true for everything else: a broken
// connection, a time-out, a 5xx (a proxy may have given up while Zendesk went on) and an answer that cannot be read.
func Uncertain(err error) bool {
	if err == nil {
		return false
	}
	if lost, ok := errors.AsType[*TransportError](err); ok {
		return lost.Sent
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused.Status >= http.StatusInternalServerError
	}
	if _, ok := errors.AsType[*InputError](err); ok {
		return false
	}
	return true
}

// timeoutError is the cause of a request's own deadline.
type timeoutError struct{ after time.Duration }

// Error implements error.
func (e *timeoutError) Error() string { return "no answer within " + e.after.String() }

// Is lets errors.Is find [context.DeadlineExceeded].
func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Timeout implements [net.Error] in part.
func (e *timeoutError) Timeout() bool { return true }
