package zendesk_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// described is Zendesk's description with its JSON schemas, nil where they do not lie beside the project.
func described(t *testing.T) *zendesktest.Spec {
	t.Helper()
	doc, err := os.ReadFile(contractFile)
	schemas := filepath.Join(filepath.Dir(contractFile), "any_channel_json_schemas")
	if _, gone := os.Stat(schemas); os.IsNotExist(err) || os.IsNotExist(gone) {
		t.Log("Zendesk's descriptions are not there: the requests are not compared with them")
		return nil
	}
	require.NoError(t, err)
	spec, err := zendesktest.ParseSpec(doc)
	require.NoError(t, err)
	spec, err = spec.WithChannelSchemas(os.DirFS(schemas))
	require.NoError(t, err)
	return spec
}

// TestEveryOperationAgainstTheAccount uses each operation once on a simulated account, whose answers are Zendesk's and
// not this test's, and has the requests compared with Zendesk's descriptions.
func TestEveryOperationAgainstTheAccount(t *testing.T) {
	t.Parallel()
	account := zendesktest.New(
		zendesktest.WithPlan(zendesktest.Unlimited), zendesktest.WithIndexDelay(0), zendesktest.WithSpec(described(t)),
		zendesktest.WithUserFields(zendesktest.UserField{Key: "more_numbers"}),
		zendesktest.WithAgents(zendesktest.User{ID: 501, Name: "Ana", Email: "ana@example.com"}),
		zendesktest.WithXHandles(zendesktest.XHandle{ID: 431, ScreenName: "@help", TwitterUserID: 7}),
		zendesktest.WithInstances(zendesktest.Instance{PushID: "push-1"}))
	require.NoError(t, account.Start(""))
	t.Cleanup(account.Close)
	var seen recorder
	c := newClient(t, account.URL(), zendesk.OAuthClientCredentials{
		ClientID: zendesktest.DefaultClientID, ClientSecret: zendesktest.DefaultClientSecret,
	}, zendesk.WithObserver(seen.observe))

	u := usage{t: t, ctx: t.Context(), c: c, account: account}
	ticket := u.tickets()
	u.people()
	u.calls(ticket)
	u.channels()
	u.tokens()

	used := map[string]bool{}
	for _, x := range seen.all() {
		used[x.Operation] = true
	}
	for _, d := range documentedOperations(t) {
		require.True(t, used[d.function] || d.function == "createToken", "%s was not used", d.function)
	}
	for _, v := range account.Violations() {
		if v.Problem != "no such operation" || !undescribed(v.Method+" "+v.Path) {
			t.Errorf("%s %s: %s", v.Method, v.Path, v.Problem)
		}
	}
}

// usage uses the operations in an order in which they can succeed.
type usage struct {
	t       *testing.T
	ctx     context.Context
	c       *zendesk.Client
	account *zendesktest.Server
}

// must wants an answer.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		require.NoError(t, err)
		return v
	}
}

