package twilio

import "github.com/twilio/twilio-go/twiml"

// Where callers consent to being recorded by a key, they are asked before anybody rings.
// Whoever presses another key, or none, talks unrecorded: he is not asked twice, and
// nothing is kept of what he pressed, which the next webhook says.

// consentKey is what the address says that is asked for when a caller was asked.
const consentKey = "consent"

// asksConsent reports whether a caller is asked whether he may be recorded. Nobody is who
// is not told what for.
func (a Answer) asksConsent() bool { return a.Record && a.ConsentKey != "" && a.Consent != "" }

// ask asks for the key, once the greeting was heard.
func (s *script) ask(a Answer) reply {
	gather := &twiml.VoiceGather{
		Input: "dtmf", NumDigits: "1", Timeout: "5", ActionOnEmptyResult: "true", Action: s.address(hookVoice, consentKey, "asked"),
		InnerElements: a.say(a.Consent),
	}
	return reply{verbs: append(a.say(a.Greeting), gather)}
}

// asked rings the phones for a caller who was asked.
func (s *script) asked(a Answer, c callback) reply {
	a.Record = c.get("Digits") == a.ConsentKey
	return s.rings(a, nil)
}
