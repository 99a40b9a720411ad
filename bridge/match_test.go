package bridge

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

func matching(p *Policy) { p.Match = Match{NewestOpenWithin: 72 * time.Hour} }

// lookedFor is a finding of a second: the ticket, or 0 for none.
func lookedFor(ticket int64, at float64) Outcome {
	return Outcome{Kind: Matched, Step: StepMatch, Ticket: ticket, Reason: "test", Time: second(at)}
}

func attachedBefore() []Outcome {
	return []Outcome{known(), lookedFor(1000, 2), {Kind: Attached, Step: StepAttach, Ticket: 1000}}
}

func matchingAnd(others ...func(*Policy)) func(*Policy) {
	return func(p *Policy) {
		matching(p)
		for _, other := range others {
			other(p)
		}
	}
}

func TestPlanOfMatches(t *testing.T) {
	t.Parallel()
	found, none := []Outcome{known(), lookedFor(1000, 2)}, []Outcome{known(), lookedFor(0, 2)}
	shown := Outcome{Kind: Popped, Want: "501/1001", Pop: &screenpop.Outcome{}}
	answeredFound := slices.Concat(found, []Outcome{shown})
	failed := Outcome{Kind: Freed, Step: StepMatch, NotBefore: second(8)} // as a worker puts it off
	for _, c := range []planCase{
		{name: "off", call: ringing(), done: []Outcome{known()}, policy: noMissed, now: 2, want: ": waits for the phone"},
		{name: "looked up while it rings, the caller first", call: ringing(), now: 1, want: "caller: looked up while it rings"},
		{name: "looked up while it rings", call: ringing(), done: []Outcome{known()}, now: 2, want: "match: the caller may have an open ticket"},
		{name: "repeated calls too", call: ringing(), policy: func(p *Policy) { p.Match = Match{RepeatedWithin: time.Minute} }, done: []Outcome{known()}, now: 2, want: "match: the caller may have an open ticket"},
		{name: "of the line alone", call: ringing(), policy: func(p *Policy) { p.Lines[testLine] = Line{Match: &Match{RepeatedWithin: 1}} }, done: []Outcome{known()}, now: 2, want: "match: the caller may have an open ticket"},
		{name: "not on this line", call: ringing(), policy: matchingAnd(func(p *Policy) { p.Lines[testLine] = Line{Match: &Match{}} }), done: []Outcome{known()}, now: 2, want: ": waits for the phone"},
		{name: "the placeholder has no tickets", call: ringing(), done: []Outcome{anonymous()}, now: 2, want: ": waits for the phone"},
		{name: "found: nothing before the answer", call: ringing(), done: found, now: 3, want: ": waits for the phone"},
		{name: "found, page at ringing", call: ringing(), policy: matchingAnd(onRinging), done: found, now: 3, want: "pop for 501/1001 at 1.2: ringing alone Ana (PJSIP/1001)"},
		{name: "answered: the page first", call: answered(), done: found, now: 5, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "answered: attached then", call: answered(), done: answeredFound, now: 5, want: "attach: an agent answered"},
		{name: "answered, tickets at the end: attached all the same", call: answered(), policy: matchingAnd(atEnd), done: answeredFound, now: 5, want: "attach: an agent answered"},
		{name: "answered, none found", call: answered(), done: none, now: 5, want: "create 45 for 501/1001: an agent answered"},
		{name: "answered before it is known: the page waits", call: answered(), done: []Outcome{known()}, now: 5, want: "match for 501/1001: the caller may have an open ticket"},
		{name: "answered before it is known, profile", call: answered(), policy: matchingAnd(openUser), done: []Outcome{known()}, now: 5, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "not known in time: the page does not wait again", call: answered(), done: []Outcome{known(), failed}, now: 6, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "not known in time: nor is a ticket made", call: answered(), done: []Outcome{known(), failed, shown}, now: 6, want: "match at 8: the caller may have an open ticket"},
		{name: "attached", call: answered(), done: append(attachedBefore(), shown), now: 6, want: ": waits for the phone"},
		{name: "attached, a colleague sees it too", call: answered().rings(20, "1002").joins(30, "1002"), done: append(attachedBefore(), shown), now: 31, want: "pop for 502/1002: transferred to Ben (PJSIP/1002)"},
		{name: "attached, over", call: ended(), done: attachedBefore(), now: 66, want: "complete: the call is over"},
		{name: "attached, the policy changed since", call: ended(), policy: noMissed, done: attachedBefore(), now: 66, want: "complete: the call is over"},
		{name: "attached, complete", call: ended(), done: append(attachedBefore(), intendedComplete(), resultOf(Done, StepComplete, "c")), now: 67, want: "settled: nothing is owed any more"},
		{name: "a short talk is attached when it is long enough", call: answered(), policy: matchingAnd(func(p *Policy) { p.Rules.ShortestTalk = 30 * time.Second }), done: answeredFound, now: 6, want: "attach at 35: an agent answered"},
		{name: "a short talk is not attached", call: ended(), policy: matchingAnd(func(p *Policy) { p.Rules.ShortestTalk = 70 * time.Second }), done: found, now: 66, want: "settled: no ticket: talked for 1m0s, shorter than shortest_talk (1m10s)"},
		{name: "missed", call: missed(), done: found, now: 22, want: "attach: nobody answered: missed"},
		{name: "missed, not looked up yet", call: missed(), done: []Outcome{known()}, now: 22, want: "match: the caller may have an open ticket"},
		{name: "missed, none wanted", call: missed(), policy: matchingAnd(noMissed), done: []Outcome{known()}, now: 22, want: "settled: nothing is owed any more"},
		{name: "missed, none wanted, found", call: missed(), policy: matchingAnd(noMissed), done: found, now: 22, want: "settled: nothing is owed any more"},
	} {
		if c.policy == nil {
			c.policy = matching
		}
		if c.name == "off" {
			c.policy = nil
		}
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(t) })
	}
}

