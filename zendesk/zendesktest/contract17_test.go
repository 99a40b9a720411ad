package zendesktest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	pushPath   = "/api/v2/any_channel/push"
	tokenPath  = "/api/v2/any_channel/validate_token"
	reportPath = "/api/v2/any_channel/channelback/report_error"
)

// channelSpec is Zendesk's description with the JSON schemas of the Channel Framework, nil where they are not there.
func channelSpec(t *testing.T) *zendesktest.Spec {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "contract", "any_channel_json_schemas")
	spec, err := zendeskSpec()
	if _, gone := os.Stat(dir); os.IsNotExist(err) || os.IsNotExist(gone) {
		t.Log("Zendesk's JSON schemas are not there: requests are not compared with them")
		return nil
	}
	require.NoError(t, err)
	spec, err = spec.WithChannelSchemas(os.DirFS(dir))
	require.NoError(t, err)
	return spec
}

// channelDesk has one integration.
func channelDesk(t *testing.T, more ...zendesktest.Option) *desk {
	t.Helper()
	return start(t, append([]zendesktest.Option{
		zendesktest.WithInstances(zendesktest.Instance{PushID: "push-1", Name: "Texts"}), zendesktest.WithSpec(channelSpec(t)),
	}, more...)...)
}

// res is a resource with further properties.
func res(id string, more ...string) string {
	return fmt.Sprintf(`{"external_id":%q,"message":"Message %s","created_at":"2026-03-02T09:00:00Z","author":{"external_id":"ana","name":"Ana"}%s}`,
		id, id, strings.Join(append([]string{""}, more...), ","))
}

func (d *desk) push(resources ...string) answer {
	d.t.Helper()
	return d.want(200, "POST", pushPath, `{"instance_push_id":"push-1","external_resources":[`+strings.Join(resources, ",")+`]}`)
}

// codes are the results as "id: code".
func codes(a answer) []string {
	var out []string
	for i := range a.list("results") {
		out = append(out, fmt.Sprint(a.at(fmt.Sprintf("results.%d.external_resource_id", i)), ": ", a.at(fmt.Sprintf("results.%d.status.code", i))))
	}
	return out
}

func TestCase17PushThreads(t *testing.T) {
	t.Parallel()
	d := channelDesk(t)
	a := d.push(res("m1", `"thread_id":"t"`), res("m2", `"thread_id":"t"`), res("m3"), res("m4", `"parent_id":"m1"`, `"internal_note":true`))
	require.Equal(t, []string{"m1: success", "m2: success", "m3: success", "m4: success"}, codes(a), "one result each, in order")
	require.Nil(t, a.at("results.0.status.description"))
	tickets := d.s.Tickets()
	require.Len(t, tickets, 2)
	require.Equal(t, "any_channel", tickets[0].Channel())
	require.Len(t, tickets[0].Comments, 3, "a thread is one ticket; an answer goes to its parent's")
	require.False(t, tickets[0].Comments[2].Public)
	require.Equal(t, tickets[0].RequesterID, tickets[1].RequesterID, "one author is one user")
	author, _ := d.s.User(tickets[0].RequesterID)
	require.Equal(t, "Ana", author.Name)
	require.Empty(t, d.s.Violations())
}

func TestCase17PushAgainAndHalted(t *testing.T) {
	t.Parallel()
	d := channelDesk(t)
	d.push(res("m1"))
	a := d.push(res("m1"), res("m2"), res("m3", `"parent_id":"nobody"`), res("m4"), res("m5"))
	require.Equal(t, []string{
		"m1: already_imported", "m2: success", "m3: could_not_locate_parent_external_resource", "m4: halted", "m5: halted",
	}, codes(a), "200 all the same; what comes after a failure is not looked at")
	require.Equal(t, "nobody", a.at("results.2.status.description"))
	require.Len(t, d.s.Tickets(), 2)
	require.Equal(t, []string{"m4: success", "m5: success"}, codes(d.push(res("m4"), res("m5"))), "halted ones are sent again")
}

