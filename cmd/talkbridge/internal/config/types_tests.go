package config

import "time"

// Test is a call, and what should become of it. The daemon reads tests and does not run them; `talkbridge check` does.
type Test struct {
	// What the call is, for people. A test that fails is shown with it.
	Name string `yaml:"name,required"`
	// The call.
	Call *TestCall `yaml:"call,required"`
	// The ticket that it should get, or the word none. What is not given is not compared; without this key, whether there is one is not.
	Ticket *TestTicket `yaml:"ticket"`
	// The pages that should open, in that order; [] for none. Without this key they are not compared.
	Pops []TestPop `yaml:"pops"`
}

// TestCall is a call as the phone system would tell of it.
type TestCall struct {
	// Who calls, in any writing.
	From string `yaml:"from"`
	// The name that the phone system shows of the other side.
	Name string `yaml:"name"`
	// Who is called: of an inbound call our number.
	To string `yaml:"to,required"`
	// Who calls whom.
	Direction TestDirection `yaml:"direction"`
	// When the call begins, as 2026-03-02T09:00:00Z or with an offset.
	At time.Time `yaml:"at"`
	// Name of the phone system, where there are several; the first one if it is not given.
	Source string `yaml:"source"`
	// The agent who answers, or who calls out; a name of agents, or a channel of nobody's such as PJSIP/1009.
	Agent string `yaml:"agent"`
	// The agents whose phones ring, where these are more than the one who answers.
	Rings []string `yaml:"rings"`
	// The agent to whom the call goes on when half of the talk is over.
	TransferTo string `yaml:"transfer_to"`
	// The queue that the caller waits in.
	Queue string `yaml:"queue"`
	// How long the caller waits before a phone rings.
	Wait time.Duration `yaml:"wait" check:"0s..12h"`
	// How long it rings.
	Ring time.Duration `yaml:"ring" check:"0s..12h"`
	// How long they talk; of a voicemail, how long the message is.
	Talk time.Duration `yaml:"talk" check:"0s..12h"`
	// How long of that the other side is on hold, from the beginning of the talk.
	Hold time.Duration `yaml:"hold" check:"0s..12h"`
	// What becomes of it. Without it a call with an agent is answered, and one without is missed.
	Disposition TestDisposition `yaml:"disposition"`
	// Whether the caller withholds the number.
	Withheld bool `yaml:"withheld"`
	// Whether the phone system records the call.
	Recorded bool `yaml:"recorded"`
	// Whether the caller has another ticket that is open.
	OpenTicket bool `yaml:"open_ticket"`
}

// setDefaults is called by the decoder on each new TestCall, before the file's values. They begin on a Monday morning.
func (c *TestCall) setDefaults() {
	*c = TestCall{Direction: TestInbound, At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Ring: 5 * time.Second, Talk: time.Minute}
}

// TestTicket is what a ticket should be when the call is over. None says that there should be none.
type TestTicket struct {
	// None says that there should be no ticket.
	None bool

	// What kind of call the ticket stands for.
	Via TestVia `yaml:"via"`
	// Its subject, whole.
	Subject string `yaml:"subject"`
	// All its tags, in any order, with those that talkbridge gives.
	Tags []string `yaml:"tags"`
	// The values of some of its ticket fields.
	CustomFields []TestField `yaml:"custom_fields"`
	// Id of its group.
	Group int `yaml:"group" check:"1..9007199254740991"`
	// Id of its brand.
	Brand int `yaml:"brand" check:"1..9007199254740991"`
	// Its priority, or none.
	Priority TestPriority `yaml:"priority"`
	// Texts that stand in its private comments.
	CommentContains []string `yaml:"comment_contains"`
	// Whose ticket it is: the name, the number or the e-mail address of the user.
	Requester string `yaml:"requester"`
	// Name of the agent to whom it is assigned, or none.
	Assignee string `yaml:"assignee"`
	// Name of the agent who answered, as a ticket with audio shows it, or none.
	AnsweredBy string `yaml:"answered_by"`
	// The audio that it plays.
	Plays TestAudio `yaml:"plays"`
}

// setWord is called by the decoder with the text that stands where the keys would.
func (t *TestTicket) setWord(text string) bool {
	t.None = text == "none"
	return t.None
}

// TestField is the value that a ticket field should have.
type TestField struct {
	// Id of the field.
	ID int `yaml:"id,required" check:"1..9007199254740991"`
	// Its value as a text, a whole number, or true or false.
	Value FieldValue `yaml:"value,required"`
}

// TestPop is a page that should open.
type TestPop struct {
	// Name of the agent who sees it.
	Agent string `yaml:"agent,required"`
	// Which page it is; without it any.
	Open TestPage `yaml:"open"`
	// When it opens: while the phone rings, or when the agent talks; without it at any time.
	On PopOn `yaml:"on"`
}
