package feed_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// BenchmarkReaders is how the feed's cost grows with its readers: what the processor does for one message to all of
// them, and when they have it, at 20 messages a second. The readers are in the same process, and in the figures.
func BenchmarkReaders(b *testing.B) {
	const entries, every = 100, 50 * time.Millisecond
	for _, readers := range []int{1, 10, 100, 1_000, 3_000} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			var files unix.Rlimit
			require.NoError(b, unix.Getrlimit(unix.RLIMIT_NOFILE, &files))
			if need := uint64(2*readers + 100); files.Cur < need { // Go has raised it as far as it may.
				b.Skipf("%d readers need %d open files, this process may have %d: raise ulimit -Hn", readers, need, files.Cur)
			}
			for b.Loop() {
				j, l := newMemory(), &latencies{}
				s := newSite(b, siteOptions{journal: j, max: readers + 1})
				c := &crowd{seen: l.seen}
				c.join(b, s, readers)
				before := processTime(b)
				l.pace(j, entries, every)
				require.Eventually(b, func() bool { return c.received.Load() >= int64(readers*entries) }, patience, time.Millisecond)
				b.ReportMetric(float64((processTime(b)-before).Microseconds())/1000/entries, "cpu-ms/message")
				b.ReportMetric(float64(l.quantile(.5).Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(l.quantile(.99).Microseconds())/1000, "p99-ms")
				s.stop()
				for _, conn := range c.conns {
					_ = conn.Close()
				}
			}
		})
	}
}

// processTime is what this process has used of the processors.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