func (u usage) tickets() int64 {
	u.t.Helper()
	t, ctx, c := u.t, u.ctx, u.c
	up := must[zendesk.Upload](t)(c.UploadFile(ctx, "a.wav", "audio/wav", []byte("RIFF")))
	voice := must[zendesk.Ticket](t)(c.CreateVoiceTicket(ctx, zendesk.VoiceTicket{DisplayToAgent: 501, Ticket: zendesk.TicketFields{
		ViaID: zendesk.ViaVoicemail, ExternalID: "call-1", Subject: "Voicemail", Tags: []string{"voicemail"}, Metadata: zendesk.Metadata{"call": "1"},
		VoiceComment: &zendesk.VoiceComment{From: "+15135557611", To: "+15550100001", RecordingURL: up.ContentURL, StartedAt: day, CallDuration: time.Minute},
	}}))
	require.NoError(t, c.DisplayTicket(ctx, 501, voice.ID))
	require.NoError(t, c.DisplayUser(ctx, 501, voice.RequesterID))
	plain := must[zendesk.Ticket](t)(c.CreateTicket(ctx, zendesk.NewTicket{Ticket: zendesk.TicketFields{
		Subject: "Tea", Comment: &zendesk.Comment{Body: "Is there any?", Public: new(false)},
	}}, zendesk.CreateTicketOptions{IdempotencyKey: "k"}))
	require.Len(t, must[[]zendesk.Ticket](t)(c.TicketsByExternalID(ctx, "call-1")), 1)
	plain = must[zendesk.Ticket](t)(c.GetTicket(ctx, plain.ID))
	plain = must[zendesk.Ticket](t)(c.UpdateTicket(ctx, plain.ID, zendesk.TicketUpdate{
		Status: "open", SafeUpdate: true, UpdatedStamp: plain.UpdatedAt, Comment: &zendesk.Comment{Body: "Yes"},
	}))
	require.Equal(t, "open", plain.Status)
	require.Equal(t, []string{"a", "b"}, must[[]string](t)(c.AddTags(ctx, plain.ID, "a", "b")))
	require.Equal(t, []string{"b"}, must[[]string](t)(c.RemoveTags(ctx, plain.ID, "a")))
	require.Equal(t, []string{"b"}, must[[]string](t)(c.ListTags(ctx, plain.ID)))
	require.NotEmpty(t, must[zendesk.AuditPage](t)(c.ListTicketAudits(ctx, plain.ID, zendesk.AuditListOptions{})).Audits)
	comments := must[[]zendesk.TicketComment](t)(collect(c.TicketComments(ctx, plain.ID, true)))
	require.Equal(t, []string{"Yes", "Is there any?"}, []string{comments[0].Body, comments[1].Body})
	require.Len(t, u.account.Pops(), 3)
	return plain.ID
}

func (u usage) people() {
	u.t.Helper()
	t, ctx, c := u.t, u.ctx, u.c
	me := must[zendesk.User](t)(c.Me(ctx))
	require.Equal(t, []string{"read", "write"}, must[zendesk.OAuthToken](t)(c.CurrentToken(ctx)).Scopes)
	bea := must[zendesk.User](t)(c.CreateUser(ctx, zendesk.NewUser{Name: "Bea", ExternalID: "tel:1", Email: "bea@example.com"}))
	again := must[zendesk.User](t)(c.CreateOrUpdateUser(ctx, zendesk.NewUser{Name: "Beatrice", ExternalID: "TEL:1"}))
	require.Equal(t, bea.ID, again.ID)
	number := must[zendesk.UserIdentity](t)(c.AddIdentity(ctx, bea.ID, zendesk.NewIdentity{Type: zendesk.IdentityPhone, Value: "+15135557611"}))
	require.Len(t, must[[]zendesk.UserIdentity](t)(collect(c.UserIdentities(ctx, bea.ID))), 2)
	require.Len(t, must[zendesk.UserHits](t)(c.SearchUsersByPhone(ctx, zendesk.PhoneQuery{Numbers: []string{"*5135557611"}})).Users, 1)
	require.NoError(t, c.RemoveIdentity(ctx, bea.ID, number.ID))
	require.Equal(t, "Beatrice", must[zendesk.User](t)(c.GetUser(ctx, bea.ID)).Name)
	require.Len(t, must[[]zendesk.User](t)(c.UsersByIDs(ctx, bea.ID, 501)), 2)
	require.Len(t, must[[]zendesk.User](t)(c.UsersByExternalIDs(ctx, "tel:1")), 1)
	require.Empty(t, must[zendesk.UserHits](t)(c.SearchUsersByField(ctx, "more_numbers", "15135557611")).Users)
	_, asked, err := c.LastChangedTicket(ctx, bea.ID)
	require.NoError(t, err)
	require.False(t, asked)
	require.Len(t, must[[]zendesk.User](t)(c.UsersByEmail(ctx, "bea@example.com")), 1)
	require.Len(t, must[[]zendesk.User](t)(c.AgentsByEmail(ctx, "ana@example.com")), 1)
	require.Len(t, must[[]zendesk.User](t)(collect(c.Agents(ctx))), 2)
	require.NotEmpty(t, must[[]zendesk.Ticket](t)(c.RequestedTickets(ctx, me.ID, time.Time{})))
	_, found, err := c.NewestOpenTicket(ctx, me.ID)
	require.NoError(t, err)
	require.True(t, found)

	require.Len(t, must[[]zendesk.AgentStatus](t)(c.AgentStatuses(ctx)), 4)
	require.Equal(t, "away", must[zendesk.AgentAvailability](t)(c.SetAgentStatus(ctx, 501, zendesk.StatusAway)).Status.Name)
	require.Equal(t, zendesk.ReasonPublicAPI, must[zendesk.AgentAvailability](t)(c.AgentAvailability(ctx, 501)).Status.Reason)
	require.Len(t, must[[]zendesk.AgentAvailability](t)(collect(c.AgentAvailabilities(ctx))), 2)
	require.Equal(t, int64(zendesktest.DefaultAppID), must[[]zendesk.AppInstallation](t)(collect(c.AppInstallations(ctx)))[0].AppID)
	require.Equal(t, "more_numbers", must[[]zendesk.UserField](t)(collect(c.UserFields(ctx)))[0].Key)
	require.NoError(t, c.NotifyApp(ctx, zendesk.AppNotification{AppID: zendesktest.DefaultAppID, Event: "x", Body: json.RawMessage(`[]`)}))
}

