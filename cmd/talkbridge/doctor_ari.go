package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony/asterisk/ari"
)

// ariPhone looks at one phone system that is read through its REST interface.
func (d *doctoring) ariPhone(ctx context.Context, i int, s config.Source) []symptom {
	p := ariDoctor{area: s.Name, user: s.ARI.Username, heard: d.facts.Heard[s.Name]}
	settings, err := ariConfig(d.cfg.Site, s)
	if err != nil {
		p.add("connection", failure, err.Error(), "")
		return p.found
	}
	p.report, err = ari.Probe(ctx, settings, d.options.watch)
	if err != nil {
		err = explainedARI{explainedSource{key: fmt.Sprintf("sources[%d].ari", i), address: s.ARI.URL}}.explain(err)
		switch {
		case errors.Is(err, ari.ErrAuthentication):
			p.add("login", failure, err.Error(), "make username and password equal to "+p.section()+"; then 'module reload res_ari.so'")
		default:
			p.add("connection", failure, err.Error(), "")
		}
		return p.found
	}
	p.connection(s.ARI)
	p.calls()
	p.events()
	p.clock()
	return p.found
}

// ariDoctor turns the report of a probe into findings.
type ariDoctor struct {
	area, user string
	heard      heardFrom
	report     ari.Report
	found      []symptom
}

func (p *ariDoctor) add(check string, v severity, text, remedy string) {
	p.found = append(p.found, symptom{p.area, check, v, text, remedy})
}

// section is where in ari.conf the user's rights stand.
func (p *ariDoctor) section() string { return "[" + p.user + "] of ari.conf" }

func (p *ariDoctor) connection(a *config.ARI) {
	r := p.report
	how := "in the clear"
	if r.Encrypted {
		how = "with TLS"
	}
	text := fmt.Sprintf("ARI of Asterisk %s, %s, an answer takes %s", r.Version, how, took(r.RoundTrip))
	if !r.StartedAt.IsZero() {
		text += fmt.Sprintf("; it runs since %s", r.StartedAt.Local().Format(time.DateTime))
	}
	p.add("connection", fine, text, "")
	p.add("login", fine, "user "+p.user, "")
	if r.Writes {
		p.add("rights", warning, "this user may also place, move and end calls", "read_only = yes in "+p.section()+" is enough")
	} else {
		p.add("rights", fine, "no more than is needed", "")
	}
	if r.Connected && p.heard.Call == "" {
		p.add("app", note, "somebody is connected with the app "+a.App+"; if that is not this talkbridge's own daemon, both will take it from each other",
			"give each program and node an app of its own")
	}
}

// calls says how it is known which call a channel is of.
func (p *ariDoctor) calls() {
	const remedy = "channelvars = CHANNEL(linkedid),CALLERID(num-pres) in [general] of ari.conf, then 'module reload res_ari.so'"
	r := p.report
	p.add("live channels", fine, plural(r.Channels, "channel")+" up", "")
	var missing []string
	if r.Linked < r.Seen {
		missing = append(missing, "which call it is of")
	}
	if r.Presented < r.Seen {
		missing = append(missing, "whether its number may be shown")
	}
	switch {
	case r.Seen == 0:
		p.add("calls", note, "no channel was seen, so it is not known whether they say which call they are of", "needed is "+remedy)
	case len(missing) > 0:
		p.add("calls", warning, "a channel does not say "+strings.Join(missing, ", nor ")+": it is worked out, or asked for", remedy)
	default:
		p.add("calls", fine, "every channel says which call it is of", "")
	}
	p.add("limits", note, "ARI tells nobody's place in a queue, and call records are not read: calls of times without a connection get no ticket", "asterisk (AMI) instead of ari, where that matters")
}

func (p *ariDoctor) events() {
	r := p.report
	switch {
	case r.Useful > 0:
		p.add("events", fine, fmt.Sprintf("%s in %s, %d of them used", plural(r.Events, "event"), r.Watched.Round(time.Second), r.Useful), "")
	case r.Moved > 0:
		p.add("events", failure, fmt.Sprintf("%s came or went and no event told of it: no call gets a ticket", plural(r.Moved, "channel")),
			"load app_stasis.so, res_stasis.so and res_ari_events.so")
	case p.heard.Call != "":
		p.add("events", note, fmt.Sprintf("nothing happened within %s; the newest call in the journal is of %s", r.Watched.Round(time.Second), p.heard.At.Local().Format(time.DateTime)), "")
	default:
		p.add("events", note, fmt.Sprintf("nothing happened within %s, so it is not known whether events come", r.Watched.Round(time.Second)),
			"'talkbridge doctor --watch 1m', and a test call meanwhile")
	}
}

func (p *ariDoctor) clock() {
	switch ahead := p.report.Ahead; {
	case !p.report.ClockKnown:
		p.add("clock", note, "Asterisk does not tell its time", "")
	case ahead.Abs() <= tolerable:
		p.add("clock", fine, "agrees with ours, to a second", "")
	case ahead > 0:
		p.add("clock", warning, fmt.Sprintf("is %s ahead of ours", ahead), "let both machines keep their time by NTP (chrony, systemd-timesyncd)")
	default:
		p.add("clock", warning, fmt.Sprintf("is %s behind ours", -ahead), "let both machines keep their time by NTP (chrony, systemd-timesyncd)")
	}
}
