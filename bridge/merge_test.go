package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// A SIP attended transfer: the agent at 1001 talks to a customer, asks somebody
// on a second line, and hands the customer over. The consultation is a call of
// its own until then.

// consulting begins a call of the agent at 1001 to the one at 1002.
func (p *phone) consulting() []telephony.Event {
	return []telephony.Event{
		{Kind: telephony.LegStarted, Leg: "1001b", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", First: true, Dialled: "1002"},
		{Kind: telephony.LegStarted, Leg: "1002", Side: telephony.SideAgent, Endpoint: "PJSIP/1002"},
		{Kind: telephony.LegDialled, Leg: "1002", Peer: "1001b", Dialled: "1002"},
		{Kind: telephony.LegBridged, Leg: "1001b", Bridge: "c"},
		{Kind: telephony.LegBridged, Leg: "1002", Bridge: "c"},
	}
}

// consultingOutside begins one to a number outside.
func (p *phone) consultingOutside(number string) []telephony.Event {
	return []telephony.Event{
		{Kind: telephony.LegStarted, Leg: "1001b", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", First: true, Dialled: number},
		{Kind: telephony.LegStarted, Leg: "o", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk"},
		{Kind: telephony.LegDialled, Leg: "o", Peer: "1001b", Dialled: number, Party: telephony.Party{Number: support}},
		{Kind: telephony.LegBridged, Leg: "1001b", Bridge: "c"},
		{Kind: telephony.LegBridged, Leg: "o", Bridge: "c"},
	}
}

// handing puts the customer into the consultation, as Asterisk tells it: the
// agent's legs go, the customer's enters the other bridge.
func (p *phone) handing(into *phone) []telephony.Event {
	return []telephony.Event{
		{Kind: telephony.CallLinked, Leg: "t", Other: into.id},
		{Kind: telephony.LegUnbridged, Leg: "t", Bridge: "b"},
		{Kind: telephony.LegBridged, Leg: "t", Bridge: "c"},
		{Kind: telephony.LegEnded, Leg: "1001", Cause: 16},
	}
}

// leaving takes the agent who asked out of the consultation.
func (p *phone) leaving() []telephony.Event {
	return []telephony.Event{{Kind: telephony.LegUnbridged, Leg: "1001b", Bridge: "c"}, {Kind: telephony.LegEnded, Leg: "1001b", Cause: 16}}
}

func TestConsultationThatACustomerIsTransferredInto(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p, c := r.talk(), r.call("2")
	c.tell(c.consulting()...)
	c.tell(c.leaving()...)
	p.tell(p.handing(c)...)
	r.eventually("page of the colleague", func() bool { return len(r.desk.Pops()) == 2 })
	p.ends("t", "1002") // the colleague's leg is in the customer's call by now
	r.settled(p, c)

	ticket := r.ticket(p)
	require.Len(t, r.desk.Tickets(), 1)
	require.Equal(t, int64(benID), ticket.AssigneeID)
	require.Equal(t, 1, completions(ticket))
	pops := r.desk.Pops()
	require.Equal(t, int64(benID), pops[1].AgentID)
	require.Equal(t, ticket.ID, pops[1].TicketID)
	require.Contains(t, ticket.Comments[1].Body, "Agents: Ana, Ben\n")

	require.Equal(t, r.view(p), r.view(c), "either id is this call")
	views, err := r.bridge.Calls(t.Context())
	require.NoError(t, err)
	require.Len(t, views, 1)
	require.Equal(t, p.id, views[0].State.ID)
	require.Len(t, views[0].Parts, 2)
	views, err = bridge.History(t.Context(), r.journal, 10)
	require.NoError(t, err)
	require.Len(t, views, 1)
	require.Equal(t, telephony.Answered, views[0].State.Disposition)
	r.clean()
}

// both are two calls that each have a ticket.
func both(r *rig) (*phone, *phone) {
	r.t.Helper()
	p, c := r.talk(), r.call("2")
	c.tell(c.consultingOutside("+12125550199")...)
	r.eventually("second ticket", func() bool { return r.view(c).Record.Ticket != 0 })
	return p, c
}

func joinNotes(ticket zendesktest.Ticket) []string {
	var notes []string
	for _, c := range ticket.Comments {
		if strings.HasPrefix(c.Body, "This call was joined with another") {
			notes = append(notes, c.Body)
		}
	}
	return notes
}

// requireJoined holds that both tickets stay, each with one note that names the
// other, and that what came later is on the older; other is how often the younger
// was completed before.
func requireJoined(t *testing.T, r *rig, older, younger *phone, other int) {
	t.Helper()
	a, b := r.ticket(older), r.ticket(younger)
	require.Len(t, joinNotes(a), 1)
	require.Len(t, joinNotes(b), 1)
	require.Contains(t, joinNotes(a)[0], fmt.Sprintf("#%d. What follows is added here.", b.ID))
	require.Contains(t, joinNotes(b)[0], fmt.Sprintf("#%d. What follows is added to #%d.", a.ID, a.ID))
	require.Equal(t, 1, completions(a))
	require.Equal(t, other, completions(b))
	r.clean()
}

func TestBothCallsHaveATicketWhenTheyBecomeOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p, c := both(r)
	c.tell(c.leaving()...)
	p.tell(p.handing(c)...)
	r.eventually("notes", func() bool { return len(joinNotes(r.ticket(p)))+len(joinNotes(r.ticket(c))) == 2 })
	p.ends("t")
	c.ends("o")
	r.settled(p, c)
	requireJoined(t, r, p, c, 0)
	require.Contains(t, r.ticket(p).Comments[2].Body, "Agents: Ana\n")
}

// Two customers are joined, and the agent leaves.
func TestTwoCallersWhoAreJoined(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p := r.talk()
	c := r.call("2")
	c.from = "+12125550177"
	c.comes()
	c.rings("1002")
	c.answers("1002")
	r.eventually("second ticket", func() bool { return r.view(c).Record.Ticket != 0 })
	c.tell(telephony.Event{Kind: telephony.CallLinked, Other: p.id})
	p.ends("1001", "t")
	c.ends("1002", "t")
	r.settled(p, c)
	requireJoined(t, r, p, c, 0)
}

// The link is told when everything about both calls was done, and they are in
// memory no more; then it is told again, and by a snapshot.
func TestLinkThatComesLate(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p, c := both(r)
	p.ends("1001", "t")
	c.ends("1001b", "o")
	r.settled(p, c)
	require.NoError(t, r.stop())
	r.start(setup{})
	p.sink, c.sink = r.bridge.Sink("pbx1"), r.bridge.Sink("pbx1")
	link := telephony.Event{Kind: telephony.CallLinked, Leg: "o", Other: p.id}
	c.tell(link)
	r.eventually("notes", func() bool { return len(joinNotes(r.ticket(p)))+len(joinNotes(r.ticket(c))) == 2 })
	r.settled(p, c)
	link.Estimated = true
	c.tell(link)
	p.tell(telephony.Event{Kind: telephony.CallLinked, Leg: "o", Other: c.id})
	r.eventually("told three times", func() bool { return linksTold(r, p) == 3 })
	r.settled(p, c)
	requireJoined(t, r, p, c, 1)
}

// linksTold counts the links in the story of a call.
func linksTold(r *rig, p *phone) int {
	r.t.Helper()
	entries, err := bridge.ReadEntries(r.t.Context(), r.journal, p.id)
	require.NoError(r.t, err)
	n := 0
	for _, entry := range entries {
		for _, e := range entry.Events {
			if e.Kind == telephony.CallLinked {
				n++
			}
		}
	}
	return n
}

// A consultation is linked only after the customer's ticket was completed: the
// ticket is told of it.
func TestLateLinkWithACallWithoutATicket(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p, c := r.talk(), r.call("2")
	c.tell(c.consulting()...)
	p.ends("1001", "t")
	c.ends("1001b", "1002")
	r.settled(p, c)
	p.tell(telephony.Event{Kind: telephony.CallLinked, Other: c.id})
	r.eventually("told again", func() bool { return completions(r.ticket(p)) == 2 })
	r.settled(p, c)
	require.Len(t, r.desk.Tickets(), 1)
	require.Empty(t, joinNotes(r.ticket(p)))
	r.clean()
}

func TestThreeCallsInAChain(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	var phones []*phone
	for i := range 3 {
		p := r.call(fmt.Sprint(i + 1))
		p.from = fmt.Sprintf("+1212555018%d", i)
		p.comes()
		p.rings("1001")
		p.answers("1001")
		r.eventually("ticket", func() bool { return r.view(p).Record.Ticket != 0 })
		phones = append(phones, p)
	}
	phones[1].tell(telephony.Event{Kind: telephony.CallLinked, Other: phones[0].id})
	phones[1].tell(telephony.Event{Kind: telephony.CallLinked, Other: phones[2].id})
	for _, p := range phones {
		p.ends("1001", "t")
	}
	r.settled(phones...)
	for i, p := range phones {
		all := strings.Join(joinNotes(r.ticket(p)), "\n")
		for k, other := range phones {
			if k != i {
				require.Contains(t, all, fmt.Sprintf("#%d", r.ticket(other).ID))
			}
		}
	}
	require.Equal(t, 1, completions(r.ticket(phones[0])))
	require.Zero(t, completions(r.ticket(phones[1]))+completions(r.ticket(phones[2])))
	require.Len(t, r.view(phones[2]).Parts, 3)
	r.clean()
}

func TestLiveLegsOfCallsThatBecameOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p, c := r.talk(), r.call("2")
	c.tell(c.consulting()...)
	c.tell(c.leaving()...)
	p.tell(p.handing(c)...)
	r.eventually("one call", func() bool { return len(r.view(c).Parts) == 2 })
	legs, err := r.bridge.Live(t.Context(), "pbx1")
	require.NoError(t, err)
	slices.SortFunc(legs, func(a, b telephony.LiveLeg) int { return strings.Compare(a.Leg, b.Leg) })
	for i := range legs {
		require.False(t, legs[i].Since.IsZero(), "when it began")
		legs[i].Since = time.Time{}
	}
	require.Equal(t, []telephony.LiveLeg{
		{Call: p.id, Leg: "1002", Endpoint: "PJSIP/1002", Side: telephony.SideAgent},
		{Call: p.id, Leg: "t", Endpoint: "PJSIP/trunk", Side: telephony.SideTrunk},
	}, legs)
}

func TestWhatIsParkedOfACallThatWasJoinedIsRetried(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p, c := both(r)
	_, err := r.bridge.Retry(t.Context(), c.id)
	require.ErrorIs(t, err, bridge.ErrNotParked)
	fault := r.desk.Inject(zendesktest.Fault{Method: "PUT", Path: ticketPath, Effect: zendesktest.Status(403, 0)})
	p.tell(telephony.Event{Kind: telephony.CallLinked, Other: c.id})
	r.eventually("both notes parked", func() bool { return fault.Hits() == 2 && len(r.view(p).Parts[1].Record.Parked) == 1 })
	r.desk.ClearFaults()
	parked, err := r.bridge.Retry(t.Context(), p.id)
	require.NoError(t, err)
	require.Contains(t, parked, bridge.StepJoin)
	p.ends("1001", "t")
	c.ends("1001b", "o")
	r.settled(p, c)
	requireJoined(t, r, p, c, 0)
}

// TestDeathAtEveryPointOfATransfer kills the bridge at every append of a
// transfer's story, and starts another on the same journal.
func TestDeathAtEveryPointOfATransfer(t *testing.T) {
	t.Parallel()
	for _, outside := range []bool{false, true} {
		var fewest atomic.Int64
		for n := 1; n <= 26; n++ {
			lost := n%2 == 0
			t.Run(fmt.Sprintf("outside %t, append %d, answer lost %t", outside, n, lost), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, setup{idle: true, policy: func(p *bridge.Policy) { p.Settle = time.Second }})
				d := &dying{left: n, lost: lost, died: make(chan struct{})}
				r.start(setup{wrap: func(j bridge.Journal) bridge.Journal { d.Journal = j; return d }})
				s := &story{rig: r, died: d.died, call: r.call("1")}
				p, c := s.call, r.call("2")
				playTransfer(s, p, c, outside)
				if s.restarted {
					fewest.Store(max(fewest.Load(), int64(n)))
				}
				if outside {
					requireJoined(t, r, p, c, 0)
					return
				}
				ticket := r.ticket(p)
				require.Len(t, r.desk.Tickets(), 1)
				require.Equal(t, 1, completions(ticket))
				require.LessOrEqual(t, len(r.desk.Pops()), 3)
				require.Equal(t, int64(benID), ticket.AssigneeID)
				r.clean()
			})
		}
		t.Cleanup(func() { require.GreaterOrEqual(t, fewest.Load(), int64(10), "deaths reach to the end of the transfer") })
	}
}

func playTransfer(s *story, p, c *phone, outside bool) {
	on := func(who *phone, folded func(telephony.State) bool, events ...telephony.Event) {
		s.call = who
		s.tell(folded, events...)
	}
	on(p, telephony.State.Live, p.coming()...)
	on(p, func(c telephony.State) bool { return len(c.Ringing) == 1 }, p.ringing("1001")...)
	on(p, telephony.State.Answered, p.answering("1001")...)
	last := "1002"
	if outside {
		last = "o"
		on(c, telephony.State.Answered, c.consultingOutside("+12125550199")...)
	} else {
		on(c, telephony.State.Answered, c.consulting()...)
	}
	on(c, telephony.State.Live, c.leaving()...)
	on(p, func(s telephony.State) bool { return len(s.Legs) == 4 }, p.handing(c)...)
	on(c, func(s telephony.State) bool { return s.ID == p.id }, c.ending(last)...)
	on(p, telephony.State.Ended, p.ending("t")...)
	s.settled(p, c)
}
