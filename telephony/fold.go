package telephony

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// folding is the state of one pass over the ordered events of a call, or of
// calls that became one.
type folding struct {
	// main is the call that says who called whom: of several, the oldest that
	// is no internal one.
	main    CallID
	legs    map[string]*Leg
	bridges map[string][]string // who is in which bridge, in order of entry
	hints   map[string]string
	// inside are the talks of agents to anybody, outside those to a line to the
	// outside world.
	inside, outside []Talk
	declined        map[string]bool // legs that were answered and not connected
	first           *Leg            // the leg that began the call, nil while it is not known
	openers         []*Leg          // over trunks, dialled by the phone system to begin the call
	dialled         bool            // somebody else was dialled since
	queued          bool            // the caller waits in a queue
	gaveUp          bool            // the caller asked for the end while he waited in one
	whole           *whole          // what was told of the call as a whole
	state           State
}

// fold reads the events, which must be in order, and says what they add up to.
func fold(id, main CallID, events []Event) State {
	f := &folding{
		main:    main,
		legs:    make(map[string]*Leg),
		bridges: make(map[string][]string),
		hints:   make(map[string]string),
		state:   State{ID: id},
		whole:   newWhole(events),
	}
	events = f.whole.endsLast(answeredAfter(foundBefore(events)))
	r := readReports(events)
	f.state.Late = r.late
	f.foresee(r)
	for i, e := range events {
		if r.stands(i, e) {
			f.step(e)
		}
	}
	f.withhold(events)
	return f.finish()
}

// foresee finds what decides about others and may be dated after them: who began
// the call, where clocks differ, and who was not connected although he answered.
func (f *folding) foresee(r reports) {
	for i, e := range r.events {
		begins := e.Kind == LegStarted && e.First && e.Call == f.main && f.first == nil
		declines := e.Kind == LegDialEnded && e.Status == DialDeclined
		switch {
		case !begins && !declines:
		case !r.stands(i, e):
		case begins:
			f.first = f.leg(e)
			f.first.First = true
		case declines:
			if f.declined == nil {
				f.declined = make(map[string]bool)
			}
			f.declined[e.Leg] = true
		}
	}
}

func (f *folding) step(e Event) {
	switch e.Kind {
	case CallHint:
		if _, ok := f.hints[e.Name]; !ok && e.Call == f.main {
			f.hints[e.Name] = e.Value
		}
		return
	case CallLinked:
		return // it says which calls to fold as one
	case CallQueued:
		f.queue(e)
		return
	case CallUnqueued:
		f.unqueue(e)
		return
	case CallRecorded:
		f.state.Recording = cmp.Or(f.state.Recording, e.Path)
		return
	case CallVoicemail:
		if f.state.Voicemail == nil {
			f.state.Voicemail = &Voicemail{Path: e.Path, At: e.Time}
		}
		return
	case CallRingEnded, CallForwarded, CallEnded:
		f.stepWhole(e)
		return
	case LegStarted, LegDialled, LegDialEnded, LegBridged, LegUnbridged, LegHeld, LegResumed, LegHangupAsked, LegEnded:
		f.whole.hear(e)
		f.stepLeg(f.leg(e), e)
	}
}

// queue notes that the caller waits in a queue.
func (f *folding) queue(e Event) {
	f.queued = true
	f.state.Queues = append(f.state.Queues, QueueStay{Name: e.Name, JoinedAt: e.Time, Position: e.Position})
}

// unqueue notes that he waits there no more.
func (f *folding) unqueue(e Event) {
	f.queued = false
	for i := range f.state.Queues {
		if q := &f.state.Queues[i]; q.Name == e.Name && q.LeftAt.IsZero() {
			q.LeftAt, q.LeftPosition = e.Time, e.Position
		}
	}
}

// stepLeg folds an event of one leg.
func (f *folding) stepLeg(l *Leg, e Event) {
	switch e.Kind {
	case LegStarted:
		l.StartedAt = earliest(l.StartedAt, e.Time)
		l.First = l.First || (e.First && e.Call == f.main)
		f.state.HungUpBy = ""
		if l.Party == (Party{}) {
			l.Party = e.Party
		}
		l.Dialled = cmp.Or(l.Dialled, e.Dialled)
	case LegDialled:
		f.state.HungUpBy = ""
		f.dial(l, e)
		l.DialledAt = earliest(l.DialledAt, e.Time)
		l.Dialled = cmp.Or(e.Dialled, l.Dialled)
		if l.Side == SideTrunk && f.state.From == (Party{}) && e.Call == f.main {
			f.state.From = e.Party // what we show to the outside
		}
	case LegDialEnded:
		// A queue reports a refused leg twice, noanswer and then cancel: the
		// first says why.
		if l.DialStatus = cmp.Or(l.DialStatus, e.Status); f.declined[e.Leg] {
			l.DialStatus = DialDeclined
		}
	case LegBridged:
		f.state.HungUpBy = ""
		if !f.declined[e.Leg] {
			f.enter(l, e)
		}
	case LegUnbridged:
		f.leave(e.Bridge, e.Leg, e.Time)
	case LegHeld:
		f.hold(l, e.Time)
	case LegResumed:
		f.resume(l.ID, e.Time)
	case LegHangupAsked:
		f.hangupAsked(l)
	case LegEnded:
		f.end(l, e)
	case CallHint, CallRecorded, CallVoicemail, CallLinked, CallQueued, CallUnqueued, CallRingEnded, CallForwarded, CallEnded: // handled by step
	}
}

