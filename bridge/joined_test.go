package bridge

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

const (
	secondCall = telephony.CallID("hq/pbx1/1700000000.7")
	thirdCall  = telephony.CallID("hq/pbx1/1700000000.9")
)

// linked: this call and another became one.
func (s *stage) linked(at float64, other telephony.CallID) *stage {
	return s.event(at, telephony.Event{Kind: telephony.CallLinked, Other: other})
}

// moves: a leg goes from one bridge to another.
func (s *stage) moves(at float64, leg, from, to string) *stage {
	s.event(at, telephony.Event{Kind: telephony.LegUnbridged, Leg: leg, Bridge: from})
	return s.event(at, telephony.Event{Kind: telephony.LegBridged, Leg: leg, Bridge: to})
}

// consults is a call of its own in which the agent at 1001 asks somebody.
func consults(id telephony.CallID, at float64) *stage {
	return newStageOf(id).event(at, telephony.Event{
		Kind: telephony.LegStarted, Leg: "1001b", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", First: true, Dialled: "1002",
	})
}

// asksBen asks a colleague, asksOutside somebody outside. Both answer.
func asksBen() *stage {
	return consults(secondCall, 10).rings(11, "1002").
		event(12, telephony.Event{Kind: telephony.LegBridged, Leg: "1001b", Bridge: "c"}).
		event(12, telephony.Event{Kind: telephony.LegBridged, Leg: "1002", Bridge: "c"}).leaves(20, "1001b")
}

func asksOutside() *stage {
	return consults(secondCall, 10).
		event(11, telephony.Event{Kind: telephony.LegDialled, Leg: "o", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Dialled: "+12125550199"}).
		event(12, telephony.Event{Kind: telephony.LegBridged, Leg: "1001b", Bridge: "c"}).
		event(12, telephony.Event{Kind: telephony.LegBridged, Leg: "o", Bridge: "c"}).leaves(20, "1001b")
}

// handedOver is the customer's call, transferred into the consultation.
func handedOver() *stage {
	return answered().linked(20, secondCall).leaves(20, "1001").moves(20, "t", "b", "c")
}

// over ends both.
func over(customer, consultation *stage) []*stage {
	return []*stage{customer.leaves(60, "t"), consultation.leaves(60, "1002")}
}

// joinCase plans calls that became one. Of each call done is what was done.
type joinCase struct {
	name  string
	calls []*stage
	done  [][]Outcome
	now   float64
	want  string
}

func (c joinCase) run(t *testing.T) {
	t.Helper()
	// The order in which calls came to be known does not matter.
	for _, turned := range []bool{false, true} {
		e := &entry{}
		for i, s := range c.calls {
			m := &member{call: s.call}
			if i < len(c.done) {
				m.record = after(c.done[i]...)
			}
			e.members = append(e.members, m)
		}
		if turned {
			slices.Reverse(e.members)
		}
		step, _ := e.plan(testPolicy(t), Moment{Now: second(c.now)})
		got := short(step)
		if step.Kind != "" {
			got = fmt.Sprintf("%s: %s", step.Call.Native(), got)
		}
		if len(step.Tickets) > 0 {
			got += fmt.Sprintf(" %v, kept %d", step.Tickets, step.Kept)
		}
		if step.Kind == StepComplete || step.Kind == StepCreate {
			got += fmt.Sprintf(" with %d", len(step.Covers))
		}
		require.Equal(t, c.want, got)
	}
}

func shownTo(key string) Outcome {
	return Outcome{Kind: Popped, Step: StepPop, Want: key, Pop: &screenpop.Outcome{Result: screenpop.Accepted}}
}

func completed(ticket int64, covers ...telephony.CallID) []Outcome {
	intent, done := intendedComplete(), resultOf(Done, StepComplete, "c")
	intent.Ticket, intent.Covers, done.Ticket = ticket, covers, ticket
	return []Outcome{intent, done}
}

// noted is a note on ticket that names others.
func noted(ticket int64, others ...int64) []Outcome {
	return []Outcome{
		{Kind: Intended, Step: StepJoin, Intent: "j", Ticket: ticket, Tickets: others, Time: second(21)},
		{Kind: Done, Step: StepJoin, Intent: "j", Ticket: ticket, Tickets: others},
	}
}

