package twiliotest

import (
	"net/http"
	"slices"
	"strings"
)

// conferences are the operations on Conferences and their participants.
func (c *call) conferences(rest []string) reply {
	if len(rest) == 0 {
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		found := slices.Clone(c.s.conferences)
		slices.Reverse(found)
		found = slices.DeleteFunc(found, func(x *conference) bool {
			name, status := c.query.Get("FriendlyName"), c.query.Get("Status")
			return name != "" && name != x.name || status != "" && status != x.status()
		})
		return listing(c, "conferences", found, func(x *conference) any { return c.s.conferenceWire(x) })
	}
	x := c.conference(rest[0])
	switch {
	case len(rest) == 2 && rest[1] == "Participants" && c.method == http.MethodPost:
		return c.addParticipant(rest[0])
	case x == nil:
		return notFound(c)
	case len(rest) == 1:
		return c.oneConference(x)
	case len(rest) == 2 && rest[1] == "Participants":
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		return listing(c, "participants", slices.Clone(x.inside), func(p *participant) any { return c.s.participantWire(x, p) })
	case len(rest) == 2 && rest[1] == "Recordings":
		c.query.Set("ConferenceSid", x.sid)
		return c.listRecordings()
	case len(rest) == 3 && rest[1] == "Participants":
		return c.oneParticipant(x, rest[2])
	}
	return notFound(c)
}

// conference is found by SID, or by name while it goes on.
func (c *call) conference(id string) *conference {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, x := range c.s.conferences {
		if x.sid == id || x.name == id && !x.ended {
			return x
		}
	}
	return nil
}

func (x *conference) status() string {
	switch {
	case x.ended:
		return "completed"
	case x.started:
		return "in-progress"
	}
	return "init"
}

// conferenceWire is a conference as a resource. Twilio docs: voice/api/conference-resource.
func (s *Server) conferenceWire(x *conference) map[string]any {
	uri := accountPath(s.config.AccountSID) + "/Conferences/" + x.sid
	return map[string]any{
		"sid": x.sid, "account_sid": s.config.AccountSID, "friendly_name": x.name, "status": x.status(), "date_created": stamp(x.created),
		"date_updated": stamp(x.created), "api_version": apiVersion, "region": "us1", "uri": uri + ".json",
		"subresource_uris": map[string]string{"participants": uri + "/Participants.json", "recordings": uri + "/Recordings.json"},
	}
}

// participantWire is a participant as a resource. Twilio docs: voice/api/conference-participant-resource.
func (s *Server) participantWire(x *conference, p *participant) map[string]any {
	return map[string]any{
		"account_sid": s.config.AccountSID, "call_sid": p.l.sid, "conference_sid": x.sid, "label": orNil(p.label), "muted": p.muted,
		"hold": p.held, "coaching": p.coaching, "start_conference_on_enter": p.starts, "end_conference_on_exit": p.ends,
		"status": "connected", "date_created": stamp(p.joined), "date_updated": stamp(p.joined), "call_sid_to_coach": nil,
		"uri": accountPath(s.config.AccountSID) + "/Conferences/" + x.sid + "/Participants/" + p.l.sid + ".json",
	}
}

func (c *call) oneConference(x *conference) reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.method == http.MethodPost && c.form.Get("Status") == "completed" && !x.ended {
		c.s.endConference(x, nil, "conference-ended-via-api", endedByAPI)
	}
	return reply{status: http.StatusOK, value: c.s.conferenceWire(x)}
}

// oneParticipant holds, mutes, changes or removes somebody. Only who is in it can be asked for.
func (c *call) oneParticipant(x *conference, id string) reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	i := slices.IndexFunc(x.inside, func(p *participant) bool { return p.l.sid == id || p.label != "" && p.label == id })
	if i < 0 {
		return notFound(c)
	}
	p := x.inside[i]
	switch c.method {
	case http.MethodDelete:
		p.dismiss(updatedByAPI)
		return reply{status: http.StatusNoContent}
	case http.MethodPost:
		c.updateParticipant(x, p)
	}
	return reply{status: http.StatusOK, value: c.s.participantWire(x, p)}
}

// updateParticipant tells of each change; the caller holds the lock.
func (c *call) updateParticipant(x *conference, p *participant) {
	set := func(key string, field *bool, on, off, class string) {
		value := c.form.Get(key)
		if value == "" || strings.EqualFold(value, "true") == *field {
			return
		}
		*field = !*field
		event := off
		if *field {
			event = on
		}
		c.s.tellOf(x, p, event, class, nil)
	}
	set("Hold", &p.held, "participant-hold", "participant-unhold", "hold")
	set("Muted", &p.muted, "participant-mute", "participant-unmute", "mute")
	set("EndConferenceOnExit", &p.ends, "participant-modify", "participant-modify", "modify")
	set("Coaching", &p.coaching, "participant-modify", "participant-modify", "modify")
}

// addParticipant calls somebody into a conference, which comes to be if there is none of that name. The new leg has no
// parent.
func (c *call) addParticipant(name string) reply {
	if c.form.Get("Twiml") == "" {
		c.form.Set("Twiml", "<Response/>") // not used: he hears the conference
	}
	if rep := c.refused(); rep.status != 0 {
		return rep
	}
	if x := c.conference(name); x != nil {
		name = x.name
	}
	l, _, rep := c.newOutbound(c.form.Get("To"))
	if rep.status != 0 {
		return rep
	}
	isFalse := func(key string) bool { return strings.EqualFold(c.form.Get(key), "false") }
	isTrue := func(key string) bool { return strings.EqualFold(c.form.Get(key), "true") }
	p := &participant{
		l: l, label: c.form.Get("Label"), muted: isTrue("Muted"), starts: !isFalse("StartConferenceOnEnter"), ends: isTrue("EndConferenceOnExit"),
		recordsFromBeginnings: c.form.Get("ConferenceRecord") == "true" || c.form.Get("ConferenceRecord") == "record-from-start",
		recordingHook: hook{
			c.form.Get("ConferenceRecordingStatusCallback"), c.form.Get("ConferenceRecordingStatusCallbackMethod"),
			splitEvents(c.form["ConferenceRecordingStatusCallbackEvent"]),
		},
	}
	h := hook{
		c.form.Get("ConferenceStatusCallback"), c.form.Get("ConferenceStatusCallbackMethod"), splitEvents(c.form["ConferenceStatusCallbackEvent"]),
	}
	c.s.mu.Lock()
	x := c.s.conferenceNamed(name)
	c.s.mu.Unlock()
	c.s.begin(func() {
		c.s.place(l, c.form, func() { c.s.sit(l.ctx, name, h, p) })
		c.s.neverCame(x, p)
	})
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	p.joined = l.created
	value := c.s.participantWire(x, p)
	value["status"] = "queued"
	return reply{status: http.StatusCreated, value: value}
}

// neverCame has a participant who did not answer leave all the same.
//
// Twilio docs: changelog 2023-10-25.
func (s *Server) neverCame(x *conference, p *participant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.out != nil {
		return
	}
	s.tellOf(x, p, "participant-leave", "leave", map[string][]string{
		"ParticipantCallStatus": {string(p.l.status)}, "ReasonParticipantLeft": {addFailed},
	})
	if len(x.inside) == 0 && !x.ended {
		s.endConference(x, nil, "last-participant-left", "")
	}
}
