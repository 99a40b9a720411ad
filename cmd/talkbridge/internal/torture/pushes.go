package torture

import (
	"net/url"
	"strings"
)

// pushed are the calls that the CTI push can tell.
func pushed() []Kind {
	one, both := []int{0}, []int{0, 1}
	return silent([]Kind{
		{Name: "inbound", Share: 100, Via: ViaInbound, Phones: 2, Talks: one},
		{Name: "withheld", Share: 10, Via: ViaInbound, Phones: 2, Talks: one, Caller: Withheld},
		{Name: "transfer", Share: 30, Via: ViaInbound, Phones: 2, Talks: both},
		{Name: "missed", Share: 40, Via: ViaInbound, Phones: 1},
		{Name: "busy", Share: 10, Via: ViaInbound, Phones: 1},
		{Name: "greeting", Share: 15, Via: ViaInbound, Phones: 1},
		{Name: "outbound", Share: 40, Via: ViaOutbound, Phones: 1, Talks: one},
		{Name: "unanswered", Share: 15, Phones: 1},
		{Name: "internal", Share: 15, Phones: 2, Caller: Captured},
	})
}

// pushing tells of a call as the CTI push does, in the fields of sipgate.io.
type pushing struct {
	*Call
	own, next     string
	from, to, way string
}

func (c *Call) pushing() pushing {
	p := pushing{Call: c, from: strings.TrimPrefix(c.From, "+"), to: strings.TrimPrefix(c.To, "+"), way: "in"}
	p.own, p.next = c.natives()
	switch {
	case c.Kind.outbound():
		p.way = "out"
	case c.Kind.Name == "internal":
		p.from, p.to, p.way = extension(c.phones[0]), extension(c.phones[1]), "internal"
	}
	return p
}

// push is what comes after a step: an event of a call, and one more field where it has a
// name.
func (p pushing) push(after step, call, event, name, value string) step {
	after.form = url.Values{"event": {event}, "callId": {call}, "origCallId": {p.own}, "from": {p.from}, "to": {p.to}, "direction": {p.way}}
	if name != "" {
		after.form.Set(name, value)
	}
	return after
}

// begins tells that the phones of agents ring.
func (p pushing) begins(rung int) step {
	s := p.push(step{}, p.own, "newCall", "", "")
	for _, phone := range p.phones[:rung] {
		s.form.Add("user[]", extension(phone))
	}
	return s
}

// hangup tells the end, after a step.
func (p pushing) hangup(after step, call, cause string) step {
	return p.push(after, call, "hangup", "cause", cause)
}

// answer tells after the ringing who answers.
func (p pushing) answer(call string, i int) step {
	return p.push(step{pause: rings}, call, "answer", "user", extension(p.phones[i]))
}

// pushes are what the CTI push tells of the call.
func (c *Call) pushes() []step {
	p, ring := c.pushing(), step{pause: rings}
	holds, then := c.scenario.Hold.For, c.scenario.Then.For
	switch c.Kind.Name {
	case "inbound", "withheld":
		return []step{p.begins(2), p.answer(p.own, 0), p.hangup(c.talk(0, holds, true), p.own, "normalClearing")}
	case "outbound":
		return []step{p.begins(1), p.answer(p.own, 0), p.hangup(c.talk(0, holds, true), p.own, "normalClearing")}
	case "transfer":
		return []step{
			p.begins(1), p.answer(p.own, 0), p.push(c.talk(0, holds, false), p.next, "newCall", "user[]", extension(c.phones[1])),
			p.hangup(step{}, p.own, "forwarded"), p.answer(p.next, 1), p.hangup(c.talk(1, then, true), p.next, "normalClearing"),
		}
	case "greeting": // a voicemail answers, and is told nothing
		return []step{
			p.begins(1), p.hangup(ring, p.own, "forwarded"), p.push(step{}, p.next, "newCall", "user[]", "voicemail"),
			p.push(step{}, p.next, "answer", "user", "voicemail"), p.hangup(ring, p.next, "normalClearing"),
		}
	case "busy":
		return []step{p.begins(1), p.hangup(ring, p.own, "busy")}
	case "unanswered":
		return []step{p.begins(1), p.hangup(ring, p.own, "noAnswer")}
	case "internal":
		return []step{p.begins(1), p.answer(p.own, 1), p.hangup(step{pause: holds}, p.own, "normalClearing")}
	}
	return []step{p.begins(1), p.hangup(ring, p.own, "cancel")}
}
