package telephony_test

import (
	"fmt"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// A call that one agent answers, told in no order at all.
func ExampleCall() {
	id, _ := telephony.NewCallID("hq", "pbx1", "1795309909.16")
	begin := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	after := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	events := []telephony.Event{
		{ID: "6", Call: id, Kind: telephony.LegEnded, Time: after(60), Leg: "caller"},
		{ID: "4", Call: id, Kind: telephony.LegBridged, Time: after(8), Leg: "agent", Bridge: "b"},
		{
			ID: "1", Call: id, Kind: telephony.LegStarted, Time: after(0), Leg: "caller", First: true, Side: telephony.SideTrunk,
			Party: telephony.Party{Number: "+493012345678"}, Dialled: "+15550100001",
		},
		{ID: "3", Call: id, Kind: telephony.LegBridged, Time: after(8), Leg: "caller", Bridge: "b"},
		{ID: "2", Call: id, Kind: telephony.LegStarted, Time: after(1), Leg: "agent", Side: telephony.SideAgent, Endpoint: "PJSIP/1001"},
		{ID: "5", Call: id, Kind: telephony.LegEnded, Time: after(60), Leg: "agent"},
	}
	call := telephony.NewCall(id)
	for _, e := range events {
		call.Apply(e)
	}
	s := call.State()
	fmt.Println(s.Direction, s.Disposition, "from", s.From.Number, "to", s.To.Number)
	fmt.Println(s.Talks[0].Endpoint, "talked", s.TalkTime(), "of", s.Duration())
	// Output:
	// inbound answered from +493012345678 to +15550100001
	// PJSIP/1001 talked 52s of 1m0s
}

func ExampleParseNumber() {
	for _, raw := range []string{"030 12345678", "+1 (555) 010-0001", "1001", "anonymous"} {
		n := telephony.ParseNumber(raw, "DE")
		fmt.Printf("%q %q %t\n", n.String(), n.E164, n.Withheld)
	}
	// Output:
	// "+493012345678" "+493012345678" false
	// "+15550100001" "+15550100001" false
	// "1001" "" false
	// "anonymous" "" true
}

func ExampleMaskNumber() {
	fmt.Println(telephony.MaskNumber("+49 30 12345678"))
	// Output: +** ** ******78
}
