package bridge_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// matchRig is a rig whose caller is a customer, and whose calls go onto a ticket
// of his.
func matchRig(t *testing.T, match bridge.Match, s setup) (*rig, zendesktest.User) {
	t.Helper()
	more := s.policy
	s.policy = func(p *bridge.Policy) {
		p.Match, p.Pop.Deadline = match, 30*time.Second
		if more != nil {
			more(p)
		}
	}
	s.desk = append([]zendesktest.Option{zendesktest.WithIndexDelay(0)}, s.desk...)
	r := newRig(t, s)
	customer, err := r.desk.AddUser(zendesktest.User{Name: "Customer", Phone: caller})
	require.NoError(t, err)
	return r, customer
}

func newestOpen() bridge.Match { return bridge.Match{NewestOpenWithin: 72 * time.Hour} }

// asks is a ticket that somebody made by mail, and its id.
func (r *rig) asks(who zendesktest.User, subject string) int64 {
	r.t.Helper()
	ticket, err := r.client.CreateTicket(r.t.Context(), zendesk.NewTicket{Ticket: zendesk.TicketFields{
		Subject: subject, RequesterID: who.ID, Comment: &zendesk.Comment{Body: "Hello"}, Tags: []string{"by_mail"},
	}}, zendesk.CreateTicketOptions{})
	require.NoError(r.t, err)
	return ticket.ID
}

// ticketByID is a ticket as it is now.
func (r *rig) ticketByID(id int64) zendesktest.Ticket {
	r.t.Helper()
	ticket, found := r.desk.Ticket(id)
	require.True(r.t, found)
	return ticket
}

// toldOf counts the comments of a ticket that tell of a call.
func toldOf(ticket zendesktest.Ticket, p *phone) int {
	n := 0
	for _, audit := range ticket.Audits {
		ours, _ := audit.Custom["talkbridge"].(map[string]any)
		if ours["call_id"] == string(p.id) {
			n++
		}
	}
	return n
}

// matched waits until the caller's tickets were looked at.
func (r *rig) matched(p *phone) {
	r.t.Helper()
	r.eventually("caller's tickets looked at", func() bool { return r.view(p).Record.Match != nil })
}

// rung is a call that rings, and whose caller's tickets were looked at.
func (r *rig) rung(name string) *phone {
	r.t.Helper()
	p := r.call(name)
	p.comes()
	p.rings("1001")
	r.matched(p)
	return p
}

// attached is a call that goes onto a ticket, and is answered.
func (r *rig) attached(name string) *phone {
	r.t.Helper()
	p := r.rung(name)
	p.answers("1001")
	r.eventually("attached", func() bool { return r.view(p).Record.Attached })
	return p
}

func TestCallGoesOntoTheNewestOpenTicket(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	older, ticket := r.asks(customer, "older"), r.asks(customer, "newer")
	solved := r.asks(customer, "solved")
	require.NoError(t, r.desk.SolveTicket(solved))
	before := r.ticketByID(ticket)

	p := r.rung("1")
	asked := len(r.desk.Requests())
	p.answers("1001")
	r.eventually("page", func() bool { return len(r.desk.Pops()) == 1 })
	require.Equal(t, ticket, r.desk.Pops()[0].TicketID)
	require.Equal(t, zendesktest.PopDisplay, r.desk.Pops()[0].Source)
	require.Len(t, r.desk.Requests(), asked+1, "at the answer, the page is the only request")
	r.eventually("attached", func() bool { return r.view(p).Record.Attached })
	p.ends("1001", "t")
	r.settled(p)

	got := r.ticketByID(ticket)
	require.Len(t, got.Comments, 2)
	require.Contains(t, got.Comments[1].Body, "Call ID: "+string(p.id))
	require.False(t, got.Comments[1].Public)
	require.Equal(t, 1, completions(got))
	require.Equal(t, before.Tags, got.Tags)
	require.Equal(t, before.AssigneeID, got.AssigneeID)
	require.Equal(t, before.Status, got.Status)
	require.Equal(t, before.Subject, got.Subject)
	require.Len(t, r.ticketByID(older).Comments, 1)
	require.Len(t, r.desk.Tickets(), 3, "none is made")
	require.Equal(t, []string{"caller caller", "match match", "pop pop", "attached attach", "intent complete", "done complete"}, kinds(r.outcomes(p)))
	story, err := r.journal.Story(t.Context(), string(p.id))
	require.NoError(t, err)
	require.LessOrEqual(t, len(story), 10)
	r.clean()
}

