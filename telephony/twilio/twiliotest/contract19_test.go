package twiliotest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

const room = "<Dial action='/after'><Conference statusCallback='/conference' statusCallbackEvent='start end join leave mute hold modify'" +
	" endConferenceOnExit='true' participantLabel='caller'>room</Conference></Dial>"

// Case 19.
func TestACallIsHandedOverInAConference(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
		s.SetPhone(twiliotest.Phone{Address: ana, After: 3 * time.Second, Talks: 40 * time.Second})
		s.SetPhone(twiliotest.Phone{Address: ben, After: 3 * time.Second})
		s.says("/voice", room)
		sid, err := s.Call(twiliotest.Caller{From: caller, To: line, HangsUp: 100 * time.Second})
		require.NoError(t, err)
		<-time.After(time.Second)
		add := func(to, label string) string {
			a := s.want(http.StatusCreated, http.MethodPost, "/Conferences/room/Participants.json", form("From", line, "To", to, "Label", label))
			return a.body["call_sid"].(string)
		}
		first := add(ana, "ana")
		<-time.After(10 * time.Second)
		conference := s.list("/Conferences.json?Status=in-progress", "conferences", "sid")[0]
		participants := "/Conferences/" + conference + "/Participants"
		s.want(http.StatusOK, http.MethodPost, participants+"/"+sid+".json", form("Hold", "true"))
		second := add(ben, "ben")
		<-time.After(10 * time.Second)
		require.Equal(t, []string{sid, first, second}, s.list(participants+".json", "participants", "call_sid"))
		s.want(http.StatusOK, http.MethodPost, participants+"/"+sid+".json", form("Hold", "false"))
		s.settle()

		var told []string
		for i, h := range s.got("/conference") {
			require.Equal(t, fmt.Sprint(i), h.form.Get("SequenceNumber"))
			told = append(told, strings.TrimSpace(h.form.Get("StatusCallbackEvent")+" "+h.form.Get("ParticipantLabel")))
		}
		require.Equal(t, []string{
			"participant-join caller", "participant-join ana", "conference-start", "participant-hold caller", "participant-join ben",
			"participant-unhold caller", "participant-leave ana", "participant-leave caller", "conference-end", "participant-leave ben",
		}, told)
		left := s.got("/conference")[6].form
		require.Equal(t, "participant_hung_up", left.Get("ReasonParticipantLeft"))
		require.Equal(t, "completed", left.Get("ParticipantCallStatus"))
		require.Equal(t, "moderator_ended_conference", s.got("/conference")[9].form.Get("ReasonParticipantLeft"))
		require.Equal(t, sid, s.got("/conference")[8].form.Get("CallSidEndingConference"))
		after := s.one("/after")
		require.Equal(t, "answered", after.Get("DialCallStatus"))
		require.NotContains(t, after, "DialCallSid")
		for _, c := range s.Calls()[1:] {
			require.Empty(t, c.Parent, "who is added has no parent")
			require.Equal(t, "outbound-api", c.Direction)
		}
		s.want(http.StatusNotFound, http.MethodGet, participants+"/"+sid+".json", nil)
		require.Empty(t, s.list(participants+".json", "participants", "call_sid"), "only who is in it is listed")
	})
}

func TestSomebodyNeverComesIntoTheConference(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{Phones: []twiliotest.Phone{{Address: ana, Does: twiliotest.Busy}}}, func(t *testing.T, s *site) {
		s.says("/voice", room)
		_, err := s.Call(twiliotest.Caller{From: caller, To: line, HangsUp: time.Minute})
		require.NoError(t, err)
		<-time.After(time.Second)
		s.want(http.StatusCreated, http.MethodPost, "/Conferences/room/Participants.json", form("From", line, "To", ana))
		s.settle()
		require.Equal(t, []string{"participant-join", "participant-leave", "participant-leave", "conference-end"}, s.values("/conference", "StatusCallbackEvent"))
		require.Equal(t, "participant_add_failed", s.got("/conference")[1].form.Get("ReasonParticipantLeft"))
		require.Equal(t, "busy", s.got("/conference")[1].form.Get("ParticipantCallStatus"))
	})
}

