package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// What is said in a message or recording is put into words by a hook, beside
// everything else that is done about the call: no ticket waits for it. The text is
// an outcome in the journal. A write that is still to be sent takes it along; a
// ticket that is complete gets one comment more.

const (
	// DefaultTranscriptPatience is for how long after it was kept audio is tried to
	// be put into words.
	DefaultTranscriptPatience = time.Hour
	// DefaultTranscriptTries is how often.
	DefaultTranscriptTries = 8
	// maxTranscript bounds a text, in bytes: half an hour of speech.
	maxTranscript = 32 << 10
)

// Speech puts kept audio into words.
type Speech interface {
	// Transcribe returns what is said in the audio that was kept for a call: in the
	// message that the caller left, or in the recording. What can never be put into
	// words is no error but Transcript.Refused; an error is worth another try, and
	// says when if it is a Pause.
	Transcribe(ctx context.Context, call telephony.CallID, message bool, language string) (Transcript, error)
}

// Pause is an error that says when another try is worth it; 0 is that it does not.
type Pause interface {
	error
	RetryAfter() time.Duration
}

// Transcription says which audio is put into words. The zero value means messages
// alone. It is read only once made.
type Transcription struct {
	// Recordings are, too.
	Recordings bool
	// Longest is how long audio may play, 0 for any length.
	Longest time.Duration
	// Patience and Tries bound how long and how often it is tried; 0 means the
	// defaults.
	Patience time.Duration
	Tries    int
	// Language is that of calls on none of our lines, "" for the hook to find out.
	Language string
}

func (t *Transcription) patience() time.Duration {
	return cmp.Or(t.Patience, DefaultTranscriptPatience)
}
func (t *Transcription) tries() int { return cmp.Or(t.Tries, DefaultTranscriptTries) }

// language is what is spoken in a call, "" for the hook to find out.
func (p *Policy) language(s telephony.State) string {
	if line, ours := p.Lines[telephony.ParseNumber(s.Line().Number, p.Country).E164]; ours {
		return line.Language
	}
	return p.Transcription.Language
}

// Transcript is what was said. Without a Text nothing was, or Refused says why it
// is not known.
type Transcript struct {
	Text    string `json:"text,omitzero"`
	Refused string `json:"refused,omitzero"`
}

// transcriptOf is what was said in a call: in the words of the phone system if it
// has any, else in those of the hook. "" is not known.
func transcriptOf(call telephony.State, r *Record) string {
	if told := clip(lines(call.Transcript), maxTranscript); told != "" {
		return told
	}
	if r.Transcript == nil {
		return ""
	}
	return r.Transcript.Text
}

// transcribe is owed when audio is kept whose words nobody knows. It runs beside
// the other steps of the call.
func (p planner) transcribe() (Step, bool) {
	t, r := p.policy.Transcription, p.record
	message := r.Audio.playable()
	if t == nil || r.hearing || r.Transcript != nil || transcriptOf(p.call, r) != "" || !r.sound().playable() || (!message && !t.Recordings) {
		return Step{}, false
	}
	step := Step{Kind: StepTranscribe, Reason: "the recording is to be put into words"}
	if message {
		step.Reason = "the message is to be put into words"
	}
	step.Late = !p.now.Before(r.soundAt.Add(t.patience()))
	return step, true
}

// hearing reports whether audio is being put into words just now.
func (p planner) hearing() bool {
	return slices.ContainsFunc(p.parts, func(o part) bool { return o.record.hearing })
}

// unquoted reports whether what was said is known, and not on the ticket.
func (p planner) unquoted() bool {
	return !p.record.Quoted && transcriptOf(p.call, p.record) != ""
}

// transcript adds what was said to a ticket that is complete without it. A call
// record is completed once more instead.
func (p planner) transcript() (Step, bool) {
	_, parked := p.record.Parked[StepTranscript]
	owed := p.unquoted() && p.record.Ticket != 0 && p.record.Completed && p.call.Ended() && p.app() == 0 && !parked
	return Step{Kind: StepTranscript, Reason: "what was said is known now"}, owed
}

// unshown reports whether the call record on a complete ticket lacks what was said.
func (p planner) unshown() bool {
	return p.app() != 0 && p.unquoted() && !p.record.Bare[StepComplete]
}

