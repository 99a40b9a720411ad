package twiliotest

import (
	"net/http"
	"time"
)

// The account where a Config names none. They are nobody's.
const (
	DefaultAccountSID = "AC00000000000000000000000000000001"
	DefaultAuthToken  = "0123456789abcdef0123456789abcdef"
)

// Config says what the simulated account is. The zero value is an account without numbers.
type Config struct {
	// AccountSID and AuthToken sign callbacks and let REST clients in; the defaults are DefaultAccountSID and
	// DefaultAuthToken.
	AccountSID string
	AuthToken  string
	// Keys are API keys, secret by SID: they let REST clients in too, and never sign.
	Keys map[string]string
	// Numbers can be called. See also [Server.SetNumber].
	Numbers []Number
	// Phones are who is called, by address. An address that nobody has cannot be reached. See also [Server.SetPhone].
	Phones []Phone
	// Verified are numbers of others that may be shown as the caller's.
	Verified []string
	// Forbidden are prefixes of numbers that the account has no permission to call (geographic permissions).
	Forbidden []string
	// Speed divides every wait of a call; 0 is 1.
	Speed float64
	// Now stamps what happens; nil is time.Now.
	Now func() time.Time
	// Transport carries callbacks; nil is a network client of the server's own. See [Direct] and [Via], and
	// [Server.SetTransport].
	Transport http.RoundTripper
	// CPS is how many calls a second the REST API starts; more wait in a queue. 0 is no limit.
	CPS float64
	// ListLag is how long lists do not show what was changed.
	ListLag time.Duration
	// Media says how recordings can be fetched.
	Media Media
	// Choices are answers to what Twilio's documentation leaves open.
	Choices Choices
	// Seed makes the SIDs; servers of one seed hand out the same.
	Seed uint64
	// Keep bounds how many deliveries, requests and alerts can be looked at, the newest; 0 is 10,000. Counters count
	// all.
	Keep int
}

// Media says how recordings can be fetched. The zero value: at once, from the API's own host, with a login.
type Media struct {
	// Ready is how long after its end a recording is processed: then its callback comes.
	Ready time.Duration
	// Missing is how many requests of a medium are answered 404 although its callback came.
	Missing int
	// Redirect sends every request on to a second host, which wants no login and counts those that bring one:
	// [Server.LeakedLogins].
	Redirect bool
	// External says that recordings are kept in storage of the account's own, on the second host: media_url names it.
	External bool
	// Open lets media be fetched without a login, as a switch of the console does.
	Open bool
}

// Choices are answers to what Twilio's documentation leaves open. A program should keep its promises under all of
// them; the zero value has the first of each.
type Choices struct {
	// HangupAction is what is requested of a Dial's action when the caller hangs up while it rings: nothing, or the
	// action with the status named, "no-answer" or "canceled".
	HangupAction string
	// LosersNoAnswer has those phones that were slower than another end as no-answer instead of canceled.
	LosersNoAnswer bool
	// PickupCancels stops all other phones when one is picked up, before the whisper is over.
	PickupCancels bool
	// TranscribeFirst sends the text of a recording before the recording's own callback.
	TranscribeFirst bool
	// QuietRecord has a Record whose caller hung up request no action.
	QuietRecord bool
}

// Number is a number of the account, an address in a SIP domain ("sip:desk@acme.sip.twilio.com"), or an application
// that browsers call through ("app:desk"). URLs may have a fragment of connection overrides.
type Number struct {
	Number string
	// Name is its friendly name.
	Name string
	// VoiceURL is asked for TwiML, with VoiceMethod (POST).
	VoiceURL    string
	VoiceMethod string
	// Bin is TwiML that the account keeps itself (a TwiML Bin): it is run instead of asking VoiceURL, and {{From}}
	// or any other parameter of the call stands for its value.
	Bin string
	// FallbackURL is asked when VoiceURL, or a URL that its TwiML named, did not answer with TwiML.
	FallbackURL string
	// StatusCallback is told of the end, with StatusMethod (POST).
	StatusCallback string
	StatusMethod   string
	// Place is sent as ToCity and so on.
	Place Place
}

// Place is where a number is from; each part may be empty.
type Place struct{ City, State, Zip, Country string }

// Behaviour is what a phone does when it rings.
type Behaviour int

// What phones do.
const (
	// Answers: somebody picks up after Phone.After.
	Answers Behaviour = iota
	// Rings: nobody picks up.
	Rings
	// Busy: engaged, at once or after Phone.After.
	Busy
	// Rejects: somebody presses the red button after Phone.After.
	Rejects
	// Machine: an answering machine picks up after Phone.After. It presses no digits.
	Machine
	// Unreachable: there is no such phone (SIP 404).
	Unreachable
)

// Phone is somebody who can be called. The zero Behaviour picks up at once and talks for ever.
type Phone struct {
	// Address is "+15550100001", "client:ana" or "sip:ana@pbx.example.com".
	Address string
	Does    Behaviour
	After   time.Duration
	// Talks is when this side hangs up, from when both hear each other; 0 is never.
	Talks time.Duration
	// Presses are digits for each Gather in turn, such as "1".
	Presses []string
	// SIP are headers of the final answer, such as X-Agent; the Dial's action gets them.
	SIP map[string]string
}

// Caller is somebody who calls. Only From and To are needed.
type Caller struct {
	// From is a number, "client:ana", "sip:ana@pbx.example.com", or what a withheld number comes as: "anonymous",
	// "Restricted", "+266696687".
	From string
	// To is what was dialled.
	To string
	// Via is the entry of Config.Numbers that takes the call; "" is To. A browser calls via its application.
	Via string
	// Name is sent as CallerName, as where the account has caller name lookup on.
	Name string
	// Forwarded is sent as ForwardedFrom.
	Forwarded string
	Place     Place
	// SIP are headers of a SIP call, such as X-Customer.
	SIP map[string]string
	// Extra are more parameters of the first request.
	Extra map[string]string

	// HangsUp is when he gives up whatever goes on, from the beginning; 0 is never.
	HangsUp time.Duration
	// Patience is how long he listens to ringing, or waits in a queue, at a time; 0 is for ever.
	Patience time.Duration
	// Talks is when he hangs up, from when both hear each other; 0 is never.
	Talks time.Duration
	// Presses are digits for each Gather in turn; where none are left he presses nothing.
	Presses []string
	// Says is how long a message he leaves at a Record, once; 0 says nothing.
	Says time.Duration
	// Words are what a transcription makes of the message.
	Words string
	// Meets are phones that behave otherwise when this call rings them, by their addresses.
	Meets []Phone
	// Stays has him on the line after his message until silence ends the recording; else he hangs up.
	Stays bool
}
