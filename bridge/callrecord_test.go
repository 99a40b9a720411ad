package bridge_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const callsPath = "/api/v2/calls"

// byRecord has calls told of by call records.
func byRecord(more ...func(*bridge.Policy)) func(*bridge.Policy) {
	return func(p *bridge.Policy) {
		p.CallRecords = zendesktest.DefaultAppID
		for _, change := range more {
			change(p)
		}
	}
}

// record is the one call record of a call, which its ticket shows so many times.
func (r *rig) record(p *phone, times int) zendesktest.Call {
	r.t.Helper()
	var records []zendesktest.Call
	for _, record := range r.desk.Calls() {
		if record.ExternalID == string(p.id) {
			records = append(records, record)
		}
	}
	require.Len(r.t, records, 1)
	ticket := r.view(p).Record.Ticket
	require.Equal(r.t, ticket, records[0].TicketID)
	shown := 0
	for _, comment := range r.ticketByID(ticket).Comments {
		if comment.Call != nil && comment.Call.CallID == records[0].ID {
			shown++
			require.False(r.t, comment.Public)
		}
	}
	require.Equal(r.t, times, shown)
	require.Empty(r.t, r.ticketByID(ticket).VoiceComments(), "never both ways")
	require.Equal(r.t, records[0].ID, r.view(p).Record.CallRecord)
	return records[0]
}

func TestCallRecordTellsOfTheCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{audio: &folder{audio: bridge.Audio{URL: tapeURL, Seconds: 20}}, policy: byRecord(func(p *bridge.Policy) {
		p.Recorded = map[string]bool{"pbx1": true}
	})})
	p := r.call("1")
	p.tell(append(p.coming(), telephony.Event{Kind: telephony.CallRecorded, Leg: "t", Path: tape})...)
	p.rings("1001")
	r.eventually("caller", func() bool { return r.view(p).Record.Caller != 0 })
	p.answers("1001")
	r.eventually("page", func() bool { return len(r.desk.Pops()) == 1 })
	require.Equal(t, zendesktest.PopCreate, r.desk.Pops()[0].Source)
	require.Equal(t, r.ticket(p).ID, r.desk.Pops()[0].TicketID)
	require.Empty(t, r.desk.Calls(), "it is a snapshot of what is over")
	p.ends("1001", "t")
	r.settled(p)

	require.Len(t, r.ticket(p).Comments, 2)
	record := r.record(p, 1)
	require.Equal(t, "inbound", record.Direction)
	for name, want := range map[string]any{
		"from_line": caller, "to_line": support, "to_line_nickname": "Support", "agent_id": int64(anaID), "completion_status": "completed",
		"recording_url": tapeURL, "recording_time": int64(20), "voicemail": false, "end_user_id": r.ticket(p).RequesterID,
	} {
		require.Equal(t, want, record.Fields[name], name)
	}
	for _, name := range []string{"call_started_at", "call_ended_at", "duration", "wait_time", "time_to_answer", "talk_time", "hold_time"} {
		require.Contains(t, record.Fields, name)
	}
	require.Equal(t, []string{"caller caller", "intent create", "done create", "audio recording", "intent complete", "done complete"}, kinds(r.outcomes(p)))
	require.Equal(t, 1, r.requests(http.MethodPost, callsPath))
	r.clean()
}

func TestCallRecordsOfCallsThatNobodyAnswered(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{audio: &folder{audio: bridge.Audio{URL: tapeURL, Seconds: 20}}, policy: byRecord()})
	missed, message := r.call("1"), r.call("2")
	missed.comes()
	missed.rings("1001")
	missed.tell(telephony.Event{Kind: telephony.LegDialEnded, Leg: "1001", Status: telephony.DialNoAnswer}, missed.ending("1001")[0])
	missed.ends("t")
	message.leavesMessage()
	r.settled(missed, message)
	require.Equal(t, "missed", r.record(missed, 1).Fields["completion_status"])
	require.Contains(t, r.ticket(missed).Tags, "call_missed")
	record := r.record(message, 1)
	require.Equal(t, true, record.Fields["voicemail"])
	require.Equal(t, tapeURL, record.Fields["recording_url"])
	require.Contains(t, r.ticket(message).Tags, "call_voicemail")
	require.Equal(t, 45, r.ticket(message).ViaID, "the channel of voicemails demands a voice comment")
	r.clean()
}

