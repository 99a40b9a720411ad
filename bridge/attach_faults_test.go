package bridge_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const requestedPath = "/api/v2/users/*/tickets/requested"

// A ticket with a long story, to which people write too: the call is on it once,
// whatever becomes of the request.
func TestAttachedCallIsToldOfOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		effect zendesktest.Effect
		want   []string
	}{
		{name: "429", effect: zendesktest.RateLimited(time.Second), want: []string{"freed complete", "done complete"}},
		{name: "it happened, the answer was lost", effect: zendesktest.DropAfterCommit(), want: []string{"unknown complete", "done complete"}},
		{name: "it did not happen", effect: zendesktest.DropBeforeCommit(), want: []string{"unknown complete", "freed complete", "done complete"}},
		{name: "it happened late", effect: zendesktest.LateCommit(800 * time.Millisecond), want: []string{"unknown complete", "done complete"}},
		{name: "500", effect: zendesktest.ServerError(), want: []string{"unknown complete", "freed complete", "done complete"}},
		{name: "409", effect: zendesktest.Status(http.StatusConflict, 0), want: []string{"freed complete", "done complete"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, customer := matchRig(t, newestOpen(), setup{timeout: patience})
			ticket := r.asks(customer, "by mail")
			const said = 120 // more than Zendesk lists on a page
			for range said {
				require.NoError(t, r.desk.AddComment(ticket, "Any news?", false))
			}
			p := r.attached("1")
			r.desk.Inject(zendesktest.Fault{Method: http.MethodPut, Path: ticketPath, Count: 1, Effect: test.effect})
			p.ends("1001", "t")
			r.settled(p)
			require.Len(t, r.ticketByID(ticket).Comments, 1+said+1)
			require.Equal(t, 1, toldOf(r.ticketByID(ticket), p))
			require.Subset(t, kinds(r.outcomes(p)), test.want)
			require.Len(t, r.desk.Tickets(), 1)
			r.clean()
		})
	}
}

// The answer to the update is lost, and the ticket is closed before it is looked
// for: what is on it stays there, and what is not gets a ticket of its own.
func TestAttachedTicketIsClosedWhileTheFateIsUnknown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		effect   zendesktest.Effect
		own, old int
	}{
		{name: "it happened", effect: zendesktest.DropAfterCommit(), old: 1},
		{name: "it did not happen", effect: zendesktest.DropBeforeCommit(), own: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, customer := matchRig(t, newestOpen(), setup{timeout: patience})
			ticket := r.asks(customer, "by mail")
			p := r.attached("1")
			lost := r.desk.Inject(zendesktest.Fault{Method: http.MethodPut, Path: ticketPath, Count: 1, Effect: test.effect})
			held := r.desk.Inject(zendesktest.Fault{Method: http.MethodGet, Path: ticketPath + "/audits", Effect: zendesktest.ServerError()})
			p.ends("1001", "t")
			r.eventually("answer lost", func() bool { return lost.Hits() == 1 && held.Hits() > 0 })
			require.NoError(t, r.desk.CloseTicket(ticket))
			held.Remove()
			r.settled(p)
			require.Equal(t, test.old, toldOf(r.ticketByID(ticket), p))
			require.Len(t, r.desk.TicketsByExternalID(string(p.id)), test.own)
			r.clean()
		})
	}
}

