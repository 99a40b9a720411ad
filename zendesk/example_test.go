package zendesk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/talkbridge/talkbridge/zendesk"
)

// pretend is a Zendesk that answers every request with the same.
func pretend(status int, body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
}

func ExampleClient_CreateVoiceTicket() {
	server := pretend(http.StatusCreated, `{"ticket":{"id":35436,"via":{"channel":"api_phone_call_inbound"}}}`)
	defer server.Close()

	client, err := zendesk.New(server.URL, zendesk.APIToken{Email: "bridge@example.com", Token: "t0ken"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ticket, err := client.CreateVoiceTicket(context.Background(), zendesk.VoiceTicket{
		Ticket: zendesk.TicketFields{
			ViaID:       zendesk.ViaInbound,
			ExternalID:  "hq/pbx1/1724412345.17",
			Subject:     "Call from +1 513 555 7611",
			RequesterID: 7,
			VoiceComment: &zendesk.VoiceComment{
				From: "+15135557611", To: "+15550100001",
				RecordingURL: "https://calls.example.com/r/1.mp3",
				StartedAt:    time.Date(2026, 3, 1, 9, 14, 57, 0, time.UTC),
				CallDuration: 40 * time.Second,
				AnsweredByID: 28,
				Public:       new(false),
			},
		},
		DisplayToAgent: 28,
	})
	if zendesk.Uncertain(err) {
		fmt.Println("it may be there: look with TicketsByExternalID before sending it again")
	}
	fmt.Println(ticket.ID, ticket.Via.Channel, err)
	// Output: 35436 api_phone_call_inbound <nil>
}

func ExampleClient_UpdateTicket_closed() {
	server := pretend(http.StatusUnprocessableEntity, `{"error":"RecordInvalid","description":"Record validation errors",
		"details":{"status":[{"description":"Status: closed prevents ticket update"}]}}`)
	defer server.Close()

	client, err := zendesk.New(server.URL, zendesk.APIToken{Email: "bridge@example.com", Token: "t0ken"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.UpdateTicket(context.Background(), 35436, zendesk.TicketUpdate{Status: "solved"})
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
