package bridge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// What is done at each entry of the journal may allocate so much: what was measured, and a tenth more. Who needs more
// says here why.
func TestAllocationsOfAnEntry(t *testing.T) { //nolint:paralleltest // allocations are counted
	l := newLives(t)
	entry := l.answered[3] // the answer: three events
	decoded, err := telephony.DecodeEvents(entry.Data)
	require.NoError(t, err)
	policy, record, moment := testPolicy(t), after(known()), Moment{Now: second(6)}
	state := answered().state()
	c := newCrowd(t, 1)
	for _, tc := range []struct { //nolint:paralleltest // see above
		name   string
		budget float64
		do     func()
	}{
		{"decode the events of an answer", 18, func() { _, _ = telephony.DecodeEvents(entry.Data) }},
		{"encode them", 15, func() { _, _ = EncodeEvents(decoded) }},
		{"decode an outcome", 13, func() { _, _ = DecodeOutcome(l.answered[4].Data) }},
		{"work out the state of an answered call", 22, func() { _ = c.calls["hq/pbx1/1700000000.0"].state() }},
		{"plan an answered call", 52, func() { plan(state, &record, policy, moment) }},
		{"fold and plan a whole call", 616, func() {
			c.hear(1, l.answered)
			c.hear(1, l.ended)
			delete(c.calls, "hq/pbx1/1700000000.1")
			c.forget()
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.LessOrEqual(t, testing.AllocsPerRun(100, tc.do), tc.budget)
		})
	}
}