func TestCase17PushToClosedMakesFollowUp(t *testing.T) {
	t.Parallel()
	d := channelDesk(t, zendesktest.WithInstances(zendesktest.Instance{PushID: "push-2", NoFollowUps: true}))
	d.push(res("m1", `"thread_id":"t"`, `"fields":[{"id":"subject","value":"Tea"},{"id":"360001","value":"x"}]`))
	first := d.s.Tickets()[0]
	require.Equal(t, "Tea", first.Subject)
	require.Equal(t, []zendesktest.CustomField{{ID: 360001, Value: "x"}}, first.CustomFields)
	require.NoError(t, d.s.SolveTicket(first.ID))
	d.push(res("m2", `"thread_id":"t"`, `"fields":[{"id":"subject","value":"Coffee"}]`))
	first, _ = d.s.Ticket(first.ID)
	require.Equal(t, []string{"Tea", "open"}, []string{first.Subject, first.Status}, "fields are set on new tickets only")

	require.NoError(t, d.s.CloseTicket(first.ID))
	require.Equal(t, []string{"m3: success"}, codes(d.push(res("m3", `"thread_id":"t"`))))
	require.Equal(t, first.ID, d.s.Tickets()[1].FollowupSourceID)
	require.Equal(t, []string{"m4: success"}, codes(d.push(res("m4", `"thread_id":"t"`))))
	require.Len(t, d.s.Tickets(), 2, "the thread goes on in the follow-up")

	other := strings.ReplaceAll(`{"instance_push_id":"push-2","external_resources":[R]}`, "R", res("n1", `"thread_id":"t"`))
	d.want(200, "POST", pushPath, other)
	require.NoError(t, d.s.CloseTicket(d.s.Tickets()[2].ID))
	a := d.want(200, "POST", pushPath, strings.ReplaceAll(other, "n1", "n2"))
	require.Equal(t, []string{"n2: processing_error"}, codes(a))
}

// TestCase17Limits holds that what breaks a limit fails for itself, with a 200; and that Zendesk's schemas, where they
// are there, say the same of each.
func TestCase17Limits(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	spec := channelSpec(t)
	const stricter = "the documentation is stricter than the schema"
	for _, tt := range []struct {
		name, resource string
		differs        string // why the schema says otherwise
	}{
		{"long id", res(long(256)), ""},
		{"id that is not ASCII", res("zürich"), ""},
		{"white space", res(" m"), ""},
		{"long message", strings.Replace(res("m"), "Message m", long(65_536), 1), ""},
		{"no message", strings.Replace(res("m"), "Message m", "", 1), ""},
		{"long parent", res("m", `"parent_id":"`+long(256)+`"`), ""},
		{"long thread", res("m", `"thread_id":"`+long(256)+`"`), ""},
		{"parent and thread", res("m", `"parent_id":"a","thread_id":"b"`), "the schema cannot say it"},
		{"no author", `{"external_id":"m","message":"x","created_at":"2026-03-02T09:00:00Z"}`, ""},
		{"author without id", strings.Replace(res("m"), `"external_id":"ana",`, "", 1), ""},
		{"long name", strings.Replace(res("m"), `"Ana"`, `"`+long(256)+`"`, 1), ""},
		{"long picture", strings.Replace(res("m"), `"Ana"`, `"Ana","image_url":"`+long(256)+`"`, 1), stricter},
		{"no time", `{"external_id":"m","message":"x","author":{"external_id":"ana"}}`, ""},
		{"bad time", strings.Replace(res("m"), "2026-03-02T09:00:00Z", "yesterday", 1), ""},
		{"eleven files", res("m", `"file_urls":[`+strings.TrimSuffix(strings.Repeat(`"https://x/y",`, 11), ",")+`]`), stricter},
		{"plain http", res("m", `"file_urls":["http://x/y"]`), ""},
		{"65 fields", res("m", `"fields":[`+strings.TrimSuffix(strings.Repeat(`{"id":"a","value":1},`, 65), ",")+`]`), ""},
		{"field without value", res("m", `"fields":[{"id":"a"}]`), ""},
		{"17 hints", res("m", `"display_info":[`+strings.TrimSuffix(strings.Repeat(`{"type":"a","data":{}},`, 17), ",")+`]`), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := start(t, zendesktest.WithInstances(zendesktest.Instance{PushID: "push-1"}), zendesktest.WithSpec(spec))
			a := d.push(tt.resource, res("next"))
			require.Equal(t, []any{"processing_error", "halted"}, []any{a.at("results.0.status.code"), a.at("results.1.status.code")}, a.raw)
			require.NotEmpty(t, a.at("results.0.status.description"))
			require.Empty(t, d.s.Tickets())
			if spec != nil {
				require.Equal(t, tt.differs == "", len(d.s.Violations()) > 0, "%v: %s", d.s.Violations(), tt.differs)
			}
		})
	}
}

