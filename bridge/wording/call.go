package wording

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/talkbridge/talkbridge/telephony"
)

// maxValue bounds each text of a call, in bytes: names come from whoever calls.
const maxValue = 200

// maxAgents bounds how many agents of one call a template sees.
const maxAgents = 50

// Call is what a template may say of a call. Texts are cut at 200 bytes, lose
// control characters and have parentheses for braces; what is not known is empty.
type Call struct {
	ID, Site string
	// Subject is the one that the ticket has without a template.
	Subject string
	// Number and Name are the other side's, DID and Line our number's.
	Number, Name, DID, Line string
	Queue                   string
	// Place is where in the queue the caller gave up, 0 if he did not.
	Place                  int
	Location               string
	Direction, Disposition string
	// Agents talked to the other side, in the order in which they began.
	Agents []string
	// Voicemail says that a message was left.
	Voicemail, Answered        bool
	Started, AnsweredAt, Ended time.Time
	// Wait is the time until an agent talked, Talk from then to the end, Hold what
	// the other side spent on hold of that, Duration from the first channel to the
	// last hang-up.
	Wait, Talk, Hold, Duration time.Duration
}

// Length is a duration that prints in whole seconds; zero prints as "".
type Length time.Duration

// String implements [fmt.Stringer].
func (l Length) String() string {
	if l <= 0 {
		return ""
	}
	return time.Duration(l).Round(time.Second).String()
}

// Clock is a time that prints in UTC; zero prints as "".
type Clock struct{ time.Time }

// String implements [fmt.Stringer].
func (c Clock) String() string {
	if c.IsZero() {
		return ""
	}
	return c.UTC().Format("2006-01-02 15:04:05 UTC")
}

// A name is a field of a template.
type name struct {
	name string
	// late names are only known when the call is over.
	late bool
	of   func(Call) any
}

// names are all fields that a template may name.
var names = []name{
	{"agent", false, func(c Call) any { return at(c.Agents, 0) }},
	{"agents", true, func(c Call) any { return texts(c.Agents) }},
	{"answered", false, func(c Call) any { return Clock{c.AnsweredAt} }},
	{"call_id", false, func(c Call) any { return text(c.ID) }},
	{"did", false, func(c Call) any { return text(c.DID) }},
	{"direction", false, func(c Call) any { return text(c.Direction) }},
	{"disposition", true, func(c Call) any { return text(c.Disposition) }},
	{"duration", true, func(c Call) any { return Length(c.Duration) }},
	{"ended", true, func(c Call) any { return Clock{c.Ended} }},
	{"hold", true, func(c Call) any { return Length(c.Hold) }},
	{"is_answered", false, func(c Call) any { return c.Answered }},
	{"is_voicemail", true, func(c Call) any { return c.Voicemail }},
	{"last_agent", true, func(c Call) any { return at(c.Agents, len(c.Agents)-1) }},
	{"line", false, func(c Call) any { return text(c.Line) }},
	{"location", false, func(c Call) any { return text(c.Location) }},
	{"name", false, func(c Call) any { return text(c.Name) }},
	{"number", false, func(c Call) any { return text(c.Number) }},
	{"queue", false, func(c Call) any { return text(c.Queue) }},
	{"queue_place", true, func(c Call) any { return c.Place }},
	{"site", false, func(c Call) any { return text(c.Site) }},
	{"started", false, func(c Call) any { return Clock{c.Started} }},
	{"subject", false, func(c Call) any { return text(c.Subject) }},
	{"talk", true, func(c Call) any { return Length(c.Talk) }},
	{"wait", false, func(c Call) any { return Length(c.Wait) }},
}

// Names are the fields that a template may name, in alphabetical order.
func Names() []string {
	all := make([]string, 0, len(names))
	for _, n := range names {
		all = append(all, n.name)
	}
	return all
}

// values is a call as a template sees it.
func (c Call) values() map[string]any {
	m := make(map[string]any, len(names))
	for _, n := range names {
		m[n.name] = n.of(c)
	}
	return m
}

func find(field string) (name, bool) {
	i := slices.IndexFunc(names, func(n name) bool { return n.name == field })
	if i < 0 {
		return name{}, false
	}
	return names[i], true
}

func at(list []string, i int) string {
	if i < 0 || i >= len(list) {
		return ""
	}
	return text(list[i])
}

func texts(list []string) []string {
	out := make([]string, 0, min(len(list), maxAgents))
	for _, s := range list[:min(len(list), maxAgents)] {
		out = append(out, text(s))
	}
	return out
}

// text is a value from the wire as it may stand in a line.
func text(s string) string { return Clip(Literal(Line(s)), maxValue) }

// literal is made once: building a replacer takes longer than using it.
var literal = strings.NewReplacer("{", "(", "}", ")")

// Literal is a text from outside without braces. Zendesk has placeholders and
// Liquid, {{ticket.requester.email}} and {%, which it expands in what agents and
// triggers write; a caller chooses his name, and shall not find out where else. A blank between the braces would
// do, until a template takes blanks out.
//
// Zendesk: https://support.zendesk.com/hc/en-us/articles/4408886858138
func Literal(s string) string { return literal.Replace(s) }

// Line is s on one line: white space is one blank, control characters are gone.
func Line(s string) string {
	return telephony.StripControls(strings.Join(strings.Fields(s), " "))
}

// Clip shortens a text to at most limit bytes, at the end of a character.
func Clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const sign = "…"
	cut := max(0, limit-len(sign))
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + sign
}

// The calls on which a new template is tried: one of which everything is known,
// and one of which nothing is.
func samples() []Call {
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	return []Call{{
		ID: "hq/pbx1/1700000000.1", Site: "hq", Subject: "Call from +12125550123", Number: "+12125550123", Name: "Carl",
		DID: "+15550100001", Line: "Support", Queue: "support", Place: 2, Location: "New York, NY", Direction: "inbound",
		Disposition: "answered", Agents: []string{"Ana", "Ben"}, Voicemail: true, Answered: true,
		Started: start, AnsweredAt: start.Add(5 * time.Second), Ended: start.Add(time.Minute),
		Wait: 5 * time.Second, Talk: 55 * time.Second, Hold: 10 * time.Second, Duration: time.Minute,
	}, {}}
}
