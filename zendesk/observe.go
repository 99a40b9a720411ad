package zendesk

import "time"

// Exchange is one request and what became of it, for metrics and for explaining. It holds no secret, no address of
// a person and no body. A call of one method may be several exchanges: one that fetches a token, one that is
// answered 401 and its repetition.
type Exchange struct {
	// Operation is the method of [Client], such as "CreateVoiceTicket", or "CreateToken".
	Operation string
	// Method and Path are the HTTP method and the path with its parameters in braces.
	Method, Path string
	// Started is when the request was begun, by the client's clock.
	Started time.Time
	// Duration is from there until the answer was read, or the failure.
	Duration time.Duration
	// Status is the HTTP status, zero if there was no answer.
	Status int
	// RateLimit is what this answer said about rate limits.
	RateLimit RateLimit
	// RetryAfter is how long this answer asked to wait, zero if it did not.
	RetryAfter time.Duration
	// Warning is the X-Zendesk-Api-Warn of this answer, empty if it had none, at most 500 bytes. It is the only way in
	// which Zendesk says that it dropped what was sent, such as "Removed restricted keys [...] from parameters
	// according to whitelist": an answer 201 does not prove that all was stored. Seen on the Calls API, where it names
	// "comment" also in answers to requests that had nothing wrong.
	Warning string
	// Replayed is true when Zendesk answered from its memory of the same Idempotency-Key.
	Replayed bool
	// Err is nil, or what the method returns unless the request is repeated.
	Err error
}
