package twilio

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

var _ = flag.Bool("update", false, "rewrite the golden files")

// goldenCase is what Twilio tells, and the least of what it must come to; the
// golden file has the rest.
type goldenCase struct {
	name string
	flow *flow
	// whispers and answers are as in translator.
	whispers, answers bool
	direction         telephony.Direction
	disposition       telephony.Disposition
	agents            []string // who talked
	calls             int      // 0 is 1
}

func goldenCases() []goldenCase {
	inbound, outbound := telephony.Inbound, telephony.Outbound
	answered := func() *flow {
		return newFlow().comes(caller, did, buffalo...).rings("2", ana).leg(5, "2", ana, "in-progress")
	}
	rungOut := func() *flow {
		return newFlow().comes(caller, did, buffalo...).rings("2", ana).leg(21, "2", ana, "no-answer", "SipResponseCode", "487")
	}
	click := func(agent string) *flow {
		return newFlow().placed(0, calling, agent, "initiated").placed(0.5, calling, agent, "ringing").placed(3, calling, agent, "in-progress")
	}
	clickEnds := func(f *flow, agent string) *flow {
		customer := func(second float64, status string, more ...string) {
			f.leg(second, "2", caller, status, append(more, "From", did)...)
		}
		customer(4, "initiated")
		customer(5, "ringing")
		customer(9, "in-progress")
		customer(39, "completed", talked(30)...)
		return f.placed(40, calling, agent, "completed", talked(37)...)
	}
	return []goldenCase{
		{
			name: "answered", direction: inbound, disposition: telephony.Answered, agents: []string{ana},
			flow: answered().leg(65, "2", ana, "completed", talked(60)...).dialled(65, "2", "completed", "true", "DialCallDuration", "60").ends(66, "completed", 66),
		},
		{
			name: "answered_recorded", direction: inbound, disposition: telephony.Answered, agents: []string{ana},
			flow: answered().leg(65, "2", ana, "completed", talked(60)...).
				dialled(65, "2", "completed", "true", "DialCallDuration", "60", "RecordingUrl", recordingURL()).ends(66, "completed", 66).
				tell(68, hookRecording, "CallSid", id("CA", calling), "RecordingSid", id("RE", "1"), "RecordingUrl", recordingURL(),
					"RecordingStatus", "completed", "RecordingDuration", "60", "RecordingSource", "DialVerb", "RecordingChannels", "2"),
		},
		{
			name: "answered_at_a_number", direction: inbound, disposition: telephony.Answered, agents: []string{mobile},
			flow: newFlow().comes(caller, did).rings("2", mobile).leg(5, "2", mobile, "in-progress").leg(65, "2", mobile, "completed", talked(60)...).ends(66, "completed", 66),
		},
		{
			name: "answered_only_the_end_told", direction: inbound, disposition: telephony.Answered, agents: []string{ana},
			flow: newFlow().leg(65, "2", ana, "completed", talked(60)...).ends(66, "completed", 66, buffalo...),
		},
		{
			name: "answered_only_dial_told", direction: inbound, disposition: telephony.Answered, agents: []string{""},
			flow: newFlow().comes(caller, did).dialled(65, "2", "completed", "true", "DialCallDuration", "60").ends(66, "completed", 66),
		},
		{
			name: "busy", direction: inbound, disposition: telephony.Busy,
			flow: newFlow().comes(caller, did).leg(1, "2", ana, "initiated").leg(2, "2", ana, "busy", "SipResponseCode", "486").dialled(2, "2", "busy", "false").ends(3, "completed", 3),
		},
		{
			name: "no_answer", direction: inbound, disposition: telephony.Missed,
			flow: rungOut().dialled(21, "2", "no-answer", "false").ends(25, "completed", 25),
		},
		{
			name: "failed", direction: inbound, disposition: telephony.Failed,
			flow: newFlow().comes(caller, did).leg(1, "2", ben, "initiated").leg(2, "2", ben, "failed", "SipResponseCode", "404").dialled(2, "2", "failed", "false").ends(3, "completed", 3),
		},
		{
			name: "canceled", direction: inbound, disposition: telephony.Abandoned,
			flow: newFlow().comes(caller, did).rings("2", ana).leg(9, "2", ana, "canceled").ends(9, "canceled", 0),
		},
		{
			name: "gave_up_no_action", direction: inbound, disposition: telephony.Abandoned,
			flow: newFlow().comes(caller, did).rings("2", ana).leg(9, "2", ana, "canceled", "SipResponseCode", "487").ends(9, "completed", 9),
		},
		{
			name: "gave_up_no_answer", direction: inbound, disposition: telephony.Abandoned,
			flow: newFlow().comes(caller, did).rings("2", ana).leg(9, "2", ana, "no-answer").dialled(9, "2", "no-answer", "false", "CallStatus", "completed").ends(9, "completed", 9),
		},
		{
			name: "gave_up_canceled", direction: inbound, disposition: telephony.Abandoned,
			flow: newFlow().comes(caller, did).rings("2", ana).leg(9, "2", ana, "no-answer").dialled(9, "2", "canceled", "false").ends(9, "completed", 9),
		},
		{
			name: "gave_up_no_answer_no_action_answering", direction: inbound, disposition: telephony.Abandoned, answers: true,
			flow: newFlow().comes(caller, did).rings("2", ana).leg(9, "2", ana, "no-answer").ends(9, "completed", 9),
		},
		{
			name: "gave_up_in_the_greeting_answering", direction: inbound, disposition: telephony.Abandoned, answers: true,
			flow: newFlow().comes(caller, did).ends(4, "completed", 4),
		},
		{
			name: "ring_all", direction: inbound, disposition: telephony.Answered, agents: []string{"sip:ben@acme.sip.twilio.com"},
			flow: newFlow().comes(caller, did).rings("2", mobile).rings("3", ben).rings("4", ana).leg(6, "3", ben, "in-progress").
				leg(6, "2", mobile, "canceled").leg(6, "4", ana, "no-answer").leg(66, "3", ben, "completed", talked(60)...).dialled(66, "3", "completed", "true", "DialCallDuration", "60").ends(67, "completed", 67),
		},
		{
			name: "voicemail", direction: inbound, disposition: telephony.LeftVoicemail,
			flow: rungOut().dialled(21, "2", "no-answer", "false").ends(40, "completed", 40).message(43, "completed", 14).
				tell(60, hookTranscription, "CallSid", id("CA", calling), "RecordingSid", id("RE", "1"), "RecordingUrl", recordingURL(),
					"TranscriptionSid", id("TR", "1"), "TranscriptionStatus", "completed", "TranscriptionText", "Please call me back about order 4711."),
		},
		{
			name: "voicemail_nothing_said", direction: inbound, disposition: telephony.Missed,
			flow: rungOut().dialled(21, "2", "no-answer", "false").ends(30, "completed", 30).message(32, "absent", 0),
		},
		{
			name: "whisper_answered_by_a_machine", direction: inbound, disposition: telephony.LeftVoicemail,
			flow: newFlow().comes(caller, did).rings("2", mobile).leg(5, "2", mobile, "in-progress").leg(15, "2", mobile, "completed", talked(10)...).
				dialled(15, "2", "completed", "false", "DialCallDuration", "10").ends(40, "completed", 40).message(42, "completed", 20),
		},
		{
			name: "whisper_declined", direction: inbound, disposition: telephony.Missed, whispers: true,
			flow: answered().leg(15, "2", ana, "completed", talked(10)...).dialled(15, "2", "completed", "false", "DialCallDuration", "10").ends(20, "completed", 20),
		},
		{
			name: "whisper_accepted", direction: inbound, disposition: telephony.Answered, agents: []string{ana}, whispers: true,
			flow: answered().leg(65, "2", ana, "completed", talked(60)...).dialled(65, "2", "completed", "true", "DialCallDuration", "60").ends(66, "completed", 66),
		},
		{
			// Its length is told in whole seconds, rounded up: reckoned from its end it began before the phone rang.
			name: "whisper_accepted_at_once", direction: inbound, disposition: telephony.Answered, agents: []string{ana}, whispers: true,
			flow: newFlow().comes(caller, did).leg(1, "2", ana, "initiated").leg(1.1, "2", ana, "in-progress").leg(3.15, "2", ana, "completed", talked(3)...).
				dialled(3.15, "2", "completed", "true", "DialCallDuration", "3").ends(3.2, "completed", 4),
		},
		{
			name: "queue", direction: inbound, disposition: telephony.Answered, agents: []string{ana}, calls: 2,
			flow: newFlow().comes(caller, did).
				tell(2, hookQueue, "CallSid", id("CA", calling), "From", caller, "To", did, "Direction", "inbound", "CallStatus", "in-progress", "QueueSid", id("QU", "1"), "QueueTime", "1", "QueuePosition", "2").
				placed(20, "7", ana, "initiated").placed(22, "7", ana, "in-progress").
				tell(23, hookQueue, "CallSid", id("CA", calling), "QueueSid", id("QU", "1"), "QueueTime", "22", "DequeingCallSid", id("CA", "7")).
				placed(80, "7", ana, "completed", talked(58)...).
				tell(80, hookQueue, "CallSid", id("CA", calling), "QueueSid", id("QU", "1"), "QueueTime", "22", "QueueResult", "bridged").ends(81, "completed", 81),
		},
		{
			name: "queue_taken_for_a_moment", direction: inbound, disposition: telephony.Answered, agents: []string{ana}, calls: 2,
			flow: newFlow().comes(caller, did).
				placed(1, "7", ana, "initiated").placed(3.1, "7", ana, "in-progress").
				tell(3.2, hookQueue, "CallSid", id("CA", calling), "QueueSid", id("QU", "1"), "QueueTime", "2", "DequeingCallSid", id("CA", "7")).
				placed(3.9, "7", ana, "completed", talked(1)...).ends(3.9, "completed", 4),
		},
		{
			name: "queue_only_the_end_told", direction: inbound, disposition: telephony.Answered,
			flow: newFlow().comes(caller, did).
				tell(80, hookQueue, "CallSid", id("CA", calling), "QueueSid", id("QU", "1"), "QueueTime", "22", "QueueResult", "bridged").ends(81, "completed", 81),
		},
		{
			name: "queue_nobody_tells_who_took_it", direction: inbound, disposition: telephony.Answered,
			flow: newFlow().comes(caller, did).
				tell(6, hookQueue, "CallSid", id("CA", calling), "QueueSid", id("QU", "1"), "QueueTime", "1", "QueuePosition", "2").
				tell(80, hookQueue, "CallSid", id("CA", calling), "QueueSid", id("QU", "1"), "QueueTime", "22", "QueueResult", "bridged").ends(81, "completed", 81),
		},
		{
			name: "queue_gave_up", direction: inbound, disposition: telephony.Abandoned,
			flow: newFlow().comes(caller, did).
				tell(2, hookQueue, "CallSid", id("CA", calling), "QueueSid", id("QU", "1"), "QueueTime", "1", "QueuePosition", "2").
				tell(40, hookQueue, "CallSid", id("CA", calling), "QueueSid", id("QU", "1"), "QueueTime", "39", "QueueResult", "hangup", "CallStatus", "completed").ends(40, "completed", 40),
		},
		{
			name: "warm_transfer", direction: inbound, disposition: telephony.Answered, agents: []string{ana, ana, "sip:ben@acme.sip.twilio.com"}, calls: 4,
			flow: newFlow().comes(caller, did, buffalo...).meets(1, calling, "participant-join").
				placed(1, "7", ana, "initiated").placed(5, "7", ana, "in-progress").meets(5, "7", "participant-join").
				meets(30, calling, "participant-hold").placed(31, "8", ben, "initiated").placed(35, "8", ben, "in-progress").meets(35, "8", "participant-join").
				meets(45, calling, "participant-unhold").meets(50, "7", "participant-leave", "ReasonParticipantLeft", "participant_hung_up").placed(50, "7", ana, "completed", talked(45)...).
				meets(90, calling, "participant-leave").meets(90, "8", "participant-leave").placed(90, "8", ben, "completed", talked(55)...).ends(90, "completed", 90),
		},
		{
			name: "client_calls_out", direction: outbound, disposition: telephony.Answered, agents: []string{ana},
			flow: newFlow().comes(ana, caller).leg(1, "2", caller, "initiated", "From", did).leg(6, "2", caller, "in-progress", "From", did).
				leg(36, "2", caller, "completed", append(talked(30), "From", did)...).ends(37, "completed", 37, "From", ana, "To", caller),
		},
		{
			name: "client_calls_out_nobody_there", direction: outbound, disposition: telephony.Missed,
			flow: newFlow().comes(ana, caller).leg(1, "2", caller, "initiated", "From", did).leg(31, "2", caller, "no-answer", "From", did).ends(32, "completed", 32, "From", ana, "To", caller),
		},
		{name: "click_to_dial", direction: outbound, disposition: telephony.Answered, agents: []string{ana}, flow: clickEnds(click(ana), ana)},
		{name: "click_to_dial_mobile", direction: outbound, disposition: telephony.Answered, agents: []string{mobile}, flow: clickEnds(click(mobile), mobile)},
		{
			name: "sip_caller", direction: inbound, disposition: telephony.Answered, agents: []string{ana},
			flow: newFlow().comes("sip:+17165550123@carrier.example.com:5060;user=phone", "sip:+15550100001@acme.sip.twilio.com", "SipDomain", "acme.sip.twilio.com",
				"SipCallId", "a84b4c76e66710", "SipHeader_X-Customer", "4711").rings("2", ana).leg(5, "2", ana, "in-progress").
				leg(65, "2", ana, "completed", talked(60)...).ends(66, "completed", 66, "From", "sip:+17165550123@carrier.example.com"),
		},
		{
			name: "sip_phone_calls_out", direction: outbound, disposition: telephony.Answered, agents: []string{"sip:ben@acme.sip.twilio.com"},
			flow: newFlow().comes(ben, "sip:+17165550123@acme.sip.twilio.com").leg(1, "2", caller, "initiated", "From", did).leg(6, "2", caller, "in-progress", "From", did).
				leg(36, "2", caller, "completed", append(talked(30), "From", did)...).ends(37, "completed", 37, "From", ben),
		},
		{
			name: "withheld", direction: inbound, disposition: telephony.Answered, agents: []string{ana},
			flow: newFlow().comes("+266696687", did, buffalo...).rings("2", ana).leg(5, "2", ana, "in-progress").leg(65, "2", ana, "completed", talked(60)...).ends(66, "completed", 66, "From", "+266696687"),
		},
	}
}