// transcribe asks the hook.
func (w *work) transcribe(ctx context.Context) result {
	t, message := w.policy.Transcription, w.record.Audio.playable()
	tried := w.record.waits[StepTranscribe]
	switch seconds := w.record.sound().Seconds; {
	case w.step.Late:
		return w.unheard(ctx, "not done within "+t.patience().String()+": "+cmp.Or(tried.why, "there was no time"))
	case w.b.speech == nil:
		return w.unheard(ctx, "no hook is configured (transcription)")
	case t.Longest > 0 && time.Duration(seconds)*time.Second > t.Longest:
		return w.unheard(ctx, "it is longer than "+t.Longest.String()+" (transcription.max_length)")
	}
	began := w.b.now()
	heard, err := w.b.speech.Transcribe(ctx, w.id, message, w.policy.language(w.call))
	w.b.metrics.heard(heard, err, w.b.now().Sub(began))
	switch {
	case err != nil && ctx.Err() != nil:
		return result{}
	case err != nil && tried.tries+1 >= t.tries():
		return w.unheard(ctx, fmt.Sprintf("tried %d times: %v", tried.tries+1, err))
	case err != nil:
		return w.putOff(hookVerdict(err), err)
	case heard.Refused != "":
		return w.unheard(ctx, heard.Refused)
	}
	heard.Text = clip(lines(heard.Text), maxTranscript)
	w.log.WithField("bytes", len(heard.Text)).WithField("took", w.b.now().Sub(began).Round(time.Millisecond).String()).Info("audio put into words")
	return w.note(ctx, Outcome{Kind: Transcribed, Step: StepTranscribe, Transcript: &heard, Took: w.b.now().Sub(began)})
}

// hookVerdict is what an error of the hook asks for.
func hookVerdict(err error) verdict {
	if pause, found := errors.AsType[Pause](err); found {
		if after := pause.RetryAfter(); after > 0 {
			return verdict{kind: waitUntil, wait: min(after, maxRetryAfter)}
		}
	}
	return verdict{kind: retry}
}

// unheard gives it up. The ticket goes without.
func (w *work) unheard(ctx context.Context, reason string) result {
	reason = clip(maskNumbers(wording.Line(reason)), maxReason)
	w.log.WithField("reason", reason).Warn("audio not put into words, the ticket goes without")
	w.b.metrics.transcripts.WithLabelValues("given_up").Inc()
	return w.note(ctx, Outcome{Kind: Transcribed, Step: StepTranscribe, Transcript: &Transcript{Refused: reason}})
}

// quotes reports whether the write that a step sends takes what was said along. A
// bare one does not, and neither does a ticket that a call record will show.
func (w *work) quotes() bool {
	if w.record.Quoted || w.step.Bare || (w.step.App != 0 && w.step.Kind == StepCreate) {
		return false
	}
	return w.spoken() != ""
}

// spoken is what was said as it may stand in Zendesk, "" if it is not known.
func (w *work) spoken() string { return wording.Literal(transcriptOf(w.call, &w.record)) }

// quotation is what was said as a part of a comment, "" if it is not to be in it.
func (w *work) quotation() string {
	if !w.quotes() {
		return ""
	}
	who := "What was said in the call"
	if w.call.Voicemail != nil {
		who = "What the caller says in the message"
	}
	return who + ", put into words by a machine:\n\n" + w.spoken() + "\n"
}

// transcript adds what was said to the ticket.
func (w *work) transcript(ctx context.Context) result {
	o := Outcome{Step: StepTranscript, Intent: w.newIntent(), Ticket: w.record.Ticket, Quotes: true}
	private := false
	return w.update(ctx, o, zendesk.TicketUpdate{
		Comment:  &zendesk.Comment{Body: w.quotation() + "\nCall: " + string(w.id), Public: &private},
		Metadata: w.metadata(o.Intent),
	})
}

// onlyQuotes reports whether all that a completion adds is what was said.
func (w *work) onlyQuotes(o Outcome) bool {
	return o.Step == StepComplete && o.Quotes && w.record.Completed && len(o.Covers) == len(w.record.Covered)
}

// unheard reports why what was said is not known, where that was given up.
func (r *Record) unheard() (reason string, gave bool) {
	if r.Transcript == nil || r.Transcript.Refused == "" {
		return "", false
	}
	return r.Transcript.Refused, true
}

func (r *Record) transcribed(o Outcome) {
	r.clear(StepTranscribe)
	// Of two, of which one is from a node that had lost its turn, the one with words.
	if o.Transcript != nil && (r.Transcript == nil || r.Transcript.Text == "") {
		r.Transcript = o.Transcript
	}
}

// hearAgain has audio tried once more that was given up.
func (r *Record) hearAgain(o Outcome) {
	if _, gave := r.unheard(); gave {
		r.Transcript, r.soundAt = nil, o.Time
	}
}
