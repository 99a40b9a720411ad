package twiliotest

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What is heard takes time: a word of speech, and whatever is played once.
const (
	wordLength = 400 * time.Millisecond
	playLength = 3 * time.Second
	maxSpeech  = time.Minute
	maxLoops   = 100 // of a loop of 0, which is for ever
)

// speechOf is how long a text takes to say.
func speechOf(text string) time.Duration {
	return min(time.Duration(len(strings.Fields(text)))*wordLength, maxSpeech)
}

// speak has the caller listen.
func (r *run) speak(n node) {
	r.l.answer()
	length := playLength
	if n.name == "Say" {
		length = speechOf(n.text)
	} else if digits := n.attrs["digits"]; digits != "" {
		length = time.Duration(len(digits)) * wordLength / 2
	}
	loops := n.number("loop", 1)
	if loops == 0 {
		loops = maxLoops
	}
	for range loops {
		if !r.s.pause(r.ctx, length) {
			return
		}
	}
}

// press is what the party presses at the next Gather; "" is nothing.
func (l *leg) press() string {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if len(l.person.presses) == 0 {
		return ""
	}
	digits := l.person.presses[0]
	l.person.presses = l.person.presses[1:]
	return digits
}

// gather waits for digits. Whoever presses some does so at the end of what is said, without the time-out.
//
// Twilio docs: voice/twiml/gather.
func (r *run) gather(n node) step {
	r.l.answer()
	for _, child := range n.children {
		if child.name == "Pause" {
			r.s.pause(r.ctx, child.seconds("length", 1))
			continue
		}
		r.speak(child)
	}
	digits := r.l.press()
	finish := n.attr("finishOnKey", "#")
	pressed, _, finished := strings.Cut(digits, finish)
	if most := n.number("numDigits", 0); most > 0 && len(pressed) >= most {
		pressed, finished = pressed[:most], true
	}
	if !finished && !r.s.pause(r.ctx, n.seconds("timeout", 5)) {
		return step{done: true}
	}
	if r.ctx.Err() != nil {
		return step{done: true}
	}
	if pressed == "" && !n.is("actionOnEmptyResult") {
		return step{}
	}
	params := url.Values{"Digits": {pressed}, "FinishedOnKey": {""}}
	if slices.Contains(strings.Fields(n.attr("input", "dtmf")), "dtmf") || pressed != "" {
		return step{ask: r.request(Action, n.attrs["action"], n.attrs["method"], params)}
	}
	return step{ask: r.request(Action, n.attrs["action"], n.attrs["method"], url.Values{"SpeechResult": {""}})}
}

// record has the caller leave a message. Without an action the document itself is asked for again.
//
// Twilio docs: voice/twiml/record.
func (r *run) record(n node) step {
	r.l.answer()
	if n.attr("playBeep", "true") == "true" && !r.s.pause(r.ctx, wordLength) {
		return step{done: true}
	}
	rec := r.s.startRecording(r.l, recording{source: "RecordVerb", channels: 1, hook: r.recordingHook(n)})
	r.s.mu.Lock()
	says, stays, words := r.l.person.says, r.l.person.stays, r.l.person.words
	r.l.person.says = 0
	r.s.mu.Unlock()
	longest := n.seconds("maxLength", 3600)
	heard := r.s.pause(r.ctx, min(says, longest))
	silence := heard && (stays || says == 0) && says < longest
	if silence {
		silence = r.s.pause(r.ctx, min(n.seconds("timeout", 5), longest-says))
	}
	rec.silent = says == 0
	if n.is("transcribe") {
		rec.transcript = &transcript{words: words, target: r.resolved(n.attrs["transcribeCallback"]), limit: r.s.clock.scaled}
	}
	trimmed := time.Duration(0)
	if silence && n.attr("trim", "trim-silence") == "trim-silence" {
		trimmed = r.s.clock.scaled(n.seconds("timeout", 5))
	}
	rec.finish(trimmed)
	hungUp := !silence && says < longest
	if hungUp && says > 0 {
		r.l.hangUp()
	}
	return r.recorded(n, rec, hungUp)
}

// recorded is what comes after a message.
func (r *run) recorded(n node, rec *recording, hungUp bool) step {
	if rec.silent {
		return step{} // an empty recording falls through to the next verb
	}
	params := url.Values{}
	r.s.mu.Lock()
	rec.describe(params)
	r.s.mu.Unlock()
	if hungUp {
		params.Set("Digits", "hangup")
		if r.s.config.Choices.QuietRecord {
			return step{done: true}
		}
	}
	next := r.request(Action, n.attrs["action"], n.attrs["method"], params)
	if r.l.ctx.Err() == nil {
		return step{ask: next}
	}
	r.s.fetchOnce(r.l, *next) // it is told, and what it answers is heard by nobody
	return step{done: true}
}

// recordingHook is where a verb wants its recording told.
func (r *run) recordingHook(n node) hook {
	return hook{
		target: r.resolved(n.attrs["recordingStatusCallback"]), method: n.attrs["recordingStatusCallbackMethod"],
		events: n.words("recordingStatusCallbackEvent"),
	}
}

// start begins a recording that goes on until the call ends.
//
// Twilio docs: voice/twiml/recording.
func (r *run) start(n node) {
	r.l.answer()
	for _, child := range n.children {
		channels := 1
		if cmp.Or(child.attrs["channels"], "dual") == "dual" {
			channels = 2
		}
		rec := r.s.startRecording(r.l, recording{source: "StartCallRecordingTwiML", channels: channels, hook: r.recordingHook(child)})
		l := r.l
		r.s.begin(func() {
			<-l.ctx.Done()
			rec.finish(0)
		})
	}
}
