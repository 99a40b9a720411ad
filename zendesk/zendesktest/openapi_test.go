package zendesktest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const smallSpec = `
openapi: 3.0.3
paths:
  /api/v2/tickets:
    get:
      parameters:
        - {name: external_id, in: query, schema: {type: string}}
        - {name: sort_order, in: query, schema: {type: string, enum: [asc, desc]}}
        - $ref: '#/components/parameters/Start'
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Request'}}}}
      responses:
        "201": {content: {application/json: {schema: {$ref: '#/components/schemas/Request'}}}}
  /api/v2/tickets/{ticket_id}:
    parameters:
      - {name: ticket_id, in: path, schema: {type: integer}}
    get: {}
  /api/v2/tickets/count:
    get: {}
components:
  parameters:
    Start: {name: start_time, in: query, schema: {type: integer}}
  schemas:
    Request:
      type: object
      properties:
        ticket:
          allOf:
            - type: object
              properties:
                subject: {type: string, nullable: true}
                via_id: {type: integer, enum: [44, 45]}
                due_at: {type: string, format: date-time}
                tags: {oneOf: [{type: array, items: {type: string}}, {type: string}]}
                open: {type: object, additionalProperties: true}
            - {type: object, required: [subject], properties: {more: {type: boolean}}}
`

func TestSpecCheckRequest(t *testing.T) {
	t.Parallel()
	spec, err := zendesktest.ParseSpec([]byte(smallSpec))
	require.NoError(t, err)
	for _, tt := range []struct {
		name, method, target, body string
		want                       []string
	}{
		{"all is well", "POST", "/api/v2/tickets.json", `{"ticket":{"subject":null,"via_id":45,"tags":["a"],"more":true,"open":{"x":1}}}`, nil},
		{"unknown operation", "PUT", "/api/v2/tickets", `{}`, []string{"no such operation"}},
		{"parameters", "GET", "/api/v2/tickets?external_id=x&page%5Bsize%5D=3&sort_order=up&start_time=x&colour=1", "", []string{
			`query: sort_order: "up" is not one of [asc desc]`, `query: start_time: "x" is not an integer`,
			`query: unknown parameter "colour"`,
		}},
		{"path", "GET", "/api/v2/tickets/abc", "", []string{`path: "abc" is not an integer`}},
		{"a literal segment wins", "GET", "/api/v2/tickets/count", "", nil},
		{"types", "POST", "/api/v2/tickets", `{"ticket":{"subject":1,"via_id":4.5,"more":"x","tags":[1],"due_at":"now"}}`, []string{
			`body.ticket.due_at: "now" is not a date-time`, "body.ticket.more: a string is not of type boolean",
			"body.ticket.subject: number 1 is not of type string", "body.ticket.tags[0]: number 1 is not of type string",
			"body.ticket.via_id: number 4.5 is not of type integer",
		}},
		{"values", "POST", "/api/v2/tickets", `{"ticket":{"subject":"x","via_id":33,"colour":1},"other":2}`, []string{
			"body.other: undocumented property", "body.ticket.colour: undocumented property",
			"body.ticket.via_id: 33 is not one of [44 45]",
		}},
		{"missing", "POST", "/api/v2/tickets", `{"ticket":{}}`, []string{"body.ticket: subject is missing"}},
		{"not JSON", "POST", "/api/v2/tickets", `[]`, []string{"body: json: cannot unmarshal array into Go value of type map[string]interface {}"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, spec.CheckRequest(tt.method, tt.target, []byte(tt.body)))
		})
	}
	require.Equal(t, []string{"body.ticket.subject: number 1 is not of type string"},
		spec.CheckResponse("POST", "/api/v2/tickets", 201, []byte(`{"ticket":{"subject":1,"colour":null,"more":null}}`)))
	_, err = zendesktest.ParseSpec([]byte("openapi: 3.0.3"))
	require.Error(t, err)
	_, err = zendesktest.ParseSpec([]byte("\t: ["))
	require.Error(t, err)
}

func TestViolationsAreCollectedOnce(t *testing.T) {
	t.Parallel()
	spec, err := zendesktest.ParseSpec([]byte(smallSpec))
	require.NoError(t, err)
	d := start(t, zendesktest.WithSpec(spec))
	for i := range 3 {
		d.do("GET", fmt.Sprintf("/api/v2/tickets/%d", i), "")
		d.do("PUT", fmt.Sprintf("/api/v2/tickets/%d", i), `{}`)
	}
	d.do("GET", "/api/v2/tickets?colour=1", "")
	require.Equal(t, []zendesktest.Violation{
		{Method: "PUT", Path: "/api/v2/tickets/0", Problem: "no such operation", Count: 1},
		{Method: "PUT", Path: "/api/v2/tickets/1", Problem: "no such operation", Count: 1},
		{Method: "PUT", Path: "/api/v2/tickets/2", Problem: "no such operation", Count: 1},
		{Method: "GET", Path: "/api/v2/tickets", Problem: `query: unknown parameter "colour"`, Count: 1},
	}, d.s.Violations())
}

