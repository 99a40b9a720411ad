package bridge_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const customerNumber = "+493055512345"

// placed is a call under the id that an order chose for it: it rings Ana's phone,
// which dials out when it is answered.
func (r *rig) placed(key string) *phone { return r.call(telephony.DialledID(key)) }

// dialsOut lets the phone be answered, and whom it calls too.
func (p *phone) dialsOut() {
	p.tell(
		telephony.Event{Kind: telephony.LegStarted, Leg: "1001", First: true, Side: telephony.SideAgent, Endpoint: "PJSIP/1001"},
		telephony.Event{Kind: telephony.LegDialled, Leg: "1001", Side: telephony.SideAgent, Endpoint: "PJSIP/1001"},
	)
	p.tell(telephony.Event{Kind: telephony.LegDialEnded, Leg: "1001", Status: telephony.DialAnswer})
	p.tell(
		telephony.Event{Kind: telephony.LegStarted, Leg: "trunk", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk"},
		telephony.Event{Kind: telephony.LegDialled, Leg: "trunk", Peer: "1001", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Dialled: customerNumber},
	)
	p.tell(
		telephony.Event{Kind: telephony.LegDialEnded, Leg: "trunk", Status: telephony.DialAnswer},
		telephony.Event{Kind: telephony.LegBridged, Leg: "1001", Bridge: "b"}, telephony.Event{Kind: telephony.LegBridged, Leg: "trunk", Bridge: "b"},
	)
}

func order() bridge.Dial {
	return bridge.Dial{Agent: "Ana", Number: customerNumber, By: "crm"}
}

// begins is an order that nobody gave before.
func (r *rig) begins(p *phone, d bridge.Dial) {
	r.t.Helper()
	_, first, err := r.bridge.BeginDial(r.t.Context(), p.id, d)
	require.NoError(r.t, err)
	require.True(r.t, first)
}

// A call that was placed for a ticket goes there, with one voice comment, and no
// requester is looked for; his number is nobody's, and stays so.
func TestDialledForTicket(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: []zendesktest.Option{zendesktest.WithIndexDelay(0)}})
	customer, err := r.desk.AddUser(zendesktest.User{Name: "Customer", Email: "c@example.com"})
	require.NoError(t, err)
	ticket := r.asks(customer, "Please call me")
	users := len(r.desk.Users())

	p := r.placed("k")
	d := order()
	d.Ticket = ticket
	r.begins(p, d)
	require.NoError(t, r.bridge.EndDial(t.Context(), p.id, ""))
	p.dialsOut()
	r.eventually("page opens", func() bool { return len(r.desk.Pops()) == 1 })
	require.Equal(t, ticket, r.desk.Pops()[0].TicketID)
	p.ends("1001", "trunk")
	r.settled(p)
	require.Equal(t, 1, toldOf(r.ticketByID(ticket), p))
	require.Empty(t, r.desk.TicketsByExternalID(string(p.id)))
	require.Len(t, r.desk.Users(), users)
	view := r.view(p)
	require.True(t, view.Record.Attached)
	require.Equal(t, bridge.DialTaken, view.Record.Dialled.State)
}

// A call that was placed for a user has a ticket of its own, outbound, whose requester
// he is, whoever has the number.
func TestDialledForUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: []zendesktest.Option{zendesktest.WithIndexDelay(0)}})
	_, err := r.desk.AddUser(zendesktest.User{Name: "Somebody else", Phone: customerNumber})
	require.NoError(t, err)
	customer, err := r.desk.AddUser(zendesktest.User{Name: "Customer", Email: "c@example.com"})
	require.NoError(t, err)
	p := r.placed("k")
	d := order()
	d.User = customer.ID
	r.begins(p, d)
	p.dialsOut()
	p.ends("1001", "trunk")
	r.settled(p)
	tickets := r.desk.TicketsByExternalID(string(p.id))
	require.Len(t, tickets, 1)
	require.Equal(t, 46, tickets[0].ViaID)
	require.Equal(t, customer.ID, tickets[0].RequesterID)
	require.Equal(t, bridge.DialPending, r.view(p).Record.Dialled.State, "what the phone system answered got lost")
	for _, request := range r.desk.Requests() {
		require.NotContains(t, request.Query, "external_id=", "a call that was seen to begin has no ticket yet: nobody looks for one")
	}
}

