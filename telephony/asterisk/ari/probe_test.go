package ari_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/ari"
	"github.com/talkbridge/talkbridge/telephony/asterisk/ari/aritest"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	server := aritest.New(aritest.Config{ChannelVars: []string{"CHANNEL(linkedid)"}, Ahead: -time.Minute, Writes: true})
	t.Cleanup(server.Close)
	r := start(t, labConfig(server), telephonytest.NewSink())
	call := server.Inbound(aritest.Party{Number: "+493012345678"}, "+15550100001")
	probed := make(chan struct{})
	go func() {
		defer close(probed)
		report, err := ari.Probe(t.Context(), labConfig(server), 500*time.Millisecond)
		if err != nil {
			t.Error(err)
			return
		}
		if want := (ari.Report{
			Version: "22.10.1", RoundTrip: report.RoundTrip, ClockKnown: true, Ahead: report.Ahead, StartedAt: report.StartedAt, Listening: true,
			Connected: true, Writes: true, Watched: report.Watched, Channels: 2, Moved: 1, Events: 4, Useful: 3, Seen: 6, Linked: 6,
		}); report != want {
			t.Errorf("got %+v, want %+v", report, want)
		}
		if report.Ahead.Round(time.Minute) != -time.Minute || report.Watched < 500*time.Millisecond || report.RoundTrip <= 0 {
			t.Errorf("times: %+v", report)
		}
	}()
	r.until(func() bool { return server.Clients() == 2 && server.Requests("channels") == 2 }, "the probe listens")
	call.Ring("1001")
	<-probed
	require.NoError(t, call.Err())
	call.Hangup()
	r.ended(call) // the source was not disturbed
}

func TestProbe_fails(t *testing.T) {
	t.Parallel()
	server := aritest.New(aritest.Config{})
	t.Cleanup(server.Close)
	config := labConfig(server)
	config.Password = "wrong"
	report, err := ari.Probe(t.Context(), config, time.Millisecond)
	require.ErrorIs(t, err, ari.ErrAuthentication)
	require.False(t, report.Listening)
	config = labConfig(server)
	config.URL += "/elsewhere"
	_, err = ari.Probe(t.Context(), config, time.Millisecond)
	require.ErrorIs(t, err, ari.ErrNoARI)
	report, err = ari.Probe(t.Context(), labConfig(server), time.Millisecond)
	require.NoError(t, err)
	require.False(t, report.Writes)
	require.False(t, report.Connected)
}
