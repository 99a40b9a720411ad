package cti_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/cti"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

const (
	eventType = "application/cloudevents+json"
	batchType = "application/cloudevents-batch+json"
	secret    = "fedcba9876543210"
)

func newEvents(t *testing.T, change func(*cti.EventsConfig)) *cti.Events {
	t.Helper()
	config := cti.EventsConfig{Translator: cti.Translator{Site: "hq", Source: "pbx2", Country: "DE"}, Token: token, Sole: true, Wait: shortly}
	if change != nil {
		change(&config)
	}
	source, err := cti.NewEvents(config, quiet())
	require.NoError(t, err)
	return source
}

// cloud is an event in JSON.
func cloud(id, kind, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/pbx","type":"com.talkbridge.phone.%s","data":%s}`, id, kind, data)
}

// storyOf are the events of one call that Ana answers.
func storyOf(id string) []string {
	return []string{
		cloud(id+"-1", "started", `{"call":"`+id+`","direction":"inbound","from":"+4930123456","to":"+15550100001","agents":["Ana","Ben"]}`),
		cloud(id+"-2", "answered", `{"call":"`+id+`","agents":["Ana"]}`),
		cloud(id+"-3", "ended", `{"call":"`+id+`","reason":"completed"}`),
	}
}

var bearer = http.Header{"Authorization": {"Bearer " + token}}

func TestContract_events(t *testing.T) { //nolint:paralleltest // goroutines are counted
	telephonytest.RunTold(t, func(t *testing.T) telephonytest.Rig {
		t.Helper()
		source := newEvents(t, nil)
		address, client := serve(t, source)
		calls := 0
		rig := rigOf(source, func() telephonytest.Story {
			calls++
			id := fmt.Sprintf("c-%d", calls)
			story := telephonytest.Story{ID: telephony.CallID("hq/pbx2/" + id)}
			for _, body := range storyOf(id) {
				story.Deliveries = append(story.Deliveries, posting(client, address+"/v1/events", eventType, body, bearer))
			}
			return story
		}, func() {
			for _, body := range garbage {
				_, _, err := post(context.Background(), client, address+"/v1/events", eventType, body, bearer)
				require.NoError(t, err)
			}
		})
		rig.Driver = "events"
		return rig
	})
}

// garbage is what no phone system should say.
var garbage = []string{
	"", "null", "[]", "{}", `{"specversion":"1.0"}`, "\x00\xff", strings.Repeat("[", 10000), cloud("x", "ended", `{"call":""}`), cloud("x", "ended", `{"call":"a","reason":"?"}`),
	cloud("y", "nonsense", `{"call":"a"}`), cloud("z", "held", `{"call":"a"}`), cloud("", "ended", `{"call":"a"}`),
}

// overSocket is a delivery of one message over a WebSocket of its own.
func overSocket(address, body string) func(context.Context) error {
	return func(ctx context.Context) error {
		dialer := websocket.Dialer{Subprotocols: []string{"cloudevents.json"}}
		conn, response, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(address, "http")+"/v1/events", bearer)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		defer func() { _ = conn.Close() }()
		if err := conn.WriteMessage(websocket.TextMessage, []byte(body)); err != nil {
			return err
		}
		a, err := readAnswer(conn)
		if err == nil && a.Type != cti.TypeAck {
			err = errors.New(a.Data.Error)
		}
		return err
	}
}

// answerOf is what is answered on a WebSocket.
type answerOf struct {
	Type string
	Data struct{ ID, Source, Reason, Error string }
}

func readAnswer(conn *websocket.Conn) (answerOf, error) {
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var a answerOf
	err := conn.ReadJSON(&a)
	return a, err
}

