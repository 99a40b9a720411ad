package torture

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const judgedID = "torture/pbx1/pbx1-1.1"

// ask asks the simulated Zendesk.
func ask(t *testing.T, desk *zendesktest.Server, method, path string, body any) {
	t.Helper()
	data, err := json.Marshal(body)
	require.NoError(t, err)
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(string(data)))
	r.Header.Set("Authorization", "Bearer "+desk.IssueTokens("read write", time.Hour).Access)
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	desk.ServeHTTP(answer, r)
	require.Less(t, answer.Code, http.StatusBadRequest, answer.Body)
}

// object is JSON.
type object = map[string]any

// A good ticket is good, and whatever is wrong with one is found.
func TestJudge(t *testing.T) {
	t.Parallel()
	desk := func() (*zendesktest.Server, []int64, int64) {
		z := zendesktest.New(zendesktest.WithPlan(zendesktest.Unlimited), zendesktest.WithAgents(
			zendesktest.User{Name: "A", Email: "a@example.com"}, zendesktest.User{Name: "B", Email: "b@example.com"}))
		user, err := z.AddUser(zendesktest.User{Name: "C", Phone: "+49301"})
		require.NoError(t, err)
		agents := z.Agents()
		return z, []int64{agents[1].ID, agents[2].ID}, user.ID
	}
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	inbound := Kind{Name: "inbound", Via: ViaInbound, Talks: []int{0}}
	for _, tt := range []struct {
		name  string
		kind  Kind
		did   Deed
		slack time.Duration
		times int // that the ticket is made; 0: once
		none  bool
		// ticket and voice change what is sent, then is done to ticket 1.
		ticket, voice func(object)
		then          func(*testing.T, *zendesktest.Server)
		want          string
	}{
		{name: "good"},
		{name: "lost", none: true, want: "lost: no ticket"},
		{name: "twice", times: 2, want: "duplicate: 2 tickets"},
		{name: "of a call that wants none", kind: Kind{Name: "internal"}, want: "wrong: 1 tickets, wants none"},
		{name: "channel", ticket: func(o object) { o["via_id"] = 46 }, want: "wrong: via 46, wants 45"},
		{name: "caller", voice: func(o object) { o["from"] = "+49302" }, want: `wrong: from "+49302", wants "+49301"`},
		{name: "line", voice: func(o object) { o["to"] = "+49302" }, want: `wrong: to "+49302", wants "+15550100001"`},
		{name: "requester", ticket: func(o object) { o["requester_id"] = 10002 }, want: `wrong: its requester has the number "", wants "+49301"`},
		{name: "who answered", voice: func(o object) { o["answered_by_id"] = 10003 }, want: "wrong: answered by 10003, wants 10002"},
		{name: "whose it is", ticket: func(o object) { o["assignee_id"] = 10003 }, want: "wrong: assigned to 10003, wants 10002"},
		{name: "too long", voice: func(o object) { o["call_duration"] = 13 }, want: "wrong: lasted 13s, wants 10s within 2s"},
		{name: "too short", voice: func(o object) { o["call_duration"] = 7 }, want: "wrong: lasted 7s, wants 10s within 2s"},
		{name: "long, since the end was not heard", voice: func(o object) { o["call_duration"] = 13 }, slack: 4 * time.Second},
		{name: "nothing to play", voice: func(o object) { delete(o, "recording_url") }, want: "wrong: it plays nothing"},
		{
			name: "completed twice", want: "wrong: 3 comments, wants 2 at most",
			then: func(t *testing.T, z *zendesktest.Server) {
				t.Helper()
				for range 2 {
					require.NoError(t, z.AddComment(1, "again", false))
				}
			},
		},
		{
			name: "public", want: "wrong: a comment is public",
			then: func(t *testing.T, z *zendesktest.Server) {
				t.Helper()
				require.NoError(t, z.AddComment(1, "hello", true))
			},
		},
		{name: "deleted by nobody", then: deleteFirst, want: "lost: its ticket #1 is deleted, and nobody did it"},
		{name: "deleted by a person", did: Deleted, then: deleteFirst},
		{name: "deleted, and made again", did: Deleted, times: 2, then: deleteFirst, want: "duplicate: 2 tickets"},
		{name: "closed, and none follows", did: Closed, want: "wrong: its ticket #1 was closed, and none follows it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			z, agents, requester := desk()
			require.Equal(t, []int64{10002, 10003}, agents)
			voice := object{
				"from": "+49301", "to": "+15550100001", "call_duration": 10, "answered_by_id": agents[0], "recording_url": "http://127.0.0.1:9/x",
				"started_at": start.Format(time.RFC3339), "public": false,
			}
			ticket := object{
				"via_id": 45, "external_id": judgedID, "subject": "s", "requester_id": requester, "assignee_id": agents[0], "voice_comment": voice,
			}
			if tt.ticket != nil {
				tt.ticket(ticket)
			}
			if tt.voice != nil {
				tt.voice(voice)
			}
			for range max(tt.times, 1) {
				if !tt.none {
					ask(t, z, http.MethodPost, "/api/v2/channels/voice/tickets", object{"ticket": ticket})
				}
			}
			if tt.then != nil {
				tt.then(t, z)
			}
			c := &Call{Kind: inbound, From: "+49301", To: "+15550100001", Agents: []int{0}, Start: start, End: start.Add(10 * time.Second), did: tt.did}
			if tt.kind.Name != "" {
				c.Kind = tt.kind
			}
			v := c.Judge(z, judgedID, agents, tt.slack)
			if tt.want == "" {
				require.True(t, v.good(), v)
			} else {
				require.Equal(t, tt.want, fmt.Sprint(v))
			}
		})
	}
}