// TestCallRecordSurvivesFaults: one record, shown once, whatever happens to the
// request that makes it.
func TestCallRecordSurvivesFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		effect zendesktest.Effect
		sent   int
		want   []string
	}{
		{"429", zendesktest.RateLimited(time.Second), 2, []string{"freed complete", "done complete"}},
		{"500", zendesktest.ServerError(), 2, []string{"unknown complete", "freed complete", "done complete"}},
		{"503", zendesktest.Unavailable(time.Second), 2, []string{"unknown complete", "freed complete", "done complete"}},
		{"answer lost after commit", zendesktest.DropAfterCommit(), 1, []string{"unknown complete", "done complete"}},
		{"answer cut in its body", zendesktest.TruncatedBody(), 1, []string{"unknown complete", "done complete"}},
		{"cut before commit", zendesktest.DropBeforeCommit(), 2, []string{"unknown complete", "freed complete", "done complete"}},
		{"committed late", zendesktest.LateCommit(800 * time.Millisecond), 1, []string{"unknown complete", "done complete"}},
		{"stalled, committed late", zendesktest.StalledCommit(900 * time.Millisecond), 1, []string{"unknown complete", "done complete"}},
		{"401 once", zendesktest.TokenExpired(), 2, []string{"freed complete", "done complete"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{timeout: patience, policy: byRecord()})
			fault := r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: callsPath, Count: 1, Effect: test.effect})
			p := r.talk()
			p.ends("1001", "t")
			r.settled(p)
			require.Equal(t, 1, fault.Hits())
			r.record(p, 1)
			require.Equal(t, test.sent, r.requests(http.MethodPost, callsPath))
			require.Subset(t, kinds(r.outcomes(p)), test.want)
			require.Len(t, r.ticket(p).Comments, 2)
			r.clean()
		})
	}
}

// A recording that comes late is put into the record, which is shown once more:
// once, whatever happens to that request.
func TestLateRecordingIsShownOnceMore(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]zendesktest.Effect{
		"no fault": {}, "answer lost after commit": zendesktest.DropAfterCommit(), "cut before commit": zendesktest.DropBeforeCommit(),
		"committed late": zendesktest.LateCommit(800 * time.Millisecond), "500": zendesktest.ServerError(),
	} {
		for _, at := range []struct{ method, path string }{{http.MethodPost, callsPath + "/*/comments"}, {http.MethodPatch, callsPath + "/*"}} {
			t.Run(name+" of "+at.method, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, setup{timeout: patience, audio: &folder{audio: bridge.Audio{URL: tapeURL}}, policy: byRecord(func(p *bridge.Policy) {
					p.Recorded = map[string]bool{"pbx1": true}
				})})
				fault := r.desk.Inject(zendesktest.Fault{Method: at.method, Path: at.path, Count: 1, Effect: effect})
				p := r.call("1")
				p.ordinary("1001")
				r.settled(p)
				r.record(p, 1)
				p.tell(telephony.Event{Kind: telephony.CallRecorded, Leg: "t", Path: tape})
				r.eventually("recording", func() bool { return r.view(p).Record.Recording != nil })
				r.settled(p)
				require.Equal(t, 1, fault.Hits())
				require.Equal(t, tapeURL, r.record(p, 2).Fields["recording_url"])
				r.clean()
			})
		}
	}
}

// TestDeathAtEveryPointOfACallMakesOneRecord kills the bridge at every append of
// a call's story, in two ways, and starts another on the same journal. The call is
// one whose recording comes late: its record is made, and shown once more.
func TestDeathAtEveryPointOfACallMakesOneRecord(t *testing.T) {
	t.Parallel()
	var deaths atomic.Int64
	for _, lost := range []bool{false, true} {
		for n := 1; n <= 18; n++ {
			t.Run(fmt.Sprintf("append %d, answer lost %t", n, lost), func(t *testing.T) {
				t.Parallel()
				tapes := &folder{audio: bridge.Audio{URL: tapeURL}}
				r := newRig(t, setup{idle: true, audio: tapes, policy: byRecord(func(p *bridge.Policy) {
					p.Settle, p.Recorded = time.Second, map[string]bool{"pbx1": true}
				})})
				d := &dying{left: n, lost: lost, died: make(chan struct{})}
				r.start(setup{audio: tapes, wrap: func(j bridge.Journal) bridge.Journal { d.Journal = j; return d }})
				s := &story{rig: r, audio: tapes, died: d.died, call: r.call("1")}
				s.play()
				s.tell(func(c telephony.State) bool { return c.Recording != "" }, telephony.Event{Kind: telephony.CallRecorded, Leg: "t", Path: tape})
				s.settled(s.call)
				require.Equal(t, tapeURL, r.record(s.call, 2).Fields["recording_url"])
				require.Len(t, r.ticket(s.call).Comments, 3)
				require.LessOrEqual(t, len(r.desk.Pops()), 2)
				r.clean()
				if s.restarted {
					deaths.Store(max(deaths.Load(), int64(n)))
				}
			})
		}
	}
	t.Cleanup(func() { require.GreaterOrEqual(t, deaths.Load(), int64(12), "deaths reach to the end of the call") })
}

