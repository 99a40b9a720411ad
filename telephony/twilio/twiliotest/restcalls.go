package twiliotest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// calls are the operations on Calls and what is below it.
func (c *call) calls(rest []string) reply {
	switch {
	case len(rest) == 0 && c.method == http.MethodGet:
		return c.listCalls()
	case len(rest) == 0 && c.method == http.MethodPost:
		return c.createCall()
	case len(rest) == 0:
		return notFound(c)
	}
	c.s.mu.Lock()
	l := c.s.legs[rest[0]]
	c.s.mu.Unlock()
	switch {
	case l == nil:
		return notFound(c)
	case len(rest) == 2 && rest[1] == "Recordings" && c.method == http.MethodGet:
		c.query.Set("CallSid", l.sid)
		return c.listRecordings()
	case len(rest) == 2 && rest[1] == "Recordings" && c.method == http.MethodPost:
		return c.startRecording(l)
	case len(rest) == 1 && c.method == http.MethodPost:
		return c.updateCall(l)
	case len(rest) == 1 && c.method == http.MethodGet:
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		return reply{status: http.StatusOK, value: l.wire(l.past[len(l.past)-1])}
	}
	return notFound(c)
}

// wire is the call as a resource, in a state; the caller holds the lock.
//
// Twilio docs: voice/api/call-resource.
func (l *leg) wire(state legState) map[string]any {
	uri := accountPath(l.s.config.AccountSID) + "/Calls/" + l.sid
	duration := any(nil)
	status := state.status
	if status.over() && !state.answered.IsZero() {
		duration = fmt.Sprint(wholeSeconds(state.ended.Sub(state.answered)))
	} else if status.over() {
		duration = "0"
	}
	return map[string]any{
		"sid": l.sid, "account_sid": l.s.config.AccountSID, "parent_call_sid": orNil(l.parent), "from": l.from, "to": l.to,
		"from_formatted": l.from, "to_formatted": l.to, "status": string(status), "direction": l.direction,
		"date_created": stamp(l.created), "date_updated": stamp(state.at), "start_time": stampOrNil(state.started),
		"end_time": stampOrNil(state.ended), "duration": duration, "answered_by": orNil(l.answeredBy), "api_version": apiVersion,
		"caller_name": l.callerName, "forwarded_from": l.forwarded, "group_sid": nil, "phone_number_sid": l.number, "annotation": nil,
		"price": nil, "price_unit": "USD", "queue_time": fmt.Sprint(l.queueTime.Milliseconds()), "trunk_sid": "", "uri": uri + ".json",
		"subresource_uris": map[string]string{"recordings": uri + "/Recordings.json", "notifications": uri + "/Notifications.json"},
	}
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func stampOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

// seen is the newest state that a list shows by now; false says that it does not show the call yet.
func (l *leg) seen(by time.Time) (legState, bool) {
	for _, state := range slices.Backward(l.past) {
		if !state.at.After(by) {
			return state, true
		}
	}
	return legState{}, false
}

// listed is a call in a state.
type listed struct {
	l     *leg
	state legState
}

// listCalls lists newest first, as of some time ago.
func (c *call) listCalls() reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	started, ended := daysOf(c.query, "StartTime"), daysOf(c.query, "EndTime")
	by := c.s.clock.now().Add(-c.s.config.ListLag)
	var found []listed
	for _, l := range slices.Backward(c.s.order) {
		state, visible := l.seen(by)
		if visible && c.asks(l, state) && started.has(state.started) && ended.has(state.ended) {
			found = append(found, listed{l, state})
		}
	}
	return listing(c, "calls", found, func(f listed) any { return f.l.wire(f.state) })
}

// asks reports whether the query is for such a call. Its parameters are case-sensitive, and others are ignored.
func (c *call) asks(l *leg, state legState) bool {
	is := func(key, value string) bool { return c.query.Get(key) == "" || c.query.Get(key) == value }
	return is("To", l.to) && is("From", l.from) && is("ParentCallSid", l.parent) && is("Status", string(state.status))
}

