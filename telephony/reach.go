package telephony

import "cmp"

// A line to the outside leads to the other side, as a rule. But a phone system
// also reaches people of ours over it: the mobile of an agent in a ring group,
// somebody to whom a caller is transferred or forwarded. Events do not say
// which it is; who dialled, and who was there already, does:
//
//   - Who calls us is the other side. Whoever is dialled in his call is not.
//   - Whom an agent calls is the other side, also over a second trunk when the
//     first one fails. Who is dialled while he and we talk is not.
//   - A call that the phone system places by itself begins with the line that it
//     dials first. If it dials the next one over a trunk too, the first was the
//     phone for which the call was placed; if it rings one of our phones, the
//     first was the customer, who is called back.

// Ours reports whether a phone of our side is at the leg: one of the phone
// system's, or one that is reached over a trunk.
func (l Leg) Ours() bool { return l.Side == SideAgent || l.Inside }

// Phone names the phone at the leg: its endpoint, or, of one that is reached
// over a trunk, the number that was dialled. The endpoint would say only over
// which trunk.
func (l Leg) Phone() string {
	if l.Inside {
		return cmp.Or(l.Dialled, l.Endpoint)
	}
	return l.Endpoint
}

// outside reports whether the other side is at the leg.
func (l *Leg) outside() bool { return l.Side == SideTrunk && !l.Inside }

// dial decides, when a leg is dialled for the first time, whether it reaches
// somebody of ours.
func (f *folding) dial(l *Leg, e Event) {
	switch {
	case l.Side == SideHelper || !l.DialledAt.IsZero():
		return
	case f.opens(l, e):
		if l.Side == SideTrunk {
			f.openers = append(f.openers, l)
		}
		return
	case !f.dialled && l.Side == SideTrunk:
		for _, opener := range f.openers {
			opener.Inside = true
		}
	}
	f.dialled = true
	l.Inside = l.Side == SideTrunk && f.otherSideIsThere()
}

// opens reports whether the phone system dials the leg by itself, to begin the
// call with it: no channel does, or the far end of a helper that is the first.
func (f *folding) opens(l *Leg, e Event) bool {
	if l.First {
		return e.Peer == ""
	}
	first, peer := f.first, f.legs[e.Peer]
	return e.Call == f.main && first != nil && first.Side == SideHelper && first.Endpoint != "" &&
		peer != nil && peer != first && peer.Endpoint == first.Endpoint
}

// otherSideIsThere reports whether the call has its outside party already: who
// called us or is called back, or else somebody outside who talks.
func (f *folding) otherSideIsThere() bool {
	if f.first != nil && f.first.outside() {
		return true
	}
	for _, opener := range f.openers {
		if opener.outside() && opener.EndedAt.IsZero() {
			return true
		}
	}
	for _, l := range f.legs {
		if l.outside() && !l.TalkedAt.IsZero() && l.EndedAt.IsZero() {
			return true
		}
	}
	return false
}

// placed reports whether the phone system dialled the leg that began the call.
func (f *folding) placed() bool {
	for _, opener := range f.openers {
		if opener.First {
			return true
		}
	}
	return false
}

// OverTrunk reports whether a talk was over a trunk: with somebody on our side
// who is outside, an agent or not.
func (s State) OverTrunk(talk Talk) bool {
	for _, l := range s.Legs {
		if l.ID == talk.Leg {
			return l.Inside
		}
	}
	return false
}

// farSide is the leg of whom we called: the first over a trunk that reaches
// nobody of ours, or the first over a trunk.
func (s State) farSide() (Leg, bool) {
	var found Leg
	for _, l := range s.Legs {
		switch {
		case l.Side != SideTrunk:
		case !l.Inside:
			return l, true
		case found.ID == "":
			found = l
		}
	}
	return found, found.ID != ""
}
