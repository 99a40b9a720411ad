package telephony_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// The fold of a call may allocate so much: what was measured, and a tenth more.
func TestAllocationsOfTheFold(t *testing.T) { //nolint:paralleltest // allocations are counted
	events := story(
		started(0, "t", telephony.SideTrunk, "PJSIP/trunk"), started(1, "a", telephony.SideAgent, "PJSIP/1001"),
		dialEnded(4, "a", telephony.DialAnswer), leg(telephony.LegBridged, 4, "t"), leg(telephony.LegBridged, 4, "a"),
		leg(telephony.LegEnded, 60, "a"), leg(telephony.LegEnded, 60, "t"),
	)
	folded := telephony.NewCall(id)
	for _, e := range events {
		folded.Apply(e)
	}
	for _, tc := range []struct { //nolint:paralleltest // see above
		name   string
		budget float64
		do     func()
	}{
		{"seven events", 90, func() {
			c := telephony.NewCall(id)
			for _, e := range events {
				c.Apply(e)
			}
		}},
		{"an event that is known", 3, func() { folded.Apply(events[3]) }},
		{"the state of the call", 27, func() { _ = folded.State() }},
		{"a number that was read lately", 0, func() { telephony.ParseNumber("+12125550123", "US") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.LessOrEqual(t, testing.AllocsPerRun(100, tc.do), tc.budget)
		})
	}
}