func TestCallWithoutATicketToGoOnto(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		match   bridge.Match
		prepare func(*rig, zendesktest.User)
		why     string
	}{
		{name: "no ticket", match: newestOpen(), why: "the caller has no open ticket that changed within 72h0m0s before the call"},
		{name: "solved", match: newestOpen(), prepare: func(r *rig, u zendesktest.User) {
			require.NoError(r.t, r.desk.SolveTicket(r.asks(u, "solved")))
		}, why: "the caller has no open ticket that changed within 72h0m0s before the call"},
		{name: "closed", match: newestOpen(), prepare: func(r *rig, u zendesktest.User) {
			require.NoError(r.t, r.desk.CloseTicket(r.asks(u, "closed")))
		}, why: "the caller has no open ticket that changed within 72h0m0s before the call"},
		{name: "deleted", match: newestOpen(), prepare: func(r *rig, u zendesktest.User) {
			require.NoError(r.t, r.desk.DeleteTicket(r.asks(u, "deleted")))
		}, why: "the caller has no open ticket that changed within 72h0m0s before the call"},
		{name: "of somebody else", match: newestOpen(), prepare: func(r *rig, _ zendesktest.User) {
			other, err := r.desk.AddUser(zendesktest.User{Name: "Other"})
			require.NoError(r.t, err)
			r.asks(other, "other")
		}, why: "the caller has no open ticket that changed within 72h0m0s before the call"},
		{name: "not of a call", match: bridge.Match{RepeatedWithin: time.Hour}, prepare: func(r *rig, u zendesktest.User) {
			r.asks(u, "by mail")
		}, why: "the caller's open tickets are of no call in this direction within 1h0m0s before this one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, customer := matchRig(t, test.match, setup{})
			if test.prepare != nil {
				test.prepare(r, customer)
			}
			p := r.rung("1")
			p.answers("1001")
			p.ends("1001", "t")
			r.settled(p)
			require.Equal(t, test.why, r.view(p).Record.Match.Reason)
			require.Equal(t, customer.ID, r.ticket(p).RequesterID)
			require.False(t, r.view(p).Record.Attached)
			story, err := r.journal.Story(t.Context(), string(p.id))
			require.NoError(t, err)
			require.LessOrEqual(t, len(story), 10)
			r.clean()
		})
	}
}

// What the list says of a ticket may be old by minutes: it is asked for before
// a call goes onto it.
func TestListThatLagsMisleadsNobody(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{desk: []zendesktest.Option{zendesktest.WithIndexDelay(time.Minute)}})
	older, solved, gone := r.asks(customer, "older"), r.asks(customer, "solved"), r.asks(customer, "gone")
	r.desk.Advance(2 * time.Minute)
	require.NoError(t, r.desk.SolveTicket(solved))
	require.NoError(t, r.desk.DeleteTicket(gone))
	p := r.attached("1")
	require.Equal(t, older, r.view(p).Record.Ticket)
	p.ends("1001", "t")
	r.settled(p)
	require.Equal(t, 1, completions(r.ticketByID(older)))
	r.clean()
}

func TestWithheldCallerAndVoicemailAreNeverAttached(t *testing.T) {
	t.Parallel()
	f := &folder{audio: bridge.Audio{URL: "https://calls.example.com/r/abc.wav", Seconds: 20}}
	r, customer := matchRig(t, bridge.Match{NewestOpenWithin: 72 * time.Hour, RepeatedWithin: time.Hour}, setup{audio: f})
	ticket := r.asks(customer, "by mail")
	message := r.call("message")
	message.leavesMessage()
	for _, name := range []string{"withheld1", "withheld2"} {
		p := r.call(name)
		p.from = "anonymous"
		p.ordinary("1001")
		r.settled(p)
		require.Nil(t, r.view(p).Record.Match)
		r.ticket(p)
	}
	r.settled(message)
	require.Equal(t, 44, r.ticket(message).ViaID)
	require.Len(t, r.ticketByID(ticket).Comments, 1)
	r.clean()
}

