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
	// Call is the one that it is done for: of several that became one, the one
	// whose ticket it is about.
	Call telephony.CallID
	// Reason says why, in words for people.
	Reason string
	// At is when the step is due; zero is now.
	At time.Time
	// Settled says that the call is over and nothing is owed any more.
	Settled bool

	// Want is whom a pop is for. On a create, the agent whom Zendesk shows
	// the new ticket in the same request; its zero Key shows it to nobody. On a
	// match, whose page waits for it.
	Want screenpop.Want
	// Live says that the call goes on: a page may be waiting for what is done.
	Live bool
	// Past says that the call is known from records alone: nobody waits for it.
	Past bool
	// Late marks a pop or a transcription whose time has passed: it is only noted.
	Late bool
	// Via is the channel of a create.
	Via zendesk.ViaID
	// App is the Zendesk app of the call record that tells of the call, 0 if
	// comments do.
	App int64
	// Final says that a create carries everything.
	Final bool
	// Conclusive marks the last look-up: after it the write cannot commit.
	Conclusive bool
	// Bare leaves out of a create what is not essential.
	Bare bool
	// Covers are the calls that a create or completion tells of besides Call.
	Covers []telephony.CallID
	// Tickets are those of the calls that Call was joined with, Kept the one of
	// all that is kept up to date.
	Tickets []int64
	Kept    int64
	// Began is when the call began by our clock, for a match.
	Began time.Time
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
	call telephony.State
	// id and record are of the call that a step is for, parts of all that
	// became one, the oldest first.
	id     telephony.CallID
	record *Record
	parts  []part
	policy *Policy
	// pop is what holds for the call's line.
	pop   screenpop.Policy
	rules *Rules
	now   time.Time
	// ahead is how far our clock is ahead of the phone system's.
	ahead time.Duration
}

// plan says what is owed next about a call. It looks at what is, never at what
// just happened; it reads no clock and no network. The most urgent of the steps
// that are due comes first; if none is due, the one that will be first.
func plan(call telephony.State, record *Record, policy *Policy, at Moment) Step {
	return planAll(call, []part{{call.ID, record}}, policy, at)
}

// planAll is plan for calls that became one: call is the fold of all of them,
// the parts are in the order of their age.
func planAll(call telephony.State, parts []part, policy *Policy, at Moment) Step {
	lead := parts[leadOf(parts)]
	if len(parts) > 1 {
		record := joinedRecord(parts)
		lead.record = &record
	}
	p := planner{call, lead.id, lead.record, parts, policy, policy.pop(call), policy.rules(call), at.Now, at.Ahead}
	none, over := p.nothing()
	var next Step
	steps := p.others()
	if none == "" {
		steps = append(p.owed(), steps...)
	}
	for _, step := range steps {
		if !step.At.After(at.Now) {
			return step
		}
		if next.Kind == "" || step.At.Before(next.At) {
			next = step
		}
	}
	switch {
	case next.Kind != "":
	case none != "":
		next = Step{Settled: over, Reason: none}
	case p.waitsForPerson():
		next = p.awaitPerson()
	case p.hearing():
		next.Reason = "its audio is being put into words"
	case call.Ended():
		next = Step{Settled: true, Reason: "nothing is owed any more"}
	default:
		next.Reason = "waits for the phone"
	}
	return next
}

// nothing says why nothing is owed whatever happened, and whether that is so
// for good; "" if something may be.
func (p planner) nothing() (reason string, over bool) {
	switch {
	case p.record.Gone:
		return "a person deleted the ticket", !p.call.Live()
	case len(p.record.GivenUp) > 0:
		return "given up: nobody acted on what was parked", !p.call.Live()
	case p.call.Direction == "":
		return "nothing of the phones is known yet", true
	case p.call.Direction == telephony.Internal:
		return "internal calls get no ticket", p.call.Ended()
	}
	return p.ruledOut(), p.call.Ended()
}

// owed lists the steps that are owed, the most urgent first, due or not.
func (p planner) owed() []Step {
	steps := p.pops()
	if p.record.Open != nil {
		return append(steps, p.unknown())
	}
	return append(steps, p.candidates(p.caller, p.match, p.audio, p.recording, p.attach, p.create, p.check, p.join, p.complete, p.tell, p.transcript, p.link, p.transcribe)...)
}

// candidates are those of the steps that are owed.
func (p planner) candidates(all ...func() (Step, bool)) []Step {
	var steps []Step
	for _, candidate := range all {
		step, ok := candidate()
		if !ok {
			continue
		}
		step.Call, step.App, step.Bare, step.Live, step.Past = p.id, p.app(), p.record.Bare[step.Kind], p.call.Live(), p.call.Late
		if until := p.record.waits[step.Kind].until; until.After(step.At) {
			step.At = until
		}
		steps = append(steps, step)
	}
	return steps
}