// Of many who give one order at once a single one may place the call; so it is after
// a restart, and the answer is that of the first.
func TestDialOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p := r.placed("k")
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		many int
	)
	for range 8 {
		wg.Go(func() {
			_, first, err := r.bridge.BeginDial(t.Context(), p.id, order())
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if first {
				many++
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, many)
	require.NoError(t, r.bridge.EndDial(t.Context(), p.id, "Extension does not exist."))
	r.restart()
	known, first, err := r.bridge.BeginDial(t.Context(), p.id, order())
	require.NoError(t, err)
	require.False(t, first)
	require.Equal(t, bridge.DialRefused, known.State)
	require.Equal(t, "Extension does not exist.", known.Reason)
	require.Equal(t, order(), known.Dial)
	require.WithinDuration(t, time.Now(), known.At, time.Minute)

	found, err := r.bridge.FindDial(t.Context(), r.placed("another").id)
	require.NoError(t, err)
	require.Nil(t, found)
	somebodys := r.call("1.1")
	somebodys.ordinary("1001")
	r.settled(somebodys)
	_, first, err = r.bridge.BeginDial(t.Context(), somebodys.id, order())
	require.ErrorContains(t, err, "was not placed by an order")
	require.False(t, first)
}

// The order is found when the call begins after a restart, long after it left the
// memory.
func TestDialledIsRecalled(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: []zendesktest.Option{zendesktest.WithIndexDelay(0)}})
	customer, err := r.desk.AddUser(zendesktest.User{Name: "Customer", Email: "c@example.com"})
	require.NoError(t, err)
	ticket := r.asks(customer, "Please call me")
	d := order()
	d.Ticket = ticket
	r.begins(r.placed("k"), d)
	r.eventually("the checkpoint is behind the order", func() bool {
		state, err := r.journal.State(t.Context())
		require.NoError(t, err)
		at, err := r.journal.Checkpoint(t.Context())
		return err == nil && at == state.Last
	})
	r.restart()
	p := r.placed("k")
	p.dialsOut()
	p.ends("1001", "trunk")
	r.settled(p)
	require.Equal(t, 1, toldOf(r.ticketByID(ticket), p))
	require.Empty(t, r.desk.TicketsByExternalID(string(p.id)))
}

// What became of an order whose answer got lost is told by the call; and which orders
// no call was told of, by the journal.
func TestDialHeardOf(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	before := time.Now()
	heard, open, refused := r.placed("heard"), r.placed("open"), r.placed("refused")
	for _, p := range []*phone{heard, open, refused} {
		d := order()
		d.Phone = "client:ana"
		r.begins(p, d)
	}
	require.NoError(t, r.bridge.EndDial(t.Context(), refused.id, "busy"))
	known, err := r.bridge.FindDial(t.Context(), heard.id)
	require.NoError(t, err)
	require.Equal(t, bridge.DialPending, known.State)
	heard.tell(telephony.Event{Kind: telephony.LegStarted, Leg: "1001", First: true, Side: telephony.SideAgent, Endpoint: "client:ana"})
	known, err = r.bridge.FindDial(t.Context(), heard.id)
	require.NoError(t, err)
	require.Equal(t, bridge.DialTaken, known.State)

	orders, err := r.bridge.Orders(t.Context(), heard.id.Source(), before.Add(-time.Minute))
	require.NoError(t, err)
	require.Len(t, orders, 1)
	require.Equal(t, telephony.Order{Call: open.id, Phone: "client:ana", Number: customerNumber}, orders[0].Order)
	require.WithinDuration(t, before, orders[0].At, time.Minute)
	orders, err = r.bridge.Orders(t.Context(), "another", before.Add(-time.Minute))
	require.NoError(t, err)
	require.Empty(t, orders)
}
