package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// folder is an audio collector that fails some times first.
type folder struct {
	failures atomic.Int64
	audio    bridge.Audio
}

func (f *folder) Collect(context.Context, telephony.CallID, string) (bridge.Audio, error) {
	if f.failures.Add(-1) >= 0 {
		return bridge.Audio{}, errors.New("not final yet")
	}
	return f.audio, nil
}

func (f *folder) CollectRecording(ctx context.Context, call telephony.CallID, path string) (bridge.Audio, error) {
	return f.Collect(ctx, call, path)
}

// leavesMessage is a caller who is not answered, and speaks to the machine.
func (p *phone) leavesMessage() {
	p.comes()
	p.rings("1001")
	p.tell(telephony.Event{Kind: telephony.LegDialEnded, Leg: "1001", Status: telephony.DialNoAnswer}, p.ending("1001")[0])
	p.tell(telephony.Event{Kind: telephony.CallVoicemail, Path: "/var/spool/asterisk/voicemail/default/1001/INBOX/msg0000"})
	p.ends("t")
}

func TestVoicemailIsOneTicketOfItsOwnKind(t *testing.T) {
	t.Parallel()
	f := &folder{audio: bridge.Audio{URL: "https://calls.example.com/r/abc.wav", Seconds: 20}}
	f.failures.Store(1)
	r := newRig(t, setup{audio: f})
	p := r.call("1")
	p.leavesMessage()
	r.settled(p)
	ticket := r.ticket(p)
	require.Equal(t, 44, ticket.ViaID)
	require.Len(t, ticket.VoiceComments(), 1)
	require.Equal(t, f.audio.URL, ticket.VoiceComments()[0].RecordingURL)
	require.Len(t, r.desk.Tickets(), 1)
	require.Empty(t, r.desk.Pops())
	r.clean()
}

func TestVoicemailThatCannotBeKeptSaysSo(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{}) // no folder is configured
	p := r.call("1")
	p.leavesMessage()
	r.settled(p)
	ticket := r.ticket(p)
	require.Equal(t, 44, ticket.ViaID)
	require.Len(t, ticket.Comments, 2)
	require.Contains(t, ticket.Comments[1].Body, "Voicemail: the message could not be collected: no folder")
	r.clean()
}

func TestVoicemailThatComesLateIsAddedToTheTicket(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{audio: &folder{audio: bridge.Audio{URL: "https://calls.example.com/r/abc.wav"}}})
	p := r.call("1")
	p.comes()
	p.rings("1001")
	p.ends("1001", "t")
	r.settled(p)
	p.tell(telephony.Event{Kind: telephony.CallVoicemail, Path: "/spool/msg0000"})
	r.eventually("audio on the ticket", func() bool { return len(r.ticket(p).VoiceComments()) == 1 })
	r.settled(p)
	r.clean()
}

func TestCallsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status telephony.DialStatus
		tag    string
	}{
		{name: "missed", status: telephony.DialNoAnswer, tag: "call_missed"},
		{name: "busy", status: telephony.DialBusy, tag: "call_busy"},
		{name: "abandoned", status: telephony.DialCancel, tag: "call_abandoned"},
	}
	for _, missed := range []bool{true, false} {
		r := newRig(t, setup{policy: func(p *bridge.Policy) { p.Missed = missed }})
		for _, test := range tests {
			p := r.call(test.name)
			p.comes()
			p.rings("1001")
			p.tell(telephony.Event{Kind: telephony.LegDialEnded, Leg: "1001", Status: test.status}, p.ending("1001")[0], p.ending("t")[0])
			r.settled(p)
			if missed {
				require.True(t, r.ticket(p).HasTag(test.tag), test.name)
				require.Len(t, r.ticket(p).Comments, 1)
			}
		}
		if !missed {
			require.Empty(t, r.desk.Tickets())
		}
		r.clean()
	}
}

func TestOutboundAndInternalCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	out, unanswered, internal := r.call("out"), r.call("unanswered"), r.call("internal")
	for _, p := range []*phone{out, unanswered} {
		p.tell(
			telephony.Event{Kind: telephony.LegStarted, Leg: "1001", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", First: true, Dialled: caller},
			telephony.Event{Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Dialled: caller},
			telephony.Event{Kind: telephony.LegDialled, Leg: "t", Peer: "1001", Dialled: caller, Party: telephony.Party{Number: support}},
		)
	}
	out.answers("1001")
	r.eventually("page", func() bool { return len(r.desk.Pops()) == 1 })
	internal.tell(
		telephony.Event{Kind: telephony.LegStarted, Leg: "1001", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", First: true},
		telephony.Event{Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideAgent, Endpoint: "PJSIP/1002"},
	)
	internal.answers("1001")
	for _, p := range []*phone{out, unanswered, internal} {
		p.ends("1001", "t")
	}
	r.settled(out, unanswered, internal)
	require.Equal(t, 46, r.ticket(out).ViaID)
	require.Len(t, r.desk.Tickets(), 1)
	r.clean()
}

func TestWithheldNumbersAreOneUser(t *testing.T) {
	t.Parallel()
	for _, email := range []string{"", "anonymous-caller@example.com"} {
		r := newRig(t, setup{policy: func(p *bridge.Policy) { p.AnonymousEmail = email }, desk: []zendesktest.Option{zendesktest.WithIndexDelay(time.Hour)}})
		var phones []*phone
		for i, number := range []string{"anonymous", "", "anonymous", "12", "<script>"} {
			p := r.call(fmt.Sprint(i))
			p.from = number
			p.ordinary("1001")
			phones = append(phones, p)
		}
		r.settled(phones...)
		require.Len(t, customers(r), 1)
		require.Equal(t, email, customers(r)[0].Email)
		for _, p := range phones {
			require.Equal(t, customers(r)[0].ID, r.ticket(p).RequesterID)
		}
		for _, pop := range r.desk.Pops() {
			require.Zero(t, pop.UserID, "nobody's page")
		}
		r.clean()
	}
}

func TestManyCallsOfOneNewNumberAreOneUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: []zendesktest.Option{zendesktest.WithIndexDelay(time.Hour)}})
	r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: "/api/v2/users", Count: 1, Effect: zendesktest.DropAfterCommit()})
	var phones []*phone
	for i := range 8 {
		p := r.call(fmt.Sprint(i))
		p.ordinary("1001")
		phones = append(phones, p)
	}
	r.settled(phones...)
	require.Len(t, customers(r), 1)
	r.clean()
}

func TestOpenTicketOrUser(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		open, fail bool
	}{{name: "there is one", open: true}, {name: "there is none"}, {name: "zendesk does not say", open: true, fail: true}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{
				policy: func(p *bridge.Policy) { p.Pop.Open = screenpop.OpenTicketOrUser },
				desk:   []zendesktest.Option{zendesktest.WithIndexDelay(0)},
			})
			earlier := r.call("0")
			earlier.ordinary("1002")
			r.settled(earlier)
			before, old := len(r.desk.Pops()), r.ticket(earlier)
			if !test.open {
				require.NoError(t, r.desk.SolveTicket(old.ID))
			}
			if test.fail {
				r.desk.Inject(zendesktest.Fault{Path: "/api/v2/users/*/tickets/requested", Effect: zendesktest.ServerError()})
			}
			p := r.talk()
			r.eventually("page", func() bool { return len(r.desk.Pops()) == before+1 })
			pop := r.desk.Pops()[before]
			if test.open && !test.fail {
				require.Equal(t, old.ID, pop.TicketID)
			} else {
				require.Equal(t, old.RequesterID, pop.UserID)
			}
			p.ends("1001", "t")
			r.settled(p)
			r.clean()
		})
	}
}

func TestPageThatIsLateIsDroppedAndSaysSo(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{policy: func(p *bridge.Policy) {
		p.Create, p.Pop.Deadline = bridge.CreateAtEnd, 400*time.Millisecond
	}})
	stuck := r.desk.Inject(zendesktest.Fault{Path: "/api/v2/search", Effect: zendesktest.Slow(time.Second)})
	p := r.call("1")
	p.comes()
	p.rings("1001")
	p.answers("1001")
	r.eventually("outcome", func() bool { return len(r.view(p).Record.Pops) == 1 })
	for _, pop := range r.view(p).Record.Pops {
		require.Equal(t, screenpop.Late, pop.Result)
		require.GreaterOrEqual(t, pop.Latency, 400*time.Millisecond)
	}
	require.Empty(t, r.desk.Pops())
	stuck.Remove()
	p.ends("1001", "t")
	r.settled(p)
	r.ticket(p)
	r.clean()
}

func TestPageWithNothingToShowIsNotedInTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{policy: func(p *bridge.Policy) {
		p.Create, p.Pop.Deadline = bridge.CreateAtEnd, 300*time.Millisecond
	}})
	p := r.call("1")
	p.from = "anonymous"
	p.comes()
	p.rings("1001")
	p.answers("1001")
	r.eventually("noted, though nothing more is heard", func() bool { return len(r.view(p).Record.Pops) == 1 })
	p.ends("1001", "t")
	r.settled(p)
}

