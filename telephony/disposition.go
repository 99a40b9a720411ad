package telephony

// Direction says who called whom.
type Direction string

// The directions. The zero value is a call of which too little is known yet.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
	Internal Direction = "internal"
)

// Disposition is what became of a call. The zero value: it is not over.
type Disposition string

// The dispositions.
const (
	// Answered: an agent and the other side talked.
	Answered Disposition = "answered"
	// Missed: it rang, and nobody took it.
	Missed Disposition = "missed"
	// Abandoned: the caller gave up while it rang or waited.
	Abandoned Disposition = "abandoned"
	// Busy: every phone that was tried was busy.
	Busy Disposition = "busy"
	// Failed: the call came to nobody, for a technical reason.
	Failed Disposition = "failed"
	// LeftVoicemail: nobody took it, and the caller left a message.
	LeftVoicemail Disposition = "voicemail"
)

// direction is decided by the leg that began the call: a trunk's is inbound,
// unless the phone system placed the call and dialled that leg; an agent's is
// outbound as soon as a trunk leg joins, and internal until then. A hint of the
// dialplan wins.
func direction(s State, hint string, placed bool) Direction {
	switch Direction(hint) {
	case Inbound, Outbound, Internal:
		return Direction(hint)
	}
	first, ok := s.firstLeg()
	if !ok {
		return ""
	}
	if first.Side == SideTrunk && !placed {
		return Inbound
	}
	for _, l := range s.Legs {
		if l.Side == SideTrunk {
			return Outbound
		}
	}
	return Internal
}

// ending is what was told of the end of a call besides what its legs say.
type ending struct {
	gaveUp     bool       // the caller asked for it while he waited in a queue, or the phone system says so
	turnedAway bool       // the phone system was done with him before he was
	ringing    DialStatus // how the ringing ended where nobody told who was rung
}

// disposition decides by facts that every phone system tells reliably: did an
// agent talk, is there a message, how did the ringing end, who hung up. CDRs and
// queue's own word are no basis (an abandoned queue call's CDR says ANSWERED, and
// a queue that gives up says that the caller abandoned it).
func disposition(s State, end ending) Disposition {
	switch {
	case !s.Ended():
		return ""
	case s.Answered():
		return Answered
	case s.Voicemail != nil:
		return LeftVoicemail
	}
	count := make(map[DialStatus]int)
	tried := 0
	for _, l := range s.Legs {
		if l.DialledAt.IsZero() || l.Side == SideHelper || l.First {
			continue // who began the call may have been rung for it
		}
		tried++
		count[l.DialStatus]++
	}
	if tried == 0 && end.ringing != "" {
		tried, count[end.ringing] = 1, 1
	}
	first, _ := s.firstLeg()
	switch {
	case end.gaveUp, count[DialCancel] > 0 && !end.turnedAway, tried == 0 && s.HungUpBy == first.Side && s.HungUpBy != "":
		return Abandoned
	case tried > 0 && count[DialBusy] == tried:
		return Busy
	case count[DialNoAnswer] > 0, count[DialAnswer] > 0, count[DialDeclined] > 0, count[DialBusy] > 0, count[""] > 0, end.turnedAway:
		return Missed
	default:
		return Failed
	}
}

// firstLeg is the one that began the call, or the oldest known.
func (s State) firstLeg() (Leg, bool) {
	for _, l := range s.Legs {
		if l.First {
			return l, true
		}
	}
	if len(s.Legs) > 0 {
		return s.Legs[0], true
	}
	return Leg{}, false
}
