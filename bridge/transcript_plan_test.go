package bridge

import (
	"testing"
	"time"
)

// What is said is put into words after everything else that is due, and for an hour.
func TestPlanOfTranscripts(t *testing.T) {
	t.Parallel()
	message := Outcome{Kind: AudioKept, Step: StepAudio, Time: second(42), Audio: &Audio{URL: "https://x/1.wav"}}
	tape := Outcome{Kind: AudioKept, Step: StepRecording, Time: second(66), Audio: &Audio{URL: "https://x/2.wav"}}
	text := Outcome{Kind: Transcribed, Step: StepTranscribe, Time: second(50), Transcript: &Transcript{Text: "Hello."}}
	silence := Outcome{Kind: Transcribed, Step: StepTranscribe, Time: second(50), Transcript: &Transcript{}}
	gaveUp := Outcome{Kind: Transcribed, Step: StepTranscribe, Time: second(50), Transcript: &Transcript{Refused: "down"}}
	whole := func(more ...Outcome) []Outcome {
		return append([]Outcome{known(), message, {Kind: Intended, Step: StepCreate, Intent: "i", Final: true, Voice: true}, made("i", 1000)}, more...)
	}
	told := func(more ...Outcome) []Outcome {
		return append([]Outcome{known(), intendedCreate("i", 5), shownIn("i"), tape, {Kind: Intended, Step: StepComplete, Intent: "c", Ticket: 1000, Voice: true}, resultOf(Done, StepComplete, "c")}, more...)
	}
	messages := func(p *Policy) { p.Transcription = &Transcription{} }
	all := func(p *Policy) { p.Transcription = &Transcription{Recordings: true} }
	byApp := func(p *Policy) { messages(p); p.CallRecords = 7 }
	adding := Outcome{Kind: Intended, Step: StepTranscript, Intent: "t", Time: second(51), Ticket: 1000, Quotes: true}
	for _, c := range []planCase{
		{name: "off", call: leftMessage(), done: whole(), now: 43, want: "settled: nothing is owed any more"},
		{name: "the ticket first", call: leftMessage(), policy: messages, done: []Outcome{known(), message}, now: 43, want: "create 44 final: the caller left a message"},
		{name: "while the ticket is put off", call: leftMessage(), policy: messages, done: []Outcome{known(), message, {Kind: Freed, Step: StepCreate, NotBefore: second(60)}}, now: 43, want: "transcribe: the message is to be put into words"},
		{name: "then its words", call: leftMessage(), policy: messages, done: whole(), now: 43, want: "transcribe: the message is to be put into words"},
		{name: "put off", call: leftMessage(), policy: messages, done: whole(Outcome{Kind: Freed, Step: StepTranscribe, NotBefore: second(60)}), now: 43, want: "transcribe at 60: the message is to be put into words"},
		{name: "for an hour", call: leftMessage(), policy: messages, done: whole(), now: 42 + 3600, want: "transcribe late: the message is to be put into words"},
		{name: "known", call: leftMessage(), policy: messages, done: whole(text), now: 51, want: "transcript: what was said is known now"},
		{name: "being added", call: leftMessage(), policy: messages, done: whole(text, adding), now: 52, want: "verify: the update may have happened"},
		{name: "added", call: leftMessage(), policy: messages, done: whole(text, adding, resultOf(Done, StepTranscript, "t")), now: 52, want: "settled: nothing is owed any more"},
		{name: "refused for good", call: leftMessage(), policy: messages, done: whole(text, adding, resultOf(Parked, StepTranscript, "t")), now: 52, want: ": waits for a person"},
		{name: "nothing was said", call: leftMessage(), policy: messages, done: whole(silence), now: 51, want: "settled: nothing is owed any more"},
		{name: "given up", call: leftMessage(), policy: messages, done: whole(gaveUp), now: 51, want: "settled: nothing is owed any more"},
		{name: "given up, then asked for", call: leftMessage(), policy: messages, done: whole(gaveUp, Outcome{Kind: Retried, Time: second(9000)}), now: 9001, want: "transcribe: the message is to be put into words"},
		{name: "known before the ticket", call: leftMessage(), policy: messages, done: []Outcome{known(), message, text, {Kind: Intended, Step: StepCreate, Intent: "i", Final: true, Voice: true, Quotes: true}, made("i", 1000)}, now: 51, want: "settled: nothing is owed any more"},
		{name: "a recording, messages alone", call: ended(), policy: messages, done: told(), now: 67, want: "settled: nothing is owed any more"},
		{name: "a recording", call: ended(), policy: all, done: told(), now: 67, want: "transcribe: the recording is to be put into words"},
		{name: "with a call record", call: leftMessage(), policy: byApp, done: []Outcome{known(), message, text, {Kind: Intended, Step: StepCreate, Intent: "i", App: 7}, made("i", 1000), {Kind: Intended, Step: StepComplete, Intent: "c", Ticket: 1000, App: 7}, {Kind: Done, Step: StepComplete, Intent: "c", Ticket: 1000, CallRecord: 5}}, now: 51, want: "complete: the call is over"},
		{name: "deleted", call: leftMessage(), policy: messages, done: whole(text, resultOf(TicketGone, StepTranscript, "")), now: 51, want: "settled: a person deleted the ticket"},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(t) })
	}
	t.Run("being put into words", func(t *testing.T) {
		t.Parallel()
		policy := testPolicy(t)
		messages(policy)
		record := after(whole()...)
		record.hearing = true
		step := plan(leftMessage().state(), &record, policy, Moment{Now: second(43).Add(2 * time.Hour)})
		if short(step) != ": its audio is being put into words" {
			t.Fatal(short(step))
		}
	})
}
