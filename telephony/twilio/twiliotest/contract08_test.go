package twiliotest_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// phones are three who pick up after three, five and seven seconds, and talk for a minute.
func phones(more ...twiliotest.Phone) []twiliotest.Phone {
	return append([]twiliotest.Phone{
		{Address: ana, After: 3 * time.Second, Talks: time.Minute},
		{Address: ben, After: 5 * time.Second, Talks: time.Minute},
		{Address: cleo, After: 7 * time.Second, Talks: time.Minute},
	}, more...)
}

// A call that is answered, told in all its callbacks.
func TestACallIsAnswered(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
		s.says("/voice", rings("answerOnBridge='true' timeout='20'", ana))
		s.says("/after", "<Hangup/>")
		call := s.call(twiliotest.Caller{Name: "ERIKA MUSTER", Place: twiliotest.Place{City: "HAMBURG", Country: "DE"}})

		first := s.one("/voice")
		for key, want := range map[string]string{
			"CallSid": call.SID, "From": caller, "To": line, "Caller": caller, "Called": line, "CallStatus": "ringing", "Direction": "inbound",
			"FromCity": "HAMBURG", "CallerCountry": "DE", "ToCity": "BERLIN", "CalledCountry": "DE", "FromZip": "", "CallerName": "ERIKA MUSTER",
			"AccountSid": s.AccountSID(), "ApiVersion": "2010-04-01",
		} {
			require.Equal(t, []string{want}, first[key], key)
		}
		require.NotContains(t, first, "Timestamp")
		require.NotContains(t, first, "SequenceNumber")

		require.Equal(t, []string{"initiated", "ringing", "in-progress", "completed"}, s.values("/leg", "CallStatus"))
		require.Equal(t, []string{"0", "1", "2", "3"}, s.values("/leg", "SequenceNumber"))
		last := s.got("/leg")[3].form
		for key, want := range map[string]string{
			"ParentCallSid": call.SID, "Direction": "outbound-dial", "To": ana, "From": caller, "CallDuration": "60", "Duration": "1",
			"SipResponseCode": "200", "CallbackSource": "call-progress-events",
		} {
			require.Equal(t, want, last.Get(key), key)
		}
		when, err := time.Parse(time.RFC1123Z, last.Get("Timestamp"))
		require.NoError(t, err)
		require.Equal(t, s.got("/leg")[3].at.Truncate(time.Second).UTC(), when.UTC())

		after := s.one("/after")
		for key, want := range map[string]string{
			"CallSid": call.SID, "DialCallSid": last.Get("CallSid"), "DialCallStatus": "completed", "DialBridged": "true", "DialCallDuration": "60",
			"CallStatus": "in-progress",
		} {
			require.Equal(t, want, after.Get(key), key)
		}
		end := s.one("/end")
		require.Equal(t, "completed", end.Get("CallStatus"))
		require.Equal(t, "60", end.Get("CallDuration"))
		require.Equal(t, "0", end.Get("SequenceNumber"))
		require.Equal(t, 200*time.Millisecond+3*time.Second, call.Answered.Sub(call.Started), "the caller hears ringing until then")
	})
}

// Case 8.
func TestCallbacksArriveInAnotherOrder(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{Phones: phones(twiliotest.Phone{Address: "+15550101009", Does: twiliotest.Busy})}, func(t *testing.T, s *site) {
		m := s.Meddle(twiliotest.Mischief{Kind: twiliotest.StatusEvent, Order: []int{3, 1, 0, 2}})
		s.says("/voice", rings("", ana))
		s.call(twiliotest.Caller{})
		require.Equal(t, []string{"3", "1", "0", "2"}, s.values("/leg", "SequenceNumber"))
		require.Equal(t, 5, m.Hits(), "four of the phone, and the end of the call, which is the last of its line")
		require.Len(t, s.got("/end"), 1)

		s.says("/voice", rings("", "+15550101009")) // is busy: two callbacks only
		s.call(twiliotest.Caller{})
		require.Equal(t, []string{"1", "0"}, s.values("/leg", "SequenceNumber")[4:])
		m.Remove()
		s.says("/voice", rings("", ana))
		s.call(twiliotest.Caller{})
		require.Equal(t, []string{"0", "1", "2", "3"}, s.values("/leg", "SequenceNumber")[6:])
	})
}

