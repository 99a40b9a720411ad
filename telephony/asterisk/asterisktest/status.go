package asterisktest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// null is how Asterisk prints a variable that is not set.
const null = "(null)"

// status answers for every channel, or for the one asked for. The headers and
// their order are those of the Status event of Asterisk 22 (its AMI event
// documentation); values that need audio or a dialplan are constants.
func (s *session) status(m message) bool {
	channels := s.server.board.live()
	all := m.get("channel") == ""
	if !all {
		c := s.server.board.find(m.get("channel"))
		if c == nil {
			return s.send(failure(m, "No such channel"))
		}
		channels = []*channel{c}
	}
	var variables []string
	if list := m.get("variables"); list != "" {
		variables = strings.Split(list, ",")
	}
	l := newList(m, "Channel status will follow")
	now := s.server.config.Now()
	for _, c := range channels {
		l.addStatus(c, variables, now)
		s.tell(c.linkedid)
	}
	if all {
		return s.send(l.complete("StatusComplete", field{"Items", strconv.Itoa(l.items)}))
	}
	return s.send(l.complete("StatusComplete"))
}

func (l *list) addStatus(c *channel, variables []string, now time.Time) {
	technology, _, _ := strings.Cut(c.name, "/")
	l.add("Event", "Status")
	l.add("Privilege", "Call")
	c.snapshot(&l.writer, "")
	l.add("Type", technology)
	l.add("DNID", c.dnid())
	l.add("EffectiveConnectedLineNum", c.connectedNum)
	l.add("EffectiveConnectedLineName", c.connectedName)
	l.add("TimeToHangup", "0")
	l.add("BridgeID", c.bridge)
	l.add("Application", c.application)
	l.add("Data", c.data)
	l.add("Nativeformats", "(ulaw)")
	l.add("Readformat", "ulaw")
	l.add("Readtrans", "")
	l.add("Writeformat", "ulaw")
	l.add("Writetrans", "")
	l.add("Callgroup", "0")
	l.add("Pickupgroup", "0")
	l.addInt("Seconds", int(now.Sub(c.created).Seconds()))
	for _, name := range variables {
		name = strings.TrimSpace(name)
		l.add("Variable", name+"="+c.value(name))
	}
	addID(&l.writer, l.m)
	l.put(crlf)
	l.items++
}

// dnid is the number that was dialled to make the channel; a channel that
// Asterisk made itself has none.
func (c *channel) dnid() string {
	if c.dialled == "s" {
		return ""
	}
	return c.dialled
}

func (b *bridge) snapshot(w *writer) {
	w.add("BridgeUniqueid", b.id)
	w.add("BridgeType", b.kind)
	w.add("BridgeTechnology", b.technology)
	w.add("BridgeCreator", unknown)
	w.add("BridgeName", unknown)
	w.addInt("BridgeNumChannels", b.channels)
	w.add("BridgeVideoSourceMode", "none")
}

// queueStatus lists queues, members and waiting callers; "Queue:" narrows it.
func (s *session) queueStatus(m message) bool {
	l := newList(m, "Queue status will follow")
	now := s.server.config.Now()
	for _, queue := range s.server.config.Queues {
		if only := m.get("queue"); only != "" && only != queue.Name {
			continue
		}
		waiting := s.server.board.waitingIn(queue.Name)
		l.addQueue(queue, len(waiting))
		for _, member := range queue.Members {
			l.addMember(queue.Name, member, s.server.paused[member])
		}
		for i, w := range waiting {
			l.addWaiting(w, i+1, s.server.board.channels[w.uniqueid], now)
		}
	}
	return s.send(l.complete("QueueStatusComplete"))
}

func (l *list) addQueue(queue Queue, calls int) {
	l.add("Event", "QueueParams")
	l.add("Queue", queue.Name)
	l.add("Max", "0")
	l.add("Strategy", "ringall")
	l.addInt("Calls", calls)
	for _, key := range []string{"Holdtime", "TalkTime", "Completed", "Abandoned", "ServiceLevel"} {
		l.add(key, "0")
	}
	l.add("ServicelevelPerf", "0.0")
	l.add("ServicelevelPerf2", "0.0")
	l.add("Weight", "0")
	l.endItem()
}

func (l *list) addMember(queue, member string, paused bool) {
	l.add("Event", "QueueMember")
	l.add("Queue", queue)
	l.add("Name", member)
	l.add("Location", member)
	l.add("StateInterface", member)
	l.add("Membership", "static")
	for _, key := range []string{"Penalty", "CallsTaken", "LastCall", "LastPause", "LoginTime", "InCall"} {
		l.add(key, "0")
	}
	l.add("Status", "1") // AST_DEVICE_NOT_INUSE
	l.add("Paused", flag(paused))
	l.add("PausedReason", "")
	l.add("Wrapuptime", "0")
	l.endItem()
}

func (l *list) addWaiting(w waiting, position int, c *channel, now time.Time) {
	l.add("Event", "QueueEntry")
	l.add("Queue", w.queue)
	l.addInt("Position", position)
	l.add("Channel", c.name)
	l.add("Uniqueid", c.uniqueid)
	l.add("CallerIDNum", c.callerNum)
	l.add("CallerIDName", c.callerName)
	l.add("ConnectedLineNum", c.connectedNum)
	l.add("ConnectedLineName", c.connectedName)
	l.addInt("Wait", int(now.Sub(w.since).Seconds()))
	l.add("Priority", "0")
	l.endItem()
}

func (l *list) endItem() {
	addID(&l.writer, l.m)
	l.put(crlf)
	l.items++
}

// find returns the live channel of a name, nil if there is none.
func (b *switchboard) find(name string) *channel {
	for _, c := range b.channels {
		if strings.EqualFold(c.name, name) {
			return c
		}
	}
	return nil
}

func (b *switchboard) waitingIn(queue string) []waiting {
	var in []waiting
	for _, w := range b.queued {
		if w.queue == queue {
			in = append(in, w)
		}
	}
	return in
}

func (b *switchboard) liveBridges() []*bridge {
	return slices.SortedFunc(maps.Values(b.bridges), func(x, y *bridge) int { return strings.Compare(x.id, y.id) })
}