// refused is why a call is not created; the zero reply says that it is.
//
// Twilio docs: api/errors, by code.
func (c *call) refused() reply {
	to, from := c.form.Get("To"), c.form.Get("From")
	bad := func(code int, text string) reply { return problem(http.StatusBadRequest, code, text) }
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	switch {
	case to == "":
		return bad(21201, "No 'To' number is specified")
	case from == "":
		return bad(21213, "No 'From' number is specified")
	case !strings.HasPrefix(to, "client:") && !strings.HasPrefix(to, "sip:") && !isE164(to):
		return bad(21211, "The 'To' number "+to+" is not a valid phone number")
	case c.s.isForbidden(to):
		return bad(21215, "Account not authorized to call "+to+". Perhaps you need to enable some international permissions: "+
			"https://www.twilio.com/console/voice/calls/geo-permissions/low-risk")
	case !strings.HasPrefix(from, "client:") && !isE164(from):
		return bad(21212, "The 'From' number "+from+" is not a valid phone number or shortcode")
	case isE164(from) && c.s.number(from) == nil && !slices.Contains(c.s.config.Verified, from):
		return bad(21210, "The source phone number provided, "+from+", is not yet verified for your account")
	case c.form.Get("Url") == "" && c.form.Get("Twiml") == "":
		return bad(21205, "Url parameter is required")
	}
	return reply{}
}

func isE164(number string) bool {
	digits, plus := strings.CutPrefix(number, "+")
	return plus && len(digits) >= 7 && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}

// createCall calls somebody and runs TwiML when he answers. Twice asked is twice done.
func (c *call) createCall() reply {
	if rep := c.refused(); rep.status != 0 {
		return rep
	}
	l, p, rep := c.newOutbound(c.form.Get("To"))
	if rep.status != 0 {
		return rep
	}
	first := &ask{Document, c.form.Get("Url"), c.form.Get("Method"), nil}
	c.s.begin(func() {
		c.s.place(l, c.form, func() {
			if p == nil {
				p = c.s.fetchProgram(l, *first)
			}
			c.s.execute(l, p)
		})
	})
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return reply{status: http.StatusCreated, value: l.wire(l.past[0])}
}

// newOutbound makes the leg of a REST request, and its TwiML if that came along.
func (c *call) newOutbound(to string) (*leg, *program, reply) {
	var p *program
	if text := c.form.Get("Twiml"); text != "" {
		body, warnings, err := parse([]byte(text))
		if err != nil {
			return nil, nil, problem(http.StatusBadRequest, 12100, err.Error())
		}
		for _, w := range warnings {
			c.s.alert(12200, "", "", w)
		}
		p = &program{body: body}
	}
	l := c.s.newLeg(&leg{
		from: c.form.Get("From"), to: to, direction: outboundAPI, status: Queued, fields: url.Values{}, fallback: c.form.Get("FallbackUrl"),
		detects: c.form.Get("MachineDetection") != "",
		hook:    hook{c.form.Get("StatusCallback"), c.form.Get("StatusCallbackMethod"), splitEvents(c.form["StatusCallbackEvent"])},
	})
	c.s.pacer.queue(l)
	return l, p, reply{}
}

// splitEvents reads a repeated parameter, each of which may name several.
func splitEvents(values []string) []string { return strings.Fields(strings.Join(values, " ")) }

