package asterisktest

import (
	"slices"
	"time"
)

// maxCalls bounds how many calls a Server remembers; beyond it the oldest ones
// that have ended are forgotten.
const maxCalls = 200_000

// Call is the server's record of one call that its traffic made, and of whether
// any client could know of it.
type Call struct {
	Linkedid string
	// Kind is what the player or script called it, such as "voicemail"; "" for
	// raw traffic.
	Kind  string
	Start time.Time
	// End is zero while a channel of the call is up. A call that died with a
	// restart of the PBX ended then.
	End time.Time
	// Seen says that some client was told of the call while it was up or at its
	// end: an event of it, or a Status answer that lists it. It counts only if
	// the client stayed for Config.SeenAfter afterwards, is still there, or
	// left with Logoff: what is written to a dying process tells nobody.
	Seen bool
}

// ledger keeps the records. The Server's lock guards it.
type ledger struct {
	calls map[string]*Call
	order []string
	kinds map[string]string // announced by players before the first event
}

func newLedger() *ledger {
	return &ledger{calls: map[string]*Call{}, kinds: map[string]string{}}
}

// announce gives the kind of a call that will start.
func (l *ledger) announce(linkedid, kind string) { l.kinds[linkedid] = kind }

func (l *ledger) start(linkedid string, now time.Time) {
	if l.calls[linkedid] != nil || linkedid == "" {
		return
	}
	l.calls[linkedid] = &Call{Linkedid: linkedid, Kind: l.kinds[linkedid], Start: now}
	delete(l.kinds, linkedid)
	l.order = append(l.order, linkedid)
	if len(l.order) > maxCalls {
		l.forget()
	}
}

func (l *ledger) end(linkedid string, now time.Time) {
	if call := l.calls[linkedid]; call != nil && call.End.IsZero() {
		call.End = now
	}
}

func (l *ledger) endAll(now time.Time) {
	for _, call := range l.calls {
		if call.End.IsZero() {
			call.End = now
		}
	}
	clear(l.kinds)
}

func (l *ledger) markSeen(linkedid string) {
	if call := l.calls[linkedid]; call != nil {
		call.Seen = true
	}
}

// forget drops the oldest calls that have ended.
func (l *ledger) forget() {
	surplus := len(l.order) - maxCalls*9/10
	l.order = slices.DeleteFunc(l.order, func(linkedid string) bool {
		if surplus <= 0 || l.calls[linkedid].End.IsZero() {
			return false
		}
		surplus--
		delete(l.calls, linkedid)
		return true
	})
}

// Calls returns the record of every call so far, in the order of their starts.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make([]Call, 0, len(s.ledger.order))
	for _, linkedid := range s.ledger.order {
		calls = append(calls, s.seen(*s.ledger.calls[linkedid]))
	}
	return calls
}

// Call returns the record of one call; false if there is none.
func (s *Server) Call(linkedid string) (Call, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.ledger.calls[linkedid]
	if known == nil {
		return Call{}, false
	}
	return s.seen(*known), true
}

// seen also looks at the connections that are up; the caller holds the lock.
func (s *Server) seen(call Call) Call {
	for session := range s.sessions {
		call.Seen = call.Seen || !session.told[call.Linkedid].IsZero()
	}
	return call
}

// Unseen counts the calls that have ended and that no client was told of: what
// not even a perfect client could know.
func (s *Server) Unseen() int {
	unseen := 0
	for _, call := range s.Calls() {
		if !call.Seen && !call.End.IsZero() {
			unseen++
		}
	}
	return unseen
}