func TestContract_socket(t *testing.T) { //nolint:paralleltest // goroutines are counted
	telephonytest.RunTold(t, func(t *testing.T) telephonytest.Rig {
		t.Helper()
		source := newEvents(t, nil)
		address, _ := serve(t, source)
		calls := 0
		rig := rigOf(source, func() telephonytest.Story {
			calls++
			id := fmt.Sprintf("c-%d", calls)
			story := telephonytest.Story{ID: telephony.CallID("hq/pbx2/" + id)}
			for _, body := range storyOf(id) {
				story.Deliveries = append(story.Deliveries, overSocket(address, body))
			}
			return story
		}, func() {
			for _, body := range garbage {
				_ = overSocket(address, body)(context.Background()) // it is refused
			}
		})
		rig.Driver = "events, WebSocket"
		return rig
	})
}

// pbxSocket is a phone system that has a WebSocket.
type pbxSocket struct {
	mu    sync.Mutex
	conns []*websocket.Conn
	asked []string
}

func (p *pbxSocket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	p.mu.Lock()
	p.conns = append(p.conns, conn)
	p.mu.Unlock()
	for {
		_, text, err := conn.ReadMessage()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.asked = append(p.asked, string(text))
		p.mu.Unlock()
	}
}

// say tells all who are connected, and waits until somebody is: a client may know of
// the connection first.
func (p *pbxSocket) say(text string) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for tries := 0; tries < 10_000 && p.alone(); tries++ {
		<-tick.C
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		_ = conn.WriteMessage(websocket.TextMessage, []byte(text)) // some are closed
	}
}

func (p *pbxSocket) alone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns) == 0
}

func (p *pbxSocket) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
}

// wazo is how a phone system with words of its own is read.
func wazo() *cti.Mapping {
	return &cti.Mapping{
		Kind: "name", Call: "data.conversation_id", Direction: "data.direction", From: "data.caller.number", FromName: "data.caller.name", To: "data.dialed",
		Agent: "data.users", Time: "data.at",
		Kinds: map[string]cti.Type{"call_created": cti.Started, "call_answered": cti.Answered, "call_ended": cti.Ended},
	}
}

func TestContract_feed(t *testing.T) { //nolint:paralleltest // goroutines are counted
	telephonytest.RunSource(t, func(t *testing.T) telephonytest.Rig {
		t.Helper()
		pbx := &pbxSocket{}
		server := httptest.NewServer(pbx)
		t.Cleanup(server.Close)
		t.Cleanup(pbx.cut)
		source, err := cti.NewFeed(cti.FeedConfig{
			Translator: cti.Translator{Site: "hq", Source: "wazo"}, URL: "ws" + strings.TrimPrefix(server.URL, "http"), Mapping: wazo(),
			Send: []string{`{"op":"subscribe"}`}, Header: http.Header{"X-Auth-Token": {token}},
		}, quiet())
		require.NoError(t, err)
		calls, began := 0, time.Now()
		return telephonytest.Rig{
			Source: source, Cut: pbx.cut, Driver: "events, dialled",
			LeftOut: map[string]string{
				telephonytest.FindsEnd:   "no snapshot to take",
				telephonytest.FindsBegin: "no snapshot to take",
			},
			Begin: func() telephonytest.Call {
				calls++
				id := fmt.Sprintf("c-%d", calls)
				say := func(name, more string, seconds int) {
					pbx.say(fmt.Sprintf(`{"name":%q,"data":{"conversation_id":%q,"direction":"inbound","at":%d,"caller":{"number":"+4930123456","name":"Erika"},"dialed":"+15550100001"%s}}`,
						name, id, began.Add(time.Duration(seconds)*time.Second).UnixMilli(), more))
				}
				say("call_created", `,"users":["Ana","Ben"]`, 0)
				say("call_answered", `,"users":["Ana"]`, 1)
				return telephonytest.Call{ID: telephony.CallID("hq/wazo/" + id), End: func() { say("call_ended", "", 2) }}
			},
			Garbage: func() {
				for _, text := range append(garbage, `{"name":"call_ended"}`, `{"name":"call_ended","data":[]}`, `{"name":"call_ended","data":{"conversation_id":{"x":1}}}`,
					`{"name":"call_ended","data":{"conversation_id":"c","at":"yesterday"}}`) {
					pbx.say(text)
				}
			},
		}
	})
}

