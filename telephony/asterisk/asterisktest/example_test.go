package asterisktest_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// A call written by hand, which nobody was connected to hear of.
func Example_script() {
	server, err := asterisktest.Start(asterisktest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	call := server.Inbound(asterisktest.Party{Number: "+493012345678", Name: "Ann Caller"}, "+15550100001")
	call.Ring("1001")
	call.Answer("1001")
	fmt.Println(call.Channel("trunk"), "talks to", call.Channel("1001"))
	call.Hangup()
	fmt.Println("error:", call.Err(), "unseen:", server.Unseen())
	fmt.Println(server.Close())
	// Output:
	// PJSIP/trunk-00000000 talks to PJSIP/1001-00000001
	// error: <nil> unseen: 1
	// <nil>
}

// Captured calls, played as if they happened now.
func ExamplePlayer_PlayMix() {
	server, err := asterisktest.Start(asterisktest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	player := &asterisktest.Player{Server: server, Speed: math.Inf(1), Seed: 1}
	played, err := player.PlayMix(context.Background(), asterisktest.Mix{Inbound: 2, Missed: 1}, asterisktest.MixOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, call := range played {
		fmt.Println(call.Kind, call.Caller.Number)
	}
	fmt.Println(server.Close())
	// Output:
	// missed +493010000000
	// inbound +493010000001
	// inbound +493010000002
	// <nil>
}
