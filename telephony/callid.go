package telephony

import (
	"fmt"
	"strings"
)

// CallID names one conversation: "site/source/id", where site is the
// configured site, source the name of the phone system there, and id what that
// phone system calls the conversation (Asterisk's Linkedid, Twilio's root
// CallSid). The same string is the log field call_id, the feed's key and the
// ticket's external_id. The zero value names no call.
type CallID string

// NewCallID joins the three parts. It returns an error if a part is empty or
// if site or source contains a slash.
func NewCallID(site, source, id string) (CallID, error) {
	if site == "" || source == "" || id == "" {
		return "", fmt.Errorf("call id %q/%q/%q: no part may be empty", site, source, id)
	}
	if strings.Contains(site, "/") || strings.Contains(source, "/") {
		return "", fmt.Errorf("call id %q/%q/%q: site and source must not contain a slash", site, source, id)
	}
	return CallID(site + "/" + source + "/" + id), nil
}

// Site is the first part, or "" for an ill-formed id.
func (c CallID) Site() string { return c.part(0) }

// Source is the second part, the name of the phone system, or "".
func (c CallID) Source() string { return c.part(1) }

// Native is the phone system's own id of the call, or "".
func (c CallID) Native() string { return c.part(2) }

func (c CallID) part(i int) string {
	parts := strings.SplitN(string(c), "/", 3)
	if len(parts) != 3 {
		return ""
	}
	return parts[i]
}
