package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
)

// tolerable is how far the clock of a phone system may be from ours: pops count
// in seconds.
const tolerable = 2 * time.Second

// phones looks at one phone system.
func (d *doctoring) phones(ctx context.Context, i int, s config.Source) []symptom {
	p := phoneDoctor{area: s.Name, user: s.Asterisk.Username, heard: d.facts.Heard[s.Name], watch: d.options.watch}
	settings, err := asteriskConfig(d.cfg.Site, s)
	if err != nil {
		p.add("connection", failure, err.Error(), "")
		return p.found
	}
	p.report, err = asterisk.Probe(ctx, settings, d.options.watch)
	if err != nil {
		p.failed(explainedSource{key: fmt.Sprintf("sources[%d].asterisk", i), address: s.Asterisk.Address}.explain(err))
		return p.found
	}
	p.connection(s.Asterisk)
	p.originates(s.Asterisk.Dial != nil)
	p.rights()
	p.pauses(d.cfg.AgentStatus)
	p.events()
	p.times()
	return p.found
}

// phoneDoctor turns the report of a probe into findings.
type phoneDoctor struct {
	area, user string
	heard      heardFrom
	watch      time.Duration
	report     asterisk.Report
	found      []symptom
}

func (p *phoneDoctor) add(check string, v severity, text, remedy string) {
	p.found = append(p.found, symptom{p.area, check, v, text, remedy})
}

// section is where in manager.conf the user's rights stand.
func (p *phoneDoctor) section() string { return "[" + p.user + "] of manager.conf" }

func (p *phoneDoctor) failed(err error) {
	switch {
	case errors.Is(err, asterisk.ErrAuthentication):
		p.add("connection", fine, "reached; "+p.report.Greeting, "")
		p.add("login", failure, err.Error(), "make secret and username equal to "+p.section()+", and let this host in with permit=; then 'manager reload'")
	case errors.Is(err, asterisk.ErrNoGreeting):
		p.add("connection", failure, err.Error(), "correct address, or tls")
	default:
		p.add("connection", failure, err.Error(), "")
	}
}

func (p *phoneDoctor) connection(a *config.Asterisk) {
	r := p.report
	how := "in the clear"
	if r.Encrypted {
		how = "with TLS"
	}
	p.add("connection", fine, fmt.Sprintf("%s, %s, in %s", r.Greeting, how, took(r.Connected)), "")
	host, _, err := net.SplitHostPort(a.Address)
	if ip := net.ParseIP(host); err == nil && !r.Encrypted && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		p.add("encryption", warning, "names and numbers cross the network in the clear", "tlsenable=yes in manager.conf, and tls: {} here")
	}
	text := "user " + p.user
	if !r.StartedAt.IsZero() {
		text += fmt.Sprintf("; Asterisk runs since %s", r.StartedAt.Local().Format(time.DateTime))
	}
	p.add("login", fine, text, "")
}

func (p *phoneDoctor) rights() {
	r := p.report
	if r.Status {
		p.add("live channels", fine, plural(r.Channels, "channel")+" up", "")
	} else {
		p.add("live channels", failure, fmt.Sprintf("the action Status is refused (%s): calls that go on at a start are not seen, and ends that were missed stay open", r.StatusAnswer),
			"write = reporting in "+p.section())
	}
	switch {
	case len(r.Powers) > 0:
		p.add("rights", warning, "this user may also do "+strings.Join(r.Powers, ", "), "write = reporting in "+p.section()+" is enough")
	case r.Filter:
		p.add("rights", warning, "this user has the class system for writing, which is more than is needed", "write = reporting in "+p.section()+", and eventfilter lines as in docs/asterisk.md")
	default:
		p.add("rights", fine, "no more than is needed", "")
	}
}

// pauses looks whether phones can be paused in their queues, where statuses ask for it.
func (p *phoneDoctor) pauses(cfg *config.AgentStatus) {
	switch {
	case cfg == nil || len(cfg.PauseOn) == 0:
	case p.report.Pauses:
		p.add("queue pauses", fine, "this user may pause members of queues", "")
	default:
		p.add("queue pauses", failure, "the action QueuePause is not allowed: agent_status.pause_on pauses nobody", "write = reporting,agent in "+p.section())
	}
}

func (p *phoneDoctor) events() {
	r := p.report
	readCall := "read = call,dialplan in " + p.section()
	switch {
	case r.Classes["call"] > 0 && r.Useful > 0:
		p.add("events", fine, fmt.Sprintf("%s in %s, %d of them used", plural(r.Events, "event"), r.Watched.Round(time.Second), r.Useful), "")
	case r.Moved > 0:
		p.add("events", failure, fmt.Sprintf("%s came or went and no event told of it: no call gets a ticket", plural(r.Moved, "channel")),
			readCall+"; if it is so, the eventfilter lines keep too much away")
	case p.heard.Call != "":
		p.add("events", note, fmt.Sprintf("nothing happened within %s; the newest call in the journal is of %s", r.Watched.Round(time.Second), p.heard.At.Local().Format(time.DateTime)), "")
	default:
		p.add("events", note, fmt.Sprintf("nothing happened within %s, so it is not known whether events come", r.Watched.Round(time.Second)),
			"'talkbridge doctor --watch 1m', and a test call meanwhile; needed is "+readCall)
	}
	if r.Events > 0 && r.Useful*2 < r.Events {
		p.add("filters", warning, fmt.Sprintf("%d of %d events are not used: they cost Asterisk and the link", r.Events-r.Useful, r.Events),
			"eventfilter lines in "+p.section()+", as in docs/asterisk.md")
	}
}

func (p *phoneDoctor) times() {
	r := p.report
	const without = "events are told without their times: tickets get ours, and an event that is read twice is not recognised"
	const remedy = "timestampevents = yes in [general] of manager.conf, then 'manager reload'"
	switch {
	case r.Stamped > 0:
		p.add("times", fine, "events carry the time at which they happened", "")
	case r.Events > 0:
		p.add("times", warning, without, remedy)
	case p.heard.Call != "" && p.heard.Stamped:
		p.add("times", fine, "the events of the newest call carry the time at which they happened", "")
	case p.heard.Call != "":
		p.add("times", warning, without, remedy)
	default:
		p.add("times", note, "no event came, so it is not known whether they carry their times", "needed is "+remedy)
	}
	switch ahead := r.Ahead.Round(100 * time.Millisecond); {
	case !r.ClockKnown:
		p.add("clock", note, "Asterisk does not tell its time", "")
	case ahead.Abs() <= tolerable:
		p.add("clock", fine, fmt.Sprintf("agrees with ours (an answer takes %s)", took(r.RoundTrip)), "")
	case ahead > 0:
		p.add("clock", warning, fmt.Sprintf("is %s ahead of ours", ahead), "let both machines keep their time by NTP (chrony, systemd-timesyncd)")
	default:
		p.add("clock", warning, fmt.Sprintf("is %s behind ours", -ahead), "let both machines keep their time by NTP (chrony, systemd-timesyncd)")
	}
}
