package twiliotest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

func TestWhatIsNoTwiML(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, contentType, body string
		status                  int
		code                    int
	}{
		{"cut off", "text/xml", "<Response><Say>Hello", 200, 12100},
		{"nothing", "text/xml", "", 200, 12100},
		{"another document", "text/xml", "<html/>", 200, 12100},
		{"JSON", "application/json", "{}", 200, 12300},
		{"too much", "text/xml", "<Response><Say>" + strings.Repeat("a", 64<<10) + "</Say></Response>", 200, 11750},
		{"an error", "text/xml", "<Response/>", 500, 11200},
		{"a redirect", "text/xml", "<Response/>", 302, 11200},
		{"an unknown verb", "text/xml", "<Response><Speak/></Response>", 200, 12200},
		{"a known verb elsewhere", "application/xml", "<Response><Say><Dial/></Say></Response>", 200, 12200},
		{"an unknown attribute", "text/xml; charset=utf-8", "<Response><Dial actoin='/a'/></Response>", 200, 12200},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
				s.on("/voice", func(w http.ResponseWriter, _ *http.Request, _ int) {
					w.Header().Set("Content-Type", row.contentType)
					w.WriteHeader(row.status)
					_, _ = io.WriteString(w, row.body)
				})
				call := s.call(twiliotest.Caller{})
				require.Positive(t, s.Stats().Alerts[row.code], "alerts: %v", s.Stats().Alerts)
				require.Equal(t, call.SID, s.Alerts()[0].CallSID)
				require.Equal(t, twiliotest.Completed, call.Status)
			})
		})
	}
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, twiml string
		caller      twiliotest.Caller
		status      twiliotest.Status
		length      time.Duration
		next        map[string]string // what /next was asked with; nil is not at all
	}{
		{"Say", "<Say>one two three four five</Say>", twiliotest.Caller{}, "completed", 2 * time.Second, nil},
		{"Play twice", "<Play loop='2'>a.mp3</Play>", twiliotest.Caller{}, "completed", 6 * time.Second, nil},
		{"Play digits", "<Play digits='1234'/>", twiliotest.Caller{}, "completed", 800 * time.Millisecond, nil},
		{"Pause does not answer", "<Pause length='7'/>", twiliotest.Caller{}, "no-answer", 0, nil},
		{"nothing answers", "", twiliotest.Caller{}, "completed", 0, nil},
		{"Hangup answers", "<Hangup/>", twiliotest.Caller{}, "completed", 0, nil},
		{"Reject does not", "<Reject/>", twiliotest.Caller{}, "failed", 0, nil},
		{"Reject as busy", "<Reject reason='busy'/>", twiliotest.Caller{}, "busy", 0, nil},
		{"Redirect", "<Redirect>next?a=b</Redirect>", twiliotest.Caller{}, "completed", 0, map[string]string{"CallStatus": "ringing"}},
		{
			"Gather", "<Gather numDigits='1' action='next'/>",
			twiliotest.Caller{Presses: []string{"12"}},
			"completed", 0,
			map[string]string{"Digits": "1"},
		},
		{
			"Gather until #", "<Gather action='next'/>",
			twiliotest.Caller{Presses: []string{"12#3"}},
			"completed", 0,
			map[string]string{"Digits": "12"},
		},
		{
			"Gather until time is over", "<Gather action='next' timeout='4'/>",
			twiliotest.Caller{Presses: []string{"12"}},
			"completed",
			4 * time.Second,
			map[string]string{"Digits": "12"},
		},
		{"Gather nothing", "<Gather action='next'><Say>one</Say><Pause/></Gather>", twiliotest.Caller{}, "completed", 6400 * time.Millisecond, nil},
		{
			"Gather nothing, which is told", "<Gather action='next' actionOnEmptyResult='true'/>",
			twiliotest.Caller{},
			"completed", 5 * time.Second,
			map[string]string{"Digits": ""},
		},
		{"Dial nobody", "<Dial action='next'/>", twiliotest.Caller{}, "completed", 0, nil},
		{
			"Dial where it may not", "<Dial action='next'>+53123456789</Dial>",
			twiliotest.Caller{},
			"completed", 0,
			map[string]string{"DialCallStatus": "failed"},
		},
		{
			"Dial for five minutes", "<Dial action='next' timeLimit='300'>" + ana + "</Dial>",
			twiliotest.Caller{},
			"completed", 303200 * time.Millisecond,
			map[string]string{"DialCallDuration": "300"},
		},
		{"he hangs up", "<Pause length='100'/>", twiliotest.Caller{HangsUp: time.Second}, "no-answer", 0, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			config := twiliotest.Config{Forbidden: []string{"+53"}, Phones: []twiliotest.Phone{{Address: ana, After: 3 * time.Second}}}
			inBubble(t, config, func(t *testing.T, s *site) {
				s.says("/voice", row.twiml)
				call := s.call(row.caller)
				require.Equal(t, row.status, call.Status)
				require.Equal(t, row.length, call.Duration())
				require.Equal(t, row.next != nil, len(s.got("/next")) == 1)
				for key, want := range row.next {
					require.Equal(t, want, s.one("/next").Get(key), key)
				}
			})
		})
	}
}

func TestACallThatGoesRoundInCirclesEnds(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
		s.says("/voice", "<Pause/><Redirect/>")
		s.call(twiliotest.Caller{})
		require.Len(t, s.got("/voice"), 200)
		require.Len(t, s.got("/end"), 1)
	})
}

