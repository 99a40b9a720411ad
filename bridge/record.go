package bridge

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// Record is the fold of a call's outcomes, in the order of the journal: what
// has been done about it. Its zero value is a call about which nothing has been
// done. It has one owner and is copied by value where it is handed out; what
// its pointers and maps lead to is not changed afterwards by those who read.
type Record struct {
	// Caller is the requester's user id, 0 while not known.
	Caller int64
	// CallerHow is how he was found.
	CallerHow string
	// Candidates are whom the ticket names as those whose call it may be.
	Candidates []Candidate
	// Dropped counts the callers whom Zendesk refused as a requester.
	Dropped int

	// Dialled is the order that the call was placed by, nil if somebody dialled.
	Dialled *Dialled

	// Match is what the look at the caller's tickets came to, nil while there
	// was none.
	Match *Finding
	// Ticket is the call's ticket, 0 while there is none. Attached says that it
	// was there before the call.
	Ticket   int64
	Attached bool
	// ExternalID is the one that Ticket carries.
	ExternalID string
	// Assigned is the agent whom the create made the assignee.
	Assigned int64
	// Successor counts the tickets that follow a closed one: 2 for "#2".
	Successor int
	// Predecessor is the closed ticket that the one to be made follows; Detached
	// says that the call was only attached to it.
	Predecessor int64
	Detached    bool
	// Creates counts the intents to create.
	Creates int
	// Doubtful says that a create of unknown fate was repeated, Checked that it
	// was looked up once more after that.
	Doubtful, Checked bool

	// Completed says that the ticket has all that is known, Covered of which
	// calls besides its own.
	Completed bool
	// Told says that it has that in words, besides a voice comment.
	Told    bool
	Covered []telephony.CallID
	// CallRecord is Zendesk's record of the call, 0 while there is none, App the
	// app that it is made for; 0 where comments tell of the call. RecordDoubtful
	// says that one of unknown fate was given up.
	CallRecord, App int64
	RecordDoubtful  bool
	// begun says that App is decided.
	begun bool
	// Joined are the tickets of other calls that a note on Ticket names: they
	// became one call with this one.
	Joined []int64
	// Gone says that a person deleted the ticket.
	Gone bool

	// Open is the intent whose result is not known, nil if none.
	Open *Intent
	// Pops are the wants that were answered, by key.
	Pops map[string]*screenpop.Outcome
	// Audio is the kept voicemail, nil while there is none.
	Audio *Audio
	// Recording is the kept recording of the call, nil while there is none.
	Recording *Audio
	// Transcript is what the hook heard in them, nil while it is not known. Quoted
	// says that the ticket has what was said, by whomever it was put into words.
	Transcript *Transcript
	Quoted     bool

	// Duplicates are further tickets of this call; Linked counts those noted.
	Duplicates []int64
	Linked     int

	// Parked holds the steps that wait for a person, with the reason.
	Parked map[StepKind]string
	// GivenUp holds those on which nobody acted for too long.
	GivenUp map[StepKind]string
	// Bare holds the steps that leave out what is not essential: with an
	// agent's id Zendesk refused them.
	Bare map[StepKind]bool
	// waits are the steps that must not be tried before a time.
	waits map[StepKind]wait

	// parkedAt is when the last of them was parked.
	parkedAt time.Time

	// last is the stream sequence of the last outcome, for fencing.
	last uint64
	// lookedAt is when the open intent was last looked up. It is not in the
	// journal: after a restart the first look-up is at once.
	lookedAt time.Time
	// hearing says that the hook is being asked; it is not in the journal either.
	hearing bool
	// soundAt is when what the ticket plays was kept.
	soundAt time.Time
}

// Intent is a write that was about to be sent.
type Intent struct {
	ID         string
	Step       StepKind
	At         time.Time
	ExternalID string
	Final      bool
	// Voice says that the write does not tell of the call in words.
	Voice bool
	// App, CallRecord and Shown are those of the Outcome.
	App, CallRecord int64
	Shown           int
	// Quotes says that the write takes what was said along.
	Quotes bool
	// Display is the want that a create shows the ticket for.
	Display string
	Ticket  int64
	// Assigned is the agent whom the write makes the assignee.
	Assigned int64
	// Tickets are those that a note names, Covers the calls that a create or
	// completion tells of.
	Tickets []int64
	Covers  []telephony.CallID
}

