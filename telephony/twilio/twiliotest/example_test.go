package twiliotest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// A program answers a call with TwiML; somebody calls, and an agent picks up.
func ExampleServer() {
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/voice":
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, "<Response><Dial><Client>ana</Client></Dial></Response>")
		case "/end":
			fmt.Println("the call is", r.FormValue("CallStatus"))
		}
	}))
	defer program.Close()
	twilio := twiliotest.New(twiliotest.Config{
		Speed:   100,
		Numbers: []twiliotest.Number{{Number: "+15550100001", VoiceURL: program.URL + "/voice", StatusCallback: program.URL + "/end"}},
		Phones:  []twiliotest.Phone{{Address: "client:ana", After: 3 * time.Second, Talks: 20 * time.Second}},
	})
	defer twilio.Close()

	if _, err := twilio.Call(twiliotest.Caller{From: "+15550123456", To: "+15550100001"}); err != nil {
		fmt.Println(err)
	}
	if err := twilio.Wait(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, call := range twilio.Calls() {
		fmt.Println(call.Direction, call.To, call.Status)
	}
	// Output:
	// the call is completed
	// inbound +15550100001 completed
	// outbound-dial client:ana completed
}
