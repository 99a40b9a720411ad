package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/twilio"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// simSource is the name of the simulated Twilio as a source.
const simSource = "tw"

// The phones of the agents on Twilio, and somebody outside.
const (
	simAlice    = "client:alice"
	simBob      = "sip:bob@pbx.example.com"
	simCarol    = "+15550101003"
	simCustomer = "+12125550123"
)

// twilioSite is a site beside a simulated Twilio.
type twilioSite struct {
	*site

	twilio *twiliotest.Server
}

// newTwilioSite starts a Twilio whose account keeps the TwiML of each line itself, and
// writes the configuration for it: lines by their numbers.
func newTwilioSite(t *testing.T, config twiliotest.Config, lines map[string]string, keys string, change ...func(*siteOptions)) *twilioSite {
	t.Helper()
	for number, twiml := range lines {
		config.Numbers = append(config.Numbers, observed(number, twiml))
	}
	config.Numbers = append(config.Numbers, observed("app:out", `<Dial callerId="+15550100001"><Number EVENTS>{{To}}</Number></Dial>`))
	config.Speed = 4
	s := &twilioSite{twilio: twiliotest.New(config)}
	t.Cleanup(s.twilio.Close)
	require.NoError(t, s.twilio.Start(""))
	o := siteOptions{edit: []string{
		"sources:\n", "sources:\n  - name: " + simSource + "\n    twilio: {account_sid: " + s.twilio.AccountSID() + ", auth_token: " + s.twilio.AuthToken() +
			", public_url: " + demoPublic + ", api_url: " + s.twilio.URL() +
			`, recording_hosts: ["` + strings.TrimPrefix(s.twilio.MediaURL(), "http://") + `"]` + keys + "}\n",
		`numbers: ["1001"]`, `numbers: ["1001", "` + simAlice + `"]`, `numbers: ["PJSIP/1002"]`, `numbers: ["PJSIP/1002", "` + simBob + `"]`,
		`numbers: ["1003"]`, `numbers: ["1003", "` + simCarol + `"]`,
	}}
	for _, f := range change {
		f(&o)
	}
	s.site = newSite(t, o)
	return s
}

// observed is a number whose TwiML points its callbacks at the source.
func observed(number, twiml string) twiliotest.Number {
	hook := func(what string) string { return demoPublic + twilio.Path(simSource, what) + twilio.TryAgain }
	twiml = strings.NewReplacer(
		"EVENTS", `statusCallback="`+escapeXML(hook("status"))+`" statusCallbackEvent="initiated ringing answered completed"`,
		"RECORDED", `recordingStatusCallback="`+escapeXML(hook("recording"))+`" recordingStatusCallbackEvent="completed absent"`,
		"TEXT", `transcribe="true" transcribeCallback="`+escapeXML(hook("transcription"))+`"`,
		"MEETING", `statusCallback="`+escapeXML(hook("conference"))+`" statusCallbackEvent="start end join leave hold"`,
	).Replace(twiml)
	return twiliotest.Number{Number: number, Bin: "<Response>" + twiml + "</Response>", StatusCallback: hook("status")}
}

// startTwilio starts the daemon and leads Twilio to it.
func (s *twilioSite) startTwilio() *child {
	s.t.Helper()
	c := s.startReady()
	s.twilio.SetTransport(twiliotest.Via(c.address(s.t, "public_listen")))
	return c
}

// place places a call, and returns the call's id.
func (s *twilioSite) place(c twiliotest.Caller) string {
	s.t.Helper()
	if c.From == "" {
		c.From = simCustomer
	}
	sid, err := s.twilio.Call(c)
	require.NoError(s.t, err)
	return "hq/" + simSource + "/" + sid
}

// popsOf are the agents who saw the page of a ticket, in that order.
func (s *twilioSite) popsOf(ticket zendesktest.Ticket) []int64 {
	var agents []int64
	for _, p := range s.zendesk.Pops() {
		if p.TicketID == ticket.ID {
			agents = append(agents, p.AgentID)
		}
	}
	return agents
}

// The TwiML of the lines.
const (
	simRing = `<Dial answerOnBridge="true" timeout="10"><Client EVENTS>alice</Client><Sip EVENTS>` + simBob + `</Sip>` +
		`<Number EVENTS>` + simCarol + `</Number></Dial>`
	simMailbox = `<Dial answerOnBridge="true" timeout="8"><Client EVENTS>alice</Client></Dial><Say>Leave a message</Say><Record RECORDED TEXT/>`
	simRoom    = `<Dial><Conference MEETING endConferenceOnExit="true">room</Conference></Dial>`
)

func meets(does ...twiliotest.Phone) []twiliotest.Phone { return does }

