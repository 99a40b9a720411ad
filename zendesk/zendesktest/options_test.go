package zendesktest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func TestPlans(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		plan     zendesktest.Plan
		requests int
	}{
		{zendesktest.SuiteTeam, 200},
		{zendesktest.SuiteGrowth, 400},
		{zendesktest.SuiteProfessional, 400},
		{zendesktest.Enterprise, 700},
		{zendesktest.EnterprisePlus, 2500},
		{zendesktest.Trial, 400},
		{zendesktest.Unlimited, 0},
	} {
		require.Equal(t, tt.requests, tt.plan.Limits().Requests, tt.plan)
		require.True(t, tt.plan.Valid(), tt.plan)
	}
	require.False(t, zendesktest.Plan("golden").Valid())
	want := zendesktest.Limits{
		Requests: 400, Updates: 100, TicketUpdates: 30, TicketList: 100, Search: 2500, Audits: 500, Availability: 200, UserUpserts: 1, UserUpdates: 5,
	}
	require.Empty(t, cmp.Diff(want, zendesktest.SuiteGrowth.Limits()))
}

func TestVoiceRefusal(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithPlan(zendesktest.SuiteTeam), zendesktest.WithVoiceRefusal(404))
	a := d.want(404, "POST", voicePath, voiceBody("x"))
	require.Equal(t, "Forbidden", a.at("error.title"))
	d.want(404, "POST", "/api/v2/channels/voice/agents/501/users/502/display", "")
	d.want(201, "POST", "/api/v2/tickets", `{"ticket":{"comment":{"body":"x"}}}`)
}

func TestPhoneValidation(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithPhoneValidation())
	a := d.want(422, "POST", "/api/v2/users", `{"user":{"name":"A","phone":"(513) 555-7611"}}`)
	require.Equal(t, "InvalidFormat", a.at("details.phone.0.error"))
	d.want(201, "POST", "/api/v2/users", `{"user":{"name":"A","phone":"+15135557611x12"}}`)
}

func TestSingleLimitsWinOverThePlan(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithLimits(zendesktest.Limits{TicketList: 2, Search: 1, Audits: 1}))
	d.want(200, "GET", "/api/v2/tickets?external_id=x", "")
	a := d.want(200, "GET", "/api/v2/tickets?external_id=x", "")
	require.Equal(t, "total=2; remaining=0; resets=60", a.header.Get("Zendesk-Ratelimit-Tickets-Index"))
	require.Empty(t, a.header.Get("X-Rate-Limit"))
	d.want(429, "GET", "/api/v2/tickets?external_id=x", "")
	d.want(200, "GET", "/api/v2/users/search?query=a", "")
	d.want(429, "GET", "/api/v2/search?query=a", "")
}

func TestClashingAgentsPanic(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, `zendesktest: add user "B": email A@example.com is taken`, func() {
		zendesktest.New(zendesktest.WithAgents(
			zendesktest.User{Name: "A", Email: "a@example.com"}, zendesktest.User{Name: "B", Email: "A@example.com"}))
	})
}

// Only who was told to wait, and did not, is impatient: a refusal that was lost on the way tells nobody.
func TestImpatient(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithLimits(zendesktest.Limits{Requests: 1}))
	ask := func() error {
		_, err := d.try("POST", "/api/v2/tickets", `{"ticket":{"comment":{"body":"x"}}}`)
		return err
	}
	require.NoError(t, ask())
	lost := d.s.Inject(zendesktest.Fault{Count: 1, Effect: zendesktest.DropAfterCommit()})
	require.Error(t, ask(), "refused, and the refusal lost")
	require.Equal(t, 1, lost.Hits())
	<-time.After(300 * time.Millisecond)
	require.NoError(t, ask())
	require.Zero(t, d.s.Impatient())
	<-time.After(300 * time.Millisecond)
	require.NoError(t, ask())
	require.Equal(t, 1, d.s.Impatient())

	d.s.ForgetClients()
	<-time.After(300 * time.Millisecond)
	require.NoError(t, ask())
	require.Equal(t, 1, d.s.Impatient(), "the next process was not told")
	<-time.After(300 * time.Millisecond)
	require.NoError(t, ask())
	require.Equal(t, 2, d.s.Impatient(), "now it was")
}
