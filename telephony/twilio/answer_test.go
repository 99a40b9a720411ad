package twilio

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// everything is an answer that uses all there is.
func everything() Answer {
	return Answer{
		Greeting: "Welcome to Acme & Sons.", Closed: "We are closed.", Goodbye: "Good bye.", Language: "en-US", Voice: "Polly.Joanna",
		Ring: []string{ana, "sip:ben@acme.sip.twilio.com", mobile}, RingFor: 20 * time.Second, Queue: "support", QueueFor: 5 * time.Minute,
		Music: "https://media.example.com/wait.mp3", Record: true, Consent: "This call is recorded.", CallerID: did,
		Voicemail: &Voicemail{Greeting: "https://media.example.com/leave.mp3", MaxLength: 2 * time.Minute, Transcribe: true},
	}
}

func never(time.Time) bool { return false }

// canonical writes XML so that the order of attributes does not matter: twilio-go's
// is random.
func canonical(t *testing.T, document string) string {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(document))
	var b strings.Builder
	depth := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		require.NoError(t, err, document)
		switch e := token.(type) {
		case xml.StartElement:
			slices.SortFunc(e.Attr, func(a, b xml.Attr) int { return strings.Compare(a.Name.Local, b.Name.Local) })
			b.WriteString(strings.Repeat("  ", depth) + e.Name.Local)
			for _, attribute := range e.Attr {
				b.WriteString("\n" + strings.Repeat("  ", depth) + "    " + attribute.Name.Local + "=" + attribute.Value)
			}
			b.WriteString("\n")
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if text := strings.TrimSpace(string(e)); text != "" {
				b.WriteString(strings.Repeat("  ", depth) + text + "\n")
			}
		}
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	change := func(f func(*Answer)) Answer {
		a := everything()
		f(&a)
		return a
	}
	comes := func() *flow { return newFlow().comes(caller, did) }
	rung := func(status, bridged string, more ...string) *flow {
		return newFlow().dialled(21, "2", status, bridged, more...)
	}
	queue := func(more ...string) *flow {
		return newFlow().tell(30, hookQueue, append([]string{"CallSid", id("CA", calling), "From", caller, "To", did, "Direction", "inbound", "CallStatus", "in-progress", "QueueSid", id("QU", "1")}, more...)...)
	}
	for _, tt := range []struct {
		name   string
		answer Answer
		flow   *flow
		away   bool
	}{
		{name: "rings_at_once", answer: everything(), flow: comes()},
		{name: "rings_in_turn_and_records_nothing", flow: comes(), answer: change(func(a *Answer) { a.InTurn, a.Record = true, false })},
		{name: "says_nothing_first", flow: comes(), answer: change(func(a *Answer) { a.Greeting, a.Record = "", false })},
		{name: "rings_nobody_and_queues", flow: comes(), answer: change(func(a *Answer) { a.Ring = nil })},
		{name: "closed", flow: comes(), away: true, answer: change(func(a *Answer) { a.Open = never })},
		{name: "closed_without_voicemail", flow: comes(), away: true, answer: change(func(a *Answer) { a.Open, a.Voicemail = never, nil })},
		{name: "talked", answer: everything(), flow: rung("completed", "true")},
		{name: "rang_out_and_queues", answer: everything(), flow: rung("no-answer", "false")},
		{name: "declined_and_queues", answer: everything(), flow: rung("completed", "false")},
		{name: "rang_out_and_takes_a_message", flow: rung("busy", "false"), away: true, answer: change(func(a *Answer) { a.Queue = "" })},
		{name: "rang_out_and_says_goodbye", flow: rung("failed", "false"), away: true, answer: change(func(a *Answer) { a.Queue, a.Voicemail = "", nil })},
		{name: "caller_left_while_it_rang", answer: everything(), flow: rung("no-answer", "false", "CallStatus", "completed")},
		{name: "waits", answer: everything(), flow: queue("QueueTime", "10")},
		{name: "waits_without_music", flow: queue("QueueTime", "10"), answer: change(func(a *Answer) { a.Music = "" })},
		{name: "waited_long_enough", answer: everything(), flow: queue("QueueTime", "300")},
		{name: "left_the_queue", answer: everything(), flow: queue("QueueTime", "300", "QueueResult", "leave"), away: true},
		{name: "queue_is_full", answer: everything(), flow: queue("QueueResult", "queue-full"), away: true},
		{name: "talked_after_the_queue", answer: everything(), flow: queue("QueueResult", "bridged")},
		{name: "taken_out_of_the_queue", answer: everything(), flow: queue("DequeingCallSid", id("CA", "7"))},
		{name: "left_a_message", answer: everything(), flow: newFlow().tell(50, hookVoicemail, "CallSid", id("CA", calling), "From", caller, "To", did, "Direction", "inbound", "RecordingUrl", recordingURL(), "RecordingDuration", "14")},
		{name: "client_calls_out", answer: everything(), flow: newFlow().comes(ana, caller)},
		{name: "client_may_not_call_out", flow: newFlow().comes(ana, caller), answer: change(func(a *Answer) { a.CallerID = "" })},
		{name: "client_calls_nonsense", answer: everything(), flow: newFlow().comes(ana, "javascript:alert(1)")},
		{name: "client_takes_the_next_of_a_queue", answer: everything(), flow: newFlow().comes(ana, "queue:support")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *Config) { c.Answers = &Answers{Default: &tt.answer} })
			s.listen(s.sink)
			s.api.call(calling, nil)
			s.api.call("7", map[string]any{"from": ana, "to": "queue:support"})
			var got answer
			for _, c := range tt.flow.callbacks {
				got = s.post(c.hook, c.form)
			}
			require.Equal(t, http.StatusOK, got.status, got.body)
			telephonytest.CompareFile(t, filepath.Join("testdata", "answer_"+tt.name+".twiml"), canonical(t, got.body))
			away := false
			for _, entry := range s.sink.Entries() {
				away = away || slices.ContainsFunc(entry, func(e telephony.Event) bool { return e.Name == telephony.HintTurnedAway })
			}
			require.Equal(t, tt.away, away)
		})
	}
}

