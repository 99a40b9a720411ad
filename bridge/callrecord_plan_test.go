package bridge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

const testApp = 1001

func byRecord(p *Policy) { p.CallRecords = testApp }

// byApp is an outcome of a call that is told of by a call record.
func byApp(o Outcome) Outcome {
	o.App = testApp
	return o
}

// begunByRecord is a call that got its ticket at the answer.
func begunByRecord() []Outcome {
	create := byApp(intendedCreate("i", 5))
	create.Voice = true
	return []Outcome{known(), create, made("i", 1000)}
}

// recordMade is a completion by a call record.
func recordMade() []Outcome {
	intended, done := byApp(intendedComplete()), byApp(resultOf(Done, StepComplete, "c"))
	intended.Voice, done.CallRecord = true, 7
	return []Outcome{intended, done}
}

func TestPlanOfCallRecords(t *testing.T) {
	t.Parallel()
	begun := begunByRecord()
	for _, c := range []struct {
		planCase

		app int64
	}{
		{planCase{name: "ticket at the answer, as ever", call: answered(), policy: byRecord, done: []Outcome{known()}, now: 5, want: "create 45 for 501/1001: an agent answered"}, testApp},
		{planCase{name: "completed at the end", call: ended(), policy: byRecord, done: begun, now: 66, want: "complete: the call is over"}, testApp},
		{planCase{name: "settled", call: ended(), policy: byRecord, done: append(begunByRecord(), recordMade()...), now: 67, want: "settled: nothing is owed any more"}, 0},
		{planCase{name: "a missed call has a ticket, and then its record", call: missed(), policy: byRecord, done: []Outcome{known()}, now: 22, want: "create 45: nobody answered: missed"}, testApp},
		{planCase{name: "so has a message", call: leftMessage(), policy: byRecord, done: []Outcome{known(), {Kind: AudioKept, Step: StepAudio, Audio: &Audio{URL: "https://x"}}}, now: 42, want: "create 44: the caller left a message"}, testApp},
		{planCase{name: "begun before it was switched on", call: ended(), policy: byRecord, done: []Outcome{known(), intendedCreate("i", 5), made("i", 1000)}, now: 66, want: "complete: the call is over"}, 0},
		{planCase{name: "begun before it was switched off", call: ended(), done: begun, now: 66, want: "complete: the call is over"}, testApp},
		{planCase{name: "attached before it was switched on", call: ended(), policy: byRecord, done: []Outcome{known(), {Kind: Attached, Step: StepAttach, Ticket: 9}}, now: 66, want: "complete: the call is over"}, 0},
		{planCase{name: "attached", call: ended(), done: []Outcome{known(), byApp(Outcome{Kind: Attached, Step: StepAttach, Ticket: 9})}, now: 66, want: "complete: the call is over"}, testApp},
		{planCase{name: "another app by now", call: ended(), policy: func(p *Policy) { p.CallRecords = 2002 }, done: begun, now: 66, want: "complete: the call is over"}, 2002},
		{planCase{name: "fate unknown", call: ended(), policy: byRecord, done: append(begunByRecord(), byApp(intendedComplete()), resultOf(Unknown, StepComplete, "c")), now: 67, want: "verify: the update may have happened"}, 0},
		{planCase{name: "looked up last at the end of settle", call: ended(), policy: byRecord, done: append(begunByRecord(), byApp(intendedComplete()), resultOf(Unknown, StepComplete, "c")), looked: 97, now: 98, want: "verify conclusive at 156: the update may have happened"}, 0},
		{planCase{name: "closed meanwhile, one more ticket for the record", call: ended(), policy: byRecord, done: append(begunByRecord(), byApp(intendedComplete()), resultOf(TicketClosed, StepComplete, "c")), now: 67, want: "create 45: the ticket was closed before it was complete"}, testApp},
		{planCase{name: "a recording that comes late is shown too", call: ended(), policy: byRecord, done: append(append(begunByRecord(), recordMade()...), Outcome{Kind: AudioKept, Step: StepRecording, Audio: &Audio{URL: "https://x"}}), now: 200, want: "complete: the call is over"}, testApp},
		{planCase{name: "what a record has no place for", call: ended(), policy: byRecord, done: append(append(begunByRecord(), recordMade()...), Outcome{Kind: AudioKept, Step: StepRecording, Audio: &Audio{Refused: "too large"}}), now: 200, want: "tell: its call record has no place for it"}, testApp},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
			policy, record := testPolicy(t), after(c.done...)
			if c.policy != nil {
				c.policy(policy)
			}
			if c.looked == 0 {
				require.Equal(t, c.app, plan(c.call.state(), &record, policy, Moment{Now: second(c.now)}).App)
			}
		})
	}
}