func TestPlanOfCallsThatBecameOne(t *testing.T) {
	t.Parallel()
	first := []Outcome{known(), intendedCreate("i", 5), made("i", 1000), shownTo("501/1001")}
	other := []Outcome{known(), intendedCreate("k", 12), made("k", 2000), shownTo("501/1001b")}
	doubt := []Outcome{known(), intendedCreate("k", 12), resultOf(Unknown, StepCreate, "k"), shownTo("501/1001b")}
	toBen := slices.Concat(first, []Outcome{shownTo("502/1002")})
	for _, c := range []joinCase{
		{name: "the colleague sees the same ticket", calls: []*stage{handedOver(), asksBen()}, done: [][]Outcome{first}, now: 20, want: "1700000000.1: pop for 502/1002: transferred to Ben (PJSIP/1002)"},
		{name: "a page counts in whichever call it was shown", calls: []*stage{handedOver(), asksBen()}, done: [][]Outcome{first, {shownTo("502/1002")}}, now: 21, want: ": waits for the phone"},
		{name: "complete, with the consultation", calls: over(handedOver(), asksBen()), done: [][]Outcome{toBen}, now: 61, want: "1700000000.1: complete: the call is over with 1"},
		{name: "completed with the consultation", calls: over(handedOver(), asksBen()), done: [][]Outcome{slices.Concat(toBen, completed(1000, secondCall))}, now: 62, want: "settled: nothing is owed any more"},
		{name: "linked when all was settled", calls: over(handedOver(), asksBen()), done: [][]Outcome{slices.Concat(toBen, completed(1000))}, now: 62, want: "1700000000.1: complete: the call is over with 1"},
		{name: "no ticket yet: the id is the oldest's", calls: []*stage{handedOver(), asksBen()}, done: [][]Outcome{{known()}}, now: 20, want: "1700000000.1: create 45 for 502/1002: an agent answered with 1"},
		{name: "the create of the other may have happened", calls: []*stage{handedOver(), asksOutside()}, done: [][]Outcome{first, doubt}, now: 21, want: "1700000000.7: lookup: the create may have happened"},
		{name: "both have one: the older is noted", calls: []*stage{handedOver(), asksOutside()}, done: [][]Outcome{first, other}, now: 21, want: "1700000000.1: join: the call was joined with another that has a ticket [2000], kept 1000"},
		{name: "both have one: the younger is noted", calls: []*stage{handedOver(), asksOutside()}, done: [][]Outcome{slices.Concat(first, noted(1000, 2000)), other}, now: 21, want: "1700000000.7: join: the call was joined with another that has a ticket [1000], kept 1000"},
		{name: "both have one, and are noted", calls: []*stage{handedOver(), asksOutside()}, done: [][]Outcome{slices.Concat(first, noted(1000, 2000)), slices.Concat(other, noted(2000, 1000))}, now: 22, want: ": waits for the phone"},
		{name: "both have one: what follows goes to the older", calls: over(handedOver(), asksOutside().leaves(60, "o")), done: [][]Outcome{slices.Concat(first, noted(1000, 2000)), slices.Concat(other, noted(2000, 1000))}, now: 61, want: "1700000000.1: complete: the call is over with 1"},
		{name: "both were complete before they were linked", calls: over(handedOver(), asksOutside().leaves(60, "o")), done: [][]Outcome{slices.Concat(first, completed(1000), noted(1000, 2000)), slices.Concat(other, completed(2000), noted(2000, 1000))}, now: 62, want: "settled: nothing is owed any more"},
		{name: "a note is parked", calls: []*stage{handedOver(), asksOutside()}, done: [][]Outcome{slices.Concat(first, noted(1000, 2000)), slices.Concat(other, []Outcome{resultOf(Parked, StepJoin, "")})}, now: 22, want: ": waits for a person"},
		{name: "a note may have happened", calls: []*stage{handedOver(), asksOutside()}, done: [][]Outcome{slices.Concat(first, noted(1000, 2000)), slices.Concat(other, noted(2000, 1000)[:1])}, now: 22, want: "1700000000.7: verify: the update may have happened"},
		{name: "the younger alone has one: it is the ticket", calls: over(handedOver(), asksOutside().leaves(60, "o")), done: [][]Outcome{{known()}, other}, now: 61, want: "1700000000.7: complete: the call is over with 1"},
		{name: "a person deleted the older", calls: over(handedOver(), asksOutside().leaves(60, "o")), done: [][]Outcome{slices.Concat(first, []Outcome{resultOf(TicketGone, StepComplete, "")}), other}, now: 61, want: "1700000000.7: complete: the call is over with 1"},
		{name: "a person deleted the only one", calls: over(handedOver(), asksBen()), done: [][]Outcome{slices.Concat(first, []Outcome{resultOf(TicketGone, StepComplete, "")})}, now: 61, want: "settled: a person deleted the ticket"},
		{name: "three in a chain", calls: []*stage{handedOver(), asksOutside().linked(21, thirdCall), newStageOf(thirdCall).comes(customerA)}, done: [][]Outcome{first, other, {known(), intendedCreate("m", 0), made("m", 3000)}}, now: 21, want: "1700000000.1: join: the call was joined with another that has a ticket [3000 2000], kept 1000"},
		{name: "nothing is known of the other yet", calls: []*stage{answered().linked(20, secondCall), newStageOf(secondCall)}, done: [][]Outcome{first}, now: 21, want: ": waits for the phone"},
		{name: "two internal calls", calls: []*stage{asksBen(), consults(thirdCall, 9)}, now: 21, want: ": internal calls get no ticket"},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(t) })
	}
}

func TestRecordOfNotes(t *testing.T) {
	t.Parallel()
	intent := noted(1000, 2000)[0]
	for _, done := range []Outcome{
		{Kind: Done, Step: StepJoin, Intent: "j", Ticket: 1000, Tickets: []int64{2000}},
		{Kind: Done, Step: StepJoin, Intent: "j", Ticket: 1000}, // found in the audits
	} {
		record := after(made("", 1000), intent, done)
		require.Empty(t, cmp.Diff(Record{last: 3, begun: true, Ticket: 1000, Joined: []int64{2000}}, record, cmpopts.EquateComparable(), cmp.AllowUnexported(Record{}, wait{})))
	}
	final := intendedCreate("i", 5)
	final.Final, final.Covers = true, []telephony.CallID{secondCall}
	require.Equal(t, final.Covers, after(final, made("i", 1000)).Covered)
	require.Equal(t, final.Covers, after(made("", 1000), intendedComplete(), completed(1000, secondCall)[0], resultOf(Done, StepComplete, "c")).Covered)
}

func TestJoinNote(t *testing.T) {
	t.Parallel()
	require.Equal(t, "This call was joined with another one, which has a ticket of its own: #2. What follows is added here.", joinNote(1, 1, []int64{2}))
	require.Equal(t, "This call was joined with another one, which has a ticket of its own: #1, #3. What follows is added to #1.", joinNote(2, 1, []int64{1, 3}))
}
