package bridge_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// patience is the client's time-out in tests that lose answers: long enough for
// a busy machine.
const patience = 2 * time.Second

// TestCreateSurvivesFaults has one call per fault of the request that makes the
// ticket: one ticket, completed once, whatever happens.
func TestCreateSurvivesFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		effect zendesktest.Effect
		count  int
		made   int // requests that make a ticket
		want   []string
	}{
		{name: "429 with Retry-After", effect: zendesktest.RateLimited(time.Second), made: 2, want: []string{"freed create"}},
		{name: "503", effect: zendesktest.Unavailable(time.Second), made: 2, want: []string{"unknown create", "freed create", "done lookup"}},
		{name: "500", effect: zendesktest.ServerError(), made: 2, want: []string{"unknown create", "freed create", "done lookup"}},
		{name: "slower than the time-out", effect: zendesktest.Slow(patience + time.Minute), made: 2, want: []string{"unknown create"}},
		{name: "cut before commit", effect: zendesktest.DropBeforeCommit(), made: 2, want: []string{"unknown create", "freed create"}},
		{name: "answer lost after commit", effect: zendesktest.DropAfterCommit(), made: 1, want: []string{"unknown create"}},
		{name: "answer cut in its body", effect: zendesktest.TruncatedBody(), made: 1, want: []string{"unknown create"}},
		{name: "committed late, the client gone", effect: zendesktest.LateCommit(800 * time.Millisecond), made: 1, want: []string{"unknown create"}},
		{name: "stalled, committed late", effect: zendesktest.StalledCommit(900 * time.Millisecond), made: 1, want: []string{"unknown create"}},
		{name: "a web page with 200", effect: zendesktest.HTML(), made: 2, want: []string{"unknown create", "freed create"}},
		{name: "401 once", effect: zendesktest.TokenExpired(), made: 2, want: []string{"freed create"}},
		{name: "answer lost twice", effect: zendesktest.DropBeforeCommit(), count: 2, made: 3, want: []string{"unknown create", "freed create"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{timeout: patience})
			fault := r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Count: max(test.count, 1), Effect: test.effect})
			p := r.call("1")
			p.ordinary("1001")
			r.settled(p)
			require.Equal(t, max(test.count, 1), fault.Hits())
			ticket := r.ticket(p)
			require.Equal(t, test.made, r.requests(http.MethodPost, voicePath))
			require.Subset(t, kinds(r.outcomes(p)), test.want)
			require.Equal(t, ticket.ID, r.view(p).Record.Ticket)
			require.Len(t, ticket.Comments, wantComments(t, r, p))
			r.clean()
		})
	}
}

// wantComments is 1 for a ticket made after the end, 2 for one that was completed.
func wantComments(t *testing.T, r *rig, p *phone) int {
	t.Helper()
	final := false
	for _, o := range r.outcomes(p) {
		if o.Kind == bridge.Intended && o.Step == bridge.StepCreate {
			final = o.Final
		}
	}
	if final {
		return 1
	}
	return 2
}

func TestUpdateSurvivesFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
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
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{timeout: patience})
			r.desk.Inject(zendesktest.Fault{Method: http.MethodPut, Path: ticketPath, Count: 1, Effect: test.effect})
			p := r.talk()
			p.ends("1001", "t")
			r.settled(p)
			require.Equal(t, 1, completions(r.ticket(p)))
			require.Subset(t, kinds(r.outcomes(p)), test.want)
			r.clean()
		})
	}
}

// talk is a call that was answered, and has its ticket.
func (r *rig) talk() *phone {
	r.t.Helper()
	p := r.call("1")
	p.comes()
	p.rings("1001")
	p.answers("1001")
	r.eventually("ticket", func() bool { return r.view(p).Record.Ticket != 0 })
	return p
}

func TestUserIsShownWhileTheFateOfTheTicketIsUnknown(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{timeout: patience})
	r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Count: 1, Effect: zendesktest.DropBeforeCommit()})
	p := r.talk()
	pops := r.desk.Pops()
	require.Len(t, pops, 1)
	require.NotZero(t, pops[0].UserID)
	p.ends("1001", "t")
	r.settled(p)
	require.Len(t, r.desk.Pops(), 1)
}

