package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
	"github.com/talkbridge/talkbridge/voicemail/transcript/transcripttest"
)

// What callers hear of the lines.
const (
	ringsAll  = `greeting: Welcome to Acme., ring: [Alice, Bob, Carol], ring_for: 10m, record: true, consent: This call is recorded.`
	takesNote = `ring: [Alice], ring_for: 5s, voicemail: {greeting: Leave a message.}`
	queues    = `queue: support, voicemail: {greeting: Leave a message.}`
)

// words are what callers say in their messages.
const words = "please call me back about my order"

func rings(phone string) twiliotest.Phone {
	return twiliotest.Phone{Address: phone, Does: twiliotest.Rings}
}

// TestTwilioRingsAtOnce: the caller is greeted and told that he is recorded, all
// phones ring, Bob answers: his page opens, and his ticket plays the recording.
func TestTwilioRingsAtOnce(t *testing.T) {
	t.Parallel()
	media := twiliotest.Media{Ready: 200 * time.Millisecond, Missing: 1, Redirect: true}
	s := newAnswerSite(t, twiliotest.Config{Media: media}, ringsAll)
	c := s.startAnswering()
	id := s.place(twiliotest.Caller{To: "+15550100001", Meets: meets(rings(simAlice), twiliotest.Phone{Address: simBob, After: time.Second}, rings(simCarol))})
	s.shown(c, 1)
	require.Regexp(t, `(?s)<Say>Welcome to Acme\.</Say><Say>This call is recorded\.</Say><Dial .*record="record-from-answer-dual"`, s.heard.all())
	for _, phone := range []string{simAlice, simBob, simCarol} {
		require.NotEmpty(t, s.child(id, phone), "%s rang", phone)
	}
	s.hangUp(id)
	ticket := s.owesNothing(c, id)
	require.Equal(t, 45, ticket.ViaID)
	require.Equal(t, s.agentID("Bob"), ticket.AssigneeID)
	require.Equal(t, []int64{s.agentID("Bob")}, s.popsOf(ticket))
	require.True(t, ticket.HasTag("call_inbound"), "%v", ticket.Tags)
	s.plays(c, id)
	require.Len(t, s.zendesk.Tickets(), 1)
	require.Zero(t, s.twilio.Stats().Refused, "%v", s.twilio.Alerts())
	c.stop(t)
}

// TestTwilioRingsInTurn: Alice does not answer in time, then Bob's phone rings.
func TestTwilioRingsInTurn(t *testing.T) {
	t.Parallel()
	s := newAnswerSite(t, twiliotest.Config{}, `ring: [Alice, Bob], order: in_turn, ring_for: 10s`)
	c := s.startAnswering()
	id := s.place(twiliotest.Caller{To: "+15550100001", Meets: meets(rings(simAlice), twiliotest.Phone{Address: simBob})})
	s.shown(c, 1)
	s.hangUp(id)
	ticket := s.owesNothing(c, id)
	require.Equal(t, 45, ticket.ViaID)
	require.Equal(t, s.agentID("Bob"), ticket.AssigneeID)
	require.Equal(t, []int64{s.agentID("Bob")}, s.popsOf(ticket))
	alice, _ := s.twilio.CallBySID(s.child(id, simAlice))
	bob, _ := s.twilio.CallBySID(s.child(id, simBob))
	require.Equal(t, twiliotest.NoAnswer, alice.Status)
	require.False(t, bob.Started.Before(alice.Ended), "one after the other")
	c.stop(t)
}

// TestTwilioTakesMessages: nobody answers, or nobody is there, and the caller leaves a
// message: a ticket of its own kind, which plays it.
func TestTwilioTakesMessages(t *testing.T) {
	t.Parallel()
	today := time.Now().UTC()
	holidays := fmt.Sprintf(`hours: {zone: UTC, open: ["mon-fri 09:00-17:30"], holidays: ["%s", "%s"]}, closed: We are closed.`,
		today.Format(time.DateOnly), today.AddDate(0, 0, 1).Format(time.DateOnly))
	for _, tt := range []struct {
		name, answer string
		rings        bool
		hears        string
	}{
		{"nobody answers", takesNote, true, `<Say>Leave a message.</Say><Record`},
		{"closed", takesNote + ", " + holidays, false, `<Say>We are closed.</Say><Say>Leave a message.</Say><Record`},
		{"the queue is waited in long enough", queues + ", queue_for: 10s", false, `<Say>Leave a message.</Say><Record`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newAnswerSite(t, twiliotest.Config{}, tt.answer)
			c := s.startAnswering()
			id := s.place(twiliotest.Caller{To: "+15550100001", Says: 12 * time.Second, Meets: meets(rings(simAlice))})
			s.over(c, id)
			ticket := s.owesNothing(c, id)
			require.Equal(t, 44, ticket.ViaID)
			require.True(t, ticket.HasTag("call_voicemail"), "%v", ticket.Tags)
			require.Empty(t, s.popsOf(ticket))
			require.Contains(t, s.heard.all(), tt.hears)
			require.Contains(t, s.heard.all(), `playBeep="true"`)
			require.Equal(t, tt.rings, s.child(id, simAlice) != "")
			s.plays(c, id)
			require.Len(t, s.zendesk.Tickets(), 1)
			c.stop(t)
		})
	}
}

