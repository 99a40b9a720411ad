package zendesktest_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func TestCase08ThirtyUpdatesPerTicket(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithPlan(zendesktest.Enterprise))
	busy, other := d.voiceTicket("c1"), d.voiceTicket("c2")
	update := func(id int64, i int) answer {
		return d.do("PUT", fmt.Sprintf("/api/v2/tickets/%d", id), fmt.Sprintf(`{"ticket":{"subject":"s%d"}}`, i))
	}
	for i := range 30 {
		require.Equal(t, 200, update(busy, i).status)
	}
	d.s.Advance(time.Minute)
	a := update(busy, 30)
	require.Equal(t, 429, a.status)
	require.Equal(t, "540", a.header.Get("Retry-After"))
	require.Nil(t, a.body, "the body of a 429 is no JSON")
	require.Equal(t, "total=30; remaining=0; resets=540", a.header.Get("Zendesk-Ratelimit-Per-Ticket-Updates"))
	require.Equal(t, 200, update(other, 0).status)
	d.want(429, "PUT", fmt.Sprintf("/api/v2/tickets/%d/tags", busy), `{"tags":["x"]}`)

	d.s.Advance(9 * time.Minute)
	require.Equal(t, 200, update(busy, 31).status)
}

func TestCase09AccountLimit(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithPlan(zendesktest.SuiteTeam))
	for i := range 200 {
		a := d.want(200, "GET", "/api/v2/users/501", "")
		require.Equal(t, fmt.Sprint(199-i), a.header.Get("X-Rate-Limit-Remaining"))
		require.Equal(t, "200", a.header.Get("Ratelimit-Limit"))
	}
	a := d.want(429, "GET", "/api/v2/users/501", "")
	require.Equal(t, "0", a.header.Get("X-Rate-Limit-Remaining"))
	require.Equal(t, "60", a.header.Get("Retry-After"))
	d.s.Advance(time.Minute)
	d.want(200, "GET", "/api/v2/users/501", "")
	d.want(403, "POST", "/api/v2/channels/voice/tickets", voiceBody("x"))
}

func TestCase09AccountUpdateLimitAndVoiceHeaders(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithPlan(zendesktest.SuiteGrowth))
	a := d.want(201, "POST", "/api/v2/channels/voice/tickets", voiceBody("x"))
	require.Equal(t, "400", a.header.Get("X-Rate-Limit"))
	require.Empty(t, a.header.Get("Ratelimit-Limit"), "voice operations have the older headers only")
	ids := []int64{a.id("ticket.id")}
	for i := range 4 {
		ids = append(ids, d.voiceTicket(fmt.Sprint(i)))
	}
	for i := range 100 {
		d.want(200, "PUT", fmt.Sprintf("/api/v2/tickets/%d", ids[i%5]), fmt.Sprintf(`{"ticket":{"subject":"%d"}}`, i))
	}
	d.want(429, "PUT", fmt.Sprintf("/api/v2/tickets/%d", ids[0]), `{"ticket":{"subject":"x"}}`)
	d.want(200, "GET", fmt.Sprintf("/api/v2/tickets/%d", ids[0]), "")
}

