package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const said = "Guten Tag, bitte rufen Sie zurück."

// ear is a hook for speech: it says what it is told to, once it may.
type ear struct {
	text     string
	refuses  string
	failures atomic.Int64
	err      error
	gate     chan struct{} // nil: at once

	mu            sync.Mutex
	running, most int
	asked         []string
}

func (e *ear) Transcribe(ctx context.Context, call telephony.CallID, message bool, language string) (bridge.Transcript, error) {
	e.mu.Lock()
	e.asked = append(e.asked, fmt.Sprintf("%s message %t %s", call, message, language))
	e.running++
	e.most = max(e.most, e.running)
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.running--
	}()
	if e.gate != nil {
		select {
		case <-e.gate:
		case <-ctx.Done():
			return bridge.Transcript{}, context.Cause(ctx)
		}
	}
	if e.failures.Add(-1) >= 0 {
		if e.err != nil {
			return bridge.Transcript{}, e.err
		}
		return bridge.Transcript{}, errors.New("no model of that name")
	}
	return bridge.Transcript{Text: e.text, Refused: e.refuses}, nil
}

func (e *ear) times() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.asked)
}

// pausing is a hook's word that it is too busy.
type pausing struct{ after time.Duration }

func (p pausing) Error() string             { return "busy" }
func (p pausing) RetryAfter() time.Duration { return p.after }

// heard is a rig of which messages and recordings are put into words.
func heard(t *testing.T, e *ear, change ...func(*bridge.Policy)) *rig {
	t.Helper()
	return newRig(t, setup{speech: e, audio: &folder{audio: bridge.Audio{URL: tapeURL, Seconds: 5}}, policy: transcribed(change...)})
}

func transcribed(change ...func(*bridge.Policy)) func(*bridge.Policy) {
	return func(p *bridge.Policy) {
		p.Transcription = &bridge.Transcription{Language: "de"}
		p.Lines[support] = bridge.Line{Name: "Support", Country: "US", Language: "en"}
		p.Recorded = map[string]bool{"pbx1": true}
		for _, c := range change {
			c(p)
		}
	}
}

func recordingsToo(p *bridge.Policy) { p.Transcription.Recordings = true }

// quoted is how often what was said is on a ticket, in comments and in voice comments.
func quoted(ticket zendesktest.Ticket) (comments, voices int) {
	for _, c := range ticket.Comments {
		if strings.Contains(c.Body, said) {
			comments++
		}
	}
	for _, v := range ticket.VoiceComments() {
		if v.TranscriptionText == said {
			voices++
		}
	}
	return comments, voices
}

// hint tells what was said in the words of the phone system.
func (p *phone) hint(text string) {
	p.tell(telephony.Event{Kind: telephony.CallHint, Leg: "t", Name: telephony.HintTranscript, Value: text})
}

func TestTicketDoesNotWaitForItsTranscript(t *testing.T) {
	t.Parallel()
	e := &ear{text: said, gate: make(chan struct{})}
	r := heard(t, e)
	p := r.call("1")
	p.leavesMessage()
	r.eventually("asked", func() bool { return e.times() == 1 })
	r.eventually("complete", func() bool { return r.view(p).Record.Completed })
	require.Len(t, r.ticket(p).Comments, 1)
	view := r.view(p)
	require.False(t, view.Next.Settled)
	require.Equal(t, "its audio is being put into words", view.Next.Reason)
	close(e.gate)
	r.settled(p)
	ticket := r.ticket(p)
	require.Len(t, ticket.Comments, 2)
	last := ticket.Comments[1]
	require.False(t, last.Public)
	require.Contains(t, last.Body, "What the caller says in the message, put into words by a machine:\n\n"+said)
	require.Contains(t, last.Body, string(p.id))
	require.Equal(t, []string{"hq/pbx1/1 message true en"}, e.asked)
	require.Equal(t, []string{"caller caller", "audio audio", "intent create", "done create", "transcribed transcribe", "intent transcript", "done transcript"}, kinds(r.outcomes(p)))
	r.clean()
}

