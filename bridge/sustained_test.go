package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// BenchmarkSustained is how many whole calls a second go the whole route, from
// events to complete tickets, with as many under way as it takes, against a
// simulator without limits. In the same run the same requests are sent by a bare
// HTTP client to such a simulator, and the same messages are published to such a
// journal. The promise is at least half of the slower of the two.
func BenchmarkSustained(b *testing.B) {
	const calls, underWay, rounds = 300, 48, 3
	for b.Loop() {
		var rates, clients, publishers, ratios []float64
		for range rounds {
			log := &exchanges{transport: &http.Transport{MaxIdleConnsPerHost: underWay}}
			r, watch := newSustained(b, log)
			took := r.playWhole(watch, calls, underWay)
			messages := r.messages()
			require.NoError(b, r.stop())
			client, publisher := bareClient(b, log, underWay), barePublisher(b, messages)
			rates, ratios = append(rates, calls/took.Seconds()), append(ratios, max(client, publisher).Seconds()/took.Seconds())
			clients, publishers = append(clients, calls/client.Seconds()), append(publishers, calls/publisher.Seconds())
		}
		b.ReportMetric(middle(rates), "calls/s")
		b.ReportMetric(middle(clients), "bare-client-calls/s")
		b.ReportMetric(middle(publishers), "bare-publisher-calls/s")
		b.ReportMetric(middle(ratios), "ratio")
	}
}

// middle is the median.
func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// newSustained is a rig whose requests are written down.
func newSustained(b *testing.B, log *exchanges) (*rig, *watched) {
	b.Helper()
	r := newRig(b, setup{idle: true})
	var err error
	r.client, err = zendesk.New(r.desk.URL(), zendesk.APIToken{Email: zendesktest.DefaultEmail, Token: zendesktest.DefaultAPIToken},
		zendesk.WithHTTPClient(&http.Client{Transport: log}))
	require.NoError(b, err)
	b.Cleanup(log.transport.CloseIdleConnections)
	watch := &watched{done: make(map[string]chan struct{})}
	r.start(setup{wrap: func(j bridge.Journal) bridge.Journal {
		watch.Journal = j
		return watch
	}})
	return r, watch
}

// playWhole plays calls from the first event to the complete ticket.
func (r *rig) playWhole(watch *watched, calls, underWay int) time.Duration {
	r.t.Helper()
	places := make(chan struct{}, underWay)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range calls {
		places <- struct{}{}
		p := r.call(fmt.Sprintf("sustained.%d", i))
		p.from = fmt.Sprintf("+1212%07d", 5550000+i)
		made, complete := watch.of(p, bridge.StepCreate), watch.of(p, bridge.StepComplete)
		wg.Go(func() {
			p.comes()
			p.rings("1001")
			p.answers("1001")
			<-made
			p.ends("1001", "t")
			<-complete
			<-places
		})
	}
	wg.Wait()
	took := time.Since(began)
	require.Len(r.t, r.desk.Tickets(), calls)
	r.clean()
	return took
}

// messages are all that the journal holds, as they were appended.
func (r *rig) messages() []journal.Message {
	r.t.Helper()
	state, err := r.journal.State(r.t.Context())
	require.NoError(r.t, err)
	var messages []journal.Message
	err = r.journal.Tail(r.t.Context(), 1, func(record journal.Record) error {
		messages = append(messages, journal.Message{Call: record.Call, Kind: record.Kind, ID: fmt.Sprint(record.Seq), Data: record.Data})
		if record.Seq == state.Last {
			return io.EOF
		}
		return nil
	})
	require.ErrorIs(r.t, err, io.EOF)
	return messages
}

// watched is a journal that tells when a step of a call is done.
type watched struct {
	bridge.Journal
	mu   sync.Mutex
	done map[string]chan struct{}
}

// of is closed when the step of a call is done.
func (w *watched) of(p *phone, step bridge.StepKind) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	done := make(chan struct{})
	w.done[string(p.id)+" "+string(step)] = done
	return done
}

func (w *watched) Append(ctx context.Context, messages ...journal.Message) ([]uint64, error) {
	seqs, err := w.Journal.Append(ctx, messages...)
	for _, m := range messages {
		if o, wrong := bridge.DecodeOutcome(m.Data); m.Kind == journal.Outcome && errors.Join(err, wrong) == nil && o.Kind == bridge.Done {
			w.mu.Lock()
			if done := w.done[m.Call+" "+string(o.Step)]; done != nil {
				close(done)
			}
			w.mu.Unlock()
		}
	}
	return seqs, err
}

// exchanges writes down the requests that are sent.
type exchanges struct {
	transport *http.Transport
	mu        sync.Mutex
	sent      []exchange
}

type exchange struct {
	method, uri string
	header      http.Header
	body        []byte
}

func (e *exchanges) RoundTrip(r *http.Request) (*http.Response, error) {
	one := exchange{method: r.Method, uri: r.URL.RequestURI(), header: r.Header}
	if r.Body != nil {
		var err error
		if one.body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(one.body))
	}
	e.mu.Lock()
	e.sent = append(e.sent, one)
	e.mu.Unlock()
	return e.transport.RoundTrip(r)
}