// wait is a step put off.
type wait struct {
	until time.Time
	tries int
	// why is the error of the last try, where it is told.
	why string
}

// apply folds in one outcome, which stands at seq.
func (r *Record) apply(seq uint64, o Outcome) {
	r.last = seq
	r.begin(o)
	switch o.Kind {
	case CallerKnown:
		r.Caller, r.CallerHow, r.Candidates = o.User, o.How, o.Candidates
		r.clear(StepCaller)
	case CallerDropped:
		r.Caller, r.CallerHow, r.Candidates, r.Match = 0, "", nil, nil
		r.Dropped++
		r.free(o)
	case Matched:
		r.Match = &Finding{Ticket: o.Ticket, Reason: o.Reason, At: o.Time}
		r.clear(StepMatch)
	case Attached:
		r.attached(o)
	case Intended:
		r.intend(o)
	case Done:
		r.done(o)
	case Freed:
		r.free(o)
	case Unknown:
		r.putOff(o)
	case Popped:
		r.popped(o.Want, o.Pop)
	case AudioKept:
		r.kept(o)
	case Transcribed:
		r.transcribed(o)
	case Parked:
		r.park(o)
	case Retried:
		r.Parked, r.GivenUp, r.Bare, r.waits = nil, nil, nil, nil
		r.hearAgain(o)
	case GivenUp:
		r.giveUp()
	case TicketClosed:
		r.closed(o)
	case TicketGone:
		if o.Ticket == r.Ticket {
			r.Gone, r.Open = true, nil
		}
	case DialIntended, DialDone, DialFailed:
		r.dialled(o)
	case Duplicate:
		r.close(o)
		r.found(o.Tickets...)
		r.Checked = true
	}
}

// kept notes that audio was collected. A ticket that was completed before lacks
// it; that there is no recording does not change it, nor does it that a node that had
// lost its turn collected it as well.
func (r *Record) kept(o Outcome) {
	r.clear(o.Step)
	r.soundAt = o.Time
	switch {
	case o.Step == StepRecording && !r.Recording.playable():
		r.Recording = o.Audio
		r.Completed = r.Completed && !o.Audio.playable()
	case o.Step != StepRecording && !r.Audio.playable():
		r.Audio, r.Completed = o.Audio, false
	}
}

// sound is what the ticket plays: the message that the caller left, or else the
// recording; nil if neither is kept.
func (r *Record) sound() *Audio {
	if r.Audio.playable() || !r.Recording.playable() {
		return r.Audio
	}
	return r.Recording
}

func (r *Record) intend(o Outcome) {
	r.Open = &Intent{
		ID: o.Intent, Step: o.Step, At: o.Time, ExternalID: o.ExternalID, Final: o.Final, Voice: o.Voice,
		Display: o.Want, Ticket: o.Ticket, Assigned: o.User, Tickets: o.Tickets, Covers: o.Covers,
		App: o.App, CallRecord: o.CallRecord, Shown: o.Shown, Quotes: o.Quotes,
	}
	r.lookedAt = time.Time{}
	if o.Step == StepCreate {
		r.Creates++
	}
}

func (r *Record) done(o Outcome) {
	r.Quoted = r.Quoted || o.Quotes
	switch o.Step {
	case StepCreate:
		if r.ExternalID == "" || r.Ticket == 0 {
			r.ExternalID = o.ExternalID
		}
		r.close(o)
		r.found(o.Ticket)
		if o.Final {
			r.Completed, r.Told = true, true
		}
		r.popped(o.Want, o.Pop)
	case StepComplete:
		r.Completed = r.Completed || o.Ticket == r.Ticket
		r.CallRecord = cmp.Or(r.CallRecord, o.CallRecord)
		r.close(o)
	case StepTell:
		r.Told = true
		r.close(o)
	case StepTranscript:
		r.Quoted = true
		r.close(o)
	case StepLink:
		r.Linked++
		r.close(o)
	case StepJoin:
		r.Joined = slices.Concat(r.Joined, o.Tickets)
		r.close(o)
	case StepLookup:
		r.Checked = true
	case StepCaller, StepMatch, StepAttach, StepAudio, StepRecording, StepTranscribe, StepPop, StepVerify, StepGiveUp: // they leave other outcomes
	}
	r.clear(o.Step)
}

