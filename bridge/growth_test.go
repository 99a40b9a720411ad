package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/talkbridge/talkbridge/journal"
)

// BenchmarkReactionAmongCalls is the time from a durable answer to the request that makes the ticket, and what the
// processor does for a whole call, while so many others go on: 20 calls a second as in BenchmarkReaction. The load and
// the simulated Zendesk are in the same process, and in the figures.
func BenchmarkReactionAmongCalls(b *testing.B) {
	const calls = 100
	for _, others := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("calls=%d", others), func(b *testing.B) {
			for b.Loop() {
				r := newRig(b, setup{idle: true})
				fillLive(b, r, others)
				r.start(setup{})
				spent := processTime(b)
				marks := r.load(b, calls, 50*time.Millisecond, 200*time.Millisecond)
				b.ReportMetric(float64((processTime(b)-spent).Microseconds())/1000/calls, "cpu-ms/call")
				report(b, "answer", r.between(marks.answered))
				views, err := r.bridge.Calls(b.Context())
				require.NoError(b, err)
				require.GreaterOrEqual(b, len(views), others)
				require.NoError(b, r.stop())
			}
		})
	}
}

// fillLive stores calls that were answered, have their tickets, and go on.
func fillLive(b *testing.B, r *rig, calls int) {
	b.Helper()
	source := newRig(b, setup{})
	p := source.call("template")
	p.tell(slices.Concat(p.coming(), p.ringing("1001"), p.answering("1001"))...) // one entry: there are many to store
	source.eventually("the ticket is there", func() bool { return source.view(p).Record.Ticket != 0 })
	story, err := source.journal.Story(b.Context(), string(p.id))
	require.NoError(b, err)
	require.NoError(b, source.stop())
	var messages []journal.Message
	for i := range calls {
		id := fmt.Sprintf("hq/pbx1/live.%d", i)
		for n, record := range story {
			data := strings.ReplaceAll(string(record.Data), string(p.id), id)
			messages = append(messages, journal.Message{Call: id, Kind: record.Kind, ID: fmt.Sprint(n), Data: []byte(data)})
		}
	}
	_, err = r.journal.Append(b.Context(), messages...)
	require.NoError(b, err)
}

// processTime is what this process has used of the processors.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
