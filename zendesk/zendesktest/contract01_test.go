package zendesktest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// The cases are numbered as in the project's list of what a faithful simulator must honour.

func TestCase01VoiceTicketChannels(t *testing.T) {
	t.Parallel()
	const comment = `"comment":{"body":"A call"}`
	const voice = `"voice_comment":{"from":"+15135557611","to":"+15550100001","started_at":"2026-03-02T08:59:00Z","call_duration":40}`
	for _, tt := range []struct {
		name, ticket string
		status       int
		channel      any
	}{
		{"no via_id", `{` + comment + `}`, 422, nil},
		{"unknown via_id", `{"via_id":33,` + comment + `}`, 422, nil},
		{"via_id outside the ticket is not seen", `{` + comment + `},"via_id":45,"x":{}`, 422, nil},
		{"key in other case is not seen", `{"Via_Id":45,` + comment + `}`, 422, nil},
		{"voicemail", `{"via_id":44,` + voice + `}`, 201, "api_voicemail"},
		{"voicemail without voice comment", `{"via_id":44,` + comment + `}`, 422, nil},
		{"inbound", `{"via_id":45,` + comment + `}`, 201, "api_phone_call_inbound"},
		{"outbound", `{"via_id":46,` + comment + `}`, 201, "api_phone_call_outbound"},
		{"via_id as text", `{"via_id":"46",` + comment + `}`, 201, "api_phone_call_outbound"},
		{"no comment at all", `{"via_id":45,"subject":"x"}`, 422, nil},
		{"unknown requester", `{"via_id":45,"requester_id":99,` + comment + `}`, 422, nil},
		{"assignee who is no agent", `{"via_id":45,"assignee_id":99,` + comment + `}`, 422, nil},
		{"wrong type", `{"via_id":45,"subject":{},` + comment + `}`, 400, nil},
		{"not an object", `[1]`, 400, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := start(t)
			a := d.want(tt.status, "POST", "/api/v2/channels/voice/tickets", `{"ticket":`+tt.ticket+`}`)
			require.Equal(t, tt.channel, a.at("ticket.via.channel"))
			require.Equal(t, tt.channel, a.at("audit.via.channel"))
			require.Len(t, d.s.Tickets(), map[bool]int{true: 1}[tt.status == 201])
		})
	}
}

func TestCase01PlainCommentWinsOverVoiceComment(t *testing.T) {
	t.Parallel()
	d := start(t)
	a := d.want(201, "POST", "/api/v2/channels/voice/tickets", `{"ticket":{"via_id":45,"comment":{"body":"plain"},
		"voice_comment":{"from":"+15135557611","to":"+15550100001","call_duration":1}}}`)
	tk, found := d.s.Ticket(a.id("ticket.id"))
	require.True(t, found)
	require.Len(t, tk.Comments, 1)
	require.Equal(t, "Comment", tk.Comments[0].Type)
	require.True(t, tk.Comments[0].Public, "comments are public unless told otherwise")
}

func TestCase02DisplayToAgent(t *testing.T) {
	t.Parallel()
	d := start(t)
	end, err := d.s.AddUser(zendesktest.User{Name: "Caller"})
	require.NoError(t, err)
	ticket := `{"ticket":{"via_id":45,"comment":{"body":"x"}},"display_to_agent":%v}`
	for _, agent := range []any{99, end.ID, `"Ana"`, `{}`} {
		a := d.want(422, "POST", "/api/v2/channels/voice/tickets", fmt.Sprintf(ticket, agent))
		require.Empty(t, a.raw)
	}
	require.Empty(t, d.s.Tickets())
	require.Empty(t, d.s.Pops())

	a := d.want(201, "POST", "/api/v2/channels/voice/tickets", fmt.Sprintf(ticket, 501))
	want := []zendesktest.Pop{{Seq: 1, AgentID: 501, TicketID: a.id("ticket.id"), At: epoch, Source: zendesktest.PopCreate}}
	require.Equal(t, want, d.s.Pops())

	require.NoError(t, d.s.SuspendUser(501, true))
	d.want(422, "POST", "/api/v2/channels/voice/tickets", fmt.Sprintf(ticket, 501))
	require.Len(t, d.s.Tickets(), 1)
}

