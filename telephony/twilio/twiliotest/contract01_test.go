package twiliotest_test

import (
	"errors"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// Case 1: the documented vector, and the library as judge.
func TestTheLibraryAcceptsWhatIsSigned(t *testing.T) {
	t.Parallel()
	const target = "https://example.com/myapp.php?foo=1&bar=2"
	form := func() url.Values {
		return url.Values{
			"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675310"}, "From": {"+14158675310"}, "Digits": {"1234"}, "To": {"+18005551212"},
		}
	}
	require.Equal(t, "L/OH5YylLD5NRKLltdqwSvS0BnU=", twiliotest.Sign("12345", target, form()))

	for _, row := range []struct {
		name          string
		signed, shown string
		change        func(url.Values)
		token         string
		passes        bool
	}{
		{name: "as it was signed", passes: true},
		{name: "a parameter that nobody knows", change: func(f url.Values) { f.Set("StirVerstat", "TN-Validation-Passed-A") }, passes: true},
		{name: "one byte is another", change: func(f url.Values) { f["Digits"] = []string{"1235"} }},
		{name: "another token", token: "12346"},
		{name: "with user, password and fragment", signed: "https://u:p@example.com/myapp.php?foo=1&bar=2#rc=5&rp=all", passes: true},
		{name: "another path", shown: "https://example.com/myapp.php/?foo=1&bar=2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f, signed, shown, token := form(), target, target, "12345"
			if row.signed != "" {
				signed = row.signed
			}
			if row.shown != "" {
				shown = row.shown
			}
			if row.token != "" {
				token = row.token
			}
			if row.change != nil && row.passes {
				row.change(f)
			}
			signature := twiliotest.Sign(token, signed, f)
			if row.change != nil && !row.passes {
				row.change(f)
			}
			validator := client.NewRequestValidator("12345")
			require.Equal(t, row.passes, validator.ValidateBody(shown, []byte(f.Encode()), signature))
		})
	}
}

// Case 2.
func TestVoiceIsSignedWithoutThePortOfHTTPS(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, target, want string }{
		{"https", "https://example.com:8443/a?b=1", "https://example.com/a?b=1"},
		{"https without a port", "https://example.com/a", "https://example.com/a"},
		{"http", "http://example.com:8080/a", "http://example.com:8080/a"},
		{"no path", "https://example.com:8443", "https://example.com"},
		{"a colon in the query", "https://example.com?a=b:8", "https://example.com?a=b:8"},
		{"six", "https://[2001:db8::1]:8443/a", "https://[2001:db8::1]/a"},
		{"six without a port", "https://[2001:db8::1]/a", "https://[2001:db8::1]/a"},
		{"with a password", "https://user:word@example.com/a", "https://user:word@example.com/a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, row.want, twiliotest.VoiceURL(row.target))
		})
	}
	validator := client.NewRequestValidator("12345")
	const target = "https://example.com:8443/sms"
	form := url.Values{"From": {caller}}
	for _, signed := range []string{target, twiliotest.VoiceURL(target)} {
		require.True(t, validator.ValidateBody(target, []byte(form.Encode()), twiliotest.Sign("12345", signed, form)), "signed for %s", signed)
	}
}

// Case 3.
func TestJSONIsSignedWithItsHash(t *testing.T) {
	t.Parallel()
	body := []byte(`{"type":"com.twilio.voice.status"}`)
	target := twiliotest.BodyURL(public+"/json?a=1#rc=2", body)
	require.Contains(t, target, "?a=1&bodySHA256=")
	require.Contains(t, target, "#rc=2")
	signature := twiliotest.Sign("12345", target, nil)
	shown := target[:len(target)-len("#rc=2")]
	validator := client.NewRequestValidator("12345")
	require.True(t, validator.ValidateBody(shown, body, signature))
	require.False(t, validator.ValidateBody(shown, append(body, ' '), signature), "another body")
	require.False(t, validator.ValidateBody(shown, body, twiliotest.Sign("12346", target, nil)), "another token")
}

func TestACallbackInJSONArrives(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
		status, err := s.SendJSON(t.Context(), public+"/json", []byte(`{"a":1}`))
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, status)
		status, err = s.Send(t.Context(), public+"/events", url.Values{"EventType": {"reservation.accepted"}})
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, status)
		require.Equal(t, "reservation.accepted", s.one("/events").Get("EventType"))
	})
}

// Case 4: a promoted token signs and lets in, the old one does neither any more.
func TestATokenIsPromoted(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{Keys: map[string]string{"SK1": "key"}}, func(t *testing.T, s *site) {
		old := s.AuthToken()
		s.says("/voice", "<Hangup/>")
		s.call(twiliotest.Caller{})
		s.Promote("fedcba9876543210fedcba9876543210")
		s.call(twiliotest.Caller{}) // the site checks with the token of the moment
		for _, row := range []struct {
			user, password string
			want           int
		}{
			{s.AccountSID(), s.AuthToken(), 200},
			{s.AccountSID(), old, 401},
			{"SK1", "key", 200},
			{"SK1", "", 401},
			{"SK2", "", 401},
			{"", "", 401},
		} {
			a, err := s.apiAs(row.user, row.password, http.MethodGet, "/Calls.json", nil)
			require.NoError(t, err)
			require.Equal(t, row.want, a.status, "user %q", row.user)
			if row.want == 401 {
				require.EqualValues(t, 20003, a.body["code"])
			}
		}
		a := s.want(http.StatusNotFound, http.MethodGet, "/2010-04-01/Accounts/AC99/Calls.json", nil)
		require.EqualValues(t, 20404, a.body["code"])
	})
}

