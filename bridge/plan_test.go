package bridge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
)

// short is a step in one line.
func short(s Step) string {
	var b strings.Builder
	word := func(format string, args ...any) { fmt.Fprintf(&b, format+" ", args...) }
	if s.Kind != "" {
		word("%s", s.Kind)
	}
	if s.Via != 0 {
		word("%d", s.Via)
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"final", s.Final}, {"bare", s.Bare}, {"conclusive", s.Conclusive}, {"late", s.Late}, {"settled", s.Settled}} {
		if flag.set {
			word("%s", flag.name)
		}
	}
	if s.Want.Key != "" {
		word("for %s", s.Want.Key)
	}
	if !s.At.IsZero() {
		word("at %v", s.At.Sub(start).Seconds())
	}
	return strings.TrimSpace(b.String()) + ": " + s.Reason
}

type planCase struct {
	name   string
	call   *stage
	done   []Outcome
	policy func(*Policy)
	// looked is when the open intent was last looked up.
	looked float64
	now    float64
	ahead  time.Duration
	want   string
}

func (c planCase) run(t *testing.T) {
	t.Helper()
	policy := testPolicy(t)
	if c.policy != nil {
		c.policy(policy)
	}
	record := after(c.done...)
	if c.looked != 0 {
		record.lookedAt = second(c.looked)
	}
	got := plan(c.call.state(), &record, policy, Moment{Now: second(c.now), Ahead: c.ahead})
	require.Equal(t, c.want, short(got))
}

func atEnd(p *Policy)      { p.Create = CreateAtEnd }
func noMissed(p *Policy)   { p.Missed = false }
func onRinging(p *Policy)  { p.Pop.On = screenpop.OnRinging }
func openUser(p *Policy)   { p.Pop.Open = screenpop.OpenUser }
func openRecent(p *Policy) { p.Pop.Open = screenpop.OpenTicketOrUser }

func trailing(p *Policy) { p.Trails = map[string]time.Duration{"pbx1": 5 * time.Second} }

func TestPlanOfCallers(t *testing.T) {
	t.Parallel()
	for _, c := range []planCase{
		{name: "nothing known", call: newStage(), now: 1, want: "settled: nothing of the phones is known yet"},
		{name: "nobody rings yet", call: newStage().comes(customerA), now: 1, want: ": waits for the phone"},
		{name: "looked up while it rings", call: ringing(), now: 1, want: "caller: looked up while it rings"},
		{name: "withheld too", call: newStage().comes("anonymous").rings(1, "1001"), now: 1, want: "caller: looked up while it rings"},
		{name: "known", call: ringing(), done: []Outcome{known()}, now: 2, want: ": waits for the phone"},
		{name: "answered unknown", call: answered(), now: 5, want: "caller: the ticket needs a requester"},
		{name: "answered unknown, ticket at the end", call: answered(), policy: atEnd, now: 5, want: "caller: looked up while it rings"},
		{name: "agent dials out, page at ringing", call: dialledOut(), policy: onRinging, now: 1, want: "caller: the page needs a user"},
		{name: "agent dials out", call: dialledOut(), now: 1, want: ": waits for the phone"},
		{name: "dropped", call: answered(), done: []Outcome{known(), intendedCreate("i", 5), {Kind: CallerDropped, Step: StepCreate, Intent: "i"}}, now: 6, want: "caller: the ticket needs a requester"},
		{name: "parked", call: ended(), done: []Outcome{resultOf(Parked, StepCaller, "")}, now: 70, want: ": waits for a person"},
		{name: "put off", call: missed(), done: []Outcome{{Kind: Freed, Step: StepCaller, NotBefore: second(30)}}, now: 22, want: "caller at 30: the ticket needs a requester"},
		{name: "put off, and due", call: missed(), done: []Outcome{{Kind: Freed, Step: StepCaller, NotBefore: second(30)}}, now: 30, want: "caller at 30: the ticket needs a requester"},
		{name: "missed without a ticket", call: missed(), policy: noMissed, now: 22, want: "settled: nothing is owed any more"},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(t) })
	}
}

