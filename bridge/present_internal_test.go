package bridge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

func TestPresent(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Date(2026, 11, 22, 12, 0, s, 0, time.UTC) }
	accepted := map[string]*screenpop.Outcome{"7/first": {Agent: 7, Result: screenpop.Accepted}}
	second := screenpop.Want{Key: "7/second", Agent: screenpop.Agent{ZendeskID: 7}, Since: at(20)}
	leg := func(ended time.Time) telephony.State {
		return telephony.State{Legs: []telephony.Leg{{ID: "first", EndedAt: ended}, {ID: "second"}}}
	}
	for _, tt := range []struct {
		name string
		call telephony.State
		pops map[string]*screenpop.Outcome
		want screenpop.Want
		here bool
	}{
		{"his first leg is up", leg(time.Time{}), accepted, second, true},
		{"his first leg ends at the merge", leg(at(21)), accepted, second, true},
		{"he had left, and got the call back", leg(at(10)), accepted, second, false},
		{"his first page was not accepted", leg(time.Time{}), map[string]*screenpop.Outcome{"7/first": {Agent: 7, Result: screenpop.Late}}, second, false},
		{"another agent has the page", leg(time.Time{}), map[string]*screenpop.Outcome{"77/first": {Agent: 77, Result: screenpop.Accepted}}, second, false},
		{"nobody has it", leg(time.Time{}), nil, second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.here, present(tt.call, tt.pops, tt.want))
		})
	}
}
