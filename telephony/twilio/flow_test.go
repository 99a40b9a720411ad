package twilio

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	account = "AC0123456789abcdef0123456789abcdef"
	token   = "5c0ffee0123456789abcdef012345678"

	caller  = "+17165550123"
	did     = "+15550100001"
	mobile  = "+15550100102"
	ana     = "client:ana"
	ben     = "sip:ben@acme.sip.twilio.com;transport=tls"
	calling = "1"
)

// begun is when the calls of the tests begin.
var begun = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// id is a sid, such as id("CA", "1").
func id(kind, n string) string { return kind + strings.Repeat("0", 32-len(n)) + n }

// flow is what Twilio tells of calls, in the order in which it happens.
type flow struct {
	sequence  map[string]int
	callbacks []callback
}

// tell adds a callback that comes a fifth of a second after what it tells of.
func (f *flow) tell(second float64, h hook, pairs ...string) *flow {
	form := url.Values{"AccountSid": {account}, "ApiVersion": {"2010-04-01"}}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	at := begun.Add(time.Duration(second * float64(time.Second)))
	f.callbacks = append(f.callbacks, callback{hook: h, form: form, query: url.Values{}, received: at.Add(200 * time.Millisecond)})
	return f
}

// stamped adds a callback with Twilio's time and the next number of its sequence.
func (f *flow) stamped(second float64, h hook, of string, pairs ...string) *flow {
	if f.sequence == nil {
		f.sequence = map[string]int{}
	}
	at := begun.Add(time.Duration(second * float64(time.Second))).Truncate(time.Second)
	pairs = append(pairs, "Timestamp", at.Format(time.RFC1123Z), "SequenceNumber", strconv.Itoa(f.sequence[of]))
	f.sequence[of]++
	return f.tell(second, h, pairs...)
}

var buffalo = []string{"FromCity", "BUFFALO", "FromState", "NY", "FromZip", "14201", "FromCountry", "US", "ToCountry", "US"}

// comes is the webhook of a call that comes in.
func (f *flow) comes(from, to string, more ...string) *flow {
	return f.tell(0, hookVoice, append([]string{
		"CallSid", id("CA", calling), "From", from, "To", to, "Caller", from, "Called", to, "CallStatus", "ringing", "Direction", "inbound",
	}, more...)...)
}

// leg is the status of a leg that the call dialled.
func (f *flow) leg(second float64, n, to, status string, more ...string) *flow {
	return f.stamped(second, hookStatus, n, append([]string{
		"CallSid", id("CA", n), "ParentCallSid", id("CA", calling), "From", caller, "To", to, "CallStatus", status,
		"Direction", "outbound-dial", "CallbackSource", "call-progress-events",
	}, more...)...)
}

// rings is a leg that is dialled after a second, and rings.
func (f *flow) rings(n, to string) *flow {
	return f.leg(1, n, to, "initiated").leg(1.4, n, to, "ringing")
}

// ends is the status of the call itself when it is over; number callbacks have
// only that.
func (f *flow) ends(second float64, status string, seconds int, more ...string) *flow {
	pairs := append([]string{
		"CallSid", id("CA", calling), "From", caller, "To", did, "CallStatus", status, "Direction", "inbound",
		"CallbackSource", "call-progress-events", "Duration", strconv.Itoa((seconds + 59) / 60), "CallDuration", strconv.Itoa(seconds),
	}, more...)
	return f.stamped(second, hookStatus, calling, pairs...)
}

// dialled is the action of Dial.
func (f *flow) dialled(second float64, n, status, bridged string, more ...string) *flow {
	return f.tell(second, hookDial, append([]string{
		"CallSid", id("CA", calling), "From", caller, "To", did, "CallStatus", "in-progress", "Direction", "inbound",
		"DialCallSid", id("CA", n), "DialCallStatus", status, "DialBridged", bridged,
	}, more...)...)
}

// message is the status of a recording that Record made.
func (f *flow) message(second float64, status string, seconds int) *flow {
	const n = "1"
	return f.tell(second, hookRecording, "CallSid", id("CA", calling), "RecordingSid", id("RE", n), "RecordingSource", "RecordVerb",
		"RecordingUrl", recordingURL(), "RecordingStatus", status, "RecordingDuration", strconv.Itoa(seconds), "RecordingChannels", "1",
		"RecordingStartTime", begun.Add(time.Duration(second-float64(seconds)-1)*time.Second).Format(time.RFC1123Z))
}

func recordingURL() string {
	return fmt.Sprintf("https://api.twilio.com/2010-04-01/Accounts/%s/Recordings/%s", account, id("RE", "1"))
}

// meets is what a conference tells of a participant.
func (f *flow) meets(second float64, n, event string, more ...string) *flow {
	return f.stamped(second, hookConference, "conference", append([]string{
		"ConferenceSid", id("CF", "1"), "FriendlyName", "room-" + id("CA", calling), "StatusCallbackEvent", event, "CallSid", id("CA", n),
		"Muted", "false", "Hold", "false",
	}, more...)...)
}

// placed is the status of a call that the API placed: to an agent's phone.
func (f *flow) placed(second float64, n, to, status string, more ...string) *flow {
	return f.stamped(second, hookStatus, n, append([]string{
		"CallSid", id("CA", n), "From", did, "To", to, "CallStatus", status, "Direction", "outbound-api", "CallbackSource", "call-progress-events",
	}, more...)...)
}

// talked are the parameters of a status that ends a leg which talked.
func talked(seconds int) []string {
	return []string{"CallDuration", strconv.Itoa(seconds), "Duration", strconv.Itoa((seconds + 59) / 60), "SipResponseCode", "200"}
}

func newFlow() *flow { return &flow{} }
