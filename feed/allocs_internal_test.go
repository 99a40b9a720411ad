package feed

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// nobody has no names.
type nobody struct{}

func (nobody) Agent(string) string { return "" }

func (nobody) Line(number string) (e164, name string) { return number, "" }

// blank is a journal that holds nothing of any call.
type blank struct{ Journal }

func (blank) StoryBefore(context.Context, string, uint64) ([]journal.Record, error) { return nil, nil }

// A message is made once for all readers, and may allocate so much: what was measured, and a tenth more; with the race
// detector, under which pools forget on purpose.
func TestAllocationsOfAMessage(t *testing.T) { //nolint:paralleltest // allocations are counted
	const id = "hq/pbx1/1700000000.1"
	at := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	events := []telephony.Event{
		{ID: "1", Call: id, Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", First: true, Time: at, Party: telephony.Party{Number: "+12125550123"}},
		{ID: "2", Call: id, Kind: telephony.LegStarted, Leg: "a", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", Time: at},
	}
	data, err := json.Marshal(events)
	require.NoError(t, err)
	record := journal.Record{Seq: 1, Call: id, Kind: journal.Event, Data: data, Stored: at}
	h := &Hub{epoch: "0123456789abcdef", source: "/talkbridge/hq", names: nobody{}, metrics: newMetrics(nil)}
	take := func() taken {
		entry, err := newCalls(blank{}, nobody{}, h.unreadable).take(t.Context(), record)
		require.NoError(t, err)
		return entry
	}
	entry := take()
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { take() }), 82.0, "an entry decoded and folded")
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		if _, err := h.entry(record, entry); err != nil {
			t.Error(err)
		}
	}), 38.0, "the message of it")
}