func TestCase10VoiceCommentOnUpdate(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.voiceTicket("c1")
	path := fmt.Sprintf("/api/v2/tickets/%d", id)
	a := d.want(200, "PUT", path, `{"ticket":{"status":"open","via_id":46,"metadata":{"call":"c1","step":"complete"},
		"voice_comment":{"from":"+16617480240","to":"+16617480123","started_at":"2026-03-02T09:00:00+01:00","call_duration":40,
		"answered_by_id":501,"recording_url":"https://calls.example.com/r/1.mp3","location":"Dublin","transcription_text":"Hi"}}}`)
	require.Equal(t, "api_phone_call_inbound", a.at("ticket.via.channel"), "a ticket's channel never changes")
	require.Equal(t, "api_phone_call_outbound", a.at("audit.via.channel"))

	audits := d.want(200, "GET", path+"/audits.json", "")
	require.InDelta(t, 2, audits.at("count"), 0)
	require.Equal(t, map[string]any{"call": "c1", "step": "complete"}, audits.at("audits.1.metadata.custom"))
	require.Equal(t, map[string]any{}, audits.at("audits.0.metadata.custom"))
	change, voice := audits.at("audits.1.events.0"), audits.at("audits.1.events.1").(map[string]any)
	delete(change.(map[string]any), "id")
	require.Equal(t, map[string]any{"type": "Change", "field_name": "status", "previous_value": "new", "value": "open"}, change)
	require.Equal(t, "VoiceComment", voice["type"])
	require.Equal(t, "+1 (661) 748-0240", voice["formatted_from"])
	require.Equal(t, true, voice["transcription_visible"])
	require.Equal(t, map[string]any{
		"from": "+16617480240", "to": "+16617480123", "recording_url": "https://calls.example.com/r/1.mp3",
		"recording_duration": 40.0, "call_duration": 40.0, "call_id": nil, "answered_by_id": 501.0,
		"transcription_text": "Hi", "transcription_status": "completed", "started_at": "2026-03-02T08:00:00Z",
		"location": "Dublin", "outbound": true,
	}, voice["data"])

	d.want(200, "PUT", path, `{"ticket":{"voice_comment":{"from":"1","to":"2","call_duration":1}}}`)
	comments := d.want(200, "GET", path+"/comments", "").list("comments")
	require.Len(t, comments, 3, "voice comments are added, never edited")
	require.Equal(t, []string{"Unknown"}, []string{comments[2].(map[string]any)["formatted_from"].(string)})

	d.want(400, "PUT", path, `{"ticket":{"voice_comment":{"from":"1","to":"2","started_at":"yesterday"}}}`)
	d.want(422, "PUT", path, `{"ticket":{"voice_comment":{"from":"1","to":"2","answered_by_id":99}}}`)
	tk, _ := d.s.Ticket(id)
	require.Len(t, tk.VoiceComments(), 2)
}

func TestCase10UpdateWithoutChangeLeavesNoAudit(t *testing.T) {
	t.Parallel()
	d := start(t)
	path := fmt.Sprintf("/api/v2/tickets/%d", d.voiceTicket("c1"))
	a := d.want(200, "PUT", path, `{"ticket":{"subject":"Call","metadata":{"step":"nothing"}}}`)
	require.Nil(t, a.at("audit"))
	require.Len(t, d.want(200, "GET", path+"/audits", "").list("audits"), 1)
}

func TestCase14PhoneSearch(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithIndexDelay(0))
	typed := []string{"+15135557611", "(513) 555-7611", "513.555.7611", "513 555 7611", "513-555-7611"}
	for i, p := range typed {
		_, err := d.s.AddUser(zendesktest.User{Name: fmt.Sprintf("User %d", i), Phone: p, SharedPhone: i > 0})
		require.NoError(t, err)
	}
	_, err := d.s.AddUser(zendesktest.User{Name: "Far away", Phone: "+445135557611"})
	require.NoError(t, err)
	for _, tt := range []struct {
		name, query string
		want        []string
	}{
		{"digits are literal but for the plus", "role:end-user phone:15135557611", []string{"User 0"}},
		{"digits of no profile", "role:end-user phone:5135557611", nil},
		{
			"a star finds every punctuation, and too much", "role:end-user phone:*5135557611",
			[]string{"Far away", "User 4", "User 3", "User 2", "User 1", "User 0"},
		},
		{"a short star", "type:user phone:*7611", []string{"Far away", "User 4", "User 3", "User 2", "User 1", "User 0"}},
		{"not that phone", "type:user -phone:*5135557611 role:agent", []string{"Ben", "Ana"}},
		{"star with country code", "type:user phone:*15135557611", []string{"User 0"}},
		{"quoted as typed", `type:user phone:"(513) 555-7611"`, []string{"User 1"}},
		{"escaped plus", "type:user phone:+15135557611", []string{"User 0"}},
		{"without type or role", "phone:*5135557611", nil},
		{"phones are alternatives", "type:user phone:15135557611 phone:513-555-7611", []string{"User 4", "User 0"}},
		{"agents only", "role:agent phone:*5135557611", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := d.want(200, "GET", "/api/v2/search?query="+url.QueryEscape(tt.query), "")
			require.Equal(t, tt.want, names(a, "results"))
		})
	}
	t.Run("raw plus is a blank", func(t *testing.T) {
		t.Parallel()
		require.Empty(t, names(d.want(200, "GET", "/api/v2/search?query=type:user%20phone:+15135557611", ""), "results"))
	})
	t.Run("users search", func(t *testing.T) {
		t.Parallel()
		a := d.want(200, "GET", "/api/v2/users/search?query=phone:15135557611", "")
		require.Equal(t, []string{"User 0"}, names(a, "users"))
		require.Equal(t, false, a.at("users.0.shared_phone_number"))
	})
}