func TestEvents_takes(t *testing.T) {
	t.Parallel()
	started := storyOf("1")[0]
	signed := func(body string) http.Header {
		return http.Header{cti.SignatureHeader: {cti.Sign(secret, []byte(body), time.Now().Add(-250*time.Second))}}
	}
	binary := http.Header{
		"Ce-Id": {"1-1"}, "Ce-Source": {"%2Fpbx"}, "Ce-Type": {"com.talkbridge.phone.started"}, "Ce-Specversion": {"1.0"},
		"Authorization": {"Bearer " + token},
	}
	batch := "[" + started + "," + cloud("9", "whatever", `{}`) + "]"
	for _, c := range []struct {
		name, path, kind, body, want string
		header                       http.Header
	}{
		{name: "one event", path: "/v1/events", kind: eventType, body: started, header: bearer, want: `{"accepted":1,"ignored":0}`},
		{name: "by the name of the source", path: "/v1/events/pbx2", kind: eventType, body: started, header: bearer, want: `{"accepted":1,"ignored":0}`},
		{name: "a batch", path: "/v1/events", kind: batchType, body: batch, header: bearer, want: `{"accepted":1,"ignored":1}`},
		{name: "an empty batch", path: "/v1/events", kind: batchType, body: "[]", header: bearer, want: `{"accepted":0,"ignored":0}`},
		{name: "signed", path: "/v1/events", kind: eventType, body: started, header: signed(started), want: `{"accepted":1,"ignored":0}`},
		{
			name: "attributes in headers", path: "/v1/events", kind: "application/json", header: binary, want: `{"accepted":1,"ignored":0}`,
			body: `{"call":"1","direction":"inbound","from":"+4930123456","to":"+15550100001","agents":["Ana","Ben"]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			source := newEvents(t, func(config *cti.EventsConfig) { config.Secret = secret })
			sink := telephonytest.NewSink()
			address, client := serve(t, source)
			listen(t, source, sink)
			status, text, err := post(t.Context(), client, address+c.path, c.kind, c.body, c.header)
			require.NoError(t, err)
			require.Equal(t, 200, status, text)
			require.JSONEq(t, c.want, text)
			if strings.Contains(c.want, `"accepted":1`) {
				require.Equal(t, []string{"Ana", "Ben"}, sink.State("hq/pbx2/1").Ringing)
				require.Len(t, sink.Entries(), 1)
			}
		})
	}
}

func TestEvents_refuses(t *testing.T) {
	t.Parallel()
	source := newEvents(t, func(config *cti.EventsConfig) { config.Secret = secret })
	sink := telephonytest.NewSink()
	address, client := serve(t, source)
	listen(t, source, sink)
	good := storyOf("1")[0]
	signed := func(body, key string, ago time.Duration) http.Header {
		return http.Header{cti.SignatureHeader: {cti.Sign(key, []byte(body), time.Now().Add(-ago))}}
	}
	timed := func(at string) string { return strings.Replace(good, `"data"`, `"time":"`+at+`","data"`, 1) }
	for _, c := range []struct { //nolint:paralleltest // counts are compared
		name, kind, body string
		header           http.Header
		status           int
		text, counted    string
	}{
		{name: "unsigned", kind: eventType, body: good, status: 401, text: "wrong token", counted: "unauthorized"},
		{name: "wrong token", kind: eventType, body: good, header: http.Header{"Authorization": {"Bearer x"}}, status: 401, text: "wrong token", counted: "unauthorized"},
		{name: "signed with another secret", kind: eventType, body: good, header: signed(good, "another", 0), status: 401, text: "wrong signature", counted: "unauthorized"},
		{name: "signed for another body", kind: eventType, body: good, header: signed(good+" ", secret, 0), status: 401, text: "wrong signature", counted: "unauthorized"},
		{name: "signature without time", kind: eventType, body: good, header: http.Header{cti.SignatureHeader: {"v1=00"}}, status: 401, text: "wrong signature", counted: "unauthorized"},
		{name: "replayed", kind: eventType, body: good, header: signed(good, secret, 301*time.Second), status: 401, text: "old", counted: "stale"},
		// A slow machine comes to this row some time after it was signed.
		{name: "signed in the future", kind: eventType, body: good, header: signed(good, secret, -time.Hour), status: 401, text: "old", counted: "stale"},
		{name: "over 1 MiB", kind: eventType, body: strings.Repeat(" ", 1<<20+1), header: bearer, status: 413, text: "1024 KiB", counted: "too_large"},
		{name: "wrong content type", kind: "application/json", body: good, header: bearer, status: 415, text: eventType, counted: "content_type"},
		{name: "no event", kind: eventType, body: "{}", header: bearer, status: 400, text: "specversion", counted: "malformed"},
		{name: "two events at once", kind: eventType, body: good + good, header: bearer, status: 400, text: "behind the event", counted: "malformed"},
		{name: "no call", kind: eventType, body: cloud("1", "ended", `{}`), header: bearer, status: 400, text: "no id of a call", counted: "malformed"},
		{name: "no data", kind: eventType, body: cloud("1", "ended", `null`), header: bearer, status: 400, text: "data is missing", counted: "malformed"},
		{name: "an unknown direction", kind: eventType, body: cloud("1", "started", `{"call":"1","direction":"up"}`), header: bearer, status: 400, text: "direction", counted: "malformed"},
		{name: "a time far ahead", kind: eventType, body: timed("2999-01-01T00:00:00Z"), header: bearer, status: 400, text: "in the future", counted: "time"},
		{name: "a time before 2000", kind: eventType, body: timed("1999-12-31T23:59:59Z"), header: bearer, status: 400, text: "before 2000", counted: "time"},
		{name: "no time at all", kind: eventType, body: timed("noon"), header: bearer, status: 400, text: "no CloudEvent", counted: "malformed"},
		{name: "one bad event in a batch", kind: batchType, body: "[" + good + "," + cloud("2", "ended", `{}`) + "]", header: bearer, status: 400, text: "event 1: there is no id", counted: "malformed"},
		{name: "too many in a batch", kind: batchType, body: "[" + strings.Repeat("{},", 1000) + "{}]", header: bearer, status: 400, text: "at most 1000", counted: "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := source.Count(c.counted)
			status, text, err := post(t.Context(), client, address+"/v1/events", c.kind, c.body, c.header)
			require.NoError(t, err)
			require.Equal(t, c.status, status, text)
			require.Contains(t, text, c.text)
			require.NotContains(t, text, secret)
			require.Equal(t, before+1, source.Count(c.counted))
		})
	}
	require.Empty(t, sink.Entries(), "nothing is recorded")
}

// A connection tells one event after the other, and hears of each what became of it.
func TestEvents_socket(t *testing.T) {
	t.Parallel()
	source := newEvents(t, nil)
	sink := telephonytest.NewSink()
	address, _ := serve(t, source)
	listen(t, source, sink)
	dialer := websocket.Dialer{Subprotocols: []string{"other", "cloudevents.json"}}
	conn, response, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(address, "http")+"/v1/events/pbx2", bearer)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	defer func() { _ = conn.Close() }()
	require.Equal(t, "cloudevents.json", conn.Subprotocol())
	say := func(text string) answerOf {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(text)))
		a, err := readAnswer(conn)
		require.NoError(t, err)
		return a
	}
	for i, text := range storyOf("1") {
		a := say(text)
		require.Equal(t, cti.TypeAck, a.Type)
		require.Equal(t, fmt.Sprintf("1-%d", i+1), a.Data.ID)
		require.Equal(t, "/pbx", a.Data.Source)
		require.Len(t, sink.Entries(), i+1, "it is durable when it is acknowledged")
	}
	require.True(t, sink.State("hq/pbx2/1").Answered())
	require.Equal(t, answerOf{Type: cti.TypeRefusal, Data: struct{ ID, Source, Reason, Error string }{"x", "/pbx", "malformed", "there is no id of a call"}},
		say(cloud("x", "ended", "{}")))
	require.Equal(t, cti.TypeAck, say(cloud("y", "whatever", "{}")).Type, "it tells nothing, and that is fine")
	require.NoError(t, conn.WriteMessage(websocket.BinaryMessage, []byte("x")))
	a, err := readAnswer(conn)
	require.NoError(t, err)
	require.Equal(t, "malformed", a.Data.Reason)
	_ = conn.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte(" "), 70<<10)) // it may be cut off while it talks
	_, err = readAnswer(conn)
	require.Error(t, err, "a message without an end is the end")
}

// outside is what a listener puts around all answers.
type outside struct{ http.ResponseWriter }

// Unwrap lets http.ResponseController reach the connection.
func (o outside) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// A WebSocket is taken also behind a listener that wraps who answers.
func TestEvents_socketBehindAListener(t *testing.T) {
	t.Parallel()
	source := newEvents(t, nil)
	sink := telephonytest.NewSink()
	listen(t, source, sink)
	mux := http.NewServeMux()
	source.Register(mux)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(outside{w}, r) }))
	t.Cleanup(server.Close)
	require.NoError(t, overSocket(server.URL, storyOf("c-1")[0])(t.Context()))
	require.Len(t, sink.Entries(), 1)
}

func TestEvents_refusesSockets(t *testing.T) {
	t.Parallel()
	source := newEvents(t, nil)
	address, _ := serve(t, source)
	dial := func(header http.Header, protocols ...string) int {
		dialer := websocket.Dialer{Subprotocols: protocols}
		conn, response, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(address, "http")+"/v1/events", header)
		if err == nil {
			_ = conn.Close()
		}
		require.NotNil(t, response)
		_ = response.Body.Close()
		return response.StatusCode
	}
	require.Equal(t, 503, dial(bearer, "cloudevents.json"), "nobody listens yet")
	listen(t, source, telephonytest.NewSink())
	require.Equal(t, 401, dial(nil, "cloudevents.json"))
	require.Equal(t, 400, dial(bearer))
	require.Equal(t, 403, dial(http.Header{"Authorization": bearer["Authorization"], "Origin": {"https://evil.example.com"}}, "cloudevents.json"), "a page of somebody else's")
	require.Equal(t, 101, dial(bearer, "cloudevents.json"))
}

// The feed asks for what it wants to hear, and shows who it is.
func TestFeed_asks(t *testing.T) {
	t.Parallel()
	pbx := &pbxSocket{}
	shown := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown <- r.Header.Get("X-Auth-Token")
		pbx.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(pbx.cut) // after the session has ended
	source, err := cti.NewFeed(cti.FeedConfig{
		Translator: cti.Translator{Site: "hq", Source: "wazo"}, URL: "ws" + strings.TrimPrefix(server.URL, "http"),
		Send: []string{`{"op":"subscribe"}`, `{"op":"start"}`}, Header: http.Header{"X-Auth-Token": {token}},
	}, quiet())
	require.NoError(t, err)
	sink := telephonytest.NewSink()
	listen(t, source, sink)
	require.Equal(t, token, <-shown)
	require.Eventually(t, func() bool {
		pbx.mu.Lock()
		defer pbx.mu.Unlock()
		return len(pbx.asked) == 2
	}, 10*time.Second, time.Millisecond)
	for _, text := range storyOf("1") {
		pbx.say(text)
	}
	require.Eventually(t, func() bool { return sink.State("hq/wazo/1").Ended() }, time.Minute, time.Millisecond, "CloudEvents need no mapping")
	pbx.mu.Lock()
	defer pbx.mu.Unlock()
	require.Equal(t, []string{`{"op":"subscribe"}`, `{"op":"start"}`}, pbx.asked)
}