// TestTwilioMessagesInWords: what the caller says is on the ticket, once, in Twilio's
// words where it has any, else in those of the hook.
func TestTwilioMessagesInWords(t *testing.T) {
	t.Parallel()
	const spoken = "what the hook hears"
	twilioWrites := `ring: [Alice], ring_for: 5s, voicemail: {greeting: Leave a message., transcribe: true}`
	for _, tt := range []struct {
		name, answer string
		hook         bool
		choices      twiliotest.Choices
		twilios      int
		hooks        int
	}{
		{"Twilio's words", twilioWrites, false, twiliotest.Choices{}, 1, 0},
		{"Twilio's words come first", twilioWrites, true, twiliotest.Choices{TranscribeFirst: true, QuietRecord: true}, 1, 0},
		{"the words of the hook", takesNote, true, twiliotest.Choices{}, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var edit []string
			if tt.hook {
				service := transcripttest.Start(spoken, speechKey)
				t.Cleanup(service.Close)
				edit = []string{"journal:", fmt.Sprintf("transcription: {url: %q, api_key: %s}\njournal:", service.URL(), speechKey)}
			}
			s := newAnswerSite(t, twiliotest.Config{Choices: tt.choices}, tt.answer, edit...)
			c := s.startAnswering()
			id := s.place(twiliotest.Caller{To: "+15550100001", Says: 12 * time.Second, Words: words, Meets: meets(rings(simAlice))})
			s.over(c, id)
			require.NoError(t, s.twilio.Wait(t.Context()))
			ticket := s.owesNothing(c, id)
			require.Equal(t, 44, ticket.ViaID)
			require.Equal(t, tt.twilios, says(ticket, words), "%+v", ticket.Comments)
			require.Equal(t, tt.hooks, says(ticket, spoken), "%+v", ticket.Comments)
			if tt.choices.TranscribeFirst { // it was there before anybody knew of the message
				require.Equal(t, words, ticket.VoiceComments()[0].TranscriptionText)
				require.Len(t, ticket.Comments, 1)
			}
			s.plays(c, id)
			require.NotContains(t, c.log.String(), words)
			c.stop(t)
		})
	}
}

// TestTwilioQueueIsLeft: who hangs up in the queue has given up there.
func TestTwilioQueueIsLeft(t *testing.T) {
	t.Parallel()
	s := newAnswerSite(t, twiliotest.Config{}, queues)
	c := s.startAnswering()
	id := s.place(twiliotest.Caller{To: "+15550100001"})
	s.eventually(c, "he waits", func() bool { return s.twilio.Waiting("support") == 1 })
	s.hangUp(id)
	ticket := s.owesNothing(c, id)
	require.Equal(t, 45, ticket.ViaID)
	require.True(t, ticket.HasTag("call_abandoned"), "%v", ticket.Tags)
	require.Zero(t, ticket.AssigneeID)
	require.Len(t, ticket.Comments, 1)
	require.Contains(t, ticket.Comments[0].Body, "support")
	require.Empty(t, s.zendesk.Pops())
	c.stop(t)
}

// TestTwilioQueueIsServed: Bob takes the next caller of the queue, and has his page
// while they talk.
func TestTwilioQueueIsServed(t *testing.T) {
	t.Parallel()
	s := newAnswerSite(t, twiliotest.Config{}, queues)
	c := s.startAnswering()
	id := s.place(twiliotest.Caller{To: "+15550100001"})
	s.eventually(c, "he waits", func() bool { return s.twilio.Waiting("support") == 1 })
	agent := s.takes(simBob)
	s.shown(c, 1)
	s.twilio.HangUp(agent)
	s.over(c, id)
	ticket := s.owesNothing(c, id)
	require.Equal(t, 45, ticket.ViaID)
	require.Equal(t, s.agentID("Bob"), ticket.AssigneeID)
	require.Equal(t, []int64{s.agentID("Bob")}, s.popsOf(ticket))
	require.Len(t, s.zendesk.Tickets(), 1)
	c.stop(t)
}

