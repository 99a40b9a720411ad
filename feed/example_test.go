package feed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/talkbridge/talkbridge/feed"
)

// A reader follows the feed of a hub and stops when the call is over. Cut off at
// any moment it would come back by itself and go on behind Since.
func ExampleReader_Run() {
	j := newMemory()
	ring := &call{id: "hq/pbx1/1700000000.1"}
	j.events(ring.starts("5550100001"))

	hub, err := feed.New(feed.Options{Journal: j, Site: "hq", Names: names{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	gate, err := feed.NewGate([]feed.Token{{Name: "wall", Secret: allToken}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	hub.Register(mux, gate)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{Handler: mux}
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(listener) }()
	go func() { ended <- hub.Run(ctx) }()
	<-hub.Ready()

	over := errors.New("the call is over")
	reader := &feed.Reader{URL: "ws://" + listener.Addr().String() + "/v1/feed?line=Support", Token: allToken}
	err = reader.Run(ctx, func(m feed.Message) error {
		switch m.Type {
		case feed.TypeSnapshot:
			fmt.Println("snapshot", m.Cursor)
			j.events(ring.rings("PJSIP/1001")...)
			j.events(ring.answers("PJSIP/1001")...)
			j.events(ring.ends("PJSIP/1001")...)
		case feed.TypeEvent:
			var data feed.EventData
			if err := json.Unmarshal(m.Data, &data); err != nil {
				return err
			}
			fmt.Println(data.Call.Phase, data.Call.Agents[0].Name, m.Cursor)
			if data.Call.Ended() {
				return over
			}
		}
		return nil
	})
	fmt.Println(err)

	cancel()
	_ = server.Close()
	<-ended
	<-ended
	// Output:
	// snapshot 0123456789abcdef-1
	// ringing Ana 0123456789abcdef-2
	// talking Ana 0123456789abcdef-3
	// ended Ana 0123456789abcdef-4
	// the call is over
}
