package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// BenchmarkMemoryOfLiveCalls is what an answered call that goes on takes in the
// whole daemon: bridge, feed, and what the journal's engine keeps for it. The
// promise is less than 4 KiB. It is the difference between two daemons, with few
// and with many live calls, so that what does not grow with them cancels out: the
// feed's newest messages above all.
func BenchmarkMemoryOfLiveCalls(b *testing.B) {
	const few, many = 2000, 7000
	s := newSite(b, siteOptions{})
	story := liveStory(b, s)
	s.write(siteOptions{edit: []string{s.pbx.Addr(), "127.0.0.1:1"}}) // a phone system at hand would say that no such call is alive
	for b.Loop() {
		less := s.heapOf(b, story, few)
		more := s.heapOf(b, story, many)
		b.ReportMetric(float64(more-less)/(many-few), "B/call")
	}
}

// BenchmarkMillionEvents is what a million events of the phone system cost, with
// the outcomes that belong to them: room on the disk, memory of the daemon, and
// time at a start that finds all of them settled. It is the difference between a
// hundred thousand and ten thousand, multiplied: what does not grow cancels out.
func BenchmarkMillionEvents(b *testing.B) {
	s := newSite(b, siteOptions{})
	story := wholeStory(b, s)
	events := 0
	for _, r := range story {
		if some, err := telephony.DecodeEvents(r.Data); r.Kind == journal.Event && err == nil {
			events += len(some)
		}
	}
	s.write(siteOptions{edit: []string{s.pbx.Addr(), "127.0.0.1:1"}})
	calls := 100_000 / events
	share := float64((calls-calls/10)*events) / 1e6
	for b.Loop() {
		less := s.restart(b, story, calls/10)
		more := s.restart(b, story, calls)
		b.ReportMetric(float64(more.bytes-less.bytes)/(1<<20)/share, "disk-MiB")
		b.ReportMetric(float64(more.heap-less.heap)/(1<<20)/share, "heap-MiB")
		b.ReportMetric((more.took-less.took).Seconds()/share, "open-s")
	}
}

// cost is what a daemon keeps in memory, how large its journal is, and how long it
// took to be ready.
type cost struct {
	heap, bytes int64
	took        time.Duration
}

// restart is the cost of a daemon that finds so many settled calls.
func (s *site) restart(b *testing.B, story []journal.Record, calls int) cost {
	b.Helper()
	dir := filepath.Join(s.dir, "data")
	require.NoError(b, os.RemoveAll(dir))
	fill(b, dir, story, calls)
	j, err := journal.Open(b.Context(), journal.Options{Dir: dir, Site: "hq"})
	require.NoError(b, err)
	state, err := j.State(b.Context())
	require.NoError(b, err)
	require.NoError(b, errors.Join(j.SetCheckpoint(b.Context(), state.Last), j.Close()))
	heap, took := s.run(b, func(views []bridge.View) { require.Empty(b, views) })
	return cost{heap, state.Bytes, took}
}

// wholeStory is what the journal holds of a captured call that was answered.
func wholeStory(b *testing.B, s *site) []journal.Record {
	b.Helper()
	c := s.startReady()
	played, err := s.player.Play(b.Context(), asterisktest.Scenario{
		Capture: "a_inbound_answered", Kind: "inbound",
		Hold: asterisktest.Hold{Phase: asterisktest.Longest, For: 5 * time.Second}, // the ticket is there before the end
	})
	require.NoError(b, err)
	id := "hq/pbx1/" + played.Linkedids[0]
	require.Eventually(b, func() bool { return s.settled(id) }, 30*time.Second, 50*time.Millisecond)
	c.stop(b)
	j, err := journal.Open(b.Context(), journal.Options{Dir: filepath.Join(s.dir, "data"), Site: "hq"})
	require.NoError(b, err)
	story, err := j.Story(b.Context(), id)
	require.NoError(b, errors.Join(err, j.Close()))
	return story
}

// liveStory is what there was before the first channel's end.
func liveStory(b *testing.B, s *site) []journal.Record {
	b.Helper()
	story := wholeStory(b, s)
	for i, r := range story {
		if r.Kind == journal.Event && (strings.Contains(string(r.Data), `"leg.hangup_asked"`) || strings.Contains(string(r.Data), `"leg.Ended"`)) {
			return story[:i]
		}
	}
	require.Fail(b, "the call does not end")
	return nil
}

// heapOf is what is in memory beside a daemon that finds so many live calls.
func (s *site) heapOf(b *testing.B, story []journal.Record, calls int) int64 {
	b.Helper()
	require.NoError(b, os.RemoveAll(filepath.Join(s.dir, "data")))
	fill(b, filepath.Join(s.dir, "data"), story, calls)
	heap, _ := s.run(b, func(views []bridge.View) {
		require.Len(b, views, calls)
		for _, v := range views {
			require.True(b, v.State.Live() && v.State.Answered() && v.Record.Ticket != 0, "%+v", v)
		}
	})
	return heap
}

// run runs the whole daemon in this process. It returns what is in memory then,
// and how long it took to be ready.
func (s *site) run(b *testing.B, check func([]bridge.View)) (heap int64, took time.Duration) {
	b.Helper()
	cfg, err := config.Load(s.config)
	require.NoError(b, err)
	log, _ := test.NewNullLogger()
	began := time.Now()
	d, err := newDaemon(b.Context(), cfg, log)
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	ran := make(chan error, 1)
	go func() { ran <- d.Run(ctx) }()
	<-d.bridge.Ready()
	<-d.feed.Ready()
	took = time.Since(began)
	views, err := d.bridge.Calls(b.Context())
	require.NoError(b, err)
	check(views)
	heap = restingHeap(b)
	cancel()
	require.NoError(b, errors.Join(<-ran, d.Close()))
	return heap, took
}

// fill makes a journal of calls that went as one did.
func fill(b *testing.B, dir string, story []journal.Record, calls int) {
	b.Helper()
	j, err := journal.Open(b.Context(), journal.Options{Dir: dir, Site: "hq", MaxBytes: 2 << 30})
	require.NoError(b, err)
	id := story[0].Call
	stem, _, _ := strings.Cut(strings.TrimPrefix(id, "hq/pbx1/"), ".") // of the call's id and of its channels'
	var messages []journal.Message
	for n := range calls {
		own := fmt.Sprint(2000000000 + n)
		for _, r := range story {
			messages = append(messages, journal.Message{
				Call: strings.ReplaceAll(r.Call, stem, own), Kind: r.Kind, Data: []byte(strings.ReplaceAll(string(r.Data), stem, own)),
			})
		}
	}
	_, err = j.Append(b.Context(), messages...)
	require.NoError(b, errors.Join(err, j.Close()))
}

// restingHeap waits until the heap falls no more: the journal's engine lets go
// of what it has read some seconds after it.
func restingHeap(b *testing.B) int64 {
	b.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	least := heap()
	for still := 0; still < 12; still++ {
		<-tick.C
		if now := heap(); now < least-least/100 {
			least, still = now, 0
		}
	}
	return least
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
