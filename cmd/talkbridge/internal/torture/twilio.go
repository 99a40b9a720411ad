package torture

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony/twilio"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

const (
	// twilioPublic is the address that the simulated Twilio signs for.
	twilioPublic = "https://calls.example.com"
	// speed is how much faster than recorded calls go on.
	speed = 4
	// twilioPatience is how long a call waits until the journal has who talks. It is
	// no longer than that, since a webhook that found no daemon does not come again.
	twilioPatience = 12 * time.Second
	// shortestSound is how long what Twilio keeps is at least.
	shortestSound = 100 * time.Millisecond
	// webhooksEach is how many of a call are kept.
	webhooksEach = 30
	// longestLate is by how much a webhook may be late.
	longestLate = 8 * time.Second
)

// onTwilio are the calls that Twilio's webhooks can tell.
func onTwilio() []Kind {
	one := []int{0}
	return []Kind{
		{Name: "inbound", Share: 80, Via: ViaInbound, Phones: 1, Talks: one},
		{Name: "not recorded", Share: 30, Via: ViaInbound, Phones: 1, Talks: one, Silent: true},
		{Name: "withheld", Share: 10, Via: ViaInbound, Phones: 1, Talks: one, Caller: Withheld},
		{Name: "missed", Share: 30, Via: ViaInbound, Phones: 1},
		{Name: "busy", Share: 10, Via: ViaInbound, Phones: 1},
		{Name: "greeting", Share: 15, Via: ViaInbound, Phones: 1},
		{Name: "voicemail", Share: 30, Via: ViaVoicemail, Phones: 1},
		{Name: "outbound", Share: 40, Via: ViaOutbound, Phones: 1, Talks: one},
		{Name: "unanswered", Share: 15, Phones: 1},
		{Name: "internal", Share: 15, Phones: 2, Caller: Captured},
		// Who takes a caller out of a queue, or comes to his conference, is in no list.
		{Name: "queue", Share: 20, Via: ViaInbound, Phones: 1, Talks: one, Silent: true, Early: true},
		{Name: "queue abandoned", Share: 10, Via: ViaInbound, Phones: 1},
		{Name: "conference", Share: 20, Via: ViaInbound, Phones: 2, Talks: []int{0, 1}, Silent: true, Early: true},
	}
}

// client is what Twilio calls an agent's browser.
func client(i int) string { return fmt.Sprintf("client:agent%02d", i+1) }

// entry is where a call enters the account: an agent's number, or an application.
func entry(what string, i int) string { return fmt.Sprintf("app:%s-%d", what, i+1) }

// newTwilio is an account that keeps its TwiML itself, and points its callbacks at the
// daemon, whichever listens.
func newTwilio(seed uint64, token string, calls int, calm bool, address func() string) *twiliotest.Server {
	t := twiliotest.New(twiliotest.Config{
		AuthToken: token, Numbers: twilioNumbers(), Phones: clients(), Speed: speed, Seed: seed, Keep: webhooksEach*calls + 1000, Transport: twiliotest.ViaFunc(address),
		ListLag: 2 * time.Second, Media: twiliotest.Media{Ready: 200 * time.Millisecond, Missing: 1, Redirect: true},
		Choices: twiliotest.Choices{LosersNoAnswer: seed%2 == 0, PickupCancels: seed%3 == 0, TranscribeFirst: seed%5 == 0},
	})
	if calm {
		return t
	}
	some := func(from, to uint32) func(twiliotest.Delivery) bool {
		return func(d twiliotest.Delivery) bool {
			sum := fnv.New32a()
			_, _ = sum.Write([]byte(d.CallSID))
			at := sum.Sum32() % 100
			return at >= from && at < to
		}
	}
	for _, m := range []twiliotest.Mischief{
		{Match: some(0, 8), Repeat: 1},
		{Match: some(8, 16), Repeat: 1, Parallel: true},
		{Match: some(16, 22), Kind: twiliotest.StatusEvent, Order: []int{3, 1, 0, 2}},
		{Match: some(22, 28), Kind: twiliotest.StatusEvent, Order: []int{1, 0, 2, 3}},
		{Match: some(28, 34), Delay: longestLate / speed},
		{Match: some(34, 40), Kind: twiliotest.RecordingEvent, Delay: longestLate / speed},
	} {
		t.Meddle(m)
	}
	return t
}

