package torture

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

const (
	// clientTime is how long a client rings before it is answered.
	clientTime = 2 * time.Second
	// overlap is how long two agents hear a caller before the first one leaves. What
	// Twilio tells has whole seconds.
	overlap = 1100 * time.Millisecond
)

// clients are the agents' browsers, where a call says nothing else of them.
func clients() []twiliotest.Phone {
	phones := make([]twiliotest.Phone, agents)
	for i := range phones {
		phones[i] = twiliotest.Phone{Address: client(i), After: clientTime}
	}
	return phones
}

// comeTo brings the agents to a caller for whom no phone rings: an application of the
// account has Twilio call them. One takes him out of a queue; or two come into his
// conference, one after the other, and the first leaves.
func (s *site) comeTo(ctx context.Context, c *Call, sid string, begun time.Time) error {
	switch c.Kind.Name {
	case "queue":
		takes := "<Response><Dial><Queue url=" + attribute("queue") + ">" + sid + "</Queue></Dial></Response>"
		_, err := s.order(ctx, c, 0, "/Calls.json", url.Values{"Twiml": {takes}})
		return err
	case "conference":
		return s.handOver(ctx, c, sid, begun)
	}
	return nil
}

// handOver has two agents come into a caller's conference, and the first leave.
func (s *site) handOver(ctx context.Context, c *Call, sid string, begun time.Time) error {
	room := "/Conferences/" + sid + "/Participants.json"
	first, err := s.order(ctx, c, 0, room, into())
	if err != nil {
		return err
	}
	s.until(ctx, twilioPatience, func() bool {
		return s.killedSince(begun) || s.witness.Talked(Twilio.callID(sid), agentName(c.Agents[0]))
	})
	second, err := s.order(ctx, c, 1, room, into())
	if err != nil {
		return err
	}
	s.until(ctx, knownPatience, func() bool {
		call, _ := s.twilio.CallBySID(second)
		return !call.Answered.IsZero()
	})
	wait(ctx, overlap)
	s.twilio.HangUp(first)
	wait(ctx, overlap)
	return nil
}

// into are the parameters of somebody who is called into a conference.
func into() url.Values {
	return url.Values{"ConferenceStatusCallback": {hook("conference")}, "ConferenceStatusCallbackEvent": {"start", "end", "join", "leave", "hold"}}
}

// order has Twilio call an agent, by its API, and returns the SID of the call.
func (s *site) order(ctx context.Context, c *Call, agent int, path string, form url.Values) (string, error) {
	phone := client(c.Agents[agent])
	form.Set("From", c.To)
	form.Set("To", phone)
	form.Set("StatusCallback", hook("status"))
	form["StatusCallbackEvent"] = []string{"initiated", "ringing", "answered", "completed"}
	sid, err := s.place(ctx, path, form)
	if err != nil {
		return "", fmt.Errorf("call %s: %w", phone, err)
	}
	return sid, nil
}

// place has Twilio place a call, and returns its SID.
func (s *site) place(ctx context.Context, path string, form url.Values) (string, error) {
	address := s.twilio.URL() + "/2010-04-01/Accounts/" + s.twilio.AccountSID() + path
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(s.twilio.AccountSID(), s.token)
	answer, err := loopback.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("status %s", answer.Status)
	}
	var placed struct {
		SID     string `json:"sid"`
		CallSID string `json:"call_sid"` // of a participant
	}
	if err := json.NewDecoder(answer.Body).Decode(&placed); err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return cmp.Or(placed.CallSID, placed.SID), nil
}
