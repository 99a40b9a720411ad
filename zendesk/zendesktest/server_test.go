package zendesktest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func ExampleServer() {
	s := zendesktest.New(zendesktest.WithAgents(zendesktest.User{ID: 501, Name: "Ana", Email: "ana@example.com"}))
	s.Inject(zendesktest.Fault{Method: "POST", Path: "/api/v2/channels/voice/tickets", Count: 1, Effect: zendesktest.DropAfterCommit()})
	if err := s.Start(""); err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	body := `{"ticket":{"via_id":45,"external_id":"call-1","comment":{"body":"Call"}},"display_to_agent":501}`
	r, _ := http.NewRequest(http.MethodPost, s.URL()+"/api/v2/channels/voice/tickets", strings.NewReader(body))
	r.SetBasicAuth(zendesktest.DefaultEmail+"/token", zendesktest.DefaultAPIToken)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		_ = resp.Body.Close()
	}
	fmt.Println("answered:", err == nil)
	fmt.Println("tickets:", len(s.TicketsByExternalID("call-1")), "pops:", len(s.Pops()))
	// Output:
	// answered: false
	// tickets: 1 pops: 1
}

func TestConcurrentRequests(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithRetention(zendesktest.Retention{Requests: 100}))
	changes, cancel := d.s.Subscribe(100_000)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				id := d.voiceTicket(fmt.Sprintf("c-%d-%d", w, i))
				path := fmt.Sprintf("/api/v2/tickets/%d", id)
				d.want(200, "PUT", path, `{"ticket":{"status":"open"}}`)
				d.want(200, "PUT", path+"/tags", `{"tags":["b","a"]}`)
				d.want(200, "DELETE", path+"/tags?tags=a", "")
				d.want(200, "GET", path+"/audits", "")
				d.want(200, "POST", fmt.Sprintf("/api/v2/channels/voice/agents/501/tickets/%d/display", id), "")
				d.want(201, "POST", "/api/v2/users", fmt.Sprintf(`{"user":{"name":"u","phone":"+1513%04d%03d"}}`, w, i))
				d.want(200, "GET", "/api/v2/search?query=type:ticket", "")
				d.s.Advance(time.Second)
				_, _, _ = d.s.Tickets(), d.s.Users(), d.s.Pops()
			}
		})
	}
	wg.Wait()
	cancel()
	require.Len(t, d.s.Tickets(), 80)
	require.Empty(t, d.s.Duplicates())
	require.Len(t, d.s.Requests(), 100)
	seen, last := map[zendesktest.ChangeKind]int{}, int64(0)
	for c := range changes {
		require.Greater(t, c.Seq, last)
		last = c.Seq
		seen[c.Kind]++
	}
	want := map[zendesktest.ChangeKind]int{zendesktest.ChangeTicket: 320, zendesktest.ChangePop: 80, zendesktest.ChangeUser: 80}
	require.Equal(t, want, seen)
	for _, tk := range d.s.Tickets() {
		require.Equal(t, []string{"b"}, tk.Tags)
		require.Len(t, tk.Audits, 4)
	}
}

// TestRequestIsLoggedWithItsEffect: who sees a ticket sees the request that
// made it.
func TestRequestIsLoggedWithItsEffect(t *testing.T) {
	t.Parallel()
	const n = 50
	d := start(t)
	changes, cancel := d.s.Subscribe(n)
	made := make(chan struct{})
	go func() {
		defer close(made)
		for i := range n {
			d.voiceTicket(fmt.Sprint(i))
		}
	}()
	for i := range n {
		<-changes
		require.GreaterOrEqual(t, len(d.s.Requests()), i+1)
	}
	<-made
	cancel()
}

func TestSlowSubscriberIsDropped(t *testing.T) {
	t.Parallel()
	d := start(t)
	changes, cancel := d.s.Subscribe(2)
	defer cancel()
	for i := range 5 {
		d.voiceTicket(fmt.Sprint(i))
	}
	n := 0
	for range changes {
		n++
	}
	require.Equal(t, 2, n)
}

