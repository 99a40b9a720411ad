package bridge

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// BenchmarkMemoryOfLiveCall is what one answered call takes that goes on. The
// promise is less than 4 KiB.
func BenchmarkMemoryOfLiveCall(b *testing.B) {
	const calls = 10_000
	log, _ := test.NewNullLogger()
	events, err := EncodeEvents(answered().call.Events())
	require.NoError(b, err)
	for range b.N {
		bridge := &Bridge{calls: make(map[telephony.CallID]*entry), skews: make(map[string]*skew), log: log, metrics: newMetrics(nil)}
		bridge.policy.Store(testPolicy(b))
		before := inUse()
		seq := uint64(0)
		for i := range calls {
			id := fmt.Sprintf("hq/pbx1/1700000000.%d", i)
			for _, m := range []journal.Message{
				{Kind: journal.Event, Data: []byte(strings.ReplaceAll(string(events.Data), string(testCall), id))},
				{Kind: journal.Outcome, Data: known().encode()},
				{Kind: journal.Outcome, Data: intendedCreate("i", 5).encode()},
				{Kind: journal.Outcome, Data: shownIn("i").encode()},
			} {
				seq++
				record := journal.Record{Seq: seq, Stored: start, Call: id, Kind: m.Kind, Data: m.Data}
				require.NoError(b, bridge.take(b.Context(), record))
			}
			bridge.calls[telephony.CallID(id)].state()
		}
		b.ReportMetric(float64(inUse()-before)/calls, "B/call")
		runtime.KeepAlive(bridge)
	}
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
