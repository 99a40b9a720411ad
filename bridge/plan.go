package bridge

import (
	"time"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// Step is what is owed next about a call. The zero Kind owes nothing now.
type Step struct {
	Kind StepKind
	// Reason says why, in words for people.
	Reason string
	// At is when the step is due; zero is now.
	At time.Time
	// Settled says that the call is over and nothing is owed any more.
	Settled bool

	// Want is whom a pop is for. On a create, the agent whom Zendesk shows
	// the new ticket in the same request; its zero Key shows it to nobody.
	Want screenpop.Want
	// Late marks a pop whose moment has passed: it is only noted.
	Late bool
	// Via is the channel of a create.
	Via zendesk.ViaID
	// Final says that a create carries everything.
	Final bool
	// Conclusive marks the last look-up: after it the write cannot commit.
	Conclusive bool
	// Bare leaves out of a create what is not essential.
	Bare bool
}

// Moment is when a plan is made.
type Moment struct {
	// Now is by our clock.
	Now time.Time
	// Ahead is how far that is ahead of the phone system's.
	Ahead time.Duration
}

// planner is what one plan looks at.
type planner struct {
	call   telephony.State
	record *Record
	policy *Policy
	// pop is what holds for the call's line.
	pop screenpop.Policy
	now time.Time
	// ahead is how far our clock is ahead of the phone system's.
	ahead time.Duration
}

// plan says what is owed next about a call. It looks at what is, never at what
// just happened; it reads no clock and no network. The most urgent of the steps
// that are due comes first; if none is due, the one that will be first.
func plan(call telephony.State, record *Record, policy *Policy, at Moment) Step {
	now := at.Now
	switch {
	case record.Gone:
		return Step{Settled: !call.Live(), Reason: "a person deleted the ticket"}
	case call.Direction == "":
		return Step{Settled: true, Reason: "nothing of the phones is known yet"}
	case call.Direction == telephony.Internal:
		return Step{Settled: call.Ended(), Reason: "internal calls get no ticket"}
	}
	p := planner{call, record, policy, policy.pop(call), now, at.Ahead}
	var next Step
	for _, step := range p.owed() {
		if !step.At.After(now) {
			return step
		}
		if next.Kind == "" || step.At.Before(next.At) {
			next = step
		}
	}
	switch {
	case next.Kind != "":
	case len(record.Parked) > 0:
		next.Reason = "waits for a person"
	case call.Ended() && record.Open == nil:
		next = Step{Settled: true, Reason: "nothing is owed any more"}
	default:
		next.Reason = "waits for the phone"
	}
	return next
}

// owed lists the steps that are owed, the most urgent first, due or not.
func (p planner) owed() []Step {
	steps := p.pops()
	if p.record.Open != nil {
		return append(steps, p.unknown())
	}
	for _, candidate := range []func() (Step, bool){p.caller, p.audio, p.create, p.check, p.complete, p.link} {
		if step, ok := candidate(); ok {
			step.Bare = p.record.Bare[step.Kind]
			if until := p.record.waits[step.Kind].until; until.After(step.At) {
				step.At = until
			}
			steps = append(steps, step)
		}
	}
	return steps
}

// pops are the pages that agents should see. One for which there is nothing to
// show is noted as late when its moment has passed.
func (p planner) pops() []Step {
	var steps []Step
	for _, want := range p.wants() {
		step := Step{Kind: StepPop, Reason: want.String(), At: want.NotBefore, Want: want}
		if p.late(want) || !p.poppable(want) {
			step.Late, step.At = true, p.expiry(want)
		}
		steps = append(steps, step)
	}
	return steps
}

// expiry is when a page is not worth showing any more.
func (p planner) expiry(want screenpop.Want) time.Time { return want.Since.Add(p.pop.Within()) }

// wants are the pages that are not shown yet, in our clock's time.
func (p planner) wants() []screenpop.Want {
	var wants []screenpop.Want
	for _, want := range screenpop.Decide(p.call, p.pop, p.policy.Directory) {
		if _, answered := p.record.Pops[want.Key]; answered {
			continue
		}
		want.Since = want.Since.Add(p.ahead)
		if !want.NotBefore.IsZero() {
			want.NotBefore = want.NotBefore.Add(p.ahead)
		}
		wants = append(wants, want)
	}
	return wants
}

func (p planner) late(want screenpop.Want) bool { return !p.now.Before(p.expiry(want)) }

// poppable reports whether there is something to show, and no create is about to
// show it in the same request. With an agent for whose sake the create was
// refused it is not tried again.
func (p planner) poppable(want screenpop.Want) bool {
	if p.record.Bare[StepCreate] && !want.Agent.Verified() {
		return false
	}
	if p.opensTicket() && p.createShows() {
		return false
	}
	_, _, something := p.pop.Open.Choose(p.record.pages())
	return something
}

func (p planner) opensTicket() bool {
	return p.pop.Open == screenpop.OpenTicket || p.pop.Open == ""
}

// createShows reports whether the ticket is about to be made at the answer.
func (p planner) createShows() bool {
	step, wanted := p.create()
	return wanted && !step.Final && p.record.Open == nil && !p.record.waits[StepCreate].until.After(p.now)
}

// unknown asks after a write of unknown fate, at once and then at the times of
// Policy.lookups, counted from the intent.
func (p planner) unknown() Step {
	open := p.record.Open
	step := Step{Kind: StepVerify, Reason: "the update may have happened"}
	if open.Step == StepCreate {
		step = Step{Kind: StepLookup, Reason: "the create may have happened"}
	}
	settle := open.At.Add(p.policy.settle())
	if p.record.lookedAt.IsZero() {
		step.Conclusive = !p.now.Before(settle)
	} else {
		step.At = settle
		for _, d := range p.policy.lookups() {
			if at := open.At.Add(d); at.After(p.record.lookedAt) {
				step.At = at
				break
			}
		}
		step.Conclusive = !step.At.Before(settle)
	}
	if w := p.record.waits[step.Kind]; w.until.After(step.At) {
		step.At = w.until
	}
	return step
}

// caller is owed as soon as a phone rings: so that at the answer one request
// stands between the agent and his page.
func (p planner) caller() (Step, bool) {
	if _, parked := p.record.Parked[StepCaller]; parked || p.record.Caller != 0 {
		return Step{}, false
	}
	if _, wanted := p.ticket(); wanted {
		return Step{Kind: StepCaller, Reason: "the ticket needs a requester"}, true
	}
	if p.call.Direction == telephony.Inbound && p.call.Live() && p.rung() {
		return Step{Kind: StepCaller, Reason: "looked up while it rings"}, true
	}
	wanted := len(p.wants()) > 0
	return Step{Kind: StepCaller, Reason: "the page needs a user"}, wanted
}

func (p planner) rung() bool {
	for _, l := range p.call.Legs {
		if l.Side == telephony.SideAgent && !l.DialledAt.IsZero() {
			return true
		}
	}
	return false
}

// audio is owed as soon as a message was left.
func (p planner) audio() (Step, bool) {
	if p.call.Voicemail == nil || p.record.Audio != nil {
		return Step{}, false
	}
	return Step{Kind: StepAudio, Reason: "the caller left a message"}, true
}

// create makes the ticket, when one is wanted and its requester is known.
func (p planner) create() (Step, bool) {
	step, wanted := p.ticket()
	_, parked := p.record.Parked[StepCreate]
	if !wanted || parked || p.record.Caller == 0 {
		return Step{}, false
	}
	if step.Final && p.call.Voicemail != nil && p.record.Audio == nil {
		return Step{}, false
	}
	if !step.Final && !p.record.Bare[StepCreate] {
		step.Want = p.shownBy()
	}
	step.Final = step.Final && p.fits(step.Via)
	return step, true
}

// fits reports whether all there is to say at the end goes into one request. A
// voicemail has a voice comment, which cannot say why there is no audio; a
// successor has a plain one, which names its predecessor and plays nothing.
func (p planner) fits(via zendesk.ViaID) bool {
	playable := p.record.Audio.playable()
	if via == zendesk.ViaVoicemail {
		return playable
	}
	return !playable || p.record.Predecessor == 0
}

// shownBy is whom the create may show the ticket to in the same request: an
// agent whose id is verified, in time, where the policy opens tickets.
func (p planner) shownBy() screenpop.Want {
	if !p.opensTicket() {
		return screenpop.Want{}
	}
	for _, want := range p.wants() {
		if want.Agent.Verified() && !p.late(want) {
			return want
		}
	}
	return screenpop.Want{}
}

// ticket says whether the call should have a ticket that it has not, and which.
func (p planner) ticket() (Step, bool) {
	if p.record.Ticket != 0 {
		return Step{}, false
	}
	step := Step{Kind: StepCreate, Via: zendesk.ViaInbound, Final: p.call.Ended()}
	if p.call.Direction == telephony.Outbound {
		step.Via = zendesk.ViaOutbound
	}
	switch {
	case p.record.Successor > 0:
		step.Reason = "the ticket was closed before it was complete"
	case p.call.Answered() && p.call.Live():
		step.Reason = "an agent answered"
		return step, p.policy.Create == CreateOnAnswer
	case p.call.Answered():
		step.Reason = "an agent had answered"
	case !p.call.Ended():
		return Step{}, false
	case p.call.Disposition == telephony.LeftVoicemail:
		step.Via, step.Reason = zendesk.ViaVoicemail, "the caller left a message"
	case p.call.Direction == telephony.Outbound:
		step.Reason = "nobody answered our call"
		return step, p.policy.OutboundUnanswered
	default:
		step.Reason = "nobody answered: " + string(p.call.Disposition)
		return step, p.policy.Missed
	}
	return step, true
}

// check looks a repeated create up once more: if the first one committed after
// all, there are two tickets, and people must be told.
func (p planner) check() (Step, bool) {
	owed := p.record.Ticket != 0 && p.record.Doubtful && !p.record.Checked && p.call.Ended()
	return Step{Kind: StepLookup, Reason: "the ticket was asked for twice"}, owed
}

// complete adds what is known at the end.
func (p planner) complete() (Step, bool) {
	_, parked := p.record.Parked[StepComplete]
	owed := p.record.Ticket != 0 && p.call.Ended() && !p.record.Completed && !parked
	if p.call.Voicemail != nil && p.record.Audio == nil {
		owed = false
	}
	return Step{Kind: StepComplete, Reason: "the call is over"}, owed
}

// link notes on a duplicate which ticket is the right one.
func (p planner) link() (Step, bool) {
	_, parked := p.record.Parked[StepLink]
	owed := p.record.Linked < len(p.record.Duplicates) && !parked
	return Step{Kind: StepLink, Reason: "a second ticket was found"}, owed
}
