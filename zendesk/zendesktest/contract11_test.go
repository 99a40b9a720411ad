package zendesktest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	callsPath   = "/api/v2/calls"
	minimalCall = `{"app_id":1001,"from_line":"+183808333456","to_line":"+149488484873","call_started_at":"2022-01-27T15:31:40+01","direction":"inbound"}`
)

// newCall makes a record of the minimal call and further properties, and returns its id.
func (d *desk) newCall(more ...string) int64 {
	d.t.Helper()
	call := strings.TrimSuffix(minimalCall, "}") + strings.Join(append([]string{""}, more...), ",") + "}"
	return d.want(201, "POST", callsPath, `{"call":`+call+`}`).id("call.id")
}

func TestCase11CallRecord(t *testing.T) {
	t.Parallel()
	d := start(t)
	a := d.want(201, "POST", callsPath+".json", `{"call":`+minimalCall+`}`)
	require.Equal(t, "2022-01-27T14:31:40Z", a.at("call.call_started_at"), "offsets of hours are taken, and made UTC")
	require.Contains(t, a.body["call"], "queue_name", "what is not known is null")
	require.Nil(t, a.at("call.queue_name"))
	require.Nil(t, a.at("call.ticket_id"))
	require.Empty(t, a.header.Get("Ratelimit-Limit"))

	path := fmt.Sprintf("%s/%d", callsPath, a.id("call.id"))
	d.s.Advance(time.Minute)
	b := d.want(200, "PATCH", path, `{"call":{"queue_name":"Support","wait_time":12,"voicemail":false,"completion_status":"completed"}}`)
	require.Equal(t, []any{"Support", 12.0, false, "completed", "inbound"}, []any{
		b.at("call.queue_name"), b.at("call.wait_time"), b.at("call.voicemail"), b.at("call.completion_status"), b.at("call.direction"),
	}, "what is not sent stays")
	require.Equal(t, []any{"2026-03-02T09:00:00Z", "2026-03-02T09:01:00Z"}, []any{b.at("call.created_at"), b.at("call.updated_at")})
	require.Equal(t, b.raw, d.want(200, "GET", path, "").raw)
	require.Nil(t, d.want(200, "PATCH", path, `{"call":{"queue_name":null}}`).at("call.queue_name"))

	d.want(404, "PUT", path, `{"call":{}}`)
	d.want(404, "GET", callsPath+"/1", "")
	d.want(404, "PATCH", callsPath+"/1", `{"call":{}}`)
	d.want(404, "GET", callsPath, "")
	d.want(400, "PATCH", path, `{"queue_name":"no wrapper"}`)
	require.Equal(t, int64(12), d.s.Calls()[0].Fields["wait_time"])
}

func TestCase11CallRefused(t *testing.T) {
	t.Parallel()
	d := start(t)
	for _, name := range []string{"app_id", "from_line", "to_line", "call_started_at", "direction"} {
		a := d.want(422, "POST", callsPath, `{"call":`+strings.Replace(minimalCall, name, "x_"+name, 1)+`}`)
		require.NotNil(t, a.at("details."+name), "%s: %s", name, a.raw)
	}
	for _, tt := range []struct{ old, new, field string }{
		{"1001", "1002", "app_id"},
		{"inbound", "sideways", "direction"},
		{`"app_id"`, `"ticket_id":99,"app_id"`, "ticket_id"},
		{`"app_id"`, `"agent_id":99,"app_id"`, "agent_id"},
	} {
		a := d.want(422, "POST", callsPath, `{"call":`+strings.Replace(minimalCall, tt.old, tt.new, 1)+`}`)
		require.NotNil(t, a.at("details."+tt.field), a.raw)
	}
	d.want(400, "POST", callsPath, `{"call":`+strings.Replace(minimalCall, "2022-01-27T15:31:40+01", "yesterday", 1)+`}`)
	d.want(400, "POST", callsPath, minimalCall)
	require.Empty(t, d.s.Calls())

	none := start(t, zendesktest.WithApps())
	none.want(422, "POST", callsPath, `{"call":`+minimalCall+`}`)
	team := start(t, zendesktest.WithPlan(zendesktest.SuiteTeam))
	team.want(403, "POST", callsPath, `{"call":`+minimalCall+`}`)
}

func TestCase11UnknownKeysAreDroppedWithAHeader(t *testing.T) {
	t.Parallel()
	d := start(t)
	call := strings.TrimSuffix(minimalCall, "}") + `,"colour":"red","Queue_Name":"x"}`
	a := d.want(201, "POST", callsPath, `{"call":`+call+`}`)
	require.Equal(t, `Removed restricted keys ["Queue_Name","colour"] from parameters according to whitelist`, a.header.Get("X-Zendesk-Api-Warn"))
	require.NotContains(t, a.body["call"], "colour")
	require.Empty(t, d.want(201, "POST", callsPath, `{"call":`+minimalCall+`}`).header.Get("X-Zendesk-Api-Warn"))
}