// Case 9.
func TestCallbacksArriveTwice(t *testing.T) {
	t.Parallel()
	for _, parallel := range []bool{false, true} {
		t.Run(map[bool]string{false: "one after the other", true: "at the same time"}[parallel], func(t *testing.T) {
			t.Parallel()
			inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
				s.Meddle(twiliotest.Mischief{Repeat: 1, Parallel: parallel})
				second := "<Say>This one is heard by nobody</Say>"
				if parallel {
					second = rings("", ana) // either may come first
				}
				s.says("/voice", rings("", ana), second)
				s.says("/after", "<Hangup/>")
				s.call(twiliotest.Caller{})
				for _, path := range []string{"/voice", "/after", "/end", "/leg"} {
					tokens := map[string]int{}
					for _, h := range s.got(path) {
						tokens[h.token]++
					}
					for token, times := range tokens {
						require.Equal(t, 2, times, "%s %s", path, token)
					}
				}
				require.Len(t, s.got("/leg"), 8)
				require.Equal(t, 7, s.Stats().Repeated)
			})
		})
	}
}

func TestCallbacksAreDelayedAndDropped(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
		isRinging := func(d twiliotest.Delivery) bool { return d.Form.Get("CallStatus") == "ringing" }
		s.Meddle(twiliotest.Mischief{Kind: twiliotest.StatusEvent, Match: isRinging, Delay: time.Hour})
		s.Meddle(twiliotest.Mischief{Kind: twiliotest.StatusEvent, Skip: 1, Count: 1, Drop: true})
		s.says("/voice", rings("", ana))
		s.call(twiliotest.Caller{})
		require.Equal(t, []string{"initiated", "completed", "ringing"}, s.values("/leg", "CallStatus"))
		require.Equal(t, 1, s.Stats().Dropped)
	})
}

// Case 10: he hangs up before his call's first request is answered.
func TestTheEndComesBeforeTheBeginningIsAnswered(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
		s.slow("/voice", 5*time.Second)
		call := s.call(twiliotest.Caller{HangsUp: time.Second})
		require.Equal(t, twiliotest.NoAnswer, call.Status)
		require.Equal(t, "no-answer", s.one("/end").Get("CallStatus"))
		deliveries := s.Deliveries()
		require.Equal(t, twiliotest.StatusEvent, deliveries[0].Kind)
		require.Equal(t, twiliotest.Incoming, deliveries[1].Kind)
		require.Equal(t, twiliotest.Delivered, deliveries[1].Outcome)
	})
}

// Case 11.
func TestThreePhonesRing(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		choices twiliotest.Choices
		losers  twiliotest.Status
	}{
		{"the others are canceled", twiliotest.Choices{}, twiliotest.Canceled},
		{"or nobody answered there", twiliotest.Choices{LosersNoAnswer: true}, twiliotest.NoAnswer},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, twiliotest.Config{Phones: phones(), Choices: row.choices}, func(t *testing.T, s *site) {
				s.SetPhone(twiliotest.Phone{Address: ben, After: time.Second, Talks: time.Minute, SIP: map[string]string{"X-Agent": "ben"}})
				s.says("/voice", rings("", ana, ben, cleo))
				s.call(twiliotest.Caller{})
				require.Equal(t, map[string]twiliotest.Status{ana: row.losers, ben: twiliotest.Completed, cleo: row.losers}, s.ends())
				var up []string
				for _, h := range s.got("/leg") {
					if h.form.Get("CallStatus") == "in-progress" {
						up = append(up, h.form.Get("To"))
					}
				}
				require.Equal(t, []string{ben}, up)
				require.Equal(t, "ben", s.one("/after").Get("DialSipHeader_X-Agent"))
			})
		})
	}
	t.Run("in turn", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
			s.SetPhone(twiliotest.Phone{Address: ana, Does: twiliotest.Rings})
			s.says("/voice", rings("sequential='true' timeout='10'", ana, ben, cleo))
			s.call(twiliotest.Caller{})
			require.Equal(t, map[string]twiliotest.Status{ana: twiliotest.NoAnswer, ben: twiliotest.Completed}, s.ends())
		})
	})
	t.Run("of eleven only ten", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
			s.says("/voice", rings("", slices.Repeat([]string{ana}, 11)...))
			s.call(twiliotest.Caller{})
			require.Len(t, s.Calls(), 1+10)
			require.Equal(t, 1, s.Stats().Alerts[13200])
		})
	})
	t.Run("two who pick up at the same moment", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
			s.SetPhone(twiliotest.Phone{Address: ben, After: 3 * time.Second, Talks: time.Minute})
			s.says("/voice", rings("", ana, ben))
			s.call(twiliotest.Caller{})
			ends := []twiliotest.Status{s.ends()[ana], s.ends()[ben]}
			require.ElementsMatch(t, []twiliotest.Status{twiliotest.Completed, twiliotest.Canceled}, ends)
		})
	})
}