// zendeskSpec is Zendesk's own description, which is not part of this repository.
var zendeskSpec = sync.OnceValues(func() (*zendesktest.Spec, error) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "contract", "zendesk-support-openapi.yaml"))
	if err != nil {
		return nil, err
	}
	return zendesktest.ParseSpec(doc)
})

// TestAnswersFitZendesksDescription sends each operation once, and compares request and answer with the description.
func TestAnswersFitZendesksDescription(t *testing.T) {
	t.Parallel()
	spec, err := zendeskSpec()
	if os.IsNotExist(err) {
		t.Skip("Zendesk's OpenAPI description is not there: ../shared/contract/zendesk-support-openapi.yaml")
	}
	require.NoError(t, err)
	d := start(t, zendesktest.WithSpec(spec), zendesktest.WithIndexDelay(0),
		zendesktest.WithXHandles(zendesktest.XHandle{ID: 431, ScreenName: "@help", TwitterUserID: 7}),
		zendesktest.WithInstances(zendesktest.Instance{PushID: "push-1"}))
	id := d.voiceTicket("hq/pbx1/1")
	ticket := fmt.Sprintf("/api/v2/tickets/%d", id)
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/oauth/tokens", fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q,"scope":"read write"}`,
			zendesktest.DefaultClientID, zendesktest.DefaultClientSecret), 201},
		{"POST", voicePath, `{"display_to_agent":501,"ticket":{"via_id":44,"subject":"Voicemail","tags":["voicemail"],"priority":"high",
			"requester_id":501,"assignee_id":502,"external_id":"hq/pbx1/2","metadata":{"a":"b"},"custom_fields":[{"id":1,"value":"x"}],
			"voice_comment":{"from":"+15135557611","to":"+15550100001","started_at":"2026-03-02T09:00:00Z","call_duration":3,
			"recording_url":"https://calls.example.com/1.wav","answered_by_id":501,"location":"Ohio","transcription_text":"Hi"}}}`, 201},
		{"POST", fmt.Sprintf("/api/v2/channels/voice/agents/501%s/display", ticket[len("/api/v2"):]), "", 200},
		{"POST", "/api/v2/channels/voice/agents/501/users/502/display", "", 200},
		{"GET", twitterPath + "/monitored_twitter_handles", "", 200},
		{"GET", twitterPath + "/monitored_twitter_handles/431", "", 200},
		{"POST", twitterPath + "/tickets", `{"ticket":{"twitter_status_message_id":9,"monitored_twitter_handle_id":431}}`, 201},
		{"POST", pushPath, `{"instance_push_id":"push-1","external_resources":[` + res("m1") + `]}`, 200},
		{"POST", tokenPath, `{"instance_push_id":"push-1"}`, 200},
		{"GET", "/api/v2/tickets?external_id=hq%2Fpbx1%2F2", "", 200},
		{"GET", ticket, "", 200},
		{"PUT", ticket, `{"ticket":{"status":"open","metadata":{"step":"end"},"voice_comment":{"from":"1","to":"2","call_duration":1}}}`, 200},
		{"PUT", ticket + "/tags", `{"tags":["a"]}`, 200},
		{"DELETE", ticket + "/tags?tags=a", "", 200},
		{"GET", ticket + "/audits", "", 200},
		{"GET", ticket + "/comments", "", 200},
		{"POST", "/api/v2/tickets", `{"ticket":{"comment":{"body":"x","public":false},"via_followup_source_id":1}}`, 201},
		{"GET", "/api/v2/search?query=type:ticket", "", 200},
		{"GET", "/api/v2/search?query=type:user%20phone:*15135557611", "", 200},
		{"GET", "/api/v2/users/search?query=email:ana@example.com", "", 200},
		{"POST", "/api/v2/users", `{"user":{"name":"C","phone":"+15135557611","external_id":"tel:+15135557611","skip_verify_email":true}}`, 201},
		{"POST", "/api/v2/users/create_or_update", `{"user":{"name":"C","external_id":"tel:+15135557611"}}`, 200},
		{"GET", "/api/v2/users/show_many?external_ids=tel:%2B15135557611", "", 200},
		{"GET", "/api/v2/users/501", "", 200},
		{"GET", "/api/v2/users?role%5B%5D=agent", "", 200},
		{"PUT", "/api/v2/users/501", `{"user":{"phone":"+15135557612"}}`, 200},
		{"GET", "/api/v2/users/501/identities?page%5Bsize%5D=100", "", 200},
		{"GET", "/api/v2/users/me", "", 200},
	} {
		a := d.want(tt.status, tt.method, tt.path, tt.body)
		path, _, _ := strings.Cut(tt.path, "?")
		require.Empty(t, spec.CheckResponse(tt.method, path, a.status, []byte(a.raw)), "%s %s", tt.method, tt.path)
	}
	require.Empty(t, d.s.Violations())

	d.do("PUT", ticket, `{"ticket":{"assignee_id":"Ana"}}`)
	require.Equal(t, "body.ticket.assignee_id: a string is not of type integer", d.s.Violations()[0].Problem)
}
