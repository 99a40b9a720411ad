package main

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// TestOrdinaryTwilioCallCostsTheJournal counts what one call costs that one phone
// rings for and that is answered there: its events and outcomes. On a slow machine the
// phone's own word may come long after Dial's, and both are kept: the cheapest of
// some calls counts. Figures are in docs/twilio.md.
func TestOrdinaryTwilioCallCostsTheJournal(t *testing.T) {
	t.Parallel()
	const ring = `<Dial answerOnBridge="true" timeout="10"`
	alice := meets(twiliotest.Phone{Address: simAlice}, rings(simBob), rings(simCarol))
	for _, tt := range []struct {
		name  string
		start func(t *testing.T) (*twilioSite, *child)
		most  float64
	}{
		{"observed", func(t *testing.T) (*twilioSite, *child) {
			t.Helper()
			s := newTwilioSite(t, twiliotest.Config{}, map[string]string{"+15550100001": ring + `><Client EVENTS>alice</Client></Dial>`}, "")
			return s, s.startTwilio()
		}, maxOrdinary},
		{"observed and recorded", func(t *testing.T) (*twilioSite, *child) {
			t.Helper()
			s := newTwilioSite(t, twiliotest.Config{}, map[string]string{
				"+15550100001": ring + ` record="record-from-answer-dual" RECORDED><Client EVENTS>alice</Client></Dial>`,
			}, "")
			return s, s.startTwilio()
		}, maxOrdinary + 2},
		{"answered", func(t *testing.T) (*twilioSite, *child) {
			t.Helper()
			s := newAnswerSite(t, twiliotest.Config{}, `greeting: Welcome., ring: [Alice]`)
			return s.twilioSite, s.startAnswering()
		}, maxOrdinary},
		{"answered while three phones ring", func(t *testing.T) (*twilioSite, *child) {
			t.Helper()
			s := newAnswerSite(t, twiliotest.Config{}, `greeting: Welcome., ring: [Alice, Bob, Carol]`)
			return s.twilioSite, s.startAnswering()
		}, maxOrdinary + 2*2},
		{"answered and recorded", func(t *testing.T) (*twilioSite, *child) {
			t.Helper()
			s := newAnswerSite(t, twiliotest.Config{}, `greeting: Welcome., ring: [Alice], record: true, consent: This call is recorded.`)
			return s.twilioSite, s.startAnswering()
		}, maxOrdinary + 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c := tt.start(t)
			least := math.Inf(1)
			for call := 1; call <= 5 && least > tt.most; call++ {
				before := c.metric(t, "talkbridge_journal_messages ")
				id := s.place(twiliotest.Caller{To: "+15550100001", From: fmt.Sprintf("+1212555010%d", call), Meets: alice})
				s.shown(c, call)
				s.hangUp(id)
				require.NoError(t, s.twilio.Wait(t.Context()))
				ticket := s.owesNothing(c, id)
				require.Equal(t, s.agentID("Alice"), ticket.AssigneeID)
				messages := c.metric(t, "talkbridge_journal_messages ") - before
				t.Logf("%s: %v journal messages", tt.name, messages)
				require.Positive(t, messages)
				least = min(least, messages)
			}
			require.LessOrEqual(t, least, tt.most)
			c.stop(t)
		})
	}
}
