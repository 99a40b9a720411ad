package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/telephony/twilio"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// demoPublic is where the simulated Twilio reaches the daemon: it signs for this
// address, and its requests take the way through loopback.
const demoPublic = "https://talkbridge.example.com"

// demoClients are the browsers that the agents telephone with.
var demoClients = []string{"client:alice", "client:bob", "client:carol"}

// The applications that agents call through: out, and each other.
const (
	demoAppOut = "app:out"
	demoAppIn  = "app:in"
)

// demoTwilio is a simulated Twilio whose account keeps its TwiML itself, and
// points its callbacks at the daemon.
type demoTwilio struct {
	*twiliotest.Server

	mu    sync.Mutex
	kinds map[string]string // of calls, by their CallSids
}

// startDemoTwilio starts the account.
func startDemoTwilio(speed float64) (*demoTwilio, error) {
	d := &demoTwilio{
		Server: twiliotest.New(twiliotest.Config{Numbers: demoNumbers(), Speed: speed, Seed: uint64(time.Now().UnixNano())}), kinds: make(map[string]string),
	}
	if err := d.Start(""); err != nil {
		return nil, fmt.Errorf("start the simulated Twilio: %w", err)
	}
	return d, nil
}

// demoNumbers are the lines, each with an agent's browser and a mailbox, and the
// applications of the agents.
func demoNumbers() []twiliotest.Number {
	hook := func(what string) string { return demoPublic + twilio.Path(demoSource, what) + twilio.TryAgain }
	words := strings.NewReplacer(
		"EVENTS", `statusCallback="`+escapeXML(hook("status"))+`" statusCallbackEvent="initiated ringing answered completed"`,
		"MAILBOX", `action="`+escapeXML(hook("voicemail"))+`" recordingStatusCallback="`+escapeXML(hook("recording"))+
			`" recordingStatusCallbackEvent="completed absent" transcribe="true" transcribeCallback="`+escapeXML(hook("transcription"))+`"`,
	)
	number := func(address, twiml string) twiliotest.Number {
		return twiliotest.Number{Number: address, Bin: "<Response>" + words.Replace(twiml) + "</Response>", StatusCallback: hook("status")}
	}
	numbers := []twiliotest.Number{
		number(demoAppOut, `<Dial callerId="`+demoDID(0)+`"><Number EVENTS>{{To}}</Number></Dial>`),
		number(demoAppIn, `<Dial><Client EVENTS>{{To}}</Client></Dial>`),
	}
	for i, client := range demoClients {
		numbers = append(numbers, number(demoDID(i), `<Dial answerOnBridge="true" timeout="8"><Client EVENTS>`+
			strings.TrimPrefix(client, "client:")+`</Client></Dial><Say>Nobody can take your call. Please leave a message.</Say><Record MAILBOX/>`))
	}
	return numbers
}

func escapeXML(s string) string { return strings.ReplaceAll(s, "&", "&amp;") }

func demoDID(i int) string { return fmt.Sprintf("+1555010000%d", i%demoDIDs+1) }

// configure is what a user would write for this account.
func (d *demoTwilio) configure(cfg *config.Config) {
	cfg.Sources = []config.Source{{Name: demoSource, Twilio: &config.Twilio{
		AccountSID: d.AccountSID(), AuthToken: config.NewSecret(d.AuthToken()), Mode: config.TwilioObserve, PublicURL: demoPublic, APIURL: d.URL(),
	}}}
	for i := range cfg.Agents {
		cfg.Agents[i].Numbers = []string{demoClients[i]}
	}
}

// reach leads callbacks to the daemon.
func (d *demoTwilio) reach(address string) { d.SetTransport(twiliotest.Via(address)) }

// play places the i-th call, of the kind of a scenario, and waits for its end.
func (d *demoTwilio) play(ctx context.Context, i int, s asterisktest.Scenario) error {
	sid, err := d.Call(demoCaller(i, s)) //nolint:contextcheck // a call goes on until somebody hangs up, or Close
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.kinds[sid] = s.Kind
	d.mu.Unlock()
	select {
	case <-d.Done(sid):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// demoCaller is who calls, and what the phones do that ring for him.
func demoCaller(i int, s asterisktest.Scenario) twiliotest.Caller {
	client := demoClients[i%len(demoClients)]
	c := twiliotest.Caller{From: s.Caller.Number, To: demoDID(i), Name: s.Caller.Name, Place: twiliotest.Place{City: "HAMBURG", Country: "DE"}}
	phone := twiliotest.Phone{Address: client, After: 5 * time.Second}
	switch s.Kind {
	case "inbound":
		c.Talks = 15 * time.Second
	case "withheld":
		c.From, c.Name, c.Place, c.Talks = "anonymous", "", twiliotest.Place{}, 15*time.Second
	case "missed":
		phone.Does, c.Patience = twiliotest.Rings, 6*time.Second
	case "busy":
		phone.Does, phone.After, c.HangsUp = twiliotest.Busy, 0, 3*time.Second
	case "greeting":
		phone.Does, c.HangsUp = twiliotest.Rings, 10*time.Second
	case "voicemail":
		phone.Does, c.Says, c.Words = twiliotest.Rings, 10*time.Second, "Please call me back about my order."
	case "outbound", "unanswered":
		phone.Address = "+49" + strings.TrimPrefix(s.Caller.Number, "0")
		c.From, c.To, c.Via, c.Name, c.Talks = client, phone.Address, demoAppOut, "", 15*time.Second
		if s.Kind == "unanswered" {
			phone.Does, c.Patience = twiliotest.Rings, 8*time.Second
		}
	case "internal":
		phone.Address = demoClients[(i+1)%len(demoClients)]
		c.From, c.To, c.Via, c.Name, c.Talks = client, phone.Address, demoAppIn, "", 10*time.Second
	}
	c.Meets = []twiliotest.Phone{phone}
	return c
}

// calls are those that were placed: their other legs are none of their own.
func (d *demoTwilio) calls() []demoCall {
	d.mu.Lock()
	defer d.mu.Unlock()
	var calls []demoCall
	for _, c := range d.Calls() {
		if kind, placed := d.kinds[c.SID]; placed {
			calls = append(calls, demoCall{c.SID, kind, c.Started, c.Ended, true})
		}
	}
	return calls
}
