package bridge_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// countingJournal counts the stories that are read by themselves.
type countingJournal struct {
	bridge.Journal

	stories atomic.Int64
}

func (j *countingJournal) Story(ctx context.Context, call string) ([]journal.Record, error) {
	j.stories.Add(1)
	return j.Journal.Story(ctx, call)
}

// TestHistory_readsInOneGo: what is read is read in one go, as far back as the
// newest calls began. Only a call that began before needs its story read by itself,
// and is whole then.
func TestHistory_readsInOneGo(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{idle: true})
	event := func(call, id string, kind telephony.Kind, leg string, first bool, at int) journal.Message {
		m, err := bridge.EncodeEvents([]telephony.Event{{
			ID: id, Call: telephony.CallID(call), Kind: kind, Leg: leg, First: first, Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk",
			Time: time.Date(2026, 3, 1, 9, 0, at, 0, time.UTC),
		}})
		require.NoError(t, err)
		return m
	}
	add := func(m journal.Message) {
		_, err := r.journal.Append(t.Context(), m)
		require.NoError(t, err)
	}
	add(event("hq/pbx1/long", "l1", telephony.LegStarted, "l", true, 0))
	for i := range 40 { // more than the window of two calls
		call := fmt.Sprintf("hq/pbx1/%02d", i)
		add(event(call, "s"+call, telephony.LegStarted, "t", true, i))
		add(event(call, "e"+call, telephony.LegEnded, "t", false, i+1))
	}
	for i := range 22 { // all but the last call of the window
		add(event("hq/pbx1/long", fmt.Sprint("l", i+2), telephony.LegBridged, "l", false, i+30))
	}
	add(event("hq/pbx1/long", "end", telephony.LegEnded, "l", false, 59))

	j := &countingJournal{Journal: r.journal}
	views, err := bridge.History(t.Context(), j, 2)
	require.NoError(t, err)
	require.Len(t, views, 2)
	require.Equal(t, telephony.CallID("hq/pbx1/39"), views[0].State.ID)
	require.Equal(t, telephony.CallID("hq/pbx1/38"), views[1].State.ID, "an old call does not become a new one by what happens to it")
	require.True(t, views[0].State.Ended())
	require.Zero(t, j.stories.Load())

	// Nothing is before the whole journal: what was found live when it began is whole, too.
	add(event("hq/pbx1/found", "f", telephony.LegStarted, "f", false, 50))
	views, err = bridge.History(t.Context(), j, 100)
	require.NoError(t, err)
	require.Len(t, views, 42)
	require.Zero(t, j.stories.Load())

	// What begins before is read by itself.
	require.NoError(t, r.journal.SetCheckpoint(t.Context(), 1))
	pending, err := bridge.Pending(t.Context(), j)
	require.NoError(t, err)
	require.Len(t, pending, 42, "nothing has been settled yet")
	require.Equal(t, int64(2), j.stories.Load(), "the long call, and the one that was found")
	long := slices.IndexFunc(pending, func(v bridge.View) bool { return v.State.ID == "hq/pbx1/long" })
	require.Equal(t, 59*time.Second, pending[long].State.Duration(), "it is whole")
}
