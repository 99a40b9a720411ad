package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// site is a source behind its listener, with an API that knows some calls.
type site struct {
	t      *testing.T
	source *Source
	sink   *telephonytest.Sink
	// public is the address that Twilio signs, server where the listener is.
	public, server string
	api            *fakeAPI
	stop           func()
	clock          atomic.Int64
}

// at sets the source's clock.
func (s *site) at(now time.Time) { s.clock.Store(now.UnixNano()) }

// newSite starts a source; change changes its configuration.
func newSite(t *testing.T, change func(*Config)) *site {
	t.Helper()
	fake := newFakeAPI(t)
	config := Config{
		Site: "hq", Name: "tw", AccountSid: account, Tokens: []string{token}, PublicURL: "https://calls.example.com", API: fake.server.URL,
	}
	if change != nil {
		change(&config)
	}
	log, _ := test.NewNullLogger()
	source, err := New(config, log)
	require.NoError(t, err)
	site := &site{t: t, source: source, sink: telephonytest.NewSink(), public: config.PublicURL, api: fake}
	site.at(begun.Add(2 * time.Minute))
	source.now = func() time.Time { return time.Unix(0, site.clock.Load()) }
	mux := http.NewServeMux()
	source.Register(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		source.api.close()
	})
	site.server = server.URL
	return site
}

// listen runs a session until the test ends or stop is called.
func (s *site) listen(sink telephony.Sink) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	before := s.sink.Sessions()
	go func() {
		defer close(done)
		_ = s.source.Run(ctx, sink)
	}()
	require.Eventually(s.t, func() bool { return s.sink.Sessions() > before }, time.Minute, time.Millisecond)
	s.stop = func() { cancel(); <-done }
	s.t.Cleanup(s.stop)
}

// answer is what a webhook was answered.
type answer struct {
	status int
	kind   string
	body   string
}

// post sends a form as Twilio does.
func (s *site) post(h hook, form url.Values) answer {
	s.t.Helper()
	path := Path("tw", string(h))
	return s.send(http.MethodPost, path, strings.NewReader(form.Encode()), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", signatureHeader: sign(token, s.public+path, form),
	})
}

func (s *site) send(method, target string, body io.Reader, headers map[string]string) answer {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.server+target, body)
	require.NoError(s.t, err)
	for key, value := range headers {
		request.Header.Set(key, value)
	}
	response, err := http.DefaultClient.Do(request) //nolint:forbidigo // the client is none of ours
	require.NoError(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return answer{response.StatusCode, response.Header.Get("Content-Type"), string(text)}
}

// play posts a flow.
func (s *site) play(f *flow) {
	s.t.Helper()
	for _, c := range f.callbacks {
		got := s.post(c.hook, c.form)
		require.Less(s.t, got.status, 300, "%s: %s", c.hook, got.body)
	}
}

func (s *site) state() telephony.State {
	return s.sink.State(telephony.CallID("hq/tw/" + id("CA", calling)))
}

// What Dial says of a phone comes when the phone's own status does, which is better:
// whichever is there first, it is told once. Where no status comes, Dial is what there is.
func TestSource_waitsForThePhonesOwnWord(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		within    time.Duration
		told      bool
		appends   uint64
		estimated bool
	}{
		{name: "it comes", within: time.Minute, told: true, appends: 4},
		{name: "it does not", within: time.Millisecond, appends: 4, estimated: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.source.waits.status = tt.within
			s.listen(s.sink)
			s.play(newFlow().comes(caller, did).leg(1, "2", ana, "initiated").leg(3, "2", ana, "in-progress"))
			dial := newFlow().dialled(13, "2", "completed", "true", "DialCallDuration", "10").callbacks[0]
			answered := make(chan answer, 1)
			go func() { answered <- s.post(dial.hook, dial.form) }()
			if tt.told {
				s.play(newFlow().leg(13, "2", ana, "completed", talked(10)...))
			}
			require.Equal(t, http.StatusOK, (<-answered).status)
			require.Equal(t, tt.appends, s.source.Stats().Appends)
			state := s.state()
			require.True(t, state.Answered())
			i := slices.IndexFunc(state.Legs, func(l telephony.Leg) bool { return l.ID == id("CA", "2") })
			require.Equal(t, tt.estimated, state.Legs[i].EndEstimated)
		})
	}
}