func TestRefusedCredentialsHaltAllWithOneShoutAndRecover(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	fault := r.desk.Inject(zendesktest.Fault{Effect: zendesktest.TokenExpired()})
	var phones []*phone
	for _, name := range []string{"1", "2", "3", "4", "5"} {
		p := r.call(name)
		p.ordinary("1001")
		phones = append(phones, p)
	}
	r.eventually("second try, a single one", func() bool { return fault.Hits() >= 6 })
	const shout = "zendesk refuses the credentials, everything waits: check zendesk.oauth or zendesk.api_token"
	require.Equal(t, 1, r.logged(logrus.ErrorLevel, shout))
	require.Less(t, fault.Hits(), 12, "it is not hammered")
	r.desk.ClearFaults()
	r.settled(phones...)
	for _, p := range phones {
		r.ticket(p)
	}
	require.Equal(t, 1, r.logged(logrus.InfoLevel, "zendesk takes the credentials again"))
}

// A Zendesk that is down is asked by one request at a time, whatever waits; its
// first answer lets all go.
func TestOutageIsProbedByOneRequestAtATime(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	down := r.desk.Inject(zendesktest.Fault{Effect: zendesktest.Status(http.StatusServiceUnavailable, 0)})
	const calls = 150
	var phones []*phone
	for i := range calls {
		p := r.call(fmt.Sprint(i))
		p.from = fmt.Sprintf("+1212555%04d", i)
		p.ordinary("1001")
		phones = append(phones, p)
	}
	const shout = "zendesk is down: everything waits, one request at a time finds out whether it still is"
	r.eventually("outage noticed", func() bool { return r.logged(logrus.ErrorLevel, shout) == 1 })
	before := down.Hits()
	r.eventually("probed", func() bool { return down.Hits() >= before+2 })
	require.Less(t, down.Hits(), calls, "it is not hammered: %d requests", down.Hits())
	r.desk.ClearFaults()
	r.settled(phones...)
	for _, p := range phones {
		r.ticket(p)
	}
	require.Equal(t, 1, r.logged(logrus.InfoLevel, "zendesk answers again"))
	require.Equal(t, 1, r.logged(logrus.ErrorLevel, shout))
	r.clean()
}

func TestForbiddenIsParkedUntilAPersonAsksAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Effect: zendesktest.Status(http.StatusForbidden, 0)})
	p := r.call("1")
	p.ordinary("1001")
	r.eventually("parked", func() bool { return r.view(p).Record.Parked[bridge.StepCreate] != "" })
	view := r.view(p)
	require.False(t, view.Next.Settled)
	require.Equal(t, "waits for a person", view.Next.Reason)
	require.Equal(t, 1, r.requests(http.MethodPost, voicePath))
	agent, _ := r.directory.Lookup("1001")
	require.True(t, agent.Verified(), "the agent is not to blame")

	r.desk.ClearFaults()
	r.retry(p)
	r.settled(p)
	r.ticket(p)
	r.clean()
}

// retry is a person who asks for another try.
func (r *rig) retry(p *phone) {
	r.t.Helper()
	_, err := r.journal.Append(r.t.Context(), journal.Message{
		Call: string(p.id), Kind: journal.Outcome, Data: []byte(`{"kind":"retried","time":"2026-01-01T00:00:00Z"}`),
	})
	require.NoError(r.t, err)
}

func TestAgentWhomZendeskRefusesCostsNoTicket(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	require.NoError(t, r.desk.SuspendUser(anaID, true))
	p := r.talk()
	p.ends("1001", "t")
	r.settled(p)
	require.Zero(t, r.ticket(p).AssigneeID)
	require.Empty(t, r.desk.Pops())
	agent, _ := r.directory.Lookup("1001")
	require.False(t, agent.Verified(), "the agent is to be asked for again")
	require.Equal(t, 2, r.requests(http.MethodPost, voicePath))
	r.clean()
}

func TestUnverifiedAgentIsShownTheTicketAfterItIsMade(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	r.directory.Unverify(anaID)
	p := r.talk()
	r.eventually("page", func() bool { return len(r.desk.Pops()) == 1 })
	require.Equal(t, zendesktest.PopDisplay, r.desk.Pops()[0].Source)
	require.Equal(t, r.ticket(p).ID, r.desk.Pops()[0].TicketID)
	p.ends("1001", "t")
	r.settled(p)
	r.clean()
}

