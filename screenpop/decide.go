package screenpop

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// ringSettle is how long a phone must have rung for it to count as ringing
// alone: a phone system reports the phones of a group one after the other,
// some milliseconds apart, and the first one is alone until the second comes.
const ringSettle = 200 * time.Millisecond

// Reason says why an agent should see a page, in words for people.
type Reason string

// The reasons.
const (
	// Answered: the first agent who talked to the other side.
	Answered Reason = "answered by"
	// RingingAlone: the only agent whose phone rings.
	RingingAlone Reason = "ringing alone"
	// RingingInGroup: one of several, with RingGroups.
	RingingInGroup Reason = "ringing in a group"
	// Transferred: came to the call, or was called to it, after another.
	Transferred Reason = "transferred to"
	// Dialling: calls out, and the other side rings.
	Dialling Reason = "dialling"
)

// Want is one page that one agent should see.
type Want struct {
	// Key is the same for the same want however often it is decided: the
	// agent's Zendesk id and the leg. It is done once; ringing and answering on
	// one leg, or on two phones of one agent that rang together, is one want.
	Key   string
	Agent Agent
	// Leg and Endpoint are the phone at which the agent is, or rings: a channel's
	// name, or the number that reaches it over a trunk.
	Leg      string
	Endpoint string
	Reason   Reason
	// Since is the moment that deadline and latency count from, by the clock of
	// the phone system.
	Since time.Time
	// NotBefore is when the want holds, if nothing else is heard until then;
	// zero: at once.
	NotBefore time.Time
}

// String is the want in words: "answered by Ana (PJSIP/1001)".
func (w Want) String() string {
	return fmt.Sprintf("%s %s (%s)", w.Reason, w.Agent.Name, w.Endpoint)
}

// Decide says which agents should see a page now, oldest first. It is pure:
// the same call, policy and directory give the same wants, of which the caller
// leaves out those whose Key is done.
//
// Internal calls, calls that are over, phones that are nobody's and agents
// whose id is not known yet want nothing.
func Decide(call telephony.State, policy Policy, directory *Directory) []Want {
	external := call.Direction == telephony.Inbound || call.Direction == telephony.Outbound
	if !external || !call.Live() || directory == nil {
		return nil
	}
	d := &deciding{
		call: call, policy: policy, who: directory.current.Load(),
		phones: make(map[string]phone), done: make(map[int64]bool),
	}
	d.talking()
	if policy.On == OnRinging {
		d.dialling()
		d.ringing()
	}
	slices.SortFunc(d.wants, func(a, b Want) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Leg, b.Leg), strings.Compare(a.Key, b.Key))
	})
	return d.wants
}

// deciding is one pass of Decide.
type deciding struct {
	call   telephony.State
	policy Policy
	who    *snapshot
	phones map[string]phone // what was looked up, by endpoint
	wants  []Want
	done   map[int64]bool // agents for whom there is a want already
}

// phone is whose an endpoint is.
type phone struct {
	agent Agent
	known bool
	// person names the agent, or the endpoint where it is nobody's.
	person string
}

func (d *deciding) phone(endpoint string) phone {
	p, ok := d.phones[endpoint]
	if ok {
		return p
	}
	p.agent, p.known = d.who.lookup(endpoint)
	switch {
	case !p.known:
		p.person = "endpoint " + endpoint
	case p.agent.ZendeskID == 0:
		p.person = p.agent.identity()
	default:
		p.person = "id " + strconv.FormatInt(p.agent.ZendeskID, 10)
	}
	d.phones[endpoint] = p
	return p
}

func (d *deciding) samePerson(a, b telephony.Leg) bool {
	return d.phone(a.Phone()).person == d.phone(b.Phone()).person
}

func (d *deciding) want(phone phone, leg telephony.Leg, reason Reason, since time.Time, settle time.Duration) {
	agent := phone.agent
	if agent.ZendeskID == 0 || d.done[agent.ZendeskID] {
		return
	}
	d.done[agent.ZendeskID] = true
	w := Want{
		Key:   fmt.Sprintf("%d/%s", agent.ZendeskID, d.anchor(leg).ID),
		Agent: agent, Leg: leg.ID, Endpoint: leg.Phone(), Reason: reason, Since: since,
	}
	if settle > 0 {
		w.NotBefore = since.Add(settle)
	}
	d.wants = append(d.wants, w)
}

// talking wants a page for every agent who talks now.
func (d *deciding) talking() {
	for _, talk := range d.call.Talks {
		if !talk.Until.IsZero() {
			continue
		}
		phone := d.phone(talk.Endpoint)
		if !phone.known {
			continue
		}
		// A leg that leaves a bridge and comes back talks since the first time.
		first := slices.IndexFunc(d.call.Talks, func(t telephony.Talk) bool { return t.Leg == talk.Leg })
		reason := Transferred
		if d.call.Talks[0].Leg == talk.Leg {
			reason = Answered
		}
		d.want(phone, d.leg(talk), reason, d.call.Talks[first].From, 0)
	}
}