// Case 20.
func TestACallerWaitsInAQueue(t *testing.T) {
	t.Parallel()
	const enqueue = "<Enqueue action='/dequeued' waitUrl='/wait' maxQueueSize='1'>support</Enqueue>"
	agent := func(s *site) string {
		s.says("/agent", "<Dial><Queue url='/taken'>support</Queue></Dial>")
		a := s.want(http.StatusCreated, http.MethodPost, "/Calls.json", form("To", ana, "From", line, "Url", public+"/agent"))
		return a.body["sid"].(string)
	}
	start := func(t *testing.T, s *site, c twiliotest.Caller) string {
		s.says("/voice", enqueue)
		s.says("/wait", "<Play>music.mp3</Play>")
		c.From, c.To = caller, line
		sid, err := s.Call(c)
		require.NoError(t, err)
		<-time.After(10 * time.Second)
		return sid
	}
	t.Run("until an agent takes him", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
			sid := start(t, s, twiliotest.Caller{})
			require.Equal(t, 1, s.Waiting("support"))
			by := agent(s)
			s.settle()
			taken := s.one("/taken")
			require.Equal(t, sid, taken.Get("CallSid"))
			require.Equal(t, by, taken.Get("DequeingCallSid"))
			require.Equal(t, "13", taken.Get("QueueTime"))
			out := s.one("/dequeued")
			require.Equal(t, "bridged", out.Get("QueueResult"))
			require.Equal(t, taken.Get("QueueSid"), out.Get("QueueSid"))
			require.Equal(t, time.Minute, s.got("/dequeued")[0].at.Sub(s.got("/taken")[0].at), "the action comes after the talk")
			require.Equal(t, "1", s.got("/wait")[0].form.Get("QueuePosition"))
			require.Greater(t, len(s.got("/wait")), 2)
		})
	})
	t.Run("until he has enough", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			start(t, s, twiliotest.Caller{Patience: 30 * time.Second})
			s.settle()
			require.Equal(t, "hangup", s.one("/dequeued").Get("QueueResult"))
			require.Equal(t, "30", s.one("/dequeued").Get("QueueTime"))
			require.Zero(t, s.Waiting("support"))
		})
	})
	t.Run("which is full", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			start(t, s, twiliotest.Caller{Patience: time.Minute})
			s.says("/dequeued", "<Say>Sorry</Say>")
			s.call(twiliotest.Caller{})
			require.Equal(t, []string{"queue-full", "hangup"}, s.values("/dequeued", "QueueResult"))
		})
	})
	t.Run("which he leaves", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			s.says("/voice", "<Enqueue action='/dequeued' waitUrl='/wait'>support</Enqueue>")
			s.says("/wait", "<Say>Please wait</Say>", "<Leave/>")
			s.call(twiliotest.Caller{})
			require.Equal(t, "leave", s.one("/dequeued").Get("QueueResult"))
		})
	})
	t.Run("out of which he is taken", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			sid := start(t, s, twiliotest.Caller{})
			s.want(http.StatusOK, http.MethodPost, "/Calls/"+sid+".json", form("Twiml", "<Response><Say>Goodbye</Say></Response>"))
			s.settle()
			require.Equal(t, "redirected", s.one("/dequeued").Get("QueueResult"))
			require.Zero(t, s.Waiting("support"))
		})
	})
}

