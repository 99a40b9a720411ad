package zendesktest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`

// page is what a browser gets.
type page struct {
	status int
	header http.Header
	body   string
}

// get fetches a page as a browser does, without credentials.
func (d *desk) get(path string) page {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.s.URL()+path, http.NoBody)
	require.NoError(d.t, err)
	resp, err := d.hc.Do(r)
	require.NoError(d.t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return page{status: resp.StatusCode, header: resp.Header, body: string(b)}
}

// sse is one event of a stream.
type sse struct {
	id, name string
	HTML     string  `json:"html"`
	Key      string  `json:"key"`
	Title    string  `json:"title"`
	Age      float64 `json:"age_ms"`
}

// listen opens an event stream; its events come on the channel, which is closed when the stream ends.
func (d *desk) listen(path string, header ...string) <-chan sse {
	d.t.Helper()
	ctx, cancel := context.WithCancel(d.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.s.URL()+path, http.NoBody)
	require.NoError(d.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := d.hc.Transport.RoundTrip(r) //nolint:bodyclose // Closed at the end of the test.
	require.NoError(d.t, err)
	require.Equal(d.t, "text/event-stream; charset=utf-8", resp.Header.Get("Content-Type"))
	events, ended := make(chan sse, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		defer close(events)
		var e sse
		for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
			name, value, _ := strings.Cut(sc.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				_ = json.Unmarshal([]byte(value), &e)
				events <- e
				e = sse{}
			}
		}
	}()
	d.t.Cleanup(func() {
		cancel()
		<-ended
		_ = resp.Body.Close()
	})
	return events
}

// next returns the next event of that name.
func (d *desk) next(events <-chan sse, name string) sse {
	d.t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case e, open := <-events:
			require.True(d.t, open, "the stream ended before %s", name)
			require.NotContains(d.t, []string{"open", "error", "message"}, e.name, "browsers have events of that name")
			if e.name == name {
				return e
			}
		case <-timeout:
			require.FailNow(d.t, "no event", name)
		}
	}
}

func TestPagesEscapeEverything(t *testing.T) {
	t.Parallel()
	d := start(t)
	user, err := d.s.AddUser(zendesktest.User{Name: hostile, Phone: "+15135557611", Email: "a@example.com", Notes: hostile})
	require.NoError(t, err)
	text, err := json.Marshal(hostile)
	require.NoError(t, err)
	d.want(201, "POST", voicePath, fmt.Sprintf(`{"display_to_agent":501,"ticket":{"via_id":45,"subject":%[1]s,"external_id":%[1]s,
		"requester_id":%[2]d,"tags":[%[1]s],"voice_comment":{"from":%[1]s,"to":%[1]s,"location":%[1]s,"transcription_text":%[1]s,
		"recording_url":"javascript:alert(3)","call_duration":1}}}`, text, user.ID))
	d.want(200, "POST", fmt.Sprintf("/api/v2/channels/voice/agents/501/users/%d/display", user.ID), "")
	for _, path := range []string{"/", "/agent/", "/agent/501"} {
		p := d.get(path)
		require.Equal(t, 200, p.status, path)
		require.NotContains(t, p.body, "<script>", path)
		require.NotContains(t, p.body, "<img", path)
		require.NotContains(t, p.body, "javascript:", path)
		require.NotContains(t, p.body, "style=", path)
		policy := p.header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'; script-src 'self'; style-src 'self'")
		require.NotContains(t, policy, "unsafe")
	}
	events := d.listen("/agent/501/events")
	require.NotContains(t, d.next(events, "tabs").HTML, "<script>")
	require.NotContains(t, d.next(events, "panel").HTML, "<script>")
	require.Equal(t, hostile, d.next(events, "pop").Title, "the browser sets it as text")
}

func TestPagesThatAreNotThere(t *testing.T) {
	t.Parallel()
	d := start(t)
	user, err := d.s.AddUser(zendesktest.User{Name: "End"})
	require.NoError(t, err)
	for _, path := range []string{
		"/agent/99", "/agent/ana", fmt.Sprintf("/agent/%d", user.ID), "/agent/99/events", "/assets/agent.html", "/assets/none.css", "/x",
	} {
		require.Equal(t, 404, d.get(path).status, path)
	}
	for path, kind := range map[string]string{
		"style.css": "text/css; charset=utf-8", "live.js": "text/javascript; charset=utf-8", "icons.svg": "image/svg+xml",
	} {
		p := d.get("/assets/" + path)
		require.Equal(t, kind, p.header.Get("Content-Type"))
		require.NotContains(t, strings.ReplaceAll(p.body, "http://www.w3.org/2000/svg", ""), "http", "nothing from elsewhere")
	}
}

func TestAgentPageShowsPopsAndUpdates(t *testing.T) {
	t.Parallel()
	d := start(t)
	require.Contains(t, d.get("/agent/501").body, "Ready for calls")
	events := d.listen("/agent/501/events?seen=0")
	require.NotContains(t, d.next(events, "tabs").HTML, "role=\"tab\"")

	first := d.voiceTicket("c1")
	d.want(200, "POST", fmt.Sprintf("/api/v2/channels/voice/agents/502/tickets/%d/display", first), "")
	d.want(200, "POST", fmt.Sprintf("/api/v2/channels/voice/agents/501/tickets/%d/display", first), "")
	require.Contains(t, d.next(events, "tabs").HTML, `id="tab-t1"`)
	require.Contains(t, d.next(events, "panel").HTML, "Ticket #1")
	open := d.next(events, "pop")
	require.Equal(t, sse{id: "2", name: "pop", Key: "t1", Title: "Call"}, open)

	d.want(200, "PUT", "/api/v2/tickets/1", `{"ticket":{"status":"open","assignee_id":501,"tags":["vip"],"voice_comment":{
		"from":"+15135557611","to":"+15550100001","call_duration":75,"recording_url":"https://calls.example.com/1.wav"}}}`)
	panel := d.next(events, "panel").HTML
	for _, want := range []string{
		`<audio controls preload="none" src="https://calls.example.com/1.wav"`, "1m15s", "<li>vip</li>", `class="badge open"`,
	} {
		require.Contains(t, panel, want)
	}
	d.want(200, "POST", "/api/v2/channels/voice/agents/501/users/502/display", "")
	require.Contains(t, d.next(events, "panel").HTML, "Ben")
	require.Equal(t, "u502", d.next(events, "pop").Key)
	d.want(200, "POST", "/api/v2/channels/voice/agents/501/tickets/1/display", "")
	tabs := d.next(events, "tabs").HTML
	require.Less(t, strings.Index(tabs, "tab-t1"), strings.Index(tabs, "tab-u502"), "what pops again comes to the front")
	require.Contains(t, tabs, "2×")
	require.Equal(t, "t1", d.next(events, "pop").Key)

	require.Contains(t, d.get("/agent/501").body, `data-stream="/agent/501/events?seen=4"`)
}

func TestAgentPageReconnects(t *testing.T) {
	t.Parallel()
	d := start(t)
	for i := range 3 {
		d.voiceTicket(fmt.Sprint(i))
		d.want(200, "POST", fmt.Sprintf("/api/v2/channels/voice/agents/501/tickets/%d/display", i+1), "")
	}
	missed := d.listen("/agent/501/events?seen=1", "Last-Event-ID", "2")
	require.Equal(t, "t3", d.next(missed, "pop").Key, "the pop that came meanwhile is opened")

	upToDate := d.listen("/agent/501/events?seen=3")
	d.next(upToDate, "panel")
	d.want(200, "PUT", "/api/v2/tickets/2", `{"ticket":{"subject":"changed"}}`)
	for e := d.next(upToDate, "panel"); !strings.Contains(e.HTML, "changed"); e = d.next(upToDate, "panel") {
	}
	for len(upToDate) > 0 {
		require.NotEqual(t, "pop", (<-upToDate).name, "an update brings no page to the front")
	}
}

func TestAgentPageSurvivesABurst(t *testing.T) {
	t.Parallel()
	d := start(t)
	events := d.listen("/agent/501/events")
	for range 300 {
		d.want(201, "POST", voicePath, `{"display_to_agent":501,"ticket":{"via_id":45,"comment":{"body":"x"}}}`)
	}
	for e := d.next(events, "pop"); e.Key != "t300"; e = d.next(events, "pop") {
	}
	require.Equal(t, 20, strings.Count(d.get("/agent/501").body, `role="tab"`), "open pages are bounded")
}

func TestOverviewIsLive(t *testing.T) {
	t.Parallel()
	d := start(t)
	events := d.listen("/events")
	require.Contains(t, d.next(events, "overview").HTML, "No tickets yet")
	d.voiceTicket("same")
	d.voiceTicket("same")
	html := ""
	for strings.Count(html, "<tr data-key=") < 2 {
		html = d.next(events, "overview").HTML
	}
	require.Contains(t, html, `data-key="n-duplicates" class="alarmed"`)
	require.Contains(t, html, "same")
	require.Contains(t, d.get("/").body, `href="/agent/501"`)
	d.s.Close()
	for range events {
	}
}