// What is known before the write that plays the audio goes along with it.
func TestTranscriptGoesAlongWhereItIsThereInTime(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]func(r *rig, p *phone, e *ear){
		"from the hook": func(r *rig, p *phone, _ *ear) {
			r.eventually("known", func() bool { return r.view(p).Record.Transcript != nil })
		},
		"from the phone system": func(_ *rig, p *phone, e *ear) { p.hint(said); close(e.gate) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &ear{text: said}
			if strings.Contains(name, "phone system") {
				e.text, e.gate = "of the hook", make(chan struct{})
			}
			r := heard(t, e)
			p := r.call("1")
			p.comes()
			p.rings("1001")
			p.tell(telephony.Event{Kind: telephony.LegDialEnded, Leg: "1001", Status: telephony.DialNoAnswer}, p.ending("1001")[0])
			p.tell(telephony.Event{Kind: telephony.CallVoicemail, Path: "msg0000"})
			tell(r, p, e)
			p.ends("t")
			r.settled(p)
			ticket := r.ticket(p)
			require.Len(t, ticket.Audits, 1, "one write")
			comments, voices := quoted(ticket)
			require.Zero(t, comments)
			require.Equal(t, 1, voices)
			r.clean()
		})
	}
}

func TestRecordingIsPutIntoWords(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*bridge.Policy){
		"messages alone": func(*bridge.Policy) {}, "recordings too": recordingsToo,
		"made at the end": func(p *bridge.Policy) { recordingsToo(p); p.Create = bridge.CreateAtEnd },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &ear{text: said}
			r := heard(t, e, change)
			p := r.call("1")
			p.records()
			r.settled(p)
			comments, voices := quoted(r.ticket(p))
			if name == "messages alone" {
				require.Zero(t, e.times()+comments+voices)
				return
			}
			require.Equal(t, []string{"hq/pbx1/1 message false en"}, e.asked)
			require.Equal(t, 1, comments+voices)
			require.LessOrEqual(t, len(r.ticket(p).Audits), 3)
			r.clean()
		})
	}
}

// A phone system that has words of its own says them when it likes: the hook is
// not asked, whether one is configured or not.
func TestWordsOfThePhoneSystem(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{audio: &folder{audio: bridge.Audio{URL: tapeURL}}})
	p := r.call("1")
	p.leavesMessage()
	r.settled(p)
	p.hint("from the\nphone system {{ticket.requester.email}}\x00")
	r.settled(p)
	r.eventually("told", func() bool { return len(r.ticket(p).Comments) == 2 })
	require.Contains(t, r.ticket(p).Comments[1].Body, "from the\nphone system ((ticket.requester.email))\n")
	r.settled(p)
	p.hint("told again, otherwise")
	r.settled(p)
	require.Len(t, r.ticket(p).Comments, 2)
	r.clean()
}

func TestHookThatIsDown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ear  *ear
		with func(*bridge.Policy)
		want string
		asks int
	}{
		{name: "it fails every time", ear: &ear{}, with: func(p *bridge.Policy) { p.Transcription.Tries = 2 }, want: "tried 2 times: no model of that name", asks: 2},
		{name: "it has no time", ear: &ear{err: pausing{time.Second}}, with: func(p *bridge.Policy) { p.Transcription.Patience = 500 * time.Millisecond }, want: "not done within 500ms: busy", asks: 1},
		{name: "it refuses", ear: &ear{refuses: "no speech in +4930123456"}, want: "no speech in +********56", asks: 1},
		{name: "it is too long for it", ear: &ear{}, with: func(p *bridge.Policy) { p.Transcription.Longest = 4 * time.Second }, want: "it is longer than 4s (transcription.max_length)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.ear.failures.Store(1000)
			if tt.ear.refuses != "" {
				tt.ear.failures.Store(0)
			}
			change := tt.with
			if change == nil {
				change = func(*bridge.Policy) {}
			}
			r := heard(t, tt.ear, change)
			p := r.call("1")
			p.leavesMessage()
			r.settled(p)
			require.Len(t, r.ticket(p).Comments, 1)
			require.Equal(t, tt.want, r.view(p).Record.Transcript.Refused)
			require.Equal(t, tt.asks, tt.ear.times())

			tt.ear.failures.Store(0)
			tt.ear.text, tt.ear.refuses = said, ""
			changed := *r.policy
			changed.Transcription = &bridge.Transcription{}
			r.bridge.SetPolicy(&changed)
			parked, err := r.bridge.Retry(t.Context(), p.id)
			require.NoError(t, err)
			require.Contains(t, parked, bridge.StepTranscribe)
			r.eventually("a person who put it right asks for another try", func() bool {
				comments, _ := quoted(r.ticket(p))
				return comments == 1
			})
			r.settled(p)
			r.clean()
		})
	}
}

