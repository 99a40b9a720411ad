package zendesktest_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func TestMergedUserIsInactiveAndTheOtherHasHisAddresses(t *testing.T) {
	t.Parallel()
	d := start(t)
	made := d.want(201, "POST", "/api/v2/users", `{"user":{"name":"Caller","phone":"+15135557611","external_id":"tel:1","email":"c@example.com"}}`).id("user.id")
	customer, err := d.s.AddUser(zendesktest.User{Name: "Customer", Phone: "+15135550100", Email: "customer@example.com"})
	require.NoError(t, err)
	ticket := d.want(201, "POST", voicePath, fmt.Sprintf(`{"ticket":{"via_id":45,"requester_id":%d,"comment":{"body":"x"}}}`, made)).id("ticket.id")
	d.s.Advance(zendesktest.DefaultIndexDelay)
	search := "/api/v2/search?query=" + url.QueryEscape("type:user phone:*5135557611")
	require.Equal(t, []string{"Caller"}, names(d.want(200, "GET", search, ""), "results"))

	require.NoError(t, d.s.MergeUser(made, customer.ID))
	shown := d.want(200, "GET", fmt.Sprintf("/api/v2/users/%d", made), "")
	require.Equal(t, false, shown.at("user.active"), "he is shown by his id")
	require.Nil(t, shown.at("user.external_id"))
	require.Empty(t, d.want(200, "GET", fmt.Sprintf("/api/v2/users/show_many?ids=%d", made), "").list("users"))
	require.Empty(t, d.want(200, "GET", "/api/v2/users/show_many?external_ids=tel:1", "").list("users"))
	d.want(422, "POST", voicePath, fmt.Sprintf(`{"ticket":{"via_id":45,"requester_id":%d,"comment":{"body":"x"}}}`, made))
	d.want(404, "POST", fmt.Sprintf("/api/v2/channels/voice/agents/501/users/%d/display", made), "")
	stored, _ := d.s.Ticket(ticket)
	require.Equal(t, customer.ID, stored.RequesterID)
	merged, _ := d.s.User(made)
	require.Equal(t, customer.ID, merged.MergedInto)

	winner := d.want(200, "GET", fmt.Sprintf("/api/v2/users/%d", customer.ID), "")
	require.Equal(t, "+15135550100", winner.at("user.phone"), "a further number is an identity only")
	require.Len(t, d.want(200, "GET", fmt.Sprintf("/api/v2/users/%d/identities", customer.ID), "").list("identities"), 4)

	require.Equal(t, []string{"Caller"}, names(d.want(200, "GET", search, ""), "results"), "the index lags")
	d.s.Advance(zendesktest.DefaultIndexDelay)
	require.Equal(t, []string{"Customer"}, names(d.want(200, "GET", search, ""), "results"))
	d.want(201, "POST", "/api/v2/users", `{"user":{"name":"Next","external_id":"tel:1"}}`)

	require.Error(t, d.s.MergeUser(made, customer.ID), "he is gone")
	require.Error(t, d.s.MergeUser(customer.ID, customer.ID))
	require.Error(t, d.s.MergeUser(customer.ID, 99))
	require.Error(t, d.s.MergeUser(501, customer.ID), "an agent")
}

func TestDeletedUser(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithIndexDelay(0))
	user, err := d.s.AddUser(zendesktest.User{Name: "Customer", Phone: "+15135550100"})
	require.NoError(t, err)
	require.NoError(t, d.s.DeleteUser(user.ID))
	require.Error(t, d.s.DeleteUser(user.ID))
	require.Empty(t, d.want(200, "GET", "/api/v2/search?query=type:user%20phone:*5135550100", "").list("results"))
	require.NotContains(t, names(d.want(200, "GET", "/api/v2/users", ""), "users"), "Customer")
	require.NoError(t, d.s.DeleteUser(501))
	d.want(404, "POST", "/api/v2/channels/voice/agents/501/users/502/display", "")
	next := d.want(201, "POST", "/api/v2/users", `{"user":{"name":"Next","phone":"+15135550100"}}`)
	require.Equal(t, false, next.at("user.shared_phone_number"), "the number is free again")
}

func TestFieldOfAUserIsSearchedByWords(t *testing.T) {
	t.Parallel()
	d := start(t)
	one, err := d.s.AddUser(zendesktest.User{Name: "One"})
	require.NoError(t, err)
	_, err = d.s.AddUser(zendesktest.User{Name: "Two", Fields: map[string]any{"more": "+15135557612"}})
	require.NoError(t, err)
	require.NoError(t, d.s.SetUser(one.ID, func(u *zendesktest.User) {
		u.Fields = map[string]any{"more": "+15135557611; +15135557612,\n15135557613", "tier": 3}
	}))
	require.Error(t, d.s.SetUser(99, func(*zendesktest.User) {}))
	find := func(query string) []string {
		return names(d.want(200, "GET", "/api/v2/search?query="+url.QueryEscape("type:user role:end-user "+query), ""), "results")
	}
	require.Empty(t, find(`more:"15135557611"`), "the index lags")
	d.s.Advance(time.Minute)
	require.Equal(t, []string{"One"}, find(`more:"15135557611"`))
	require.Equal(t, []string{"One"}, find(`more:15135557613`))
	require.Equal(t, []string{"Two", "One"}, find(`more:"+15135557612" more:"15135557612"`))
	require.Empty(t, find("more:5135557611"), "no part of a word")
	require.Empty(t, find("tier:3"), "only texts are searched")
}
