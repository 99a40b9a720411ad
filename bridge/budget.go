package bridge

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/talkbridge/talkbridge/zendesk"
)

// What answers say of the account's budget, and of Zendesk's health, decides
// which lanes pause. Nothing is sent while Zendesk said to wait; the last of the
// budget is for pops.

// learnAll takes in what waits.
func (b *Bridge) learnAll() {
	for {
		select {
		case ex := <-b.limits:
			b.learn(ex)
		default:
			return
		}
	}
}

// learn pauses lanes as an exchange asks for it.
func (b *Bridge) learn(ex zendesk.Exchange) {
	b.breaker(ex)
	b.lanes.updates.learn(ex.RateLimit, b.policy.Load().UpdatesPerMinute)
	refusal, _ := errors.AsType[*zendesk.Error](ex.Err)
	if refusal != nil && refusal.IsRateLimited() {
		if refusal.Limit == perTicket { // that ticket alone must wait
			return
		}
		b.lanes.pause(refusedLane(ex), b.now().Add(classifyRefusal(refusal).wait))
		return
	}
	b.lanes.budget.note(ex.RateLimit, b.policy.Load().Reserve, b.now())
	if in, spare := spares(ex.RateLimit.Account, b.policy.Load().Reserve); spare {
		b.lanes.pause(in, b.now().Add(cmp.Or(ex.RateLimit.Account.Resets, budgetFresh)))
	}
}

const (
	// budgetFresh is for how long it is believed that little is left: voice
	// endpoints do not say when the minute ends. Each look costs one request.
	budgetFresh = 5 * time.Second
)

// budget is what the last answers said of the account's minute. With the zero
// budget nothing was said.
type budget struct {
	limit, left int
	reserve     float64
	at          time.Time
}

// note takes over what an answer said. Answers overtake each other: within a
// minute less is left each time, so that a little more is an older word.
func (u *budget) note(seen zendesk.RateLimit, reserve float64, now time.Time) {
	account := seen.Account
	if !account.Known || account.Limit == 0 {
		return
	}
	if older := account.Remaining - u.left; older > 0 && older <= maxRunning && now.Sub(u.at) < budgetFresh {
		return
	}
	*u = budget{limit: account.Limit, left: account.Remaining, reserve: reserve, at: now}
}

// refusedLane is the most urgent lane that a 429 concerns: all of them if the
// account's minute is spent, else those that ask for the same.
func refusedLane(ex zendesk.Exchange) lane {
	if account := ex.RateLimit.Account; account.Known && account.Remaining == 0 {
		return lanePops
	}
	switch ex.Operation {
	case "DisplayTicket", "DisplayUser":
		return lanePops
	case "UpdateTicket", "ListTicketAudits":
		return laneUpdates
	}
	return laneCreates
}

// spares says which lane, with all that are less urgent, waits for the next
// minute's budget. Of what is not reserved for other users of the account, the
// last tenth of the whole is for creates, the last twentieth for pops. Pops may
// use the reserve: each is one request, and worth something for seconds only.
func spares(account zendesk.Budget, reserve float64) (lane, bool) {
	if !account.Known || account.Limit == 0 {
		return 0, false
	}
	left := float64(account.Remaining)/float64(account.Limit) - reserve
	switch {
	case left < 0.05:
		return laneCreates, true
	case left < 0.1:
		return laneUpdates, true
	}
	return 0, false
}

const (
	// outageAfter failures in a row mean that Zendesk is down: no less than one
	// call in trouble makes, whose tries are further and further apart.
	outageAfter = 6
	// probeEvery is how often one request then finds out whether it still is.
	// A pop can wait that long.
	probeEvery = 2 * time.Second
)

// outage is a Zendesk that does not answer, or answers 5xx, whatever is asked.
type outage struct {
	// failures are those in a row.
	failures int
	// since is when it began; zero while there is none.
	since time.Time
}

// breaker lets one request out at a time while Zendesk is down, so that a
// thousand calls that wait are not a thousand requests. The first answer ends
// that.
func (b *Bridge) breaker(ex zendesk.Exchange) {
	now := b.now()
	if !failed(ex) {
		b.outage.failures = 0
		if b.outage.since.IsZero() {
			return
		}
		b.log.WithField("after", now.Sub(b.outage.since).Round(time.Second).String()).Info("zendesk answers again")
		b.outage = outage{}
		b.metrics.outage.Set(0)
		if !b.halted {
			b.lanes.resume()
		}
		return
	}
	b.outage.failures++
	if b.outage.failures < outageAfter {
		return
	}
	if b.outage.since.IsZero() {
		b.outage.since = now
		b.metrics.outage.Set(1)
		b.log.WithError(ex.Err).WithField("failures", b.outage.failures).
			Error("zendesk is down: everything waits, one request at a time finds out whether it still is")
	}
	b.lanes.single = true
	b.lanes.pause(lanePops, now.Add(probeEvery))
}

// failed reports whether an exchange says that Zendesk does not work.
func failed(ex zendesk.Exchange) bool {
	if ex.Err == nil || ex.Status == http.StatusTooManyRequests {
		return false
	}
	return ex.Status == 0 || ex.Status >= http.StatusInternalServerError
}
