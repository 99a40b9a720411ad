package rehearsal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// judge compares what one call became with what was expected.
type judge struct {
	cfg       *config.Config
	directory *screenpop.Directory
	path      string
	agents    map[int64]string // their names, by the id that Zendesk has of them
	became    bridge.Rehearsal
	problems  []config.Problem
}

func (j *judge) problem(path, message, hint string) {
	j.problems = append(j.problems, j.cfg.TestProblem(path, message, hint))
}

// names judges the names of agents that are expected.
func (j *judge) names(test config.Test) {
	known := agentNames(j.cfg)
	check := func(key, name string, more ...string) {
		if name != "" && !slices.Contains(slices.Concat(known, more), name) {
			j.problem(j.path+"."+key, quote(name)+" is no name of agents", config.Hint(name, slices.Concat(known, more)))
		}
	}
	if test.Ticket != nil {
		check("ticket.assignee", test.Ticket.Assignee, config.TestNone)
		check("ticket.answered_by", test.Ticket.AnsweredBy, config.TestNone)
	}
	for i, pop := range test.Pops {
		check(fmt.Sprintf("pops[%d].agent", i), pop.Agent)
	}
}

// compare notes all that is not as the test expects it.
func (j *judge) compare(test config.Test) {
	switch got := j.became.Ticket; {
	case test.Ticket == nil:
	case test.Ticket.None && got != nil:
		j.problem(j.path+".ticket", "is there, "+quote(got.Subject)+", expected none", "")
	case test.Ticket.None:
	case got == nil:
		j.problem(j.path+".ticket", fmt.Sprintf("is none, expected one: the call is %s, and %s", j.call(), j.became.Reason), "")
	default:
		j.ticket(*test.Ticket, *got)
	}
	if j.cfg.TestGiven(j.path + ".pops") {
		j.pops(test.Pops)
	}
	if len(j.problems) == 0 {
		return
	}
	for i := range j.problems {
		j.problems[i].Hint = "in " + quote(clean(test.Name))
	}
	if len(j.became.Warnings) > 0 {
		j.problems[0].Hint += ", where the log would warn: " + clean(strings.Join(j.became.Warnings, "; "))
	}
}

// call is what the call was, in words.
func (j *judge) call() string {
	return strings.TrimRight(string(j.became.State.Direction)+", "+string(j.became.State.Disposition), ", ")
}

// same compares one value, if one is expected.
func (j *judge) same(key, got, want string) {
	if want != "" && want != cmp.Or(got, config.TestNone) {
		j.problem(j.path+"."+key, "is "+shown(got)+", expected "+shown(want), "")
	}
}

func (j *judge) ticket(want config.TestTicket, got bridge.RehearsedTicket) {
	j.same("ticket.via", viaName(got), string(want.Via))
	j.same("ticket.subject", got.Subject, want.Subject)
	j.same("ticket.group", id(got.Group), id(int64(want.Group)))
	j.same("ticket.brand", id(got.Brand), id(int64(want.Brand)))
	j.same("ticket.priority", got.Priority, string(want.Priority))
	j.same("ticket.assignee", j.agents[got.Assignee], want.Assignee)
	j.same("ticket.answered_by", j.agents[got.AnsweredBy], want.AnsweredBy)
	j.same("ticket.plays", j.plays(got), string(want.Plays))
	j.requester(want.Requester, got.Requester)
	if j.cfg.TestGiven(j.path + ".ticket.tags") {
		j.tags(want.Tags, got.Tags)
	}
	for i, f := range want.CustomFields {
		j.same(fmt.Sprintf("ticket.custom_fields[%d].value", i), fieldOf(got, int64(f.ID)), fmt.Sprint(f.Value.Value))
	}
	for i, text := range want.CommentContains {
		if !slices.ContainsFunc(got.Comments, func(c string) bool { return strings.Contains(c, text) }) {
			j.problem(fmt.Sprintf("%s.ticket.comment_contains[%d]", j.path, i), shown(text)+" stands in no comment; there is "+comments(got), "")
		}
	}
}

// requester may be expected by name, number or address.
func (j *judge) requester(want string, got zendesk.User) {
	names := []string{got.Name, got.Phone, got.Email}
	number := telephony.ParseNumber(want, j.cfg.Country).E164
	if want == "" || slices.Contains(names, want) || (number != "" && number == got.Phone) {
		return
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	j.problem(j.path+".ticket.requester", fmt.Sprintf("is %s, expected %s", quoteAll(names), shown(want)), "")
}

// tags have no order.
func (j *judge) tags(want, got []string) {
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	if !slices.Equal(slices.Compact(want), slices.Compact(got)) {
		j.problem(j.path+".ticket.tags", "are "+list(got)+", expected "+list(want), "")
	}
}

// page is a page as a test names it.
type page struct{ agent, open, on string }

// String is the page as it stands in the file.
func (p page) String() string {
	text := "{agent: " + p.agent
	if p.open != "" {
		text += ", open: " + p.open
	}
	if p.on != "" {
		text += ", on: " + p.on
	}
	return text + "}"
}

// expected are the pages that a test names.
func expected(pops []config.TestPop) []page {
	var pages []page
	for _, p := range pops {
		pages = append(pages, page{p.Agent, string(p.Open), string(p.On)})
	}
	return pages
}

// pages are those that opened.
func (j *judge) pages() []page {
	var pages []page
	for _, p := range j.became.Pages {
		pages = append(pages, page{j.agents[p.Agent], string(p.Page), string(j.moment(p))})
	}
	return pages
}

// moment is when a page opened: while the agent's phone rang, or later.
func (j *judge) moment(p bridge.RehearsedPage) config.PopOn {
	for _, talk := range j.became.State.Talks {
		agent, _ := j.directory.Lookup(talk.Endpoint)
		if agent.ZendeskID == p.Agent && !p.At.Before(talk.From) {
			return config.PopOnAnswer
		}
	}
	return config.PopOnRinging
}

func (j *judge) pops(want []config.TestPop) {
	got := j.pages()
	if len(got) != len(want) {
		j.problem(j.path+".pops", fmt.Sprintf("are %s, expected %s", pagesText(got), pagesText(expected(want))), "")
		return
	}
	for i, w := range want {
		at := fmt.Sprintf("pops[%d].", i)
		j.same(at+"agent", got[i].agent, w.Agent)
		j.same(at+"open", got[i].open, string(w.Open))
		j.same(at+"on", got[i].on, string(w.On))
	}
}

// plays is what a ticket plays.
func (j *judge) plays(got bridge.RehearsedTicket) string {
	switch {
	case got.Voice == nil || got.Voice.RecordingURL == "":
		return ""
	case j.became.State.Voicemail != nil:
		return string(config.TestPlaysVoicemail)
	}
	return string(config.TestPlaysRecording)
}

// viaName is the kind of ticket as a test names it.
func viaName(t bridge.RehearsedTicket) string {
	if t.Attached {
		return string(config.TestViaAttached)
	}
	return map[zendesk.ViaID]string{
		zendesk.ViaInbound: string(config.TestViaInbound), zendesk.ViaOutbound: string(config.TestViaOutbound),
		zendesk.ViaVoicemail: string(config.TestViaVoicemail),
	}[t.Via]
}

// id is an id in digits, "" for none.
func id(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// fieldOf is the value of a ticket field, "" if it has none.
func fieldOf(t bridge.RehearsedTicket, id int64) string {
	for _, f := range t.CustomFields {
		if f.ID == id {
			return fmt.Sprint(f.Value)
		}
	}
	return ""
}