func TestSecondTicketIsFoundAndLinked(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{timeout: patience, policy: func(p *bridge.Policy) { p.Settle = time.Second }})
	// It commits after all look-ups: what settle rules out.
	r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Count: 1, Effect: zendesktest.LateCommit(2500 * time.Millisecond)})
	p := r.talk()
	r.eventually("late commit", func() bool { return len(r.desk.TicketsByExternalID(string(p.id))) == 2 })
	p.ends("1001", "t")
	r.settled(p)
	tickets := r.desk.TicketsByExternalID(string(p.id))
	require.Len(t, tickets, 2)
	require.Equal(t, tickets[0].ID, r.view(p).Record.Ticket, "the older wins")
	require.Equal(t, 1, completions(tickets[0]))
	require.Contains(t, tickets[1].Comments[1].Body, fmt.Sprintf("Ticket #%d is the older one", tickets[0].ID))
	require.Equal(t, 1, r.logged(logrus.ErrorLevel, "call has more than one ticket"))
	require.Empty(t, r.desk.Violations())
}

func TestCallThatWasFoundAliveKeepsItsTicket(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p := r.talk()
	first := r.ticket(p)
	require.NoError(t, r.stop())
	require.NoError(t, r.journal.Close())
	r.dir = t.TempDir() // the journal is lost
	r.openJournal(setup{})
	r.start(setup{})

	again := r.call("1")
	began := again.coming()
	began[0].Estimated = true
	again.tell(append(began, again.ringing("1001")...)...)
	again.answers("1001")
	again.ends("1001", "t")
	r.settled(again)
	require.Equal(t, first.ID, r.ticket(again).ID)
	require.Equal(t, 1, completions(r.ticket(again)))
}

func TestCheckpointStaysBeforeWhatIsOwed(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	done := r.call("0")
	done.ordinary("1002")
	r.settled(done)
	p := r.talk()
	require.NoError(t, r.stop())
	story, err := r.journal.Story(t.Context(), string(p.id))
	require.NoError(t, err)
	at, err := r.journal.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, story[0].Seq-1, at)

	r.start(setup{})
	views, err := r.bridge.Calls(t.Context())
	require.NoError(t, err)
	require.Len(t, views, 1, "what is settled is not read again")
	legs, err := r.bridge.Live(t.Context(), "pbx1")
	require.NoError(t, err)
	require.Len(t, legs, 2)
	other, err := r.bridge.Live(t.Context(), "pbx2")
	require.NoError(t, err)
	require.Empty(t, other)

	// A call that is no longer in memory is known from the journal, and what
	// comes late meets the ticket that it has.
	view := r.view(done)
	require.True(t, view.Record.Completed)
	require.True(t, view.Next.Settled)
	late := r.call("0")
	late.n = 100
	late.tell(telephony.Event{Kind: telephony.LegHangupAsked, Leg: "t"})
	r.eventually("back in memory", func() bool {
		views, err := r.bridge.Calls(t.Context())
		return err == nil && len(views) == 2
	})
	r.settled(late)
	p.ends("1001", "t")
	r.settled(p)
	require.Len(t, r.desk.Tickets(), 2)
	r.clean()
}

// A phone system that tells in each message how the call began, and sends one again at
// any time, begins no other call with it: not after a start that read the journal from
// the middle of the call, nor when the call is not in memory any more.
func TestBeginningThatIsToldAgain(t *testing.T) {
	t.Parallel()
	repeats := setup{policy: func(p *bridge.Policy) { p.Repeats = map[string]bool{"pbx1": true} }}
	r := newRig(t, repeats)
	done := r.call("0")
	done.ordinary("1002")
	r.settled(done)
	require.NoError(t, r.stop())
	r.start(repeats)
	again := r.call("0")
	again.n = 100
	again.tell(append(again.coming(), telephony.Event{Kind: telephony.CallEnded, Status: telephony.DialNoAnswer})...)
	r.eventually("back in memory", func() bool {
		views, err := r.bridge.Calls(t.Context())
		return err == nil && len(views) == 1
	})
	r.settled(again)
	view := r.view(done)
	require.True(t, view.State.Answered(), "it is the same call")
	require.Len(t, r.desk.Tickets(), 1)
	r.clean()
}

func TestUnknownCallIsNotFound(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	_, found, err := r.bridge.Call(t.Context(), "hq/pbx1/none")
	require.NoError(t, err)
	require.False(t, found)
	require.NoError(t, r.stop())
	_, err = r.bridge.Calls(t.Context())
	require.ErrorContains(t, err, "stopped")
}

func TestNewWantsWhatItCannotDoWithout(t *testing.T) {
	t.Parallel()
	_, err := bridge.New(bridge.Options{})
	require.ErrorContains(t, err, "must be given")
}