func TestPlanOfTickets(t *testing.T) {
	t.Parallel()
	kept := Outcome{Kind: AudioKept, Step: StepAudio, Audio: &Audio{URL: "https://calls.example.com/a.wav"}}
	refusedAudio := Outcome{Kind: AudioKept, Step: StepAudio, Audio: &Audio{Refused: "no such file"}}
	busy := ringing().dialled(2, "busy").leaves(2, "1001", "t")
	failed := ringing().dialled(2, "chanunavail").leaves(2, "1001", "t")
	abandoned := ringing().dialled(9, "cancel").leaves(9, "1001", "t")
	for _, c := range []planCase{
		{name: "answered", call: answered(), done: []Outcome{known()}, now: 5, want: "create 45 for 501/1001: an agent answered"},
		{name: "answered, ticket at the end, shows the user", call: answered(), policy: atEnd, done: []Outcome{known()}, now: 5, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "answered and over", call: ended(), done: []Outcome{known()}, now: 66, want: "create 45 final: an agent had answered"},
		{name: "answered and over, at the end", call: ended(), policy: atEnd, done: []Outcome{known()}, now: 66, want: "create 45 final: an agent had answered"},
		{name: "missed", call: missed(), done: []Outcome{known()}, now: 22, want: "create 45 final: nobody answered: missed"},
		{name: "missed, while news may still come", call: missed(), policy: trailing, done: []Outcome{known()}, now: 22, want: "create 45 final at 26: nobody answered: missed"},
		{name: "abandoned", call: abandoned, done: []Outcome{known()}, now: 22, want: "create 45 final: nobody answered: abandoned"},
		{name: "busy", call: busy, done: []Outcome{known()}, now: 22, want: "create 45 final: nobody answered: busy"},
		{name: "failed", call: failed, done: []Outcome{known()}, now: 22, want: "create 45 final: nobody answered: failed"},
		{name: "missed is not wanted", call: missed(), done: []Outcome{known()}, policy: noMissed, now: 22, want: "settled: nothing is owed any more"},
		{name: "voicemail, to be fetched", call: leftMessage(), done: []Outcome{known()}, now: 41, want: "audio: the caller left a message"},
		{name: "voicemail while the caller is there", call: ringing().leaves(20, "1001").voicemail(40), done: []Outcome{known()}, now: 40, want: "audio: the caller left a message"},
		{name: "voicemail kept", call: leftMessage(), done: []Outcome{known(), kept}, now: 42, want: "create 44 final: the caller left a message"},
		{name: "voicemail refused", call: leftMessage(), done: []Outcome{known(), refusedAudio}, now: 42, want: "create 44: the caller left a message"},
		{name: "voicemail though missed calls are not wanted", call: leftMessage(), policy: noMissed, done: []Outcome{known(), kept}, now: 42, want: "create 44 final: the caller left a message"},
		{name: "voicemail put off", call: leftMessage(), done: []Outcome{known(), {Kind: Freed, Step: StepAudio, NotBefore: second(50)}}, now: 42, want: "audio at 50: the caller left a message"},
		{name: "voicemail refused, told in a comment", call: leftMessage(), done: []Outcome{known(), refusedAudio, intendedCreate("i", 42), made("i", 1000)}, now: 43, want: "complete: the call is over"},
		{name: "voicemail after an answer", call: answered().leaves(30, "1001").voicemail(40).leaves(41, "t"), done: []Outcome{known(), intendedCreate("i", 5), made("i", 1000), kept}, now: 42, want: "complete: the call is over"},
		{name: "voicemail comes late", call: missed().voicemail(40), done: []Outcome{known(), {Kind: Intended, Step: StepCreate, Intent: "i", Final: true}, made("i", 1000), kept}, now: 42, want: "complete: the call is over"},
		{name: "outbound answered", call: dialledOut().talks("1001"), done: []Outcome{known()}, now: 5, want: "create 46 for 501/1001: an agent answered"},
		{name: "outbound over", call: dialledOut().talks("1001").leaves(9, "1001", "t"), done: []Outcome{known()}, now: 10, want: "create 46 final: an agent had answered"},
		{name: "outbound unanswered", call: dialledOut().leaves(9, "1001", "t"), done: []Outcome{known()}, now: 10, want: "settled: nothing is owed any more"},
		{name: "outbound unanswered, wanted", call: dialledOut().leaves(9, "1001", "t"), policy: func(p *Policy) { p.OutboundUnanswered = true }, done: []Outcome{known()}, now: 10, want: "create 46 final: nobody answered our call"},
		{name: "internal", call: internal(), now: 6, want: ": internal calls get no ticket"},
		{name: "internal and over", call: internal().leaves(9, "1001", "1002"), now: 10, want: "settled: internal calls get no ticket"},
		{name: "made", call: answered(), done: []Outcome{known(), intendedCreate("i", 5), shownIn("i")}, now: 6, want: ": waits for the phone"},
		{name: "made and over", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), shownIn("i")}, now: 66, want: "complete: the call is over"},
		{name: "completed", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), shownIn("i"), intendedComplete(), resultOf(Done, StepComplete, "c")}, now: 67, want: "settled: nothing is owed any more"},
		{name: "made with everything", call: missed(), done: []Outcome{known(), {Kind: Intended, Step: StepCreate, Intent: "i", Final: true}, made("i", 1000)}, now: 22, want: "settled: nothing is owed any more"},
		{name: "parked", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), resultOf(Parked, StepCreate, "i")}, now: 66, want: ": waits for a person"},
		{name: "parked, then asked for", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), resultOf(Parked, StepCreate, "i"), {Kind: Retried}}, now: 66, want: "create 45 final: an agent had answered"},
		{name: "freed, to wait", call: ended(), done: []Outcome{known(), intendedCreate("i", 66), {Kind: Freed, Step: StepCreate, Intent: "i", NotBefore: second(70)}}, now: 67, want: "create 45 final at 70: an agent had answered"},
		{name: "freed, shows the user meanwhile", call: answered(), done: []Outcome{known(), intendedCreate("i", 5), {Kind: Freed, Step: StepCreate, Intent: "i", NotBefore: second(9)}}, now: 6, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "refused with its agent", call: answered(), done: []Outcome{known(), intendedCreate("i", 5), {Kind: Freed, Step: StepCreate, Intent: "i", Bare: true}}, now: 6, want: "create 45 bare: an agent answered"},
		{name: "parked completion", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), shownIn("i"), intendedComplete(), resultOf(Parked, StepComplete, "c")}, now: 67, want: ": waits for a person"},
		{name: "closed", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), shownIn("i"), intendedComplete(), resultOf(TicketClosed, StepComplete, "c")}, now: 67, want: "create 45 final: the ticket was closed before it was complete"},
		{name: "closed, with audio to follow", call: ended().voicemail(64), done: []Outcome{known(), kept, intendedCreate("i", 5), shownIn("i"), intendedComplete(), resultOf(TicketClosed, StepComplete, "c")}, now: 67, want: "create 45: the ticket was closed before it was complete"},
		{name: "deleted", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), shownIn("i"), intendedComplete(), resultOf(TicketGone, StepComplete, "c")}, now: 67, want: "settled: a person deleted the ticket"},
		{name: "duplicate to link", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), {Kind: Duplicate, Intent: "i", Tickets: []int64{1000, 1001}}, intendedComplete(), resultOf(Done, StepComplete, "c")}, now: 67, want: "link: a second ticket was found"},
		{name: "repeated create is looked up once more", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), doubtful(), intendedCreate("j", 97), shownIn("j")}, now: 98, want: "lookup: the ticket was asked for twice"},
		{name: "looked up once more", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), doubtful(), intendedCreate("j", 97), shownIn("j"), resultOf(Done, StepLookup, "")}, now: 98, want: "complete: the call is over"},
		{name: "a refused create is in no doubt", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), resultOf(Freed, StepCreate, "i"), intendedCreate("j", 6), shownIn("j")}, now: 98, want: "complete: the call is over"},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(t) })
	}
}