// A hook that comes to its senses is asked again after a growing pause, or when it
// says so.
func TestHookIsAskedAgain(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"it fails": errors.New("500"), "it is busy": pausing{time.Second}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &ear{text: said, err: err}
			e.failures.Store(1)
			r := heard(t, e)
			p := r.call("1")
			p.leavesMessage()
			r.settled(p)
			comments, _ := quoted(r.ticket(p))
			require.Equal(t, 1, comments)
			require.Equal(t, 2, e.times())
			r.clean()
		})
	}
}

func TestTranscriptOfACallRecord(t *testing.T) {
	t.Parallel()
	e := &ear{text: said, gate: make(chan struct{})}
	r := heard(t, e, recordingsToo, byRecord())
	p := r.call("1")
	p.records()
	r.eventually("complete", func() bool { return r.view(p).Record.Completed && e.times() == 1 })
	require.NotContains(t, r.record(p, 1).Fields, "transcript")
	close(e.gate)
	r.settled(p)
	require.Equal(t, said, r.record(p, 2).Fields["transcript"])
	ticket := r.ticket(p)
	require.Len(t, ticket.Comments, 3)
	require.Contains(t, ticket.Comments[2].Body, said)
	require.NotContains(t, ticket.Comments[2].Body, "direction")
	r.clean()
}

// The text is on the ticket once, whatever becomes of the request that adds it.
func TestTranscriptSurvivesFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		effect zendesktest.Effect
	}{
		{name: "429", effect: zendesktest.RateLimited(time.Second)},
		{name: "500", effect: zendesktest.ServerError()},
		{name: "it happened, the answer was lost", effect: zendesktest.DropAfterCommit()},
		{name: "it did not happen", effect: zendesktest.DropBeforeCommit()},
		{name: "it happened late", effect: zendesktest.LateCommit(800 * time.Millisecond)},
		{name: "409", effect: zendesktest.Status(http.StatusConflict, 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := &ear{text: said, gate: make(chan struct{})}
			r := newRig(t, setup{speech: e, audio: &folder{audio: bridge.Audio{URL: tapeURL}}, policy: transcribed(), timeout: patience})
			r.desk.Inject(zendesktest.Fault{Method: http.MethodPut, Path: ticketPath, Count: 1, Effect: tt.effect})
			p := r.call("1")
			p.leavesMessage()
			// Before that the request that makes the ticket would take the text along.
			r.eventually("complete, without the text", func() bool { return r.view(p).Record.Completed && e.times() == 1 })
			close(e.gate)
			r.eventually("the text is there", func() bool { comments, _ := quoted(r.ticket(p)); return comments > 0 })
			r.settled(p)
			comments, _ := quoted(r.ticket(p))
			require.Equal(t, 1, comments)
			r.clean()
		})
	}
}

// A text that Zendesk does not take must not cost the ticket its recording.
func TestTranscriptThatIsRefusedCostsNothing(t *testing.T) {
	t.Parallel()
	e := &ear{text: said}
	r := heard(t, e)
	p := r.call("1")
	r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Count: 1, Effect: zendesktest.Status(http.StatusUnprocessableEntity, 0)})
	p.comes()
	p.tell(telephony.Event{Kind: telephony.CallVoicemail, Path: "msg0000"})
	r.eventually("known", func() bool { return r.view(p).Record.Transcript != nil })
	p.ends("t")
	r.settled(p)
	ticket := r.ticket(p)
	require.Equal(t, tapeURL, ticket.VoiceComments()[0].RecordingURL)
	require.Empty(t, ticket.VoiceComments()[0].TranscriptionText)
	comments, _ := quoted(ticket)
	require.Equal(t, 1, comments)
	r.clean()
}