// bareClient sends the same requests to a simulator of the same kind, as fast as
// it takes them: what finds and makes users, then what makes tickets, then what
// changes them, so that each request finds what it names.
func bareClient(b *testing.B, log *exchanges, workers int) time.Duration {
	b.Helper()
	r := newRig(b, setup{idle: true})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	defer client.CloseIdleConnections()
	var phases [3][]exchange
	for _, one := range log.sent {
		phase := 0
		switch {
		case one.method == http.MethodPut:
			phase = 2
		case one.uri == voicePath:
			phase = 1
		}
		phases[phase] = append(phases[phase], one)
	}
	began := time.Now()
	for _, phase := range phases {
		work := make(chan exchange)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for one := range work {
					one.send(b, client, r.desk.URL())
				}
			})
		}
		for _, one := range phase {
			work <- one
		}
		close(work)
		wg.Wait()
	}
	return time.Since(began)
}

func (e exchange) send(b *testing.B, client *http.Client, url string) {
	request, err := http.NewRequestWithContext(b.Context(), e.method, url+e.uri, bytes.NewReader(e.body))
	if err != nil {
		b.Error(err)
		return
	}
	request.Header = e.header
	response, err := client.Do(request)
	if err != nil {
		b.Error(err)
		return
	}
	answer, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil || response.StatusCode >= 300 {
		b.Errorf("%s %s: %d %v %s", e.method, e.uri, response.StatusCode, err, answer)
	}
}

// barePublisher stores the same messages in a journal of the same kind, with as
// many in flight as it allows.
func barePublisher(b *testing.B, messages []journal.Message) time.Duration {
	b.Helper()
	r := newRig(b, setup{idle: true})
	began := time.Now()
	_, err := r.journal.Append(b.Context(), messages...)
	require.NoError(b, err)
	return time.Since(began)
}

// BenchmarkSlowDisk is the time from the answer's being told to the request that
// makes the ticket and shows it, at 5 calls a second, on a disk whose sync takes 5
// ms longer: a SATA disk without protection against power cuts. The promise is p99
// < 100 ms. Nothing can slow down the sync of one process from inside it, so the
// wait stands before the journal, as the engine has it: one message after the
// other, whoever appends.
func BenchmarkSlowDisk(b *testing.B) {
	const calls = 100
	for b.Loop() {
		r := newRig(b, setup{wrap: func(j bridge.Journal) bridge.Journal {
			return &slowDisk{Journal: j, disk: make(chan struct{}, 1), more: 5 * time.Millisecond}
		}})
		marks := r.load(b, calls, 200*time.Millisecond, time.Second)
		report(b, "page", r.between(marks.told))
		require.Len(b, r.desk.Pops(), calls)
		require.NoError(b, r.stop())
	}
}

// slowDisk is a journal on a disk that takes longer for each message.
type slowDisk struct {
	bridge.Journal
	disk chan struct{}
	more time.Duration
}

func (s *slowDisk) wait(ctx context.Context, messages int) error {
	s.disk <- struct{}{}
	defer func() { <-s.disk }()
	select {
	case <-time.After(time.Duration(messages) * s.more):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *slowDisk) Append(ctx context.Context, messages ...journal.Message) ([]uint64, error) {
	if err := s.wait(ctx, len(messages)); err != nil {
		return nil, err
	}
	return s.Journal.Append(ctx, messages...)
}

func (s *slowDisk) AppendIf(ctx context.Context, m journal.Message, lastOutcome uint64) (uint64, error) {
	if err := s.wait(ctx, 1); err != nil {
		return 0, err
	}
	return s.Journal.AppendIf(ctx, m, lastOutcome)
}

// BenchmarkReplay is how fast a journal of settled calls is read at the start,
// and beside it the least that any reader must do: read all records and decode
// them. The promise is 25,000 events a second, and at least half of the bare
// reading.
func BenchmarkReplay(b *testing.B) {
	const calls = 2000
	r := newRig(b, setup{idle: true})
	events := fillJournal(b, r, calls)
	var rates, ratios []float64
	for b.Loop() {
		bare := r.bareReplay(b)
		began := time.Now()
		r.start(setup{})
		took := time.Since(began)
		rates, ratios = append(rates, float64(events)/took.Seconds()), append(ratios, bare.Seconds()/took.Seconds())
		require.NoError(b, r.stop())
		require.NoError(b, r.journal.SetCheckpoint(b.Context(), 0))
	}
	b.ReportMetric(middle(rates), "events/s")
	b.ReportMetric(middle(ratios), "ratio")
}

// bareReplay reads and decodes the whole journal, and does nothing with it.
func (r *rig) bareReplay(b *testing.B) time.Duration {
	b.Helper()
	state, err := r.journal.State(b.Context())
	require.NoError(b, err)
	began := time.Now()
	err = r.journal.Tail(b.Context(), 1, func(record journal.Record) error {
		var err error
		if record.Kind == journal.Outcome {
			_, err = bridge.DecodeOutcome(record.Data)
		} else {
			_, err = telephony.DecodeEvents(record.Data)
		}
		if err == nil && record.Seq == state.Last {
			err = io.EOF
		}
		return err
	})
	require.ErrorIs(b, err, io.EOF)
	return time.Since(began)
}