// hook is where Twilio tells of something.
func hook(what string) string {
	return twilioPublic + twilio.Path(Twilio.name(), what) + twilio.TryAgain
}

// attribute is such an address in TwiML.
func attribute(what string) string {
	return `"` + strings.ReplaceAll(hook(what), "&", "&amp;") + `"`
}

// twilioNumbers are the lines and the ways in which calls enter.
func twilioNumbers() []twiliotest.Number {
	words := strings.NewReplacer(
		"EVENTS", `statusCallback=`+attribute("status")+` statusCallbackEvent="initiated ringing answered completed"`,
		"RECORDED", `record="record-from-answer" recordingStatusCallback=`+attribute("recording")+` recordingStatusCallbackEvent="completed absent"`,
		"MAILBOX", `action=`+attribute("voicemail")+` recordingStatusCallback=`+attribute("recording")+
			` recordingStatusCallbackEvent="completed absent" transcribe="true" transcribeCallback=`+attribute("transcription"),
		"MEETING", `statusCallback=`+attribute("conference")+` statusCallbackEvent="start end join leave hold"`,
		"LEFT", `action=`+attribute("queue"),
	)
	number := func(address, twiml string) twiliotest.Number {
		return twiliotest.Number{Number: address, Bin: "<Response>" + words.Replace(twiml) + "</Response>", StatusCallback: hook("status")}
	}
	var numbers []twiliotest.Number
	for i := range lines {
		line := fmt.Sprintf("+1555010000%d", i+1)
		numbers = append(numbers, number(line, "<Reject/>"),
			number(entry("out", i), `<Dial answerOnBridge="true" callerId="`+line+`" RECORDED><Number EVENTS>{{To}}</Number></Dial>`))
	}
	numbers = append(
		numbers, number(entry("in", 0), `<Dial><Client EVENTS>{{To}}</Client></Dial>`),
		number(entry("queue", 0), `<Enqueue LEFT>{{CallSid}}</Enqueue>`),
		number(entry("room", 0), `<Dial><Conference MEETING endConferenceOnExit="true">{{CallSid}}</Conference></Dial>`),
	)
	for i := range agents {
		own, other := strings.TrimPrefix(client(i), "client:"), strings.TrimPrefix(client((i+1)%agents), "client:")
		phones := `<Client EVENTS>` + own + `</Client><Client EVENTS>` + other + `</Client></Dial>`
		numbers = append(
			numbers, number(entry("ring", i), `<Dial answerOnBridge="true" timeout="40" RECORDED>`+phones),
			number(entry("unrecorded", i), `<Dial answerOnBridge="true" timeout="40">`+phones),
			number(entry("mailbox", i), `<Dial answerOnBridge="true" timeout="6"><Client EVENTS>`+own+
				`</Client></Dial><Say>Nobody can take your call. Please leave a message.</Say><Record MAILBOX/>`),
		)
	}
	return numbers
}