func TestRetention(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithRetention(zendesktest.Retention{Tickets: 3, Users: 6, Pops: 2, Requests: 4}))
	for i := range 5 {
		id := d.voiceTicket(fmt.Sprint(i))
		d.want(200, "POST", fmt.Sprintf("/api/v2/channels/voice/agents/501/tickets/%d/display", id), "")
		d.want(201, "POST", "/api/v2/users", fmt.Sprintf(`{"user":{"name":"u%d","phone":"+1513555000%d"}}`, i, i))
	}
	require.Len(t, d.s.Tickets(), 3)
	require.Len(t, d.s.Users(), 6, "the owner and two agents stay")
	require.Len(t, d.s.Agents(), 3)
	require.Equal(t, []int64{4, 5}, []int64{d.s.Pops()[0].Seq, d.s.Pops()[1].Seq})
	require.Len(t, d.s.Requests(), 4)
	d.want(404, "GET", "/api/v2/tickets/1", "")
	require.Empty(t, d.s.TicketsByExternalID("0"))
	a := d.want(201, "POST", "/api/v2/users", `{"user":{"name":"u0 again","phone":"+15135550000"}}`)
	require.Equal(t, false, a.at("user.shared_phone_number"), "the number is free again")
}

func TestActionsOfPeople(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.voiceTicket("c1")
	require.NoError(t, d.s.SetAssignee(id, 501))
	require.NoError(t, d.s.AddComment(id, "by hand", true))
	require.NoError(t, d.s.SetStatus(id, "pending"))
	require.NoError(t, d.s.SolveTicket(id))
	require.Error(t, d.s.SetAssignee(id, 99))
	require.Error(t, d.s.SetStatus(id, "done"))
	require.Error(t, d.s.CloseTicket(99))
	require.Error(t, d.s.SuspendUser(99, true))
	tk, found := d.s.Ticket(id)
	require.True(t, found)
	require.Equal(t, "solved", tk.Status)
	require.Equal(t, int64(501), tk.AssigneeID)
	require.Equal(t, "by hand", tk.Comments[1].Body)
	require.Len(t, tk.Audits, 5)
	require.Equal(t, "web", d.want(200, "GET", fmt.Sprintf("/api/v2/tickets/%d/audits", id), "").at("audits.1.via.channel"))

	user, err := d.s.AddUser(zendesktest.User{Name: "Blocked"})
	require.NoError(t, err)
	require.NoError(t, d.s.SuspendUser(user.ID, true))
	d.want(422, "POST", voicePath, fmt.Sprintf(`{"ticket":{"via_id":45,"requester_id":%d,"comment":{"body":"x"}}}`, user.ID))
	_, err = d.s.AddAgent(zendesktest.User{Name: "Ana again", Email: "ANA@example.com"})
	require.ErrorContains(t, err, "taken")
}

func TestRequesterForms(t *testing.T) {
	t.Parallel()
	d := start(t)
	user, err := d.s.AddUser(zendesktest.User{Name: "Known", Email: "known@example.com", Phone: "+15135557611"})
	require.NoError(t, err)
	for _, tt := range []struct {
		name, requester string
		want            string
	}{
		{"email", `"known@example.com"`, "Known"},
		{"id", fmt.Sprint(user.ID), "Known"},
		{"object with a known email", `{"name":"X","email":"KNOWN@example.com"}`, "Known"},
		{"object with a known phone only", `{"name":"Somebody","phone":"+15135557611"}`, "Somebody"},
	} {
		a := d.want(201, "POST", "/api/v2/tickets", `{"ticket":{"comment":{"body":"x"},"requester":`+tt.requester+`}}`)
		u, _ := d.s.User(a.id("ticket.requester_id"))
		require.Equal(t, tt.want, u.Name, tt.name)
	}
	before := len(d.s.Users())
	d.want(422, "POST", "/api/v2/tickets", `{"ticket":{"requester":{"name":"Nobody"},"status":"nonsense","comment":{"body":"x"}}}`)
	require.Len(t, d.s.Users(), before, "a refused ticket makes no user")
}