// Case 12.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		phone  twiliotest.Phone
		status twiliotest.Status
		sip    string
		events []string
	}{
		{"busy", twiliotest.Phone{Does: twiliotest.Busy}, "busy", "486", []string{"initiated", "busy"}},
		{"there is no such phone", twiliotest.Phone{Does: twiliotest.Unreachable}, "failed", "404", []string{"initiated", "failed"}},
		{"it rings on", twiliotest.Phone{Does: twiliotest.Rings}, "no-answer", "487", []string{"initiated", "ringing", "no-answer"}},
		{"he rejects", twiliotest.Phone{Does: twiliotest.Rejects, After: time.Second}, "busy", "603", []string{"initiated", "ringing", "busy"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.phone.Address = ana
			inBubble(t, twiliotest.Config{Phones: []twiliotest.Phone{row.phone}}, func(t *testing.T, s *site) {
				s.says("/voice", rings("answerOnBridge='true' timeout='20'", ana))
				call := s.call(twiliotest.Caller{})
				require.Equal(t, row.events, s.values("/leg", "CallStatus"))
				last := s.got("/leg")[len(row.events)-1].form
				require.Equal(t, row.sip, last.Get("SipResponseCode"))
				require.Equal(t, "0", last.Get("CallDuration"))
				require.Equal(t, string(row.status), s.one("/after").Get("DialCallStatus"))
				require.Equal(t, "false", s.one("/after").Get("DialBridged"))
				require.NotEqual(t, twiliotest.InProgress, call.Status)
			})
		})
	}
	t.Run("this time only", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
			s.says("/voice", rings("", ana))
			s.call(twiliotest.Caller{Meets: []twiliotest.Phone{{Address: ana, Does: twiliotest.Busy}}})
			s.call(twiliotest.Caller{})
			require.Equal(t, []string{"busy", "completed"}, s.values("/after", "DialCallStatus"))
		})
	})
	t.Run("canceled by the API while it rings", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: []twiliotest.Phone{{Address: ana, Does: twiliotest.Rings}}}, func(t *testing.T, s *site) {
			s.says("/answered", "<Hangup/>")
			a := s.want(http.StatusCreated, http.MethodPost, "/Calls.json", form("To", ana, "From", line, "Url", public+"/answered",
				"StatusCallback", public+"/leg"))
			<-time.After(time.Second) // until it rings
			s.want(http.StatusOK, http.MethodPost, "/Calls/"+a.body["sid"].(string)+".json", form("Status", "canceled"))
			s.settle()
			require.Equal(t, "canceled", s.one("/leg").Get("CallStatus"))
			require.Empty(t, s.got("/answered"))
		})
	})
}