func TestCase17Requests(t *testing.T) {
	t.Parallel()
	d := channelDesk(t)
	require.Empty(t, d.want(200, "POST", tokenPath, `{"instance_push_id":"push-1","request_id":"r"}`).raw)
	d.want(404, "POST", tokenPath, `{"instance_push_id":"nobody"}`)
	d.want(400, "POST", tokenPath, `{}`)
	d.want(400, "POST", pushPath, `{"instance_push_id":"push-1"}`)
	d.want(400, "POST", pushPath, `{"instance_push_id":"push-1","request_id":"`+strings.Repeat("x", 65)+`","external_resources":[]}`)
	d.want(400, "POST", pushPath, `{"instance_push_id":"push-1","external_resources":[`+strings.TrimSuffix(strings.Repeat(`{},`, 257), ",")+`]}`)

	agent := "Basic " + basic("ana@example.com/token", zendesktest.DefaultAPIToken)
	d.want(403, "POST", tokenPath, `{"instance_push_id":"push-1"}`, "Authorization", agent)
	scoped := d.s.IssueTokens("any_channel:write", 0)
	d.want(200, "POST", tokenPath, `{"instance_push_id":"push-1"}`, "Authorization", "Bearer "+scoped.Access)
	d.want(403, "POST", "/api/v2/tickets", `{}`, "Authorization", "Bearer "+scoped.Access)
}

// service is an integration service that fails as often as told, and remembers what it got.
func service(t *testing.T, failures int) (address string, got *[]map[string]string) {
	t.Helper()
	var seen []map[string]string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form := map[string]string{}
		for k := range r.PostForm {
			form[k] = r.PostForm.Get(k)
		}
		seen = append(seen, form)
		if len(seen) <= failures {
			http.Error(w, "later", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"external_id": "reply-" + form["request_unique_identifier"]})
	}))
	t.Cleanup(server.Close)
	return server.URL, &seen
}

func TestCase17Channelback(t *testing.T) {
	t.Parallel()
	address, got := service(t, 2)
	d := start(t, zendesktest.WithInstances(zendesktest.Instance{PushID: "push-1", Metadata: "m", ChannelbackURL: address}))
	d.push(res("m1", `"thread_id":"t"`))
	ticket := d.s.Tickets()[0].ID
	reply, err := d.s.Channelback(t.Context(), ticket, "We call you back")
	require.NoError(t, err)
	require.Len(t, *got, 3)
	require.Equal(t, (*got)[0], (*got)[2], "a repetition is the same, its identifier too")
	id := (*got)[0]["request_unique_identifier"]
	require.NotEmpty(t, id)
	require.Equal(t, map[string]string{
		"message": "We call you back", "parent_id": "m1", "recipient_id": "ana", "thread_id": "t", "metadata": "m", "request_unique_identifier": id,
	}, (*got)[0])
	require.Equal(t, "reply-"+id, reply.ExternalID)
	require.Equal(t, []string{"reply-" + id + ": already_imported"}, codes(d.push(res("reply-"+id))), "it is not imported again")

	body := `{"instance_push_id":"push-1","external_id":"` + reply.ExternalID + `","description":"not in service"}`
	require.Empty(t, d.want(200, "POST", reportPath, body).raw)
	require.Equal(t, "not in service", d.s.Resources()[1].Failure)
	tk, _ := d.s.Ticket(ticket)
	require.Contains(t, tk.Comments[2].Body, "not in service")
	d.want(404, "POST", reportPath, strings.Replace(body, reply.ExternalID, "m1", 1))
	d.want(400, "POST", reportPath, `{"instance_push_id":"push-1"}`)

	_, err = d.s.Channelback(t.Context(), d.voiceTicket("c1"), "x")
	require.ErrorContains(t, err, "did not come through an integration")
}

func TestCase17ChannelbackRefused(t *testing.T) {
	t.Parallel()
	address, got := service(t, 99)
	d := start(t, zendesktest.WithInstances(zendesktest.Instance{PushID: "push-1", ChannelbackURL: address}))
	d.push(res("m1"))
	_, err := d.s.Channelback(t.Context(), d.s.Tickets()[0].ID, "x")
	require.ErrorContains(t, err, "503")
	require.Len(t, *got, 3)
	require.Len(t, d.s.Tickets()[0].Comments, 1)
}
