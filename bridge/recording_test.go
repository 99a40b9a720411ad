package bridge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
)

const (
	tape    = "/var/spool/asterisk/monitor/in-1.wav"
	tapeURL = "https://calls.example.com/recordings/abc.wav"
)

// recorded is a rig whose calls are recorded.
func recorded(t *testing.T, audio bridge.AudioCollector, wait time.Duration) *rig {
	t.Helper()
	return newRig(t, setup{audio: audio, policy: func(p *bridge.Policy) {
		p.Recorded, p.RecordingWait = map[string]bool{"pbx1": true}, wait
	}})
}

// records is an ordinary call that is recorded.
func (p *phone) records() {
	p.tell(append(p.coming(), telephony.Event{Kind: telephony.CallRecorded, Leg: "t", Path: tape})...)
	p.rings("1001")
	p.answers("1001")
	p.ends("1001", "t")
}

func TestRecordingIsPlayedByTheTicket(t *testing.T) {
	t.Parallel()
	r := recorded(t, &folder{audio: bridge.Audio{URL: tapeURL, Seconds: 20}}, 0)
	p := r.call("1")
	p.tell(append(p.coming(), telephony.Event{Kind: telephony.CallRecorded, Leg: "t", Path: tape})...)
	p.rings("1001")
	r.eventually("caller", func() bool { return r.view(p).Record.Caller != 0 })
	p.answers("1001")
	r.eventually("ticket", func() bool { return r.view(p).Record.Ticket != 0 })
	require.Nil(t, r.view(p).Record.Recording, "it is being written")
	p.ends("1001", "t")
	r.settled(p)
	ticket := r.ticket(p)
	require.Equal(t, 1, completions(ticket))
	require.Len(t, ticket.VoiceComments(), 1)
	voice := ticket.VoiceComments()[0]
	require.Equal(t, tapeURL, voice.RecordingURL)
	require.Equal(t, int64(anaID), voice.AnsweredByID)
	require.NotEmpty(t, voice.Location)
	story, err := r.journal.Story(t.Context(), string(p.id))
	require.NoError(t, err)
	require.LessOrEqual(t, len(story), 10, "an ordinary call")
	require.Equal(t, []string{"caller caller", "intent create", "done create", "audio recording", "intent complete", "done complete"}, kinds(r.outcomes(p)))
	r.clean()
}

// The voice comment names the agent who answered. A ticket of several agents says
// in words who they were.
func TestRecordingOfSeveralAgentsIsToldInWords(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]bridge.CreateMode{"made at the answer": bridge.CreateOnAnswer, "made at the end": bridge.CreateAtEnd} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{audio: &folder{audio: bridge.Audio{URL: tapeURL}}, policy: func(p *bridge.Policy) {
				p.Create, p.Recorded = mode, map[string]bool{"pbx1": true}
			}})
			p := r.call("1")
			p.tell(append(p.coming(), telephony.Event{Kind: telephony.CallRecorded, Leg: "t", Path: tape})...)
			p.rings("1001")
			p.answers("1001")
			p.tell(telephony.Event{Kind: telephony.LegHeld, Leg: "1001"})
			p.rings("1002")
			p.answers("1002")
			p.ends("1001")
			p.ends("1002", "t")
			r.settled(p)
			ticket := r.ticket(p)
			require.Len(t, ticket.VoiceComments(), 1)
			require.Equal(t, int64(benID), ticket.AssigneeID)
			last := ticket.Comments[len(ticket.Comments)-1]
			require.False(t, last.Public)
			require.Contains(t, last.Body, "Agents: Ana, Ben\n")
			require.True(t, r.view(p).Record.Told)
			outcomes := kinds(r.outcomes(p))
			require.Equal(t, []string{"intent tell", "done tell"}, outcomes[len(outcomes)-2:])
			r.clean()
		})
	}
}

func TestTicketMadeAtTheEndHasItsRecording(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{audio: &folder{audio: bridge.Audio{URL: tapeURL}}, policy: func(p *bridge.Policy) {
		p.Create, p.Recorded = bridge.CreateAtEnd, map[string]bool{"pbx1": true}
	}})
	p := r.call("1")
	p.records()
	r.settled(p)
	require.Len(t, r.ticket(p).Comments, 1)
	require.Equal(t, tapeURL, r.ticket(p).VoiceComments()[0].RecordingURL)
	r.clean()
}

func TestRecordingThatComesLateIsAdded(t *testing.T) {
	t.Parallel()
	f := &folder{audio: bridge.Audio{URL: tapeURL}}
	f.failures.Store(2) // put off for one second, then for two
	r := recorded(t, f, 500*time.Millisecond)
	p := r.call("1")
	p.records()
	r.eventually("complete without", func() bool { return r.view(p).Record.Completed && r.view(p).Record.Recording == nil })
	require.Empty(t, r.ticket(p).VoiceComments())
	r.settled(p)
	ticket := r.ticket(p)
	require.Len(t, ticket.VoiceComments(), 1)
	require.Equal(t, tapeURL, ticket.VoiceComments()[0].RecordingURL)
	r.clean()
}

func TestCallWithoutASoundGetsAComment(t *testing.T) {
	t.Parallel()
	for name, audio := range map[string]bridge.Audio{"stub": {}, "refused": {Refused: "it is a pipe"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := recorded(t, &folder{audio: audio}, 0)
			p := r.call("1")
			p.records()
			r.settled(p)
			ticket := r.ticket(p)
			require.Empty(t, ticket.VoiceComments())
			last := ticket.Comments[len(ticket.Comments)-1].Body
			require.Equal(t, audio.Refused != "", strings.Contains(last, "Recording: it could not be collected: it is a pipe"), last)
			require.Len(t, ticket.Comments, wantComments(t, r, p))
			r.clean()
		})
	}
}

func TestUnansweredCallHasNoRecording(t *testing.T) {
	t.Parallel()
	r := recorded(t, &folder{audio: bridge.Audio{URL: tapeURL}}, 0)
	p := r.call("1")
	p.tell(append(p.coming(), telephony.Event{Kind: telephony.CallRecorded, Leg: "t", Path: tape})...)
	p.rings("1001")
	p.ends("1001", "t")
	r.settled(p)
	require.Nil(t, r.view(p).Record.Recording)
	r.clean()
}

func TestStopWhileARecordingIsAwaited(t *testing.T) {
	t.Parallel()
	never := &folder{}
	never.failures.Store(1000)
	r := recorded(t, never, 0)
	p := r.call("1")
	p.records()
	r.eventually("awaited", func() bool { return r.view(p).Next.Kind == bridge.StepRecording && !r.view(p).Next.At.IsZero() })
	require.NoError(t, r.stop())
	r.start(setup{audio: &folder{audio: bridge.Audio{URL: tapeURL}}})
	r.settled(p)
	require.Len(t, r.ticket(p).VoiceComments(), 1)
	r.clean()
}