// Zendesk does not say which tickets the caller has: the page shows him, and his
// call gets its own ticket.
func TestTicketsOfTheCallerCannotBeFoundOut(t *testing.T) {
	t.Parallel()
	const shout = "tickets of the caller not found out, the call gets its own"
	for _, test := range []struct {
		name     string
		path     string
		effect   zendesktest.Effect
		count    int
		attached bool
	}{
		{name: "at all", path: requestedPath, effect: zendesktest.ServerError()},
		{name: "at first", path: requestedPath, effect: zendesktest.ServerError(), count: 2, attached: true},
		{name: "of the one listed", path: ticketPath, effect: zendesktest.ServerError()},
		{name: "since it was asked too often", path: requestedPath, effect: zendesktest.RateLimited(time.Second)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, customer := matchRig(t, newestOpen(), setup{})
			ticket := r.asks(customer, "by mail")
			fault := r.desk.Inject(zendesktest.Fault{Method: http.MethodGet, Path: test.path, Count: test.count, Effect: test.effect})
			p := r.call("1")
			p.comes()
			p.rings("1001")
			r.eventually("first try", func() bool { return fault.Hits() > 0 })
			p.answers("1001")
			r.eventually("page", func() bool { return len(r.desk.Pops()) == 1 })
			require.Equal(t, customer.ID, r.desk.Pops()[0].UserID, "it does not wait for the next try")
			r.eventually("ticket", func() bool { return r.view(p).Record.Ticket != 0 })
			fault.Remove()
			p.ends("1001", "t")
			r.settled(p)
			require.Equal(t, test.attached, r.view(p).Record.Attached)
			if test.attached {
				require.Equal(t, 1, toldOf(r.ticketByID(ticket), p))
				return
			}
			require.NotEqual(t, ticket, r.ticket(p).ID)
			require.Equal(t, 1, r.logged(logrus.WarnLevel, shout))
			require.Contains(t, r.view(p).Record.Match.Reason, "could not be found out")
			r.clean()
		})
	}
}

// A list that hangs holds the page up for two seconds, not for the time-out.
func TestSlowListHoldsThePageUpForABoundedTime(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	r.asks(customer, "by mail")
	r.desk.Inject(zendesktest.Fault{Method: http.MethodGet, Path: requestedPath, Count: 1, Effect: zendesktest.Slow(9 * time.Second)})
	p := r.call("1")
	p.comes()
	p.rings("1001")
	p.answers("1001")
	r.eventually("page", func() bool { return len(r.desk.Pops()) == 1 })
	require.Equal(t, customer.ID, r.desk.Pops()[0].UserID)
	r.eventually("attached at the second try", func() bool { return r.view(p).Record.Attached })
	p.ends("1001", "t")
	r.settled(p)
	r.clean()
}

// A call that was not seen to begin may have a ticket that a lost journal knew.
func TestCallThatWasNotSeenToBeginIsNotAttached(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	r.asks(customer, "by mail")
	p := r.call("1")
	events := p.coming()
	events[0].Estimated = true
	p.tell(events...)
	p.rings("1001")
	p.answers("1001")
	p.ends("1001", "t")
	r.settled(p)
	require.Contains(t, r.view(p).Record.Match.Reason, "was not seen to begin")
	r.ticket(p)
	r.clean()
}

// TestDeathAtEveryPointOfAnAttachedCall kills the bridge at every append of its
// story, in two ways, and starts another on the same journal.
func TestDeathAtEveryPointOfAnAttachedCall(t *testing.T) {
	t.Parallel()
	const most = 12
	var last atomic.Int64
	for _, lost := range []bool{false, true} {
		for n := 1; n <= most; n++ {
			t.Run(fmt.Sprintf("append %d, answer lost %t", n, lost), func(t *testing.T) {
				t.Parallel()
				r, customer := matchRig(t, newestOpen(), setup{idle: true, policy: func(p *bridge.Policy) { p.Settle = time.Second }})
				ticket := r.asks(customer, "by mail")
				d := &dying{left: n, lost: lost, died: make(chan struct{})}
				r.start(setup{wrap: func(j bridge.Journal) bridge.Journal { d.Journal = j; return d }})
				s := &story{rig: r, died: d.died, call: r.call("1")}
				s.play()
				s.settled(s.call)
				require.Len(t, r.desk.Tickets(), 1)
				require.Equal(t, 1, toldOf(r.ticketByID(ticket), s.call))
				require.Len(t, r.ticketByID(ticket).Comments, 2)
				require.LessOrEqual(t, len(r.desk.Pops()), 2)
				for _, pop := range r.desk.Pops() {
					require.Equal(t, ticket, pop.TicketID)
				}
				r.clean()
				if s.restarted {
					last.Store(max(last.Load(), int64(n)))
				}
			})
		}
	}
	t.Cleanup(func() { require.GreaterOrEqual(t, last.Load(), int64(9), "deaths reach to the end of the call") })
}