// hangupAsked notes who wants the end: the first who asks for it and was in the
// conversation. A phone that refuses a call was not. Whatever comes after it
// shows that the call went on.
func (f *folding) hangupAsked(l *Leg) {
	if l.Side == SideHelper || (!l.First && l.TalkedAt.IsZero()) {
		return
	}
	side := l.Side
	if l.Inside {
		side = SideAgent
	}
	f.state.HungUpBy = cmp.Or(f.state.HungUpBy, side)
	f.gaveUp = f.gaveUp || (l.First && f.queued)
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

// end notes the end of a leg; the first one counts.
func (f *folding) end(l *Leg, e Event) {
	if !l.EndedAt.IsZero() {
		return
	}
	l.EndedAt, l.EndEstimated, l.Cause = e.Time, e.Estimated, e.Cause
	f.resume(l.ID, e.Time)
	for bridge, in := range f.bridges {
		if slices.Contains(in, l.ID) {
			f.leave(bridge, l.ID, e.Time)
		}
	}
}

// finish derives what needs the whole story.
func (f *folding) finish() State {
	f.endWhole()
	s := &f.state
	for _, l := range f.legs {
		s.Legs = append(s.Legs, *l)
	}
	slices.SortFunc(s.Legs, func(a, b Leg) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), strings.Compare(a.ID, b.ID))
	})
	if len(s.Legs) > 0 {
		s.StartedAt = s.Legs[0].StartedAt
	}
	if first, ok := s.firstLeg(); ok && f.main != s.ID {
		s.StartedAt = first.StartedAt // an internal call is older
	}
	for _, l := range s.Legs {
		if l.ringing() {
			s.Ringing = append(s.Ringing, l.Phone())
		}
	}
	f.ends()
	s.Transcript = f.hints[HintTranscript]
	s.Direction = direction(*s, f.hints[HintDirection], f.placed())
	f.parties()
	f.answers()
	away := f.hints[HintTurnedAway] != ""
	s.Disposition = disposition(*s, ending{f.gaveUp || (f.hints[HintGaveUp] != "" && !away), away, f.whole.ringStatus()})
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
	if far, ok := s.farSide(); ok {
		s.To = Party{Number: far.Dialled}
	}
}

// answers keeps the talks that count: of a call with an outside party those in
// which an agent hears it. To be asked by a colleague, while the caller waits, is
// none.
func (f *folding) answers() {
	s := &f.state
	s.Talks = f.outside
	if s.Direction == Internal {
		s.Talks = f.inside
	}
	// While a transfer takes place a leg may hear the caller in passing.
	if passing := func(t Talk) bool { return t.Until.Equal(t.From) }; !allOf(s.Talks, passing) {
		s.Talks = slices.DeleteFunc(s.Talks, passing)
	}
	if len(s.Talks) > 0 {
		s.AnsweredAt = s.Talks[0].From
	} else {
		s.AnsweredAt = f.taken()
	}
}

// taken is when somebody answered of whom nobody tells, zero if nobody did.
func (f *folding) taken() time.Time {
	waited, err := strconv.ParseUint(f.hints[HintTaken], 10, 31)
	since := f.state.StartedAt
	if n := len(f.state.Queues); n > 0 {
		since = f.state.Queues[n-1].JoinedAt
	}
	if err != nil || since.IsZero() {
		return time.Time{}
	}
	at := since.Add(time.Duration(waited) * time.Second)
	if f.state.Ended() {
		at = earliest(at, f.state.EndedAt)
	}
	return at
}

// ringing reports whether this is a phone of ours that rings now.
func (l Leg) ringing() bool {
	return l.Ours() && !l.DialledAt.IsZero() && l.DialStatus == "" && l.TalkedAt.IsZero() && l.EndedAt.IsZero()
}

func allOf[T any](all []T, is func(T) bool) bool {
	return !slices.ContainsFunc(all, func(t T) bool { return !is(t) })
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
