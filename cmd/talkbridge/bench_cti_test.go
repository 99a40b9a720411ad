package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

const (
	// loadTime is for how long a benchmark delivers.
	loadTime = 10 * time.Second
	// senders are how many wait for an answer at a time. A listener has as many places
	// for one address.
	senders = publicPlaces
)

// BenchmarkDeliveries is what phone systems tell over HTTP of many calls, three
// messages a call, to the daemon as a process of its own with a journal on this disk;
// senders and simulated Zendesk are here. The clock of a delivery starts when it is
// due, whether the ones before are answered or not, and stops at its 2xx; one that is
// told to come again does. Then the daemon is killed, and every delivery must be in its
// journal, once.
func BenchmarkDeliveries(b *testing.B) {
	for _, rate := range []int{200, 2000} {
		for _, kind := range []string{"internal", "in", "twilio"} { // internal calls get no ticket: what is left is the way to the journal
			b.Run(fmt.Sprintf("rate=%d/%s", rate, kind), func(b *testing.B) {
				for b.Loop() {
					deliverMany(b, kind, rate, int(loadTime.Seconds())*rate)
				}
			})
		}
	}
}

func deliverMany(b *testing.B, kind string, rate, count int) {
	b.Helper()
	options, source, request := withSource("  - name: push1\n    cti: {token: "+pushToken+"}\n"), "push1", pushRequest(kind, rate/2)
	if kind == "twilio" {
		// Nobody is there to be asked about calls of the first two minutes.
		options, source, request = twilioOptions(", api_url: \"http://127.0.0.1:9\""), "tw", twilioRequest(rate/2)
	}
	site := newSite(b, options)
	c := site.startReady()
	l := newLoad("http://"+c.address(b, "public_listen"), request, rate, count)
	began := time.Now()
	l.run(b.Context())
	took := time.Since(began)
	c.Kill()
	slices.Sort(l.took)
	b.ReportMetric(ms(l.took[count/2]), "p50-ms")
	b.ReportMetric(ms(l.took[count*99/100]), "p99-ms")
	b.ReportMetric(float64(count)/took.Seconds(), "deliveries/s")
	b.ReportMetric(float64(l.again.Load()), "again")
	b.ReportMetric(float64(lost(b, filepath.Join(site.dir, "data"), source, count)), "lost")
}

// tell makes the request for delivery i.
type tell func(ctx context.Context, address string, i int) (*http.Request, error)

// stepOf is the call and the step of delivery i: so many calls at a time take each of
// their three steps one after the other.
func stepOf(i, together int) (call, step int) {
	return i/(3*together)*together + i%together, i / together % 3
}

// pushRequest makes the CTI push of calls in a direction.
func pushRequest(direction string, together int) tell {
	return func(ctx context.Context, address string, i int) (*http.Request, error) {
		call, step := stepOf(i, together)
		form := url.Values{
			"event": {[]string{"newCall", "answer", "hangup"}[step]}, "callId": {fmt.Sprint("c-", call)}, "direction": {direction},
			"from": {fmt.Sprintf("4930%08d", call)}, "to": {"15550100001"}, "user": {"Ana"},
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/v1/cti/push1/"+pushToken, strings.NewReader(form.Encode()))
		if err == nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return request, err
	}
}

// twilioRequest makes what Twilio tells of calls that Alice answers: that it comes in,
// that her phone is picked up, and that it is over.
func twilioRequest(together int) tell {
	return func(ctx context.Context, address string, i int) (*http.Request, error) {
		call, step := stepOf(i, together)
		sid := fmt.Sprintf("CA%032x", 2*call)
		hook, form := "status", url.Values{
			"AccountSid": {twilioAccount}, "CallSid": {sid}, "From": {fmt.Sprintf("+1212%07d", call)}, "To": {"+15550100001"},
			"Direction": {"inbound"}, "Timestamp": {time.Now().UTC().Format(time.RFC1123Z)},
		}
		switch step {
		case 0:
			hook = "voice"
			form.Set("CallStatus", "ringing")
		case 1:
			form.Set("CallSid", fmt.Sprintf("CA%032x", 2*call+1))
			form.Set("ParentCallSid", sid)
			form.Set("To", "client:alice")
			form.Set("Direction", "outbound-dial")
			form.Set("CallStatus", "in-progress")
		default:
			form.Set("CallStatus", "completed")
			form.Set("CallDuration", "1")
		}
		return signedByTwilio(ctx, address, "/v1/twilio/tw/"+hook, form)
	}
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// load is what is delivered.
type load struct {
	address string
	request tell
	client  *http.Client
	every   time.Duration
	due     []time.Time
	took    []time.Duration // of each delivery
	again   atomic.Int64    // answers that said to come again
}

func newLoad(address string, request tell, rate, count int) *load {
	return &load{
		address: address, request: request, every: time.Second / time.Duration(rate), due: make([]time.Time, count), took: make([]time.Duration, count),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: senders}},
	}
}

// run delivers everything, each at its time; at most senders are under way. The
// garbage of the senders waits until afterwards: it is the daemon's that is measured.
func (l *load) run(ctx context.Context) {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var all sync.WaitGroup
	next := make(chan int, len(l.took)) // nothing that is due waits for a sender unseen
	for range senders {
		all.Go(func() {
			for i := range next {
				l.deliver(ctx, i)
			}
		})
	}
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range l.took {
		due := time.Duration(i) * l.every
		for time.Since(began) < due {
			<-tick.C
		}
		l.due[i] = time.Now()
		next <- i
	}
	close(next)
	all.Wait()
}

// deliver delivers one message until it is taken.
func (l *load) deliver(ctx context.Context, i int) {
	for !l.post(ctx, i) && ctx.Err() == nil {
		l.again.Add(1)
	}
	l.took[i] = time.Since(l.due[i])
}

func (l *load) post(ctx context.Context, i int) bool {
	request, err := l.request(ctx, l.address, i)
	if err != nil {
		return false
	}
	response, err := l.client.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode/100 == 2
}

// lost is how many of the deliveries are not in the journal of a folder.
func lost(b *testing.B, dir, source string, count int) int {
	b.Helper()
	j, err := journal.Open(b.Context(), journal.Options{Dir: dir, Site: "hq"})
	require.NoError(b, err)
	defer func() { require.NoError(b, j.Close()) }()
	state, err := j.State(b.Context())
	require.NoError(b, err)
	enough := errors.New("read")
	kept := make(map[string]bool)
	err = j.Tail(b.Context(), state.First, func(r journal.Record) error {
		if r.Kind == journal.Event && telephony.CallID(r.Call).Source() == source {
			events, err := telephony.DecodeEvents(r.Data)
			require.NoError(b, err)
			last := events[len(events)-1].ID // what no other message of the call tells
			require.False(b, kept[last], "%s is there twice", last)
			kept[last] = true
		}
		if r.Seq >= state.Last {
			return enough
		}
		return nil
	})
	require.ErrorIs(b, err, enough)
	return count - len(kept)
}