// A recording is told of by Dial, so that its ticket waits for it, and by itself: once.
func TestSource_tellsOfARecordingOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.listen(s.sink)
	s.play(newFlow().comes(caller, did).leg(1, "2", ana, "initiated").leg(3, "2", ana, "in-progress").leg(13, "2", ana, "completed", talked(10)...).
		dialled(13, "2", "completed", "true", "DialCallDuration", "10", "RecordingUrl", recordingURL(), "RecordingSid", id("RE", "1")))
	before := s.source.Stats().Appends
	for _, n := range []string{"1", "2"} {
		s.play(newFlow().tell(14, hookRecording, "CallSid", id("CA", calling), "RecordingSid", id("RE", n), "RecordingSource", "DialVerb",
			"RecordingUrl", recordingURL(), "RecordingStatus", "completed", "RecordingDuration", "10", "RecordingStartTime", begun.Format(time.RFC1123Z)))
	}
	require.Equal(t, before+1, s.source.Stats().Appends, "the second is another")
	require.Equal(t, recordingURL(), s.state().Recording)
}

func TestSource_tellsOfACall(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.listen(s.sink)
	for _, c := range goldenCases() {
		if c.name == "answered" {
			s.play(c.flow)
		}
	}
	state := s.state()
	require.Equal(t, telephony.Answered, state.Disposition)
	require.Equal(t, "BUFFALO, NY, US", state.From.Location)
	stats := s.source.Stats()
	require.Equal(t, uint64(7), stats.Webhooks)
	require.Equal(t, uint64(6), stats.Appends, "incoming, initiated, ringing (which is the same entry), answered, its end, and the end; not what Dial repeats")
	require.Zero(t, stats.Asked, "the call came in here")
}

func TestSource_answers(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.listen(s.sink)
	empty := `<?xml version="1.0" encoding="UTF-8"?><Response/>`
	f := newFlow().comes(caller, did).dialled(20, "2", "no-answer", "false")
	for _, c := range f.callbacks {
		require.Equal(t, answer{http.StatusOK, "text/xml; charset=utf-8", empty}, s.post(c.hook, c.form))
	}
	f = newFlow().rings("2", ana).message(30, "completed", 12).meets(40, calling, "conference-end")
	for _, c := range f.callbacks {
		require.Equal(t, answer{status: http.StatusNoContent}, s.post(c.hook, c.form))
	}
}

// What comes twice is one entry of the journal: the events have the same ids.
func TestSource_repeated(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.listen(s.sink)
	f := newFlow().comes(caller, did).rings("2", ana)
	s.play(f)
	s.play(f)
	entries := map[string]int{}
	for _, entry := range s.sink.Entries() {
		var ids []string
		for _, e := range entry {
			ids = append(ids, e.ID)
		}
		entries[strings.Join(ids, " ")]++
	}
	require.Len(t, entries, 2)
}

func TestSource_getIsSignedByItsURL(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.listen(s.sink)
	target := Path("tw", "voice") + "?" + newFlow().comes(caller, did).callbacks[0].form.Encode()
	got := s.send(http.MethodGet, target, http.NoBody, map[string]string{signatureHeader: sign(token, s.public+target, nil)})
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, caller, s.state().From.Number)
	got = s.send(http.MethodGet, target+"&x=1", http.NoBody, map[string]string{signatureHeader: sign(token, s.public+target, nil)})
	require.Equal(t, http.StatusForbidden, got.status)
}

func TestSource_jsonIsSignedByItsHash(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.listen(s.sink)
	form := newFlow().comes(caller, did).callbacks[0].form
	object := map[string]any{"Numbers": []int{1}, "Retries": 2}
	for key := range form {
		object[key] = form.Get(key)
	}
	body, err := json.Marshal(object)
	require.NoError(t, err)
	target := Path("tw", "voice") + "?bodySHA256=" + sha256Of(body)
	headers := map[string]string{"Content-Type": "application/json", signatureHeader: sign(token, s.public+target, nil)}
	require.Equal(t, http.StatusOK, s.send(http.MethodPost, target, strings.NewReader(string(body)), headers).status)
	require.Equal(t, caller, s.state().From.Number)
	require.Equal(t, http.StatusForbidden, s.send(http.MethodPost, target, strings.NewReader(string(body)+" "), headers).status)
}

// While a token is changed both sign.
func TestSource_rotation(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Tokens = []string{"fresh", token} })
	s.listen(s.sink)
	require.Equal(t, http.StatusOK, s.post(hookVoice, newFlow().comes(caller, did).callbacks[0].form).status)
}