// place waits for its turn, rings, and runs then when somebody answers. The leg is over when it returns.
func (s *Server) place(l *leg, form url.Values, then func()) {
	if !s.clock.wait(l.ctx, l.queueTime) {
		return
	}
	silence := make(chan struct{})
	ringing, stop := context.WithCancel(l.ctx)
	defer stop()
	timeout := time.Duration(min(atoi(form.Get("Timeout"), 60), 600)) * time.Second
	over := s.after(ringing, timeout+ringStart)
	s.begin(func() {
		select {
		case <-over:
			close(silence)
		case <-ringing.Done():
		}
	})
	if !s.ring(l, silence) {
		l.finish(NoAnswer, sipTerminated)
		return
	}
	stop()
	l.answer()
	if strings.EqualFold(form.Get("Record"), "true") {
		r := s.startRecording(l, recording{
			source: "OutboundAPI", channels: 1 + btoi(form.Get("RecordingChannels") == "dual"),
			hook: hook{form.Get("RecordingStatusCallback"), form.Get("RecordingStatusCallbackMethod"), splitEvents(form["RecordingStatusCallbackEvent"])},
		})
		s.mu.Lock()
		l.recorded = r
		s.mu.Unlock()
	}
	then()
	l.hangUp()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// updateCall ends a call or has it run something else.
func (c *call) updateCall(l *leg) reply {
	switch status := Status(c.form.Get("Status")); {
	case status == Completed:
		l.finish(Canceled, sipTerminated)
	case status == Canceled && !l.isUp():
		l.finish(Canceled, sipTerminated)
	case status != "" && status != Canceled:
		return problem(http.StatusBadRequest, 21218, "Invalid status "+string(status))
	}
	if c.form.Get("Url") != "" || c.form.Get("Twiml") != "" {
		if !l.isUp() {
			return problem(http.StatusBadRequest, 21220, "Call is not in-progress. Cannot redirect.")
		}
		if rep := c.redirect(l); rep.status != 0 {
			return rep
		}
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return reply{status: http.StatusOK, value: l.wire(l.past[len(l.past)-1])}
}

// redirect replaces what a call runs. TwiML by URL is fetched first: until then the call goes on as it was.
func (c *call) redirect(l *leg) reply {
	apply := func(p *program) {
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		l.redirect = p
		if l.interrupt != nil {
			l.interrupt(errRedirected)
		}
	}
	if text := c.form.Get("Twiml"); text != "" {
		body, _, err := parse([]byte(text))
		if err != nil {
			return problem(http.StatusBadRequest, 12100, err.Error())
		}
		apply(&program{body: body})
		return reply{}
	}
	a := ask{Document, c.form.Get("Url"), c.form.Get("Method"), nil}
	c.s.begin(func() {
		if p := c.s.fetchProgram(l, a); p != nil {
			apply(p)
		}
	})
	return reply{}
}

// startRecording records a call until it is over.
func (c *call) startRecording(l *leg) reply {
	if !l.isUp() {
		return problem(http.StatusBadRequest, 21220, "Requested resource is not eligible for recording")
	}
	r := c.s.startRecording(l, recording{
		source: "StartCallRecordingAPI", channels: 1 + btoi(c.form.Get("RecordingChannels") == "dual"),
		hook: hook{
			c.form.Get("RecordingStatusCallback"), c.form.Get("RecordingStatusCallbackMethod"), splitEvents(c.form["RecordingStatusCallbackEvent"]),
		},
	})
	c.s.begin(func() {
		<-l.ctx.Done()
		r.finish(0)
	})
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return reply{status: http.StatusCreated, value: r.wire(r.started)}
}

// pacer starts calls of the REST API, so many a second.
type pacer struct {
	s     *Server
	every time.Duration
	next  time.Time // guarded by Server.mu
}

func newPacer(s *Server, cps float64) *pacer {
	p := &pacer{s: s}
	if cps > 0 {
		p.every = time.Duration(float64(time.Second) / cps)
	}
	return p
}

// queue gives a leg its turn, in the order in which they were asked for.
func (p *pacer) queue(l *leg) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	now := p.s.clock.now()
	turn := now
	if p.next.After(now) {
		turn = p.next
	}
	p.next = turn.Add(p.every)
	l.queueTime = turn.Sub(now)
}
