package bridge_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func TestSuccessorThatIsClosedTooIsParked(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{audio: &folder{audio: bridge.Audio{URL: "https://calls.example.com/r/abc.wav"}}})
	// The second update is held up until its ticket is closed.
	r.desk.Inject(zendesktest.Fault{Method: http.MethodPut, Path: ticketPath, Skip: 1, Effect: zendesktest.Slow(2 * time.Second)})
	p := r.talk()
	p.tell(telephony.Event{Kind: telephony.CallVoicemail, Path: "/spool/msg0000"})
	require.NoError(t, r.desk.CloseTicket(r.ticket(p).ID))
	p.ends("1001", "t")
	second := string(p.id) + "#2"
	r.eventually("successor", func() bool { return len(r.desk.TicketsByExternalID(second)) == 1 })
	require.NoError(t, r.desk.CloseTicket(r.desk.TicketsByExternalID(second)[0].ID))
	r.eventually("parked", func() bool { return r.view(p).Record.Parked[bridge.StepComplete] != "" })
	require.Len(t, r.desk.Tickets(), 2, "something closes them all: there is no third")
	r.clean()
}

func TestNewPolicyHoldsForWhatComes(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	changed := *r.policy
	changed.Missed = false
	r.bridge.SetPolicy(&changed)
	p := r.call("1")
	p.comes()
	p.rings("1001")
	p.ends("1001", "t")
	r.settled(p)
	require.Empty(t, r.desk.Tickets())
}

func TestHistoryHasTheNewestFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	var phones []*phone
	for _, name := range []string{"1", "2", "3"} {
		p := r.call(name)
		p.ordinary("1001")
		r.settled(p)
		phones = append(phones, p)
	}
	views, err := bridge.History(t.Context(), r.journal, 2)
	require.NoError(t, err)
	require.Len(t, views, 2)
	require.Equal(t, phones[2].id, views[0].State.ID)
	require.Equal(t, phones[1].id, views[1].State.ID)
	require.NotZero(t, views[0].Record.Ticket)
	views, err = bridge.History(t.Context(), r.journal, 0)
	require.NoError(t, err)
	require.Empty(t, views)
}

// An old call about which something is done now is no new call.
func TestHistoryGoesByTheBeginningOfCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	first, second := r.call("1"), r.call("2")
	first.comes()
	first.rings("1001")
	for _, name := range []string{"between", "and another"} { // more than is read for one call
		p := r.call(name)
		p.ordinary("1002")
		r.settled(p)
	}
	second.comes()
	second.ends("t")
	r.settled(second)
	first.ends("1001", "t")
	r.settled(first)
	views, err := bridge.History(t.Context(), r.journal, 1)
	require.NoError(t, err)
	require.Len(t, views, 1)
	require.Equal(t, second.id, views[0].State.ID)
}

func TestNumberOfRefusedRequestersOnlyIsParked(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: []zendesktest.Option{zendesktest.WithIndexDelay(time.Hour)}})
	for range 6 { // all of them share the number and are suspended behind the index's back
		u, err := r.desk.AddUser(zendesktest.User{Name: "Shared", Phone: caller, SharedPhone: true})
		require.NoError(t, err)
		require.NoError(t, r.desk.SuspendUser(u.ID, true))
	}
	changed := *r.policy
	changed.Shared = bridge.SharedOldest
	r.bridge.SetPolicy(&changed)
	p := r.call("1")
	p.ordinary("1001")
	r.eventually("parked", func() bool { return r.view(p).Record.Parked[bridge.StepCreate] != "" })
	require.Equal(t, 3, r.view(p).Record.Dropped)
	require.Empty(t, r.desk.Tickets())
	r.clean()
}
