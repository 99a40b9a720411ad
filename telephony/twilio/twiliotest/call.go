package twiliotest

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Call is one call resource as it stands: a value, which does not change when the call does.
type Call struct {
	SID, Parent string
	From, To    string
	Direction   string
	Status      Status
	// Created is when the resource came to be; the others are zero until they happen.
	Created, Started, Answered, Ended time.Time
	// SIP is the response code at the end.
	SIP int
}

// Duration is how long the call was up, 0 if it was not answered or is not over.
func (c Call) Duration() time.Duration {
	if c.Answered.IsZero() || c.Ended.IsZero() {
		return 0
	}
	return c.Ended.Sub(c.Answered)
}

// Call places a call from outside, and returns its SID at once. The number's VoiceURL is asked, and what it answers is
// run until the call is over. It fails if nobody has the number.
//
// Twilio docs: voice/twiml, voice/api/receiving-sip.
func (s *Server) Call(c Caller) (string, error) {
	via := c.Via
	if via == "" {
		via = c.To
	}
	s.mu.Lock()
	number := s.number(via)
	s.mu.Unlock()
	if number == nil {
		return "", fmt.Errorf("place call: the account has no number %s", via)
	}
	l := s.newLeg(&leg{
		from: c.From, to: c.To, direction: inbound, status: Ringing, callerName: c.Name, forwarded: c.Forwarded,
		fields: fieldsOf(c, number), fallback: number.FallbackURL, number: numberSID(number.Number), meets: slices.Clone(c.Meets),
		hook: hook{number.StatusCallback, number.StatusMethod, nil},
		person: person{
			patience: c.Patience, talks: c.Talks, presses: slices.Clone(c.Presses), says: c.Says, words: c.Words, stays: c.Stays,
		},
	})
	first := url.Values{}
	for key, value := range c.Extra {
		first.Set(key, value)
	}
	s.begin(func() {
		s.runCall(l, c.HangsUp, func() *program {
			if number.Bin != "" {
				return s.binned(l, number.Bin)
			}
			return s.fetchProgram(l, ask{Incoming, number.VoiceURL, number.VoiceMethod, first})
		})
	})
	return l.sid, nil
}

// binned is TwiML of the account's own, with the parameters of the call filled in. TwiML that is none is an application
// error.
func (s *Server) binned(l *leg, bin string) *program {
	var pairs []string
	for key, values := range l.params() {
		pairs = append(pairs, "{{"+key+"}}", html.EscapeString(values[0]))
	}
	body, warnings, err := parse([]byte(strings.NewReplacer(pairs...).Replace(bin)))
	for _, w := range warnings {
		s.alert(12200, l.sid, "", w)
	}
	if err != nil {
		s.alert(12100, l.sid, "", err.Error())
		s.apologise(l)
		return nil
	}
	return &program{body: body}
}

// runCall runs a leg that came in from its first document to its end.
func (s *Server) runCall(l *leg, hangsUp time.Duration, first func() *program) {
	if hangsUp > 0 {
		s.begin(func() {
			if s.pause(l.ctx, hangsUp) {
				l.hangUp()
			}
		})
	}
	if p := first(); p != nil {
		s.execute(l, p)
	}
	l.hangUp()
}

// fieldsOf are parameters that every request about a call that came in has.
func fieldsOf(c Caller, number *Number) url.Values {
	fields := url.Values{}
	switch {
	case strings.HasPrefix(c.From, "sip:"):
		_, domain, _ := strings.Cut(strings.TrimPrefix(c.To, "sip:"), "@")
		user, rest, _ := strings.Cut(strings.TrimPrefix(c.From, "sip:"), "@")
		fields.Set("SipDomain", domain)
		fields.Set("SipDomainSid", "SD"+numberSID(domain)[2:])
		fields.Set("SipUsername", user)
		fields.Set("SipCallId", numberSID(c.From + c.To)[2:]+"@"+rest)
		fields.Set("SipSourceIp", "192.0.2.10")
		for key, value := range c.SIP {
			fields.Set("SipHeader_"+key, value)
		}
	case strings.HasPrefix(c.From, "client:"):
		fields.Set("ApplicationSid", "AP"+numberSID(number.Number)[2:])
	default:
		setPlace(fields, "From", "Caller", c.Place)
		setPlace(fields, "To", "Called", number.Place)
	}
	return fields
}

// Calls are all call resources, in the order in which they came to be.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make([]Call, 0, len(s.order))
	for _, l := range s.order {
		calls = append(calls, l.view())
	}
	return calls
}

// CallBySID is one of them; false if there is none.
func (s *Server) CallBySID(sid string) (Call, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.legs[sid]
	if l == nil {
		return Call{}, false
	}
	return l.view(), true
}

// view is the leg as a value; the caller holds the lock.
func (l *leg) view() Call {
	return Call{
		SID: l.sid, Parent: l.parent, From: l.from, To: l.to, Direction: l.direction, Status: l.status, Created: l.created,
		Started: l.started, Answered: l.answered, Ended: l.ended, SIP: l.sip,
	}
}

// HangUp has the party of a call hang up, as its caller or as the phone that was called. A call that is over, or
// unknown, is left alone.
func (s *Server) HangUp(sid string) {
	s.mu.Lock()
	l := s.legs[sid]
	s.mu.Unlock()
	if l != nil {
		l.hangUp()
	}
}

// Done is closed when the call is over, or if there is none.
func (s *Server) Done(sid string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.legs[sid]; l != nil {
		return l.ctx.Done()
	}
	done := make(chan struct{})
	close(done)
	return done
}

// Past is a call that was over before anybody looked.
type Past struct {
	// SID is made if it is "". Parent is that of the caller's leg.
	SID, Parent string
	From, To    string
	Direction   string // "inbound" if it is ""
	Status      Status // Completed if it is ""
	Start       time.Time
	// Length is how long it was up; 0 was not answered.
	Length time.Duration
	// Rang is how long it rang before that.
	Rang time.Duration
	// Recorded makes a recording of it.
	Recorded bool
}

// Remember puts a call into the account that nobody was told of, and returns its SID.
func (s *Server) Remember(p Past) string {
	l := &leg{
		s: s, sid: p.SID, parent: p.Parent, from: p.From, to: p.To, direction: p.Direction, status: p.Status, fields: url.Values{},
		created: p.Start, started: p.Start, ended: p.Start.Add(p.Rang + p.Length), sip: http.StatusOK,
	}
	if l.sid == "" {
		l.sid = s.ids.sid("CA")
	}
	if l.direction == "" {
		l.direction = inbound
	}
	if l.status == "" {
		l.status = Completed
	}
	if p.Length > 0 {
		l.answered = p.Start.Add(p.Rang)
	}
	l.ctx, l.cancel = context.WithCancel(s.life)
	l.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	l.past = []legState{{l.ended, l.status, l.started, l.answered, l.ended}}
	s.legs[l.sid] = l
	at := len(s.order)
	for at > 0 && s.order[at-1].created.After(l.created) {
		at--
	}
	s.order = slices.Insert(s.order, at, l)
	if p.Recorded {
		r := &recording{
			s: s, sid: s.ids.sid("RE"), call: l.sid, source: "DialVerb", channels: 1, started: l.answered, ended: l.ended,
			ready: l.ended, length: p.Length, past: true,
		}
		s.recordings = append(s.recordings, r)
		s.byRecording[r.sid] = r
	}
	return l.sid
}
