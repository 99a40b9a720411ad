package bridge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// A call that is placed for somebody is known before the phone system tells of it:
// under the id that was chosen for it the journal has first that it is going to be
// placed (DialIntended), and then what came of the order. So the same order, given
// once more, is found, also after a restart and by another node; and the call that
// begins under that id has its ticket and requester already.

// howGiven says that whoever placed the call named the requester.
const howGiven = "given"

// givenReason is why a call goes onto the ticket that it was placed for.
const givenReason = "the call was placed for this ticket"

// Dial is a call that somebody asked for.
type Dial struct {
	// Agent is whose phone rings first, Number whom it calls, in E.164.
	Agent  string `json:"agent"`
	Number string `json:"number"`
	// Ticket is where the call is logged, 0 for a ticket of its own; User the
	// requester, 0 if he is looked up.
	Ticket int64 `json:"ticket,omitzero"`
	User   int64 `json:"user,omitzero"`
	// Phone is where the agent is rung.
	Phone string `json:"phone,omitzero"`
	// By names who asked: a token, or the command.
	By string `json:"by,omitzero"`
}

// DialState is how an order stands.
type DialState string

// The states of an order.
const (
	// DialPending: the phone system is about to be told, or its answer got lost: the
	// call may have been placed. It is never told again.
	DialPending DialState = "unknown"
	// DialTaken: the phone system took the order.
	DialTaken DialState = "dialled"
	// DialRefused: it certainly did not.
	DialRefused DialState = "refused"
)

// Dialled is an order in the journal.
type Dialled struct {
	Dial

	At    time.Time
	State DialState
	// Reason says why it was refused.
	Reason string
}

// dialled folds in what is known of the order that the call was placed by.
func (r *Record) dialled(o Outcome) {
	switch {
	case o.Kind == DialIntended && o.Dial != nil && r.Dialled == nil:
		r.Dialled = &Dialled{Dial: *o.Dial, At: o.Time, State: DialPending}
		if user := o.Dial.User; user != 0 {
			r.Caller, r.CallerHow = user, howGiven
		}
		if ticket := o.Dial.Ticket; ticket != 0 {
			r.Match = &Finding{Ticket: ticket, Reason: givenReason, At: o.Time}
		}
	case o.Kind != DialIntended && r.Dialled != nil:
		d := *r.Dialled
		d.State, d.Reason = DialTaken, o.Reason
		if o.Kind == DialFailed {
			d.State = DialRefused
		}
		r.Dialled = &d
	}
}

// given reports whether the call was placed for a ticket, and goes there whatever the
// policy says.
func (p planner) given() bool {
	d := p.record.Dialled
	return d != nil && d.Ticket != 0 && p.record.Match != nil && p.record.Match.Ticket == d.Ticket
}

// BeginDial makes it durable that a call is about to be placed, and reports that
// nobody has done so before: only then may it be placed. Otherwise it returns the
// order that is there. It waits for nothing: a journal that is full is an error.
func (b *Bridge) BeginDial(ctx context.Context, call telephony.CallID, d Dial) (Dialled, bool, error) {
	known, err := b.FindDial(ctx, call)
	if err != nil || known != nil {
		return deref(known), false, err
	}
	o := Outcome{Kind: DialIntended, Time: b.now().UTC(), Ticket: d.Ticket, User: d.User, Dial: &d}
	m := journal.Message{Call: string(call), Kind: journal.Outcome, ID: rand.Text(), Data: o.encode()}
	_, err = b.journal.AppendIf(ctx, m, 0)
	if _, lost := errors.AsType[*journal.ConflictError](err); lost {
		known, err = b.FindDial(ctx, call)
		if err == nil && known == nil {
			err = errors.New("the call is known already, and was not placed by an order")
		}
		return deref(known), false, err
	}
	if err != nil {
		return Dialled{}, false, fmt.Errorf("append the order of %s: %w", call, err)
	}
	b.metrics.outcome(o)
	return Dialled{Dial: d, At: o.Time, State: DialPending}, true, nil
}

func deref(d *Dialled) Dialled {
	if d == nil {
		return Dialled{}
	}
	return *d
}

// FindDial is the order by which a call was placed, nil if there is none. An order
// whose answer got lost was taken if the phone system tells of the call.
func (b *Bridge) FindDial(ctx context.Context, call telephony.CallID) (*Dialled, error) {
	entries, err := ReadEntries(ctx, b.journal, call)
	if err != nil {
		return nil, fmt.Errorf("read the order of %s: %w", call, err)
	}
	var r Record
	heard := false
	for _, e := range entries {
		if heard = heard || len(e.Events) > 0; e.Outcome != nil {
			r.apply(e.Seq, *e.Outcome)
		}
	}
	if d := r.Dialled; heard && d != nil && d.State == DialPending {
		d.State = DialTaken
	}
	return r.Dialled, nil
}

// EndDial notes what the phone system answered to an order: it took it, or, with a
// reason, it refused it. Where the answer is not known there is nothing to note.
func (b *Bridge) EndDial(ctx context.Context, call telephony.CallID, refused string) error {
	o := Outcome{Kind: DialDone, Time: b.now().UTC()}
	if refused != "" {
		o.Kind, o.Reason = DialFailed, clip(refused, maxReason)
	}
	m := journal.Message{Call: string(call), Kind: journal.Outcome, ID: rand.Text(), Data: o.encode()}
	if _, err := b.journal.Append(ctx, m); err != nil {
		return fmt.Errorf("append the answer to the order of %s: %w", call, err)
	}
	b.metrics.outcome(o)
	return nil
}
