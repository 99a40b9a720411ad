package zendesktest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const statusesPath = "/api/v2/agent_availabilities/agent_statuses"

func TestAgentStatuses(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithAgentStatuses(zendesktest.AgentStatus{ID: 123, Name: "On the phone"}))
	list := d.want(200, "GET", statusesPath, "")
	require.Len(t, list.list("default"), 4)
	require.Equal(t, "On the phone", list.at("custom.0.attributes.name"))

	show := func() answer { return d.want(200, "GET", "/api/v2/agent_availabilities/501", "") }
	require.Equal(t, []any{"offline", "UNKNOWN"}, []any{show().at("data.attributes.agent_status.name"), show().at("data.attributes.agent_status.reason")})
	d.s.Advance(time.Minute)
	a := d.want(200, "PUT", statusesPath+"/agents/501", `{"id":123}`)
	require.Equal(t, []any{"agent_availabilities|501", "On the phone"}, []any{a.at("id"), a.at("attributes.agent_status.name")})
	require.Equal(t, map[string]any{
		"id": 123.0, "name": "On the phone", "reason": "PUBLIC_API", "updated_at": "2026-03-02T09:01:00Z",
	}, show().at("data.attributes.agent_status"))

	require.NoError(t, d.s.SwitchAgentState(501, 4))
	require.Equal(t, "AGENT_STATUS_SWITCHER", show().at("data.attributes.agent_status.reason"), "the agent did it himself")
	require.Equal(t, "away", d.s.AgentState(501).Name)
	require.Error(t, d.s.SwitchAgentState(501, 99))
	require.Error(t, d.s.SwitchAgentState(99, 4))

	d.want(404, "PUT", statusesPath+"/agents/99", `{"id":4}`)
	d.want(422, "PUT", statusesPath+"/agents/501", `{"id":99}`)
	d.want(404, "GET", "/api/v2/agent_availabilities/99", "")
	page := d.want(200, "GET", "/api/v2/agent_availabilities?page%5Bsize%5D=2", "")
	require.Len(t, page.list("data"), 2)
	require.Equal(t, true, page.at("meta.has_more"))
	d.want(403, "GET", statusesPath, "", "Authorization", "Basic "+basic("ana@example.com/token", zendesktest.DefaultAPIToken))
}

func TestAvailabilityLimit(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithLimits(zendesktest.Limits{Availability: 2}))
	for range 2 {
		d.want(200, "GET", statusesPath, "")
	}
	d.want(429, "GET", "/api/v2/agent_availabilities/501", "")
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	d := start(t)
	a, err := d.s.AddUser(zendesktest.User{Name: "A", Email: "a@example.com", Phone: "+15135557611"})
	require.NoError(t, err)
	b, err := d.s.AddUser(zendesktest.User{Name: "B", Phone: "+15135557611"})
	require.NoError(t, err)
	path := func(id int64) string { return fmt.Sprintf("/api/v2/users/%d/identities", id) }
	list := d.want(200, "GET", path(a.ID), "")
	require.Equal(t, []any{"email", "a@example.com", "phone_number", "+15135557611"}, []any{
		list.at("identities.0.type"), list.at("identities.0.value"), list.at("identities.1.type"), list.at("identities.1.value"),
	})
	require.Empty(t, d.want(200, "GET", path(b.ID), "").list("identities"), "a shared number is no identity")

	add := func(status int, id int64, kind, value string) answer {
		return d.want(status, "POST", path(id), fmt.Sprintf(`{"identity":{"type":%q,"value":%q}}`, kind, value))
	}
	require.Equal(t, "DuplicateValue", add(422, b.ID, "phone_number", "+1 (513) 555-7611").at("details.value.0.error"))
	require.Equal(t, "DuplicateValue", add(422, b.ID, "email", "A@example.com").at("details.value.0.error"))
	add(422, b.ID, "email", "b")
	add(422, b.ID, "phone_number", "none")
	add(422, b.ID, "carrier_pigeon", "x")
	second := add(201, b.ID, "phone_number", "+15135550199")
	require.Equal(t, b.ID, second.id("identity.user_id"))
	add(201, b.ID, "email", "b@example.com")
	add(201, b.ID, "email", "b2@example.com")
	again := d.want(200, "GET", path(b.ID), "")
	require.Len(t, again.list("identities"), 3)
	require.Equal(t, second.id("identity.id"), again.id("identities.2.id"), "ids stay")

	d.want(204, "DELETE", fmt.Sprintf("%s/%d", path(b.ID), second.id("identity.id")), "")
	d.want(404, "DELETE", fmt.Sprintf("%s/%d", path(b.ID), second.id("identity.id")), "")
	d.want(204, "DELETE", fmt.Sprintf("%s/%d", path(b.ID), again.id("identities.0.id")), "")
	add(201, a.ID, "phone_number", "+15135550199")
	d.want(404, "GET", path(99), "")
	d.want(404, "POST", path(99), `{}`)
	d.want(404, "DELETE", path(99)+"/1", "")
}
