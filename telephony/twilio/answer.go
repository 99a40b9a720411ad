package twilio

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twilio/twilio-go/twiml"

	"github.com/talkbridge/talkbridge/telephony"
)

// Answer is what callers hear and which phones ring, where talkbridge steers the
// calls. Texts are spoken; one that begins with https:// is the address of a
// sound that is played. What is zero is left out.
type Answer struct {
	// Greeting is heard first, Closed instead where Open says that nobody is there,
	// Goodbye before talkbridge hangs up.
	Greeting, Closed, Goodbye string
	// Language and Voice are of what is spoken, as Twilio names them.
	Language, Voice string
	// Open reports whether somebody is there at a time; nil is always.
	Open func(time.Time) bool
	// Ring are the phones: client:ana, sip:ben@acme.sip.twilio.com, or a number. They
	// ring at once, or InTurn, each for RingFor; Twilio rings ten at most.
	Ring    []string
	InTurn  bool
	RingFor time.Duration
	// Queue is where a caller waits whom nobody took, for QueueFor at most (0 is for
	// ever), with Music.
	Queue    string
	QueueFor time.Duration
	Music    string
	// Voicemail takes a message from whom nobody took; nil has none.
	Voicemail *Voicemail
	// Record records talks, after Consent is announced; with ConsentKey, a key of the
	// phone, only if the caller presses it then.
	Record     bool
	Consent    string
	ConsentKey string
	// CallerID is the number that is shown when one of our phones calls out; "" lets
	// none do so.
	CallerID string
}

// Voicemail is how messages are taken.
type Voicemail struct {
	// Greeting is heard before the beep, MaxLength is how long a message may be.
	Greeting  string
	MaxLength time.Duration
	// Transcribe has Twilio write down what was said, in English, up to two minutes.
	Transcribe bool
}

// Answers says what happens to the calls of each line.
type Answers struct {
	// Lines are those that have an answer of their own, by number.
	Lines map[string]Answer
	// Default is that of all others; nil leaves them unanswered.
	Default *Answer
}

// of is the answer of a line.
func (a *Answers) of(line string) (Answer, bool) {
	if answer, own := a.Lines[line]; own {
		return answer, true
	}
	if a.Default == nil {
		return Answer{}, false
	}
	return *a.Default, true
}

// SetAnswers has calls go on by other answers from now on. It does nothing to a
// source that observes.
func (s *Source) SetAnswers(answers *Answers) {
	if s.script != nil && answers != nil {
		s.script.answers.Store(answers)
	}
}

// reply is what Twilio is to do next.
type reply struct {
	verbs []twiml.Element
	// away says that nobody of ours will be rung for the caller any more.
	away bool
}

// script says what Twilio is to do next with a call. It keeps nothing of it: where a
// call is, its webhooks say.
type script struct {
	answers atomic.Pointer[Answers]
	// base is the address of the webhooks, without what they are.
	base string
}

// TryAgain is what stands behind the address of a webhook, and says how Twilio is to try again where it gets no answer: by itself it does
// so only where it cannot connect.
const TryAgain = "#rc=5&rp=ct,rt,5xx"

func (s *script) address(h hook, pairs ...string) string {
	query := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		query.Set(pair[0], pair[1])
	}
	address := s.base + string(h)
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address + TryAgain
}

// next says what follows upon a webhook.
func (s *script) next(c callback) reply {
	from, to := readAddress(c.form.Get("From")), readAddress(c.form.Get("To"))
	if from.side == telephony.SideAgent && c.inbound() {
		return s.callsOut(c, to)
	}
	a, have := s.answers.Load().of(to.number)
	switch {
	case !c.inbound() || !have:
		return reply{}
	case c.hook == hookVoice && a.asksConsent() && c.query.Get(consentKey) != "":
		return s.asked(a, c)
	case c.hook == hookVoice:
		return s.comes(a, c.received)
	case c.hook == hookDial:
		return s.rangOut(a, c)
	case c.hook == hookQueue:
		return s.queued(a, c)
	case c.hook == hookVoicemail:
		return reply{verbs: a.bye()}
	}
	return reply{}
}

// comes answers a call that comes in.
func (s *script) comes(a Answer, now time.Time) reply {
	if a.Open != nil && !a.Open(now) {
		return s.nobody(a, a.say(a.Closed))
	}
	if a.asksConsent() && len(a.Ring) > 0 {
		return s.ask(a)
	}
	verbs := a.say(a.Greeting)
	if a.Record {
		verbs = append(verbs, a.say(a.Consent)...)
	}
	return s.rings(a, verbs)
}

// rings rings the phones, after what is said.
func (s *script) rings(a Answer, verbs []twiml.Element) reply {
	if len(a.Ring) == 0 {
		return s.waits(a, verbs)
	}
	dial := s.dial(a, len(verbs) == 0)
	for _, phone := range a.Ring {
		dial.InnerElements = append(dial.InnerElements, s.noun(phone))
	}
	return reply{verbs: append(verbs, dial)}
}

// dial rings phones. A call that nothing was said in is answered when an agent
// answers: until then the caller hears that it rings, and pays nothing.
func (s *script) dial(a Answer, silent bool) *twiml.VoiceDial {
	d := &twiml.VoiceDial{Action: s.address(hookDial), Timeout: seconds(a.RingFor)}
	if silent {
		d.AnswerOnBridge = "true"
	}
	if a.InTurn {
		d.Sequential = "true"
	}
	if a.Record {
		d.Record = "record-from-answer-dual"
		d.RecordingStatusCallback, d.RecordingStatusCallbackEvent = s.address(hookRecording), "completed absent"
	}
	return d
}

