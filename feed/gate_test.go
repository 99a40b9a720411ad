package feed_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
)

func tokens() []feed.Token {
	return []feed.Token{{Name: "wall", Secret: allToken}, {Name: "ana", Secret: anaToken, Agent: "Ana"}}
}

func TestWhoIsRefused(t *testing.T) {
	t.Parallel()
	locked := newSite(t, siteOptions{journal: newMemory(), tokens: tokens(), origins: []string{"https://Wall.example.com:443"}})
	open := newSite(t, siteOptions{journal: newMemory(), origins: []string{"https://wall.example.com"}})
	origin := func(text string) http.Header { return http.Header{"Origin": {text}} }
	for _, tc := range []struct {
		name, query, token string
		header             http.Header
		open               bool
		want               int // 0: let in
		text               string
	}{
		{name: "right token", token: allToken},
		{name: "no token", want: 401, text: "http.tokens"},
		{name: "wrong token", token: allToken + "x", want: 401},
		{name: "beginning of a token", token: allToken[:10], want: 401},
		{name: "empty token", header: http.Header{"Authorization": {"Bearer "}}, want: 401},
		{name: "other scheme", header: http.Header{"Authorization": {"Basic " + allToken}}, want: 401},
		{name: "scheme in small letters", header: http.Header{"Authorization": {"bearer " + allToken}}},
		{name: "token in the URL", query: "?token=" + allToken, token: allToken, want: 400, text: "does not belong in a URL"},
		{name: "token in the URL alone", query: "?access_token=" + allToken, want: 401},
		{name: "unknown ticket", query: "?ticket=ABC", want: 401},
		{name: "forged cookie", header: http.Header{"Cookie": {"talkbridge_session=99999999999.AAAA"}}, want: 401},
		{name: "cookie that is none", header: http.Header{"Cookie": {"talkbridge_session=hello"}}, want: 401},
		{name: "wrong origin", token: allToken, header: origin("https://evil.example.com"), want: 403, text: "http.origins"},
		{name: "origin null", token: allToken, header: origin("null"), want: 403},
		{name: "origin of another scheme", token: allToken, header: origin("http://wall.example.com"), want: 403},
		{name: "origin that begins the same", token: allToken, header: origin("https://wall.example.com.evil.com"), want: 403},
		{name: "configured origin", token: allToken, header: origin("https://wall.example.com")},
		{name: "own host", token: allToken, header: origin("http://" + locked.host)},
		{name: "own host of another port", token: allToken, header: origin("http://127.0.0.1:1"), want: 403},
		{name: "wrong origin and no token", header: origin("https://evil.example.com"), want: 403},
		{name: "open to this machine", open: true},
		{name: "open, another's name for this machine", open: true, header: http.Header{"Host": {"evil.example.com"}, "Origin": {"http://evil.example.com"}}, want: 403, text: "configure a token"},
		{name: "open, as localhost", open: true, header: http.Header{"Host": {"localhost:8080"}, "Origin": {"http://localhost:8080"}}},
		{name: "open, configured origin", open: true, header: origin("https://wall.example.com")},
		{name: "open, wrong origin", open: true, header: origin("https://evil.example.com"), want: 403},
		{name: "bad cursor", token: allToken, query: "?since=yesterday", want: 400, text: "is no cursor"},
		{name: "two cursors", token: allToken, query: "?since=e-1&since=e-2", want: 400, text: "twice"},
		{name: "unknown key", token: allToken, query: "?agents=Ana", want: 400, text: "use since, agent, line"},
		{name: "empty wish", token: allToken, query: "?agent=", want: 400, text: "is empty"},
		{name: "too long a wish", token: allToken, query: "?agent=" + strings.Repeat("x", 2000), want: 400},
		{name: "too many wishes", token: allToken, query: "?agent=x" + strings.Repeat("&agent=x", 100), want: 400},
		{name: "compression that is neither", token: allToken, query: "?compress=maybe", want: 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := locked
			if tc.open {
				s = open
			}
			conn, refused := s.connect(tc.query, tc.token, tc.header)
			if tc.want == 0 {
				require.Nil(t, refused)
				require.NoError(t, conn.Close())
				return
			}
			require.NotNil(t, refused)
			require.Equal(t, tc.want, refused.StatusCode)
			var said struct{ Error string }
			require.NoError(t, json.Unmarshal([]byte(refused.text), &said), "%s", refused.text)
			require.Contains(t, said.Error, tc.text)
			require.NotContains(t, said.Error, allToken)
			require.Equal(t, tc.want == 401, refused.Header.Get("WWW-Authenticate") != "")
		})
	}
}