// A ticket that is closed when the text comes is left alone: words are worth no
// second one.
func TestTranscriptForAClosedTicket(t *testing.T) {
	t.Parallel()
	for _, records := range []bool{false, true} {
		t.Run(fmt.Sprintf("call records %t", records), func(t *testing.T) {
			t.Parallel()
			e := &ear{text: said, gate: make(chan struct{})}
			change := []func(*bridge.Policy){recordingsToo}
			if records {
				change = append(change, byRecord())
			}
			r := heard(t, e, change...)
			p := r.call("1")
			p.records()
			r.eventually("complete", func() bool { return r.view(p).Record.Completed && e.times() == 1 })
			require.NoError(t, r.desk.SetStatus(r.ticket(p).ID, "closed"))
			close(e.gate)
			r.settled(p)
			require.Len(t, r.desk.Tickets(), 1)
			require.Empty(t, r.view(p).Record.Parked)
		})
	}
}

func TestHookIsAskedSoMuchAtATime(t *testing.T) {
	t.Parallel()
	e := &ear{text: said, gate: make(chan struct{})}
	r := newRig(t, setup{speech: e, atOnce: 2, audio: &folder{audio: bridge.Audio{URL: tapeURL}}, policy: transcribed()})
	var phones []*phone
	for i := range 6 {
		p := r.call(fmt.Sprint(i))
		p.leavesMessage()
		phones = append(phones, p)
	}
	r.eventually("all complete while the hook is asked", func() bool {
		for _, p := range phones {
			if !r.view(p).Record.Completed {
				return false
			}
		}
		return e.times() == 2
	})
	close(e.gate)
	r.settled(phones...)
	require.Equal(t, 2, e.most)
	for _, p := range phones {
		comments, _ := quoted(r.ticket(p))
		require.Equal(t, 1, comments)
	}
	r.clean()
}

// A stop does not wait for the hook, which is asked anew by the next process.
func TestStopWhileTheHookIsAsked(t *testing.T) {
	t.Parallel()
	e := &ear{text: said, gate: make(chan struct{})}
	r := heard(t, e)
	p := r.call("1")
	p.leavesMessage()
	r.eventually("asked", func() bool { return e.times() == 1 && r.view(p).Record.Completed })
	began := time.Now()
	require.NoError(t, r.stop())
	require.Less(t, time.Since(began), 5*time.Second)
	again := &ear{text: said}
	r.start(setup{speech: again})
	r.settled(p)
	require.Equal(t, 1, again.times())
	comments, _ := quoted(r.ticket(p))
	require.Equal(t, 1, comments)
	r.clean()
}

// TestDeathAtEveryPointOfACallQuotesOnce kills the bridge at every append of the
// story of a message whose text comes late, in two ways, and starts another.
func TestDeathAtEveryPointOfACallQuotesOnce(t *testing.T) {
	t.Parallel()
	var deaths atomic.Int64
	for _, lost := range []bool{false, true} {
		for n := 1; n <= 14; n++ {
			t.Run(fmt.Sprintf("append %d, answer lost %t", n, lost), func(t *testing.T) {
				t.Parallel()
				e, tapes := &ear{text: said}, &folder{audio: bridge.Audio{URL: tapeURL}}
				r := newRig(t, setup{idle: true, policy: transcribed(func(p *bridge.Policy) { p.Settle = time.Second })})
				d := &dying{left: n, lost: lost, died: make(chan struct{})}
				r.start(setup{audio: tapes, speech: e, wrap: func(j bridge.Journal) bridge.Journal { d.Journal = j; return d }})
				s := &story{rig: r, audio: tapes, speech: e, died: d.died, call: r.call("1")}
				p := s.call
				s.tell(func(c telephony.State) bool { return c.Live() }, p.coming()...)
				s.tell(func(c telephony.State) bool { return len(c.Ringing) == 1 }, p.ringing("1001")...)
				s.tell(func(c telephony.State) bool { return len(c.Ringing) == 0 }, p.ending("1001")...)
				s.tell(telephony.State.Ended, append(p.ending("t"), telephony.Event{Kind: telephony.CallVoicemail, Path: "msg0000"})...)
				s.settled(p)
				ticket := r.ticket(p)
				comments, voices := quoted(ticket)
				require.Equal(t, 1, comments+voices)
				require.Len(t, ticket.VoiceComments(), 1)
				require.Len(t, ticket.Comments, 1+comments)
				r.clean()
				if s.restarted {
					deaths.Store(max(deaths.Load(), int64(n)))
				}
			})
		}
	}
	t.Cleanup(func() { require.GreaterOrEqual(t, deaths.Load(), int64(10), "deaths reach to the end of the call") })
}