func names(a answer, key string) []string {
	var out []string
	for _, v := range a.list(key) {
		out = append(out, v.(map[string]any)["name"].(string))
	}
	return out
}

func TestCase14DirectAndSharedNumbers(t *testing.T) {
	t.Parallel()
	d := start(t)
	create := func(body string) answer { return d.do("POST", "/api/v2/users", `{"user":`+body+`}`) }
	first := create(`{"name":"Caller: +1 513","phone":"+15135557611","external_id":"tel:+15135557611"}`)
	require.Equal(t, 201, first.status)
	require.Equal(t, false, first.at("user.shared_phone_number"))
	require.Equal(t, "end-user", first.at("user.role"))

	second := create(`{"name":"Other","phone":"+1 (513) 555-7611"}`)
	require.Equal(t, true, second.at("user.shared_phone_number"), "a number that another user has becomes shared")
	require.Equal(t, 422, create(`{"name":"X","identities":[{"type":"phone_number","value":"+15135557611"}]}`).status)

	taken := create(`{"name":"X","external_id":"TEL:+15135557611"}`)
	require.Equal(t, 422, taken.status)
	require.Equal(t, "DuplicateValue", taken.at("details.external_id.0.error"))
	require.Equal(t, 422, create(`{"phone":"+1"}`).status)
	require.Equal(t, 422, create(`{"name":"X","email":"ana@example.com"}`).status)

	shown := d.want(200, "GET", "/api/v2/users/show_many.json?external_ids=none,tel:%2B15135557611", "")
	require.Equal(t, first.id("user.id"), shown.id("users.0.id"))
	require.Len(t, d.want(200, "GET", "/api/v2/users/show_many?ids=501,502,9", "").list("users"), 2)
	d.want(400, "GET", "/api/v2/users/show_many", "")
	require.Empty(t, d.want(200, "GET", "/api/v2/users/search?external_id=tel:%2B15135557611", "").list("users"), "it lags")
	require.Equal(t, []string{"Ana", "Ben"}, names(d.want(200, "GET", "/api/v2/users?role[]=agent", ""), "users"))
}

func TestCase14CreateOrUpdate(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithPlan(zendesktest.EnterprisePlus))
	upsert := func(body string) answer {
		return d.do("POST", "/api/v2/users/create_or_update", `{"user":`+body+`}`)
	}
	first := upsert(`{"name":"A","external_id":"tel:1","phone":"+15135557611"}`)
	require.Equal(t, 201, first.status)
	again := upsert(`{"name":"A","external_id":"tel:1"}`)
	require.Equal(t, 429, again.status, "one a second")
	require.Equal(t, "1", again.header.Get("Retry-After"))
	d.s.Advance(time.Second)
	again = upsert(`{"name":"B","external_id":"TEL:1"}`)
	require.Equal(t, 200, again.status)
	require.Equal(t, first.id("user.id"), again.id("user.id"))
	require.Equal(t, "B", again.at("user.name"))
	d.s.Advance(time.Second)
	byPhone := upsert(`{"name":"A","phone":"+15135557611"}`)
	require.Equal(t, 201, byPhone.status, "the phone finds nobody")
	require.Equal(t, true, byPhone.at("user.shared_phone_number"))
	for range 4 {
		d.s.Advance(time.Second)
		upsert(`{"name":"C","external_id":"tel:1"}`)
	}
	d.s.Advance(time.Second)
	require.Equal(t, 429, upsert(`{"name":"D","external_id":"tel:1"}`).status, "five a minute and user")
}

