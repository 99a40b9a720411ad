package zendesktest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func TestRequestedTicketsLagAndAreSorted(t *testing.T) {
	t.Parallel()
	d := start(t)
	caller, err := d.s.AddUser(zendesktest.User{Name: "Caller"})
	require.NoError(t, err)
	other := d.voiceTicket("of nobody in particular")
	open := func(name string) int64 {
		a := d.want(201, "POST", "/api/v2/tickets",
			fmt.Sprintf(`{"ticket":{"subject":%q,"requester_id":%d,"comment":{"body":"Hello"}}}`, name, caller.ID))
		d.s.Advance(time.Second)
		return a.id("ticket.id")
	}
	first, second := open("first"), open("second")
	path := fmt.Sprintf("/api/v2/users/%d/tickets/requested", caller.ID)
	require.Empty(t, d.want(200, "GET", path, "").list("tickets"), "the list lags as the index does")

	d.s.Advance(zendesktest.DefaultIndexDelay)
	a := d.want(200, "GET", path+"?sort_by=created_at&sort_order=desc", "")
	require.Len(t, a.list("tickets"), 2)
	require.Equal(t, []int64{second, first}, []int64{a.id("tickets.0.id"), a.id("tickets.1.id")})
	require.NotContains(t, []int64{first, second}, other)

	require.NoError(t, d.s.DeleteTicket(second))
	d.s.Advance(zendesktest.DefaultIndexDelay)
	a = d.want(200, "GET", path, "")
	require.Len(t, a.list("tickets"), 1)
	require.Equal(t, first, a.id("tickets.0.id"))
	d.want(404, "GET", "/api/v2/users/99999999/tickets/requested", "")
}