// What no honest Twilio sends is refused with one line, counted, and leaves
// nothing behind.
func TestSource_refuses(t *testing.T) {
	t.Parallel()
	good := func() url.Values { return newFlow().leg(1, "2", ana, "in-progress").callbacks[0].form }
	with := func(key, value string) url.Values {
		form := good()
		form.Set(key, value)
		return form
	}
	signed := func(form url.Values) map[string]string {
		return map[string]string{
			"Content-Type":  "application/x-www-form-urlencoded",
			signatureHeader: sign(token, "https://calls.example.com"+Path("tw", "status"), form),
		}
	}
	change := func(headers map[string]string, key, value string) map[string]string {
		headers[key] = value
		return headers
	}
	for _, tt := range []struct {
		name    string
		form    url.Values
		body    string
		headers map[string]string
		status  int
		reason  Reason
		text    string
	}{
		{name: "unsigned", form: good(), headers: change(signed(good()), signatureHeader, ""), status: 403, reason: Unsigned, text: "only Twilio may call here"},
		{name: "wrongly signed", form: with("CallStatus", "completed"), headers: signed(good()), status: 403, reason: WrongSignature, text: "X-Twilio-Signature is wrong"},
		{name: "signed by nobody", form: good(), headers: change(signed(good()), signatureHeader, "nonsense"), status: 403, reason: WrongSignature, text: "is https://calls.example.com how Twilio reaches"},
		{name: "another account", form: with("AccountSid", id("AC", "9")), headers: signed(with("AccountSid", id("AC", "9"))), status: 403, reason: WrongAccount, text: "is not the one of this source"},
		{name: "over 1 MiB", body: "A=" + strings.Repeat("x", 1<<20), headers: signed(good()), status: 413, reason: TooLarge, text: "over 1048576 bytes"},
		{name: "no form", form: good(), headers: change(signed(good()), "Content-Type", "text/plain"), status: 415, reason: ContentType, text: "want application/x-www-form-urlencoded"},
		{name: "JSON without a hash", form: good(), headers: change(signed(good()), "Content-Type", "application/json"), status: 415, reason: ContentType},
		{name: "no content type", form: good(), headers: change(signed(good()), "Content-Type", ""), status: 415, reason: ContentType},
		{name: "a form that is none", body: "A=%zz", headers: signed(good()), status: 400, reason: Unreadable, text: "is no form"},
		{name: "no sid", form: with("CallSid", ""), headers: signed(with("CallSid", "")), status: 400, reason: BadSid, text: "CallSid is missing"},
		{name: "a sid that is none", form: with("CallSid", "CA1"), headers: signed(with("CallSid", "CA1")), status: 400, reason: BadSid, text: `CallSid "CA1" is no id`},
		{name: "a parent that is none", form: with("ParentCallSid", "../../x"), headers: signed(with("ParentCallSid", "../../x")), status: 400, reason: BadSid},
		{name: "no time", form: with("Timestamp", "yesterday"), headers: signed(with("Timestamp", "yesterday")), status: 400, reason: BadTime, text: "is no time"},
		{
			name: "a time to come", form: with("Timestamp", "Sun, 22 Nov 2026 09:30:00 +0000"), headers: signed(with("Timestamp", "Sun, 22 Nov 2026 09:30:00 +0000")),
			status: 400, reason: BadTime, text: "is in the future",
		},
		{
			name: "a time long ago", form: with("Timestamp", "Fri, 20 Nov 2026 09:00:00 +0000"), headers: signed(with("Timestamp", "Fri, 20 Nov 2026 09:00:00 +0000")),
			status: 400, reason: BadTime, text: "ago",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.listen(s.sink)
			body := tt.body
			if body == "" {
				body = tt.form.Encode()
			}
			got := s.send(http.MethodPost, Path("tw", "status"), strings.NewReader(body), tt.headers)
			require.Equal(t, tt.status, got.status, got.body)
			require.Contains(t, got.body, tt.text)
			require.Equal(t, 1, strings.Count(got.body, "\n"), "one line")
			require.NotContains(t, got.body, token)
			require.Equal(t, uint64(1), s.source.Stats().Refused[tt.reason])
			require.Empty(t, s.sink.Entries())
		})
	}
}

// An honest callback may come hours late.
func TestSource_late(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.listen(s.sink)
	s.at(begun.Add(5 * time.Hour))
	s.play(newFlow().comes(caller, did).ends(9, "completed", 9))
	require.True(t, s.state().Ended())
}

// Before what was told is durable nobody hears that it was taken.
func TestSource_notDurable(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	form := newFlow().comes(caller, did).callbacks[0].form
	require.Equal(t, answer{503, "text/plain; charset=utf-8", "talkbridge starts or stops, try again\n"}, s.post(hookVoice, form))

	s.listen(fails{s.sink})
	require.Equal(t, answer{503, "text/plain; charset=utf-8", "the journal does not take it now, try again\n"}, s.post(hookVoice, form))
	s.stop()

	s.listen(s.sink)
	require.Equal(t, http.StatusOK, s.post(hookVoice, form).status)
	stats := s.source.Stats()
	require.Equal(t, uint64(1), stats.Refused[NotListening])
	require.Equal(t, uint64(1), stats.Refused[NotDurable])
}

// fails is a journal that is closed.
type fails struct{ *telephonytest.Sink }

func (fails) Append(context.Context, []telephony.Event) error { return errors.New("closed") }
