package cti

import (
	"fmt"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// The CTI push as sipgate.io has defined it (developer.sipgate.io, Push API) and
// Zammad after it (docs.zammad.org, Generic CTI): newCall, answer, hangup, in fields
// that senders write in more than one way.

// causes are the causes of a hangup.
var causes = map[string]Reason{
	"": Completed, "normalclearing": Completed, "busy": Busy, "userbusy": Busy, "cancel": Cancelled, "originatorcancel": Cancelled,
	"noanswer": NoAnswer, "notfound": Unreachable, "congestion": Congestion,
}

// directions are the words for directions.
var directions = map[string]telephony.Direction{
	"in": telephony.Inbound, "inbound": telephony.Inbound, "out": telephony.Outbound, "outbound": telephony.Outbound,
	"internal": telephony.Internal,
}

// errIgnored and errUnknown say that a message is fine, and tells nothing that is
// used.
var (
	errIgnored = refuse(200, "ignored", "")
	errUnknown = refuse(200, "unknown_event", "")
)

// readPush makes an event of a message that came at a time. sipgate says that the
// sender answers calls itself, with voicemails and queues, of which it names no
// user.
func readPush(f fields, now time.Time, sipgate bool, known func(string) bool) (Event, error) {
	name := canonical(f.first("event"))
	call, original := f.first("callid", "calluuid"), f.first("origcallid", "xcid")
	if call == "" {
		call = original
	}
	if name == "dtmf" {
		return Event{}, errIgnored
	}
	e := Event{
		Time: now, Call: call, With: original, Direction: directions[strings.ToLower(f.first("direction"))],
		From: f.first("from"), FromName: f.first("fromname", "callername"), To: f.first("to"), Queue: f.first("queue"), Raw: f.raw(),
	}
	if word := f.first("direction"); word != "" && e.Direction == "" {
		return Event{}, malformed(fmt.Sprintf("direction %.20q: want in, out or internal", word))
	}
	switch name {
	case "newcall":
		e.Type, e.Agents = Started, withoutVoicemail(usersOf(f))
		e.Identity = "newCall"
	case "answer":
		e.Type, e.Agents = Answered, withoutVoicemail(usersOf(f))
		number := f.first("answeringnumber")
		e.Machine = isMachine(f, e.Agents, number, sipgate, known)
		if number != "" && len(e.Agents) > 0 {
			e.Agents[0] = append(e.Agents[0], number)
		} else if number != "" {
			e.Agents = []Agent{{number}}
		}
		e.Identity = "answer " + strings.Join(f["user"], " ") + " " + number
	case "hangup":
		cause := canonical(f.first("cause"))
		e.Type, e.Reason = Ended, causes[cause]
		if cause == "forwarded" {
			e.Type = Forwarded
		}
		e.Identity = "hangup " + cause
	case "":
		return Event{}, malformed("there is no event: want newCall, answer or hangup")
	default:
		return Event{}, errUnknown
	}
	if err := e.validate(now); err != nil {
		return Event{}, malformed(err.Error())
	}
	return e, nil
}

// usersOf are the users of a message, each with all the names it has for him.
func usersOf(f fields) []Agent {
	var agents []Agent
	for _, name := range []string{"user", "userid", "fulluserid"} {
		for i, value := range f[name] {
			value = strings.TrimSpace(value)
			if value == "" || i > maxAgents {
				continue
			}
			for len(agents) <= i {
				agents = append(agents, Agent{})
			}
			agents[i] = append(agents[i], value)
		}
	}
	var named []Agent
	for _, a := range agents {
		if len(a) > 0 {
			named = append(named, a)
		}
	}
	return named
}

// withoutVoicemail leaves out the user that is none.
func withoutVoicemail(agents []Agent) []Agent {
	var people []Agent
	for _, a := range agents {
		if !strings.EqualFold(a[0], "voicemail") {
			people = append(people, a)
		}
	}
	return people
}

// isMachine reports whether it is no person who answered. sipgate answers with its
// voicemail and its queues, too, and then names no user; other senders may name
// nobody and mean one of us.
func isMachine(f fields, agents []Agent, number string, sipgate bool, known func(string) bool) bool {
	users, named := f["user"]
	switch {
	case len(agents) > 0:
		return false
	case len(users) > 0 && strings.EqualFold(strings.TrimSpace(users[0]), "voicemail"):
		return true
	case number == "":
		return named
	}
	return sipgate && (known == nil || !known(number))
}