// translated is what the callbacks of a flow say, in their order.
func translated(t testing.TB, tr *translator, f *flow) []telephony.Event {
	t.Helper()
	var events []telephony.Event
	for _, c := range f.callbacks {
		n, err := tr.translate(c)
		require.NoError(t, err)
		for _, e := range slices.Concat(n.begins, n.events) {
			require.NoError(t, e.Validate())
			events = append(events, e)
		}
	}
	return events
}

// joined folds events, those of linked calls as one.
func joined(events []telephony.Event) (telephony.State, int) {
	calls := map[telephony.CallID]*telephony.Call{}
	apply := func(e telephony.Event) {
		if calls[e.Call] == nil {
			calls[e.Call] = telephony.NewCall(e.Call)
		}
		calls[e.Call].Apply(e)
	}
	for _, e := range events {
		apply(e)
		if e.Kind == telephony.CallLinked {
			apply(e.Mirrored())
		}
	}
	var all []*telephony.Call
	for _, c := range calls {
		all = append(all, c)
	}
	return telephony.Join(all...), len(all)
}

func (c goldenCase) translator() *translator {
	return &translator{site: "hq", source: "tw", whispers: c.whispers, answers: c.answers}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, c := range goldenCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			events := translated(t, c.translator(), c.flow)
			state, calls := joined(events)
			require.Equal(t, max(1, c.calls), calls)
			require.Equal(t, telephony.CallID("hq/tw/"+id("CA", calling)), state.ID)
			var agents []string
			for _, talk := range state.Talks {
				agents = append(agents, talk.Endpoint)
			}
			telephonytest.CompareGolden(t, c.name, map[string]any{"callbacks": told(c.flow), "events": events, "call": state})
			require.Equal(t, c.direction, state.Direction)
			require.Equal(t, c.disposition, state.Disposition)
			require.Equal(t, c.agents, agents)
		})
	}
}