func TestCase03Display(t *testing.T) {
	t.Parallel()
	d := start(t)
	user, err := d.s.AddUser(zendesktest.User{Name: "Caller"})
	require.NoError(t, err)
	ticket, gone := d.voiceTicket("c1"), d.voiceTicket("c2")
	require.NoError(t, d.s.DeleteTicket(gone))
	for _, tt := range []struct {
		name, path string
		status     int
	}{
		{"ticket", fmt.Sprintf("501/tickets/%d/display", ticket), 200},
		{"ticket with suffix", fmt.Sprintf("501/tickets/%d/display.json", ticket), 200},
		{"user", fmt.Sprintf("502/users/%d/display", user.ID), 200},
		{"unknown agent", fmt.Sprintf("99/tickets/%d/display", ticket), 404},
		{"end user as agent", fmt.Sprintf("%d/tickets/%d/display", user.ID, ticket), 404},
		{"unknown ticket", "501/tickets/999/display", 404},
		{"deleted ticket", fmt.Sprintf("501/tickets/%d/display", gone), 404},
		{"unknown user", "501/users/99/display", 404},
		{"agent is no number", fmt.Sprintf("ana/tickets/%d/display", ticket), 404},
	} {
		a := d.want(tt.status, "POST", "/api/v2/channels/voice/agents/"+tt.path, "")
		require.Empty(t, a.raw, tt.name)
	}
	pops := d.s.Pops()
	require.Len(t, pops, 3)
	require.Equal(t, zendesktest.Pop{Seq: 3, AgentID: 502, UserID: user.ID, At: epoch, Source: zendesktest.PopDisplay}, pops[2])
}

func TestCase04Idempotency(t *testing.T) {
	t.Parallel()
	d := start(t)
	const body, other = `{"ticket":{"comment":{"body":"a"}}}`, `{"ticket":{"comment":{"body":"b"}}}`
	first := d.want(201, "POST", "/api/v2/tickets", body, "Idempotency-Key", "k1")
	require.Equal(t, "miss", first.header.Get("X-Idempotency-Lookup"))
	require.Equal(t, fmt.Sprintf("%s/api/v2/tickets/%d.json", d.s.URL(), first.id("ticket.id")), first.header.Get("Location"))

	again := d.want(201, "POST", "/api/v2/tickets", body, "Idempotency-Key", "k1")
	require.Equal(t, "hit", again.header.Get("X-Idempotency-Lookup"))
	require.Equal(t, first.raw, again.raw)

	changed := d.want(400, "POST", "/api/v2/tickets", other, "Idempotency-Key", "k1")
	require.Equal(t, "IdempotentRequestError", changed.at("error"))
	require.Len(t, d.s.Tickets(), 1)

	d.s.Advance(2*time.Hour - time.Second)
	d.want(201, "POST", "/api/v2/tickets", body, "Idempotency-Key", "k1")
	require.Len(t, d.s.Tickets(), 1)
	d.s.Advance(time.Second)
	d.want(201, "POST", "/api/v2/tickets", body, "Idempotency-Key", "k1")
	require.Len(t, d.s.Tickets(), 2)

	for range 2 { // The voice endpoint does not know the header.
		d.want(201, "POST", "/api/v2/channels/voice/tickets", voiceBody("v"), "Idempotency-Key", "k2")
	}
	require.Len(t, d.s.Tickets(), 4)
}

func TestCase05ListingIsImmediateSearchLags(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithIndexDelay(90*time.Second))
	one, two := d.voiceTicket("hq/pbx1/17.4"), d.voiceTicket("hq/pbx1/17.4")
	list := func() answer { return d.want(200, "GET", "/api/v2/tickets?external_id=hq%2Fpbx1%2F17.4", "") }
	search := func() answer {
		return d.want(200, "GET", "/api/v2/search.json?query=type:ticket+external_id:%22hq/pbx1/17.4%22", "")
	}
	require.Len(t, list().list("tickets"), 2)
	require.Equal(t, one, list().id("tickets.0.id"))
	require.Equal(t, two, list().id("tickets.1.id"))
	require.Equal(t, map[string][]int64{"hq/pbx1/17.4": {one, two}}, d.s.Duplicates())
	require.InDelta(t, 0, search().at("count"), 0)

	d.s.Advance(89 * time.Second)
	require.InDelta(t, 0, search().at("count"), 0)
	d.s.Advance(time.Second)
	require.InDelta(t, 2, search().at("count"), 0)
	require.Equal(t, "ticket", search().at("results.0.result_type"))

	require.NoError(t, d.s.SolveTicket(two))
	require.Equal(t, "new", search().at("results.0.status"), "search may carry stale states")
	d.s.Advance(90 * time.Second)
	require.Equal(t, "solved", search().at("results.0.status"))

	require.Empty(t, d.want(200, "GET", "/api/v2/tickets?external_id=none", "").list("tickets"))
	require.NoError(t, d.s.DeleteTicket(one))
	require.Len(t, list().list("tickets"), 1)
	require.Len(t, d.s.Duplicates(), 1, "a duplicate that was deleted was one all the same")

	deep := d.want(422, "GET", "/api/v2/search?query=type:ticket&page=11&per_page=100", "")
	require.Equal(t, "invalid", deep.at("error"))
	d.want(200, "GET", "/api/v2/search?query=type:ticket&page=10&per_page=100", "")
}

