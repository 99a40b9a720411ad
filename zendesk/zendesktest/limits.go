package zendesktest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names of the limits that single operations have, as in Zendesk's zendesk-ratelimit-<name> headers.
const (
	limitTicketList   = "tickets-index"
	limitSearch       = "search-index"
	limitAudits       = "ticket-audits-index"
	limitTicketUpdate = "per-ticket-updates"
	limitAvailability = "agent-availabilities"
)

// limiter counts requests in fixed windows; a window begins with the first request in it.
type limiter struct {
	windows map[string]*window
	pace    float64
	// impatient counts requests that came although their client had been told to wait.
	impatient int
}

type window struct {
	end  time.Time
	used int
	// told is when, by the real clock, the first request was refused.
	told time.Time
}

// inFlight is how long after the first refusal further requests may come: they were on their way.
const inFlight = 250 * time.Millisecond

// maxWindows bounds the windows; those that have passed are dropped when it is reached.
const maxWindows = 10_000

func newLimiter(pace float64) *limiter { return &limiter{windows: map[string]*window{}, pace: pace} }

// take counts one request, now, unheard if its answer reaches nobody. It returns what is left and when the window ends;
// ok is false if there was nothing left.
func (l *limiter) take(key string, total int, per time.Duration, now time.Time, unheard bool) (left int, resets time.Duration, ok bool) {
	w := l.windows[key]
	if w == nil || !now.Before(w.end) {
		l.trim(now)
		w = &window{end: now.Add(time.Duration(float64(per) / l.pace))}
		l.windows[key] = w
	}
	w.used++
	if w.used > total && !unheard {
		l.refused(w)
	}
	return max(total-w.used, 0), w.end.Sub(now), w.used <= total
}

// refused notes a refusal, and whether the client should have known.
func (l *limiter) refused(w *window) {
	switch now := time.Now(); {
	case w.told.IsZero():
		w.told = now
	case now.Sub(w.told) > inFlight:
		l.impatient++
	}
}

func (l *limiter) trim(now time.Time) {
	if len(l.windows) < maxWindows {
		return
	}
	for k, w := range l.windows {
		if !now.Before(w.end) {
			delete(l.windows, k)
		}
	}
}

// limit applies the account's limits and the operation's own. The reply holds the headers that go with the answer,
// and is the answer itself if the request is refused.
func (a *account) limit(c *call, op *operation) (rep reply, refused bool) {
	lim := a.cfg.limits
	if lim.Requests > 0 && !op.open {
		left, resets, ok := a.limiter.take("account", lim.Requests, time.Minute, c.now, c.unheard)
		rep.with("X-Rate-Limit", strconv.Itoa(lim.Requests))
		rep.with("X-Rate-Limit-Remaining", strconv.Itoa(left))
		if !op.voice {
			rep.with("Ratelimit-Limit", strconv.Itoa(lim.Requests))
			rep.with("Ratelimit-Remaining", strconv.Itoa(left))
			rep.with("Ratelimit-Reset", strconv.FormatInt(seconds(resets), 10))
		}
		if !ok {
			return tooMany(rep, resets, "Number of allowed API requests per minute exceeded"), true
		}
	}
	for _, b := range a.budgets(c, op) {
		if b.total == 0 {
			continue
		}
		left, resets, ok := a.limiter.take(b.key, b.total, b.per, c.now, c.unheard)
		if b.header != "" {
			rep.with("Zendesk-Ratelimit-"+b.header,
				fmt.Sprintf("total=%d; remaining=%d; resets=%d", b.total, left, seconds(resets)))
		}
		if !ok {
			return tooMany(rep, resets, b.text), true
		}
	}
	return rep, false
}

// budget is one limit that a request counts against.
type budget struct {
	key, header, text string
	total             int
	per               time.Duration
}

// budgets are the limits of the operation besides the account's.
func (a *account) budgets(c *call, op *operation) []budget {
	lim := a.cfg.limits
	var own []budget
	if op.update {
		who := fmt.Sprintf("update %d %d", c.user.ID, c.params[0])
		own = append(own,
			budget{who, limitTicketUpdate, "Too many updates to this ticket by this user", lim.TicketUpdates, 10 * time.Minute},
			budget{"updates", "", "Number of allowed ticket updates per minute exceeded", lim.Updates, time.Minute})
	}
	totals := map[string]int{
		limitTicketList: lim.TicketList, limitSearch: lim.Search, limitAudits: lim.Audits, limitAvailability: lim.Availability,
	}
	if op.limit != "" {
		own = append(own, budget{
			op.limit, strings.ToLower(op.limit), "Number of allowed requests per minute exceeded", totals[op.limit], time.Minute,
		})
	}
	return own
}

// limitUpsert counts a create-or-update or update of a user; target is zero for a user who did not exist.
func (a *account) limitUpsert(c *call, target int64) (rep reply, refused bool) {
	lim := a.cfg.limits
	if lim.UserUpserts > 0 {
		if _, resets, ok := a.limiter.take("upserts", lim.UserUpserts, time.Second, c.now, c.unheard); !ok {
			return tooMany(rep, resets, "Number of allowed user updates per second exceeded"), true
		}
	}
	if lim.UserUpdates > 0 && target != 0 {
		key := fmt.Sprintf("user %d", target)
		if _, resets, ok := a.limiter.take(key, lim.UserUpdates, time.Minute, c.now, c.unheard); !ok {
			return tooMany(rep, resets, "Too many updates to this user"), true
		}
	}
	return rep, false
}

// tooMany is the 429: its body is no JSON.
func tooMany(rep reply, resets time.Duration, text string) reply {
	rep.status, rep.contentType, rep.raw = http.StatusTooManyRequests, "text/plain; charset=utf-8", []byte(text)
	rep.with("Retry-After", strconv.FormatInt(max(seconds(resets), 1), 10))
	return rep
}
