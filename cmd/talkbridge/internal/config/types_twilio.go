package config

import "time"

// Twilio is a Twilio account, or one part of its numbers, whose calls are followed by webhooks on http.public_listen.
type Twilio struct {
	// Account SID: AC and 32 hexadecimal digits. Webhooks of any other account are refused.
	AccountSID string `yaml:"account_sid,required" check:"accountsid"`
	// The account's auth token, with which Twilio signs; better in a file of its own.
	AuthToken Secret `yaml:"auth_token"`
	// File that holds the auth token.
	AuthTokenFile string `yaml:"auth_token_file" check:"path"`
	// Further auth tokens that may sign, while the token is changed: the old one signs until the new one is promoted.
	OtherAuthTokens []Secret `yaml:"other_auth_tokens"`
	// An API key to ask Twilio with; without it, the auth token does that too.
	APIKey *TwilioKey `yaml:"api_key"`
	// What talkbridge does with calls. With observe an existing application steers them and points its callbacks here; with answer talkbridge says what callers hear and which phones ring.
	Mode TwilioMode `yaml:"mode"`
	// How Twilio reaches http.public_listen, where that is not http.public_url: what Twilio signs begins with it.
	PublicURL string `yaml:"public_url" check:"url"`
	// Address of Twilio's API, where it is not Twilio's own: for tests.
	APIURL string `yaml:"api_url" check:"url"`
	// Further hosts that recordings may be fetched from with the account's login. Without any, that of the API alone.
	RecordingHosts []string `yaml:"recording_hosts" check:"host"`
	// Form in which recordings are fetched. A dual-channel one of an hour is 115 MB as wav.
	RecordingFormat AudioFormat `yaml:"recording_format"`
	// Whether who answers hears an announcement first and may decline (the url of Number, Client or Sip). Then nobody has talked until Dial says so, and pages open at the end only.
	Whispers bool `yaml:"whispers"`
	// What callers hear and which phones ring, with mode answer, on lines that have no answer of their own.
	Answer *Answer `yaml:"answer"`
	// How calls are placed through the account, with the section dial below. Without it none are.
	Dial *TwilioDial `yaml:"dial"`
}

// TwilioKey is an API key of the account.
type TwilioKey struct {
	// SID of the key: SK and 32 hexadecimal digits.
	SID string `yaml:"sid,required" check:"keysid"`
	// Its secret; better in a file of its own.
	Secret Secret `yaml:"secret"`
	// File that holds the secret.
	SecretFile string `yaml:"secret_file" check:"path"`
}

// setDefaults is called by the decoder on each new Twilio, before the file's values.
func (t *Twilio) setDefaults() { t.Mode, t.RecordingFormat = TwilioObserve, AudioMP3 }

// AudioFormat is a form of audio.
type AudioFormat string

// The values of AudioFormat.
const (
	AudioMP3 AudioFormat = "mp3"
	AudioWAV AudioFormat = "wav"
)

// TwilioMode is what talkbridge does with the calls of a Twilio account.
type TwilioMode string

// The values of TwilioMode.
const (
	TwilioObserve TwilioMode = "observe" // another application steers them
	TwilioAnswer  TwilioMode = "answer"  // talkbridge does
)

// PublicURLFor is how Twilio reaches the webhooks of a source.
func (c *Config) PublicURLFor(t *Twilio) string {
	if t.PublicURL != "" {
		return t.PublicURL
	}
	return c.HTTP.PublicURL
}

// Answer says what callers hear and which phones ring. A text is spoken; one that begins with https:// is the address of a sound. Without Ring,
// callers go to the queue at once.
type Answer struct {
	// What is heard first.
	Greeting string `yaml:"greeting"`
	// Language of what is spoken, such as en-US; without it, Twilio's own.
	Language string `yaml:"language"`
	// Voice that speaks, such as Polly.Joanna; without it, Twilio's own.
	Voice string `yaml:"voice"`
	// Whom a call rings, at most ten phones: names of agents, or client:ana, sip:ana@acme.sip.twilio.com, "+15550100101".
	Ring []string `yaml:"ring"`
	// Whether they ring at once or in turn.
	Order RingOrder `yaml:"order"`
	// How long they ring, in turn each.
	RingFor time.Duration `yaml:"ring_for" check:"5s..10m"`
	// Queue in which a caller waits whom nobody took. Agents take the next one by calling queue:NAME with their client.
	Queue string `yaml:"queue" check:"name"`
	// How long he waits there.
	QueueFor time.Duration `yaml:"queue_for" check:"10s..12h"`
	// Address of what he hears meanwhile; without it, silence.
	Music string `yaml:"music" check:"url"`
	// How messages are taken from callers whom nobody took; without it, none are.
	Voicemail *AnswerVoicemail `yaml:"voicemail"`
	// Whether talks are recorded, from the answer on.
	Record bool `yaml:"record"`
	// What is announced before a talk that is recorded.
	Consent string `yaml:"consent"`
	// Key that a caller presses then to be recorded, 0 to 9 or *, in quotes: who presses none talks unrecorded. Without it, all are recorded.
	ConsentKey string `yaml:"consent_key"`
	// When somebody is there to answer; without it, always. At other times phones do not ring, and messages are taken.
	Hours *Hours `yaml:"hours"`
	// What is heard instead of the greeting at other times.
	Closed string `yaml:"closed"`
	// What is heard before the call is ended.
	Goodbye string `yaml:"goodbye"`
	// Number of the account that is shown when one of our phones calls out, in quotes; without it, none can.
	CallerID string `yaml:"caller_id"`
}

// AnswerVoicemail says how messages are taken.
type AnswerVoicemail struct {
	// What is heard before the beep.
	Greeting string `yaml:"greeting"`
	// How long a message may be.
	MaxLength time.Duration `yaml:"max_length" check:"5s..1h"`
	// Whether Twilio writes down what was said: in English, at most two minutes, for a fee.
	Transcribe bool `yaml:"transcribe"`
}

// setDefaults is called by the decoder on each new Answer, before the file's values.
func (a *Answer) setDefaults() {
	a.Order, a.RingFor, a.QueueFor = RingAtOnce, 20*time.Second, 5*time.Minute
}

// setDefaults is called by the decoder on each new AnswerVoicemail, before the file's values.
func (a *AnswerVoicemail) setDefaults() { a.MaxLength = 2 * time.Minute }

// RingOrder is how several phones ring for one call.
type RingOrder string

// The values of RingOrder.
const (
	RingAtOnce RingOrder = "at_once"
	RingInTurn RingOrder = "in_turn"
)