// A line may have an answer of its own; a number that has none is not steered.
func TestAnswer_ofLines(t *testing.T) {
	t.Parallel()
	a := Answers{Lines: map[string]Answer{did: {Greeting: "Support."}}}
	own, have := a.of(did)
	require.True(t, have)
	require.Equal(t, "Support.", own.Greeting)
	_, have = a.of("+15550100009")
	require.False(t, have)
	a.Default = &Answer{Greeting: "Acme."}
	other, _ := a.of("+15550100009")
	require.Equal(t, "Acme.", other.Greeting)
}

// What callers hear may change while calls go on.
func TestAnswer_changes(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Answers = &Answers{Default: &Answer{Greeting: "Hello.", Queue: "support"}} })
	s.listen(s.sink)
	form := newFlow().comes(caller, did).callbacks[0].form
	require.Contains(t, s.post(hookVoice, form).body, "Hello.")
	s.source.SetAnswers(&Answers{Default: &Answer{Greeting: "Welcome.", Queue: "support"}})
	require.Contains(t, s.post(hookVoice, form).body, "Welcome.")
}

// Steered calls come to what they were, though talkbridge says what happens.
func TestAnswer_calls(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		flow *flow
		want telephony.Disposition
	}{
		{
			name: "rang out, and a message", want: telephony.LeftVoicemail,
			flow: newFlow().comes(caller, did).rings("2", ana).leg(21, "2", ana, "no-answer").dialled(21, "2", "no-answer", "false").
				tell(45, hookVoicemail, "CallSid", id("CA", calling), "From", caller, "To", did, "Direction", "inbound", "RecordingUrl", recordingURL(), "RecordingDuration", "14").
				ends(46, "completed", 46).message(47, "completed", 14),
		},
		{
			name: "rang out, and nothing said", want: telephony.Missed,
			flow: newFlow().comes(caller, did).rings("2", ana).leg(21, "2", ana, "no-answer").dialled(21, "2", "no-answer", "false").ends(26, "completed", 26),
		},
		{
			name: "gave up while it rang", want: telephony.Abandoned,
			flow: newFlow().comes(caller, did).rings("2", ana).leg(9, "2", ana, "no-answer").ends(9, "completed", 9),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := everything()
			a.Queue = ""
			s := newSite(t, func(c *Config) { c.Answers = &Answers{Default: &a} })
			s.listen(s.sink)
			s.play(tt.flow)
			require.Equal(t, tt.want, s.state().Disposition)
		})
	}
}
