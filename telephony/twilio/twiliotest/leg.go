package twiliotest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Status is that of a call.
type Status string

// The statuses. Twilio docs: voice/api/call-resource.
const (
	Queued     Status = "queued"
	Initiated  Status = "initiated" // only ever heard of in a callback
	Ringing    Status = "ringing"
	InProgress Status = "in-progress"
	Completed  Status = "completed"
	BusyStatus Status = "busy"
	NoAnswer   Status = "no-answer"
	Failed     Status = "failed"
	Canceled   Status = "canceled"
)

// over reports whether nothing comes after the status.
func (s Status) over() bool {
	switch s {
	case Completed, BusyStatus, NoAnswer, Failed, Canceled:
		return true
	case Queued, Initiated, Ringing, InProgress:
	}
	return false
}

// The directions of calls.
const (
	inbound      = "inbound"
	outboundDial = "outbound-dial"
	outboundAPI  = "outbound-api"
)

// hook is where a call's progress is told.
type hook struct {
	target, method string
	events         []string // initiated ringing answered completed; nil is completed
}

func (h hook) wants(event string) bool {
	if len(h.events) == 0 {
		return event == "completed"
	}
	for _, e := range h.events {
		if strings.EqualFold(e, event) {
			return true
		}
	}
	return false
}

// person is who is at the other end of a leg.
type person struct {
	patience, talks time.Duration
	presses         []string
	says            time.Duration
	words           string
	stays           bool
}

// leg is one call resource, with one CallSid.
type leg struct {
	s          *Server
	sid        string
	parent     string
	from, to   string
	direction  string
	fields     url.Values // more parameters of all its requests
	hook       hook
	fallback   string // asked when TwiML could not be had
	number     string // the SID of the number that took it
	callerName string
	detects    bool // machine detection was asked for
	meets      []Phone
	forwarded  string

	ctx    context.Context // ends with the leg
	cancel context.CancelFunc

	// What follows is guarded by Server.mu.
	person     person
	status     Status
	created    time.Time
	started    time.Time // dialled, or came in
	answered   time.Time
	ended      time.Time
	sip        int
	answeredBy string
	queueTime  time.Duration
	recorded   *recording // by REST create
	sequence   int
	past       []legState
	redirect   *program // what REST wants to be run instead
	refused    bool     // its TwiML hung up
	interrupt  context.CancelCauseFunc
}

// legState is a leg as lists show it once they have caught up.
type legState struct {
	at                       time.Time
	status                   Status
	started, answered, ended time.Time
}

// newLeg makes a call resource; the caller does not hold the lock.
func (s *Server) newLeg(l *leg) *leg {
	l.s, l.sid = s, s.ids.sid("CA")
	l.ctx, l.cancel = context.WithCancel(s.life)
	s.mu.Lock()
	defer s.mu.Unlock()
	l.created = s.clock.now()
	if l.status != Queued {
		l.started = l.created
	}
	l.note()
	s.legs[l.sid] = l
	s.order = append(s.order, l)
	return l
}

// note remembers the state for lists that lag; the caller holds the lock.
func (l *leg) note() {
	l.past = append(l.past, legState{l.s.clock.now(), l.status, l.started, l.answered, l.ended})
}

// ring tells that the leg is dialled, or that it rings.
func (l *leg) progress(status Status) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.status.over() {
		return
	}
	l.status = status
	if status == Initiated {
		l.status, l.started = Queued, l.s.clock.now()
	}
	l.note()
	l.tell(status)
}

// answer has the leg be in progress, once.
func (l *leg) answer() {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.status.over() || !l.answered.IsZero() {
		return
	}
	l.status, l.answered = InProgress, l.s.clock.now()
	l.note()
	l.tell(InProgress)
}

// finish ends the leg, once. A leg that was answered is completed, whatever status is asked for.
func (l *leg) finish(status Status, sip int) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.status.over() {
		return
	}
	if !l.answered.IsZero() {
		status, sip = Completed, http.StatusOK
	}
	l.status, l.sip, l.ended = status, sip, l.s.clock.now()
	l.note()
	l.cancel()
	if l.recorded != nil {
		l.recorded.stop()
	}
	l.tell(status)
}

