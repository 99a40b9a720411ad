package zendesk_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

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

func TestUsersByEmailRefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	client := newClient(t, "http://127.0.0.1:1", legacy)
	for _, email := range []string{"", "ana", "a@b@c", "ana@example.com role:agent", "*@example.com"} {
		_, err := client.UsersByEmail(t.Context(), email)
		var input *zendesk.InputError
		require.ErrorAs(t, err, &input, email)
	}
}
