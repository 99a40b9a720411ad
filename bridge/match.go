package bridge

import (
	"time"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// A call of a known caller may go onto a ticket that is there instead of getting
// one of its own. While it rings, the caller's tickets are looked at, and what
// was found becomes an outcome (Matched). When the call comes to need a ticket,
// being attached to the one that was found is an outcome too (Attached): from
// then on that is the call's ticket, whatever becomes of the policy or of this
// process. Nothing is written to it before the call is over, and then one
// comment, as it completes a ticket of the call's own.

// Match says onto which of the caller's tickets a call goes. The zero Match gives
// every call a ticket of its own.
type Match struct {
	// NewestOpenWithin is how long before the call the caller's newest open
	// ticket may have been changed last. Zero looks for none.
	NewestOpenWithin time.Duration
	// RepeatedWithin is how long before the call an earlier call of the same
	// caller and direction may have been, whose ticket is still open. Zero looks
	// for none. It comes before NewestOpenWithin.
	RepeatedWithin time.Duration
}

func (m Match) on() bool { return m != Match{} }

// window is how far back the caller's tickets are looked at.
func (m Match) window() time.Duration { return max(m.NewestOpenWithin, m.RepeatedWithin) }

// match is what holds for the line of a call.
func (p *Policy) match(s telephony.State) Match {
	if line := p.line(s); line.Match != nil {
		return *line.Match
	}
	return p.Match
}

// Finding is what a look at the caller's tickets came to.
type Finding struct {
	// Ticket is where the call goes, 0 if it gets one of its own.
	Ticket int64
	// Reason says why, in words for people.
	Reason string
	// At is when it was looked.
	At time.Time
}

// matchFresh is how long a finding is good for. Somebody who waited longer for
// an answer is looked up again: meanwhile a person may have solved the ticket.
const matchFresh = time.Minute

// mayAttach reports whether nothing stands against a ticket that was there
// before: neither a ticket nor a create that may have made one, and no message,
// which is always a ticket of its own.
func (p planner) mayAttach() bool {
	r := p.record
	message := (p.call.Voicemail != nil || p.call.Disposition == telephony.LeftVoicemail) && !p.call.Answered()
	return r.Ticket == 0 && r.Predecessor == 0 && r.Creates == 0 && !message
}

// attaches reports whether the call goes onto the ticket that was found.
func (p planner) attaches() bool {
	return p.mayAttach() && p.record.Match != nil && p.record.Match.Ticket != 0
}

// undecided reports whether it is not known yet onto which ticket the call goes.
// The placeholder for those who do not show their number is nobody: his tickets
// are those of strangers.
func (p planner) undecided() bool {
	r := p.record
	if p.given() || r.Caller == 0 || r.CallerHow == howPlaceholder || !p.mayAttach() || !p.policy.match(p.call).on() {
		return false
	}
	return r.Match == nil || (r.Match.Ticket != 0 && p.now.Sub(r.Match.At) > matchFresh)
}

// match looks at the caller's tickets: while it rings, so that at the answer one
// request stands between the agent and his page.
func (p planner) match() (Step, bool) {
	if !p.undecided() {
		return Step{}, false
	}
	step := Step{Kind: StepMatch, Reason: "the caller may have an open ticket", Began: p.call.StartedAt.Add(p.ahead)}
	if wants := p.wants(); len(wants) > 0 {
		step.Want = wants[0] // its page waits for this, in the lane of pages
	}
	_, wanted := p.ticketFrom(CreateOnAnswer)
	return step, wanted || step.Want.Key != "" || (p.record.Match == nil && p.call.Live())
}

// attach makes the ticket that was found the call's. It writes nothing to it, so
// that it is done at the answer also where tickets are made at the end.
func (p planner) attach() (Step, bool) {
	step, wanted := p.ticketFrom(CreateOnAnswer)
	owed := wanted && p.attaches() && !p.undecided()
	return Step{Kind: StepAttach, At: step.At, Reason: step.Reason}, owed
}

// awaitsMatch reports whether a page waits for the caller's ticket to be found.
// It waits for one try, which is bounded.
func (p planner) awaitsMatch() bool {
	return p.pop.Open != screenpop.OpenUser && p.undecided() && p.record.waits[StepMatch].tries == 0
}

// attached: the call goes onto a ticket that was there before.
func (r *Record) attached(o Outcome) {
	if r.Ticket == 0 {
		r.Ticket, r.Attached = o.Ticket, true
	}
	r.clear(StepAttach)
}
