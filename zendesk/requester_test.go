package zendesk_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

func requesterEndpoints() []endpoint {
	return []endpoint{
		{
			name: "UsersByEmail", method: "GET", path: "/api/v2/search",
			query: url.Values{"query": {"type:user email:Ana@Example.com"}, "per_page": {"100"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.UsersByEmail(ctx, "Ana@Example.com")
			},
			status: 200,
			answer: `{"results":[{"id":1,"email":"ana@example.com","role":"end-user","active":true},
				{"id":2,"email":"ana@example.com","role":"end-user","active":false},
				{"id":3,"email":"ana@example.com","role":"agent","active":true,"suspended":true},
				{"id":4,"email":"ana@example.com.au","role":"end-user","active":true},
				{"id":5,"email":"ana@example.com","role":"agent","active":true}],"count":5}`,
			want: []zendesk.User{
				{ID: 1, Email: "ana@example.com", Role: "end-user", Active: true},
				{ID: 5, Email: "ana@example.com", Role: "agent", Active: true},
			},
		},
		{
			name: "NewestOpenTicket", method: "GET", path: "/api/v2/users/7/tickets/requested",
			query: url.Values{"sort_by": {"created_at"}, "sort_order": {"desc"}, "per_page": {"100"}, "exclude_archived": {"true"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				ticket, found, err := c.NewestOpenTicket(ctx, 7)
				if err == nil && !found {
					return nil, nil
				}
				return ticket, err
			},
			status: 200,
			answer: `{"tickets":[{"id":9,"status":"solved","created_at":"2026-03-01T09:14:59Z"},
				{"id":7,"status":"pending","created_at":"2026-03-01T09:14:57Z"},
				{"id":8,"status":"hold","created_at":"2026-03-01T09:14:57Z"},
				{"id":5,"status":"open","created_at":"2026-02-01T09:14:57Z"}],"next_page":null}`,
			want: zendesk.Ticket{ID: 8, Status: "hold", CreatedAt: day},
		},
		{
			name: "LastChangedTicket", method: "GET", path: "/api/v2/users/7/tickets/requested",
			query: url.Values{"sort_by": {"updated_at"}, "sort_order": {"desc"}, "per_page": {"1"}, "exclude_archived": {"true"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				ticket, found, err := c.LastChangedTicket(ctx, 7)
				if err == nil && !found {
					return nil, nil
				}
				return ticket, err
			},
			status: 200,
			answer: `{"tickets":[{"id":9,"status":"solved","updated_at":"2026-03-01T09:14:56Z"},
				{"id":7,"status":"closed","updated_at":"2026-03-01T09:14:57Z"}],"next_page":"x"}`,
			want: zendesk.Ticket{ID: 7, Status: "closed", UpdatedAt: day},
		},
		{
			name: "SearchUsersByField", method: "GET", path: "/api/v2/search",
			query: url.Values{"query": {`type:user role:end-user more_numbers:"15135557611" more_numbers:"+15135557611"`}, "per_page": {"100"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.SearchUsersByField(ctx, "more_numbers", "15135557611", "+15135557611")
			},
			status: 200,
			answer: `{"results":[{"id":1,"result_type":"user","user_fields":{"more_numbers":"+15135557611","tier":3,"vip":null}}],"count":1}`,
			want: zendesk.UserHits{
				Users: []zendesk.User{{ID: 1, Fields: map[string]any{"more_numbers": "+15135557611", "tier": 3.0, "vip": nil}}}, Total: 1,
			},
		},
		{
			name: "RequestedTickets", method: "GET", path: "/api/v2/users/7/tickets/requested",
			query: url.Values{"sort_by": {"updated_at"}, "sort_order": {"desc"}, "per_page": {"100"}, "exclude_archived": {"true"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.RequestedTickets(ctx, 7, day)
			},
			status: 200,
			answer: `{"tickets":[{"id":9,"status":"solved","updated_at":"2026-03-01T09:14:59Z"},
				{"id":7,"status":"pending","updated_at":"2026-03-01T09:14:57Z"},
				{"id":8,"status":"hold","updated_at":"2026-03-01T09:14:57Z"},
				{"id":5,"status":"open","updated_at":"2026-03-01T09:14:56Z"}],"next_page":"https://acme.zendesk.com/2"}`,
			want: []zendesk.Ticket{
				{ID: 9, Status: "solved", UpdatedAt: day.Add(2 * time.Second)},
				{ID: 8, Status: "hold", UpdatedAt: day},
				{ID: 7, Status: "pending", UpdatedAt: day},
			},
		},
	}
}

func TestNewestOpenTicketFindsNone(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{`{"tickets":[]}`, `{"tickets":[{"id":9,"status":"solved"},{"id":8,"status":"closed"}]}`} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, http.StatusOK, answer) })
		_, found, err := client.NewestOpenTicket(t.Context(), 7)
		require.NoError(t, err)
		require.False(t, found)
	}
}

// One ticket more on each page, and one that moved from one page to the next
// while they were read.
func TestRequestedTicketsReadsThreePagesAtMost(t *testing.T) {
	t.Parallel()
	pages := 0
	var asked []string
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		pages++
		asked = append(asked, r.URL.Query().Get("page"))
		id := strconv.Itoa(100 - pages)
		answerJSON(w, http.StatusOK, `{"tickets":[{"id":`+id+`,"updated_at":"2026-03-01T09:15:0`+strconv.Itoa(9-pages)+`Z"},
			{"id":7,"updated_at":"2026-03-01T09:14:57Z"}],"next_page":"https://acme.zendesk.com/next"}`)
	})
	tickets, err := client.RequestedTickets(t.Context(), 7, day)
	require.NoError(t, err)
	require.Equal(t, []string{"", "2", "3"}, asked)
	var ids []int64
	for _, ticket := range tickets {
		ids = append(ids, ticket.ID)
	}
	require.Equal(t, []int64{99, 98, 97, 7}, ids)
}

func TestRequestedTicketsOfNobodyIsNotFound(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusNotFound, `{"error":"RecordNotFound","description":"Not found"}`)
	})
	_, err := client.RequestedTickets(t.Context(), 7, day)
	var refused *zendesk.Error
	require.ErrorAs(t, err, &refused)
	require.True(t, refused.IsNotFound())
	require.Equal(t, "RequestedTickets", refused.Operation)
}

func TestSearchUsersByFieldRefusesWhatWouldAskSomethingElse(t *testing.T) {
	t.Parallel()
	client := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("nothing must be sent") })
	for _, tt := range []struct {
		field, key string
		values     []string
	}{
		{field: "key", key: "", values: []string{"1"}},
		{field: "key", key: "phone:1 role", values: []string{"1"}},
		{field: "values", key: "more"},
		{field: "values", key: "more", values: make([]string, 11)},
		{field: "values[1]", key: "more", values: []string{"1", " "}},
		{field: "values[0]", key: "more", values: []string{`1" role:"admin`}},
		{field: "values[0]", key: "more", values: []string{"1\n2"}},
	} {
		_, err := client.SearchUsersByField(t.Context(), tt.key, tt.values...)
		var bad *zendesk.InputError
		require.ErrorAs(t, err, &bad, "%q %q", tt.key, tt.values)
		require.Equal(t, tt.field, bad.Field)
	}
}

func TestUsersByEmailRefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	client := newClient(t, "http://127.0.0.1:1", legacy)
	for _, email := range []string{"", "ana", "a@b@c", "ana@example.com role:agent", "*@example.com"} {
		_, err := client.UsersByEmail(t.Context(), email)
		var input *zendesk.InputError
		require.ErrorAs(t, err, &input, email)
	}
}
