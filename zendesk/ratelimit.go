package zendesk

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxWait          = 24 * time.Hour
	maxBudgets       = 32
	maxBudgetName    = 64
	maxBudgetRequest = 1 << 30
)

// Limits that Zendesk documents for single endpoints, besides the account's. The client does not hold back requests: a
// program that makes many counts them. What a plan or a trial has differs where answers say so, see [RateLimit].
//
// Zendesk docs: https://developer.zendesk.com/api-reference/introduction/rate-limits/
const (
	// UpdatesPerTicket is how many updates of a ticket one user may make in UpdatesPerTicketWindow (trials: 20).
	UpdatesPerTicket       = 30
	UpdatesPerTicketWindow = 10 * time.Minute
	// UpdatesPerMinute is how many updates of tickets an account may make; with the high-volume add-on, whose accounts
	// have HighVolume requests a minute or more, it is UpdatesPerMinuteHighVolume.
	UpdatesPerMinute           = 100
	UpdatesPerMinuteHighVolume = 300
	HighVolume                 = 2500
	// UserUpsertsPerSecond is how often an account may use [Client.CreateOrUpdateUser], and UserUpsertsPerMinute how often
	// for the same user.
	UserUpsertsPerSecond = 1
	UserUpsertsPerMinute = 5
)

// Budget is how much of one rate limit is left.
type Budget struct {
	// Known is true if Remaining was told.
	Known bool
	// Limit is the size of the budget, zero if not told.
	Limit int
	// Remaining is how many requests are left in the window.
	Remaining int
	// Resets is how long after the answer the window ends, zero if not told. At most 24 hours.
	Resets time.Duration
}

// RateLimit is what answers said about rate limits. The zero value means that nothing was said.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/introduction/rate-limits/
type RateLimit struct {
	// At is when the answer came that Account is from, by the client's clock.
	At time.Time
	// Account is the budget of all integrations of the account together, per minute.
	Account Budget
	// Endpoints are the budgets of single endpoints, by the name in Zendesk's header, such as "tickets-index" or
	// "per-ticket-updates"; nil if none was told. Budgets per ticket or user come without saying of which: the
	// one of the last answer is kept.
	Endpoints map[string]Budget
}

// parseRateLimit reads the header families that Zendesk uses side by side: X-Rate-Limit(-Remaining), the ratelimit-*
// of the ticketing endpoints, zendesk-ratelimit-<name> with "total=100; remaining=99; resets=41", and the older
// spellings of the latter two with rate-limit. Where two disagree the lower remainder counts. What cannot be read is
// left out.
func parseRateLimit(h http.Header, now time.Time) RateLimit {
	limits := RateLimit{At: now}
	for key, values := range h {
		if len(values) == 0 {
			continue
		}
		value := values[0]
		switch field, name := limitField(key); field {
		case accountLimit:
			if n, ok := count(value); ok {
				limits.Account.Limit = max(limits.Account.Limit, n)
			}
		case accountRemaining:
			if n, ok := count(value); ok && (!limits.Account.Known || n < limits.Account.Remaining) {
				limits.Account.Known, limits.Account.Remaining = true, n
			}
		case accountReset:
			limits.Account.Resets = max(limits.Account.Resets, seconds(value))
		case endpointBudget:
			if b := parseBudget(value); b != (Budget{}) && len(limits.Endpoints) < maxBudgets {
				if limits.Endpoints == nil {
					limits.Endpoints = make(map[string]Budget)
				}
				limits.Endpoints[name] = b
			}
		case noLimit:
		}
	}
	if limits.Account == (Budget{}) && limits.Endpoints == nil {
		return RateLimit{}
	}
	return limits
}

// spent is the limit of single endpoints of which nothing is left, empty if it is the account's of which nothing is.
func (r RateLimit) spent() string {
	if r.Account.Known && r.Account.Remaining == 0 {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(r.Endpoints)) {
		if b := r.Endpoints[name]; b.Known && b.Remaining == 0 {
			return name
		}
	}
	return ""
}

// limitKind says what a header tells.
type limitKind int

const (
	noLimit limitKind = iota
	accountLimit
	accountRemaining
	accountReset
	endpointBudget
)

// limitField says what the header tells, and of which endpoint.
func limitField(key string) (kind limitKind, endpoint string) {
	if !containsFold(key, "limit") {
		return noLimit, ""
	}
	key = strings.ToLower(key)
	switch key {
	case "x-rate-limit", "ratelimit-limit", "rate-limit", "rate-limit-limit":
		return accountLimit, ""
	case "x-rate-limit-remaining", "ratelimit-remaining", "rate-limit-remaining":
		return accountRemaining, ""
	case "ratelimit-reset", "rate-limit-reset":
		return accountReset, ""
	}
	for _, prefix := range []string{"zendesk-ratelimit-", "zendesk-rate-limit-"} {
		if name, ok := strings.CutPrefix(key, prefix); ok && name != "" && len(name) <= maxBudgetName {
			return endpointBudget, name
		}
	}
	return noLimit, ""
}

// containsFold reports whether key holds the lower-case ASCII word, without allocating: it is asked of every header.
func containsFold(key, word string) bool {
	for i := 0; i+len(word) <= len(key); i++ {
		if strings.EqualFold(key[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

// parseBudget reads "total=100; remaining=99; resets=41".
func parseBudget(value string) Budget {
	var b Budget
	for part := range strings.SplitSeq(value, ";") {
		key, number, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, ok := count(number)
		if !ok {
			continue
		}
		switch strings.ToLower(key) {
		case "total":
			b.Limit = n
		case "remaining":
			b.Known, b.Remaining = true, n
		case "resets":
			b.Resets = min(time.Duration(n)*time.Second, maxWait)
		}
	}
	return b
}

// count reads a number of requests.
func count(s string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n > maxBudgetRequest {
		return 0, false
	}
	return max(n, 0), true
}

// seconds reads a whole number of seconds as a bounded duration, zero if it is none.
func seconds(s string) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(min(max(n, 0), int64(maxWait/time.Second))) * time.Second
}

// parseRetryAfter reads Retry-After in either of its forms, zero if there is none or it is past. A date is taken
// relative to the answer's own Date where there is one, so that a wrong clock here does not count.
func parseRetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if value == "" {
		return 0
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return seconds(value)
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), maxWait)
}

// limitBook keeps the last word on each budget.
type limitBook struct {
	mu   sync.Mutex
	last RateLimit
}

// note takes over what one answer said.
func (b *limitBook) note(seen RateLimit) {
	if seen.At.IsZero() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if seen.Account != (Budget{}) {
		b.last.Account, b.last.At = seen.Account, seen.At
	}
	for name, budget := range seen.Endpoints {
		if b.last.Endpoints == nil {
			b.last.Endpoints = make(map[string]Budget)
		}
		if _, known := b.last.Endpoints[name]; known || len(b.last.Endpoints) < maxBudgets {
			b.last.Endpoints[name] = budget
		}
	}
}

// snapshot returns a copy.
func (b *limitBook) snapshot() RateLimit {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := b.last
	last.Endpoints = maps.Clone(last.Endpoints)
	return last
}