func internal() *stage {
	s := newStage().event(0, legOf("1001", true)).rings(1, "1002")
	return s.joins(2, "1001").joins(2, "1002")
}

func shownIn(id string) Outcome {
	o := made(id, 1000)
	o.Want, o.Pop = "501/1001", &screenpop.Outcome{Agent: anaID, Ticket: 1000, Result: screenpop.Accepted}
	return o
}

func doubtful() Outcome {
	o := resultOf(Freed, StepCreate, "i")
	o.Doubtful = true
	return o
}

func TestPlanOfUnknownWrites(t *testing.T) {
	t.Parallel()
	open := []Outcome{known(), {Kind: Popped, Want: "501/1001", Pop: &screenpop.Outcome{}}, intendedCreate("i", 5), resultOf(Unknown, StepCreate, "i")}
	crashed := open[:3]
	update := []Outcome{known(), intendedCreate("i", 5), shownIn("i"), intendedComplete(), resultOf(Unknown, StepComplete, "c")}
	for _, c := range []planCase{
		{name: "at once", call: answered(), done: open, now: 6, want: "lookup: the create may have happened"},
		{name: "after a restart, at once", call: answered(), done: crashed, now: 20, want: "lookup: the create may have happened"},
		{name: "after a long stop, conclusive", call: answered(), done: crashed, now: 95, want: "lookup conclusive: the create may have happened"},
		{name: "after 2 s", call: answered(), done: open, looked: 6, now: 6.1, want: "lookup at 7: the create may have happened"},
		{name: "after 10 s", call: answered(), done: open, looked: 7, now: 8, want: "lookup at 15: the create may have happened"},
		{name: "after 30 s", call: answered(), done: open, looked: 15.5, now: 16, want: "lookup at 35: the create may have happened"},
		{name: "after settle", call: answered(), done: open, looked: 35, now: 36, want: "lookup conclusive at 95: the create may have happened"},
		{name: "looked late, but not for the last time", call: answered(), done: open, looked: 96, now: 97, want: "lookup conclusive at 95: the create may have happened"},
		{name: "shorter settle", call: answered(), done: open, policy: func(p *Policy) { p.Settle = 5 * time.Second }, looked: 7, now: 8, want: "lookup conclusive at 10: the create may have happened"},
		{name: "look-up put off", call: answered(), done: append(open[:4:4], Outcome{Kind: Freed, Step: StepLookup, NotBefore: second(12)}), now: 7, want: "lookup at 12: the create may have happened"},
		{name: "page of the user meanwhile", call: answered(), done: []Outcome{known(), intendedCreate("i", 5), resultOf(Unknown, StepCreate, "i")}, now: 6, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "not there: made again", call: ended(), done: append(open[:4:4], doubtful()), now: 96, want: "create 45 final: an agent had answered"},
		{name: "the call ends meanwhile", call: ended(), done: open, looked: 66, now: 67, want: "lookup conclusive at 95: the create may have happened"},
		{name: "found", call: answered(), done: append(open[:4:4], made("i", 1000)), now: 7, want: ": waits for the phone"},
		{name: "update, at once", call: ended(), done: update, now: 67, want: "verify: the update may have happened"},
		{name: "update, later", call: ended(), done: update, looked: 67, now: 67.5, want: "verify at 68: the update may have happened"},
		{name: "update, at last", call: ended(), done: update, looked: 140, now: 156, want: "verify conclusive at 156: the update may have happened"},
		{name: "update did not happen", call: ended(), done: append(update[:5:5], resultOf(Freed, StepComplete, "c")), now: 157, want: "complete: the call is over"},
		{name: "a lost turn's result leaves the open intent", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), doubtful(), intendedCreate("j", 97), made("i", 999)}, now: 98, want: "lookup: the create may have happened"},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(t) })
	}
}