// Case 21.
func TestCallsAreListed(t *testing.T) {
	t.Parallel()
	t.Run("page by page, while there are more", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			for i := range 600 {
				root := s.Remember(twiliotest.Past{From: caller, To: line, Start: s.Now().Add(-time.Duration(i+2) * time.Minute), Length: time.Minute})
				s.Remember(twiliotest.Past{
					Parent: root, From: caller, To: ana, Direction: "outbound-dial", Start: s.Now().Add(-time.Duration(i+2)*time.Minute + 5*time.Second), Length: time.Minute,
				})
			}
			first := s.want(http.StatusOK, http.MethodGet, "/Calls.json?PageSize=400", nil)
			calls := first.body["calls"].([]any)
			require.Len(t, calls, 400)
			newest := calls[0].(map[string]any)
			require.Equal(t, "outbound-dial", newest["direction"], "a child comes before its parent")
			require.Equal(t, calls[1].(map[string]any)["sid"], newest["parent_call_sid"])
			s.Remember(twiliotest.Past{From: caller, To: line, Start: s.Now()})
			seen := map[any]int{}
			for _, c := range calls {
				seen[c.(map[string]any)["sid"]]++
			}
			pages := 1
			for next := first.body["next_page_uri"]; next != nil; pages++ {
				page := s.want(http.StatusOK, http.MethodGet, next.(string), nil)
				for _, c := range page.body["calls"].([]any) {
					seen[c.(map[string]any)["sid"]]++
				}
				next = page.body["next_page_uri"]
			}
			require.Equal(t, 4, pages)
			require.Len(t, seen, 1200, "the newest was not there yet")
			twice := 0
			for _, n := range seen {
				twice += n - 1
			}
			require.Equal(t, 1, twice, "one moved from the first page to the second")
		})
	})
	t.Run("by day", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			noon := time.Date(1999, 12, 10, 12, 0, 0, 0, time.UTC)
			for _, at := range []time.Time{noon.AddDate(0, 0, -1), noon, noon.AddDate(0, 0, 1)} {
				s.Remember(twiliotest.Past{SID: "CA" + at.Format("02"), From: caller, To: line, Start: at, Length: time.Minute})
			}
			for _, row := range []struct {
				query string
				want  []string
			}{
				{"StartTime=1999-12-10", []string{"CA10"}},
				{"StartTime>=1999-12-10", []string{"CA11", "CA10"}},
				{"StartTime<=1999-12-10", []string{"CA09"}},
				{"StartTime>=1999-12-10&StartTime<=1999-12-10", nil},
				{"StartTime>=1999-12-09&StartTime<=1999-12-11", []string{"CA10", "CA09"}},
				{"StartTime>=1999-12-10T23:00:00Z", []string{"CA11", "CA10"}},
				{"EndTime>=1999-12-11", []string{"CA11"}},
				{"To=" + url.QueryEscape(ana), nil},
				{"to=" + url.QueryEscape(ana), []string{"CA11", "CA10", "CA09"}},
				{"Status=completed&PageSize=1", []string{"CA11", "CA10", "CA09"}},
			} {
				require.Equal(t, row.want, s.list("/Calls.json?"+strings.NewReplacer("<=", "%3C=", ">=", "%3E=").Replace(row.query), "calls", "sid"), row.query)
			}
		})
	})
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{ListLag: time.Minute, Phones: phones()}, func(t *testing.T, s *site) {
			s.says("/voice", rings("", ana))
			sid, err := s.Call(twiliotest.Caller{From: caller, To: line})
			require.NoError(t, err)
			require.Empty(t, s.list("/Calls.json", "calls", "sid"))
			s.settle() // after 63 seconds
			require.Equal(t, []string{"in-progress", "in-progress"}, s.list("/Calls.json", "calls", "status"))
			require.Equal(t, "completed", s.want(http.StatusOK, http.MethodGet, "/Calls/"+sid+".json", nil).body["status"], "one is read at once")
			s.Advance(time.Minute)
			require.Equal(t, []string{"completed", "completed"}, s.list("/Calls.json", "calls", "status"))
		})
	})
	t.Run("as a resource", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
			s.says("/voice", rings("answerOnBridge='true'", ana))
			root := s.call(twiliotest.Caller{})
			child := s.want(http.StatusOK, http.MethodGet, "/Calls.json?ParentCallSid="+root.SID, nil).body["calls"].([]any)[0].(map[string]any)
			for key, want := range map[string]any{
				"parent_call_sid": root.SID, "from": caller, "to": ana, "status": "completed", "duration": "60", "direction": "outbound-dial",
				"answered_by": nil, "start_time": "Sat, 01 Jan 2000 00:00:00 +0000", "end_time": "Sat, 01 Jan 2000 00:01:03 +0000",
			} {
				require.Equal(t, want, child[key], key)
			}
		})
	})
}

// Case 22.
func TestTheAPIRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		effect  twiliotest.Effect
		status  int
		created int
		check   func(t *testing.T, a answer)
	}{
		{"429", twiliotest.TooMany(0), 429, 0, func(t *testing.T, a answer) {
			require.EqualValues(t, 20429, a.body["code"])
			require.Empty(t, a.header.Get("Retry-After"))
		}},
		{"429 with a time", twiliotest.TooMany(2 * time.Second), 429, 0, func(t *testing.T, a answer) {
			require.Equal(t, "2", a.header.Get("Retry-After"))
		}},
		{"503 in HTML", twiliotest.Unavailable(), 503, 0, func(t *testing.T, a answer) {
			require.Nil(t, a.body)
			require.Contains(t, a.raw, "<html>")
		}},
		{"cut before", twiliotest.DropBefore(), 0, 0, nil},
		{"cut after", twiliotest.DropAfter(), 0, 1, nil},
		{"slow", twiliotest.Slow(time.Minute), 201, 1, nil},
		{"late", twiliotest.Late(time.Minute), 201, 1, nil},
		{"refused", twiliotest.Refuse(400, 10004, "Call concurrency limit exceeded"), 400, 0, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
				fault := s.Inject(twiliotest.Fault{Method: http.MethodPost, Path: "/2010-04-01/Accounts/*/Calls.json", Count: 1, Effect: row.effect})
				create := form("To", ana, "From", line, "Url", public+"/answered")
				a, err := s.api(http.MethodPost, "/Calls.json", create)
				if row.status == 0 {
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				} else {
					require.NoError(t, err)
					require.Equal(t, row.status, a.status)
				}
				require.Equal(t, 1, fault.Hits())
				require.Len(t, s.Calls(), row.created)
				if row.check != nil {
					row.check(t, a)
				}
				s.want(http.StatusCreated, http.MethodPost, "/Calls.json", create)
				require.Len(t, s.Calls(), row.created+1, "twice asked is twice done")
				requests := s.Requests()
				require.Len(t, requests, 2)
				require.Equal(t, row.effect.String(), requests[0].Fault)
				require.Equal(t, row.status, requests[0].Status)
			})
		})
	}
}