// caller is who calls on Twilio, and what the phones do that ring for him.
func (c *Call) caller() twiliotest.Caller {
	own, other := c.phones[0], (c.phones[0]+1)%agents
	t := twiliotest.Caller{From: c.From, To: c.To, Via: entry("ring", own), Name: c.scenario.Caller.Name}
	phone := twiliotest.Phone{Address: client(own), After: 4 * time.Second}
	switch c.Kind.Name {
	case "not recorded":
		t.Via = entry("unrecorded", own)
	case "missed":
		phone.Does, t.Patience = twiliotest.Rings, 6*time.Second
	case "queue":
		t.Via = entry("queue", 0)
	case "queue abandoned":
		t.Via, t.HangsUp = entry("queue", 0), 8*time.Second
	case "conference":
		t.Via = entry("room", 0)
	case "busy":
		phone.Does, phone.After, t.HangsUp = twiliotest.Busy, 0, 3*time.Second
	case "greeting":
		t.Via, phone.Does, t.HangsUp = entry("mailbox", own), twiliotest.Rings, 8*time.Second
	case "voicemail":
		t.Via, phone.Does, t.Says, t.Words = entry("mailbox", own), twiliotest.Rings, 10*time.Second, "Please call me back about my order."
	case "outbound", "unanswered":
		line := int(c.From[len(c.From)-1] - '1')
		t.From, t.Via, t.Name, phone.Address = client(own), entry("out", line), "", c.To
		if c.Kind.Name == "unanswered" {
			phone.Does, t.Patience = twiliotest.Rings, 6*time.Second
		}
	case "internal":
		to := client(c.phones[1])
		t.From, t.To, t.Via, t.Name, t.Talks, phone.Address = client(own), to, entry("in", 0), "", 10*time.Second, to
	}
	if t.Via == entry("queue", 0) || t.Via == entry("room", 0) {
		return t // nobody's phone rings for him
	}
	t.Meets = []twiliotest.Phone{phone}
	if phone.Address == client(own) && t.Via != entry("mailbox", own) {
		t.Meets = append(t.Meets, twiliotest.Phone{Address: client(other), Does: twiliotest.Rings})
	}
	return t
}

// playTwilio places a call and waits until it is over.
func (s *site) playTwilio(ctx context.Context, c *Call) error {
	begun := time.Now()
	sid, err := s.twilio.Call(c.caller()) //nolint:contextcheck // a call goes on until somebody hangs up, or Close
	if err != nil {
		return fmt.Errorf("place a call: %w", err)
	}
	c.named(sid)
	if c.Kind.Answered() {
		err = s.comeTo(ctx, c, sid, begun)
		s.talkOnTwilio(ctx, c, sid, begun)
		s.twilio.HangUp(sid)
	}
	select {
	case <-s.twilio.Done(sid):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	over, _ := s.twilio.CallBySID(sid)
	c.Start, c.End = over.Created, over.Ended
	c.Heard.Start, c.Heard.End = c.Start, c.End
	return err
}

// talkOnTwilio waits until the call may end: when the phone was picked up and it is in
// the journal who talks. Where the daemon was killed meanwhile, that may never be.
func (s *site) talkOnTwilio(ctx context.Context, c *Call, sid string, begun time.Time) {
	id, agent := Twilio.callID(sid), agentName(c.Agents[len(c.Agents)-1])
	talks := func() bool {
		call, _ := s.twilio.CallBySID(sid)
		return !call.Answered.IsZero()
	}
	meddled := (&person{s.witness, s.zendesk}).meddle(c)
	s.until(ctx, knownPatience, talks)
	s.until(ctx, twilioPatience, func() bool {
		return s.killedSince(begun) || s.witness.Talked(id, agent) && meddled(id)
	})
	wait(ctx, c.scenario.Hold.For)
}

// unheardRecordings are the calls of whose recordings a webhook told that nobody took.
func (s *site) unheardRecordings() map[string]bool {
	unheard := map[string]bool{}
	if s.twilio == nil {
		return unheard
	}
	for _, d := range s.twilio.Deliveries() {
		if d.Kind == twiliotest.RecordingEvent && d.Outcome != twiliotest.Delivered {
			unheard[Twilio.callID(d.CallSID)] = true
		}
	}
	return unheard
}

// soundOnTwilio is the recording of a call, as Twilio has it; nil if it has none.
func (s *site) soundOnTwilio(id string) []byte {
	for _, r := range s.twilio.Recordings() {
		if Twilio.callID(r.CallSID) == id {
			return twiliotest.MP3(r.SID, max(r.Length, shortestSound))
		}
	}
	return nil
}
