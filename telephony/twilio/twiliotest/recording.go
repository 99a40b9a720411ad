package twiliotest

import (
	"fmt"
	"net/url"
	"time"
)

// Why a recording is absent. Twilio docs: api/errors/16101.
const errTooShort = 16101

// The bounds of what is transcribed. Twilio docs: api/errors/13617.
const (
	shortestTranscribed = 2 * time.Second
	longestTranscribed  = 120 * time.Second
)

// recording is one recording resource.
type recording struct {
	s          *Server
	sid        string
	call       string // the parent of two legs
	conference string
	source     string
	channels   int
	hook       hook
	silent     bool
	transcript *transcript

	// What follows is guarded by Server.mu.
	started, ended, ready, deleted time.Time
	length                         time.Duration
	absent                         int
	past                           bool // it was put there by Remember
}

// transcript is what is to become of a message as text.
type transcript struct {
	words, target string
	limit         func(time.Duration) time.Duration // scales the bounds
}

// startRecording begins one of a leg.
func (s *Server) startRecording(l *leg, r recording) *recording {
	r.call = l.sid
	return s.newRecording(r)
}

func (s *Server) newRecording(r recording) *recording {
	r.s, r.sid = s, s.ids.sid("RE")
	s.mu.Lock()
	defer s.mu.Unlock()
	r.started = s.clock.now()
	s.recordings = append(s.recordings, &r)
	s.byRecording[r.sid] = &r
	r.tell("in-progress")
	return &r
}

// finish ends the recording; trimmed is cut from its end. Its callback comes when it is processed.
func (r *recording) finish(trimmed time.Duration) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.end(trimmed)
}

// stop is finish for who holds the lock.
func (r *recording) stop() { r.end(0) }

func (r *recording) end(trimmed time.Duration) {
	if !r.ended.IsZero() {
		return
	}
	r.ended = r.s.clock.now()
	r.length = max(r.ended.Sub(r.started)-trimmed, 0)
	r.s.begin(r.process)
}

// process makes the recording ready, tells so, and has it transcribed.
func (r *recording) process() {
	if !r.s.clock.wait(r.s.life, r.s.config.Media.Ready) {
		return
	}
	if r.s.config.Choices.TranscribeFirst {
		r.transcribe()
	}
	r.s.mu.Lock()
	r.ready = r.s.clock.now()
	status := "completed"
	if r.silent || r.length <= 0 {
		r.absent, status = errTooShort, "absent"
	}
	r.tell(status)
	r.s.mu.Unlock()
	if status == "absent" {
		r.s.alert(errTooShort, r.call, "", "the recording is too short to be kept")
	}
	if !r.s.config.Choices.TranscribeFirst {
		r.transcribe()
	}
}

// tell posts a callback of the recording; the caller holds the lock. It names no From, To or CallStatus.
//
// Twilio docs: voice/api/recording, voice/api/call-resource.
func (r *recording) tell(status string) {
	if r.hook.target == "" || !r.hook.wants(status) {
		return
	}
	form := url.Values{
		"AccountSid": {r.s.config.AccountSID}, "RecordingSid": {r.sid}, "RecordingUrl": {r.url()}, "RecordingStatus": {status},
		"RecordingChannels": {fmt.Sprint(r.channels)}, "RecordingStartTime": {stamp(r.started)}, "RecordingSource": {r.source},
		"RecordingTrack": {"both"}, "ErrorCode": {fmt.Sprint(r.absent)},
	}
	if r.conference != "" {
		form.Set("ConferenceSid", r.conference)
	} else {
		form.Set("CallSid", r.call)
	}
	if status != "in-progress" {
		form.Set("RecordingDuration", fmt.Sprint(r.seconds()))
	}
	r.s.post(message{
		kind: RecordingEvent, call: r.call, line: r.sid, method: r.hook.method, target: r.hook.target, form: form, last: status != "in-progress",
	})
}

// seconds is the length; the caller holds the lock.
func (r *recording) seconds() int {
	if r.silent {
		return 0
	}
	return wholeSeconds(r.length)
}

// url has no extension.
func (r *recording) url() string {
	return r.s.URL() + accountPath(r.s.config.AccountSID) + "/Recordings/" + r.sid
}

// describe adds the recording to the parameters of another callback, where it is a promise; the caller holds the
// lock.
func (r *recording) describe(form url.Values) {
	form.Set("RecordingUrl", r.url())
	form.Set("RecordingSid", r.sid)
	form.Set("RecordingDuration", fmt.Sprint(r.seconds()))
}

// transcribe sends the text of a message that is neither too short nor too long.
//
// Twilio docs: voice/twiml/record#transcribe, api/errors/13617.
func (r *recording) transcribe() {
	t := r.transcript
	if t == nil || r.silent {
		return
	}
	r.s.mu.Lock()
	l, length := r.s.legs[r.call], r.length
	r.s.mu.Unlock()
	if length <= t.limit(shortestTranscribed) || length >= t.limit(longestTranscribed) {
		r.s.alert(13617, r.call, t.target, "the recording is too short or too long to be transcribed")
		return
	}
	form := l.params()
	form.Set("TranscriptionSid", r.s.ids.sid("TR"))
	form.Set("TranscriptionType", "fast")
	form.Set("TranscriptionText", t.words)
	form.Set("TranscriptionStatus", "completed")
	form.Set("TranscriptionUrl", r.s.URL()+accountPath(r.s.config.AccountSID)+"/Transcriptions/"+form.Get("TranscriptionSid"))
	if t.words == "" {
		form.Set("TranscriptionStatus", "failed")
	}
	form.Set("RecordingSid", r.sid)
	form.Set("RecordingUrl", r.url())
	r.s.post(message{kind: TranscriptionEvent, call: r.call, line: r.sid, target: t.target, form: form, last: true})
}
