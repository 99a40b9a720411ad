package twiliotest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// Case 25: a receiver that refuses for three seconds of many calls gets what its URL asks for; the rest can be read.
func TestManyCallsWhileTheReceiverRefuses(t *testing.T) {
	t.Parallel()
	number := twiliotest.Number{Number: line, VoiceURL: public + "/voice#rc=5&rp=5xx", StatusCallback: public + "/end#rc=5&rp=5xx"}
	inBubble(t, twiliotest.Config{Numbers: []twiliotest.Number{number}, Phones: phones()}, func(t *testing.T, s *site) {
		began := time.Now()
		s.says("/voice", rings("", ana))
		s.on("/end", func(w http.ResponseWriter, _ *http.Request, _ int) {
			if since := time.Since(began); since > 70*time.Second && since < 73*time.Second {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		})
		const calls = 1000
		for range calls {
			_, err := s.Call(twiliotest.Caller{From: caller, To: line})
			require.NoError(t, err)
			<-time.After(5 * time.Millisecond * 4)
		}
		s.settle()
		stats := s.Stats()
		ended := map[string]bool{}
		for _, d := range s.Deliveries() {
			if d.Kind == twiliotest.StatusEvent && strings.HasPrefix(d.URL, public+"/end") && d.Outcome == twiliotest.Delivered {
				ended[d.CallSID] = true
			}
		}
		require.Len(t, ended, calls-stats.Refused)
		require.InDelta(t, 150, stats.Refused, 5, "three seconds of fifty a second")
		require.Equal(t, 5*stats.Refused, stats.Retried)
		require.Len(t, s.list("/Calls.json?PageSize=1000", "calls", "sid"), 2*calls, "what was not heard can be read")
	})
}

// The same over sockets, behind a proxy that ends TLS.
func TestOverTheNetwork(t *testing.T) {
	t.Parallel()
	var got atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Add(1)
		if r.Host != "talkbridge.example.com" || r.Header.Get("X-Forwarded-Proto") != "https" {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()
	s := twiliotest.New(twiliotest.Config{
		Speed: 100, Transport: twiliotest.Via(strings.TrimPrefix(receiver.URL, "http://")), Phones: phones(),
		Numbers: []twiliotest.Number{{Number: line, VoiceURL: public + "/voice", StatusCallback: public + "/end"}},
	})
	require.NoError(t, s.Start(""))
	defer s.Close()
	require.ErrorContains(t, s.Start(""), "already listening")
	sid, err := s.Call(twiliotest.Caller{From: caller, To: line})
	require.NoError(t, err)
	require.NoError(t, s.Wait(t.Context()))
	require.EqualValues(t, 2, got.Load())
	require.Equal(t, 2, s.Stats().Delivered)

	hc := &http.Client{Transport: &http.Transport{}}
	defer hc.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/2010-04-01/Accounts/"+s.AccountSID()+"/Calls/"+sid+".json", http.NoBody)
	require.NoError(t, err)
	r.SetBasicAuth(s.AccountSID(), s.AuthToken())
	resp, err := hc.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

// Nobody listens where the callbacks go, and the server has a network of its own.
func TestTheNetworkRefuses(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.NotFoundHandler())
	receiver.Close()
	s := twiliotest.New(twiliotest.Config{Numbers: []twiliotest.Number{{Number: line, VoiceURL: receiver.URL + "/voice"}}, Speed: 100})
	defer s.Close()
	_, err := s.Call(twiliotest.Caller{From: caller, To: line})
	require.NoError(t, err)
	require.NoError(t, s.Wait(t.Context()))
	require.Len(t, s.Deliveries()[0].Attempts, 2)
	require.Equal(t, map[int]int{11205: 1}, s.Stats().Alerts)
}

// A closed server leaves nothing behind, whatever was going on.
func TestEverythingIsCut(t *testing.T) {
	t.Parallel()
	inBubble(t, twiliotest.Config{Phones: phones(), Media: twiliotest.Media{Ready: time.Hour}}, func(t *testing.T, s *site) {
		s.says("/voice", rings("", ana, ben), mailbox, "<Enqueue waitUrl='/wait'>support</Enqueue>", room, "<Gather timeout='90'/>")
		s.says("/wait", "<Play>music.mp3</Play>")
		for range 5 {
			_, err := s.Call(twiliotest.Caller{From: caller, To: line, Says: time.Minute})
			require.NoError(t, err)
		}
		s.want(http.StatusCreated, http.MethodPost, "/Calls.json", form("To", ana, "From", line, "Twiml", "<Response><Dial><Queue>empty</Queue></Dial></Response>"))
		<-time.After(10 * time.Second)
		s.Close()
		s.Close()
		_, err := s.Call(twiliotest.Caller{From: caller, To: line})
		require.NoError(t, err, "it goes nowhere")
		require.ErrorContains(t, s.Start(""), "closed")
	})
}
