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
		journalMetrics{d.journal},
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

// scrapeTimeout bounds what one reading of the journal's gauges may take.
const scrapeTimeout = time.Second

// journalMetrics reads the journal once for all its gauges. A journal that does
// not answer shows none.
type journalMetrics struct{ journal *journal.Journal }

var (
	journalBytes    = prometheus.NewDesc("talkbridge_journal_bytes", "Size of the journal.", nil, nil)
	journalMaxBytes = prometheus.NewDesc("talkbridge_journal_max_bytes", "Size at which the journal takes no more.", nil, nil)
	journalMessages = prometheus.NewDesc("talkbridge_journal_messages", "Entries in the journal.", nil, nil)
)

// Describe implements prometheus.Collector.
func (journalMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{journalBytes, journalMaxBytes, journalMessages} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (m journalMetrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	state, err := m.journal.State(ctx)
	if err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(journalBytes, prometheus.GaugeValue, float64(state.Bytes))
	ch <- prometheus.MustNewConstMetric(journalMaxBytes, prometheus.GaugeValue, float64(state.MaxBytes))
	ch <- prometheus.MustNewConstMetric(journalMessages, prometheus.GaugeValue, float64(state.Messages))
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
		{"late_calls", "Calls that only the call records told of.", func(s asterisk.Stats) uint64 { return s.Late }},
		{"late_ends", "Calls of which the call records told how they went on.", func(s asterisk.Stats) uint64 { return s.Ended }},
		{"appends", "Journal entries they were delivered in.", func(s asterisk.Stats) uint64 { return s.Appends }},
	} {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "talkbridge_asterisk_" + m.name + "_total", Help: m.help, ConstLabels: prometheus.Labels{"source": name},
		}, func() float64 { return float64(m.read(source.Stats())) }))
	}
}
