package twilio_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
	"github.com/talkbridge/talkbridge/telephony/twilio"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// The numbers and phones of the simulated account.
const (
	simPublic = "https://talkbridge.example.com"
	simLine   = "+15550100001"
	simCaller = "+15550123456"
	simAna    = "client:ana"
	simBen    = "sip:ben@pbx.example.com"
	simMobile = "+15550101001"
)

// simulation is a source that observes a simulated account.
type simulation struct {
	t testing.TB
	*twiliotest.Server

	sink   *telephonytest.Sink
	source *twilio.Source
}

// observe starts both. The account runs its own TwiML, one document for each line, which points its callbacks at the
// source.
func observe(t testing.TB, config twiliotest.Config, whispers bool, twiml ...string) *simulation {
	t.Helper()
	hook := func(what string) string { return simPublic + twilio.Path("twilio1", what) + "#rc=5&amp;rp=ct,rt,5xx" }
	events := "statusCallback='" + hook("status") + "' statusCallbackEvent='initiated ringing answered completed'"
	status := strings.ReplaceAll(hook("status"), "&amp;", "&")
	add := func(number, twiml string) {
		twiml = strings.NewReplacer("EVENTS", events, "HOOK/", simPublic+twilio.Path("twilio1", "")).Replace(twiml)
		config.Numbers = append(config.Numbers, twiliotest.Number{Number: number, Bin: "<Response>" + twiml + "</Response>", StatusCallback: status})
	}
	for i, document := range twiml {
		add(simLines(i), document)
	}
	add("app:out", "<Dial callerId='"+simLine+"'><Number EVENTS>{{To}}</Number></Dial>")
	add("app:in", "<Dial><Client EVENTS>{{To}}</Client></Dial>")
	config.Speed = 4
	s := &simulation{t: t, sink: telephonytest.NewSink(), Server: twiliotest.New(config)}
	t.Cleanup(s.Close)
	require.NoError(t, s.Start(""))
	s.follow(twilio.Config{Whispers: whispers})
	return s
}

// follow starts a source beside the account, configured so.
func (s *simulation) follow(config twilio.Config) {
	t := s.t
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	config.Site, config.Name, config.AccountSid, config.PublicURL, config.API = "hq", "twilio1", s.AccountSID(), simPublic, s.URL()
	if config.Tokens == nil {
		config.Tokens = []string{s.AuthToken()}
	}
	source, err := twilio.New(config, log)
	require.NoError(t, err)
	s.source = source
	mux := http.NewServeMux()
	source.Register(mux)
	mux.HandleFunc("POST /whisper", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, "<Response><Gather numDigits='1' timeout='3' action='"+simPublic+"/accepted'/><Hangup/></Response>")
	})
	mux.HandleFunc("POST /accepted", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, "<Response><Say>Connecting</Say></Response>")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.SetTransport(twiliotest.Via(strings.TrimPrefix(server.URL, "http://")))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	before := s.sink.Sessions()
	go func() { done <- source.Run(ctx, s.sink) }()
	t.Cleanup(func() { cancel(); <-done })
	require.Eventually(t, func() bool { return s.sink.Sessions() > before }, time.Minute, time.Millisecond)
}

// simLines are the account's numbers.
func simLines(i int) string { return fmt.Sprintf("+155501000%02d", i+1) }

// place places a call to one of the lines.
func (s *simulation) place(c twiliotest.Caller, line int) string {
	s.t.Helper()
	c.From = cmp.Or(c.From, simCaller)
	c.To = cmp.Or(c.To, simLines(line))
	sid, err := s.Call(c)
	require.NoError(s.t, err)
	return sid
}

// state is a call with all that it was joined with.
func (s *simulation) state(sid string) telephony.State {
	calls := map[telephony.CallID]*telephony.Call{}
	for _, entry := range s.sink.Entries() {
		for _, e := range entry {
			ids := []telephony.CallID{e.Call}
			if e.Kind == telephony.CallLinked {
				ids = append(ids, e.Other)
			}
			for _, id := range ids {
				if calls[id] == nil {
					calls[id] = telephony.NewCall(id)
				}
			}
			calls[e.Call].Apply(e)
			if e.Kind == telephony.CallLinked {
				calls[e.Other].Apply(e.Mirrored())
			}
		}
	}
	id := telephony.CallID("hq/twilio1/" + sid)
	component, seen := []*telephony.Call{}, map[telephony.CallID]bool{}
	var visit func(telephony.CallID)
	visit = func(id telephony.CallID) {
		if seen[id] || calls[id] == nil {
			return
		}
		seen[id] = true
		component = append(component, calls[id])
		for _, other := range calls[id].Links() {
			visit(other)
		}
	}
	visit(id)
	return telephony.Join(component...)
}