func TestPlanOfPages(t *testing.T) {
	t.Parallel()
	ticket := []Outcome{known(), intendedCreate("i", 5), made("i", 1000)}
	shown := []Outcome{known(), intendedCreate("i", 5), shownIn("i")}
	transfer := func() *stage { return answered().rings(20, "1002").joins(30, "1002") }
	for _, c := range []planCase{
		{name: "ticket at answer", call: answered(), done: ticket, now: 6, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "user at answer", call: answered(), policy: openUser, done: []Outcome{known()}, now: 5, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "open ticket or user at answer", call: answered(), policy: openRecent, done: []Outcome{known()}, now: 5, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "user at ringing, once it rang alone", call: ringing(), policy: onRinging, done: []Outcome{known()}, now: 1, want: "pop for 501/1001 at 1.2: ringing alone Ana (PJSIP/1001)"},
		{name: "ringing alone", call: ringing(), policy: onRinging, done: []Outcome{known()}, now: 2, want: "pop for 501/1001 at 1.2: ringing alone Ana (PJSIP/1001)"},
		{name: "two ring", call: ringing().rings(1, "1002"), policy: onRinging, done: []Outcome{known()}, now: 2, want: ": waits for the phone"},
		{name: "shown at ringing, not again", call: answered(), policy: onRinging, done: append(ticket[:3:3], Outcome{Kind: Popped, Want: "501/1001", Pop: &screenpop.Outcome{}}), now: 6, want: ": waits for the phone"},
		{name: "transfer shows the same ticket", call: transfer(), done: shown, now: 31, want: "pop for 502/1002: transferred to Ben (PJSIP/1002)"},
		{name: "late", call: answered(), done: ticket, now: 14, want: "pop late for 501/1001 at 13: answered by Ana (PJSIP/1001)"},
		{name: "late by our clock only", call: answered(), done: ticket, now: 14, ahead: 10 * time.Second, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "late, by a clock that is behind", call: answered(), done: ticket, now: 6, ahead: -10 * time.Second, want: "pop late for 501/1001 at 3: answered by Ana (PJSIP/1001)"},
		{name: "nothing to show: noted when it is late", call: answered(), policy: atEnd, done: []Outcome{anonymous()}, now: 6, want: "pop late for 501/1001 at 13: answered by Ana (PJSIP/1001)"},
		{name: "the placeholder is nobody's page", call: answered(), policy: openUser, done: []Outcome{anonymous()}, now: 6, want: "create 45: an agent answered"},
		{name: "a withheld number shows its ticket", call: answered(), policy: openUser, done: append([]Outcome{anonymous()}, ticket[1:]...), now: 6, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "agent not verified: made first", call: answeredBy1003(), done: []Outcome{known()}, now: 5, want: "create 45: an agent answered"},
		{name: "agent not verified: shown then", call: answeredBy1003(), done: ticket, now: 6, want: "pop for 503/1003: answered by Cleo (PJSIP/1003)"},
		{name: "agent refused: not shown", call: answeredBy1003(), done: []Outcome{known(), intendedCreate("h", 5), {Kind: Freed, Step: StepCreate, Intent: "h", Bare: true}, intendedCreate("i", 5), made("i", 1000)}, now: 6, want: "pop late for 503/1003 at 13: answered by Cleo (PJSIP/1003)"},
		{name: "too late for the create to show it", call: answered(), done: []Outcome{known(), {Kind: Popped, Want: "501/1001", Pop: &screenpop.Outcome{Result: screenpop.Late}}}, now: 20, want: "create 45: an agent answered"},
		{name: "over", call: ended(), done: ticket, now: 66, want: "complete: the call is over"},
		{name: "line of its own", call: answered(), policy: func(p *Policy) {
			p.Lines[testLine] = Line{Pop: &screenpop.Policy{Open: screenpop.OpenUser}}
		}, done: []Outcome{known()}, now: 5, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(t) })
	}
}

