package aritest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/ari/aritest"
)

// client reads what a server sends to an app.
type client struct {
	t    *testing.T
	conn *websocket.Conn
}

func connect(t *testing.T, s *aritest.Server, app string) client {
	t.Helper()
	header := http.Header{"Authorization": {"Basic dGFsa2JyaWRnZTpzZWNyZXQ="}}
	url := strings.Replace(s.URL(), "http", "ws", 1) + "/ari/events?subscribeAll=true&app=" + app
	conn, answer, err := websocket.DefaultDialer.DialContext(t.Context(), url, header)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	t.Cleanup(func() { _ = conn.Close() })
	return client{t, conn}
}

// next reads a message, as an object.
func (c client) next() map[string]any {
	c.t.Helper()
	require.NoError(c.t, c.conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, text, err := c.conn.ReadMessage()
	require.NoError(c.t, err)
	var m map[string]any
	require.NoError(c.t, json.Unmarshal(text, &m))
	return m
}

// form is what a message looks like, whatever it says: its kind, the names of its
// fields, and what state its channel is in.
func form(m map[string]any) string {
	parts := []string{m["type"].(string), strings.Join(slices.Sorted(maps.Keys(m)), ",")}
	for _, key := range []string{"channel", "caller", "peer", "bridge"} {
		if object, ok := m[key].(map[string]any); ok {
			parts = append(parts, key, strings.Join(slices.Sorted(maps.Keys(object)), ","))
			if state, ok := object["state"]; ok {
				parts = append(parts, state.(string))
			}
		}
	}
	if status, ok := m["dialstatus"]; ok {
		parts = append(parts, status.(string))
	}
	return strings.Join(parts, " ")
}

// told are the kinds that the server sends of a call.
var told = map[string]bool{
	"ChannelCreated": true, "ChannelStateChange": true, "Dial": true, "BridgeCreated": true, "BridgeDestroyed": true, "ChannelEnteredBridge": true,
	"ChannelLeftBridge": true, "ChannelHangupRequest": true, "ChannelDestroyed": true, "ChannelHold": true, "ChannelUnhold": true,
}

// What it sends of a scripted call is what Asterisk sent of the same call: the same
// kinds in the same order, with the same fields. A cause that only 22 gives is left out.
func TestScriptedCallIsAsCaptured(t *testing.T) {
	t.Parallel()
	tests := []struct {
		capture string
		script  func(s *aritest.Server)
	}{
		{"a_inbound_answered", func(s *aritest.Server) {
			c := s.Inbound(aritest.Party{Number: "+493012345678", Name: "Ann Caller"}, "+15550100001")
			c.Ring("1001")
			c.Answer("1001")
			c.Hangup()
			require.NoError(t, c.Err())
		}},
		{"c_abandoned_ringing", func(s *aritest.Server) {
			c := s.Inbound(aritest.Party{Number: "+493012345678", Name: "Ann Caller"}, "+15550100003")
			c.Ring("1003")
			c.Hangup()
			require.NoError(t, c.Err())
		}},
	}
	for _, tt := range tests {
		t.Run(tt.capture, func(t *testing.T) {
			t.Parallel()
			var want []string
			lines, err := aritest.Capture(tt.capture)
			require.NoError(t, err)
			for _, line := range lines {
				var m map[string]any
				require.NoError(t, json.Unmarshal(line, &m))
				delete(m, "tech_cause")
				if told[m["type"].(string)] {
					want = append(want, form(m))
				}
			}
			s := aritest.New(aritest.Config{})
			defer s.Close()
			c := connect(t, s, "tb")
			tt.script(s)
			var got []string
			for range want {
				got = append(got, form(c.next()))
			}
			require.ElementsMatch(t, want, got, "the same messages")
			if tt.capture == "a_inbound_answered" {
				require.Equal(t, want, got, "in the same order")
			}
		})
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	s := aritest.New(aritest.Config{Prefix: "/asterisk", ChannelVars: []string{"CHANNEL(linkedid)", "TB_DID"}})
	defer s.Close()
	get := func(path, user string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/ari"+path, http.NoBody)
		require.NoError(t, err)
		request.SetBasicAuth(user, "secret")
		answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(text)
	}
	call := s.Outbound("1001", "03055512345")
	call.Set("TB_DID", "+15550100001")
	require.NoError(t, call.Err())

	status, text := get("/channels", "talkbridge")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, `"channelvars":{"CHANNEL(linkedid)":"`+call.ID()+`","TB_DID":"+15550100001"}`)
	require.Contains(t, text, `"name":"PJSIP/trunk-`)
	status, text = get("/channels/"+call.ID()+"/variable?variable=CHANNEL(linkedid)", "talkbridge")
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"value":"`+call.ID()+`"}`, text)
	for path, want := range map[string]string{
		"/channels/" + call.ID() + "/variable?variable=FOO": "Provided variable was not found",
		"/channels/1.1/variable?variable=FOO":               "Provided channel was not found",
		"/nothing":                                          "Resource not found",
	} {
		status, text = get(path, "talkbridge")
		require.Equal(t, http.StatusNotFound, status)
		require.Contains(t, text, want)
	}
	status, text = get("/bridges", "somebody")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, text, "Authentication required")
	call.Ring("1001")
	call.Hangup()
	call.Ring("1002")
	require.ErrorContains(t, call.Err(), "to ring 1002 is impossible now")
	_, text = get("/channels", "talkbridge")
	require.JSONEq(t, "[]", text)
}

// Whoever comes second with an app gets the events; the first hears so, and is not
// disconnected.
func TestServer_replaces(t *testing.T) {
	t.Parallel()
	s := aritest.New(aritest.Config{})
	defer s.Close()
	one, other := connect(t, s, "tb"), connect(t, s, "other")
	two := connect(t, s, "tb")
	require.Equal(t, "ApplicationReplaced", one.next()["type"])
	require.Equal(t, 3, s.Clients())
	require.NoError(t, s.Play("g1_outbound_answered"))
	require.Equal(t, two.next(), other.next())
	require.ErrorIs(t, s.Play("nothing"), aritest.ErrNoCapture)
	require.Len(t, aritest.Captures(), 26)
}