// story is one call, and what it comes to.
type story struct {
	name     string
	twiml    string
	whispers bool
	caller   twiliotest.Caller
	want     outcome
}

// outcome is what matters of a call.
type outcome struct {
	Direction   telephony.Direction
	Disposition telephony.Disposition
	Agents      string
	Customer    string
	Message     bool
	Text        string
}

func outcomeOf(s telephony.State) outcome {
	var agents []string
	for _, t := range s.Talks {
		agents = append(agents, t.Endpoint)
	}
	if s.Direction == telephony.Internal {
		slices.Sort(agents) // both begin at the same moment
	}
	number := s.Customer().Number
	if s.Customer().Withheld {
		number = "withheld"
	}
	return outcome{s.Direction, s.Disposition, strings.Join(agents, " "), number, s.Voicemail != nil, s.Transcript}
}

const (
	ringAll = "<Dial answerOnBridge='true' timeout='10' callerId='" + simLine + "'><Client EVENTS>ana</Client><Sip EVENTS>sip:ben@pbx.example.com</Sip>" +
		"<Number EVENTS>+15550101001</Number></Dial>"
	ringAna   = "<Dial answerOnBridge='true' timeout='10'><Client EVENTS>ana</Client></Dial>"
	voicemail = ringAna + "<Say>Leave a message</Say><Record action='HOOK/voicemail' recordingStatusCallback='HOOK/recording' " +
		"transcribe='true' transcribeCallback='HOOK/transcription'/>"
	whispered = "<Dial action='HOOK/dial' timeout='10'><Client EVENTS url='" + simPublic + "/whisper'>ana</Client></Dial>"
)

func meets(phones ...twiliotest.Phone) []twiliotest.Phone { return phones }

var (
	anaAnswers = twiliotest.Phone{Address: simAna, After: 6 * time.Second, Talks: 10 * time.Second}
	benAnswers = twiliotest.Phone{Address: simBen, After: 5 * time.Second, Talks: 10 * time.Second}
	anaIsSlow  = twiliotest.Phone{Address: simAna, After: 9 * time.Second, Talks: 10 * time.Second}
	anaRings   = twiliotest.Phone{Address: simAna, Does: twiliotest.Rings}
)

var stories = []story{
	{
		"answered", ringAna, false,
		twiliotest.Caller{Meets: meets(anaAnswers)},
		outcome{telephony.Inbound, telephony.Answered, simAna, simCaller, false, ""},
	},
	{
		"three ring, one answers", ringAll, false,
		twiliotest.Caller{Meets: meets(anaIsSlow, benAnswers, twiliotest.Phone{Address: simMobile, Does: twiliotest.Rings})},
		outcome{telephony.Inbound, telephony.Answered, simBen, simCaller, false, ""},
	},
	{
		"an outside phone answers", ringAll, false,
		twiliotest.Caller{Meets: meets(anaRings, benAnswers, twiliotest.Phone{Address: simMobile, Talks: 10 * time.Second})},
		outcome{telephony.Inbound, telephony.Answered, simMobile, simCaller, false, ""},
	},
	{
		"nobody answers", ringAna, false,
		twiliotest.Caller{Meets: meets(anaRings)},
		outcome{telephony.Inbound, telephony.Missed, "", simCaller, false, ""},
	},
	{
		"busy", ringAna, false,
		twiliotest.Caller{Meets: meets(twiliotest.Phone{Address: simAna, Does: twiliotest.Busy})},
		outcome{telephony.Inbound, telephony.Busy, "", simCaller, false, ""},
	},
	{
		"no such phone", ringAna, false,
		twiliotest.Caller{Meets: meets(twiliotest.Phone{Address: simAna, Does: twiliotest.Unreachable})},
		outcome{telephony.Inbound, telephony.Failed, "", simCaller, false, ""},
	},
	{
		"a message is left", voicemail, false,
		twiliotest.Caller{Meets: meets(anaRings), Says: 15 * time.Second, Words: "please call back"},
		outcome{telephony.Inbound, telephony.LeftVoicemail, "", simCaller, true, "please call back"},
	},
	{
		"no message is left", voicemail, false,
		twiliotest.Caller{Meets: meets(anaRings)},
		outcome{telephony.Inbound, telephony.Missed, "", simCaller, false, ""},
	},
	{
		"a machine answers the whisper", whispered, true,
		twiliotest.Caller{Meets: meets(twiliotest.Phone{Address: simAna, Does: twiliotest.Machine})},
		outcome{telephony.Inbound, telephony.Missed, "", simCaller, false, ""},
	},
	{
		"a person accepts the whisper", whispered, true,
		twiliotest.Caller{Meets: meets(twiliotest.Phone{Address: simAna, After: 6 * time.Second, Presses: []string{"1"}, Talks: 10 * time.Second})},
		outcome{telephony.Inbound, telephony.Answered, simAna, simCaller, false, ""},
	},
	{
		"an agent calls out", "", false,
		twiliotest.Caller{
			From: simAna, To: simMobile, Via: "app:out", Meets: meets(twiliotest.Phone{Address: simMobile, After: 6 * time.Second, Talks: 10 * time.Second}),
		},
		outcome{telephony.Outbound, telephony.Answered, simAna, simMobile, false, ""},
	},
	{
		"an agent calls out, and nobody answers", "", false,
		twiliotest.Caller{From: simAna, To: simMobile, Via: "app:out", Meets: meets(twiliotest.Phone{Address: simMobile, Does: twiliotest.Rings})},
		outcome{telephony.Outbound, telephony.Missed, "", simMobile, false, ""},
	},
	{
		"an agent calls another", "", false,
		twiliotest.Caller{
			From: simAna, To: "client:cleo", Via: "app:in", Meets: meets(twiliotest.Phone{Address: "client:cleo", After: 6 * time.Second, Talks: 10 * time.Second}),
		},
		outcome{telephony.Internal, telephony.Answered, simAna + " client:cleo", simAna, false, ""},
	},
	{
		"withheld", ringAll, false,
		twiliotest.Caller{From: "+266696687", Meets: meets(anaIsSlow, benAnswers)},
		outcome{telephony.Inbound, telephony.Answered, simBen, "withheld", false, ""},
	},
}

