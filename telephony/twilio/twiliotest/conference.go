package twiliotest

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Why somebody is not in a conference any more. Twilio docs: voice/twiml/conference.
const (
	hungUpThere    = "participant_hung_up"
	updatedByAPI   = "participant_updated_via_api"
	moderatorEnded = "moderator_ended_conference"
	endedByAPI     = "conference_ended_via_api"
	addFailed      = "participant_add_failed"
)

// conference is a room in which calls hear each other. All fields are guarded by Server.mu.
type conference struct {
	sid, name string
	created   time.Time
	started   bool
	ended     bool
	hook      hook // the first participant's
	sequence  int
	inside    []*participant
	recorded  *recording
}

// participant is one call in it.
type participant struct {
	l                     *leg
	label                 string
	muted, held           bool
	starts, ends          bool // startConferenceOnEnter, endConferenceOnExit
	out                   chan struct{}
	reason                string
	coaching              bool
	joined                time.Time
	recordingHook         hook
	recordsFromBeginnings bool
}

// conferenceNamed returns the one of that name that goes on, which comes to be when it is named; the caller holds the
// lock.
func (s *Server) conferenceNamed(name string) *conference {
	for _, c := range s.conferences {
		if c.name == name && !c.ended {
			return c
		}
	}
	c := &conference{sid: s.ids.sid("CF"), name: name, created: s.clock.now()}
	s.conferences = append(s.conferences, c)
	return c
}

// joinConference puts the leg into a room until it leaves.
//
// Twilio docs: voice/twiml/conference.
func (r *run) joinConference(n node) dialled {
	p := &participant{
		l: r.l, label: n.attrs["participantLabel"], muted: n.is("muted"), starts: n.attr("startConferenceOnEnter", "true") == "true",
		ends: n.is("endConferenceOnExit"), recordingHook: r.recordingHook(n), recordsFromBeginnings: n.attrs["record"] == "record-from-start",
	}
	h := hook{r.resolved(n.attrs["statusCallback"]), n.attrs["statusCallbackMethod"], n.words("statusCallbackEvent")}
	r.s.sit(r.ctx, n.text, h, p)
	return dialled{status: "answered"}
}

// sit is a participant from when he comes until he is gone.
func (s *Server) sit(ctx context.Context, name string, h hook, p *participant) {
	c := s.enter(name, h, p)
	talking, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	talks := p.l.person.talks
	s.mu.Unlock()
	reason := hungUpThere
	select {
	case <-p.out:
		reason = p.reason
	case <-s.after(talking, talks):
		p.l.hangUp()
	case <-ctx.Done():
		if p.l.ctx.Err() == nil {
			reason = updatedByAPI // it was redirected
		}
	}
	s.leave(c, p, reason)
}

// enter is a join, and the start if he is the second.
func (s *Server) enter(name string, h hook, p *participant) *conference {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conferenceNamed(name)
	p.out, p.joined = make(chan struct{}), s.clock.now()
	c.inside = append(c.inside, p)
	if c.hook.target == "" {
		c.hook = h
	}
	s.tellOf(c, p, "participant-join", "join", nil)
	if !c.started && len(c.inside) >= 2 && slices.ContainsFunc(c.inside, func(p *participant) bool { return p.starts }) {
		c.started = true
		s.tellOf(c, nil, "conference-start", "start", nil)
		if p.recordsFromBeginnings || c.inside[0].recordsFromBeginnings {
			where := p.recordingHook
			if where.target == "" {
				where = c.inside[0].recordingHook
			}
			s.begin(func() { s.recordConference(c, where) })
		}
	}
	return c
}

// recordConference begins the one recording of a conference, with one channel, which names the conference.
func (s *Server) recordConference(c *conference, h hook) {
	r := s.newRecording(recording{conference: c.sid, source: "Conference", channels: 1, hook: h})
	s.mu.Lock()
	defer s.mu.Unlock()
	c.recorded = r
	if c.ended {
		r.stop()
	}
}

// leave is the end of a participant, and of the conference if he was the last or the moderator.
func (s *Server) leave(c *conference, p *participant, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(c.inside, p)
	if i < 0 {
		return
	}
	c.inside = slices.Delete(c.inside, i, i+1)
	s.tellOf(c, p, "participant-leave", "leave", url.Values{
		"ParticipantCallStatus": {string(p.l.status)}, "ReasonParticipantLeft": {reason},
	})
	switch {
	case c.ended:
	case len(c.inside) == 0:
		s.endConference(c, p, "last-participant-left", "")
	case p.ends:
		s.endConference(c, p, "participant-with-end-conference-on-exit-left", moderatorEnded)
	}
}

// endConference ends it and sends all out who are in it; the caller holds the lock.
func (s *Server) endConference(c *conference, by *participant, why, reason string) {
	c.ended = true
	params := url.Values{"ReasonConferenceEnded": {why}}
	if by != nil {
		params.Set("CallSidEndingConference", by.l.sid)
		params.Set("ParticipantLabelEndingConference", by.label)
	}
	for _, p := range c.inside {
		p.dismiss(reason)
	}
	if c.recorded != nil {
		c.recorded.stop()
	}
	s.tellOf(c, nil, "conference-end", "end", params)
}

// dismiss sends a participant out; the caller holds the lock.
func (p *participant) dismiss(reason string) {
	select {
	case <-p.out:
	default:
		p.reason = reason
		close(p.out)
	}
}

// tellOf posts an event of a conference; the caller holds the lock.
//
// Twilio docs: voice/twiml/conference#statuscallbackevent.
func (s *Server) tellOf(c *conference, p *participant, event, class string, more url.Values) {
	if c.hook.target == "" || !slices.ContainsFunc(c.hook.events, func(e string) bool { return strings.EqualFold(e, class) }) {
		return
	}
	form := url.Values{
		"AccountSid": {s.config.AccountSID}, "ConferenceSid": {c.sid}, "FriendlyName": {c.name}, "StatusCallbackEvent": {event},
		"SequenceNumber": {fmt.Sprint(c.sequence)}, "Timestamp": {stamp(s.clock.now())},
	}
	c.sequence++
	call := ""
	if p != nil {
		call = p.l.sid
		form.Set("CallSid", call)
		form.Set("ParticipantLabel", p.label)
		for key, on := range map[string]bool{
			"Muted": p.muted, "Hold": p.held, "Coaching": p.coaching, "StartConferenceOnEnter": p.starts, "EndConferenceOnExit": p.ends,
		} {
			form.Set(key, fmt.Sprint(on))
		}
	}
	maps.Copy(form, more)
	s.post(message{
		kind: ConferenceEvent, call: call, line: c.sid, method: c.hook.method, target: c.hook.target, form: form, last: event == "conference-end",
	})
}