func answeredBy1003() *stage {
	return newStage().comes(customerA).rings(1, "1003").talks("1003")
}

// What the voice comment does not say is said in words, once, when the ticket is
// complete.
func TestPlanOfWords(t *testing.T) {
	t.Parallel()
	handed := func() *stage {
		return answered().rings(20, "1002").joins(30, "1002").leaves(31, "1001").leaves(65, "1002", "t")
	}
	shown := Outcome{Kind: Popped, Want: "502/1002", Pop: &screenpop.Outcome{Agent: benID, Result: screenpop.Accepted}}
	done := func(more ...Outcome) []Outcome {
		return append([]Outcome{known(), intendedCreate("i", 5), shownIn("i"), shown}, more...)
	}
	voice, words := []Outcome{spoken(intendedComplete()), resultOf(Done, StepComplete, "c")}, []Outcome{intendedComplete(), resultOf(Done, StepComplete, "c")}
	tell := Outcome{Kind: Intended, Step: StepTell, Intent: "t", Time: second(67), Ticket: 1000}
	for _, c := range []planCase{
		{name: "owed", call: handed(), done: done(voice...), now: 67, want: "tell: several agents talked, and its recording names the first"},
		{name: "one agent", call: ended(), done: done(voice...), now: 67, want: "settled: nothing is owed any more"},
		{name: "not complete yet", call: handed(), done: done(), now: 67, want: "complete: the call is over"},
		{name: "told by the completion", call: handed(), done: done(words...), now: 67, want: "settled: nothing is owed any more"},
		{name: "told before the recording came", call: handed(), done: done(append(append([]Outcome{}, words...), voice...)...), now: 67, want: "settled: nothing is owed any more"},
		{name: "told", call: handed(), done: done(append(append([]Outcome{}, voice...), tell, resultOf(Done, StepTell, "t"))...), now: 67, want: "settled: nothing is owed any more"},
		{name: "parked", call: handed(), done: done(append(append([]Outcome{}, voice...), resultOf(Parked, StepTell, ""))...), now: 67, want: ": waits for a person"},
		{name: "of unknown fate", call: handed(), done: done(append(append([]Outcome{}, voice...), tell)...), now: 67, want: "verify: the update may have happened"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}