// mischiefs are what goes wrong on the way.
var mischiefs = []struct {
	name string
	does []twiliotest.Mischief
}{
	{"in order", nil},
	{"twice", []twiliotest.Mischief{{Repeat: 1}}},
	{"twice at the same time", []twiliotest.Mischief{{Repeat: 1, Parallel: true}}},
	{"3, 1, 0, 2", []twiliotest.Mischief{{Kind: twiliotest.StatusEvent, Order: []int{3, 1, 0, 2}}}},
	{"the end first", []twiliotest.Mischief{{
		Kind: twiliotest.StatusEvent, Delay: 500 * time.Millisecond, Match: func(d twiliotest.Delivery) bool { return d.Form.Get("CallStatus") != "completed" },
	}}},
}

// TestSimulatedCalls: whatever happens to callbacks on their way, a call comes to the same. Whether phones whisper is
// said once for all of a source. All calls go on at the same time.
func TestSimulatedCalls(t *testing.T) {
	t.Parallel()
	type round struct {
		name string
		sim  *simulation
		told []story
		sids []string
	}
	var rounds []round
	for _, whispers := range []bool{false, true} {
		told := slices.DeleteFunc(slices.Clone(stories), func(st story) bool { return st.whispers != whispers })
		var documents []string
		for _, st := range told {
			documents = append(documents, st.twiml)
		}
		for _, m := range mischiefs {
			r := round{fmt.Sprintf("%s, whispers %t", m.name, whispers), observe(t, twiliotest.Config{}, whispers, documents...), told, nil}
			for _, mischief := range m.does {
				r.sim.Meddle(mischief)
			}
			for i, st := range told {
				r.sids = append(r.sids, r.sim.place(st.caller, i))
			}
			rounds = append(rounds, r)
		}
	}
	for _, r := range rounds {
		require.NoError(t, r.sim.Wait(t.Context()))
		for i, st := range r.told {
			got := r.sim.state(r.sids[i])
			require.Equal(t, st.want, outcomeOf(got), "%s, %s: %+v", r.name, st.name, got)
			require.True(t, got.Ended(), "%s, %s", r.name, st.name)
		}
		require.Zero(t, r.sim.Stats().Refused, "%s: %+v", r.name, r.sim.Alerts())
		require.Zero(t, r.sim.Stats().Lost, r.name)
		requireOneEntryEach(t, r.sim)
	}
}

// requireOneEntryEach: what comes twice has the same identities, so that it is one entry of the journal. A call's
// beginning may be told by itself.
func requireOneEntryEach(t *testing.T, s *simulation) {
	t.Helper()
	entries, callbacks := map[string]bool{}, map[string]bool{}
	for _, entry := range s.sink.Entries() {
		var ids []string
		for _, e := range entry {
			ids = append(ids, e.ID)
		}
		entries[strings.Join(ids, " ")] = true
	}
	for _, d := range s.Deliveries() {
		callbacks[d.Token] = true
	}
	require.LessOrEqual(t, len(entries), len(callbacks)+len(s.Calls()))
}

