package telephony_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

func TestDecodeEvents(t *testing.T) {
	t.Parallel()
	told := []telephony.Event{
		{ID: "1", Call: "hq/pbx1/1", Kind: telephony.LegStarted, Leg: "t", Time: at(0), Raw: map[string]string{"kind": `"kind":"`}},
		{ID: "2", Call: "hq/pbx1/1", Kind: telephony.LegEnded, Leg: "t", Time: at(1)},
	}
	data, err := json.Marshal(told)
	require.NoError(t, err)
	events, err := telephony.DecodeEvents(data)
	require.NoError(t, err)
	require.Equal(t, told, events)

	events, err = telephony.DecodeEvents([]byte("[]"))
	require.NoError(t, err)
	require.Empty(t, events)
	_, err = telephony.DecodeEvents([]byte(`{"kind":"leg.started"}`))
	require.ErrorContains(t, err, "decode events: ")
}

// BenchmarkDecodeEvents reads an entry of three events.
func BenchmarkDecodeEvents(b *testing.B) {
	told := make([]telephony.Event, 3)
	for i := range told {
		told[i] = telephony.Event{ID: "1", Call: "hq/pbx1/1", Kind: telephony.LegBridged, Leg: "t", Time: at(0), Bridge: "b"}
	}
	data, err := json.Marshal(told)
	require.NoError(b, err)
	for b.Loop() {
		_, err = telephony.DecodeEvents(data)
	}
	require.NoError(b, err)
}
