package config

import "time"

// CTI takes the CTI push (newCall, answer, hangup) that many phone systems and scripts speak, at /v1/cti/NAME on http.public_listen.
type CTI struct {
	// Token that lets a sender in, at least 16 letters and digits: at the end of the URL, as bearer token, or as password; better in a file of its own.
	Token Secret `yaml:"token"`
	// File that holds the token.
	TokenFile string `yaml:"token_file" check:"path"`
	// How senders are answered. With sipgate it is told where to post answers and hangups, which needs http.public_url.
	Reply CTIReply `yaml:"reply"`
	// After which time a call ends whose hangup was never told.
	Timeout time.Duration `yaml:"timeout" check:"1m..48h"`
}

// setDefaults is called by the decoder on each new CTI, before the file's values.
func (c *CTI) setDefaults() { c.Reply, c.Timeout = CTIReplyJSON, defaultCallTimeout }

// defaultCallTimeout is when a call ends that nobody ended.
const defaultCallTimeout = 4 * time.Hour

// Events takes talkbridge's own events (CloudEvents): they are posted to /v1/events on http.public_listen or sent over its WebSocket, or, with url, heard on the WebSocket of a phone system.
type Events struct {
	// Bearer token that lets a sender in, at least 16 letters and digits; better in a file of its own.
	Token Secret `yaml:"token"`
	// File that holds the token.
	TokenFile string `yaml:"token_file" check:"path"`
	// Secret that signs what is posted (header Talkbridge-Signature), at least 16 characters; better in a file of its own.
	HMACSecret Secret `yaml:"hmac_secret"`
	// File that holds the secret.
	HMACSecretFile string `yaml:"hmac_secret_file" check:"path"`
	// Address of the WebSocket of a phone system, such as wss://pbx.example.com/events: talkbridge dials it, and nobody posts.
	URL string `yaml:"url" check:"websocket"`
	// What is sent with the handshake to url, such as a token.
	Headers []Header `yaml:"headers"`
	// Messages that are sent to url at the beginning: what the phone system should tell of.
	Send []string `yaml:"send"`
	// Where in the messages of url the fields of an event stand. Without it, the messages are CloudEvents as docs/events.md has them.
	Mapping *Mapping `yaml:"mapping"`
	// After which time a call ends whose end was never told.
	Timeout time.Duration `yaml:"timeout" check:"1m..48h"`
}

// setDefaults is called by the decoder on each new Events, before the file's values.
func (e *Events) setDefaults() { e.Timeout = defaultCallTimeout }

// Header is one header of a request.
type Header struct {
	// Its name, such as X-Auth-Token.
	Name string `yaml:"name,required"`
	// Its value; better in a file of its own.
	Value Secret `yaml:"value"`
	// File that holds the value.
	ValueFile string `yaml:"value_file" check:"path"`
}

// Mapping says where in a message fields stand: paths such as data.call.id or data.users[0].
type Mapping struct {
	// Path of what kind of event it is.
	Kind string `yaml:"kind,required"`
	// Path of the call's id: the same in all events of a call.
	Call string `yaml:"call,required"`
	// Path of the event's own id, the same in a repeat.
	ID string `yaml:"id"`
	// Path of the time: RFC 3339, or seconds or milliseconds since 1970. Without it, that of arrival.
	Time string `yaml:"time"`
	// Path of the direction.
	Direction string `yaml:"direction"`
	// Path of the number that calls.
	From string `yaml:"from"`
	// Path of the caller's name.
	FromName string `yaml:"from_name"`
	// Path of the number that is called.
	To string `yaml:"to"`
	// Path of the agent, or of a list of them: who is rung, answers or dials.
	Agent string `yaml:"agent"`
	// Path of the name of the queue that the caller waits in.
	Queue string `yaml:"queue"`
	// Path of the id of a call that this one continues.
	With string `yaml:"with"`
	// Path of the reason why a call or its ringing ended.
	Reason string `yaml:"reason"`
	// What the kinds mean; others tell nothing.
	Kinds []KindMeaning `yaml:"kinds,required"`
	// What the directions mean; in, out, inbound, outbound and internal are known.
	Directions []DirectionMeaning `yaml:"directions"`
	// What the reasons mean; completed, busy, cancelled, no_answer, congestion and unreachable are known.
	Reasons []ReasonMeaning `yaml:"reasons"`
}

// KindMeaning says what a phone system's word for a kind of event means.
type KindMeaning struct {
	// The word, as the phone system writes it.
	Is string `yaml:"is,required"`
	// The type of event that it means.
	Means EventKind `yaml:"means,required"`
}

// DirectionMeaning says what a phone system's word for a direction means.
type DirectionMeaning struct {
	// The word, as the phone system writes it.
	Is string `yaml:"is,required"`
	// The direction that it means.
	Means TestDirection `yaml:"means,required"`
}

// ReasonMeaning says what a phone system's word for the end of a call means.
type ReasonMeaning struct {
	// The word, as the phone system writes it.
	Is string `yaml:"is,required"`
	// The reason that it means.
	Means EventReason `yaml:"means,required"`
}