// Case 23.
func TestACallIsCreated(t *testing.T) {
	t.Parallel()
	t.Run("and answered", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones(twiliotest.Phone{Address: caller, After: 5 * time.Second, Talks: 30 * time.Second})}, func(t *testing.T, s *site) {
			s.says("/answered", "<Dial callerId='"+line+"' action='/after'><Number>"+caller+"</Number></Dial>")
			f := form("To", ana, "From", line, "Url", public+"/answered", "StatusCallback", public+"/leg", "Record", "true", "MachineDetection", "Enable")
			f["StatusCallbackEvent"] = []string{"initiated", "ringing", "answered", "completed"}
			made := s.want(http.StatusCreated, http.MethodPost, "/Calls.json", f)
			require.Equal(t, "queued", made.body["status"])
			s.settle()
			require.Equal(t, []string{"initiated", "ringing", "in-progress", "completed"}, s.values("/leg", "CallStatus"))
			require.Equal(t, "human", s.got("/leg")[2].form.Get("AnsweredBy"))
			require.NotEmpty(t, s.got("/leg")[3].form.Get("RecordingSid"))
			require.Equal(t, "outbound-api", s.one("/answered").Get("Direction"))
			require.Equal(t, "completed", s.one("/after").Get("DialCallStatus"))
			require.Equal(t, map[string]twiliotest.Status{caller: twiliotest.Completed}, s.ends())
		})
	})
	t.Run("with TwiML that came along", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones(twiliotest.Phone{Address: caller, After: 5 * time.Second, Talks: 30 * time.Second})}, func(t *testing.T, s *site) {
			made := s.want(http.StatusCreated, http.MethodPost, "/Calls.json", form("To", ana, "From", line, "StatusCallback", public+"/root?order=1",
				"Twiml", "<Response><Dial callerId='"+line+"' action='"+public+"/after?order=1'><Number statusCallback='"+public+
					"/leg?order=1' statusCallbackEvent='initiated answered completed'>"+caller+"</Number></Dial></Response>"))
			s.settle()
			require.Equal(t, []string{"initiated", "in-progress", "completed"}, s.values("/leg", "CallStatus"))
			leg := s.got("/leg")[1].form
			require.Equal(t, made.body["sid"], leg.Get("ParentCallSid"))
			require.Equal(t, line, leg.Get("From"), "the caller id")
			require.Equal(t, "true", s.one("/after").Get("DialBridged"))
			require.Equal(t, made.body["sid"], s.one("/after").Get("CallSid"))
			require.Equal(t, "completed", s.one("/root").Get("CallStatus"))
			require.Len(t, s.Calls(), 2)
		})
	})
	t.Run("one a second", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones(), CPS: 1}, func(t *testing.T, s *site) {
			var sids []string
			for range 3 {
				a := s.want(http.StatusCreated, http.MethodPost, "/Calls.json", form("To", ana, "From", line, "Twiml", "<Response><Pause/></Response>"))
				sids = append(sids, a.body["sid"].(string))
			}
			s.settle()
			var waits []any
			for _, sid := range sids {
				waits = append(waits, s.want(http.StatusOK, http.MethodGet, "/Calls/"+sid+".json", nil).body["queue_time"])
			}
			require.Equal(t, []any{"0", "1000", "2000"}, waits)
		})
	})
	for _, row := range []struct {
		name string
		form url.Values
		code int
	}{
		{"to nobody", form("From", line, "Url", public), 21201},
		{"from nobody", form("To", ana, "Url", public), 21213},
		{"to no number", form("To", "0301234", "From", line, "Url", public), 21211},
		{"from no number", form("To", ana, "From", "anonymous", "Url", public), 21212},
		{"from somebody else's", form("To", ana, "From", ana, "Url", public), 21210},
		{"to where it may not", form("To", "+53123456789", "From", line, "Url", public), 21215},
		{"with nothing to say", form("To", ana, "From", line), 21205},
		{"with bad TwiML", form("To", ana, "From", line, "Twiml", "<Response>"), 12100},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, twiliotest.Config{Forbidden: []string{"+53"}}, func(t *testing.T, s *site) {
				a := s.want(http.StatusBadRequest, http.MethodPost, "/Calls.json", row.form)
				require.EqualValues(t, row.code, a.body["code"])
				require.Empty(t, s.Calls())
			})
		})
	}
	t.Run("nobody answers", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: []twiliotest.Phone{{Address: ana, Does: twiliotest.Rings}}}, func(t *testing.T, s *site) {
			s.want(http.StatusCreated, http.MethodPost, "/Calls.json", form("To", ana, "From", line, "Url", public+"/answered", "Timeout", "20", "StatusCallback", public+"/leg"))
			s.settle()
			require.Equal(t, "no-answer", s.one("/leg").Get("CallStatus"))
			require.Equal(t, "487", s.one("/leg").Get("SipResponseCode"))
			require.Equal(t, "0", s.one("/leg").Get("Duration"))
		})
	})
}

