package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

const (
	// lines is how many numbers are ours, agents how many people answer them.
	lines, agents = 6, 12
	// regulars is how many callers there are who call again and again: every
	// tenth call is of one of them.
	regulars = 40
	// longestHold is by how much a call is prolonged at most, once all that must
	// be known of it is known.
	longestHold = 3 * time.Second
	// meddling is the share of tickets that a person closes, and of those that one
	// deletes, while the call goes on.
	meddling = 0.015
	// meddlePatience is how long that person waits for the ticket.
	meddlePatience = 6 * time.Second
	// knownPatience is how long a call waits until the journal has how it stands. A
	// daemon that has not understood it by then will not, and is judged by that.
	knownPatience = 3 * time.Minute
	// latePatience is the same, from when the call is in the journal, where a daemon
	// that comes late cannot know who talks.
	latePatience = 5 * time.Second
)

// Deed is what a person does to the ticket of a call that goes on.
type Deed string

// The deeds.
const (
	Closed  Deed = "closed"
	Deleted Deed = "deleted"
)

// Call is one call as the phone system knows it: the truth.
type Call struct {
	Kind Kind
	// From and To are its numbers as tickets have them, "" where nothing is
	// demanded of them.
	From, To string
	// Agents are those who talk to the other side, in order, by their place among
	// the agents.
	Agents []int
	// Start and End are those of the conversation. Where a source tells no times, they
	// are when it was first tried to tell of them, and Heard is when both had been taken
	// at last.
	Start, End time.Time
	Heard      struct{ Start, End time.Time }

	// Unheard says that nobody took the webhook that tells of its recording, which does
	// not come again: it is found when the ticket is complete.
	Unheard bool

	place    int   // among all calls
	phones   []int // those that take part, by their places among the agents
	scenario asterisktest.Scenario
	wanted   Deed // what a person means to do

	mu   sync.Mutex
	ids  []string // the call's own first
	did  Deed     // what a person did
	over bool
	err  error
}

// agentName is what an agent is called, in the configuration and in Zendesk.
func agentName(i int) string { return fmt.Sprintf("Agent %02d", i+1) }

func agentEmail(i int) string { return fmt.Sprintf("agent%02d@example.com", i+1) }

// extension is an agent's phone, mobile his phone outside: those that the
// captures have, for the first ones.
func extension(i int) string { return fmt.Sprintf("%d", 1001+i) }

func mobile(i int) string { return fmt.Sprintf("+155501001%02d", i+1) }

// newCalls makes calls of all kinds in a random order, each by an outside party
// of its own, but for the regulars.
func newCalls(dice *rand.Rand, n int, calm bool, shares []Share) []*Call {
	calls := make([]*Call, n)
	for i := range calls {
		kind := weighted(dice, KindsOf(pick(dice, shares)), func(k Kind) int { return k.Share })
		calls[i] = newCall(dice, kind, i, calm)
	}
	return calls
}

func newCall(dice *rand.Rand, k Kind, i int, calm bool) *Call {
	c := &Call{Kind: k, place: i, scenario: asterisktest.Scenario{Capture: k.Capture, Kind: k.Name}}
	phones := dice.Perm(agents)[:k.Phones]
	line := fmt.Sprintf("+1555010000%d", 1+dice.IntN(lines))
	switch {
	case k.Fixed:
		phones = []int{0, 1}
	default:
		for _, p := range phones {
			c.scenario.Agents = append(c.scenario.Agents, extension(p))
		}
		if k.Name != "internal" {
			c.scenario.DID, c.To = line, line
		}
	}
	c.phones = phones
	for _, place := range k.Talks {
		c.Agents = append(c.Agents, phones[place])
	}
	if dice.IntN(10) == 0 {
		i = maxCalls + i%regulars
	}
	c.party(i)
	if k.outbound() {
		c.From, c.To = c.To, c.From
	}
	if k.Answered() && !calm {
		switch fate := dice.Float64(); {
		case fate < meddling:
			c.wanted = Closed
		case fate < 2*meddling:
			c.wanted = Deleted
		}
	}
	c.scenario.Hold.For = time.Duration(dice.Int64N(int64(longestHold)))
	c.scenario.Then.For = time.Duration(dice.Int64N(int64(longestHold / 2)))
	return c
}

