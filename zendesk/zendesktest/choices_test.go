package zendesktest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func TestWithoutVoiceExternalID(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithoutVoiceExternalID())
	id := d.voiceTicket("call-1")
	require.Nil(t, d.want(200, "GET", fmt.Sprintf("/api/v2/tickets/%d", id), "").at("ticket.external_id"))
	require.Empty(t, d.want(200, "GET", "/api/v2/tickets?external_id=call-1", "").list("tickets"))
	d.want(201, "POST", "/api/v2/tickets", `{"ticket":{"external_id":"plain","comment":{"body":"x"}}}`)
	require.Len(t, d.want(200, "GET", "/api/v2/tickets?external_id=plain", "").list("tickets"), 1, "other tickets keep theirs")
}

func TestWithListDelay(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithListDelay(5*time.Second))
	id := d.voiceTicket("call-1")
	list := func() []any { return d.want(200, "GET", "/api/v2/tickets?external_id=call-1", "").list("tickets") }
	d.s.Advance(4 * time.Second)
	require.Empty(t, list())
	d.want(200, "GET", fmt.Sprintf("/api/v2/tickets/%d", id), "")
	d.s.Advance(time.Second)
	require.Len(t, list(), 1)
}

func TestWithLateDisplayCheck(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithLateDisplayCheck(501))
	before := len(d.s.Tickets())
	refused := d.want(422, "POST", "/api/v2/channels/voice/tickets", `{"display_to_agent":501,"ticket":{"via_id":45,"assignee_id":501,"comment":{"body":"x"}}}`)
	require.Empty(t, refused.body)
	require.Len(t, d.s.Tickets(), before+1, "it was made all the same")
	d.want(422, "POST", "/api/v2/channels/voice/tickets", `{"display_to_agent":99,"ticket":{"via_id":45,"comment":{"body":"x"}}}`)
	require.Len(t, d.s.Tickets(), before+1, "who is no agent at all is refused first")
	require.Empty(t, d.s.Pops())
}

func TestWithClosedRefusal(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithClosedRefusal(404, "Not found"))
	id := d.voiceTicket("call-1")
	require.NoError(t, d.s.CloseTicket(id))
	d.want(404, "PUT", fmt.Sprintf("/api/v2/tickets/%d", id), `{"ticket":{"status":"open"}}`)
	d.want(404, "PUT", fmt.Sprintf("/api/v2/tickets/%d/tags", id), `{"tags":["a"]}`)
	require.Equal(t, "closed", d.want(200, "GET", fmt.Sprintf("/api/v2/tickets/%d", id), "").at("ticket.status"))
}

func TestWithCallRefusal(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithCallRefusal(400))
	d.want(400, "POST", "/api/v2/calls", `{"call":{"app_id":77}}`)
	require.Empty(t, d.s.Calls())
}

func TestWithSuspendedRequesters(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]zendesktest.Option{nil, {zendesktest.WithSuspendedRequesters()}} {
		d := start(t, opts...)
		u, err := d.s.AddUser(zendesktest.User{Name: "Spammer", Suspended: true})
		require.NoError(t, err)
		status := map[bool]int{true: 422, false: 201}[opts == nil]
		d.want(status, "POST", "/api/v2/channels/voice/tickets", fmt.Sprintf(`{"ticket":{"via_id":45,"requester_id":%d,"comment":{"body":"x"}}}`, u.ID))
	}
}
