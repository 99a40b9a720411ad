package asterisktest

import (
	"fmt"
	"strings"
	"time"
)

// action is what a client may ask for. The Server's lock is held while it
// runs. It reports whether the session goes on.
type action struct {
	needs  class // any of these, in write=; 0: everybody who is logged in
	before bool  // may come before login
	do     func(*session, message) bool
}

var actions = map[string]action{
	"login":            {before: true, do: (*session).login},
	"challenge":        {before: true, do: (*session).sendChallenge},
	"logoff":           {before: true, do: (*session).logoff},
	"ping":             {do: (*session).ping},
	"events":           {do: (*session).setEvents},
	"filter":           {needs: classSystem, do: (*session).addFilter},
	"status":           {needs: classSystem | classCall | classReporting, do: (*session).status},
	"getvar":           {needs: classCall | classReporting, do: (*session).getvar},
	"corestatus":       {needs: classSystem | classReporting, do: (*session).coreStatus},
	"coreshowchannels": {needs: classSystem | classReporting, do: (*session).coreShowChannels},
	"queuestatus":      {do: (*session).queueStatus},
	"queuepause":       {needs: classAgent, do: (*session).queuePause},
	"bridgelist":       {do: (*session).bridgeList},
	"originate":        {needs: classOriginate, do: (*session).originate},
}

func init() { // it lists the others
	actions["listcommands"] = action{do: (*session).listCommands}
}

// listed are the names of actions as ListCommands writes them.
var listed = []string{
	"BridgeList", "Challenge", "CoreShowChannels", "CoreStatus", "Events", "Filter", "Getvar", "ListCommands", "Login", "Logoff",
	"Originate", "Ping", "QueuePause", "QueueStatus", "Status",
}

// listCommands names the actions that the user may ask for.
func (s *session) listCommands(m message) bool {
	w := respond(m, "Success")
	for _, name := range listed {
		if needs := actions[strings.ToLower(name)].needs; needs == 0 || needs&s.account.write != 0 {
			w.add(name, "what it does  (Priv: <all>)")
		}
	}
	return s.send(w.end())
}

func (s *session) perform(m message) bool {
	name := m.get("action")
	if name == "" {
		return s.send(failure(m, "Missing action in request"))
	}
	known, found := actions[strings.ToLower(name)]
	switch {
	case s.account == nil && !known.before:
		return s.send(failure(m, "Permission denied"))
	case !found:
		return s.send(failure(m, "Invalid/unknown command: "+name+". Use Action: ListCommands to show available commands."))
	case known.needs != 0 && known.needs&s.account.write == 0:
		return s.send(failure(m, "Permission denied"))
	}
	return known.do(s, m)
}

// respond begins an answer: its verdict and, where the client gave one, the
// ActionID.
func respond(m message, verdict string) *writer {
	w := &writer{}
	w.add("Response", verdict)
	addID(w, m)
	return w
}

func addID(w *writer, m message) {
	if id := m.get("actionid"); id != "" {
		w.add("ActionID", id)
	}
}

func failure(m message, text string) []byte {
	w := respond(m, "Error")
	w.add("Message", text)
	return w.end()
}

func success(m message, text string) []byte {
	w := respond(m, "Success")
	w.add("Message", text)
	return w.end()
}

// list builds the answer to an action that lists things.
type list struct {
	writer
	m     message
	items int
}

func newList(m message, text string) *list {
	l := &list{m: m}
	l.add("Response", "Success")
	addID(&l.writer, m)
	l.add("EventList", "start")
	l.add("Message", text)
	l.put(crlf)
	return l
}

func (l *list) complete(event string, extra ...field) []byte {
	l.add("Event", event)
	addID(&l.writer, l.m)
	l.add("EventList", "Complete")
	l.addInt("ListItems", l.items)
	for _, f := range extra {
		l.add(f.key, f.value)
	}
	return l.end()
}

func (s *session) logoff(m message) bool {
	s.loggedOff = true
	w := respond(m, "Goodbye")
	w.add("Message", "Thanks for all the fish.")
	s.send(w.end())
	return false
}

func (s *session) ping(m message) bool {
	w := respond(m, "Success")
	w.add("Ping", "Pong")
	w.add("Timestamp", stamp(s.server.config.Now()))
	return s.send(w.end())
}

// setEvents reads an event mask: "on", "off" or classes.
func (s *session) setEvents(m message) bool {
	s.wants = eventMask(m.get("eventmask"))
	w := respond(m, "Success")
	if s.wants == 0 {
		w.add("Events", "Off")
	} else {
		w.add("Events", "On")
	}
	return s.send(w.end())
}

func eventMask(text string) class {
	switch strings.ToLower(text) {
	case "", "on", "yes", "true", "1":
		return everyClass
	case "off", "no", "false", "0":
		return 0
	}
	return parsePermission(strings.ToLower(text))
}

func (s *session) addFilter(m message) bool {
	if !strings.EqualFold(m.get("operation"), "Add") {
		return s.send(failure(m, "Unknown operation"))
	}
	if err := s.filters.add(m.get("filter")); err != nil {
		return s.send(failure(m, "Filter format error"))
	}
	return s.send(success(m, "Filter Added Successfully"))
}

func (s *session) getvar(m message) bool {
	name := m.get("variable")
	if name == "" {
		return s.send(failure(m, "No variable specified"))
	}
	value := s.server.board.globals[name]
	if want := m.get("channel"); want != "" {
		c := s.server.board.find(want)
		if c == nil {
			return s.send(failure(m, "No such channel"))
		}
		if value = c.value(name); value == null {
			value = ""
		}
	}
	w := respond(m, "Success")
	w.add("Variable", name)
	w.add("Value", value)
	return s.send(w.end())
}

func (s *session) coreStatus(m message) bool {
	started := s.server.started.UTC()
	w := respond(m, "Success")
	w.add("CoreStartupDate", started.Format(time.DateOnly))
	w.add("CoreStartupTime", started.Format(time.TimeOnly))
	w.add("CoreReloadDate", started.Format(time.DateOnly))
	w.add("CoreReloadTime", started.Format(time.TimeOnly))
	w.addInt("CoreCurrentCalls", len(s.server.board.channels))
	w.addInt("CoreProcessedCalls", s.server.board.created)
	return s.send(w.end())
}

func (s *session) coreShowChannels(m message) bool {
	l := newList(m, "Channels will follow")
	now := s.server.config.Now()
	for _, c := range s.server.board.live() {
		l.add("Event", "CoreShowChannel")
		addID(&l.writer, m)
		c.snapshot(&l.writer, "")
		l.add("Application", c.application)
		l.add("ApplicationData", c.data)
		seconds := int(now.Sub(c.created).Seconds())
		l.add("Duration", fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60))
		l.add("BridgeId", c.bridge)
		l.put(crlf)
		l.items++
	}
	return s.send(l.complete("CoreShowChannelsComplete"))
}

func (s *session) bridgeList(m message) bool {
	l := newList(m, "Bridge listing will follow")
	for _, b := range s.server.board.liveBridges() {
		l.add("Event", "BridgeListItem")
		addID(&l.writer, m)
		b.snapshot(&l.writer)
		l.put(crlf)
		l.items++
	}
	return s.send(l.complete("BridgeListComplete"))
}
