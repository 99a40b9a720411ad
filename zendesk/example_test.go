package zendesk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/talkbridge/talkbridge/zendesk"
)

func ExampleClient_CreateVoiceTicket() {
	_, client, end := simulated()
	defer end()
	ticket, err := client.CreateVoiceTicket(context.Background(), zendesk.VoiceTicket{
		Ticket: zendesk.TicketFields{
			ViaID:      zendesk.ViaVoicemail,
			ExternalID: "hq/pbx1/1724412345.17",
			Subject:    "Voicemail from +1 513 555 7611",
			VoiceComment: &zendesk.VoiceComment{
				From: "+15135557611", To: "+15550100001",
				RecordingURL: "https://calls.example.com/r/1.mp3",
				StartedAt:    time.Date(2026, 3, 1, 9, 14, 57, 0, time.UTC),
				CallDuration: 40 * time.Second,
				Public:       new(false),
			},
		},
		DisplayToAgent: 501,
	})
	fmt.Println(ticket.ID, ticket.Via.Channel, err)
	// Output: 1 api_voicemail <nil>
}

func ExampleClient_UpdateTicket_closed() {
	account, client, end := simulated()
	defer end()
	ctx := context.Background()
	ticket, err := client.CreateTicket(ctx, zendesk.NewTicket{Ticket: zendesk.TicketFields{
		Subject: "Tea", Comment: &zendesk.Comment{Body: "Is there any?"},
	}}, zendesk.CreateTicketOptions{IdempotencyKey: "tea-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = account.CloseTicket(ticket.ID)
	_, err = client.UpdateTicket(ctx, ticket.ID, zendesk.TicketUpdate{Status: "solved"})
	if refused, ok := errors.AsType[*zendesk.Error](err); ok && refused.IsClosed() {
		fmt.Println(err)
	}
	// Output: zendesk UpdateTicket: 422 Unprocessable Entity: RecordInvalid: Record validation errors; status: Status: closed prevents ticket update
}

func ExampleVoiceTicket() {
	stored, err := json.Marshal(zendesk.VoiceTicket{
		Ticket:         zendesk.TicketFields{ViaID: zendesk.ViaOutbound, Comment: &zendesk.Comment{Body: "Called.", Public: new(false)}},
		DisplayToAgent: 28,
	})
	fmt.Println(string(stored), err)
	// Output: {"ticket":{"via_id":46,"comment":{"body":"Called.","public":false}},"display_to_agent":28} <nil>
}

func ExampleOAuthClientCredentials() {
	auth := zendesk.OAuthClientCredentials{ClientID: "talkbridge", ClientSecret: "hunter2"}
	fmt.Printf("%v %+v\n", auth, auth)
	// Output: OAuthClientCredentials{"talkbridge", <redacted>} OAuthClientCredentials{"talkbridge", <redacted>}
}
