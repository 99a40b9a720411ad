package twiliotest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// overrides are how long a callback is tried and how often: Twilio's connection overrides, which stand in the fragment
// of its URL and are never sent.
//
// Twilio docs: usage/webhooks/webhooks-connection-overrides.
type overrides struct {
	connect, read, total time.Duration
	retries              int
	policy               []string // classes of failures that are tried again
}

// The classes of failures. Those of statuses are 4xx and 5xx; anything of a connection that stood is a read failure.
const (
	connectFailure = "ct"
	readFailure    = "rt"
	clientFailure  = "4xx"
	serverFailure  = "5xx"
	anyFailure     = "all"
)

// overridesOf reads the fragment of a URL. What is out of its range is as if it were not there.
func overridesOf(target string) overrides {
	o := overrides{5 * time.Second, 15 * time.Second, 15 * time.Second, 1, []string{connectFailure}}
	_, fragment, _ := strings.Cut(target, "#")
	values, err := url.ParseQuery(fragment)
	if err != nil {
		return o
	}
	number := func(key string, least, most, fallback int) int {
		if n, err := strconv.Atoi(values.Get(key)); err == nil && n >= least && n <= most {
			return n
		}
		return fallback
	}
	millis := func(key string, least, most int, fallback time.Duration) time.Duration {
		return time.Duration(number(key, least, most, int(fallback.Milliseconds()))) * time.Millisecond
	}
	o.connect = millis("ct", 100, 10_000, o.connect)
	o.read = millis("rt", 100, 15_000, o.read)
	o.total = millis("tt", 100, 15_000, o.total)
	o.retries = number("rc", 0, 5, o.retries)
	if policy := values.Get("rp"); policy != "" {
		o.policy = strings.Split(policy, ",")
	}
	return o
}

// again reports whether a failure of that class is tried again.
func (o overrides) again(class string) bool {
	return slices.Contains(o.policy, class) || slices.Contains(o.policy, anyFailure)
}