func TestMissedCallGoesOntoTheOpenTicket(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	ticket := r.asks(customer, "by mail")
	p := r.call("1")
	p.comes()
	p.rings("1001")
	p.ends("1001", "t")
	r.settled(p)
	got := r.ticketByID(ticket)
	require.Len(t, got.Comments, 2)
	require.Contains(t, got.Comments[1].Body, "Call: inbound, missed")
	require.Len(t, r.desk.Tickets(), 1)
	require.Empty(t, r.desk.Pops())
	r.clean()
}

func TestAttachedTicketPlaysTheRecording(t *testing.T) {
	t.Parallel()
	f := &folder{audio: bridge.Audio{URL: "https://calls.example.com/r/abc.wav", Seconds: 20}}
	r, customer := matchRig(t, newestOpen(), setup{audio: f, policy: func(p *bridge.Policy) { p.Recorded = map[string]bool{"pbx1": true} }})
	ticket := r.asks(customer, "by mail")
	p := r.attached("1")
	p.tell(telephony.Event{Kind: telephony.CallRecorded, Leg: "t", Path: "/var/spool/asterisk/monitor/1.wav"})
	p.ends("1001", "t")
	r.settled(p)
	voices := r.ticketByID(ticket).VoiceComments()
	require.Len(t, voices, 1)
	require.Equal(t, f.audio.URL, voices[0].RecordingURL)
	require.Equal(t, int64(anaID), voices[0].AnsweredByID)
	require.Len(t, r.ticketByID(ticket).Comments, 2)
	r.clean()
}

func TestRepeatedCallsAreOneTicket(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, bridge.Match{RepeatedWithin: 10 * time.Minute}, setup{})
	mail := r.asks(customer, "by mail") // open, but of no call
	first := r.rung("1")
	first.answers("1001")
	first.ends("1001", "t")
	r.settled(first)
	ticket := r.ticket(first)
	require.NotEqual(t, mail, ticket.ID)

	require.NoError(t, r.stop())
	r.start(setup{}) // it is found in Zendesk, not in memory
	second, third := r.attached("2"), r.attached("3")
	require.Contains(t, r.view(second).Record.Match.Reason, "call "+string(first.id)+" was within 10m0s")
	for _, p := range []*phone{third, second} {
		p.ends("1001", "t")
		r.settled(p)
		require.Equal(t, ticket.ID, r.view(p).Record.Ticket)
		require.Empty(t, r.desk.TicketsByExternalID(string(p.id)))
		require.Equal(t, 1, toldOf(r.ticketByID(ticket.ID), p))
	}
	require.Len(t, r.desk.Tickets(), 2)
	r.clean()
}

// behind is an account whose clock can be moved forward to ours.
func behind(by time.Duration) setup {
	return setup{desk: []zendesktest.Option{zendesktest.WithNow(func() time.Time { return time.Now().Add(-by) })}}
}

// Anybody may change a ticket. A call that repeats another is one that comes soon
// after that one, not soon after a change.
func TestRepeatedMeansSoonAfterACall(t *testing.T) {
	t.Parallel()
	r, _ := matchRig(t, bridge.Match{RepeatedWithin: time.Hour}, behind(2*time.Hour))
	long := r.rung("long")
	long.answers("1001")
	r.eventually("ticket", func() bool { return r.view(long).Record.Ticket != 0 })
	ticket := r.view(long).Record.Ticket
	r.desk.Advance(2 * time.Hour)
	require.NoError(t, r.desk.AddComment(ticket, "Where is he?", false))

	other := r.attachedOrNot("other")
	require.Contains(t, r.view(other).Record.Match.Reason, "are of no call in this direction within 1h0m0s")
	require.NotEqual(t, ticket, r.view(other).Record.Ticket)
	require.NoError(t, r.desk.SolveTicket(r.view(other).Record.Ticket))

	long.ends("1001", "t") // what is written to its ticket now is of a call that ends now
	r.settled(long)
	again := r.attached("again")
	require.Equal(t, ticket, r.view(again).Record.Ticket)
	r.clean()
}

