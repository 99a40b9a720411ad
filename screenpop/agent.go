package screenpop

import (
	"errors"
	"fmt"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
)

// Agent is one person who answers calls, as configured. It is a value: those
// that a Directory hands out are copies, apart from Numbers, which must not be
// changed.
type Agent struct {
	// Name is for people: logs, error texts, the console.
	Name string
	// ZendeskID is the user id in Zendesk; 0 while it is not known.
	ZendeskID int64
	// Email finds the id where none is configured.
	Email string
	// Numbers are the extensions ("1001"), channels ("PJSIP/1001"), telephone
	// numbers and client names by which phone systems know this agent.
	Numbers []string

	verified bool
	// recalled says that it was verified in an earlier run, and is to be again.
	recalled bool
}

// Verified reports whether Zendesk said that ZendeskID is an active agent, in
// this run or in an earlier one. A call's ticket must not be made to depend on an
// id that is not.
func (a Agent) Verified() bool { return a.verified }

// identity is what the configuration says of who this is in Zendesk.
func (a Agent) identity() string {
	if a.Email != "" {
		return strings.ToLower(a.Email)
	}
	return fmt.Sprintf("id %d", a.ZendeskID)
}

// same reports whether two have the same identity. It makes no text: of a thousand
// agents each is compared with each.
func (a Agent) same(b Agent) bool {
	if a.Email != "" || b.Email != "" {
		return strings.EqualFold(a.Email, b.Email)
	}
	return a.ZendeskID == b.ZendeskID
}

// validate names everything that is wrong with an entry of the configuration.
func (a Agent) validate() error {
	var errs []error
	if strings.TrimSpace(a.Name) == "" {
		errs = append(errs, errors.New("no name: give one, it is used in logs and messages"))
	}
	switch {
	case a.ZendeskID < 0:
		errs = append(errs, fmt.Errorf("zendesk id %d: must be a positive number", a.ZendeskID))
	case a.ZendeskID == 0 && a.Email == "":
		errs = append(errs, errors.New("no zendesk user: give an email address or a numeric id"))
	case a.ZendeskID != 0 && a.Email != "":
		errs = append(errs, fmt.Errorf("both email %q and id %d: give one of them", a.Email, a.ZendeskID))
	case a.Email != "" && !looksLikeEmail(a.Email):
		errs = append(errs, fmt.Errorf("%q is no email address: give one like ana@example.com, or a numeric id", a.Email))
	}
	if len(a.Numbers) == 0 {
		errs = append(errs, errors.New(`no numbers: give at least one extension or channel, like "1001"`))
	}
	for i, number := range a.Numbers {
		if canonical(number) == "" {
			errs = append(errs, fmt.Errorf("numbers[%d] is empty: remove it", i))
		}
	}
	return errors.Join(errs...)
}

func looksLikeEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.ContainsAny(s, " \t\r\n\"*") && !strings.Contains(domain, "@")
}

// canonical is the form in which names of phones are compared: without
// control characters and surrounding blanks, in lower case.
func canonical(s string) string {
	return strings.ToLower(strings.TrimSpace(telephony.StripControls(s)))
}

// extension is what follows the technology of an endpoint: "1001" of
// "PJSIP/1001", "Local/1001@from-queue", "sip:1001@pbx.example.com" and
// "client:1001"; "" of a name that has none.
func extension(key string) string {
	i := strings.IndexAny(key, "/:")
	if i < 0 {
		return ""
	}
	ext, _, _ := strings.Cut(key[i+1:], "@")
	return strings.Trim(ext, "/")
}