func TestPaging(t *testing.T) {
	t.Parallel()
	d := start(t)
	for range 7 {
		d.voiceTicket("same")
	}
	page := d.want(200, "GET", "/api/v2/tickets?external_id=same&per_page=3&page=2", "")
	require.Equal(t, int64(4), page.id("tickets.0.id"))
	require.InDelta(t, 7, page.at("count"), 0)
	next, err := url.Parse(page.at("next_page").(string))
	require.NoError(t, err)
	last := d.want(200, "GET", next.RequestURI(), "")
	require.Len(t, last.list("tickets"), 1)
	require.Nil(t, last.at("next_page"))

	seen, path := 0, "/api/v2/tickets?page%5Bsize%5D=3"
	for path != "" {
		a := d.want(200, "GET", path, "")
		seen += len(a.list("tickets"))
		link, _ := a.at("links.next").(string)
		u, err := url.Parse(link)
		require.NoError(t, err)
		path = u.RequestURI()
		if link == "" {
			path = ""
			require.Equal(t, false, a.at("meta.has_more"))
		}
	}
	require.Equal(t, 7, seen)
}

func TestSearchSyntax(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithIndexDelay(0))
	user, err := d.s.AddUser(zendesktest.User{Name: "Maria Sol", Email: "maria@example.com", Fields: map[string]any{"extension": "1001"}})
	require.NoError(t, err)
	make1 := func(subject, rest string) {
		d.want(201, "POST", "/api/v2/tickets", fmt.Sprintf(
			`{"ticket":{"subject":%q,"requester_id":%d,"comment":{"body":"b"}%s}}`, subject, user.ID, rest))
	}
	make1("alpha one", `,"tags":["x"]`)
	make1("alpha two", `,"status":"solved","assignee_id":501,"tags":["y"]`)
	make1("beta", `,"status":"pending"`)
	for _, tt := range []struct {
		name, query string
		want        int
	}{
		{"word", "type:ticket alpha", 2},
		{"quoted", `type:ticket "alpha two"`, 1},
		{"status below", "type:ticket status<solved", 2},
		{"status", "type:ticket status:pending", 1},
		{"not", "type:ticket -status:pending", 2},
		{"tags are alternatives", "type:ticket tags:x tags:y", 2},
		{"requester by email", "type:ticket requester:maria@example.com", 3},
		{"assignee none", "type:ticket assignee:none", 2},
		{"created after", "type:ticket created>2026-03-03", 0},
		{"created on", "type:ticket created:2026-03-02", 3},
		{"unknown property", "type:ticket colour:red", 0},
		{"user field", "type:user extension:1001", 1},
		{"user email", "type:user email:maria@example.com", 1},
		{"both kinds", "maria", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := d.want(200, "GET", "/api/v2/search?query="+url.QueryEscape(tt.query), "")
			require.Len(t, a.list("results"), tt.want)
		})
	}
	a := d.want(200, "GET", "/api/v2/search?query=type:ticket&sort_by=status&sort_order=asc", "")
	require.Equal(t, "new", a.at("results.0.status"))
	d.want(422, "GET", "/api/v2/search", "")
}

func BenchmarkCreateVoiceTicket(b *testing.B) {
	s := zendesktest.New(zendesktest.WithPlan(zendesktest.Unlimited), zendesktest.WithAgents(zendesktest.User{ID: 501, Name: "Ana"}))
	require.NoError(b, s.Start(""))
	defer s.Close()
	hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer hc.CloseIdleConnections()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, s.URL()+voicePath, strings.NewReader(voiceBody("x")))
			r.SetBasicAuth(zendesktest.DefaultEmail+"/token", zendesktest.DefaultAPIToken)
			resp, err := hc.Do(r)
			if err != nil || resp.StatusCode != http.StatusCreated {
				b.Error(err, resp)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

func BenchmarkPhoneSearchAmongManyUsers(b *testing.B) {
	s := zendesktest.New(zendesktest.WithPlan(zendesktest.Unlimited))
	for i := range 10_000 {
		_, err := s.AddUser(zendesktest.User{Name: "Caller", Phone: fmt.Sprintf("+1513%07d", i)})
		require.NoError(b, err)
	}
	require.NoError(b, s.Start(""))
	defer s.Close()
	hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer hc.CloseIdleConnections()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, _ := http.NewRequestWithContext(b.Context(), http.MethodGet,
				s.URL()+"/api/v2/search?query=role:end-user%20phone:*15130001234", http.NoBody)
			r.SetBasicAuth(zendesktest.DefaultEmail+"/token", zendesktest.DefaultAPIToken)
			resp, err := hc.Do(r)
			if err != nil || resp.StatusCode != http.StatusOK {
				b.Error(err, resp)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