func TestCase15OAuth(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithOAuthClient("bridge", "s3cret"))
	mint := func(body string) answer {
		return d.do("POST", "/oauth/tokens", body, "Authorization", "")
	}
	grant := `{"grant_type":"client_credentials","client_id":"bridge","client_secret":"s3cret",%s}`
	require.Equal(t, 401, mint(`{"grant_type":"client_credentials","client_id":"bridge","client_secret":"x"}`).status)
	require.Equal(t, 400, mint(fmt.Sprintf(grant, `"scope":"read write","expires_in":299`)).status)
	a := mint(fmt.Sprintf(grant, `"scope":"read write","expires_in":300`))
	require.Equal(t, 201, a.status)
	require.InDelta(t, 300, a.at("expires_in"), 0)
	require.Nil(t, a.at("refresh_token"), "client credentials have no refresh token")

	bearer := "Bearer " + a.at("access_token").(string)
	me := d.want(200, "GET", "/api/v2/users/me", "", "Authorization", bearer)
	require.Equal(t, "Account owner", me.at("user.name"))
	d.want(201, "POST", "/api/v2/channels/voice/tickets", voiceBody("x"), "Authorization", bearer)
	d.s.Advance(300 * time.Second)
	expired := d.want(401, "GET", "/api/v2/users/me", "", "Authorization", bearer)
	require.Equal(t, "invalid_token", expired.at("error"))

	for scope, want := range map[string][2]int{
		`"scope":"read"`:                     {200, 403},
		`"scope":"reed write"`:               {403, 201},
		`"scopes":["read","write"]`:          {403, 403},
		`"scope":["read","write"]`:           {403, 403},
		`"scope":"tickets:write users:read"`: {200, 403}, // There is no scope for voice.
	} {
		bearer = "Bearer " + mint(fmt.Sprintf(grant, scope)).at("access_token").(string)
		d.want(want[0], "GET", "/api/v2/users/501", "", "Authorization", bearer)
		d.want(want[1], "POST", "/api/v2/channels/voice/tickets", voiceBody("x"), "Authorization", bearer)
	}
	good := "Bearer " + mint(fmt.Sprintf(grant, `"scope":"read write"`)).at("access_token").(string)
	d.s.ExpireTokens()
	d.want(401, "GET", "/api/v2/users/501", "", "Authorization", good)
	for _, r := range d.s.Requests() {
		require.NotContains(t, r.Body, "s3cret")
	}
}

func TestCase15RefreshRotates(t *testing.T) {
	t.Parallel()
	d := start(t)
	pair := d.s.IssueTokens("read write", time.Hour)
	refresh := func(token string) answer {
		return d.do("POST", "/oauth/tokens", fmt.Sprintf(`{"grant_type":"refresh_token","client_id":%q,"client_secret":%q,
			"refresh_token":%q,"scope":"read write"}`, zendesktest.DefaultClientID, zendesktest.DefaultClientSecret, token))
	}
	d.want(200, "GET", "/api/v2/users/501", "", "Authorization", "Bearer "+pair.Access)
	a := refresh(pair.Refresh)
	require.Equal(t, 201, a.status)
	d.want(401, "GET", "/api/v2/users/501", "", "Authorization", "Bearer "+pair.Access)
	require.Equal(t, "invalid_grant", refresh(pair.Refresh).at("error"), "the old pair is dead")
	d.want(200, "GET", "/api/v2/users/501", "", "Authorization", "Bearer "+a.at("access_token").(string))
}

