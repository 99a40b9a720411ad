package asterisk

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// queuesTimeout bounds the wait for the list of waiting callers.
const queuesTimeout = 5 * time.Second

// entryHead is how Asterisk's app_queue begins a QueueEntry. A caller id can
// forge none: it is cut at 79 bytes, and the lines up to CallerIDNum take more.
var entryHead = []string{
	"Event", "Queue", "Position", "Channel", "Uniqueid", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "Wait",
}

// waiting asks who waits in a queue. QueueStatus needs no class of write=. An
// Asterisk without queues refuses it, and that is no trouble: what came counts.
func (c *collector) waiting() ([]Message, error) {
	timer := time.NewTimer(queuesTimeout)
	defer timer.Stop()
	id, err := c.session.link.act("QueueStatus")
	if err != nil {
		return nil, err
	}
	var entries []Message
	trouble := ""
	err = c.await(id, timer.C, func(m Message) (bool, error) {
		switch m.Kind() {
		case "":
			if m.Get("Response") != "Success" {
				trouble = m.Get("Message")
			}
			return !strings.EqualFold(m.Get("EventList"), "start"), nil
		case "QueueEntry":
			if len(entries) < maxRoster {
				entries = append(entries, m)
			}
		case "QueueStatusComplete":
			return true, nil
		}
		return false, nil
	})
	if errors.Is(err, errLate) {
		trouble, err = "no complete answer within "+queuesTimeout.String(), nil
	}
	if trouble != "" && c.session.source.met.First("queues") {
		c.session.source.log.WithFields(logrus.Fields{"answer": pbx.Bounded(telephony.StripControls(trouble), pbx.MaxValue)}).
			Info("Asterisk does not tell who waits in its queues: callers who joined one while there was no connection are known without it")
	}
	return entries, err
}

// addWaiting tells of the callers who wait in a queue and whose channel is
// listed.
func (t *translator) addWaiting(f *pbx.Facts, entries, listed []Message, at time.Time) {
	channels := make(map[string]Message, len(listed))
	for _, m := range listed {
		channels[m.Get("Uniqueid")] = m
	}
	for _, entry := range entries {
		channel, ok := channels[entry.Get("Uniqueid")]
		if !ok || !isEntryOf(entry, channel) {
			continue
		}
		call, err := telephony.NewCallID(t.site, t.source, channel.Get("Linkedid"))
		if err != nil {
			continue
		}
		e := queued(telephony.CallQueued, entry)
		e.Position = 0 // It is where he is now, and another one each time.
		e.Call, e.Time, e.Estimated = call, joinedAt(entry, at), true
		// He may leave while we read: that he joined must not come after it.
		if begun := begunAt(channel, at).Truncate(time.Second); e.Time.Before(begun) {
			e.Time = begun
		}
		f.Add(pbx.Identified(e))
	}
}

// isEntryOf reports whether a QueueEntry is as Asterisk writes it, and about
// that channel.
func isEntryOf(entry, channel Message) bool {
	if len(entry.Headers) < len(entryHead) || entry.Get("Queue") == "" || entry.Get("Channel") != channel.Get("Channel") {
		return false
	}
	for i, key := range entryHead {
		if entry.Headers[i].Key != key {
			return false
		}
	}
	return true
}

// joinedAt says when a caller joined his queue. Asterisk counts whole seconds
// from the second in which he did, so that this is never after it.
func joinedAt(entry Message, at time.Time) time.Time {
	seconds, err := strconv.ParseInt(entry.Get("Wait"), 10, 32)
	if err != nil || seconds < 0 {
		seconds = 0
	}
	return at.Truncate(time.Second).Add(-time.Duration(seconds) * time.Second)
}
