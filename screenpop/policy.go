package screenpop

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// DefaultDeadline is how long a page is worth opening after its moment.
const DefaultDeadline = 8 * time.Second

// On says at which moment a page opens.
type On string

// The moments, named as in the configuration. The zero value is OnAnswer.
const (
	OnRinging On = "ringing"
	OnAnswer  On = "answer"
)

// Open says which page opens.
type Open string

// The pages, named as in the configuration. The zero value is OpenTicket.
const (
	// OpenTicket is the call's ticket, or the user while there is none.
	OpenTicket Open = "ticket"
	// OpenUser is the caller's profile.
	OpenUser Open = "user"
	// OpenTicketOrUser is a ticket of the caller that is still open, or else
	// the profile.
	OpenTicketOrUser Open = "open_ticket_or_user"
)

// Policy is what the configuration says of pages, for one line or for all.
// The zero value opens the ticket at answer, within DefaultDeadline.
type Policy struct {
	On   On
	Open Open
	// RingGroups opens the page at every phone of a group that rings
	// (ring_groups: all). Otherwise a group waits for the answer. It matters
	// only with OnRinging.
	RingGroups bool
	// Deadline is how long after its moment a page may still open; 0 is
	// DefaultDeadline.
	Deadline time.Duration
}

// Validate names every value that is not one of the known.
func (p Policy) Validate() error {
	var errs []error
	switch p.On {
	case "", OnRinging, OnAnswer:
	default:
		errs = append(errs, fmt.Errorf("on: %q: must be %s or %s", p.On, OnRinging, OnAnswer))
	}
	switch p.Open {
	case "", OpenTicket, OpenUser, OpenTicketOrUser:
	default:
		errs = append(errs, fmt.Errorf("open: %q: must be %s, %s or %s", p.Open, OpenTicket, OpenUser, OpenTicketOrUser))
	}
	if p.Deadline < 0 {
		errs = append(errs, fmt.Errorf("deadline: %s: must not be negative", p.Deadline))
	}
	return errors.Join(errs...)
}

// Within is the Deadline that counts, with the default applied.
func (p Policy) Within() time.Duration { return cmp.Or(p.Deadline, DefaultDeadline) }

// Pages are what could be opened now; 0 is what there is not.
type Pages struct {
	// Ticket is the call's own.
	Ticket int64
	// OpenTicket is the newest of the caller's tickets that is not solved.
	OpenTicket int64
	// User is the caller's profile.
	User int64
}

// Choose returns the page to open, a ticket or a user, of which the other is
// 0; ok is false while there is nothing to open.
func (o Open) Choose(p Pages) (ticket, user int64, ok bool) {
	switch o {
	case OpenUser:
		if p.User != 0 {
			return 0, p.User, true
		}
		return p.Ticket, 0, p.Ticket != 0
	case OpenTicketOrUser:
		if p.OpenTicket != 0 {
			return p.OpenTicket, 0, true
		}
		return OpenUser.Choose(p)
	case OpenTicket:
	}
	if p.Ticket != 0 {
		return p.Ticket, 0, true
	}
	return 0, p.User, p.User != 0
}
