package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
)

// openMetrics registers what belongs to no other package.
func (d *daemon) openMetrics(context.Context) error {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "talkbridge_build_info", Help: "Always 1; the label says what runs.",
		ConstLabels: prometheus.Labels{"version": version()},
	})
	build.Set(1)
	d.registry.MustRegister(
		build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		journalGauge(d.journal, "talkbridge_journal_bytes", "Size of the journal.", func(s journal.State) float64 { return float64(s.Bytes) }),
		journalGauge(d.journal, "talkbridge_journal_max_bytes", "Size at which the journal takes no more.", func(s journal.State) float64 { return float64(s.MaxBytes) }),
		journalGauge(d.journal, "talkbridge_journal_messages", "Entries in the journal.", func(s journal.State) float64 { return float64(s.Messages) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "talkbridge_agents_unconfirmed", Help: "Configured agents whom Zendesk has not confirmed.",
		}, func() float64 {
			n := 0
			for _, a := range d.directory.Agents() {
				if !a.Verified() {
					n++
				}
			}
			return float64(n)
		}),
	)
	for _, s := range d.sources {
		d.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "talkbridge_source_up", Help: "1 while the phone system is connected and its calls are known.",
			ConstLabels: prometheus.Labels{"source": s.Name()},
		}, func() float64 {
			if s.Status().Ready {
				return 1
			}
			return 0
		}))
	}
	return nil
}

// scrapeTimeout bounds what one reading of a gauge may take.
const scrapeTimeout = time.Second

func journalGauge(j *journal.Journal, name, help string, read func(journal.State) float64) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
		defer cancel()
		state, err := j.State(ctx)
		if err != nil {
			return -1
		}
		return read(state)
	})
}

// registerSource shows the counts of an Asterisk.
func registerSource(reg prometheus.Registerer, name string, source *asterisk.Source) {
	for _, m := range []struct {
		name, help string
		read       func(asterisk.Stats) uint64
	}{
		{"bytes", "Bytes received from the phone system.", func(s asterisk.Stats) uint64 { return s.Bytes }},
		{"messages", "Messages received from the phone system.", func(s asterisk.Stats) uint64 { return s.Messages }},
		{"skipped", "Events of kinds that are not used.", func(s asterisk.Stats) uint64 { return s.Skipped }},
		{"malformed", "Messages that could not be read.", func(s asterisk.Stats) uint64 { return s.Malformed }},
		{"forged", "Events that the phone system did not write so.", func(s asterisk.Stats) uint64 { return s.Forged }},
		{"rejoined", "Events cut by a hostile caller id and put together again.", func(s asterisk.Stats) uint64 { return s.Rejoined }},
		{"events", "Events delivered to the journal.", func(s asterisk.Stats) uint64 { return s.Events }},
		{"appends", "Journal entries they were delivered in.", func(s asterisk.Stats) uint64 { return s.Appends }},
	} {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "talkbridge_asterisk_" + m.name + "_total", Help: m.help, ConstLabels: prometheus.Labels{"source": name},
		}, func() float64 { return float64(m.read(source.Stats())) }))
	}
}
