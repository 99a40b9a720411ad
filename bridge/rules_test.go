package bridge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

func shortest(ring, talk time.Duration) func(*Policy) {
	return func(p *Policy) { p.Rules = Rules{ShortestRing: ring, ShortestTalk: talk} }
}

func onlyCallers(allow, deny []string) func(*Policy) {
	return func(p *Policy) { p.Rules.Callers = Filter{Allow: allow, Deny: deny} }
}

func TestPlanOfRules(t *testing.T) {
	t.Parallel()
	denied := onlyCallers(nil, []string{customerA})
	hidden := func() *stage { return newStage().comes("anonymous").rings(1, "1001") }
	for _, c := range []planCase{
		{name: "short ring", call: missed(), done: []Outcome{known()}, policy: shortest(22*time.Second, 0), now: 22, want: "settled: no ticket: over after 21s, sooner than shortest_ring (22s)"},
		{name: "long enough ring", call: missed(), done: []Outcome{known()}, policy: shortest(21*time.Second, 0), now: 22, want: "create 45 final: nobody answered: missed"},
		{name: "short ring with a message", call: leftMessage(), policy: shortest(time.Minute, 0), now: 42, want: "caller: the ticket needs a requester"},
		{name: "ring is no talk", call: ended(), done: []Outcome{known()}, policy: shortest(time.Hour, 0), now: 66, want: "create 45 final: an agent had answered"},
		{name: "short talk", call: ended(), done: []Outcome{known()}, policy: shortest(0, 61*time.Second), now: 66, want: "settled: no ticket: talked for 1m0s, shorter than shortest_talk (1m1s)"},
		{name: "long enough talk", call: ended(), done: []Outcome{known()}, policy: shortest(0, time.Minute), now: 66, want: "create 45 final: an agent had answered"},
		{name: "talks not long enough yet: the page is the user's", call: answered(), done: []Outcome{known()}, policy: shortest(0, 10*time.Second), now: 6, want: "pop for 501/1001: answered by Ana (PJSIP/1001)"},
		{name: "talks not long enough yet", call: answered(), done: []Outcome{known(), poppedUser()}, policy: shortest(0, 10*time.Second), now: 7, want: "create 45 at 15: an agent answered"},
		{name: "talks long enough by a clock ahead", call: answered(), done: []Outcome{known(), poppedUser()}, policy: shortest(0, 10*time.Second), now: 16, ahead: 2 * time.Second, want: "create 45 at 17: an agent answered"},
		{name: "a ticket that is there is completed", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), shownIn("i")}, policy: shortest(0, time.Hour), now: 66, want: "complete: the call is over"},
		{name: "denied while it rings", call: ringing(), policy: denied, now: 1, want: ": no ticket: the caller is denied (" + customerA + ")"},
		{name: "denied and answered", call: answered(), policy: denied, now: 6, want: ": no ticket: the caller is denied (" + customerA + ")"},
		{name: "denied and over", call: ended(), policy: denied, now: 66, want: "settled: no ticket: the caller is denied (" + customerA + ")"},
		{name: "denied with a message", call: leftMessage(), policy: denied, now: 42, want: "settled: no ticket: the caller is denied (" + customerA + ")"},
		{name: "denied callee", call: dialledOut().talks("1001"), policy: denied, now: 6, want: ": no ticket: the caller is denied (" + customerA + ")"},
		{name: "denied after its ticket was made", call: ended(), done: []Outcome{known(), intendedCreate("i", 5), shownIn("i")}, policy: denied, now: 66, want: "complete: the call is over"},
		{name: "denied while a write is open", call: answered(), done: []Outcome{known(), poppedUser(), intendedCreate("i", 5)}, policy: denied, now: 6, want: "lookup: the create may have happened"},
		{name: "denied by its beginning", call: ringing(), policy: onlyCallers(nil, []string{"+44*", "+1212*"}), now: 1, want: ": no ticket: the caller is denied (+1212*)"},
		{name: "not allowed", call: ringing(), policy: onlyCallers([]string{"+44*"}, nil), now: 1, want: ": no ticket: the caller is not among those allowed"},
		{name: "allowed", call: ringing(), policy: onlyCallers([]string{"+1*"}, nil), now: 1, want: "caller: looked up while it rings"},
		{name: "denied wins", call: ringing(), policy: onlyCallers([]string{"+1*"}, []string{customerA}), now: 1, want: ": no ticket: the caller is denied (" + customerA + ")"},
		{name: "withheld is denied", call: hidden(), policy: onlyCallers(nil, []string{WithheldCallers}), now: 1, want: ": no ticket: the caller is denied (withheld)"},
		{name: "withheld is not allowed", call: hidden(), policy: onlyCallers([]string{"+*"}, nil), now: 1, want: ": no ticket: the caller is not among those allowed"},
		{name: "line is denied", call: ringing(), policy: func(p *Policy) { p.Rules.Lines.Deny = []string{testLine} }, now: 1, want: ": no ticket: the line is denied (" + testLine + ")"},
		{name: "line has rules of its own", call: ringing(), policy: func(p *Policy) {
			denied(p)
			p.Lines[testLine] = Line{Country: "US", Rules: &Rules{}}
		}, now: 1, want: "caller: looked up while it rings"},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(t) })
	}
}

func TestNumberThatCannotBeReadMatchesNothing(t *testing.T) {
	t.Parallel()
	n := telephony.ParseNumber("<b>9", "US")
	require.Empty(t, Filter{Deny: []string{"+*", WithheldCallers, ""}}.why(n))
	require.Equal(t, "is not among those allowed", Filter{Allow: []string{"+*"}}.why(n))
	require.Empty(t, Filter{}.why(n))
}

// poppedUser says that the page was shown already.
func poppedUser() Outcome {
	return Outcome{Kind: Popped, Want: "501/1001", Pop: &screenpop.Outcome{Result: screenpop.Accepted}}
}
