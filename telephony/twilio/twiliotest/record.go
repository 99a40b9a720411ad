package twiliotest

import (
	"maps"
	"net/url"
	"sync"
	"time"
)

// Kind says what a callback is about.
type Kind string

// The kinds of callbacks.
const (
	// Incoming asks a number's VoiceURL what to do with a call.
	Incoming Kind = "incoming"
	// Fallback asks its FallbackURL instead.
	Fallback Kind = "fallback"
	// Document asks for TwiML by a URL that a Redirect or a REST request named.
	Document Kind = "document"
	// Action tells what came of a verb, and asks what is next.
	Action Kind = "action"
	// Whisper asks what a callee hears before he is connected.
	Whisper Kind = "whisper"
	// QueueURL asks what a caller hears as he leaves a queue.
	QueueURL Kind = "queue"
	// WaitURL asks what he hears while he waits.
	WaitURL Kind = "wait"
	// StatusEvent tells of a call's progress.
	StatusEvent Kind = "status"
	// RecordingEvent tells of a recording.
	RecordingEvent Kind = "recording"
	// TranscriptionEvent brings the text of a recording.
	TranscriptionEvent Kind = "transcription"
	// ConferenceEvent tells of a conference and who is in it.
	ConferenceEvent Kind = "conference"
	// ByHand is what Send and SendJSON sent.
	ByHand Kind = "by hand"
)

// Outcome is what became of a callback.
type Outcome string

// The outcomes.
const (
	// Delivered: the answer was 2xx.
	Delivered Outcome = "delivered"
	// Refused: it was answered with another status, and not tried again.
	Refused Outcome = "refused"
	// Lost: nothing was answered in time, or nobody could be reached.
	Lost Outcome = "lost"
	// Dropped: a Mischief took it.
	Dropped Outcome = "dropped"
)

// Attempt is one request. Status is 0 if nothing was answered; then Err says why.
type Attempt struct {
	At     time.Time
	Status int
	Err    string
}

// Delivery is a callback and what became of it. A repetition by a Mischief is a Delivery of its own.
type Delivery struct {
	// Seq counts from 1, in the order of the ends.
	Seq      int64
	Kind     Kind
	CallSID  string
	Method   string
	URL      string
	Form     url.Values
	Token    string // I-Twilio-Idempotency-Token
	Attempts []Attempt
	Outcome  Outcome
}

// Status is that of the last attempt; 0 without an answer.
func (d Delivery) Status() int {
	if len(d.Attempts) == 0 {
		return 0
	}
	return d.Attempts[len(d.Attempts)-1].Status
}

// Stats counts deliveries by what became of them.
type Stats struct {
	Delivered, Refused, Lost, Dropped int
	// Retried counts further attempts, Repeated what a Mischief sent again.
	Retried, Repeated int
	// Fallbacks counts how often a FallbackURL was asked.
	Fallbacks int
	// Alerts counts them by code.
	Alerts map[int]int
}

// Alert is what Twilio's debugger would show.
type Alert struct {
	Code    int
	CallSID string
	URL     string
	Text    string
	At      time.Time
}

// journal keeps the newest of all. Safe for concurrent use.
type journal struct {
	keep int

	mu         sync.Mutex
	seq        int64
	deliveries []Delivery
	alerts     []Alert
	requests   []Request
	stats      Stats
}

func newJournal(keep int) *journal {
	if keep <= 0 {
		keep = 10_000
	}
	return &journal{keep: keep, stats: Stats{Alerts: map[int]int{}}}
}

// add appends to a list of which the newest half is kept when it is full twice over.
func add[T any](list []T, entry T, keep int) []T {
	if len(list) >= 2*keep {
		list = append(list[:0], list[len(list)-keep:]...)
	}
	return append(list, entry)
}

// newest copies the end of a list.
func newest[T any](list []T, keep int) []T {
	return append([]T{}, list[max(0, len(list)-keep):]...)
}

func (j *journal) delivered(d Delivery) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	d.Seq = j.seq
	j.deliveries = add(j.deliveries, d, j.keep)
	j.stats.Retried += max(0, len(d.Attempts)-1)
	switch d.Outcome {
	case Delivered:
		j.stats.Delivered++
	case Refused:
		j.stats.Refused++
	case Lost:
		j.stats.Lost++
	case Dropped:
		j.stats.Dropped++
	}
	if d.Kind == Fallback {
		j.stats.Fallbacks++
	}
}

func (j *journal) repeated() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.Repeated++
}

func (j *journal) alert(a Alert) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.Alerts[a.Code]++
	j.alerts = add(j.alerts, a, j.keep)
}

func (j *journal) requested(r Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = add(j.requests, r, j.keep)
}

// Deliveries are the newest callbacks that are over, in the order of their ends.
func (s *Server) Deliveries() []Delivery {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return newest(s.journal.deliveries, s.journal.keep)
}

// Alerts are the newest entries of the debugger.
func (s *Server) Alerts() []Alert {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return newest(s.journal.alerts, s.journal.keep)
}

// Stats counts all deliveries since New.
func (s *Server) Stats() Stats {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	stats := s.journal.stats
	stats.Alerts = maps.Clone(stats.Alerts)
	return stats
}

// alert notes an entry of the debugger.
func (s *Server) alert(code int, call, target, text string) {
	s.journal.alert(Alert{Code: code, CallSID: call, URL: target, Text: text, At: s.clock.now()})
}