// What a call is told of by is decided by its first write, whatever comes later.
func TestRecordOfACallRecord(t *testing.T) {
	t.Parallel()
	r := after(append(begunByRecord(), recordMade()...)...)
	require.Equal(t, int64(testApp), r.App)
	require.Equal(t, int64(7), r.CallRecord)
	require.True(t, r.Completed)
	require.False(t, r.Told)

	freed := byApp(resultOf(Freed, StepComplete, "c"))
	freed.Doubtful = true
	r = after(known(), byApp(intendedCreate("i", 5)), made("i", 1000), byApp(intendedComplete()), freed)
	require.True(t, r.RecordDoubtful)
	require.Nil(t, r.Open)
	require.False(t, r.Completed)
	require.True(t, after(known(), intendedCreate("i", 5), made("i", 1000)).begun)
	require.False(t, after(known()).begun)
	told := append([]Outcome{known(), byApp(intendedCreate("i", 70)), made("i", 1000)}, recordMade()...)
	require.True(t, after(told...).Told, "a ticket that was made at the end tells of the call in words")
}

// A rehearsed call is told of by its record too.
func TestRehearsedCallRecord(t *testing.T) {
	t.Parallel()
	policy := testPolicy(t)
	byRecord(policy)
	policy.Recorded = map[string]bool{"pbx1": true}
	ticket := rehearse(t, policy, ended(), false).Ticket
	require.Nil(t, ticket.Voice)
	require.Len(t, ticket.Comments, 1)
	require.Equal(t, string(testCall), ticket.RecordedCall.ExternalID)
	require.Equal(t, int64(anaID), ticket.AnsweredBy)
}

func TestCompletionStatus(t *testing.T) {
	t.Parallel()
	inQueue := telephony.State{Disposition: telephony.Abandoned, Queues: []telephony.QueueStay{{Name: "q", JoinedAt: second(2), LeftAt: second(9)}}}
	for _, test := range []struct {
		call telephony.State
		want zendesk.CompletionStatus
	}{
		{ended().state(), zendesk.CallCompleted},
		{leftMessage().state(), zendesk.CallCompleted},
		{missed().state(), zendesk.CallMissed},
		{inQueue, zendesk.CallAbandonedInQueue},
		{telephony.State{Disposition: telephony.Abandoned}, zendesk.CallMissed},
		{telephony.State{Disposition: telephony.Busy}, zendesk.CallFailed},
		{telephony.State{Disposition: telephony.Failed}, zendesk.CallFailed},
	} {
		require.Equal(t, test.want, completion(test.call), "%s", test.call.Disposition)
	}
	require.Equal(t, 7*time.Second, queued(inQueue))
	open := telephony.State{AnsweredAt: second(20), EndedAt: second(60), Queues: []telephony.QueueStay{{Name: "q", JoinedAt: second(2)}}}
	require.Equal(t, 18*time.Second, queued(open), "until the answer")
	open.AnsweredAt = time.Time{}
	require.Equal(t, 58*time.Second, queued(open), "until the end")
}
