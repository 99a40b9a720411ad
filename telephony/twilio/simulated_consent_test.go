package twilio_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
	"github.com/talkbridge/talkbridge/telephony/twilio"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// TestSimulatedConsent: only the talk of a caller who pressed the key is recorded, and
// every caller gets his agent.
func TestSimulatedConsent(t *testing.T) {
	t.Parallel()
	hook := func(what string) string { return simPublic + twilio.Path("twilio1", what) }
	s := &simulation{t: t, sink: telephonytest.NewSink(), Server: twiliotest.New(twiliotest.Config{
		Numbers: []twiliotest.Number{{Number: simLine, VoiceURL: hook("voice"), StatusCallback: hook("status")}}, Speed: 4,
	})}
	t.Cleanup(s.Close)
	require.NoError(t, s.Start(""))
	s.follow(twilio.Config{Answers: &twilio.Answers{Default: &twilio.Answer{
		Ring: []string{simAna}, RingFor: 20 * time.Second, Record: true, Consent: "Press 1 if this call may be recorded.", ConsentKey: "1",
	}}})
	recorded := map[string]bool{}
	for _, presses := range [][]string{{"1"}, {"2"}, nil} {
		sid := s.place(twiliotest.Caller{To: simLine, Presses: presses, Meets: meets(anaAnswers)}, 0)
		recorded[sid] = len(presses) == 1 && presses[0] == "1"
	}
	require.NoError(t, s.Wait(t.Context()))
	for sid, want := range recorded {
		got := s.state(sid)
		require.Equal(t, outcome{telephony.Inbound, telephony.Answered, simAna, simCaller, false, ""}, outcomeOf(got), "%+v", got)
		require.Equal(t, want, got.Recording != "")
	}
	require.Len(t, s.Recordings(), 1)
	require.Zero(t, s.Stats().Refused)
	require.Empty(t, s.Alerts())
}