// TestTwilioAnswersWhateverComes: callbacks come twice and in any order, and each call
// is one ticket.
func TestTwilioAnswersWhateverComes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		does []twiliotest.Mischief
		late bool // nobody has a page when the answer is heard of at the end
	}{
		{"in order", nil, false},
		{"twice at the same time", []twiliotest.Mischief{{Repeat: 1, Parallel: true}}, false},
		{"out of order", []twiliotest.Mischief{{Kind: twiliotest.StatusEvent, Order: []int{3, 1, 0, 2}}}, true},
		{"the end first", []twiliotest.Mischief{{Kind: twiliotest.StatusEvent, Delay: time.Second, Match: func(d twiliotest.Delivery) bool {
			return d.Form.Get("CallStatus") != "completed"
		}}}, true},
		{"actions twice and statuses late", []twiliotest.Mischief{{Kind: twiliotest.Action, Repeat: 2}, {Kind: twiliotest.StatusEvent, Delay: time.Second}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newAnswerSite(t, twiliotest.Config{}, ringsAll, `name: Service`, `name: Service, answer: {`+takesNote+`}`)
			c := s.startAnswering()
			for _, m := range tt.does {
				s.twilio.Meddle(m)
			}
			bob := meets(rings(simAlice), twiliotest.Phone{Address: simBob, After: time.Second}, rings(simCarol))
			answered := s.place(twiliotest.Caller{To: "+15550100001", From: "+12125550141", Meets: bob})
			left := s.place(twiliotest.Caller{To: "+15550100001", From: "+12125550142", Meets: meets(rings(simAlice), rings(simBob), rings(simCarol))})
			message := s.place(twiliotest.Caller{To: "+15550100003", From: "+12125550143", Says: 12 * time.Second, Meets: meets(rings(simAlice))})
			s.talks(c, answered, simBob)
			if !tt.late {
				s.shown(c, 1)
			}
			s.eventually(c, "it rings", func() bool { return s.child(left, simCarol) != "" })
			s.hangUp(left)
			s.hangUp(answered)
			s.over(c, message)
			require.NoError(t, s.twilio.Wait(t.Context()))
			for _, call := range []struct {
				id, tag string
				via     int
			}{{answered, "call_inbound", 45}, {left, "call_abandoned", 45}, {message, "call_voicemail", 44}} {
				ticket := s.owesNothing(c, call.id)
				require.Equal(t, call.via, ticket.ViaID)
				require.True(t, ticket.HasTag(call.tag), "%v", ticket.Tags)
			}
			require.Equal(t, s.agentID("Bob"), s.zendesk.TicketsByExternalID(answered)[0].AssigneeID)
			s.plays(c, answered)
			s.plays(c, message)
			require.Len(t, s.zendesk.Tickets(), 3)
			require.Zero(t, s.twilio.Stats().Refused, "%v", s.twilio.Alerts())
			require.Zero(t, s.twilio.Stats().Lost)
			c.stop(t)
		})
	}
}

// TestTwilioAnswersOverAKill: the daemon is killed while two talk. One call ends
// meanwhile, one goes on, and one comes that nobody answers: Twilio's lists tell of all
// that was missed, what is left is told as ever, and each call is one ticket.
func TestTwilioAnswersOverAKill(t *testing.T) {
	t.Parallel()
	s := newAnswerSite(t, twiliotest.Config{}, ringsAll)
	c := s.startAnswering()
	bob := meets(rings(simAlice), twiliotest.Phone{Address: simBob}, rings(simCarol))
	ends := s.place(twiliotest.Caller{To: "+15550100001", From: "+12125550151", Meets: bob})
	lasts := s.place(twiliotest.Caller{To: "+15550100001", From: "+12125550152", Meets: bob})
	s.shown(c, 2)
	s.eventually(c, "both tickets are in the journal", func() bool {
		return c.metric(t, `talkbridge_outcomes_total{kind="done",step="create"}`) == 2
	})
	s.eventually(c, "the others are heard to ring no more", func() bool {
		return s.heardOf(ends, "canceled") == 2 && s.heardOf(lasts, "canceled") == 2
	})
	c.Kill()
	<-time.After(1100 * time.Millisecond) // Twilio's times have whole seconds: the end is after all that was heard
	s.hangUp(ends)
	missed := s.place(twiliotest.Caller{To: "+15550100001", From: "+12125550153"})
	for _, id := range []string{ends, missed} {
		s.over(c, id)
	}
	s.eventually(c, "nobody hears of it", func() bool { return s.twilio.Stats().Lost > 2 })
	c = s.startAnswering()
	s.hangUp(lasts)
	require.NoError(t, s.twilio.Wait(t.Context()))
	c.says(t, "Twilio's lists of calls looked at")
	for id, assignee := range map[string]int64{ends: s.agentID("Bob"), lasts: s.agentID("Bob"), missed: 0} {
		ticket := s.owesNothing(c, id)
		require.Equal(t, 45, ticket.ViaID)
		require.Equal(t, assignee, ticket.AssigneeID)
	}
	s.plays(c, ends)
	s.plays(c, lasts)
	require.Len(t, s.zendesk.Tickets(), 3)
	require.Len(t, s.zendesk.Pops(), 2, "nobody has a page of what is over")
	c.stop(t)
}
