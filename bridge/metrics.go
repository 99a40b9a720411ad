package bridge

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/zendesk"
)

// metrics are what Prometheus reads of the bridge.
type metrics struct {
	outcomes   *prometheus.CounterVec
	pops       *prometheus.CounterVec
	refused    *prometheus.CounterVec
	popLatency prometheus.Histogram
	reaction   *prometheus.HistogramVec
	requests   *prometheus.CounterVec
	took       *prometheus.HistogramVec
	waiting    *prometheus.GaugeVec
	calls      *prometheus.GaugeVec
	outage     prometheus.Gauge
	turn       prometheus.Gauge
	unreadable prometheus.Counter
	successors prometheus.Counter

	transcripts *prometheus.CounterVec
	hearing     prometheus.Histogram
}

// seconds are the buckets from half a millisecond to half a minute.
var seconds = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30}

// newMetrics registers them; nil registers nothing.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		outcomes:    counters("talkbridge_outcomes_total", "Outcomes appended to the journal.", "kind", "step"),
		refused:     counters("talkbridge_audio_refused_total", "Voicemails and recordings that could not be kept, by step.", "step"),
		pops:        counters("talkbridge_pops_total", "Screen pops by result.", "result"),
		requests:    counters("talkbridge_zendesk_requests_total", "Requests to Zendesk by operation and status; 0 is no answer.", "operation", "status"),
		outage:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "talkbridge_zendesk_outage", Help: "1 while Zendesk is down and one request at a time asks whether it still is."}),
		turn:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "talkbridge_acting", Help: "1 on the node of a site that makes tickets and shows pages."}),
		unreadable:  prometheus.NewCounter(prometheus.CounterOpts{Name: "talkbridge_journal_unreadable_total", Help: "Journal entries that could not be read."}),
		successors:  prometheus.NewCounter(prometheus.CounterOpts{Name: "talkbridge_tickets_succeeded_total", Help: "Tickets made since the first was closed too early."}),
		transcripts: counters("talkbridge_transcripts_total", "What the hook for speech was asked, by result: text, silence, refused, failed; given_up is what the tickets go without.", "result"),
		hearing: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "talkbridge_transcription_seconds", Help: "How long the hook for speech took.", Buckets: []float64{.5, 1, 2, 5, 10, 20, 60, 120, 300, 600},
		}),
		popLatency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "talkbridge_pop_latency_seconds", Help: "From the fact on the phone to Zendesk's acceptance of the pop.", Buckets: seconds,
		}),
		reaction: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "talkbridge_reaction_seconds", Help: "From the durable event to the start of the step that it asked for.", Buckets: seconds,
		}, []string{"step"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "talkbridge_zendesk_request_seconds", Help: "How long Zendesk took to answer.", Buckets: seconds,
		}, []string{"operation"}),
		waiting: gauges("talkbridge_lane_waiting", "Steps that wait, by lane.", "lane"),
		calls:   gauges("talkbridge_calls", "Calls in memory.", "state"),
	}
	m.acting(true) // until it is another node's turn
	if reg != nil {
		reg.MustRegister(m.outcomes, m.pops, m.refused, m.requests, m.outage, m.turn, m.unreadable, m.successors, m.transcripts, m.hearing, m.popLatency, m.reaction, m.took, m.waiting, m.calls)
	}
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func (m *metrics) outcome(o Outcome) {
	m.outcomes.WithLabelValues(string(o.Kind), string(o.Step)).Inc()
	if o.Audio != nil && o.Audio.Refused != "" {
		m.refused.WithLabelValues(string(o.Step)).Inc()
	}
}

// heard notes what the hook for speech said.
func (m *metrics) heard(t Transcript, err error, took time.Duration) {
	result := "text"
	switch {
	case err != nil:
		result = "failed"
	case t.Refused != "":
		result = "refused"
	case t.Text == "":
		result = "silence"
	}
	m.transcripts.WithLabelValues(result).Inc()
	m.hearing.Observe(took.Seconds())
}

func (m *metrics) acting(holds bool) {
	if holds {
		m.turn.Set(1)
	} else {
		m.turn.Set(0)
	}
}

func (m *metrics) pop(out screenpop.Outcome) {
	m.pops.WithLabelValues(string(out.Result)).Inc()
	if out.Result == screenpop.Accepted {
		m.popLatency.Observe(out.Latency.Seconds())
	}
}

func (m *metrics) exchange(ex zendesk.Exchange) {
	m.requests.WithLabelValues(ex.Operation, statusClass(ex.Status)).Inc()
	m.took.WithLabelValues(ex.Operation).Observe(ex.Duration.Seconds())
}

// statusClass keeps the number of series small.
func statusClass(status int) string {
	switch status {
	case 0:
		return "0"
	case 401, 404, 409, 422, 429:
		return strconv.Itoa(status)
	default:
		return strconv.Itoa(status/100) + "xx"
	}
}

// observe sets the gauges. It is called by the conductor.
func (m *metrics) observe(b *Bridge) {
	for in := range laneCount {
		m.waiting.WithLabelValues(in.String()).Set(float64(len(b.lanes.waiting[in])))
	}
	count := map[string]int{"live": 0, "open": 0, "parked": 0, "settled": 0}
	for id, e := range b.calls {
		parked := func(m *member) bool { return len(m.record.Parked) > 0 }
		switch {
		case !e.holds(id): // counted under another id
		case slices.ContainsFunc(e.members, parked):
			count["parked"]++
		case !e.settled.IsZero():
			count["settled"]++
		case e.live:
			count["live"]++
		default:
			count["open"]++
		}
	}
	for state, n := range count {
		m.calls.WithLabelValues(state).Set(float64(n))
	}
}