// pops are the pages that agents should see. One for which there is nothing to
// show is noted as late when its moment has passed.
func (p planner) pops() []Step {
	var steps []Step
	for _, want := range p.wants() {
		step := Step{Kind: StepPop, Call: p.id, Reason: want.String(), At: want.NotBefore, Want: want}
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
	if p.call.Late {
		return nil // it was over long before anybody knew
	}
	for _, want := range screenpop.Decide(p.call, p.pop, p.policy.Directory) {
		if _, answered := p.record.Pops[want.Key]; answered || present(p.call, p.record.Pops, want) {
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
	if p.awaitsMatch() || (p.opensTicket() && p.createShows()) {
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
	return wanted && !step.Final && p.record.Open == nil && !step.At.After(p.now) && !p.record.waits[StepCreate].until.After(p.now)
}

// unknown asks after a write of unknown fate, at once and then at the times of
// Policy.lookups, counted from the intent.
func (p planner) unknown() Step {
	open := p.record.Open
	step := Step{Kind: StepVerify, Call: p.id, Reason: "the update may have happened"}
	if open.Step == StepCreate {
		step = Step{Kind: StepLookup, Call: p.id, Reason: "the create may have happened"}
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
	if p.given() && p.mayAttach() {
		return Step{}, false // it goes onto a ticket that has one
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
		if l.Ours() && !l.DialledAt.IsZero() {
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

// recording is owed when an answered call is over: until then the file is being
// written. A message that was left after an answer is what the ticket plays.
func (p planner) recording() (Step, bool) {
	owed := p.call.Ended() && p.call.Answered() && p.call.Recording != "" && p.call.Voicemail == nil &&
		p.policy.Recorded[p.id.Source()] && p.record.Recording == nil
	return Step{Kind: StepRecording, Reason: "the call was recorded"}, owed
}

// awaitRecording is until when the ticket waits for its recording; zero if
// there is none to wait for.
func (p planner) awaitRecording() time.Time {
	if _, owed := p.recording(); !owed {
		return time.Time{}
	}
	return p.call.EndedAt.Add(p.ahead + p.policy.recordingWait())
}

// awaitRecords is until when a call of which nobody reported the end waits for
// the call records of its phone system to tell it; zero if they do not.
func (p planner) awaitRecords() time.Time {
	if !p.call.EndEstimated || !p.policy.Records[p.id.Source()] {
		return time.Time{}
	}
	return p.call.EndedAt.Add(p.ahead + recordsWait)
}

// awaitNews is until when the last that is written of a call waits for what its
// phone system may still tell; zero if there is nothing to wait for. Of what was read
// in call records all is there.
func (p planner) awaitNews() time.Time {
	at := later(p.awaitRecording(), p.awaitRecords())
	if trail := p.policy.Trails[p.id.Source()]; trail > 0 && p.call.Ended() && !p.call.Late {
		at = later(at, p.call.EndedAt.Add(p.ahead+trail))
	}
	return at
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// create makes the ticket, when one is wanted and its requester is known.
func (p planner) create() (Step, bool) {
	step, wanted := p.ticket()
	_, parked := p.record.Parked[StepCreate]
	if !wanted || parked || p.record.Caller == 0 || p.undecided() || p.attaches() {
		return Step{}, false
	}
	if step.Final && p.call.Voicemail != nil && p.record.Audio == nil {
		return Step{}, false
	}
	if !step.Final && !p.record.Bare[StepCreate] {
		step.Want = p.shownBy()
	}
	if step.Final {
		step.At = p.awaitNews()
	}
	step.Final, step.Covers = step.Final && p.fits(step.Via), p.covers()
	return step, true
}

// fits reports whether all there is to say at the end goes into one request. A
// voicemail has a voice comment, which cannot say why there is no audio; a
// successor has a plain one, which names its predecessor and plays nothing. A
// call record is always a request of its own.
func (p planner) fits(via zendesk.ViaID) bool {
	playable := p.record.sound().playable()
	if p.app() != 0 {
		return false
	}
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
func (p planner) ticket() (Step, bool) { return p.ticketFrom(p.policy.Create) }

// ticketFrom is ticket for a mode.
func (p planner) ticketFrom(mode CreateMode) (Step, bool) {
	if p.record.Ticket != 0 {
		return Step{}, false
	}
	step := Step{Kind: StepCreate, Via: zendesk.ViaInbound, Final: p.call.Ended()}
	if p.call.Direction == telephony.Outbound {
		step.Via = zendesk.ViaOutbound
	}
	switch {
	case p.record.Predecessor != 0:
		step.Reason = "the ticket was closed before it was complete"
	case p.call.Answered() && p.call.Live():
		step.Reason, step.At = "an agent answered", p.talkedEnough()
		return step, mode == CreateOnAnswer
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
	owed := p.record.Ticket != 0 && p.call.Ended() && (!p.record.Completed || p.untold() || p.unshown()) && !parked
	if p.call.Voicemail != nil && p.record.Audio == nil {
		owed = false
	}
	return Step{Kind: StepComplete, At: p.awaitNews(), Reason: "the call is over", Covers: p.covers()}, owed
}

// link notes on a duplicate which ticket is the right one.
func (p planner) link() (Step, bool) {
	_, parked := p.record.Parked[StepLink]
	owed := p.record.Linked < len(p.record.Duplicates) && !parked
	return Step{Kind: StepLink, Reason: "a second ticket was found"}, owed
}