func TestACallIsTakenElsewhereByTheAPI(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
		s.says("/voice", rings("", ana))
		s.says("/other", "<Pause length='20'/>")
		sid, err := s.Call(twiliotest.Caller{From: caller, To: line})
		require.NoError(t, err)
		<-time.After(10 * time.Second)
		s.want(http.StatusOK, http.MethodPost, "/Calls/"+sid+".json", form("Url", public+"/other"))
		<-time.After(10 * time.Second)
		require.Equal(t, map[string]twiliotest.Status{ana: twiliotest.Completed}, s.ends(), "the other side is hung up")
		require.Empty(t, s.got("/after"))
		s.want(http.StatusOK, http.MethodPost, "/Calls/"+sid+".json", form("Status", "completed"))
		s.settle()
		call, _ := s.CallBySID(sid)
		require.Equal(t, 20*time.Second, call.Duration())
		a := s.want(http.StatusBadRequest, http.MethodPost, "/Calls/"+sid+".json", form("Url", public+"/other"))
		require.EqualValues(t, 21220, a.body["code"])
	})
}

func TestTimeMovesWhenItIsTold(t *testing.T) {
	t.Parallel()
	s := twiliotest.New(twiliotest.Config{
		Transport: twiliotest.Direct(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, "<Response><Say>Hello</Say><Pause length='3600'/></Response>")
		})),
		Numbers: []twiliotest.Number{{Number: line, VoiceURL: public + "/voice"}},
	})
	defer s.Close()
	sid, err := s.Call(twiliotest.Caller{From: caller, To: line})
	require.NoError(t, err)
	for over := false; !over; {
		s.Advance(time.Minute)
		select {
		case <-s.Done(sid):
			over = true
		case <-time.After(time.Millisecond):
		}
	}
	require.NoError(t, s.Wait(t.Context()))
	call, _ := s.CallBySID(sid)
	require.GreaterOrEqual(t, call.Duration(), time.Hour)
	<-s.Done("CA0")
}

func TestNumbersAreResources(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
		s.SetNumber(twiliotest.Number{Number: "app:desk", VoiceURL: public})
		s.SetNumber(twiliotest.Number{Number: line, VoiceURL: public + "/old", Name: "Support"})
		sids := s.list("/IncomingPhoneNumbers.json", "incoming_phone_numbers", "sid")
		require.Len(t, sids, 1)
		require.Empty(t, s.list("/IncomingPhoneNumbers.json?PhoneNumber=%2B1", "incoming_phone_numbers", "sid"))
		a := s.want(http.StatusOK, http.MethodPost, "/IncomingPhoneNumbers/"+sids[0]+".json", form("VoiceUrl", public+"/new", "StatusCallback", public+"/end"))
		require.Equal(t, public+"/new", a.body["voice_url"])
		s.call(twiliotest.Caller{})
		require.Len(t, s.got("/new"), 1)
		require.Len(t, s.got("/end"), 1)
		require.Equal(t, "active", s.want(http.StatusOK, http.MethodGet, ".json", nil).body["status"])
		for _, path := range []string{"/Calls/CA0.json", "/Recordings/RE0.json", "/IncomingPhoneNumbers/PN0.json", "/Conferences/CF0.json", "/Usage.json", "/Calls.xml"} {
			require.EqualValues(t, 20404, s.want(http.StatusNotFound, http.MethodGet, path, nil).body["code"], path)
		}
	})
}

func TestTheAccountKeepsTwiMLItself(t *testing.T) {
	t.Parallel()
	number := twiliotest.Number{Number: "app:desk", Bin: rings("callerId='"+line+"'", "{{To}}"), StatusCallback: public + "/end"}
	number.Bin = strings.ReplaceAll("<Response>"+number.Bin+"</Response>", "'/", "'"+public+"/")
	inBubble(t, twiliotest.Config{Phones: phones(), Numbers: []twiliotest.Number{number, {Number: line}}}, func(t *testing.T, s *site) {
		s.call(twiliotest.Caller{From: "client:ana", To: ana, Via: "app:desk"})
		require.Equal(t, map[string]twiliotest.Status{ana: twiliotest.Completed}, s.ends())
		require.Equal(t, []string{"initiated", "ringing", "in-progress", "completed"}, s.values("/leg", "CallStatus"))
		require.Len(t, s.got("/after"), 1)
		require.Len(t, s.hits, 6, "nobody was asked what to do")
		s.SetNumber(twiliotest.Number{Number: line, Bin: "<Response><Record/><Pause/></Response>"})
		s.call(twiliotest.Caller{Says: 3 * time.Second, Stays: true})
		require.Len(t, s.Recordings(), 2, "without an action the document runs again")
		s.call(twiliotest.Caller{Says: 3 * time.Second})
		require.Len(t, s.Recordings(), 3)
		require.Zero(t, s.Stats().Refused+s.Stats().Lost)
		s.SetNumber(twiliotest.Number{Number: "app:desk", Bin: "<Response>"})
		require.Equal(t, twiliotest.Completed, s.call(twiliotest.Caller{From: "client:ana", To: ana, Via: "app:desk"}).Status)
		require.Equal(t, 1, s.Stats().Alerts[12100])
	})
}