// In whatever order callbacks come, and however often: it is the same call.
func TestGolden_anyOrder(t *testing.T) {
	t.Parallel()
	for _, c := range goldenCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want, _ := joined(translated(t, c.translator(), c.flow))
			r := rand.New(rand.NewPCG(1, 2))
			for range 40 {
				shuffled := &flow{callbacks: slices.Concat(c.flow.callbacks, c.flow.callbacks)}
				for i := range shuffled.callbacks[len(c.flow.callbacks):] {
					again := &shuffled.callbacks[len(c.flow.callbacks)+i]
					if again.form.Get("Timestamp") != "" {
						again.received = again.received.Add(3 * time.Second) // a repeat comes later
					}
				}
				r.Shuffle(len(shuffled.callbacks), func(i, k int) {
					shuffled.callbacks[i], shuffled.callbacks[k] = shuffled.callbacks[k], shuffled.callbacks[i]
				})
				got, _ := joined(translated(t, c.translator(), shuffled))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatal(diff)
				}
			}
		})
	}
}

// told writes callbacks for people: without what all have.
func told(f *flow) []string {
	var lines []string
	for _, c := range f.callbacks {
		form := c.form
		var pairs []string
		for key := range form {
			if key != "AccountSid" && key != "ApiVersion" {
				pairs = append(pairs, key+"="+form.Get(key))
			}
		}
		slices.Sort(pairs)
		lines = append(lines, fmt.Sprintf("%s %s: %s", c.received.Format("15:04:05.0"), c.hook, strings.Join(pairs, " ")))
	}
	return lines
}