// Case 5.
func TestTooSlowAnAnswerIsAskedOfTheFallback(t *testing.T) {
	t.Parallel()
	numbers := []twiliotest.Number{{Number: line, VoiceURL: public + "/voice", FallbackURL: public + "/fallback", StatusCallback: public + "/end"}}
	t.Run("which knows what to do", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Numbers: numbers}, func(t *testing.T, s *site) {
			s.slow("/voice", 16*time.Second)
			s.says("/fallback", "<Say>One moment</Say>")
			began := time.Now()
			s.call(twiliotest.Caller{})
			form := s.one("/fallback")
			require.Equal(t, "11200", form.Get("ErrorCode"))
			require.Equal(t, public+"/voice", form.Get("ErrorUrl"))
			require.Equal(t, 15*time.Second, s.got("/fallback")[0].at.Sub(began))
			require.Equal(t, "completed", s.one("/end").Get("CallStatus"))
			require.Equal(t, 1, s.Stats().Fallbacks)
			require.Equal(t, 1, s.Stats().Lost)
		})
	})
	t.Run("which is slow too", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Numbers: numbers}, func(t *testing.T, s *site) {
			s.slow("/voice", time.Minute)
			s.slow("/fallback", time.Minute)
			s.call(twiliotest.Caller{})
			require.Len(t, s.got("/end"), 1)
			require.Equal(t, map[int]int{11200: 2}, s.Stats().Alerts)
		})
	})
	t.Run("and just in time is in time", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Numbers: numbers}, func(t *testing.T, s *site) {
			s.slow("/voice", 14*time.Second)
			s.call(twiliotest.Caller{})
			require.Empty(t, s.got("/fallback"))
		})
	})
}

// Case 6.
func TestARefusedCallbackIsTriedAgainIfItsURLSaysSo(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, fragment string
		status, times  int
		hits           int
		outcome        twiliotest.Outcome
	}{
		{"without a word", "", 503, 9, 1, twiliotest.Refused},
		{"with rp=5xx", "#rc=5&rp=ct,rt,5xx", 503, 2, 3, twiliotest.Delivered},
		{"for ever", "#rc=5&rp=5xx", 503, 9, 6, twiliotest.Refused},
		{"all", "#rc=2&rp=all", 404, 9, 3, twiliotest.Refused},
		{"another class", "#rc=5&rp=5xx", 429, 9, 1, twiliotest.Refused},
		{"more than there are", "#rc=6&rp=5xx", 503, 9, 2, twiliotest.Refused},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			number := twiliotest.Number{Number: line, VoiceURL: public + "/voice", StatusCallback: public + "/end" + row.fragment}
			inBubble(t, twiliotest.Config{Numbers: []twiliotest.Number{number}}, func(t *testing.T, s *site) {
				s.fails("/end", row.status, row.times)
				s.call(twiliotest.Caller{})
				hits := s.got("/end")
				require.Len(t, hits, row.hits)
				for _, h := range hits {
					require.Equal(t, hits[0].token, h.token, "the idempotency token")
				}
				deliveries := s.Deliveries()
				last := deliveries[len(deliveries)-1]
				require.Equal(t, row.outcome, last.Outcome)
				require.Len(t, last.Attempts, row.hits)
				require.Equal(t, row.hits-1, s.Stats().Retried)
			})
		})
	}
}

// Case 6, the time of all tries together.
func TestAllTriesShareOneTime(t *testing.T) {
	t.Parallel()
	number := twiliotest.Number{Number: line, VoiceURL: public + "/voice", StatusCallback: public + "/end#rc=5&rp=rt&rt=4000&tt=10000"}
	inBubble(t, twiliotest.Config{Numbers: []twiliotest.Number{number}}, func(t *testing.T, s *site) {
		s.slow("/end", time.Minute)
		s.call(twiliotest.Caller{})
		hits := s.got("/end")
		require.Len(t, hits, 3)
		require.Equal(t, 8*time.Second, hits[2].at.Sub(hits[0].at))
		require.Equal(t, 1, s.Stats().Alerts[15002])
	})
}

// refusing is a network on which nobody listens, from some request on.
type refusing struct {
	http.RoundTripper

	tried int
}

func (r *refusing) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Path != "/end" {
		return r.RoundTripper.RoundTrip(q)
	}
	r.tried++
	return nil, errors.Join(errors.New("dial tcp"), syscall.ECONNREFUSED)
}

// Case 7.
func TestWhereNobodyListensItIsTriedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		network := &refusing{RoundTripper: twiliotest.Direct(answer)}
		s := twiliotest.New(twiliotest.Config{
			Transport: network, Numbers: []twiliotest.Number{{Number: line, VoiceURL: public + "/voice", StatusCallback: public + "/end"}},
		})
		defer s.Close()
		_, err := s.Call(twiliotest.Caller{From: caller, To: line})
		require.NoError(t, err)
		require.NoError(t, s.Wait(t.Context()))
		require.Equal(t, 2, network.tried)
		require.Equal(t, 1, s.Stats().Lost)
		require.Equal(t, 1, s.Stats().Retried)
	})
}
