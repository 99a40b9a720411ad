package torture

import (
	"strconv"

	"github.com/talkbridge/talkbridge/telephony/cti"
)

// evented are the calls that our own events can tell.
func evented() []Kind {
	one, both, second := []int{0}, []int{0, 1}, []int{1}
	return silent([]Kind{
		{Name: "inbound", Share: 100, Via: ViaInbound, Phones: 2, Talks: one},
		{Name: "withheld", Share: 10, Via: ViaInbound, Phones: 2, Talks: one, Caller: Withheld},
		{Name: "queue", Share: 40, Via: ViaInbound, Phones: 2, Talks: second},
		{Name: "transfer", Share: 30, Via: ViaInbound, Phones: 2, Talks: both},
		{Name: "missed", Share: 40, Via: ViaInbound, Phones: 1},
		{Name: "forwarded", Share: 15, Via: ViaInbound, Phones: 1},
		{Name: "outbound", Share: 40, Via: ViaOutbound, Phones: 1, Talks: one},
		{Name: "outbound busy", Share: 15, Phones: 1},
		{Name: "internal", Share: 15, Phones: 2, Caller: Captured},
	})
}

// telling tells of a call as our own events do.
type telling struct {
	*Call
	own, next string
	count     int
	whole     cti.Data // what each of them says
}

func (c *Call) telling() *telling {
	t := &telling{Call: c, whole: cti.Data{Direction: "inbound", From: c.From, To: c.To}}
	t.own, t.next = c.natives()
	t.whole.Call = t.own
	switch {
	case c.Kind.outbound():
		t.whole.Direction = "outbound"
	case c.Kind.Name == "internal":
		t.whole.Direction, t.whole.From, t.whole.To = "internal", extension(c.phones[0]), extension(c.phones[1])
	}
	return t
}

// event is what comes after a step, and about whom.
func (t *telling) event(after step, kind cti.Type, who ...int) step {
	t.count++
	data := t.whole
	for _, i := range who {
		data.Agents = append(data.Agents, extension(t.phones[i]))
	}
	after.event = &cti.CloudEvent{
		SpecVersion: "1.0", ID: t.own + "-" + strconv.Itoa(t.count), Source: "/torture", Type: cti.TypePrefix + string(kind), Data: &data,
	}
	return after
}

// waits is an event of a caller in a queue.
func (t *telling) waits(after step, kind cti.Type, who ...int) step {
	s := t.event(after, kind, who...)
	s.event.Data.Queue, s.event.Data.Position = "support", 1
	return s
}

// ends is the end of the call, after a step.
func (t *telling) ends(after step, why cti.Reason) step {
	s := t.event(after, cti.Ended)
	s.event.Data.Reason = string(why)
	return s
}

// forwarded is a call that goes on as another one, which nobody takes.
func (t *telling) forwarded() []step {
	steps := []step{t.event(step{}, cti.Started, 0), t.event(step{pause: rings}, cti.Forwarded)}
	t.whole.Call = t.next
	goesOn := t.event(step{}, cti.Started)
	goesOn.event.Data.With = t.own
	return append(steps, goesOn, t.ends(step{pause: rings}, cti.Cancelled))
}

// events are what our own events tell of the call.
func (c *Call) events() []step {
	t, soon, ring := c.telling(), step{}, step{pause: rings}
	holds, then := c.scenario.Hold.For, c.scenario.Then.For
	switch c.Kind.Name {
	case "inbound", "withheld":
		return []step{
			t.event(soon, cti.Started, 0, 1), t.event(soon, cti.Ringing, 0), t.event(ring, cti.Answered, 0), t.ends(c.talk(0, holds, true), cti.Completed),
		}
	case "queue": // one is rung in vain, the other answers and has the caller wait
		return []step{
			t.event(soon, cti.Started), t.waits(soon, cti.Queued), t.event(soon, cti.Ringing, 0), t.event(ring, cti.RingEnded, 0),
			t.event(soon, cti.Ringing, 1), t.waits(ring, cti.Answered, 1), t.event(c.talk(0, holds, false), cti.Held, 1),
			t.event(ring, cti.Resumed, 1), t.ends(c.talk(0, then, true), cti.Completed),
		}
	case "transfer":
		return []step{
			t.event(soon, cti.Started, 0), t.event(ring, cti.Answered, 0), t.event(c.talk(0, holds, false), cti.Ringing, 1),
			t.event(ring, cti.Answered, 1), t.event(soon, cti.Left, 0), t.ends(c.talk(1, then, true), cti.Completed),
		}
	case "forwarded":
		return t.forwarded()
	case "outbound":
		return []step{
			t.event(soon, cti.Started, 0), t.event(ring, cti.Answered, 0), t.event(c.talk(0, holds, false), cti.Held, 0), t.ends(c.talk(0, then, true), cti.Completed),
		}
	case "outbound busy":
		return []step{t.event(soon, cti.Started, 0), t.ends(ring, cti.Busy)}
	case "internal":
		return []step{t.event(soon, cti.Started), t.event(ring, cti.Answered), t.ends(step{pause: holds}, cti.Completed)}
	}
	return []step{t.event(soon, cti.Started, 0), t.ends(ring, cti.Cancelled)}
}
