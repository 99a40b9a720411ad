package bridge

import (
	"time"

	"github.com/talkbridge/talkbridge/zendesk"
)

// updates counts the updates of tickets before they are sent: Zendesk takes so
// many of a ticket in ten minutes, and so many a minute of all tickets, and its
// refusal would stop what else is asked of it. An ordinary call updates its ticket
// once, so that only calls that go onto one ticket (tickets.match) come near the
// first limit. The one for users (create or update) is out of reach: the bridge
// makes users by POST /users alone, which has none of its own.
//
// Updates are counted from their answer: so, whatever way a request takes, those
// of any window of Zendesk's are within one of ours. Other programs' count there
// too, and are not known here; their share shows when an update is refused. It has
// one owner, and is bounded by the limits.
type updates struct {
	// all are the limits for all tickets and for one; 0 while none was told: an
	// account without limits is not slowed down.
	all, one int
	// minute is how long Zendesk's takes, 0 for what it says.
	minute time.Duration
	// done are the answers of the last minute, the oldest first; doneOn those of
	// a ticket's ten.
	done   []time.Time
	doneOn map[int64][]time.Time
	// running are under way.
	running   int
	runningOn map[int64]int
}

// perTicket is the name of the limit in Zendesk's headers.
const perTicket = "per-ticket-updates"

// learn takes over what an answer says of the limits. That for all tickets is not
// told: it is configured, or follows from the plan, which the account's budget shows.
func (u *updates) learn(seen zendesk.RateLimit, configured int) {
	if account := seen.Account; account.Limit > 0 {
		switch {
		case configured > 0:
			u.all = configured
		case account.Limit >= zendesk.HighVolume:
			u.all = zendesk.UpdatesPerMinuteHighVolume
		default:
			u.all = zendesk.UpdatesPerMinute
		}
		if u.one == 0 {
			u.one = zendesk.UpdatesPerTicket
		}
	}
	if told := seen.Endpoints[perTicket].Limit; told > 0 {
		u.one = told
	}
}

func (u *updates) window() time.Duration {
	if u.minute > 0 {
		return u.minute
	}
	return time.Minute
}

// free is when the account takes one more update, the zero time if it does now.
func (u *updates) free(now time.Time) time.Time {
	u.done = since(u.done, now.Add(-u.window()))
	return next(u.done, u.running, u.all, u.window(), now)
}

// freeOn is free for one ticket.
func (u *updates) freeOn(ticket int64, now time.Time) time.Time {
	window := u.window() * ticketMinutes
	u.forget(ticket, now.Add(-window))
	return next(u.doneOn[ticket], u.runningOn[ticket], u.one, window, now)
}

// ticketMinutes is how many minutes the window of a ticket has.
const ticketMinutes = zendesk.UpdatesPerTicketWindow / time.Minute

// next is when there is place for one more beside those that are done and under
// way, the zero time if there is now. Where all places are taken by what is under
// way, it is when to look again.
func next(done []time.Time, running, limit int, window time.Duration, now time.Time) time.Time {
	over := len(done) + running - limit
	switch {
	case limit == 0 || over < 0:
		return time.Time{}
	case over < len(done):
		return done[over].Add(window)
	}
	return now.Add(time.Second)
}

// begin takes a place for an update of a ticket.
func (u *updates) begin(ticket int64) {
	if u.runningOn == nil {
		u.runningOn = make(map[int64]int)
	}
	u.running++
	u.runningOn[ticket]++
}

// end gives the place back, or keeps it for a window if something was sent.
func (u *updates) end(ticket int64, sent bool, now time.Time) {
	u.running--
	if u.runningOn[ticket]--; u.runningOn[ticket] == 0 {
		delete(u.runningOn, ticket)
	}
	if !sent || u.all == 0 {
		return
	}
	if u.doneOn == nil {
		u.doneOn = make(map[int64][]time.Time)
	}
	u.done = append(since(u.done, now.Add(-u.window())), now)
	u.doneOn[ticket] = append(u.doneOn[ticket], now)
}

// tend forgets what no window counts any more.
func (u *updates) tend(now time.Time) {
	for ticket := range u.doneOn {
		u.forget(ticket, now.Add(-u.window()*ticketMinutes))
	}
}

func (u *updates) forget(ticket int64, before time.Time) {
	left := since(u.doneOn[ticket], before)
	if len(left) == 0 {
		delete(u.doneOn, ticket)
		return
	}
	u.doneOn[ticket] = left
}

// since are those of the times that are not before one. They are in order.
func since(times []time.Time, first time.Time) []time.Time {
	for len(times) > 0 && times[0].Before(first) {
		times = times[1:]
	}
	return times
}

// updates is the ticket that a step updates, 0 if it updates none: a call record
// is no update.
func (s Step) updates(r Record) int64 {
	switch s.Kind {
	case StepTell, StepJoin, StepTranscript:
		return r.Ticket
	case StepLink:
		return r.Duplicates[r.Linked]
	case StepComplete:
		if s.App == 0 {
			return r.Ticket
		}
	case StepCaller, StepMatch, StepAttach, StepAudio, StepRecording, StepTranscribe, StepCreate, StepLookup, StepPop, StepVerify, StepGiveUp:
	}
	return 0
}

// place takes one for the update that a step is, if it is one. Where its ticket
// has none, it says when to look again.
func (b *Bridge) place(step Step, record Record) (ticket int64, again time.Time) {
	ticket = step.updates(record)
	if ticket == 0 {
		return 0, time.Time{}
	}
	now := b.now()
	if again = b.lanes.updates.freeOn(ticket, now); !again.IsZero() {
		b.log.WithField("call_id", step.Call).WithField("step", step.Kind).WithField("ticket_id", ticket).
			WithField("retry_in", again.Sub(now).Round(time.Second).String()).Info("ticket takes no more updates for now, the next one waits")
		return 0, again
	}
	b.lanes.updates.begin(ticket)
	return ticket, time.Time{}
}

// unplace is for when the step is done.
func (b *Bridge) unplace(r result) {
	if r.ticket != 0 {
		b.lanes.updates.end(r.ticket, r.sent, b.now())
	}
}
