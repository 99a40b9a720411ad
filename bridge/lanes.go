package bridge

import (
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// lane is a kind of work. The smaller goes first.
type lane int

// The lanes, the most urgent first. Local work asks nothing of Zendesk, and
// neither does that of the hook for speech, which has a lane of its own.
const (
	lanePops lane = iota
	laneCreates
	laneUpdates
	laneRest
	laneLocal
	laneSpeech
	laneCount
)

func (l lane) String() string {
	return [...]string{"pops", "creates", "updates", "rest", "local", "speech", ""}[l]
}

// laneOf is where a step runs.
func laneOf(s Step) lane {
	if in := urgency(s); !s.Past || in >= laneLocal {
		return in
	}
	return laneRest
}

// urgency is where a step runs of a call that somebody waits for.
func urgency(s Step) lane {
	switch s.Kind {
	case StepPop:
		return lanePops
	case StepCreate, StepMatch:
		if s.Want.Key != "" {
			return lanePops
		}
		return laneCreates
	case StepCaller:
		if s.Live {
			return lanePops
		}
		return laneCreates
	case StepAttach, StepLookup:
		return laneCreates
	case StepComplete, StepVerify:
		return laneUpdates
	case StepTell, StepLink, StepJoin, StepTranscript:
		return laneRest
	case StepAudio, StepRecording, StepGiveUp:
		return laneLocal
	case StepTranscribe:
		return laneSpeech
	}
	return laneRest
}

const (
	// maxRunning bounds the requests in flight.
	maxRunning = 48
	// reservedForPops of them are never taken by anything else.
	reservedForPops = 8
	// maxLocal bounds the files that are copied at a time.
	maxLocal = 4
)

// lanes says which call is served next. It has one owner.
type lanes struct {
	waiting [laneCount][]waiter
	running [laneCount]int
	paused  [laneCount]time.Time
	// single lets only one request out at a time: Zendesk refused us or is down,
	// and one is enough to find out whether that still is so.
	single bool
	// budget is what the account's minute has left.
	budget budget
	// updates are those that count against limits of their own.
	updates updates
	// speech bounds what the hook for speech is asked at a time; 0 is one.
	speech int
}

type waiter struct {
	call  telephony.CallID
	since time.Time
}

func (l *lanes) push(in lane, call telephony.CallID, now time.Time) {
	l.waiting[in] = append(l.waiting[in], waiter{call, now})
}

// next takes the most urgent call that may run now. done must be called for it.
func (l *lanes) next(now time.Time) (telephony.CallID, lane, bool) {
	for in := range laneCount {
		if len(l.waiting[in]) == 0 || l.paused[in].After(now) || !l.room(in) || !l.affords(in, now) {
			continue
		}
		w := l.waiting[in][0]
		l.waiting[in] = l.waiting[in][1:]
		l.running[in]++
		return w.call, in, true
	}
	return "", 0, false
}

func (l *lanes) room(in lane) bool {
	if in == laneLocal {
		return l.running[laneLocal] < maxLocal
	}
	if in == laneSpeech {
		return l.running[laneSpeech] < max(1, l.speech)
	}
	total := 0
	for i := range laneLocal {
		total += l.running[i]
	}
	switch {
	case l.single:
		return total == 0
	case in == lanePops:
		return total < maxRunning
	}
	return total-l.running[lanePops] < maxRunning-reservedForPops && total < maxRunning
}

func (l *lanes) done(in lane) { l.running[in]-- }

// pause stops a lane, and those that are less urgent but ask Zendesk too,
// until a time: they share the account's budget.
func (l *lanes) pause(from lane, until time.Time) {
	for in := from; in < laneLocal || in == from; in++ {
		if until.After(l.paused[in]) {
			l.paused[in] = until
		}
	}
}

// resume ends all pauses.
func (l *lanes) resume() { l.paused, l.single = [laneCount]time.Time{}, false }

// wake is when a paused lane with somebody waiting goes on, zero if none does.
func (l *lanes) wake(now time.Time) time.Time {
	var first time.Time
	for in := range laneCount {
		at := l.paused[in]
		if len(l.waiting[in]) > 0 && !at.After(now) {
			at = l.affordable(in, now)
		}
		if len(l.waiting[in]) > 0 && at.After(now) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// affordable is when what is counted allows one more request in a lane.
func (l *lanes) affordable(in lane, now time.Time) time.Time {
	var at time.Time
	if !l.budgeted(in, now) {
		at = l.budget.at.Add(budgetFresh)
	}
	if in == laneUpdates || in == laneRest {
		if free := l.updates.free(now); free.After(at) {
			at = free
		}
	}
	return at
}

// affords reports whether that is so now.
func (l *lanes) affords(in lane, now time.Time) bool {
	return l.budgeted(in, now) && ((in != laneUpdates && in != laneRest) || l.updates.free(now).IsZero())
}

// budgeted reports whether the budget allows one more request in a lane: what is
// under way will be taken off it, and the last of it is for pops. Where little was
// left, and that was told long ago, one request finds out.
func (l *lanes) budgeted(in lane, now time.Time) bool {
	if in == lanePops || in >= laneLocal || l.budget.limit == 0 {
		return true
	}
	running := l.busy() - l.running[laneLocal] - l.running[laneSpeech]
	spared, waits := spares(zendesk.Budget{Known: true, Limit: l.budget.limit, Remaining: l.budget.left - running}, l.budget.reserve)
	if waits && now.Sub(l.budget.at) >= budgetFresh {
		return running == 0
	}
	return !waits || in < spared
}

// lag is how long the first in a lane has waited.
func (l *lanes) lag(in lane, now time.Time) time.Duration {
	if len(l.waiting[in]) == 0 {
		return 0
	}
	return now.Sub(l.waiting[in][0].since)
}

// busy is how many steps run.
func (l *lanes) busy() int {
	total := 0
	for in := range laneCount {
		total += l.running[in]
	}
	return total
}