// simCalls are calls, and what their tickets are to be.
var simCalls = []struct {
	name     string
	caller   twiliotest.Caller
	via      int
	assignee string // by the first name; "" is nobody
	comments int
	tag      string
}{
	{
		"Bob answers of three", twiliotest.Caller{To: "+15550100001", Talks: 12 * time.Second, Meets: meets(
			twiliotest.Phone{Address: simAlice, Does: twiliotest.Rings}, twiliotest.Phone{Address: simBob, After: 5 * time.Second},
			twiliotest.Phone{Address: simCarol, After: 9 * time.Second},
		)}, 45, "Bob", 2, "call_inbound",
	},
	{
		"Carol answers at an outside phone", twiliotest.Caller{To: "+15550100001", From: "+12125550124", Talks: 12 * time.Second, Meets: meets(
			twiliotest.Phone{Address: simCarol, After: 5 * time.Second},
		)}, 45, "Carol", 2, "call_inbound",
	},
	{
		"the caller gives up", twiliotest.Caller{To: "+15550100001", From: "+12125550125", Patience: 6 * time.Second, Meets: meets(
			twiliotest.Phone{Address: simAlice, Does: twiliotest.Rings},
		)}, 45, "", 1, "call_abandoned",
	},
	{
		"a message is left", twiliotest.Caller{To: "+15550100003", From: "+12125550126", Says: 12 * time.Second, Words: "please call back", Meets: meets(
			twiliotest.Phone{Address: simAlice, Does: twiliotest.Rings},
		)}, 44, "", 1, "call_voicemail",
	},
	{
		"Alice calls out", twiliotest.Caller{From: simAlice, To: "+12125550127", Via: "app:out", Talks: 12 * time.Second, Meets: meets(
			twiliotest.Phone{Address: "+12125550127", After: 5 * time.Second},
		)}, 46, "Alice", 2, "call_outbound",
	},
	{
		"withheld", twiliotest.Caller{To: "+15550100001", From: "anonymous", Talks: 12 * time.Second, Meets: meets(
			twiliotest.Phone{Address: simAlice, After: 5 * time.Second},
		)}, 45, "Alice", 2, "call_inbound",
	},
}

// TestObservedTwilioCalls: each call is one ticket for the right agent, whatever
// happens to callbacks on their way.
func TestObservedTwilioCalls(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		does []twiliotest.Mischief
	}{
		{"in order", nil},
		{"twice at the same time", []twiliotest.Mischief{{Repeat: 1, Parallel: true}}},
		{"out of order", []twiliotest.Mischief{{Kind: twiliotest.StatusEvent, Order: []int{3, 1, 0, 2}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			media := twiliotest.Media{Ready: 200 * time.Millisecond, Missing: 1, Redirect: true}
			s := newTwilioSite(t, twiliotest.Config{Media: media}, map[string]string{"+15550100001": simRing, "+15550100003": simMailbox}, "")
			c := s.startTwilio()
			for _, m := range tt.does {
				s.twilio.Meddle(m)
			}
			var ids []string
			for _, call := range simCalls {
				ids = append(ids, s.place(call.caller))
			}
			require.NoError(t, s.twilio.Wait(t.Context()))
			late := tt.name == "out of order" // nobody has a page when the answer is heard of at the end
			for i, call := range simCalls {
				s.judge(c, ids[i], call.name, call.via, call.assignee, call.comments, call.tag, late)
			}
			require.Zero(t, s.twilio.Stats().Refused, "%v", s.twilio.Alerts())
			require.Zero(t, s.twilio.Stats().Lost)
			require.Len(t, s.zendesk.Tickets(), len(simCalls))
			s.plays(c, ids[3])
			c.stop(t)
		})
	}
}

// judge looks at the ticket of one call.
func (s *twilioSite) judge(c *child, id, name string, via int, assignee string, comments int, tag string, late bool) {
	s.t.Helper()
	s.eventually(c, "nothing is owed of "+name, func() bool { return s.settled(id) })
	tickets := s.zendesk.TicketsByExternalID(id)
	require.Len(s.t, tickets, 1, name)
	ticket := tickets[0]
	require.Equal(s.t, via, ticket.ViaID, name)
	require.True(s.t, ticket.HasTag(tag), "%s: %v", name, ticket.Tags)
	if assignee == "" {
		require.Empty(s.t, s.popsOf(ticket), name)
		require.Zero(s.t, ticket.AssigneeID, name)
		return
	}
	require.Equal(s.t, s.agentID(assignee), ticket.AssigneeID, name)
	if !late {
		require.Equal(s.t, []int64{s.agentID(assignee)}, s.popsOf(ticket), name)
		require.Len(s.t, ticket.Comments, comments, name)
	}
}

// plays looks at the message of a call: it plays from the link on the ticket.
func (s *twilioSite) plays(c *child, id string) {
	s.t.Helper()
	voice := s.zendesk.TicketsByExternalID(id)[0].VoiceComments()
	require.Len(s.t, voice, 1)
	link, err := url.Parse(voice[0].RecordingURL)
	require.NoError(s.t, err)
	link.Host = c.address(s.t, "public_listen")
	r := request(s.t, http.MethodGet, link.String(), nil)
	require.Equal(s.t, http.StatusOK, r.status)
	require.Equal(s.t, "audio/mpeg", r.header.Get("Content-Type"))
	for _, recording := range s.twilio.Recordings() {
		if strings.HasSuffix(id, recording.CallSID) {
			require.Equal(s.t, twiliotest.MP3(recording.SID, max(recording.Length, 100*time.Millisecond)), r.body)
		}
	}
	require.Zero(s.t, s.twilio.LeakedLogins(), "the login goes to no other host")
}