// post asks for a ticket or a session.
func (s *site) post(method, path, token string, header http.Header) *answered {
	s.t.Helper()
	request, err := http.NewRequest(method, "http://"+s.host+path, nil)
	require.NoError(s.t, err)
	maps.Copy(request.Header, header)
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: s.dial, DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(s.t, err)
	return readAnswer(s.t, response)
}

func (s *site) ticket() string {
	s.t.Helper()
	answer := s.post(http.MethodPost, "/v1/feed/ticket", allToken, nil)
	require.Equal(s.t, http.StatusCreated, answer.StatusCode)
	require.Equal(s.t, "no-store", answer.Header.Get("Cache-Control"))
	var given struct {
		Ticket    string `json:"ticket"`
		ExpiresIn int    `json:"expires_in"`
	}
	require.NoError(s.t, json.Unmarshal([]byte(answer.text), &given))
	require.Equal(s.t, 30, given.ExpiresIn)
	return given.Ticket
}

func TestTicketWorksOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{journal: newMemory(), tokens: tokens()})
	ticket := s.ticket()
	conn, refused := s.connect("?ticket="+ticket, "", nil)
	require.Nil(t, refused)
	require.NoError(t, conn.Close())
	_, refused = s.connect("?ticket="+ticket, "", nil)
	require.Equal(t, 401, refused.StatusCode)

	// As a browser has it, which cannot set other headers.
	ticket = s.ticket()
	dialer := websocket.Dialer{Subprotocols: []string{feed.Protocol, "talkbridge.ticket." + ticket}}
	conn, response, err := dialer.Dial("ws://"+s.host+"/v1/feed", nil)
	require.NoError(t, err)
	require.Equal(t, feed.Protocol, response.Header.Get("Sec-Websocket-Protocol"), "the ticket is not sent back")
	require.NoError(t, errors.Join(conn.Close(), response.Body.Close()))
	_, refused = s.connect("", "", http.Header{"Sec-Websocket-Protocol": {feed.Protocol + ", talkbridge.ticket." + ticket}})
	require.Equal(t, 401, refused.StatusCode)

	require.Equal(t, 401, s.post(http.MethodPost, "/v1/feed/ticket", "wrong", nil).StatusCode)
	require.Equal(t, 403, s.post(http.MethodPost, "/v1/feed/ticket", allToken, http.Header{"Origin": {"https://evil.example.com"}}).StatusCode)

	ticket = s.ticket()
	require.NoError(t, s.gate.Set([]feed.Token{{Secret: anaToken}}, nil))
	_, refused = s.connect("?ticket="+ticket, "", nil)
	require.Equal(t, 401, refused.StatusCode, "its token is gone")
}

func TestTicketsAreBoundedAndExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, siteOptions{journal: newMemory(), tokens: tokens(), pipes: true})
		old := s.ticket()
		for range 1023 {
			s.ticket()
		}
		require.Equal(t, 503, s.post(http.MethodPost, "/v1/feed/ticket", allToken, nil).StatusCode)
		<-time.After(30 * time.Second)
		_, refused := s.connect("?ticket="+old, "", nil)
		require.Equal(t, 401, refused.StatusCode)
		s.ticket()
		s.stop()
	})
}

func TestSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, siteOptions{journal: newMemory(), tokens: tokens(), pipes: true})
		require.Equal(t, 401, s.post(http.MethodPost, "/v1/session", "wrong", nil).StatusCode)
		response := s.post(http.MethodPost, "/v1/session", anaToken, nil)
		require.Equal(t, http.StatusCreated, response.StatusCode)
		cookie := response.Cookies[0]
		require.True(t, cookie.HttpOnly)
		require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
		require.False(t, cookie.Secure, "this machine has no TLS")
		require.NotContains(t, cookie.Value, anaToken)
		with := http.Header{"Cookie": {cookie.String()}}
		conn, refused := s.connect("", "", with)
		require.Nil(t, refused)
		f := &follower{t: t, conn: conn}
		f.snapshot()

		_, refused = s.connect("", "", http.Header{"Cookie": {cookie.String()}, "Origin": {"https://evil.example.com"}})
		require.Equal(t, 403, refused.StatusCode, "another site's page brings the cookie along")

		ended := s.post(http.MethodDelete, "/v1/session", "", nil)
		require.Equal(t, http.StatusNoContent, ended.StatusCode)
		require.Negative(t, ended.Cookies[0].MaxAge)

		began := time.Now()
		require.NoError(t, conn.SetReadDeadline(time.Time{}))
		for {
			_, _, err := conn.ReadMessage()
			if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
				require.Equal(t, feed.CloseToken, closed.Code)
				break
			}
			require.NoError(t, err)
		}
		require.WithinDuration(t, began.Add(12*time.Hour), time.Now(), 2*time.Second)
		_, refused = s.connect("", "", with)
		require.Equal(t, 401, refused.StatusCode, "it has expired")
		s.stop()
	})
}

func TestSessionCookieNeedsTLSElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{journal: newMemory(), tokens: tokens()})
	answer := s.post(http.MethodPost, "/v1/session", allToken, http.Header{"Host": {"calls.example.com"}})
	require.Equal(t, http.StatusCreated, answer.StatusCode)
	require.True(t, answer.Cookies[0].Secure)
}

// A token that is taken away closes its readers, and nobody else's.
func TestReviewClosesReadersOfOldTokens(t *testing.T) {
	t.Parallel()
	j := newMemory()
	s := newSite(t, siteOptions{journal: j, tokens: tokens()})
	stays := s.follow("")
	stays.snapshot()
	conn, refused := s.connect("", anaToken, nil)
	require.Nil(t, refused)
	goes := &follower{t: t, conn: conn}
	goes.snapshot()
	require.NoError(t, s.gate.Set([]feed.Token{{Name: "wall", Secret: allToken}, {Name: "ana", Secret: anaToken, Agent: "Ben"}}, nil))
	s.hub.Review()
	require.Equal(t, feed.CloseToken, goes.closed(), "the scope is another")
	j.outcome(firstCall, `{"kind":"done","time":"2026-01-02T10:00:00Z"}`)
	require.Equal(t, uint64(1), stays.next().Cursor.Seq)
}

func TestGateRefusesWhatItCannotHold(t *testing.T) {
	t.Parallel()
	_, err := feed.NewGate([]feed.Token{{Name: "wall"}}, nil)
	require.ErrorContains(t, err, "tokens[0] (wall)")
	for _, origin := range []string{"wall.example.com", "*", "https://", "ftp://x.example.com", "https://x.example.com/page", "https://a@x.example.com"} {
		_, err := feed.NewGate(nil, []string{origin})
		require.ErrorContains(t, err, "origins[0]")
	}
	g, err := feed.NewGate(tokens(), nil)
	require.NoError(t, err)
	require.Error(t, g.Set(nil, []string{"*"}))
	require.False(t, g.Open(), "a bad set changes nothing")
}

// The socket for the daemon's own user asks for nothing, and serves no page.
func TestWithoutGate(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{journal: newMemory(), tokens: tokens()})
	mux := http.NewServeMux()
	s.hub.Register(mux, nil)
	own := &site{t: t, host: serve(t, mux)}
	conn, refused := own.connect("", "", nil)
	require.Nil(t, refused)
	require.NoError(t, conn.Close())
	_, refused = own.connect("", "", http.Header{"Origin": {"http://" + own.host}})
	require.Equal(t, 403, refused.StatusCode)
	require.Equal(t, 404, own.post(http.MethodPost, "/v1/feed/ticket", allToken, nil).StatusCode)
	require.Equal(t, 426, own.post(http.MethodGet, "/v1/feed", "", nil).StatusCode)
}

func TestFilters(t *testing.T) {
	t.Parallel()
	j := newMemory()
	support, sales := &call{id: "hq/pbx1/support"}, &call{id: "hq/pbx1/sales"}
	j.events(support.starts("5550100001"))
	j.events(sales.starts("5550100002"))
	j.events(support.rings("PJSIP/1001")...)
	j.events(sales.rings("PJSIP/1002")...)
	s := newSite(t, siteOptions{journal: j})
	for _, tc := range []struct {
		name, query string
		want        []uint64 // of all four, from the start
	}{
		{"nothing asked", "", []uint64{1, 2, 3, 4}},
		{"agent by name", "&agent=ana", []uint64{3}},
		{"agent by endpoint", "&agent=pjsip/1002", []uint64{4}},
		{"agent by extension", "&agent=1002", []uint64{4}},
		{"two agents", "&agent=Ana&agent=Ben", []uint64{3, 4}},
		{"line by number", "&line=%2B15550100001", []uint64{1, 3}},
		{"line by number, the plus a blank", "&line=+15550100001", []uint64{1, 3}},
		{"line as people write it", "&line=(555)%20010-0002", []uint64{2, 4}},
		{"line by name", "&line=sales", []uint64{2, 4}},
		{"call", "&call=hq/pbx1/sales", []uint64{2, 4}},
		{"agent and line agree", "&agent=Ana&line=Support", []uint64{3}},
		{"agent and line do not", "&agent=Ana&line=Sales", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := s.follow("?since=" + epoch + "-0" + tc.query)
			for _, seq := range tc.want {
				require.Equal(t, seq, f.next().Cursor.Seq)
			}
			feed.Beat(s.hub, time.Now()) // and nothing else
			for {
				if m := f.next(); m.Type == feed.TypeHeartbeat {
					break
				} else {
					require.Fail(t, "unexpected", "%+v", m)
				}
			}
		})
	}
}
