package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// noteConnected is how often it is written down that a phone system is connected:
// a gap is known as well as that.
const noteConnected = 10 * time.Second

// gaps says for how long nobody heard what phone systems had to tell. It is safe
// for concurrent use.
type gaps struct {
	journal *journal.Journal
	log     logrus.FieldLogger
	count   *prometheus.CounterVec
	seconds *prometheus.CounterVec
}

func newGaps(j *journal.Journal, reg prometheus.Registerer, log logrus.FieldLogger) *gaps {
	g := &gaps{
		journal: j, log: log,
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "talkbridge_source_gaps_total", Help: "Times without a connection, as each ended.",
		}, []string{"source"}),
		seconds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "talkbridge_source_gap_seconds_total", Help: "How long they were together, ten seconds too much at most for each.",
		}, []string{"source"}),
	}
	reg.MustRegister(g.count, g.seconds)
	return g
}

// sink returns a sink that tells of the gap before each session. recorded says
// that the phone system's call records are read afterwards.
func (g *gaps) sink(to telephony.Sink, source string, recorded bool) telephony.Sink {
	g.count.WithLabelValues(source)
	return gapSink{to, g, source, recorded}
}

type gapSink struct {
	telephony.Sink

	gaps     *gaps
	source   string
	recorded bool
}

// Ready implements telephony.Sink.
func (k gapSink) Ready() {
	k.gaps.ended(k.source, k.recorded)
	k.Sink.Ready()
}

// connectedKey is where it is written down when a phone system was connected last.
func connectedKey(source string) string { return "connected " + source }

// ended tells of a gap that is over, and that the phone system is connected now.
// At the first start there was none.
func (g *gaps) ended(source string, recorded bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	now := time.Now()
	value, err := g.journal.Get(ctx, connectedKey(source))
	if from, wrong := time.Parse(time.RFC3339, string(value)); err == nil && wrong == nil {
		lasted := max(0, now.Sub(from))
		g.count.WithLabelValues(source).Inc()
		g.seconds.WithLabelValues(source).Add(lasted.Seconds())
		log := g.log.WithFields(logrus.Fields{"source": source, "from": from.UTC().Format(time.RFC3339), "lasted": lasted.Round(time.Second).String()})
		if recorded {
			log.Info("gap: nobody listened to the phone system, its call records are looked at")
		} else {
			log.Warn("gap: nobody listened to the phone system, and calls that began and ended meanwhile are not known")
		}
	} else if !errors.Is(err, journal.ErrNotFound) {
		g.log.WithField("source", source).Debug("not known when the phone system was connected last")
	}
	g.note(ctx, source, now)
}

func (g *gaps) note(ctx context.Context, source string, at time.Time) {
	if err := g.journal.Put(ctx, connectedKey(source), []byte(at.UTC().Format(time.RFC3339))); err != nil {
		g.log.WithError(err).WithField("source", source).Debug("not written down that the phone system is connected")
	}
}

// follow writes down, until ctx is over, which phone systems are connected.
func (g *gaps) follow(ctx context.Context, sources []*telephony.Supervisor) {
	tick := time.NewTicker(noteConnected)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, s := range sources {
				if s.Status().Ready {
					g.note(ctx, s.Name(), now)
				}
			}
		}
	}
}
