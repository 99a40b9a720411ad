package bridge

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

var update = flag.Bool("update", false, "write the golden files anew")

// renderCase is one request: the create that is owed, or else the completion.
type renderCase struct {
	name   string
	call   *stage
	done   []Outcome
	policy func(*Policy)
}

func renderCases() []renderCase {
	ticket := []Outcome{known(), intendedCreate("i", 5), shownIn("i")}
	audio := Outcome{Kind: AudioKept, Audio: &Audio{URL: "https://calls.example.com/r/abc.wav", Seconds: 17}}
	hostile := "\u202e<script>alert(1)</script>\x00\x1b[31m **bold** [x](http://evil.example)" + strings.Repeat("ä", 10_000)
	from := func(number, name string) *stage {
		return newStage().event(0, telephony.Event{
			Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", First: true,
			Party: telephony.Party{Number: number, Name: name}, Dialled: testLine,
		}).rings(1, "1001")
	}
	return []renderCase{
		{name: "answered", call: answered(), done: []Outcome{known()}},
		{name: "answered-at-the-end", call: ended(), done: []Outcome{known()}, policy: atEnd},
		{name: "completed", call: ended(), done: ticket},
		{name: "completed-with-audio", call: ended(), done: append(ticket[:3:3], audio)},
		{name: "missed", call: missed(), done: []Outcome{known()}},
		{name: "voicemail", call: leftMessage(), done: []Outcome{known(), audio}},
		{name: "voicemail-located", call: located().rings(1, "1001").dialled(20, telephony.DialNoAnswer).leaves(20, "1001").voicemail(40).leaves(41, "t"), done: []Outcome{known(), audio}},
		{name: "voicemail-refused", call: leftMessage(), done: []Outcome{known(), {Kind: AudioKept, Audio: &Audio{Refused: "no such file"}}, intendedCreate("i", 42), made("i", 1000)}},
		{name: "withheld", call: from("anonymous", "anonymous").talks("1001"), done: []Outcome{anonymous()}},
		{name: "outbound", call: dialledOut().talks("1001").leaves(65, "1001", "t"), done: []Outcome{known()}},
		{name: "hostile-name", call: from(customerA, hostile).talks("1001"), done: []Outcome{known()}},
		{name: "hostile-number", call: from(strings.Repeat("<b>9", 3000), "").talks("1001"), done: []Outcome{anonymous()}},
		{name: "transferred", call: answered().rings(20, "1002").joins(30, "1002").leaves(31, "1001").leaves(65, "1002", "t"), done: ticket},
		{
			name: "on-hold", done: ticket, call: ended().event(20, telephony.Event{Kind: telephony.LegHeld, Leg: "1001"}).event(32, telephony.Event{Kind: telephony.LegResumed, Leg: "1001"}),
			policy: func(p *Policy) {
				p.Form.Fields = []Field{{ID: 1, Template: words("{{seconds .hold}}"), Type: FieldInteger}}
			},
		},
		{name: "end-estimated", call: answered().event(65, telephony.Event{Kind: telephony.LegEnded, Leg: "1001", Estimated: true}).event(65, telephony.Event{Kind: telephony.LegEnded, Leg: "t", Estimated: true}), done: ticket},
		{name: "successor", call: ended(), done: append(ticket[:3:3], intendedComplete(), resultOf(TicketClosed, StepComplete, "c"))},
		{name: "refused-with-agent", call: answered(), done: []Outcome{known(), intendedCreate("h", 5), {Kind: Freed, Step: StepCreate, Intent: "h", Bare: true}}},
		{name: "form-at-the-answer", call: answered(), done: []Outcome{known()}, policy: dressedUp},
		{name: "form-at-the-end", call: ended(), done: []Outcome{known()}, policy: func(p *Policy) { atEnd(p); dressedUp(p) }},
		{name: "form-completed", call: ended(), done: ticket, policy: dressedUp},
		{name: "form-of-the-line", call: missed(), done: []Outcome{known()}, policy: dressedLine},
		{name: "form-refused", call: answered(), done: []Outcome{known(), intendedCreate("h", 5), {Kind: Freed, Step: StepCreate, Intent: "h", Bare: true}}, policy: dressedUp},
		{name: "form-hostile", call: from(customerA, hostile).talks("1001"), done: []Outcome{known()}, policy: dressedUp},
		{name: "form-without-values", call: answered(), done: []Outcome{known()}, policy: undressed},
		{name: "in-hours", call: missed(), done: []Outcome{known()}, policy: openOn("mon 09:00-09:01")},
		{name: "outside-hours", call: missed(), done: []Outcome{known()}, policy: openOn("mon 09:01-09:00")},
		{name: "attached", call: ended(), done: attachedBefore(), policy: dressedUp},
		{name: "attached-with-audio", call: ended(), done: append(attachedBefore(), audio)},
		{name: "attached-then-closed", call: ended(), done: append(attachedBefore(), intendedComplete(), resultOf(TicketClosed, StepComplete, "c"))},
		{name: "tags-of-the-site", call: missed(), done: []Outcome{known()}, policy: func(p *Policy) { p.Form.Tags = templates("phone", "hq") }},
	}
}

// located is a call of which the phone system says where it comes from.
func located() *stage {
	return newStage().event(0, telephony.Event{
		Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", First: true,
		Party: telephony.Party{Number: customerA, Location: "BUFFALO, NY, US"}, Dialled: testLine,
	})
}

// request renders what plan says is owed.
func (c renderCase) request(t *testing.T) any {
	t.Helper()
	policy := testPolicy(t)
	if c.policy != nil {
		c.policy(policy)
	}
	record := after(c.done...)
	step := plan(c.call.state(), &record, policy, Moment{Now: c.call.state().EndedAt.Add(1)})
	w := &work{id: testCall, call: c.call.state(), record: record, policy: policy, step: step, log: noLog()}
	switch step.Kind {
	case StepCreate:
		return w.voiceTicket("node1-INTENT")
	case StepComplete:
		return map[string]zendesk.TicketUpdate{"ticket": w.ticketUpdate("node1-INTENT")}
	case StepCaller, StepMatch, StepAttach, StepAudio, StepRecording, StepTranscribe, StepTranscript, StepLookup, StepPop, StepVerify, StepTell, StepLink, StepJoin, StepGiveUp:
	}
	require.FailNow(t, "nothing to render", "%+v", step)
	return nil
}

func TestRequests(t *testing.T) {
	t.Parallel()
	for _, c := range renderCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			require.NoError(t, enc.Encode(c.request(t)))
			require.True(t, utf8.Valid(got.Bytes()))
			require.Less(t, got.Len(), 4096, "texts from the wire are bounded")
			file := filepath.Join("testdata", c.name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(file, got.Bytes(), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{name: "short", in: "abc", want: "abc"},
		{name: "exact", in: "abcdefghij", want: "abcdefghij"},
		{name: "long", in: "abcdefghijk", want: "abcdefg…"},
		{name: "not within a character", in: "abcdefäääää", want: "abcdef…"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, clip(test.in, 10))
		})
	}
}
