package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/cti"
)

// newCTI makes the source that takes the CTI push of a phone system.
func (d *daemon) newCTI(key string, s config.Source) (telephony.Source, error) {
	source, err := cti.NewPush(cti.PushConfig{
		Translator: d.translator(s.Name), Token: s.CTI.Token.Reveal(), Timeout: s.CTI.Timeout,
		Sipgate: s.CTI.Reply == config.CTIReplySipgate, PublicURL: d.cfg.HTTP.PublicURL,
	}, d.log.WithField("source", s.Name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	registerDeliveries(d.registry, s.Name, source)
	return source, nil
}

// newEvents makes the source that takes our own events, or dials for them.
func (d *daemon) newEvents(key string, s config.Source) (telephony.Source, error) {
	e, log := s.Events, d.log.WithField("source", s.Name)
	if e.URL == "" {
		source, err := cti.NewEvents(cti.EventsConfig{
			Translator: d.translator(s.Name), Token: e.Token.Reveal(), Secret: e.HMACSecret.Reveal(), Sole: soleEvents(d.cfg), Timeout: e.Timeout,
		}, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		registerDeliveries(d.registry, s.Name, source)
		return source, nil
	}
	header := make(http.Header)
	for _, h := range e.Headers {
		header.Add(h.Name, h.Value.Reveal())
	}
	source, err := cti.NewFeed(cti.FeedConfig{
		Translator: d.translator(s.Name), URL: e.URL, Header: header, Send: e.Send, Mapping: newMapping(e.Mapping), Timeout: e.Timeout,
	}, log)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	registerDeliveries(d.registry, s.Name, source)
	return source, nil
}

// soleEvents reports whether one source alone takes events: then /v1/events is its
// address.
func soleEvents(cfg *config.Config) bool {
	n := 0
	for _, s := range cfg.Sources {
		if s.Events != nil && s.Events.URL == "" {
			n++
		}
	}
	return n == 1
}

// newMapping translates the configuration of a mapping; nil stays nil.
func newMapping(m *config.Mapping) *cti.Mapping {
	if m == nil {
		return nil
	}
	out := &cti.Mapping{
		Kind: m.Kind, Call: m.Call, ID: m.ID, Time: m.Time, Direction: m.Direction, From: m.From, FromName: m.FromName, To: m.To,
		Agent: m.Agent, Queue: m.Queue, With: m.With, Reason: m.Reason,
		Kinds: make(map[string]cti.Type), Directions: make(map[string]telephony.Direction), Reasons: make(map[string]cti.Reason),
	}
	for _, k := range m.Kinds {
		out.Kinds[k.Is] = cti.Type(k.Means)
	}
	for _, d := range m.Directions {
		out.Directions[d.Is] = telephony.Direction(d.Means)
	}
	for _, r := range m.Reasons {
		out.Reasons[r.Is] = cti.Reason(r.Means)
	}
	return out
}

// translator says how calls of a source are told. Of the names that a phone system
// has for an agent, the one counts under which the configuration has him.
func (d *daemon) translator(source string) cti.Translator {
	return cti.Translator{
		Site: d.cfg.Site, Source: source, Country: d.cfg.Country,
		Known: func(name string) bool {
			_, known := d.directory.Lookup(name)
			return known
		},
	}
}

// registerDeliveries shows the counts of a source that is told of calls.
func registerDeliveries(reg prometheus.Registerer, name string, source interface{ Count(result string) uint64 }) {
	for _, result := range cti.Results {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "talkbridge_deliveries_total", Help: "What sources were told over HTTP and WebSockets, by what became of it.",
			ConstLabels: prometheus.Labels{"source": name, "result": result},
		}, func() float64 { return float64(source.Count(result)) }))
	}
}

// publicBase is how the public listener is reached, as far as the configuration
// says.
func publicBase(cfg *config.Config) string {
	address := cfg.HTTP.PublicListen
	if host, port, err := net.SplitHostPort(address); err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		if host, err = os.Hostname(); err == nil {
			address = net.JoinHostPort(host, port)
		}
	}
	return publicURL(cfg.HTTP, address)
}

// eventsAddress is where a source takes events.
func eventsAddress(cfg *config.Config, s config.Source) string {
	if soleEvents(cfg) {
		return publicBase(cfg) + "/v1/events"
	}
	return publicBase(cfg) + cti.EventsPath(s.Name)
}

// deliveryAddresses are where phone systems post to, in words, a line for each
// source that is told of calls. Tokens are not shown.
func deliveryAddresses(cfg *config.Config) []string {
	var lines []string
	for i, s := range cfg.Sources {
		if s.Events != nil && s.Events.URL == "" {
			lines = append(lines, fmt.Sprintf("sources[%d] (%s): post events to %s, or send them over its WebSocket", i, s.Name, eventsAddress(cfg, s)))
		}
		if s.CTI != nil {
			lines = append(lines, fmt.Sprintf("sources[%d] (%s): post newCall, answer and hangup to %s%s/TOKEN, with the token of sources[%d].cti",
				i, s.Name, publicBase(cfg), cti.PushPath(s.Name), i))
		}
	}
	return lines
}

// deliveries looks at a phone system that tells of calls.
func (d *doctoring) deliveries(s config.Source) []symptom {
	add := func(check string, v severity, text, remedy string) symptom {
		return symptom{s.Name, check, v, text, remedy}
	}
	address := "takes what is posted to " + publicBase(d.cfg) + cti.PushPath(s.Name)
	switch {
	case s.Events != nil && s.Events.URL != "":
		without, _, _ := strings.Cut(s.Events.URL, "?") // a token may stand behind it
		address = "dials " + without + "; whether it answers, the daemon says"
	case s.Events != nil:
		address = "takes what is posted to " + eventsAddress(d.cfg, s)
	}
	found := []symptom{add("address", fine, address, "")}
	if heard := d.facts.Heard[s.Name]; heard.Call != "" {
		return append(found, add("calls", fine, "the newest call in the journal is of "+heard.At.Local().Format(time.DateTime), ""))
	}
	return append(found, add("calls", note, "nothing came yet", "have the phone system post to that address; docs/cti.md and docs/events.md have examples"))
}
