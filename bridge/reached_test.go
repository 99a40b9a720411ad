package bridge_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// An agent may be on a telephone outside, which the phone system reaches over a
// trunk.

const bensMobile = "+12125550155"

// newMobileRig has agents who also answer outside.
func newMobileRig(t *testing.T, change func(*bridge.Policy)) *rig {
	t.Helper()
	return newRig(t, setup{policy: func(p *bridge.Policy) {
		directory, err := screenpop.NewDirectory([]screenpop.Agent{
			{Name: "Ana", ZendeskID: anaID, Numbers: []string{"1001"}},
			{Name: "Ben", ZendeskID: benID, Numbers: []string{"1002", bensMobile}},
		}, "US")
		require.NoError(t, err)
		require.NoError(t, directory.Resolve(t.Context(), finder{}))
		p.Directory = directory
		if change != nil {
			change(p)
		}
	}})
}

// reaching dials a number outside in the call.
func (p *phone) reaching(leg, number, peer string) []telephony.Event {
	return []telephony.Event{
		{Kind: telephony.LegStarted, Leg: leg, Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk"},
		{Kind: telephony.LegDialled, Leg: leg, Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Peer: peer, Dialled: number},
	}
}

func TestMobileAnswers(t *testing.T) {
	t.Parallel()
	for _, mode := range []bridge.CreateMode{bridge.CreateOnAnswer, bridge.CreateAtEnd} {
		r := newMobileRig(t, func(p *bridge.Policy) { p.Create = mode })
		p := r.call("1")
		p.comes()
		p.tell(append(p.ringing("1001"), p.reaching("m", "12125550155", "t")...)...)
		p.answers("m")
		r.eventually("page", func() bool { return len(r.desk.Pops()) == 1 })
		p.ends("1001", "m", "t")
		r.settled(p)
		ticket := r.ticket(p)
		require.Equal(t, 45, ticket.ViaID)
		require.Equal(t, int64(benID), ticket.AssigneeID)
		require.False(t, ticket.HasTag("call_missed"))
		require.Equal(t, int64(benID), r.desk.Pops()[0].AgentID)
		last := ticket.Comments[len(ticket.Comments)-1].Body
		require.Contains(t, last, "Call: inbound, answered\n")
		require.Contains(t, last, "Agents: Ben\n")
		require.NotContains(t, last, "Connected to")
		r.clean()
	}
}

// Nobody knows who answered, but somebody did.
func TestForwardedToAStranger(t *testing.T) {
	t.Parallel()
	r := newMobileRig(t, nil)
	p := r.call("1")
	p.comes()
	p.tell(p.reaching("m", "2125550166", "t")...)
	p.answers("m")
	r.eventually("ticket", func() bool { return r.view(p).Record.Ticket != 0 })
	p.ends("m", "t")
	r.settled(p)
	ticket := r.ticket(p)
	require.Empty(t, r.desk.Pops())
	require.Zero(t, ticket.AssigneeID)
	last := ticket.Comments[len(ticket.Comments)-1].Body
	require.Contains(t, last, "Call: inbound, answered\n")
	require.Contains(t, last, "Connected to: +12125550166\n")
	require.NotContains(t, last, "Agents:")
	require.Equal(t, telephony.SideTrunk, r.view(p).State.Legs[1].Side)
	r.clean()
}

// The agent at 1001 asks a colleague on his mobile, in a call of its own, and
// gives him the caller: one conversation, one ticket.
func TestConsultationOfAMobile(t *testing.T) {
	t.Parallel()
	r := newMobileRig(t, nil)
	p := r.talk()
	c := r.call("2")
	c.tell(c.consultingOutside(bensMobile)...)
	r.eventually("no ticket", func() bool { return strings.HasPrefix(r.view(c).Next.Reason, "no ticket") })
	require.Zero(t, r.view(c).Record.Ticket)
	c.tell(c.leaving()...)
	p.tell(p.handing(c)...)
	r.eventually("page of the colleague", func() bool { return len(r.desk.Pops()) == 2 })
	p.ends("t")
	c.ends("o")
	r.settled(p, c)
	require.Len(t, r.desk.Tickets(), 1)
	require.Equal(t, int64(benID), r.ticket(p).AssigneeID)
	require.Equal(t, int64(benID), r.desk.Pops()[1].AgentID)
	require.Contains(t, r.ticket(p).Comments[1].Body, "Agents: Ana, Ben\n")
	r.clean()
}

// A call of one agent to another has no ticket, on whatever telephone.
func TestCallAmongAgents(t *testing.T) {
	t.Parallel()
	r := newMobileRig(t, func(p *bridge.Policy) { p.OutboundUnanswered = true })
	c := r.call("1")
	c.tell(c.consultingOutside(bensMobile)...)
	c.ends("1001b", "o")
	r.settled(c)
	require.Empty(t, r.desk.Tickets())
	require.Empty(t, r.desk.Pops())
	r.clean()
}

// A call that is placed for a mobile, and then for the customer.
func TestClickToCallOnAMobile(t *testing.T) {
	t.Parallel()
	r := newMobileRig(t, nil)
	p := r.call("1")
	first := p.reaching("m", bensMobile, "")
	first[0].First = true
	p.tell(first...)
	p.tell(telephony.Event{Kind: telephony.LegDialEnded, Leg: "m", Status: telephony.DialAnswer})
	dial := p.reaching("t", caller, "m")
	dial[1].Party = telephony.Party{Number: support}
	p.tell(dial...)
	p.answers("m")
	r.eventually("page", func() bool { return len(r.desk.Pops()) == 1 })
	p.ends("m", "t")
	r.settled(p)
	ticket := r.ticket(p)
	require.Equal(t, 46, ticket.ViaID)
	require.Equal(t, int64(benID), ticket.AssigneeID)
	requester, _ := r.desk.User(ticket.RequesterID)
	require.Equal(t, caller, requester.Phone)
	require.Equal(t, int64(benID), r.desk.Pops()[0].AgentID)
	r.clean()
}

// A mobile for which a call is placed does not answer: nobody called us, and
// there is nobody to write about.
func TestClickToCallOnAMobileThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	r := newMobileRig(t, func(p *bridge.Policy) { p.OutboundUnanswered = true })
	p := r.call("1")
	first := p.reaching("m", bensMobile, "")
	first[0].First = true
	p.tell(first...)
	p.tell(append([]telephony.Event{{Kind: telephony.LegDialEnded, Leg: "m", Status: telephony.DialNoAnswer}}, p.ending("m")...)...)
	r.settled(p)
	require.Empty(t, r.desk.Tickets())
	r.clean()
}
