package bridge

import "time"

// skewWindow is how many entries of the journal one estimate rests on.
const skewWindow = 100

// skew estimates how far our clock is ahead of a phone system's: the least
// time that an event took from the one to the other. Deadlines of pops count
// from the phone system's times; with its clock ten seconds slow every page
// would be late. It has one owner; the zero value estimates nothing yet.
type skew struct {
	current, previous time.Duration
	seen              int
	rolled            bool
}

// observe notes that an event of the time at was durable at stored.
func (s *skew) observe(at, stored time.Time) {
	d := stored.Sub(at)
	if s.seen == 0 || d < s.current {
		s.current = d
	}
	s.seen++
	if s.seen == skewWindow {
		s.previous, s.rolled, s.seen = s.current, true, 0
	}
}

// ahead is how far our clock is ahead, with what the way takes at the least.
func (s *skew) ahead() time.Duration {
	switch {
	case s.rolled && (s.seen == 0 || s.previous < s.current):
		return s.previous
	case s.seen == 0:
		return 0
	default:
		return s.current
	}
}
