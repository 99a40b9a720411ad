package telephony

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// folding is the state of one pass over the ordered events of a call.
type folding struct {
	legs    map[string]*Leg
	bridges map[string][]string // who is in which bridge, in order of entry
	hints   map[string]string
	talks   []Talk
	state   State
}

// fold reads the events, which must be in order, and says what they add up to.
func fold(id CallID, events []Event) State {
	f := &folding{
		legs:    make(map[string]*Leg),
		bridges: make(map[string][]string),
		hints:   make(map[string]string),
		state:   State{ID: id},
	}
	r := readReports(events)
	for i, e := range events {
		if !e.Estimated || !r.overrule(i, e) {
			f.step(e)
		}
	}
	f.withhold(events)
	return f.finish()
}

func (f *folding) step(e Event) {
	switch e.Kind {
	case CallHint:
		if _, ok := f.hints[e.Name]; !ok {
			f.hints[e.Name] = e.Value
		}
		return
	case CallRecorded:
		f.state.Recording = cmp.Or(f.state.Recording, e.Path)
		return
	case CallVoicemail:
		if f.state.Voicemail == nil {
			f.state.Voicemail = &Voicemail{Path: e.Path, At: e.Time}
		}
		return
	case LegStarted, LegDialled, LegDialEnded, LegBridged, LegUnbridged, LegHangupAsked, LegEnded, LegMoved:
		f.stepLeg(f.leg(e), e)
	}
}

// stepLeg folds an event of one leg.
func (f *folding) stepLeg(l *Leg, e Event) {
	switch e.Kind {
	case LegStarted:
		l.StartedAt = earliest(l.StartedAt, e.Time)
		l.First = l.First || e.First
		if l.Party == (Party{}) {
			l.Party = e.Party
		}
		l.Dialled = cmp.Or(l.Dialled, e.Dialled)
	case LegDialled:
		l.DialledAt = earliest(l.DialledAt, e.Time)
		l.Dialled = cmp.Or(e.Dialled, l.Dialled)
		if l.Side == SideTrunk && f.state.From == (Party{}) {
			f.state.From = e.Party // what we show to the outside
		}
	case LegDialEnded:
		// A queue reports a refused leg twice, noanswer and then cancel: the
		// first says why.
		l.DialStatus = cmp.Or(l.DialStatus, e.Status)
	case LegBridged:
		f.enter(l, e)
	case LegUnbridged:
		f.leave(e.Bridge, e.Leg, e.Time)
	case LegHangupAsked:
		f.state.HungUpBy = cmp.Or(f.state.HungUpBy, l.Side)
	case LegEnded, LegMoved:
		f.end(l, e)
	case CallHint, CallRecorded, CallVoicemail: // handled by step
	}
}

func (f *folding) leg(e Event) *Leg {
	l, ok := f.legs[e.Leg]
	if !ok {
		l = &Leg{ID: e.Leg, StartedAt: e.Time}
		f.legs[e.Leg] = l
	}
	l.Endpoint = cmp.Or(l.Endpoint, e.Endpoint)
	l.Side = cmp.Or(l.Side, e.Side)
	return l
}

// enter notes that a leg is in a bridge; two in one bridge talk.
func (f *folding) enter(l *Leg, e Event) {
	if !l.EndedAt.IsZero() || slices.Contains(f.bridges[e.Bridge], e.Leg) {
		return
	}
	f.bridges[e.Bridge] = append(f.bridges[e.Bridge], e.Leg)
	if len(f.bridges[e.Bridge]) < 2 {
		return
	}
	for _, id := range f.bridges[e.Bridge] {
		if l := f.legs[id]; l != nil && l.TalkedAt.IsZero() {
			l.TalkedAt = e.Time
		}
		f.beginTalk(id, e.Time)
	}
}

func (f *folding) beginTalk(leg string, at time.Time) {
	l := f.legs[leg]
	if l == nil || l.Side != SideAgent {
		return
	}
	open := func(t Talk) bool { return t.Leg == leg && t.Until.IsZero() }
	if slices.ContainsFunc(f.talks, open) {
		return
	}
	f.talks = append(f.talks, Talk{Endpoint: l.Endpoint, Leg: leg, From: at})
}

