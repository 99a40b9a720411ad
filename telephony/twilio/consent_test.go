package twilio

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/twiml"
)

// Who is asked for a key is asked before anybody rings, and recorded only if he presses
// it; where nobody rings or nothing is recorded, nobody is asked.
func TestAnswer_consentKey(t *testing.T) {
	t.Parallel()
	a := everything()
	a.ConsentKey, a.Consent, a.Queue = "1", "Press 1 if this call may be recorded.", ""
	next := func(a Answer, digits, consent string) string {
		s := &script{base: "https://calls.example.com/v1/twilio/tw/"}
		s.answers.Store(&Answers{Default: &a})
		c := newFlow().comes(caller, did, "Digits", digits).callbacks[0]
		if consent != "" {
			c.query.Set(consentKey, consent)
		}
		document, err := twiml.Voice(s.next(c).verbs)
		require.NoError(t, err)
		return document
	}
	asks := next(a, "", "")
	require.Regexp(t, `<Say [^>]*>Welcome to Acme &amp; Sons.</Say><Gather [^>]*><Say [^>]*>Press 1 if this call may be recorded.</Say></Gather></Response>`, asks)
	require.Contains(t, asks, `action="https://calls.example.com/v1/twilio/tw/voice?consent=asked#rc=5&amp;rp=ct,rt,5xx"`)
	require.Contains(t, asks, `actionOnEmptyResult="true"`)
	require.NotContains(t, asks, "<Dial")
	for digits, recorded := range map[string]bool{"1": true, "2": false, "": false, "11": false} {
		document := next(a, digits, "asked")
		require.Contains(t, document, "<Dial", digits)
		require.NotContains(t, document, "<Say", digits)
		require.Equal(t, recorded, strings.Contains(document, "record-from-answer-dual"), digits)
	}
	announces := a
	announces.ConsentKey = ""
	require.Contains(t, next(announces, "", "asked"), "record-from-answer-dual", "all are recorded, and told so")
	closed := a
	closed.Open = never
	require.NotContains(t, next(closed, "", ""), "<Gather")
	alone := a
	alone.Ring = nil
	require.NotContains(t, next(alone, "", ""), "<Gather")
}
