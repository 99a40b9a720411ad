package bridge

import (
	"fmt"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// Rules say which calls are not worth a ticket. The zero Rules keep none out.
// They hold until a call has a ticket: one that it has is completed.
type Rules struct {
	// ShortestRing is how long a call that nobody answered must have lasted.
	// One with a voicemail always counts.
	ShortestRing time.Duration
	// ShortestTalk is how long an answered call must have been talked on. Its
	// ticket is made when that is reached; until then agents see the caller.
	ShortestTalk time.Duration
	// Callers are the other sides, Lines our numbers.
	Callers, Lines Filter
}

// WithheldCallers is the pattern of those who do not show their number.
const WithheldCallers = "withheld"

// Filter is a list of numbers that count and one of those that do not. Each is
// in E.164, or the beginning of some with a * behind, or WithheldCallers.
type Filter struct {
	// Allow are the only ones that count; empty lets all count.
	Allow []string
	// Deny are those that do not count, allowed or not.
	Deny []string
}

// empty reports whether the filter lets all count.
func (f Filter) empty() bool { return len(f.Allow) == 0 && len(f.Deny) == 0 }

// why says why a number does not count, "" if it does.
func (f Filter) why(n telephony.Number) string {
	if pattern, found := match(f.Deny, n); found {
		return "is denied (" + pattern + ")"
	}
	if _, found := match(f.Allow, n); !found && len(f.Allow) > 0 {
		return "is not among those allowed"
	}
	return ""
}

// Excludes says why a number does not count, "" if it does.
func (f Filter) Excludes(n telephony.Number) string { return f.why(n) }

// match finds the first pattern that a number has.
func match(patterns []string, n telephony.Number) (string, bool) {
	for _, p := range patterns {
		start, isPrefix := strings.CutSuffix(p, "*")
		switch {
		case p == WithheldCallers && n.Withheld,
			isPrefix && n.E164 != "" && strings.HasPrefix(n.E164, start),
			p == n.E164 && p != "":
			return p, true
		}
	}
	return "", false
}

// rules are those of a call's line.
func (p *Policy) rules(s telephony.State) *Rules {
	if line := p.line(s); line.Rules != nil {
		return line.Rules
	}
	return &p.Rules
}

// ruledOut says why the rules keep the call from having a ticket, "" if they do
// not.
func (p planner) ruledOut() string {
	r := p.record
	if r.Ticket != 0 || r.Predecessor != 0 || r.Open != nil {
		return ""
	}
	if why := p.denied(); why != "" {
		return why
	}
	if p.amongAgents() {
		return "no ticket: one agent calls another, on his telephone outside"
	}
	switch {
	case !p.call.Ended():
	case p.call.Answered() && p.call.TalkTime() < p.rules.ShortestTalk:
		return fmt.Sprintf("no ticket: talked for %s, shorter than shortest_talk (%s)", length(p.call.TalkTime()), p.rules.ShortestTalk)
	case !p.call.Answered() && p.call.Voicemail == nil && p.call.Duration() < p.rules.ShortestRing:
		return fmt.Sprintf("no ticket: over after %s, sooner than shortest_ring (%s)", length(p.call.Duration()), p.rules.ShortestRing)
	}
	return ""
}

// amongAgents reports whether an agent calls a colleague's mobile: to the phone
// system that is a call to the outside, to people an internal one. A call that
// became one with others has an outside party somewhere.
func (p planner) amongAgents() bool {
	if p.call.Direction != telephony.Outbound || len(p.parts) > 1 || p.policy.Directory == nil {
		return false
	}
	_, known := p.policy.Directory.Lookup(p.call.To.Number)
	return known
}

// denied says which filter keeps the call out.
func (p planner) denied() string {
	if !p.rules.Lines.empty() {
		if why := p.rules.Lines.why(p.number(p.call.Line())); why != "" {
			return "no ticket: the line " + why
		}
	}
	if !p.rules.Callers.empty() {
		if why := p.rules.Callers.why(p.number(p.call.Customer())); why != "" {
			return "no ticket: the caller " + why
		}
	}
	return ""
}

func (p planner) number(party telephony.Party) telephony.Number {
	n := telephony.ParseNumber(party.Number, p.policy.line(p.call).Country)
	if party.Withheld {
		n.Withheld, n.E164 = true, ""
	}
	return n
}

// talkedEnough is when an answered call has been talked on for as long as its
// ticket needs, by our clock; zero if it needs nothing.
func (p planner) talkedEnough() time.Time {
	if p.rules.ShortestTalk <= 0 {
		return time.Time{}
	}
	return p.call.AnsweredAt.Add(p.rules.ShortestTalk + p.ahead)
}
