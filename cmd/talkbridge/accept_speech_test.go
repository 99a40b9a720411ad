package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/voicemail/transcript/transcripttest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const speechKey = "sk-speech-0123456789abcdef"

// spoken is what the service hears: with what must not come to the ticket as it is.
const spoken = "Guten Tag, hier ist Erika.\nBitte rufen Sie zurück. {{ticket.requester.email}}\u202e\x00"

// speechSite is a site whose messages are put into words by a service.
func speechSite(t *testing.T, more string) (*site, *transcripttest.Server) {
	t.Helper()
	service := transcripttest.Start(spoken, speechKey)
	t.Cleanup(service.Close)
	return newSite(t, siteOptions{recordings: true, extra: fmt.Sprintf("transcription: {url: %q, api_key: %s%s}\n", service.URL(), speechKey, more)}), service
}

// leftMessage is a caller who is not answered, and leaves a message.
func leftMessage() asterisktest.Scenario {
	return asterisktest.Scenario{Capture: "b_voicemail", Kind: "voicemail", Agents: []string{"1001"}, DID: "+15550100001"}
}

// says reports how often a ticket says a text, in comments and voice comments.
func says(ticket zendesktest.Ticket, text string) int {
	n := 0
	for _, c := range ticket.Comments {
		n += strings.Count(c.Body, text)
	}
	for _, v := range ticket.VoiceComments() {
		n += strings.Count(v.TranscriptionText, text)
	}
	return n
}