// party gives the call its outside party.
func (c *Call) party(i int) {
	switch {
	case c.Kind.Caller == Withheld:
		c.From = "anonymous"
	case c.Kind.Caller == Captured:
	case c.Kind.outbound():
		c.scenario.Caller.Number, c.From = fmt.Sprintf("0302%07d", i), fmt.Sprintf("+49302%07d", i)
	default:
		c.From = fmt.Sprintf("+49301%07d", i)
		c.scenario.Caller.Number = c.From
		if c.Kind.Caller == Named {
			c.scenario.Caller.Name = fmt.Sprintf("Caller %05d", i)
		}
	}
}

// hold has nobody end the call before it is in the journal how it stands: what
// is not, a killed daemon cannot know, and the phone system does not tell again
// of what is over. After that it may end at any moment, also while there is no
// daemon.
func (c *Call) hold(w *Witness, meddled func(id string) bool) {
	h, then := &c.scenario.Hold, &c.scenario.Then
	if !c.Kind.Answered() {
		h.Phase, h.Known = c.Kind.Waits, c.until(w, w.Known)
		*then = asterisktest.Hold{}
		return
	}
	first, last := agentName(c.Agents[0]), agentName(c.Agents[len(c.Agents)-1])
	h.Phase, h.Known = asterisktest.Meeting, c.until(w, func(id string) bool { return w.Talked(id, first) })
	then.Phase, then.Known = asterisktest.Parting, c.until(w, func(id string) bool { return w.Talked(id, last) && meddled(id) })
}

// until asks something of the call's own id, and not of those of consultations,
// which begin later or become one with it, until it is so or patience is over.
func (c *Call) until(w *Witness, so func(id string) bool) func(linkedid string) bool {
	var own string
	var begun, known time.Time
	return func(linkedid string) bool {
		if own == "" {
			own, begun = linkedid, time.Now()
		}
		if known.IsZero() && w.Known(callID(own)) {
			known = time.Now()
		}
		late := c.Kind.Early && !known.IsZero() && time.Since(known) > latePatience
		return linkedid != own || so(callID(linkedid)) || late || time.Since(begun) > knownPatience
	}
}

// callID is what talkbridge calls a call of Asterisk.
func callID(linkedid string) string { return Asterisk.callID(linkedid) }

// playAsterisk plays the call on the phone system, and notes what became of it.
func (s *site) playAsterisk(ctx context.Context, c *Call) error {
	c.hold(s.witness, (&person{s.witness, s.zendesk}).meddle(c))
	p, err := s.player.Play(ctx, c.scenario)
	if len(p.Linkedids) > 0 {
		own, _ := s.pbx.Call(p.Linkedids[0])
		c.Start, c.End = own.Start, own.End
		c.Heard.Start, c.Heard.End = c.Start, c.End
	}
	c.named(p.Linkedids...)
	return err
}

// named notes what the phone system called the call: its own id first.
func (c *Call) named(natives ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, native := range natives {
		c.ids = append(c.ids, c.Kind.Source.callID(native))
	}
}

// finish says that the call is over, or that the torture itself failed.
func (c *Call) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over, c.err = true, err
}

// id is the call's own, "" before it was played.
func (c *Call) id() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) == 0 {
		return ""
	}
	return c.ids[0]
}

// done reports whether the call is over, and what a person did to its ticket.
func (c *Call) done() (over bool, did Deed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over, c.did
}

// several says that more than one agent talked.
func (c *Call) several() bool { return len(c.Agents) > 1 }