// close ends the open intent with its result. A result of another intent, from
// a node that had lost its turn, leaves it open.
func (r *Record) close(o Outcome) {
	open := r.Open
	if open == nil || open.ID != o.Intent {
		return
	}
	r.Open = nil
	r.Quoted = r.Quoted || open.Quotes
	switch {
	case open.Step == StepCreate:
		r.ExternalID, r.Assigned = open.ExternalID, open.Assigned
		r.Completed = r.Completed || open.Final
		if open.Final {
			r.Covered, r.Told = open.Covers, !open.Voice
		}
		if open.App != 0 && !open.Voice { // of a call that was over it said all in words
			r.Covered, r.Told = open.Covers, true
		}
	case open.Step == StepComplete && r.Completed && open.App != 0:
		r.Told = r.Told && len(open.Covers) == len(r.Covered) // further calls are told of in words
		r.Covered = open.Covers
	case open.Step == StepComplete && r.Completed:
		r.Covered, r.Told = open.Covers, r.Told || !open.Voice
	case open.Step == StepJoin && len(o.Tickets) == 0:
		r.Joined = slices.Concat(r.Joined, open.Tickets) // found in the audits
	}
}

// found notes that these are tickets of the call. Of several the oldest, whose
// number is the lowest, is the right one.
func (r *Record) found(tickets ...int64) {
	for _, id := range tickets {
		if id == 0 || id == r.Ticket || slices.Contains(r.Duplicates, id) {
			continue
		}
		if r.Ticket == 0 {
			r.Ticket = id
			continue
		}
		if id < r.Ticket {
			r.Ticket, id = id, r.Ticket
			r.Completed, r.Told, r.Quoted = false, false, false
		}
		r.Duplicates = append(slices.Clone(r.Duplicates), id)
	}
}

// closed: another ticket is to follow this one.
func (r *Record) closed(o Outcome) {
	if o.Ticket != r.Ticket {
		return
	}
	r.Predecessor, r.Ticket, r.Open, r.Doubtful, r.Checked, r.Told = o.Ticket, 0, nil, false, false, false
	r.Quoted = false
	if r.Detached = r.Attached; r.Detached {
		r.Attached = false // what follows is the first ticket of the call's own
		return
	}
	r.Successor = max(2, r.Successor+1)
}

// free gives up an intent that did not happen.
func (r *Record) free(o Outcome) {
	if r.Open != nil && r.Open.ID == o.Intent {
		r.Open = nil
	}
	if o.Bare {
		r.Bare = with(r.Bare, o.Step, true)
	}
	r.Doubtful = r.Doubtful || (o.Doubtful && o.Step == StepCreate)
	r.RecordDoubtful = r.RecordDoubtful || (o.Doubtful && o.App != 0)
	r.putOff(o)
}

// putOff lets a step wait until o.NotBefore.
func (r *Record) putOff(o Outcome) {
	w := wait{until: o.NotBefore, tries: r.waits[o.Step].tries, why: o.Reason}
	if !o.Uncounted {
		w.tries++
	}
	r.waits = with(r.waits, o.Step, w)
}

func (r *Record) clear(step StepKind) {
	if _, ok := r.waits[step]; !ok {
		return
	}
	waits := maps.Clone(r.waits)
	delete(waits, step)
	r.waits = waits
}

func (r *Record) popped(want string, pop *screenpop.Outcome) {
	if want == "" || pop == nil {
		return
	}
	r.Pops = with(r.Pops, want, pop)
}

func (r *Record) park(o Outcome) {
	r.Parked, r.parkedAt = with(r.Parked, o.Step, o.Reason), o.Time
	if r.Open != nil && r.Open.ID == o.Intent {
		r.Open = nil
	}
}

// pages are what could be shown to an agent now. The placeholder for those who
// do not show their number is nobody's page.
func (r *Record) pages() screenpop.Pages {
	pages := screenpop.Pages{Ticket: r.Ticket, User: r.Caller}
	if r.Match != nil && r.Ticket == 0 && r.Predecessor == 0 && r.Creates == 0 {
		pages.Ticket = r.Match.Ticket // it is known while it rings
	}
	if r.Attached || r.Ticket == 0 {
		pages.OpenTicket = pages.Ticket
	}
	if r.CallerHow == howPlaceholder {
		pages.User = 0
	}
	return pages
}

// with is m with one more entry; m itself, which others may be reading, stays.
func with[K comparable, V any](m map[K]V, key K, value V) map[K]V {
	out := make(map[K]V, len(m)+1)
	maps.Copy(out, m)
	out[key] = value
	return out
}