// hangUp ends the leg as its own party does: nobody had answered, or the talk is over.
func (l *leg) hangUp() { l.finish(NoAnswer, sipTerminated) }

// What SIP answers a call that comes to nothing with.
const (
	sipNotFound   = 404
	sipBusy       = 486
	sipTerminated = 487 // nobody answered in time, or the caller gave up
	sipDecline    = 603
)

// isUp reports whether the leg was answered and is not over.
func (l *leg) isUp() bool {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.status == InProgress
}

// seconds is how long the leg was up; the caller holds the lock. It is rounded up: an answered call has a duration.
func (l *leg) seconds() int {
	if l.answered.IsZero() || l.ended.IsZero() {
		return 0
	}
	return wholeSeconds(l.ended.Sub(l.answered))
}

func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// eventNames are what hooks call the statuses.
var eventNames = map[Status]string{Initiated: "initiated", Ringing: "ringing", InProgress: "answered"}

// tell posts a status callback; the caller holds the lock.
func (l *leg) tell(status Status) {
	event := eventNames[status]
	if status.over() {
		event = "completed"
	}
	if l.hook.target == "" || !l.hook.wants(event) {
		return
	}
	form := l.form()
	form.Set("CallStatus", string(status))
	form.Set("Timestamp", stamp(l.s.clock.now()))
	form.Set("CallbackSource", "call-progress-events")
	form.Set("SequenceNumber", fmt.Sprint(l.sequence))
	l.sequence++
	if status.over() {
		seconds := l.seconds()
		form.Set("CallDuration", fmt.Sprint(seconds))
		form.Set("Duration", fmt.Sprint((seconds+59)/60)) // minutes, unlike the other
		form.Set("SipResponseCode", fmt.Sprint(l.sip))
		if l.recorded != nil {
			l.recorded.describe(form)
		}
	}
	if l.answeredBy != "" {
		form.Set("AnsweredBy", l.answeredBy)
	}
	l.s.post(message{
		kind: StatusEvent, call: l.sid, line: l.sid, method: l.hook.method, target: l.hook.target, form: form, last: status.over(),
	})
}

// stamp is a time as callbacks and resources have it: RFC 2822, UTC, whole seconds.
func stamp(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000") }

// form are the parameters of every request about the leg; the caller holds the lock.
//
// Twilio docs: voice/twiml#request-parameters.
func (l *leg) form() url.Values {
	status := l.status
	if status == "" {
		status = Ringing
	}
	form := url.Values{
		"AccountSid": {l.s.config.AccountSID}, "ApiVersion": {apiVersion}, "CallSid": {l.sid}, "CallStatus": {string(status)},
		"From": {l.from}, "To": {l.to}, "Caller": {l.from}, "Called": {l.to}, "Direction": {l.direction},
	}
	if l.parent != "" {
		form.Set("ParentCallSid", l.parent)
	}
	if l.forwarded != "" {
		form.Set("ForwardedFrom", l.forwarded)
	}
	if l.callerName != "" {
		form.Set("CallerName", l.callerName)
	}
	maps.Copy(form, l.fields)
	return form
}

// params are the same for who does not hold the lock.
func (l *leg) params() url.Values {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.form()
}

// setPlace adds where both sides are from. Twilio names all parts, or leaves all out for what is no number.
func setPlace(form url.Values, side, double string, p Place) {
	for key, value := range map[string]string{"City": p.City, "State": p.State, "Zip": p.Zip, "Country": p.Country} {
		form.Set(side+key, value)
		form.Set(double+key, value)
	}
}

// phone is who has an address, as he behaves towards a call; the caller holds the lock.
func (s *Server) phone(l *leg) (Phone, bool) {
	if parent := s.legs[l.parent]; parent != nil {
		for _, p := range parent.meets {
			if p.Address == l.to {
				return p, true
			}
		}
	}
	p, known := s.phones[l.to]
	return p, known
}

// pause waits as long as a call does; it reports false if ctx ended first.
func (s *Server) pause(ctx context.Context, d time.Duration) bool {
	return s.clock.wait(ctx, s.clock.scaled(d))
}

// errRedirected says that REST has the leg run something else.
var errRedirected = errors.New("redirected by the REST API")