// Case 13, and somebody who takes the call.
func TestWhoAnswersIsAskedFirst(t *testing.T) {
	t.Parallel()
	const screen = "<Gather numDigits='1' timeout='3' action='/accept'><Say>Press one</Say></Gather><Hangup/>"
	whispered := "<Dial action='/after' timeout='30'><Number url='/whisper' statusCallback='/leg' statusCallbackEvent='answered completed'>" + ana + "</Number></Dial>"
	story := func(phone twiliotest.Phone, bridged, duration string) func(t *testing.T, s *site) {
		return func(t *testing.T, s *site) {
			phone.Address = ana
			s.SetPhone(phone)
			s.says("/voice", whispered)
			s.says("/whisper", screen)
			s.says("/accept", "<Say>Connecting</Say>")
			call := s.call(twiliotest.Caller{})
			require.Equal(t, []string{"in-progress", "completed"}, s.values("/leg", "CallStatus"))
			after := s.one("/after")
			require.Equal(t, "completed", after.Get("DialCallStatus"))
			require.Equal(t, bridged, after.Get("DialBridged"))
			require.Equal(t, duration, after.Get("DialCallDuration"))
			whisper := s.one("/whisper")
			require.Equal(t, call.SID, whisper.Get("ParentCallSid"))
			require.Equal(t, after.Get("DialCallSid"), whisper.Get("CallSid"))
		}
	}
	t.Run("a machine", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, story(twiliotest.Phone{Does: twiliotest.Machine, Presses: []string{"1"}}, "false", "4"))
	})
	t.Run("a person", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, story(twiliotest.Phone{Presses: []string{"1"}, Talks: time.Minute}, "true", "62"))
	})
	t.Run("the others ring on meanwhile", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
			s.SetPhone(twiliotest.Phone{Address: ana, Does: twiliotest.Machine})
			s.says("/voice", "<Dial action='/after'><Number url='/whisper'>"+ana+"</Number><Number>"+ben+"</Number></Dial>")
			s.says("/whisper", screen)
			s.call(twiliotest.Caller{})
			require.Equal(t, "true", s.one("/after").Get("DialBridged"))
		})
	})
	t.Run("or do not", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones(), Choices: twiliotest.Choices{PickupCancels: true}}, func(t *testing.T, s *site) {
			s.SetPhone(twiliotest.Phone{Address: ana, Does: twiliotest.Machine})
			s.says("/voice", "<Dial action='/after'><Number url='/whisper'>"+ana+"</Number><Number>"+ben+"</Number></Dial>")
			s.says("/whisper", screen)
			s.call(twiliotest.Caller{})
			require.Equal(t, "false", s.one("/after").Get("DialBridged"))
			require.Equal(t, twiliotest.Canceled, s.ends()[ben])
		})
	})
}

// Case 14.
func TestTheCallerHangsUpWhileItRings(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, choice string
		actions      []string
	}{
		{"nothing is requested", "", nil},
		{"the action, with no-answer", "no-answer", []string{"no-answer"}},
		{"the action, with canceled", "canceled", []string{"canceled"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			config := twiliotest.Config{Phones: phones(), Choices: twiliotest.Choices{HangupAction: row.choice}}
			inBubble(t, config, func(t *testing.T, s *site) {
				s.says("/voice", rings("answerOnBridge='true'", ana, ben))
				s.says("/after", "<Record/>") // which nobody hears
				call := s.call(twiliotest.Caller{Patience: 2 * time.Second})
				require.Equal(t, twiliotest.NoAnswer, call.Status)
				require.Equal(t, row.actions, s.values("/after", "DialCallStatus"))
				require.Equal(t, map[string]twiliotest.Status{ana: twiliotest.Canceled, ben: twiliotest.Canceled}, s.ends())
				require.Equal(t, "no-answer", s.one("/end").Get("CallStatus"))
				require.Empty(t, s.Recordings())
			})
		})
	}
	t.Run("while they talk it is another thing", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
			s.says("/voice", rings("", ana))
			s.call(twiliotest.Caller{Talks: 10 * time.Second})
			require.Equal(t, "completed", s.one("/after").Get("DialCallStatus"))
			require.Equal(t, "10", s.one("/after").Get("DialCallDuration"))
			require.Equal(t, "completed", s.one("/after").Get("CallStatus"))
		})
	})
}
