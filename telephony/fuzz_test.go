package telephony_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/talkbridge/talkbridge/telephony"
)

// FuzzFold makes a story out of any bytes, four an event, and demands that
// neither order nor repetition changes what it comes to.
func FuzzFold(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 0, 3, 0, 3, 0, 3, 1, 3, 0, 4, 0, 5, 0, 6, 0, 6, 0}, uint64(1))
	f.Add([]byte{0, 0, 0, 0, 3, 0, 2, 1, 3, 1, 2, 1, 6, 0, 2, 1, 6, 0, 9, 1, 0, 0, 0, 1, 4, 0, 3, 0}, uint64(2))
	f.Add([]byte{6, 1, 9, 9, 6, 1, 3, 1, 6, 1, 5, 9, 3, 1, 4, 1}, uint64(3))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		events := storyOf(data[:min(len(data), 400)])
		want := fold(events)
		r := rand.New(rand.NewPCG(seed, 1))
		for range 5 {
			shuffled := append([]telephony.Event(nil), events...)
			for range len(events) {
				shuffled = append(shuffled, events[r.IntN(len(events))])
			}
			r.Shuffle(len(shuffled), func(i, k int) { shuffled[i], shuffled[k] = shuffled[k], shuffled[i] })
			if diff := cmp.Diff(want, fold(shuffled)); diff != "" {
				t.Fatal(diff)
			}
		}
		if want.Ended() && want.Disposition == "" {
			t.Fatal("over, and nobody knows how")
		}
	})
}

var (
	fuzzKinds = []telephony.Kind{
		telephony.LegStarted, telephony.LegDialled, telephony.LegDialEnded, telephony.LegBridged, telephony.LegUnbridged, telephony.LegHangupAsked,
		telephony.LegEnded, telephony.CallHint, telephony.CallRecorded, telephony.CallVoicemail,
		telephony.CallQueued, telephony.CallUnqueued, telephony.CallLinked, telephony.LegHeld, telephony.LegResumed,
		telephony.CallRingEnded, telephony.CallForwarded, telephony.CallEnded,
	}
	fuzzSides    = []telephony.Side{telephony.SideTrunk, telephony.SideAgent, telephony.SideHelper, "", telephony.SideTrunk, telephony.SideHelper}
	fuzzPhones   = []string{"PJSIP/trunk", "PJSIP/1", "Local/2", "", "PJSIP/trunk", "Local/2"}
	fuzzStatuses = []telephony.DialStatus{telephony.DialAnswer, telephony.DialBusy, telephony.DialNoAnswer, telephony.DialCancel, telephony.DialDeclined}
	fuzzHints    = []string{telephony.HintDirection, telephony.HintGaveUp, telephony.HintTurnedAway, telephony.HintTaken}
)

// storyOf reads kind, leg, time and the rest from four bytes each. Some
// identities repeat, with other contents: the tellings of one fact.
func storyOf(data []byte) []telephony.Event {
	var events []telephony.Event
	for ; len(data) >= 4; data = data[4:] {
		kind, legNo, when, rest := data[0], int(data[1])%len(fuzzSides), data[2]%8, data[3]
		e := telephony.Event{
			ID: fmt.Sprintf("e%d", len(events)), Call: id, Kind: fuzzKinds[int(kind)%len(fuzzKinds)], Time: at(float64(when)),
			Position: int(rest >> 5), Leg: fmt.Sprintf("leg%d", legNo), Endpoint: fuzzPhones[legNo], Side: fuzzSides[legNo], First: legNo == int(data[0]>>7)*2,
			Estimated: rest&1 != 0, Late: data[2]&16 != 0, Ordinal: uint64(rest >> 6), Bridge: fmt.Sprintf("b%d", rest>>1&1), Status: fuzzStatuses[int(rest>>2)%len(fuzzStatuses)],
			Name: fuzzHints[int(rest>>1)%len(fuzzHints)], Value: []string{"inbound", "outbound"}[rest>>1&1], Path: fmt.Sprintf("/f%d", rest&3), Other: "hq/pbx1/2.2",
			Peer: []string{"", "leg0", "leg1", "leg5"}[rest>>3&3], Dialled: fmt.Sprint(rest >> 5),
			Party: telephony.Party{Number: fmt.Sprintf("+%d", rest), Withheld: rest&64 != 0},
		}
		if rest&32 != 0 {
			e.ID = fmt.Sprintf("same-%d-%d", kind%4, legNo)
		}
		events = append(events, e)
	}
	return events
}
