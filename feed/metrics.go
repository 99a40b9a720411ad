package feed

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the feed's own counts.
type metrics struct {
	clients    prometheus.Gauge
	closed     *prometheus.CounterVec
	refused    *prometheus.CounterVec
	messages   prometheus.Counter
	resumed    *prometheus.CounterVec
	unreadable prometheus.Counter
	lag        prometheus.Histogram
}

// newMetrics makes the metrics and registers them; nil registers nothing.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		clients: prometheus.NewGauge(prometheus.GaugeOpts{Name: "talkbridge_feed_clients", Help: "Readers of the feed that are connected."}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "talkbridge_feed_closed_total", Help: "Readers that are gone, by reason: slow, stopping, token, failed, gone.",
		}, []string{"reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "talkbridge_feed_refused_total", Help: "Requests that were refused, by reason: token, origin, request, full, starting.",
		}, []string{"reason"}),
		messages: prometheus.NewCounter(prometheus.CounterOpts{Name: "talkbridge_feed_messages_total", Help: "Messages sent, each reader's counted."}),
		resumed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "talkbridge_feed_starts_total", Help: "How readers began: snapshot, memory, journal, gap.",
		}, []string{"from"}),
		unreadable: prometheus.NewCounter(prometheus.CounterOpts{Name: "talkbridge_feed_unreadable_total", Help: "Journal entries that could not be told."}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "talkbridge_feed_lag_seconds", Help: "From the journal to the reader's connection.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	for _, reason := range []string{"slow", "stopping", "token", "failed", "gone"} {
		m.closed.WithLabelValues(reason)
	}
	if reg != nil {
		reg.MustRegister(m.clients, m.closed, m.refused, m.messages, m.resumed, m.unreadable, m.lag)
	}
	return m
}
