package main

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/ari"
)

// newARI makes the driver of an Asterisk that is read through its REST interface.
func (d *daemon) newARI(key string, s config.Source) (telephony.Source, error) {
	settings, err := ariConfig(d.cfg.Site, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	source, err := ari.New(settings, d.log.WithField("source", s.Name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	registerARI(d.registry, s.Name, source)
	return explainedARI{explainedSource{source, key, s.ARI.URL}}, nil
}

// ariConfig translates the configuration of an Asterisk's REST interface for its
// driver.
func ariConfig(site string, s config.Source) (ari.Config, error) {
	a := s.ARI
	out := ari.Config{
		Site: site, Name: s.Name, URL: a.URL, Username: a.Username, Password: a.Password.Reveal(), App: a.App,
		Trunks: a.Trunks, Keepalive: a.Keepalive,
	}
	u, err := url.Parse(a.URL)
	if err != nil || u.Scheme != "https" {
		return out, nil //nolint:nilerr // the driver says what is wrong with it
	}
	settings := a.TLS
	if settings == nil {
		settings = &config.TLS{}
	}
	out.TLS, err = newTLS(settings, net.JoinHostPort(u.Hostname(), "443"))
	return out, err
}

// explainedARI is a REST interface whose errors name the keys that may be wrong.
type explainedARI struct{ explainedSource }

// Run implements telephony.Source.
func (s explainedARI) Run(ctx context.Context, sink telephony.Sink) error {
	return s.explain(s.Source.Run(ctx, sink))
}

// explain names the keys that may be to blame for an error of the connection.
func (s explainedARI) explain(err error) error {
	if why, dialled := dialFailure(err); dialled {
		return explained(err, "%s.url: no connection to %s: %s; does Asterisk run there, with enabled=yes in http.conf?", s.key, s.address, why)
	}
	return s.explainedSource.explain(err)
}

// registerARI shows the counts of a REST interface.
func registerARI(reg prometheus.Registerer, name string, source *ari.Source) {
	for _, m := range []struct {
		name, help string
		read       func(ari.Stats) uint64
	}{
		{"bytes", "Bytes received from the phone system.", func(s ari.Stats) uint64 { return s.Bytes }},
		{"messages", "Messages received from the phone system.", func(s ari.Stats) uint64 { return s.Messages }},
		{"skipped", "Messages of kinds that are not used.", func(s ari.Stats) uint64 { return s.Skipped }},
		{"malformed", "Messages that could not be read.", func(s ari.Stats) uint64 { return s.Malformed }},
		{"derived", "Channels whose call the phone system did not name.", func(s ari.Stats) uint64 { return s.Derived }},
		{"events", "Events delivered to the journal.", func(s ari.Stats) uint64 { return s.Events }},
		{"appends", "Journal entries they were delivered in.", func(s ari.Stats) uint64 { return s.Appends }},
	} {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "talkbridge_ari_" + m.name + "_total", Help: m.help, ConstLabels: prometheus.Labels{"source": name},
		}, func() float64 { return float64(m.read(source.Stats())) }))
	}
}
