package bridge_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// BenchmarkReaction is the time from the durable event to its request on the
// wire, at 20 calls a second: the answer to the ticket, the end to its update.
// The promise is p50 < 2 ms, p99 < 10 ms, the sync of the intent included.
func BenchmarkReaction(b *testing.B) {
	for b.Loop() {
		r := newRig(b, setup{})
		marks := r.load(b, 200, 50*time.Millisecond, 200*time.Millisecond)
		report(b, "answer", r.between(marks.answered))
		report(b, "end", r.updatesAfter(marks.ended))
		b.ReportMetric(float64(r.journal.FsyncTime().Microseconds())/1000, "fsync-ms")
		require.NoError(b, r.stop())
	}
}

// BenchmarkAnswerToPage is the time from the durable answer to the request that
// makes the ticket and shows it, with a Zendesk that takes 20 ms for each
// answer, at 5 calls a second, of callers never seen before. The promise is p50
// < 10 ms, p99 < 45 ms.
func BenchmarkAnswerToPage(b *testing.B) {
	const calls = 100
	for b.Loop() {
		r := newRig(b, setup{desk: []zendesktest.Option{zendesktest.WithLatency(20 * time.Millisecond)}})
		marks := r.load(b, calls, 200*time.Millisecond, time.Second)
		report(b, "page", r.between(marks.answered))
		require.Len(b, r.desk.Pops(), calls)
		require.NoError(b, r.stop())
	}
}

// marks are when the answer of each call was told, and when the facts of it were
// durable.
type marks struct {
	mu                    sync.Mutex
	told, answered, ended map[telephony.CallID]time.Time
}

// load plays calls, one each interval, which ring and talk for a while.
func (r *rig) load(b *testing.B, calls int, interval, phase time.Duration) *marks {
	b.Helper()
	marked := func() map[telephony.CallID]time.Time { return make(map[telephony.CallID]time.Time, calls) }
	m := &marks{told: marked(), answered: marked(), ended: marked()}
	mark := func(into map[telephony.CallID]time.Time, p *phone) {
		m.mu.Lock()
		defer m.mu.Unlock()
		into[p.id] = time.Now()
	}
	var wg sync.WaitGroup
	var phones []*phone
	pace := time.NewTicker(interval)
	defer pace.Stop()
	for i := range calls {
		<-pace.C
		p := r.call(fmt.Sprintf("%d.%d", calls, i))
		p.from = fmt.Sprintf("+1212%07d", 5550000+i)
		phones = append(phones, p)
		wg.Go(func() {
			p.comes()
			p.rings("1001")
			<-time.After(phase)
			mark(m.told, p)
			p.answers("1001")
			mark(m.answered, p)
			<-time.After(phase)
			p.ends("1001", "t")
			mark(m.ended, p)
		})
	}
	wg.Wait()
	r.settled(phones...)
	r.clean()
	return m
}

// between is how long after a mark the create of its call was on the wire.
func (r *rig) between(from map[telephony.CallID]time.Time) []time.Duration {
	var took []time.Duration
	for _, request := range r.desk.Requests() {
		if request.Method != http.MethodPost || request.Path != voicePath {
			continue
		}
		for id, at := range from {
			if strings.Contains(request.Body, `"`+string(id)+`"`) {
				took = append(took, max(0, request.At.Sub(at)))
			}
		}
	}
	return took
}

func (r *rig) updatesAfter(from map[telephony.CallID]time.Time) []time.Duration {
	var took []time.Duration
	for _, request := range r.desk.Requests() {
		if request.Method == http.MethodPut {
			for id, at := range from {
				if strings.Contains(request.Body, `"`+string(id)+`"`) {
					took = append(took, max(0, request.At.Sub(at)))
				}
			}
		}
	}
	return took
}

func report(b *testing.B, name string, took []time.Duration) {
	b.Helper()
	require.NotEmpty(b, took)
	slices.Sort(took)
	at := func(q float64) float64 {
		return float64(took[int(q*float64(len(took)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(.5), name+"-p50-ms")
	b.ReportMetric(at(.99), name+"-p99-ms")
}

// fillJournal stores whole calls with their outcomes, and returns how many
// events they have.
func fillJournal(b *testing.B, r *rig, calls int) (events int) {
	b.Helper()
	source := newRig(b, setup{})
	p := source.call("template")
	p.ordinary("1001")
	source.settled(p)
	story, err := source.journal.Story(b.Context(), string(p.id))
	require.NoError(b, err)
	var messages []journal.Message
	for i := range calls {
		id := fmt.Sprintf("hq/pbx1/%d", i)
		for n, record := range story {
			data := strings.ReplaceAll(string(record.Data), string(p.id), id)
			messages = append(messages, journal.Message{Call: id, Kind: record.Kind, ID: fmt.Sprint(n), Data: []byte(data)})
			if record.Kind == journal.Event {
				some, err := telephony.DecodeEvents([]byte(data))
				require.NoError(b, err)
				events += len(some)
			} else {
				events++
			}
		}
	}
	_, err = r.journal.Append(b.Context(), messages...)
	require.NoError(b, err)
	return events
}