func (u usage) tokens() {
	u.t.Helper()
	t, ctx, c := u.t, u.ctx, u.c
	other := must[zendesk.OAuthToken](t)(newClient(t, u.account.URL(), oauthOf(u.account)).CurrentToken(ctx))
	require.Len(t, must[[]zendesk.OAuthToken](t)(collect(c.OAuthTokens(ctx))), 2)
	require.NoError(t, c.RevokeToken(ctx, other.ID))
	require.Len(t, must[[]zendesk.OAuthToken](t)(collect(c.OAuthTokens(ctx))), 1)
	require.NoError(t, c.RevokeCurrentToken(ctx))
}

func (u usage) calls(ticket int64) {
	u.t.Helper()
	t, ctx, c := u.t, u.ctx, u.c
	fields := callFields()
	fields.TicketID = ticket
	record := must[zendesk.CallRecord](t)(c.CreateCall(ctx, zendesk.NewCall{Call: fields}))
	record = must[zendesk.CallRecord](t)(c.UpdateCall(ctx, record.ID, zendesk.CallFields{CompletionStatus: zendesk.CallCompleted, TalkTime: zendesk.InSeconds(time.Minute)}))
	require.Equal(t, record, must[zendesk.CallRecord](t)(c.GetCall(ctx, record.ID)))
	require.Equal(t, []any{time.Minute, ticket, false}, []any{record.TalkTime.Duration(), record.TicketID, *record.Voicemail})
	comment := must[zendesk.TicketComment](t)(c.CommentOnCall(ctx, record.ID, zendesk.CallComment{Fields: []string{"talk_time"}, DisplayToAgent: 501}))
	shown, found := comment.Call()
	require.True(t, found)
	require.Equal(t, zendesk.CallReference{CallID: record.ID, ExternalID: fields.ExternalID, AppID: zendesktest.DefaultAppID}, shown)
}

func (u usage) channels() {
	u.t.Helper()
	t, ctx, c := u.t, u.ctx, u.c
	require.NoError(t, c.ValidateToken(ctx, "push-1", "r-1"))
	for _, result := range must[[]zendesk.PushResult](t)(c.Push(ctx, fullPush())) {
		require.True(t, result.Imported(), result)
	}
	var refused *zendesk.Error
	require.ErrorAs(t, c.ReportChannelbackError(ctx, zendesk.ChannelbackFailure{InstancePushID: "push-1", ExternalID: "m-1", RequestID: "r-2"}), &refused)
	require.True(t, refused.IsNotFound(), "it was no reply")

	require.Len(t, must[[]zendesk.XHandle](t)(c.ListXHandles(ctx)), 1)
	handle := must[zendesk.XHandle](t)(c.GetXHandle(ctx, 431))
	require.NoError(t, c.CreateTicketFromPost(ctx, zendesk.XPost{PostID: 1744031231231231233, HandleID: handle.ID}))
	comment := u.account.XPosts()[0].CommentID
	require.Equal(t, []zendesk.XStatus{{ID: comment}}, must[[]zendesk.XStatus](t)(c.XStatuses(ctx, comment, comment)))
}