// Case 24.
func TestWhoCalls(t *testing.T) {
	t.Parallel()
	numbers := []twiliotest.Number{
		{Number: line, VoiceURL: public + "/voice"},
		{Number: "app:desk", VoiceURL: public + "/out"},
		{Number: "sip:desk@acme.sip.twilio.com", VoiceURL: public + "/sip", VoiceMethod: http.MethodGet},
	}
	t.Run("a browser", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Numbers: numbers, Phones: phones()}, func(t *testing.T, s *site) {
			s.says("/out", "<Dial callerId='"+line+"'>"+ana+"</Dial>")
			s.call(twiliotest.Caller{From: "client:ana", To: ana, Via: "app:desk"})
			first := s.one("/out")
			require.Equal(t, "client:ana", first.Get("From"))
			require.Equal(t, "inbound", first.Get("Direction"))
			require.NotContains(t, first, "FromCity")
			require.Equal(t, map[string]twiliotest.Status{ana: twiliotest.Completed}, s.ends())
		})
	})
	t.Run("a browser that shows no number", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Numbers: numbers, Phones: phones()}, func(t *testing.T, s *site) {
			s.says("/out", "<Dial action='/after'>"+ana+"</Dial>")
			s.call(twiliotest.Caller{From: "client:ana", To: ana, Via: "app:desk"})
			require.Equal(t, "failed", s.one("/after").Get("DialCallStatus"))
			require.Equal(t, 1, s.Stats().Alerts[13214])
		})
	})
	t.Run("a telephone of another system", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Numbers: numbers}, func(t *testing.T, s *site) {
			var query url.Values
			s.on("/sip", func(w http.ResponseWriter, r *http.Request, _ int) {
				query = r.URL.Query()
				w.WriteHeader(http.StatusNoContent)
			})
			s.call(twiliotest.Caller{
				From: "sip:100@pbx.example.com", To: "sip:desk@acme.sip.twilio.com",
				SIP: map[string]string{"X-Customer": "42", "User-to-User": "00"},
			})
			require.Equal(t, "42", query.Get("SipHeader_X-Customer"))
			require.Equal(t, "00", query.Get("SipHeader_User-to-User"))
			require.Equal(t, "acme.sip.twilio.com", query.Get("SipDomain"))
			require.Equal(t, "100", query.Get("SipUsername"))
		})
	})
	for _, from := range []string{"anonymous", "Restricted", "+266696687"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			inBubble(t, twiliotest.Config{Numbers: numbers, Phones: phones()}, func(t *testing.T, s *site) {
				s.says("/voice", "<Dial callerId='"+line+"'>"+ana+"</Dial>")
				s.call(twiliotest.Caller{From: from, Extra: map[string]string{"StirVerstat": "TN-Validation-Failed-C"}, Forwarded: "+4930123456"})
				first := s.one("/voice")
				require.Equal(t, from, first.Get("From"))
				require.Equal(t, "TN-Validation-Failed-C", first.Get("StirVerstat"))
				require.Equal(t, "+4930123456", first.Get("ForwardedFrom"))
				require.Equal(t, line, s.Calls()[1].From)
			})
		})
	}
	t.Run("nobody has that number", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			_, err := s.Call(twiliotest.Caller{From: caller, To: ana})
			require.ErrorContains(t, err, "no number "+ana)
		})
	})
}