// statusEvents are those of a leg that are told of.
const statusEvents = "initiated answered completed"

// noun is one phone.
func (s *script) noun(phone string) twiml.Element {
	status := s.address(hookStatus)
	switch scheme, rest, _ := strings.Cut(phone, ":"); scheme {
	case "client":
		return &twiml.VoiceClient{Identity: rest, StatusCallback: status, StatusCallbackEvent: statusEvents}
	case "sip", "sips":
		return &twiml.VoiceSip{SipUrl: phone, StatusCallback: status, StatusCallbackEvent: statusEvents}
	}
	return &twiml.VoiceNumber{PhoneNumber: phone, StatusCallback: status, StatusCallbackEvent: statusEvents}
}

// rangOut answers what Dial says: the talk is over, the caller is gone, or nobody
// took him.
func (s *script) rangOut(a Answer, c callback) reply {
	status := c.get("DialCallStatus")
	talked := (status == "completed" || status == "answered") && c.get("DialBridged") != "false"
	if talked || ended(c.get("CallStatus")) {
		return reply{verbs: hangup()}
	}
	return s.waits(a, nil)
}

// waits has a caller wait in the queue, if there is one.
func (s *script) waits(a Answer, verbs []twiml.Element) reply {
	if a.Queue == "" {
		return s.nobody(a, verbs)
	}
	return reply{verbs: append(verbs, &twiml.VoiceEnqueue{
		Name: a.Queue, Action: s.address(hookQueue, "queue", a.Queue), WaitUrl: s.address(hookQueue, "queue", a.Queue),
	})}
}

// queued answers what a queue asks: what to play, or what follows.
func (s *script) queued(a Answer, c callback) reply {
	switch result := c.get("QueueResult"); {
	case c.get("DequeingCallSid") != "":
		return reply{verbs: a.say(a.Consent)}
	case result == "bridged" || result == "hangup" || ended(c.get("CallStatus")):
		return reply{verbs: hangup()}
	case result != "":
		return s.nobody(a, nil)
	case a.QueueFor > 0 && c.seconds("QueueTime") >= a.QueueFor:
		return reply{verbs: []twiml.Element{&twiml.VoiceLeave{}}}
	case a.Music != "":
		return reply{verbs: []twiml.Element{&twiml.VoicePlay{Url: a.Music}}}
	}
	return reply{verbs: []twiml.Element{&twiml.VoicePause{Length: "10"}}}
}

// nobody is for a caller whom nobody takes: he may leave a message.
func (s *script) nobody(a Answer, verbs []twiml.Element) reply {
	if a.Voicemail != nil {
		record := &twiml.VoiceRecord{
			Action: s.address(hookVoicemail), MaxLength: seconds(a.Voicemail.MaxLength), PlayBeep: "true", FinishOnKey: "#",
			RecordingStatusCallback: s.address(hookRecording), RecordingStatusCallbackEvent: "completed absent",
		}
		if a.Voicemail.Transcribe {
			record.Transcribe, record.TranscribeCallback = "true", s.address(hookTranscription)
		}
		verbs = append(append(verbs, a.say(a.Voicemail.Greeting)...), record)
	}
	return reply{verbs: append(verbs, a.bye()...), away: true}
}

// callsOut is a phone of ours that calls a number, or takes the next caller of a
// queue: "queue:support".
func (s *script) callsOut(c callback, to address) reply {
	a, have := s.answers.Load().of("")
	if c.hook != hookVoice {
		return reply{verbs: hangup()}
	}
	if queue, is := strings.CutPrefix(c.get("To"), "queue:"); is {
		return reply{verbs: []twiml.Element{&twiml.VoiceDial{
			Action: s.address(hookDial), InnerElements: []twiml.Element{&twiml.VoiceQueue{Name: queue, Url: s.address(hookQueue, "queue", queue)}},
		}}}
	}
	number := telephony.ParseNumber(to.number, "").E164
	if !have || a.CallerID == "" || number == "" {
		return reply{verbs: []twiml.Element{&twiml.VoiceReject{}}}
	}
	a.Record, a.InTurn = false, false // whoever is called heard no announcement
	dial := s.dial(a, true)
	dial.CallerId = a.CallerID
	dial.InnerElements = []twiml.Element{s.noun(number)}
	return reply{verbs: []twiml.Element{dial}}
}

// say speaks a text, or plays what is at an address.
func (a Answer) say(text string) []twiml.Element {
	switch {
	case text == "":
		return nil
	case strings.HasPrefix(text, "https://"):
		return []twiml.Element{&twiml.VoicePlay{Url: text}}
	}
	return []twiml.Element{&twiml.VoiceSay{Message: text, Language: a.Language, Voice: a.Voice}}
}

func (a Answer) bye() []twiml.Element { return append(a.say(a.Goodbye), hangup()...) }

func hangup() []twiml.Element { return []twiml.Element{&twiml.VoiceHangup{}} }

// seconds is a length of time as an attribute; "" leaves it to Twilio.
func seconds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return strconv.Itoa(int(d / time.Second))
}