func TestCase06ClosedDeletedFollowUp(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.voiceTicket("c1")
	path := fmt.Sprintf("/api/v2/tickets/%d", id)
	d.want(422, "PUT", path, `{"ticket":{"status":"solved"}}`)
	d.want(200, "PUT", path, `{"ticket":{"status":"solved","assignee_id":501,"tags":["VIP","two words"]}}`)
	d.want(200, "PUT", path, `{"ticket":{"comment":{"body":"solved tickets can be changed"}}}`)

	followUp := fmt.Sprintf(`{"ticket":{"comment":{"body":"more"},"via_followup_source_id":%d}}`, id)
	ignored := d.want(201, "POST", "/api/v2/tickets", followUp)
	require.Empty(t, ignored.list("ticket.tags"), "the source is not closed: the flag is ignored")
	require.Equal(t, "api", ignored.at("ticket.via.channel"))

	require.NoError(t, d.s.CloseTicket(id))
	closed := d.want(422, "PUT", path, `{"ticket":{"comment":{"body":"late"}}}`)
	require.JSONEq(t, `{"error":"RecordInvalid","description":"Record validation errors",
		"details":{"status":[{"description":"Status: closed prevents ticket update"}]}}`, closed.raw)
	d.want(422, "PUT", path+"/tags", `{"tags":["x"]}`)

	a := d.want(201, "POST", "/api/v2/tickets", followUp)
	require.Equal(t, []any{"two_words", "vip"}, a.list("ticket.tags"))
	require.Equal(t, "follow_up", a.at("ticket.via.source.rel"))
	require.Equal(t, id, a.id("ticket.via.source.from.ticket_id"))

	other := d.voiceTicket("c2")
	require.NoError(t, d.s.DeleteTicket(other))
	for _, method := range []string{"GET", "PUT"} {
		gone := d.want(404, method, fmt.Sprintf("/api/v2/tickets/%d", other), "")
		require.JSONEq(t, `{"error":"RecordNotFound","description":"Not found"}`, gone.raw)
	}
}

func TestCase06MergedIsClosed(t *testing.T) {
	t.Parallel()
	d := start(t)
	from, into := d.voiceTicket("a"), d.voiceTicket("b")
	require.NoError(t, d.s.MergeTicket(from, into))
	a := d.want(200, "GET", fmt.Sprintf("/api/v2/tickets/%d", from), "")
	require.Equal(t, "closed", a.at("ticket.status"))
	require.Equal(t, []any{"closed_by_merge"}, a.list("ticket.tags"))
	d.want(422, "PUT", fmt.Sprintf("/api/v2/tickets/%d", from), `{"ticket":{"subject":"x"}}`)
	tk, _ := d.s.Ticket(into)
	require.Contains(t, tk.Comments[1].Body, fmt.Sprintf("#%d was closed and merged", from))
	require.Error(t, d.s.MergeTicket(into, into))
}

func TestCase07SafeUpdate(t *testing.T) {
	t.Parallel()
	d := start(t)
	path := fmt.Sprintf("/api/v2/tickets/%d", d.voiceTicket("c1"))
	stale := d.want(200, "GET", path, "").at("ticket.updated_at")
	d.s.Advance(time.Minute)
	d.want(200, "PUT", path, `{"ticket":{"subject":"changed meanwhile"}}`)
	for _, flag := range []string{"true", "false"} {
		a := d.want(409, "PUT", path, fmt.Sprintf(`{"ticket":{"subject":"x","safe_update":%s,"updated_stamp":%q}}`, flag, stale))
		require.Equal(t, "UpdateConflict", a.at("error"))
	}
	d.want(409, "PUT", path+"/tags", fmt.Sprintf(`{"tags":["x"],"safe_update":"true","updated_stamp":%q}`, stale))
	d.want(200, "PUT", path, `{"ticket":{"subject":"unguarded"}}`)
	fresh := d.want(200, "GET", path, "").at("ticket.updated_at")
	d.want(200, "PUT", path, fmt.Sprintf(`{"ticket":{"subject":"y","safe_update":true,"updated_stamp":%q}}`, fresh))
}