// TestSimulatedGivingUp: whatever is requested of the Dial's action, he has given up.
func TestSimulatedGivingUp(t *testing.T) {
	t.Parallel()
	for _, choice := range []string{"", "no-answer", "canceled"} {
		t.Run("action "+choice, func(t *testing.T) {
			t.Parallel()
			twiml := "<Dial answerOnBridge='true' action='HOOK/dial'><Client EVENTS>ana</Client></Dial>"
			s := observe(t, twiliotest.Config{Choices: twiliotest.Choices{HangupAction: choice}}, false, twiml)
			sid := s.place(twiliotest.Caller{Patience: 8 * time.Second, Meets: meets(anaRings)}, 0)
			require.NoError(t, s.Wait(t.Context()))
			got := s.state(sid)
			require.Equal(t, outcome{telephony.Inbound, telephony.Abandoned, "", simCaller, false, ""}, outcomeOf(got))
		})
	}
}

// TestSimulatedQueue: the agent is known when he takes the caller, not after the talk.
func TestSimulatedQueue(t *testing.T) {
	t.Parallel()
	const enqueue = "<Enqueue action='HOOK/queue?queue=support' waitUrl='HOOK/queue?queue=support'>support</Enqueue>"
	for _, takes := range []bool{true, false} {
		t.Run(map[bool]string{true: "taken", false: "given up"}[takes], func(t *testing.T) {
			t.Parallel()
			s := observe(t, twiliotest.Config{Phones: meets(anaAnswers)}, false, enqueue)
			patience := time.Duration(0)
			if !takes {
				patience = 10 * time.Second
			}
			sid := s.place(twiliotest.Caller{Patience: patience}, 0)
			require.Eventually(t, func() bool { return s.Waiting("support") == 1 }, time.Minute, time.Millisecond)
			want := outcome{telephony.Inbound, telephony.Abandoned, "", simCaller, false, ""}
			if takes {
				want = outcome{telephony.Inbound, telephony.Answered, simAna, simCaller, false, ""}
				hook := func(what string) string { return simPublic + twilio.Path("twilio1", what) }
				s.create(t, url.Values{
					"To": {simAna}, "From": {simLine}, "StatusCallback": {hook("status")}, "StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
					"Twiml": {"<Response><Dial><Queue url='" + hook("queue") + "?queue=support'>support</Queue></Dial></Response>"},
				})
			}
			require.NoError(t, s.Wait(t.Context()))
			got := s.state(sid)
			require.Equal(t, want, outcomeOf(got), "%+v", got)
			require.Equal(t, "support", got.Queue())
		})
	}
}

// TestSimulatedWarmTransfer: the first agent answers, the last one has the call.
func TestSimulatedWarmTransfer(t *testing.T) {
	t.Parallel()
	const room = "<Dial><Conference statusCallback='HOOK/conference' statusCallbackEvent='start end join leave hold' endConferenceOnExit='true'>room</Conference></Dial>"
	phones := meets(twiliotest.Phone{Address: simAna}, twiliotest.Phone{Address: simBen, After: 6 * time.Second})
	s := observe(t, twiliotest.Config{Phones: phones}, false, room)
	sid := s.place(twiliotest.Caller{}, 0)
	inside := func(n int) {
		t.Helper()
		joined := func() bool {
			up := 0
			for _, d := range s.Deliveries() {
				if d.Form.Get("StatusCallbackEvent") == "participant-join" {
					up++
				}
			}
			return up == n
		}
		require.Eventually(t, joined, time.Minute, time.Millisecond)
	}
	inside(1)
	add := func(to string) string {
		body := s.post(t, "/Conferences/room/Participants.json", url.Values{
			"From": {simLine}, "To": {to}, "StatusCallback": {simPublic + twilio.Path("twilio1", "status")},
			"StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
		})
		return body["call_sid"].(string)
	}
	first := add(simAna)
	inside(2)
	add(simBen)
	inside(3)
	s.HangUp(first)
	<-time.After(1100 * time.Millisecond) // Twilio's times have whole seconds
	s.HangUp(sid)
	require.NoError(t, s.Wait(t.Context()))
	got := s.state(sid)
	require.Equal(t, outcome{telephony.Inbound, telephony.Answered, simAna + " " + simBen, simCaller, false, ""}, outcomeOf(got), "%+v", got)
}

// create has the API place a call.
func (s *simulation) create(t *testing.T, form url.Values) {
	t.Helper()
	s.post(t, "/Calls.json", form)
}

func (s *simulation) post(t *testing.T, path string, form url.Values) map[string]any {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/2010-04-01/Accounts/"+s.AccountSID()+path, strings.NewReader(form.Encode()))
	r.SetBasicAuth(s.AccountSID(), s.AuthToken())
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, r)
	require.Equal(t, http.StatusCreated, answer.Code, answer.Body.String())
	var body map[string]any
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &body))
	return body
}
