package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// burstProfile is where the CPU profile of the daemon in the burst goes.
var burstProfile = flag.String("burst-profile", "", "write the daemon's CPU profile during BenchmarkBurst to a file")

// BenchmarkBurst is what the daemon, a process of its own, costs under the
// captured burst: 20 calls a second, unfiltered, 114 events and 56 kB a call. A
// promise holds it under half a core.
func BenchmarkBurst(b *testing.B) {
	s := newSite(b, siteOptions{pbx: asterisktest.Config{Users: []asterisktest.User{{
		// Reads everything, and may not set filters: nothing is spared.
		Name: "talkbridge", Secret: "tbsecret", Read: "all", Write: "call,reporting", WriteTimeout: 30 * time.Second,
	}}}})
	s.player.Speed = 1
	c := s.start()
	before := cpuTime(b, c.PID())
	begun := time.Now()
	calls := 0
	if *burstProfile != "" {
		var profiling sync.WaitGroup
		defer profiling.Wait()
		profiling.Go(func() {
			if code, _, errs := runCLI(b.Context(), "profile", "--config", s.config, "--seconds", "10", "--output", *burstProfile); code != exitOK {
				b.Error(errs)
			}
		})
	}
	for b.Loop() {
		played, err := s.player.Play(b.Context(), asterisktest.Scenario{Capture: "burst", Kind: "inbound"})
		require.NoError(b, err)
		calls += len(played.Linkedids)
	}
	wall := time.Since(begun)
	spent := cpuTime(b, c.PID()) - before
	b.ReportMetric(spent.Seconds()/wall.Seconds(), "cores")
	b.ReportMetric(float64(spent.Microseconds())/1000/float64(calls), "cpu-ms/call")
	b.ReportMetric(float64(calls)/wall.Seconds(), "calls/s")
	b.ReportMetric(rss(b, c.PID()), "rss-MiB")
	c.stop(b)
}

// BenchmarkStart is from the start of the process with an empty journal to
// ready, and what it then keeps in memory. The promise is less than a second, and
// less than 64 MiB.
func BenchmarkStart(b *testing.B) {
	s := newSite(b, siteOptions{})
	var memory float64
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		c := s.startReady()
		took = append(took, time.Since(began))
		memory = max(memory, rss(b, c.PID()))
		c.stop(b)
		require.NoError(b, os.RemoveAll(filepath.Join(s.dir, "data")))
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "ready-s")
	b.ReportMetric(memory, "rss-MiB")
}

// cpuTime is what a process has used, from /proc.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	_, rest, found := strings.Cut(string(stat), ") ")
	require.True(b, found)
	fields := strings.Fields(rest)
	var ticks int64
	for _, i := range []int{11, 12} { // utime, stime
		n, err := strconv.ParseInt(fields[i], 10, 64)
		require.NoError(b, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}

// rss is the resident memory of a process in MiB.
func rss(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(status)) {
		if kib, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, err := strconv.ParseFloat(strings.Fields(kib)[0], 64)
			require.NoError(b, err)
			return n / 1024
		}
	}
	require.Fail(b, "no VmRSS")
	return 0
}