// attachedOrNot is a call that is over, and settled.
func (r *rig) attachedOrNot(name string) *phone {
	r.t.Helper()
	p := r.rung(name)
	p.answers("1001")
	p.ends("1001", "t")
	r.settled(p)
	return p
}

func TestOnlyATicketThatChangedWithinTheTime(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), behind(100*time.Hour))
	ticket := r.asks(customer, "by mail")
	r.desk.Advance(100 * time.Hour)
	late := r.attachedOrNot("late")
	require.Equal(t, "the caller has no open ticket that changed within 72h0m0s before the call", r.view(late).Record.Match.Reason)
	require.NoError(t, r.desk.SolveTicket(r.ticket(late).ID))
	require.NoError(t, r.desk.AddComment(ticket, "Any news?", true))
	require.Equal(t, ticket, r.view(r.attached("again")).Record.Ticket)
	r.clean()
}

func TestOtherDirectionIsNoRepetition(t *testing.T) {
	t.Parallel()
	r, _ := matchRig(t, bridge.Match{RepeatedWithin: 10 * time.Minute}, setup{})
	in := r.rung("in")
	in.answers("1001")
	in.ends("1001", "t")
	r.settled(in)
	var tickets []int64
	for _, name := range []string{"out1", "out2"} {
		out := r.call(name)
		out.tell(
			telephony.Event{Kind: telephony.LegStarted, Leg: "1001", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", First: true, Dialled: caller},
			telephony.Event{Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Dialled: caller},
			telephony.Event{Kind: telephony.LegDialled, Leg: "t", Peer: "1001", Dialled: caller, Party: telephony.Party{Number: support}},
		)
		out.answers("1001")
		out.ends("1001", "t")
		r.settled(out)
		tickets = append(tickets, r.view(out).Record.Ticket)
	}
	require.NotEqual(t, r.ticket(in).ID, tickets[0])
	require.Equal(t, tickets[0], tickets[1], "our second call to him repeats the first")
	require.Len(t, r.desk.Tickets(), 2)
	r.clean()
}

func TestClosedAttachedTicketIsFollowedByOneOfTheCallsOwn(t *testing.T) {
	t.Parallel()
	for _, merged := range []bool{false, true} {
		r, customer := matchRig(t, newestOpen(), setup{})
		ticket := r.asks(customer, "by mail")
		p := r.attached("1")
		if merged {
			other, err := r.desk.AddUser(zendesktest.User{Name: "Other"})
			require.NoError(t, err)
			require.NoError(t, r.desk.MergeTicket(ticket, r.asks(other, "other")))
		} else {
			require.NoError(t, r.desk.CloseTicket(ticket))
		}
		p.ends("1001", "t")
		r.settled(p)
		own := r.ticket(p)
		require.Equal(t, 45, own.ViaID)
		require.Equal(t, customer.ID, own.RequesterID)
		require.Contains(t, own.Comments[0].Body, "Belongs to: ticket #")
		require.Zero(t, toldOf(r.ticketByID(ticket), p))
		require.Len(t, r.desk.Pops(), 1)
		r.clean()
	}
}

// A ticket that takes no comment for a reason of its own costs no call.
func TestRefusedAttachedTicketIsFollowedByOneOfTheCallsOwn(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	r.asks(customer, "by mail")
	p := r.attached("1")
	r.desk.Inject(zendesktest.Fault{Method: http.MethodPut, Path: ticketPath, Effect: zendesktest.Status(http.StatusUnprocessableEntity, 0)})
	p.ends("1001", "t")
	r.settled(p)
	r.ticket(p)
	require.Empty(t, r.view(p).Record.Parked)
	r.clean()
}

func TestDeletedAttachedTicketIsLeftAlone(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	ticket := r.asks(customer, "by mail")
	p := r.attached("1")
	require.NoError(t, r.desk.DeleteTicket(ticket))
	p.ends("1001", "t")
	r.settled(p)
	require.True(t, r.view(p).Record.Gone)
	require.Len(t, r.desk.Tickets(), 1)
	require.True(t, strings.HasPrefix(r.view(p).Next.Reason, "a person deleted"))
	r.clean()
}