// A call is finished in the way in which it was begun, also by the next process.
func TestCallIsFinishedInTheWayItWasBegun(t *testing.T) {
	t.Parallel()
	for _, began := range []int64{0, zendesktest.DefaultAppID} {
		t.Run(fmt.Sprint(began), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{policy: func(p *bridge.Policy) { p.CallRecords = began }})
			p := r.talk()
			require.NoError(t, r.stop())
			changed := *r.policy
			changed.CallRecords = zendesktest.DefaultAppID - began
			r.policy = &changed
			r.start(setup{})
			again := r.call("1")
			again.n = p.n
			again.ends("1001", "t")
			r.settled(again)
			if began != 0 {
				r.record(p, 1)
				require.Zero(t, completions(r.ticket(p)))
			} else {
				require.Empty(t, r.desk.Calls())
				require.Equal(t, 1, completions(r.ticket(p)))
			}
			r.clean()
		})
	}
}

func TestCallRecordGoesOntoTheTicketThatItsCallIsAttachedTo(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{policy: byRecord()})
	ticket := r.asks(customer, "by mail")
	p := r.attached("1")
	p.ends("1001", "t")
	r.settled(p)
	require.Equal(t, ticket, r.record(p, 1).TicketID)
	require.Len(t, r.desk.Tickets(), 1)
	require.Len(t, r.ticketByID(ticket).Comments, 2)
	r.clean()
}

func TestTicketOfACallRecordIsClosedOrDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, deleted := range []bool{false, true} {
		t.Run(fmt.Sprintf("deleted %t", deleted), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{policy: byRecord()})
			p := r.talk()
			ticket := r.ticket(p).ID
			if deleted {
				require.NoError(t, r.desk.DeleteTicket(ticket))
			} else {
				require.NoError(t, r.desk.CloseTicket(ticket))
			}
			p.ends("1001", "t")
			r.settled(p)
			if deleted {
				require.True(t, r.view(p).Record.Gone)
				require.Empty(t, r.desk.Calls())
				return
			}
			require.NotEqual(t, ticket, r.record(p, 1).TicketID)
			require.Len(t, r.desk.TicketsByExternalID(string(p.id)+"#2"), 1)
			r.clean()
		})
	}
}

// An app that is not installed leaves the ticket as it is, and the record to a
// person; the right one is taken at the next try.
func TestUnknownAppIsParked(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{policy: func(p *bridge.Policy) { p.CallRecords = 77 }})
	r.asks(customer, "by mail")
	p := r.attached("1")
	p.ends("1001", "t")
	r.eventually("parked", func() bool { return r.view(p).Record.Parked[bridge.StepComplete] != "" })
	require.Contains(t, r.view(p).Record.Parked[bridge.StepComplete], "not installed")
	require.Len(t, r.desk.Tickets(), 1, "it gets no ticket of its own for that")
	right := *r.policy
	right.CallRecords = zendesktest.DefaultAppID
	r.bridge.SetPolicy(&right)
	r.retry(p)
	r.settled(p)
	r.record(p, 1)
	r.clean()
}

func TestSecondAgentIsToldInWordsBesidesTheRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{policy: byRecord()})
	p := r.talk()
	p.rings("1002")
	p.answers("1002")
	r.eventually("page of the second agent", func() bool { return len(r.desk.Pops()) == 2 })
	p.ends("1001", "1002", "t")
	r.settled(p)
	r.record(p, 1)
	ticket := r.ticket(p)
	require.Len(t, ticket.Comments, 3)
	require.Contains(t, ticket.Comments[2].Body, "Agents: Ana, Ben\n")
	require.Equal(t, int64(benID), ticket.AssigneeID)
	r.clean()
}

// A record goes along to the ticket that follows a closed one.
func TestLateRecordingOnAClosedTicket(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{audio: &folder{audio: bridge.Audio{URL: tapeURL}}, policy: byRecord(func(p *bridge.Policy) {
		p.Recorded = map[string]bool{"pbx1": true}
	})})
	p := r.talk()
	p.ends("1001", "t")
	r.settled(p)
	first := r.record(p, 1)
	require.NoError(t, r.desk.CloseTicket(first.TicketID))
	p.tell(telephony.Event{Kind: telephony.CallRecorded, Leg: "t", Path: tape})
	r.eventually("the ticket that follows", func() bool { return r.view(p).Record.Predecessor != 0 })
	r.settled(p)
	record := r.record(p, 1)
	require.Equal(t, first.ID, record.ID)
	require.NotEqual(t, first.TicketID, record.TicketID)
	require.Equal(t, tapeURL, record.Fields["recording_url"])
	require.Len(t, r.desk.Tickets(), 2)
	r.clean()
}