// What stands against a ticket that was there before.
func TestPlanOfMatchesThatComeToNothing(t *testing.T) {
	t.Parallel()
	found := []Outcome{known(), lookedFor(1000, 2)}
	kept := Outcome{Kind: AudioKept, Step: StepAudio, Audio: &Audio{URL: "https://calls.example.com/a.wav"}}
	answeredMessage := answered().leaves(20, "1001").voicemail(40).leaves(41, "t")
	closed := append(attachedBefore(), intendedComplete(), resultOf(TicketClosed, StepComplete, "c"))
	own := slices.Concat(closed, []Outcome{intendedCreate("i", 70), made("i", 1001)})
	for _, c := range []planCase{
		{name: "a message is a ticket of its own", call: leftMessage(), done: append(found[:2:2], kept), now: 42, want: "create 44 final: the caller left a message"},
		{name: "a message is not even looked up", call: leftMessage(), done: []Outcome{known(), kept}, now: 42, want: "create 44 final: the caller left a message"},
		{name: "a message after an answer goes where the call went", call: answeredMessage, done: append(attachedBefore(), kept), now: 42, want: "complete: the call is over"},
		{name: "a finding that is old is looked up again", call: newStage().comes(customerA).rings(1, "1001").talks("1001"), done: []Outcome{known(), lookedFor(1000, -60)}, now: 5, want: "match for 501/1001: the caller may have an open ticket"},
		{name: "that there was none is not", call: answered(), done: []Outcome{known(), lookedFor(0, -60)}, now: 5, want: "create 45 for 501/1001: an agent answered"},
		{name: "not while nobody needs it", call: ringing(), done: []Outcome{known(), lookedFor(1000, -60)}, now: 5, want: ": waits for the phone"},
		{name: "closed: a ticket of its own", call: ended(), done: closed, now: 70, want: "create 45 final: the ticket was closed before it was complete"},
		{name: "closed, and so is its own: one that follows", call: ended(), done: append(own[:7:7], intendedComplete(), Outcome{Kind: TicketClosed, Step: StepComplete, Intent: "c", Ticket: 1001}), now: 70, want: "create 45 final: the ticket was closed before it was complete"},
		{name: "deleted", call: ended(), done: append(attachedBefore(), intendedComplete(), resultOf(TicketGone, StepComplete, "c")), now: 70, want: "settled: a person deleted the ticket"},
		{name: "a create was sent and may come true", call: answered(), done: append(found[:2:2], intendedCreate("i", 5), Outcome{Kind: Freed, Step: StepCreate, Intent: "i", Doubtful: true}, Outcome{Kind: Popped, Want: "501/1001", Pop: &screenpop.Outcome{}}), now: 96, want: "create 45: an agent answered"},
		{name: "write of unknown fate", call: ended(), done: append(attachedBefore(), intendedComplete(), resultOf(Unknown, StepComplete, "c")), now: 67, want: "verify: the update may have happened"},
	} {
		if c.policy == nil {
			c.policy = matching
		}
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(t) })
	}
}

func TestClosedAttachedTicketIsFollowedByTheCallsFirst(t *testing.T) {
	t.Parallel()
	r := after(append(attachedBefore(), intendedComplete(), resultOf(TicketClosed, StepComplete, "c"))...)
	require.False(t, r.Attached)
	require.True(t, r.Detached)
	require.Equal(t, int64(1000), r.Predecessor)
	w := &work{id: testCall, record: r}
	require.Equal(t, string(testCall), w.externalID(), "it has none of its own yet")
	require.Equal(t, screenpop.Pages{User: 77}, r.pages(), "nobody is shown the closed one")
}

func TestPagesOfAMatch(t *testing.T) {
	t.Parallel()
	found := after(known(), lookedFor(1000, 2))
	require.Equal(t, screenpop.Pages{Ticket: 1000, OpenTicket: 1000, User: 77}, found.pages())
	attached := after(attachedBefore()...)
	require.Equal(t, found.pages(), attached.pages())
	own := after(known(), lookedFor(0, 2), intendedCreate("i", 5), made("i", 1001))
	require.Equal(t, screenpop.Pages{Ticket: 1001, User: 77}, own.pages(), "its own is not what the caller had open")
}

// Two calls of one caller that are both attached to a ticket, and become one.
func TestJoinedCallsOnOneTicket(t *testing.T) {
	t.Parallel()
	policy := testPolicy(t)
	older, younger := after(attachedBefore()...), after(attachedBefore()...)
	call := ended().state()
	parts := []part{{testCall, &older}, {"hq/pbx1/1700000009.1", &younger}}
	at := Moment{Now: second(70)}
	step := planAll(call, parts, policy, at)
	require.Equal(t, StepComplete, step.Kind)
	require.Equal(t, testCall, step.Call)
	require.Equal(t, []telephony.CallID{"hq/pbx1/1700000009.1"}, step.Covers)

	older.apply(10, Outcome{Kind: Intended, Step: StepComplete, Intent: "c", Ticket: 1000, Covers: step.Covers})
	older.apply(11, resultOf(Done, StepComplete, "c"))
	require.Equal(t, "settled: nothing is owed any more", short(planAll(call, parts, policy, at)), "no note that names the ticket itself")

	older.Covered = nil // completed before they became one
	require.Equal(t, StepComplete, planAll(call, parts, policy, at).Kind, "the younger one is told of")
	younger.Completed = true
	require.True(t, planAll(call, parts, policy, at).Settled, "it was told of by itself")
}