// dialling wants a page for the agent who calls out, as soon as a trunk is
// dialled.
func (d *deciding) dialling() {
	if d.call.Direction != telephony.Outbound {
		return
	}
	from := slices.IndexFunc(d.call.Legs, func(l telephony.Leg) bool {
		return l.Ours() && l.EndedAt.IsZero() && !rings(l)
	})
	to := slices.IndexFunc(d.call.Legs, func(l telephony.Leg) bool {
		return l.Side == telephony.SideTrunk && !l.Inside && rings(l)
	})
	if from < 0 || to < 0 {
		return
	}
	if phone := d.phone(d.call.Legs[from].Phone()); phone.known {
		d.want(phone, d.call.Legs[from], Dialling, d.call.Legs[to].DialledAt, 0)
	}
}

// ringing wants a page where one agent's phones ring, or those of a group with
// RingGroups.
func (d *deciding) ringing() {
	first := d.firstRinging()
	for _, leg := range first {
		phone := d.phone(leg.Phone())
		if !phone.known || d.taken(leg) {
			continue
		}
		reason, since, settle := RingingAlone, d.aloneSince(leg), ringSettle
		switch {
		case d.policy.RingGroups && len(first) > 1:
			reason, since, settle = RingingInGroup, leg.DialledAt, 0
		case d.policy.RingGroups:
			since, settle = leg.DialledAt, 0
		case len(first) > 1:
			continue
		}
		if d.call.Answered() {
			reason = Transferred
		}
		d.want(phone, leg, reason, since, settle)
	}
}

// firstRinging has the ringing legs, one for each person: the first of his
// phones that was dialled.
func (d *deciding) firstRinging() []telephony.Leg {
	var first []telephony.Leg
	for _, l := range d.call.Legs {
		if !l.Ours() || !rings(l) {
			continue
		}
		i := slices.IndexFunc(first, func(o telephony.Leg) bool { return d.samePerson(o, l) })
		switch {
		case i < 0:
			first = append(first, l)
		case byDialled(l, first[i]) < 0:
			first[i] = l
		}
	}
	return first
}

// taken reports whether somebody else took the call while leg rang: it rings
// on for the milliseconds until it is told.
func (d *deciding) taken(leg telephony.Leg) bool {
	return slices.ContainsFunc(d.call.Legs, func(o telephony.Leg) bool {
		if !o.Ours() || o.DialledAt.IsZero() || d.samePerson(o, leg) || !o.EndedAt.IsZero() {
			return false
		}
		answered := o.DialStatus == telephony.DialAnswer && o.TalkedAt.IsZero()
		return answered || (!o.TalkedAt.IsZero() && !o.TalkedAt.Before(leg.DialledAt))
	})
}

// aloneSince is when leg began to ring alone: when it was dialled, or when the
// last of the others that rang with it was given up.
func (d *deciding) aloneSince(leg telephony.Leg) time.Time {
	since := leg.DialledAt
	for _, o := range d.call.Legs {
		gaveUp := o.Ours() && !o.DialledAt.IsZero() && o.TalkedAt.IsZero() && !d.samePerson(o, leg)
		if gaveUp && o.EndedAt.After(since) {
			since = o.EndedAt
		}
	}
	return since
}

// anchor is the leg that stands for all phones of one agent that rang together
// with leg: the first that was dialled.
func (d *deciding) anchor(leg telephony.Leg) telephony.Leg {
	anchor := leg
	for _, o := range d.call.Legs {
		together := o.Ours() && !o.DialledAt.IsZero() && !leg.DialledAt.IsZero() &&
			overlap(o, leg) && d.samePerson(o, leg)
		if together && byDialled(o, anchor) < 0 {
			anchor = o
		}
	}
	return anchor
}

// leg is the channel of a talk.
func (d *deciding) leg(talk telephony.Talk) telephony.Leg {
	i := slices.IndexFunc(d.call.Legs, func(l telephony.Leg) bool { return l.ID == talk.Leg })
	if i < 0 {
		return telephony.Leg{ID: talk.Leg, Endpoint: talk.Endpoint}
	}
	return d.call.Legs[i]
}

// byDialled orders legs by when they began to ring.
func byDialled(a, b telephony.Leg) int {
	return cmp.Or(a.DialledAt.Compare(b.DialledAt), strings.Compare(a.ID, b.ID))
}

// rings reports whether the phone of a leg rings now.
func rings(l telephony.Leg) bool {
	return !l.DialledAt.IsZero() && l.DialStatus == "" && l.TalkedAt.IsZero() && l.EndedAt.IsZero()
}

// overlap reports whether two legs rang at one moment.
func overlap(a, b telephony.Leg) bool {
	if b.DialledAt.Before(a.DialledAt) {
		a, b = b, a
	}
	until := a.EndedAt
	if until.IsZero() || (!a.TalkedAt.IsZero() && a.TalkedAt.Before(until)) {
		until = a.TalkedAt
	}
	return until.IsZero() || until.After(b.DialledAt)
}