func TestCallRecordOfACallOfOurs(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{policy: byRecord()})
	p := r.call("1")
	p.tell(
		telephony.Event{Kind: telephony.LegStarted, Leg: "1001", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", First: true, Dialled: caller},
		telephony.Event{Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Dialled: caller},
		telephony.Event{Kind: telephony.LegDialled, Leg: "t", Peer: "1001", Dialled: caller, Party: telephony.Party{Number: support}},
	)
	p.answers("1001")
	p.ends("1001", "t")
	r.settled(p)
	record := r.record(p, 1)
	for name, want := range map[string]any{
		"direction": "outbound", "from_line": support, "from_line_nickname": "Support", "to_line": caller, "to_line_nickname": nil, "dnis": nil,
		"agent_id": int64(anaID), "completion_status": "completed",
	} {
		require.Equal(t, want, record.Fields[name], name)
	}
	r.clean()
}

// Who does not show his number is nobody's line, and his call has a record all the
// same. Ticket fields of what is known at the end are set besides it.
func TestCallRecordOfSomebodyWithoutANumber(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{policy: byRecord(func(p *bridge.Policy) {
		p.Form.Fields = []bridge.Field{{ID: 900, Template: template(t, "{{seconds .talk}}"), Type: bridge.FieldInteger}}
	})})
	p := r.call("1")
	p.from = "anonymous"
	p.comes()
	p.rings("1001")
	p.answers("1001")
	r.eventually("ticket", func() bool { return r.view(p).Record.Ticket != 0 })
	p.ends("1001", "t")
	r.settled(p)
	require.Equal(t, "anonymous", r.record(p, 1).Fields["from_line"])
	require.Contains(t, kinds(r.outcomes(p)), "done tell")
	r.clean()
}

// A journal that is lost takes the id of the record with it. Of a call that was
// not seen to begin, the ticket is asked first.
func TestCallRecordIsFoundAfterTheJournalIsLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{policy: byRecord()})
	p := r.call("1")
	p.ordinary("1001")
	r.settled(p)
	r.record(p, 1)
	require.NoError(t, r.stop())
	require.NoError(t, r.journal.Close())
	r.dir = t.TempDir()
	r.openJournal(setup{})
	r.start(setup{})

	again := r.call("1")
	coming := again.coming()
	coming[0].Estimated = true // a list of live channels tells of it, not the phone
	again.tell(coming...)
	again.rings("1001")
	again.answers("1001")
	again.ends("1001", "t")
	r.settled(again)
	r.record(again, 1)
	require.Len(t, r.desk.Tickets(), 1)
	require.Equal(t, "it was there already", r.outcomes(again)[len(r.outcomes(again))-1].Reason)
	r.clean()
}

// TestCallRecordOfAQueue: who gives up in a queue did so at some place of it, and
// what the site says of consent stands in the record.
func TestCallRecordOfAQueue(t *testing.T) {
	t.Parallel()
	place, err := wording.Parse("place_{{.queue_place}}")
	require.NoError(t, err)
	r := newRig(t, setup{policy: byRecord(func(p *bridge.Policy) {
		p.Consent = zendesk.ConsentOptOut
		p.Lines["+15550100002"] = bridge.Line{Name: "Sales", Country: "US", Consent: zendesk.ConsentNever}
		p.Form.Tags = []*wording.Template{place}
	})})
	waits, held := r.call("1"), r.call("2")
	waits.comes()
	waits.tell(telephony.Event{Kind: telephony.CallQueued, Leg: "t", Name: "support", Position: 3})
	waits.tell(telephony.Event{Kind: telephony.LegHangupAsked, Leg: "t"}, telephony.Event{Kind: telephony.CallUnqueued, Leg: "t", Name: "support", Position: 2})
	waits.ends("t")

	coming := held.coming()
	coming[0].Dialled = "+15550100002"
	held.tell(coming...)
	held.rings("1001")
	held.answers("1001")
	held.tell(telephony.Event{Kind: telephony.LegHeld, Leg: "1001", Side: telephony.SideAgent})
	held.tell(telephony.Event{Kind: telephony.LegHangupAsked, Leg: "t", Side: telephony.SideTrunk})
	held.ends("t", "1001")
	r.settled(waits, held)

	record := r.record(waits, 1)
	for name, want := range map[string]any{
		"queue_name": "support", "call_abandoned_position": "2", "completion_status": "abandoned_in_queue",
		"call_recording_consent": "opt_out", "call_type": "phone",
	} {
		require.Equal(t, want, record.Fields[name], name)
	}
	require.Contains(t, r.ticket(waits).Tags, "place_2")
	require.Contains(t, r.ticket(waits).Comments[0].Body, "Queue: support, given up at place 2")
	record = r.record(held, 1)
	require.Equal(t, "abandoned_on_hold", record.Fields["completion_status"])
	require.Equal(t, "never", record.Fields["call_recording_consent"])
	require.NotContains(t, record.Fields, "call_abandoned_position")
	r.clean()
}