func deleteFirst(t *testing.T, z *zendesktest.Server) {
	t.Helper()
	require.NoError(t, z.DeleteTicket(1))
}

// Of a call without a recording the ticket says in words how long it was, and of one
// whose times are those of deliveries it is known within bounds.
func TestJudgeSilent(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	for _, tt := range []struct {
		name, duration string
		began, ended   int // when both had been taken
		want           string
	}{
		{"exact", "10s", 0, 10, ""},
		{"too short", "7s", 0, 10, "wrong: lasted 7s, wants 10s within 2s"},
		{"the beginning was taken late", "3s", 5, 10, ""},
		{"so was the end", "23s", 5, 21, ""},
		{"too late", "24s", 5, 21, "wrong: lasted 24s, wants 5s to 21s within 2s"},
		{"not told", "", 0, 10, `wrong: its last comment has the duration ""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			z := zendesktest.New(zendesktest.WithPlan(zendesktest.Unlimited))
			body := "From: +49301\nTo: +1\n"
			if tt.duration != "" {
				body += "Duration: " + tt.duration + "\n"
			}
			ask(t, z, http.MethodPost, "/api/v2/channels/voice/tickets", object{"ticket": object{
				"via_id": 45, "external_id": judgedID, "subject": "s", "comment": object{"body": body, "public": false}, "requester_id": z.Users()[0].ID,
			}})
			c := &Call{Kind: Kind{Name: "missed", Source: CTI, Via: ViaInbound, Caller: Captured, Silent: true}, From: "+49301", To: "+1", Start: start, End: at(10)}
			c.Heard.Start, c.Heard.End = at(tt.began), at(tt.ended)
			v := c.Judge(z, judgedID, nil, 0)
			if tt.want == "" {
				require.True(t, v.good(), v)
			} else {
				require.Equal(t, tt.want, v.String())
			}
		})
	}
}

// A ticket that a person closed is followed by one that has everything.
func TestJudgeSuccessor(t *testing.T) {
	t.Parallel()
	z := zendesktest.New(zendesktest.WithPlan(zendesktest.Unlimited))
	for _, id := range []string{judgedID, judgedID + "#2"} {
		ask(t, z, http.MethodPost, "/api/v2/channels/voice/tickets", object{"ticket": object{
			"via_id": 45, "external_id": id, "subject": "s", "comment": object{"body": "From: +49301\nTo: +1\nDuration: 0s\n", "public": false}, "requester_id": z.Users()[0].ID,
		}})
	}
	c := &Call{Kind: Kind{Name: "missed", Via: ViaInbound, Caller: Captured}, From: "+49301", To: "+1", did: Closed}
	require.True(t, c.Judge(z, judgedID, nil, 0).good(), c.Judge(z, judgedID, nil, 0))
	c.did = ""
	require.Equal(t, "wrong: a ticket follows one that nobody closed", c.Judge(z, judgedID, nil, 0).String())
	c.did, c.From = Closed, "+49302"
	require.Equal(t, `wrong: from "+49301", wants "+49302"`, c.Judge(z, judgedID, nil, 0).String())
}