func TestCase15BasicAndAnonymous(t *testing.T) {
	t.Parallel()
	cutoff := epoch.Add(time.Hour)
	d := start(t, zendesktest.WithAPIToken("bot@example.com", "tok"), zendesktest.WithAPITokenCutoff(cutoff))
	_, err := d.s.AddUser(zendesktest.User{Name: "End", Email: "end@example.com"})
	require.NoError(t, err)
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct {
		name, auth string
		status     int
		me         any
	}{
		{"own email", basic("bot@example.com/token:tok"), 200, "API user"},
		{"another agent's email", basic("ana@example.com/token:tok"), 200, "Ana"},
		{"an end user", basic("end@example.com/token:tok"), 403, "End"},
		{"wrong token", basic("bot@example.com/token:nope"), 401, "Anonymous user"},
		{"password", basic("bot@example.com:tok"), 401, "Anonymous user"},
		{"unknown email", basic("x@example.com/token:tok"), 401, "Anonymous user"},
		{"none", "", 401, "Anonymous user"},
		{"nonsense", "Basic ???", 401, "Anonymous user"},
	} {
		d.want(tt.status, "GET", "/api/v2/users/501", "", "Authorization", tt.auth)
		me := d.want(200, "GET", "/api/v2/users/me.json", "", "Authorization", tt.auth)
		require.Equal(t, tt.me, me.at("user.name"), tt.name)
		if tt.me == "Anonymous user" {
			require.Nil(t, me.at("user.id"))
		}
	}
	d.s.Advance(time.Hour)
	d.want(401, "GET", "/api/v2/users/501", "", "Authorization", basic("bot@example.com/token:tok"))
}

func TestCase16Leniency(t *testing.T) {
	t.Parallel()
	d := start(t)
	for _, tt := range []struct {
		name, method, path, body, contentType string
		status                                int
	}{
		{"suffix", "POST", "/api/v2/channels/voice/tickets.json", voiceBody("a"), "application/json", 201},
		{"unknown keys", "POST", "/api/v2/tickets", `{"zzz":1,"ticket":{"zzz":{},"comment":{"body":"x","zzz":[]}}}`, "application/json", 201},
		{"wrapper in other case", "POST", "/api/v2/tickets", `{"Ticket":{"comment":{"body":"x"}}}`, "application/json", 400},
		{"key in other case", "POST", "/api/v2/tickets", `{"ticket":{"Comment":{"body":"x"}}}`, "application/json", 422},
		{"no content type", "POST", "/api/v2/tickets", `{"ticket":{"comment":{"body":"x"}}}`, "", 201},
		{"charset", "POST", "/api/v2/tickets", `{"ticket":{"comment":{"body":"x"}}}`, "application/json; charset=utf-8", 201},
		{"text", "POST", "/api/v2/tickets", `{"ticket":{"comment":{"body":"x"}}}`, "text/plain", 415},
		{
			"form", "POST", "/api/v2/channels/voice/tickets",
			"ticket[via_id]=45&ticket[comment][body]=x&ticket[comment][public]=false&ticket[tags][]=a&ticket[tags][]=b",
			"application/x-www-form-urlencoded", 201,
		},
		{"broken JSON", "POST", "/api/v2/tickets", `{"ticket":`, "application/json", 400},
		{"data after JSON", "POST", "/api/v2/tickets", `{"ticket":{"comment":{"body":"x"}}} {}`, "application/json", 400},
		{"unknown path", "GET", "/api/v2/nothing", "", "", 404},
		{"wrong method", "DELETE", "/api/v2/search", "", "", 404},
		{"id is no number", "GET", "/api/v2/tickets/abc", "", "", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d.want(tt.status, tt.method, tt.path, tt.body, "Content-Type", tt.contentType)
		})
	}
	d.want(413, "POST", "/api/v2/tickets", string(make([]byte, 1<<20+1)))
}
