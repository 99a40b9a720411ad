package zendesk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// simulated is an account to try things on: agent 501 is Ana. The function ends it.
func simulated(opts ...zendesktest.Option) (*zendesktest.Server, *zendesk.Client, func()) {
	opts = append(opts,
		zendesktest.WithAgents(zendesktest.User{ID: 501, Name: "Ana", Email: "ana@example.com"}),
		zendesktest.WithNow(func() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }))
	account := zendesktest.New(opts...)
	if err := account.Start(""); err != nil {
		panic(err)
	}
	client, err := zendesk.New(account.URL(), zendesk.OAuthClientCredentials{
		ClientID: zendesktest.DefaultClientID, ClientSecret: zendesktest.DefaultClientSecret,
	})
	if err != nil {
		panic(err)
	}
	return account, client, func() {
		client.CloseIdleConnections()
		account.Close()
	}
}

// A call as a phone system sees it: the ticket when the agent answers, his page with it, the voice data at the end.
func Example() {
	account, client, end := simulated()
	defer end()
	ctx := context.Background()

	ticket, err := client.CreateVoiceTicket(ctx, zendesk.VoiceTicket{
		Ticket: zendesk.TicketFields{
			ViaID: zendesk.ViaInbound, ExternalID: "hq/pbx1/1724412345.17", Subject: "Call from +1 513 555 7611",
			Requester: &zendesk.Requester{Name: "Caller: +15135557611"},
			Comment:   &zendesk.Comment{Body: "Ana answered.", Public: new(false)},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := client.DisplayTicket(ctx, 501, ticket.ID); err != nil {
		fmt.Println(err)
	}
	ticket, err = client.UpdateTicket(ctx, ticket.ID, zendesk.TicketUpdate{
		Status: "open", AssigneeID: 501,
		VoiceComment: &zendesk.VoiceComment{
			From: "+15135557611", To: "+15550100001", RecordingURL: "https://calls.example.com/r/1.mp3",
			StartedAt: time.Date(2026, 3, 2, 8, 59, 0, 0, time.UTC), CallDuration: 40 * time.Second, AnsweredByID: 501, Public: new(false),
		},
	})
	fmt.Println(ticket.ID, ticket.Via.Channel, ticket.Status, err)
	fmt.Println(len(account.Pops()), "page opened")
	// Output:
	// 1 api_phone_call_inbound open <nil>
	// 1 page opened
}

// After a write of unknown fate, look before repeating it: the voice endpoint has no idempotency key.
func ExampleUncertain() {
	account, client, end := simulated()
	defer end()
	account.Inject(zendesktest.Fault{Path: "/api/v2/channels/voice/tickets", Count: 1, Effect: zendesktest.DropAfterCommit()})

	ctx := context.Background()
	_, err := client.CreateVoiceTicket(ctx, zendesk.VoiceTicket{Ticket: zendesk.TicketFields{
		ViaID: zendesk.ViaInbound, ExternalID: "call-1", Comment: &zendesk.Comment{Body: "A call", Public: new(false)},
	}})
	if zendesk.Uncertain(err) {
		found, err := client.TicketsByExternalID(ctx, "call-1")
		fmt.Println(len(found), "ticket is there all the same", err)
	}
	// Output: 1 ticket is there all the same <nil>
}

func ExampleClient_CreateCall() {
	_, client, end := simulated()
	defer end()
	ctx := context.Background()

	record, err := client.CreateCall(ctx, zendesk.NewCall{
		Call: zendesk.CallFields{
			AppID: zendesktest.DefaultAppID, ExternalID: "call-1", FromLine: "+15135557611", ToLine: "+15550100001",
			Direction: zendesk.CallInbound, StartedAt: time.Date(2026, 3, 2, 8, 59, 0, 0, time.UTC), QueueName: "Support",
			WaitTime: zendesk.InSeconds(12 * time.Second),
		},
		Comment: &zendesk.CallComment{Title: "Inbound call", Fields: []string{"queue_name", "wait_time"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for comment, err := range client.TicketComments(ctx, record.TicketID, false) {
		if err != nil {
			fmt.Println(err)
			return
		}
		shown, _ := comment.Call()
		fmt.Println(shown.CallID == record.ID, shown.ExternalID)
		fmt.Println(comment.Body)
	}
	// Output:
	// true call-1
	// Inbound call
	//
	// Summary
	// Queue name: Support
	// Wait time: 12
}

func ExampleClient_Push() {
	_, client, end := simulated(zendesktest.WithInstances(zendesktest.Instance{PushID: "push-1"}))
	defer end()

	text := func(id, message string) zendesk.ExternalResource {
		return zendesk.ExternalResource{
			ExternalID: id, ThreadID: "+15135557611", Message: message, CreatedAt: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
			Author: zendesk.ChannelAuthor{ExternalID: "+15135557611", Name: "Bea"},
		}
	}
	results, err := client.Push(context.Background(), zendesk.Push{
		InstancePushID: "push-1", Resources: []zendesk.ExternalResource{text("SM1", "Are you open?"), text("SM2", "Hello?")},
	})
	for _, r := range results {
		fmt.Println(r.ExternalResourceID, r.Status.Code, r.Imported())
	}
	fmt.Println(err)
	// Output:
	// SM1 success true
	// SM2 success true
	// <nil>
}

// What cannot be right is not sent: the error names the field, the limit and the length.
func ExampleInputError() {
	_, client, end := simulated()
	defer end()
	err := client.ReportChannelbackError(context.Background(), zendesk.ChannelbackFailure{
		InstancePushID: "push-1", ExternalID: "SM1", RequestID: fmt.Sprintf("%065d", 0),
	})
	fmt.Println(err)
	if bad, ok := errors.AsType[*zendesk.InputError](err); ok {
		fmt.Println(bad.Field, bad.Limit, bad.Length)
	}
	// Output:
	// zendesk ReportChannelbackError: request_id: is 65 characters; the limit is 64
	// request_id 64 65
}

func ExampleClient_CreateTicketFromPost() {
	account, client, end := simulated(zendesktest.WithXHandles(zendesktest.XHandle{ID: 431, ScreenName: "@help"}))
	defer end()
	ctx := context.Background()
	handles, err := client.ListXHandles(ctx)
	if err != nil || len(handles) == 0 {
		fmt.Println(err)
		return
	}
	err = client.CreateTicketFromPost(ctx, zendesk.XPost{PostID: 1744031231231231233, HandleID: handles[0].ID})
	fmt.Println(handles[0].ScreenName, len(account.Tickets()), err)
	// Output: @help 1 <nil>
}

// Busy while on the phone, and back afterwards unless somebody changed it meanwhile.
func ExampleClient_SetAgentStatus() {
	account, client, end := simulated()
	defer end()
	ctx := context.Background()

	before, err := client.AgentAvailability(ctx, 501)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.SetAgentStatus(ctx, 501, zendesk.StatusAway); err != nil {
		fmt.Println(err)
		return
	}
	_ = account.SwitchAgentState(501, zendesk.StatusOnline) // Meanwhile the agent does it himself.
	now, err := client.AgentAvailability(ctx, 501)
	if err == nil && now.Status.Reason == zendesk.ReasonPublicAPI {
		_, err = client.SetAgentStatus(ctx, 501, before.Status.ID)
	}
	fmt.Println(now.Status.Name, now.Status.Reason, err)
	// Output: online AGENT_STATUS_SWITCHER <nil>
}

func ExampleClient_NotifyApp() {
	account, client, end := simulated()
	defer end()
	err := client.NotifyApp(context.Background(), zendesk.AppNotification{
		AppID: zendesktest.DefaultAppID, Event: "ringing", AgentID: 501, Body: json.RawMessage(`{"from":"+15135557611"}`),
	})
	for _, n := range account.Notifications() {
		fmt.Println("api_notification."+n.Event, string(n.Body), err)
	}
	// Output: api_notification.ringing {"from":"+15135557611"} <nil>
}

// The first pair of tokens comes from the authorization code flow; from then on the file is kept up to date.
func ExampleOAuthRefresh() {
	account, _, end := simulated()
	defer end()
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	file := zendesk.TokenFile{Path: filepath.Join(dir, "tokens.json")}
	pair := account.IssueTokens("read write", 0)
	if err := file.Save(ctx, zendesk.TokenPair{AccessToken: pair.Access, RefreshToken: pair.Refresh}); err != nil {
		fmt.Println(err)
		return
	}
	client, err := zendesk.New(account.URL(), zendesk.OAuthRefresh{
		ClientID: zendesktest.DefaultClientID, ClientSecret: zendesktest.DefaultClientSecret, Store: file,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	me, err := client.Me(ctx)
	fmt.Println(me.Name, err)
	// Output: Account owner <nil>
}

// The user is sent to Zendesk, gives leave there, and comes back with a code.
func ExampleOAuthRefresh_TakeLeave() {
	account, _, end := simulated()
	defer end()
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	auth := zendesk.OAuthRefresh{
		ClientID: zendesktest.DefaultClientID, ClientSecret: zendesktest.DefaultClientSecret,
		Store: zendesk.TokenFile{Path: filepath.Join(dir, "tokens.json")},
	}
	asked, err := auth.AskLeave(account.URL(), "https://talkbridge.example.com/oauth")
	if err != nil {
		fmt.Println(err)
		return
	}
	back := browse(asked.URL) // What the program's own web server sees when the user comes back.
	if _, err := auth.TakeLeave(ctx, account.URL(), asked, back); err != nil {
		fmt.Println(err)
		return
	}
	client, err := zendesk.New(account.URL(), auth)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	me, err := client.Me(ctx)
	fmt.Println(me.Name, err)
	// Output: Account owner <nil>
}

// browse is the user's browser, in which he gives leave: it returns the query of the address that Zendesk sends it to.
func browse(to string) url.Values {
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(httptest.NewRequest(http.MethodGet, to, http.NoBody))
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		return nil
	}
	return back.Query()
}

// What Zendesk drops without an error is told to the observer only, as are the rate limits.
func ExampleWithObserver() {
	account, _, end := simulated(zendesktest.WithPlan(zendesktest.Enterprise))
	defer end()
	client, err := zendesk.New(account.URL(), zendesk.APIToken{Email: zendesktest.DefaultEmail, Token: zendesktest.DefaultAPIToken},
		zendesk.WithObserver(func(x zendesk.Exchange) {
			fmt.Printf("%s %d, %d of %d, %q\n", x.Operation, x.Status, x.RateLimit.Account.Remaining, x.RateLimit.Account.Limit, x.Warning)
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	_, err = client.GetUser(context.Background(), 501)
	fmt.Println(err)
	// Output:
	// GetUser 200, 699 of 700, ""
	// <nil>
}
