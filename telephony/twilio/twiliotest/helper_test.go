package twiliotest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// The receiver's public address, and who is who.
const (
	public = "https://talkbridge.example.com"
	line   = "+15550100001"
	caller = "+15550123456"
	ana    = "+15550101001"
	ben    = "sip:ben@pbx.example.com"
	cleo   = "client:cleo"
)

// hit is one request that the receiver got.
type hit struct {
	path, token string
	form        url.Values
	at          time.Time
}

// site is a simulated account and the program that it calls, all within one bubble of time.
type site struct {
	t *testing.T
	*twiliotest.Server

	mu      sync.Mutex
	answers map[string]func(w http.ResponseWriter, r *http.Request, n int)
	hits    []hit
	bad     []string // paths of requests whose signature did not hold
}

// inBubble runs a test where time stands still while anything happens.
func inBubble(t *testing.T, config twiliotest.Config, story func(t *testing.T, s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, answers: map[string]func(http.ResponseWriter, *http.Request, int){}}
		config.Transport = twiliotest.Direct(s)
		if config.Numbers == nil {
			config.Numbers = []twiliotest.Number{{
				Number: line, VoiceURL: public + "/voice", StatusCallback: public + "/end",
				Place: twiliotest.Place{City: "BERLIN", Country: "DE"},
			}}
		}
		s.Server = twiliotest.New(config)
		defer s.Close()
		story(t, s)
		require.Empty(t, s.bad, "requests with a signature that twilio-go does not accept")
	})
}

// ServeHTTP answers as the test said; what it did not say anything about gets 204.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	target := public + r.URL.RequestURI()
	validator := client.NewRequestValidator(s.AuthToken())
	valid := validator.ValidateBody(target, body, r.Header.Get("X-Twilio-Signature"))
	if r.Method == http.MethodGet {
		valid = validator.Validate(target, nil, r.Header.Get("X-Twilio-Signature"))
	}
	form, _ := url.ParseQuery(string(body)) // JSON is none
	s.mu.Lock()
	if !valid {
		s.bad = append(s.bad, r.URL.Path)
	}
	n := 0
	for _, h := range s.hits {
		if h.path == r.URL.Path {
			n++
		}
	}
	s.hits = append(s.hits, hit{r.URL.Path, r.Header.Get("I-Twilio-Idempotency-Token"), form, time.Now()})
	answer := s.answers[r.URL.Path]
	s.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, r, n)
}

// on sets what a path answers; n counts its requests from 0.
func (s *site) on(path string, answer func(w http.ResponseWriter, r *http.Request, n int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = answer
}

// says has a path answer with TwiML, one document after the other and the last one for ever.
func (s *site) says(path string, documents ...string) {
	s.on(path, func(w http.ResponseWriter, _ *http.Request, n int) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, "<Response>"+documents[min(n, len(documents)-1)]+"</Response>")
	})
}

// fails has a path answer with a status so many times, then with 204.
func (s *site) fails(path string, status, times int) {
	s.on(path, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n >= times {
			status := http.StatusNoContent
			w.WriteHeader(status)
			return
		}
		w.WriteHeader(status)
	})
}

// slow has a path answer with 204 after some time.
func (s *site) slow(path string, d time.Duration) {
	s.on(path, func(w http.ResponseWriter, r *http.Request, _ int) {
		select {
		case <-time.After(d):
			w.WriteHeader(http.StatusNoContent)
		case <-r.Context().Done():
		}
	})
}

// call places a call and waits until nothing is going on any more.
func (s *site) call(c twiliotest.Caller) twiliotest.Call {
	s.t.Helper()
	if c.From == "" {
		c.From = caller
	}
	if c.To == "" {
		c.To = line
	}
	sid, err := s.Call(c)
	require.NoError(s.t, err)
	s.settle()
	call, found := s.CallBySID(sid)
	require.True(s.t, found)
	return call
}

func (s *site) settle() {
	s.t.Helper()
	require.NoError(s.t, s.Wait(s.t.Context()))
}

// got are the requests of a path.
func (s *site) got(path string) []hit {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []hit
	for _, h := range s.hits {
		if h.path == path {
			out = append(out, h)
		}
	}
	return out
}

// values are one parameter of all requests of a path.
func (s *site) values(path, key string) []string {
	var out []string
	for _, h := range s.got(path) {
		out = append(out, h.form.Get(key))
	}
	return out
}

// one is the only request of a path.
func (s *site) one(path string) url.Values {
	s.t.Helper()
	hits := s.got(path)
	require.Len(s.t, hits, 1, "requests of %s", path)
	return hits[0].form
}

// answer is what the REST API answered.
type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// api is a client of the REST API.
func (s *site) api(method, path string, form url.Values) (answer, error) {
	s.t.Helper()
	return s.apiAs(s.AccountSID(), s.AuthToken(), method, path, form)
}

func (s *site) apiAs(user, password, method, path string, form url.Values) (answer, error) {
	s.t.Helper()
	target := path
	if !strings.HasPrefix(path, "http") && !strings.HasPrefix(path, "/2010") {
		target = "/2010-04-01/Accounts/" + s.AccountSID() + path
	}
	if !strings.HasPrefix(target, "http") {
		target = s.URL() + target
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, target, strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	hc := &http.Client{Transport: hosts{s.Server}}
	resp, err := hc.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	a := answer{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if json.Unmarshal(raw, &a.body) != nil {
		a.body = nil
	}
	return a, err
}

// want is api that must get the status.
func (s *site) want(status int, method, path string, form url.Values) answer {
	s.t.Helper()
	a, err := s.api(method, path, form)
	require.NoError(s.t, err)
	require.Equal(s.t, status, a.status, "%s %s: %s", method, path, a.raw)
	return a
}

// list is one key of all resources of a list, on all pages.
func (s *site) list(path, kind, key string) []string {
	s.t.Helper()
	var out []string
	for path != "" {
		a := s.want(http.StatusOK, http.MethodGet, path, nil)
		for _, item := range a.body[kind].([]any) {
			value, _ := item.(map[string]any)[key].(string)
			out = append(out, value)
		}
		path, _ = a.body["next_page_uri"].(string)
	}
	return out
}

// hosts reaches the API and the host of the media.
type hosts struct{ s *twiliotest.Server }

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.String(), h.s.MediaURL()) {
		return twiliotest.Direct(h.s.Storage()).RoundTrip(r)
	}
	return twiliotest.Direct(h.s).RoundTrip(r)
}

// rings is a Dial of some phones that wants all their events.
func rings(attrs string, nouns ...string) string {
	text := "<Dial action='/after' " + attrs + ">"
	for _, noun := range nouns {
		element := "Number"
		switch {
		case strings.HasPrefix(noun, "sip:"):
			element = "Sip"
		case strings.HasPrefix(noun, "client:"):
			element, noun = "Client", strings.TrimPrefix(noun, "client:")
		}
		text += "<" + element + " statusCallback='/leg' statusCallbackEvent='initiated ringing answered completed'>" + noun + "</" + element + ">"
	}
	return text + "</Dial>"
}

// ends are how phones ended, by address.
func (s *site) ends() map[string]twiliotest.Status {
	out := map[string]twiliotest.Status{}
	for _, c := range s.Calls() {
		if c.Parent != "" {
			out[c.To] = c.Status
		}
	}
	return out
}