// What was decided stays so, though the ticket is solved and the policy changed
// while talkbridge is away.
func TestRestartDoesNotDecideOtherwise(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	ticket := r.asks(customer, "by mail")
	p := r.attached("1")
	require.NoError(t, r.stop())
	require.NoError(t, r.desk.SolveTicket(ticket))
	r.asks(customer, "newer")
	r.policy.Match = bridge.Match{}
	r.start(setup{})
	again := r.call("1")
	again.n = p.n
	again.ends("1001", "t")
	r.settled(again)
	require.Equal(t, 1, toldOf(r.ticketByID(ticket), p))
	require.Equal(t, "solved", r.ticketByID(ticket).Status, "a person solved it")
	require.Empty(t, r.desk.TicketsByExternalID(string(p.id)))
	r.clean()
}

// Several calls of one caller at once, and two bridges that do not know of each
// other: each call is on the ticket once.
func TestCallsAtOnceAreEachToldOfOnce(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	ticket := r.asks(customer, "by mail")
	first := r.stop
	r.start(setup{})
	var phones []*phone
	var wg sync.WaitGroup
	for i := range 6 {
		p := r.call(fmt.Sprint(i))
		phones = append(phones, p)
		wg.Go(func() { p.ordinary("1001") })
	}
	wg.Wait()
	r.settled(phones...)
	told := 0
	for _, p := range phones {
		// One of the two may have made the ticket of a call that both saw, as its fence allows.
		own := len(r.desk.TicketsByExternalID(string(p.id)))
		require.Equal(t, 1, own+toldOf(r.ticketByID(ticket), p), p.id)
		told += toldOf(r.ticketByID(ticket), p)
	}
	require.NotZero(t, told)
	require.NoError(t, first())
	r.clean()
}

// An attached call is transferred: the colleague sees the ticket, and it is told
// of both, once.
func TestAttachedCallIsTransferred(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	ticket := r.asks(customer, "by mail")
	p, c := r.attached("1"), r.call("2")
	c.tell(c.consulting()...)
	c.tell(c.leaving()...)
	p.tell(p.handing(c)...)
	r.eventually("page of the colleague", func() bool { return len(r.desk.Pops()) == 2 })
	require.Equal(t, int64(benID), r.desk.Pops()[1].AgentID)
	require.Equal(t, ticket, r.desk.Pops()[1].TicketID)
	p.ends("t", "1002")
	r.settled(p, c)
	got := r.ticketByID(ticket)
	require.Len(t, got.Comments, 2)
	require.Contains(t, got.Comments[1].Body, "Agents: Ana, Ben\n")
	require.Contains(t, got.Comments[1].Body, "Joined: "+string(c.id))
	require.Zero(t, got.AssigneeID, "whose it is, is for people to say")
	require.Len(t, r.desk.Tickets(), 1)
	r.clean()
}

// Two calls of one caller are on one ticket, and become one call: there is
// nothing that one should say of the other there.
func TestAttachedCallsThatBecomeOne(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	ticket := r.asks(customer, "by mail")
	p, c := r.attached("1"), r.call("2")
	c.comes()
	c.rings("1002")
	r.matched(c)
	c.answers("1002")
	r.eventually("attached", func() bool { return r.view(c).Record.Attached })
	p.tell(telephony.Event{Kind: telephony.CallLinked, Leg: "t", Other: c.id})
	p.ends("1001", "t")
	c.ends("1002", "t")
	r.settled(p, c)
	got := r.ticketByID(ticket)
	require.Empty(t, joinNotes(got))
	require.Len(t, got.Comments, 2)
	require.Contains(t, got.Comments[1].Body, string(c.id))
	require.Len(t, r.desk.Tickets(), 1)
	r.clean()
}
