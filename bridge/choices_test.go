package bridge_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// The tests below run the bridge against each answer that Zendesk may have to a
// question on which its documents are silent: one call, one ticket, whichever.

// TestTicketsWithoutExternalID: the only key that a lost create can be looked up by
// may not be there.
func TestTicketsWithoutExternalID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		effect zendesktest.Effect
		made   int
	}{
		{name: "answer lost after commit", effect: zendesktest.DropAfterCommit(), made: 1},
		{name: "committed late", effect: zendesktest.LateCommit(800 * time.Millisecond), made: 1},
		{name: "cut before commit", effect: zendesktest.DropBeforeCommit(), made: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{timeout: patience, desk: []zendesktest.Option{zendesktest.WithoutVoiceExternalID(), zendesktest.WithIndexDelay(0)}})
			earlier := r.call("earlier") // of the same caller: its ticket is not mistaken for that of the other call
			earlier.ordinary("1001")
			r.settled(earlier)
			r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Count: 1, Effect: tt.effect})
			p := r.call("1")
			p.ordinary("1001")
			r.settled(p)
			require.Len(t, r.desk.Tickets(), 2)
			require.Equal(t, r.desk.Tickets()[1].ID, r.view(p).Record.Ticket)
			require.Equal(t, 1+tt.made, r.requests(http.MethodPost, voicePath))
			require.Empty(t, r.view(p).Record.Duplicates)
		})
	}
}

// TestListThatLags: the list by external_id may see a ticket later than the first
// look-ups come.
func TestListThatLags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		lag  time.Duration
	}{{"less than the look-ups last", time.Second}, {"more than they last", time.Hour}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{timeout: patience, desk: []zendesktest.Option{zendesktest.WithListDelay(tt.lag), zendesktest.WithIndexDelay(0)}})
			r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Count: 1, Effect: zendesktest.DropAfterCommit()})
			p := r.call("1")
			p.ordinary("1001")
			r.settled(p)
			require.Equal(t, r.ticket(p).ID, r.view(p).Record.Ticket)
			require.Equal(t, 1, r.requests(http.MethodPost, voicePath))
			r.clean()
		})
	}
}

// TestPageRefusedAfterTheTicket: a create that is refused for its page may have
// made the ticket all the same.
func TestPageRefusedAfterTheTicket(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: []zendesktest.Option{zendesktest.WithLateDisplayCheck(anaID)}})
	p := r.call("1")
	p.comes()
	p.rings("1001")
	r.eventually("caller", func() bool { return r.view(p).Record.Caller != 0 })
	p.answers("1001")
	r.eventually("ticket", func() bool { return r.view(p).Record.Ticket != 0 })
	p.ends("1001", "t")
	r.settled(p)
	require.Equal(t, r.ticket(p).ID, r.view(p).Record.Ticket)
	require.Equal(t, 1, completions(r.ticket(p)))
	require.Equal(t, 1, r.requests(http.MethodPost, voicePath))
	r.clean()
}

// TestClosedInOtherWords: a ticket that was closed meanwhile is followed by another
// one, whatever Zendesk says to its update.
func TestClosedInOtherWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		desk    zendesktest.Option
		records bool
	}{
		{name: "404", desk: zendesktest.WithClosedRefusal(http.StatusNotFound, "Not found")},
		{name: "403", desk: zendesktest.WithClosedRefusal(http.StatusForbidden, "No")},
		{name: "another language", desk: zendesktest.WithClosedRefusal(http.StatusUnprocessableEntity, "Status: geschlossen, keine Aktualisierung")},
		{name: "404, with call records", desk: zendesktest.WithClosedRefusal(http.StatusNotFound, "Not found"), records: true},
		{name: "another language, with call records", desk: zendesktest.WithClosedRefusal(http.StatusUnprocessableEntity, "Status: geschlossen"), records: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := setup{desk: []zendesktest.Option{tt.desk}}
			if tt.records {
				s.policy = byRecord()
			}
			r := newRig(t, s)
			p := r.talk()
			first := r.ticket(p).ID
			require.NoError(t, r.desk.CloseTicket(first))
			p.ends("1001", "t")
			r.settled(p)
			require.Equal(t, first, r.view(p).Record.Predecessor)
			require.Len(t, r.desk.Tickets(), 2)
			require.Len(t, r.desk.TicketsByExternalID(string(p.id)+"#2"), 1)
			r.clean()
		})
	}
}

// TestRefusalThatIsNoEnd: a 404 to the update of a ticket that is there is for a
// person, and does not end the story.
func TestRefusalThatIsNoEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p := r.talk()
	r.desk.Inject(zendesktest.Fault{Method: http.MethodPut, Path: ticketPath, Count: 1, Effect: zendesktest.Status(http.StatusNotFound, 0)})
	p.ends("1001", "t")
	r.eventually("parked", func() bool { return r.view(p).Record.Parked[bridge.StepComplete] != "" })
	require.False(t, r.view(p).Record.Gone)
	_, err := r.bridge.Retry(t.Context(), p.id)
	require.NoError(t, err)
	r.settled(p)
	require.Equal(t, 1, completions(r.ticket(p)))
}

// TestCallRecordRefusedInOtherWords: a record that is refused waits for a person.
func TestCallRecordRefusedInOtherWords(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{policy: byRecord(), desk: []zendesktest.Option{zendesktest.WithCallRefusal(status), zendesktest.WithApps()}})
			p := r.talk()
			p.ends("1001", "t")
			r.eventually("parked", func() bool { return r.view(p).Record.Parked[bridge.StepComplete] != "" })
			require.Len(t, r.desk.Tickets(), 1)
			require.False(t, r.view(p).Record.Gone)
			require.Equal(t, 1, r.logged(logrus.ErrorLevel, "step parked, a person must act"))
		})
	}
}

// TestSuspendedRequesterThatIsTaken: if tickets can be made for him, they are.
func TestSuspendedRequesterThatIsTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: []zendesktest.Option{zendesktest.WithSuspendedRequesters(), zendesktest.WithIndexDelay(0)}})
	user, err := r.desk.AddUser(zendesktest.User{Name: "Customer", Phone: caller})
	require.NoError(t, err)
	p := r.call("1")
	p.comes()
	p.rings("1001")
	r.eventually("caller", func() bool { return r.view(p).Record.Caller == user.ID })
	require.NoError(t, r.desk.SuspendUser(user.ID, true))
	p.answers("1001")
	p.ends("1001", "t")
	r.settled(p)
	require.Equal(t, user.ID, r.ticket(p).RequesterID)
	r.clean()
}