func TestRequesterWhomZendeskRefusesIsFoundAnew(t *testing.T) {
	t.Parallel()
	// The index lags: search goes on finding the user as he was.
	r := newRig(t, setup{desk: []zendesktest.Option{zendesktest.WithIndexDelay(time.Hour)}})
	known, err := r.desk.AddUser(zendesktest.User{Name: "Old Customer", Phone: caller})
	require.NoError(t, err)
	first := r.call("1")
	first.ordinary("1001")
	r.settled(first)
	require.Equal(t, known.ID, r.ticket(first).RequesterID)
	require.Equal(t, "direct", r.view(first).Record.CallerHow)

	require.NoError(t, r.desk.SuspendUser(known.ID, true))
	second := r.call("2")
	second.ordinary("1001")
	r.settled(second)
	require.NotEqual(t, known.ID, r.ticket(second).RequesterID)
	require.Contains(t, kinds(r.outcomes(second)), "caller.dropped create")

	third := r.call("3")
	third.ordinary("1001")
	r.settled(third)
	require.NotContains(t, kinds(r.outcomes(third)), "caller.dropped create", "it is remembered")
	require.Equal(t, r.ticket(second).RequesterID, r.ticket(third).RequesterID)
	r.clean()
}

func TestClosedTicketGetsOneSuccessor(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p := r.talk()
	first := r.ticket(p)
	require.NoError(t, r.desk.CloseTicket(first.ID))
	p.ends("1001", "t")
	r.settled(p)
	successors := r.desk.TicketsByExternalID(string(p.id) + "#2")
	require.Len(t, successors, 1)
	require.Contains(t, successors[0].Comments[0].Body, "Continues: ticket #")
	require.Contains(t, successors[0].Subject, "continues #")
	require.Equal(t, 45, successors[0].ViaID)
	r.clean()
}

func TestDeletedTicketIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p := r.talk()
	require.NoError(t, r.desk.DeleteTicket(r.ticket(p).ID))
	p.ends("1001", "t")
	r.settled(p)
	require.True(t, r.view(p).Record.Gone)
	require.Len(t, r.desk.Tickets(), 1)
}

// A ticket that was made for nobody, since nobody knew who answered, is the agent's
// who turns out to have talked: unless a person has taken it meanwhile.
func TestTicketOfNobodyGetsItsAgent(t *testing.T) {
	t.Parallel()
	for _, touched := range []bool{false, true} {
		r := newRig(t, setup{})
		p := r.call("1")
		p.comes()
		p.rings("1099")
		p.answers("1099")
		r.eventually("ticket", func() bool { return r.view(p).Record.Ticket != 0 })
		require.Zero(t, r.ticket(p).AssigneeID)
		want := int64(benID)
		if touched {
			want = r.desk.Users()[0].ID
			require.NoError(t, r.desk.SetAssignee(r.ticket(p).ID, want))
		}
		p.rings("1002")
		p.answers("1002")
		p.ends("1099", "1002", "t")
		r.settled(p)
		require.Equal(t, want, r.ticket(p).AssigneeID)
		r.clean()
	}
}

func TestAssigneeThatAPersonChangedStays(t *testing.T) {
	t.Parallel()
	for _, touched := range []bool{false, true} {
		r := newRig(t, setup{})
		p := r.talk()
		if touched {
			require.NoError(t, r.desk.SetAssignee(r.ticket(p).ID, r.desk.Users()[0].ID))
		}
		p.rings("1002")
		p.answers("1002")
		r.eventually("page of the second agent", func() bool { return len(r.desk.Pops()) == 2 })
		require.Equal(t, r.ticket(p).ID, r.desk.Pops()[1].TicketID)
		require.Equal(t, int64(benID), r.desk.Pops()[1].AgentID)
		p.ends("1001", "1002", "t")
		r.settled(p)
		if touched {
			require.Equal(t, r.desk.Users()[0].ID, r.ticket(p).AssigneeID)
		} else {
			require.Equal(t, int64(benID), r.ticket(p).AssigneeID)
		}
		r.clean()
	}
}
