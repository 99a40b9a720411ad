package cti

import (
	"errors"
	"net/http"
)

// refusal is why a delivery is not taken.
type refusal struct {
	status int
	reason string // what it is counted as
	text   string // one line for the sender
}

// Error implements error.
func (r *refusal) Error() string { return r.text }

func refuse(status int, reason, text string) *refusal { return &refusal{status, reason, text} }

func malformed(text string) *refusal { return refuse(http.StatusBadRequest, "malformed", text) }

// refusalOf is why an error makes a delivery be refused: what is no refusal of ours
// is about the journal.
func refusalOf(err error) *refusal {
	if r, ours := errors.AsType[*refusal](err); ours {
		return r
	}
	return refuse(http.StatusServiceUnavailable, "not_durable", "not kept: the journal cannot take it just now; send it again")
}

// Results are what a delivery is counted as: the first three are answered with 2xx.
var Results = []string{
	"accepted", "ignored", "unknown_event", "unauthorized", "stale", "too_large", "content_type", "malformed", "time", "not_durable",
}