// A message is put into words, and its ticket has them: with the player or after
// it, whichever was faster.
func TestVoicemailIsTranscribed(t *testing.T) {
	t.Parallel()
	s, service := speechSite(t, "")
	c := s.startReady()
	id := s.play(leftMessage())
	s.eventually(c, "settled", func() bool { return s.settled(id) })
	ticket := s.zendesk.TicketsByExternalID(id)[0]
	require.Equal(t, 44, ticket.ViaID)
	require.Equal(t, 1, says(ticket, "Guten Tag, hier ist Erika.\nBitte rufen Sie zurück. ((ticket.requester.email))"))
	require.Zero(t, says(ticket, "{{"))
	asked := service.Requests()
	require.Len(t, asked, 1)
	require.Equal(t, "de", asked[0].Language, "of the country of the line")
	require.Equal(t, speechKey, asked[0].Key)
	kept, err := filepath.Glob(filepath.Join(s.dir, "data", "recordings", "*.wav"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	want, err := os.ReadFile(kept[0])
	require.NoError(t, err)
	require.Equal(t, want, asked[0].Audio)
	require.InDelta(t, 1, c.metric(t, `talkbridge_transcripts_total{result="text"}`), 0)

	out, _ := s.cli(exitOK, "explain", id)
	require.Contains(t, out, "it is put into words, 10 words")
	out, _ = s.cli(exitOK, "calls", "--json")
	require.Contains(t, out, `"transcript": "quoted"`)
	c.stop(t)
	require.NotContains(t, c.log.String(), speechKey)
	require.NotContains(t, c.log.String(), "Erika", "what was said is for the ticket")
}

// A slow service delays nothing but its own words, also over a kill.
func TestTranscriptComesLater(t *testing.T) {
	t.Parallel()
	s, service := speechSite(t, ", timeout: 5m")
	goOn := make(chan struct{})
	service.Always(service.Slow(goOn, service.Text("Langsam, aber sicher.")))
	c := s.startReady()
	id := s.play(leftMessage())
	ticket := s.ticketOf(c, id, 1)
	require.Len(t, ticket.VoiceComments(), 1)
	s.eventually(c, "asked", func() bool { return len(service.Requests()) == 1 })
	require.False(t, s.settled(id))
	out, _ := s.cli(exitOK, "explain", id)
	require.Contains(t, out, "its audio is being put into words")

	c.Kill()
	c = s.startReady()
	s.eventually(c, "asked anew", func() bool { return len(service.Requests()) == 2 })
	close(goOn)
	ticket = s.ticketOf(c, id, 2)
	require.Equal(t, 1, says(ticket, "Langsam, aber sicher."))
	require.False(t, ticket.Comments[1].Public)
	s.eventually(c, "settled", func() bool { return s.settled(id) })
	c.stop(t)
}

// A service that is down for ever costs no ticket, and is told of.
func TestTranscriptIsGivenUp(t *testing.T) {
	t.Parallel()
	s, service := speechSite(t, ", tries: 2")
	service.Always(transcripttest.Status(500))
	c := s.startReady()
	id := s.play(leftMessage())
	s.ticketOf(c, id, 1)
	s.eventually(c, "settled", func() bool { return s.settled(id) })
	require.Len(t, service.Requests(), 2)
	c.says(t, "audio not put into words, the ticket goes without")
	out, _ := s.cli(exitOK, "explain", id)
	require.Contains(t, out, "it is not put into words: tried 2 times: the transcription service answers 500")
	require.Contains(t, out, "talkbridge retry "+id)
	out, _ = s.cli(exitOK, "calls", "--json")
	var rows []callRow
	require.NoError(t, json.Unmarshal([]byte(out), &rows))
	require.Equal(t, "given_up", rows[0].Transcript)

	service.Always(nil)
	s.cli(exitOK, "retry", id)
	ticket := s.ticketOf(c, id, 2)
	require.Equal(t, 1, says(ticket, "hier ist Erika"))
	c.stop(t)
}

// A program of this machine does it, too, for recordings of calls as well.
func TestRecordingIsTranscribedByACommand(t *testing.T) {
	t.Parallel()
	run := filepath.Join(t.TempDir(), "speech.sh")
	require.NoError(t, os.WriteFile(run, []byte("#!/bin/sh\nhead -c 4 \"$1\"\necho \" spoken in $2\"\n"), 0o700))
	s := newSite(t, siteOptions{recordings: true, extra: fmt.Sprintf("transcription: {command: [%s, \"{file}\", \"{language}\"], of: all, language: de}\n", run)})
	c := s.startReady()
	id := s.play(answered())
	s.eventually(c, "settled", func() bool { return s.settled(id) })
	tickets := s.zendesk.TicketsByExternalID(id)
	require.Len(t, tickets, 1)
	require.Equal(t, 1, says(tickets[0], "RIFF spoken in de"))
	require.LessOrEqual(t, len(tickets[0].Audits), 3)
	c.stop(t)
}

// Audio and key go to the host that is configured, wherever it sends us; what it
// answers is bounded; and neither the log nor doctor tells the key.
func TestAttackTranscriptionService(t *testing.T) {
	t.Parallel()
	s, service := speechSite(t, ", tries: 6")
	thief := transcripttest.Start("stolen", "")
	t.Cleanup(thief.Close)
	for _, status := range []int{302, 307, 308} {
		service.Next(transcripttest.Raw(status, map[string][]string{"Location": {thief.URL()}}, ""))
	}
	service.Next(transcripttest.Huge(8<<20), transcripttest.Raw(200, nil, `{"text":"`+strings.Repeat("{{ticket.id}} ", 10_000)+`"}`))
	c := s.startReady()
	id := s.play(leftMessage())
	s.eventually(c, "settled", func() bool { return s.settled(id) })
	ticket := s.ticketOf(c, id, 2)
	require.Empty(t, thief.Requests())
	require.Zero(t, says(ticket, "{"))
	require.Less(t, len(ticket.Comments[1].Body), 33<<10)
	_, out := s.doctor("", "--json")
	c.stop(t)
	for _, text := range []string{c.log.String(), out} {
		require.NotContains(t, text, speechKey)
		require.NotContains(t, text, "stolen")
	}
}

// Doctor sends a second of silence.
func TestDoctorTriesTheHook(t *testing.T) {
	t.Parallel()
	s, service := speechSite(t, "")
	_, out := s.doctor("")
	require.Contains(t, out, "it took a second of silence")
	require.Len(t, service.Requests(), 1)
	require.Len(t, service.Requests()[0].Audio, 44+16000)
	service.Always(transcripttest.Status(401))
	code, out := s.doctor("")
	require.Equal(t, exitRun, code)
	require.Contains(t, out, "answers 401: check api_key")
}
