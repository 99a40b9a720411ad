package telephonytest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

func event(call, id string, kind telephony.Kind) telephony.Event {
	return telephony.Event{ID: id, Call: telephony.CallID("hq/pbx1/" + call), Kind: kind, Time: time.Unix(1000, 0), Leg: "l" + call}
}

func TestSink(t *testing.T) {
	t.Parallel()
	s := telephonytest.NewSink()
	require.Error(t, s.Append(t.Context(), nil), "nothing")
	require.Error(t, s.Append(t.Context(), []telephony.Event{event("1", "a", telephony.LegStarted), event("2", "b", telephony.LegStarted)}), "two calls")
	require.Error(t, s.Append(t.Context(), []telephony.Event{event("1", "", telephony.LegStarted)}), "not valid")
	require.Empty(t, s.States())

	require.NoError(t, s.Append(t.Context(), []telephony.Event{event("2", "a", telephony.LegStarted)}))
	require.NoError(t, s.Append(t.Context(), []telephony.Event{event("1", "b", telephony.LegStarted), event("1", "c", telephony.LegEnded)}))
	require.Len(t, s.Entries(), 2)
	require.Equal(t, telephony.CallID("hq/pbx1/2"), s.States()[0].ID)
	require.True(t, s.State("hq/pbx1/1").Ended())
	live, err := s.Live(t.Context())
	require.NoError(t, err)
	require.Equal(t, []telephony.LiveLeg{{Call: "hq/pbx1/2", Leg: "l2", Since: time.Unix(1000, 0).UTC()}}, live)
	s.Ready()
	require.Equal(t, 1, s.Sessions())
}

func TestSink_Block(t *testing.T) {
	t.Parallel()
	s := telephonytest.NewSink()
	release := s.Block()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Append(ctx, []telephony.Event{event("1", "a", telephony.LegStarted)}), context.Canceled)
	done := make(chan error, 1)
	go func() { done <- s.Append(t.Context(), []telephony.Event{event("1", "a", telephony.LegStarted)}) }()
	release()
	release()
	require.NoError(t, <-done)
	require.NoError(t, s.Append(t.Context(), []telephony.Event{event("1", "b", telephony.LegEnded)}))
}
