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

// Who asks for the last change first gets it, over several pages, and no ticket
// twice.
func TestRequestedTicketsByTheirLastChangeInPages(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithIndexDelay(0))
	caller, err := d.s.AddUser(zendesktest.User{Name: "Caller"})
	require.NoError(t, err)
	var ids []int64
	for i := range 5 {
		a := d.want(201, "POST", "/api/v2/tickets",
			fmt.Sprintf(`{"ticket":{"subject":"%d","requester_id":%d,"comment":{"body":"Hello"}}}`, i, caller.ID))
		ids = append(ids, a.id("ticket.id"))
		d.s.Advance(time.Second)
	}
	require.NoError(t, d.s.AddComment(ids[1], "Any news?", false)) // the second is the last that changed
	path := fmt.Sprintf("/api/v2/users/%d/tickets/requested?sort_by=updated_at&sort_order=desc&per_page=2", caller.ID)
	want := []int64{ids[1], ids[4], ids[3], ids[2], ids[0]}
	var got []int64
	for page := 1; page <= 3; page++ {
		a := d.want(200, "GET", fmt.Sprintf("%s&page=%d", path, page), "")
		for i := range a.list("tickets") {
			got = append(got, a.id(fmt.Sprintf("tickets.%d.id", i)))
		}
		if page < 3 {
			require.Contains(t, a.at("next_page"), fmt.Sprintf("page=%d", page+1))
		}
	}
	require.Equal(t, want, got)
}

func TestAuditsInTheOrderThatIsAskedFor(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.voiceTicket("first")
	require.NoError(t, d.s.AddComment(id, "second", false))
	path := fmt.Sprintf("/api/v2/tickets/%d/audits", id)
	oldest, newest := d.want(200, "GET", path, ""), d.want(200, "GET", path+"?sort_order=desc&per_page=1", "")
	require.Less(t, oldest.id("audits.0.id"), oldest.id("audits.1.id"))
	require.Len(t, newest.list("audits"), 1)
	require.Equal(t, oldest.id("audits.1.id"), newest.id("audits.0.id"))
}