func (f *folding) leave(bridge, leg string, at time.Time) {
	in := f.bridges[bridge]
	i := slices.Index(in, leg)
	if i < 0 {
		return
	}
	in = slices.Delete(slices.Clone(in), i, i+1)
	f.bridges[bridge] = in
	f.endTalk(leg, at)
	if len(in) == 1 {
		f.endTalk(in[0], at)
	}
}

// talking reports whether a leg is in a bridge with another.
func (f *folding) talking(leg string) bool {
	for _, in := range f.bridges {
		if len(in) > 1 && slices.Contains(in, leg) {
			return true
		}
	}
	return false
}

// endTalk ends the talk of a leg, unless it talks in another bridge: a leg
// that changes bridges may enter the new one before it leaves the old.
func (f *folding) endTalk(leg string, at time.Time) {
	if f.talking(leg) {
		return
	}
	for i := range f.talks {
		if f.talks[i].Leg == leg && f.talks[i].Until.IsZero() {
			f.talks[i].Until = at
		}
	}
}

// end notes the end of a leg; the first one counts.
func (f *folding) end(l *Leg, e Event) {
	if !l.EndedAt.IsZero() {
		return
	}
	l.EndedAt, l.EndEstimated, l.Cause = e.Time, e.Estimated, e.Cause
	for bridge, in := range f.bridges {
		if slices.Contains(in, l.ID) {
			f.leave(bridge, l.ID, e.Time)
		}
	}
}

// finish derives what needs the whole story.
func (f *folding) finish() State {
	s := &f.state
	for _, l := range f.legs {
		s.Legs = append(s.Legs, *l)
	}
	slices.SortFunc(s.Legs, func(a, b Leg) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), strings.Compare(a.ID, b.ID))
	})
	for i, l := range s.Legs {
		if i == 0 {
			s.StartedAt = l.StartedAt
		}
		if l.ringing() {
			s.Ringing = append(s.Ringing, l.Endpoint)
		}
	}
	f.ends()
	s.Direction = direction(*s, f.hints[HintDirection])
	f.parties()
	f.answers()
	s.Disposition = disposition(*s)
	return *s
}

// ends sets EndedAt once no leg is alive.
func (f *folding) ends() {
	s := &f.state
	for _, l := range s.Legs {
		if l.EndedAt.IsZero() {
			s.EndedAt, s.EndEstimated = time.Time{}, false
			return
		}
		if l.EndedAt.After(s.EndedAt) {
			s.EndedAt, s.EndEstimated = l.EndedAt, l.EndEstimated
		}
	}
}

// parties says who called whom.
func (f *folding) parties() {
	s := &f.state
	first, ok := s.firstLeg()
	if !ok {
		return
	}
	if s.Direction != Outbound {
		s.From = first.Party
		s.To = Party{Number: cmp.Or(f.hints[HintDID], first.Dialled)}
		return
	}
	for _, l := range s.Legs {
		if l.Side == SideTrunk {
			s.To = Party{Number: l.Dialled}
			return
		}
	}
}

// answers keeps the talks that count. On a call with an outside party that is
// every talk of an agent from the moment both sides have talked to somebody.
func (f *folding) answers() {
	s := &f.state
	if s.Direction != Internal && !f.outsideTalked() {
		return
	}
	slices.SortStableFunc(f.talks, func(a, b Talk) int {
		return cmp.Or(a.From.Compare(b.From), strings.Compare(a.Leg, b.Leg))
	})
	s.Talks = f.talks
	if len(s.Talks) > 0 {
		s.AnsweredAt = s.Talks[0].From
	}
}

func (f *folding) outsideTalked() bool {
	for _, l := range f.legs {
		if l.Side == SideTrunk && !l.TalkedAt.IsZero() {
			return true
		}
	}
	return false
}

// ringing reports whether this is an agent's phone that rings now.
func (l Leg) ringing() bool {
	return l.Side == SideAgent && !l.DialledAt.IsZero() && l.DialStatus == "" && l.TalkedAt.IsZero() && l.EndedAt.IsZero()
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
