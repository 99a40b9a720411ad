package bridge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

func account(limit int) zendesk.RateLimit {
	return zendesk.RateLimit{Account: zendesk.Budget{Known: true, Limit: limit, Remaining: limit}}
}

// send is updates of a ticket, one after the other, each answered at once.
func (u *updates) send(t *testing.T, n int, ticket int64, at time.Time) {
	t.Helper()
	for range n {
		require.Zero(t, u.free(at))
		require.Zero(t, u.freeOn(ticket, at))
		u.begin(ticket)
		u.end(ticket, true, at)
	}
}

func TestUpdatesOfATicket(t *testing.T) {
	t.Parallel()
	var u updates
	u.learn(account(700), 0)
	u.send(t, 10, 7, second(0))
	u.send(t, 20, 7, second(100))
	require.Equal(t, second(600), u.freeOn(7, second(200)), "its first ten are counted until then")
	require.Zero(t, u.freeOn(8, second(200)), "another ticket")
	require.Zero(t, u.free(second(200)), "the account")
	u.send(t, 10, 7, second(600.1))
	require.Equal(t, second(700), u.freeOn(7, second(601)))

	u.learn(zendesk.RateLimit{Endpoints: map[string]zendesk.Budget{perTicket: {Known: true, Limit: 20}}}, 0)
	u.send(t, 10, 7, second(701))
	require.Equal(t, second(1200.1), u.freeOn(7, second(702)), "a trial takes twenty")
	u.tend(second(1302))
	require.Empty(t, u.doneOn)
}

func TestUpdatesOfTheAccount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		requests int
		agreed   int // zendesk.updates_per_minute
		updates  int
	}{
		{name: "Team", requests: 200, updates: 100},
		{name: "Enterprise", requests: 700, updates: 100},
		{name: "High-volume add-on", requests: 2500, updates: 300},
		{name: "an agreement", requests: 700, agreed: 450, updates: 450},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var u updates
			u.learn(account(tt.requests), tt.agreed)
			for i := range tt.updates {
				u.send(t, 1, int64(i), second(1))
			}
			require.Equal(t, second(61), u.free(second(2)))
			require.Zero(t, u.free(second(61.1)))
		})
	}
}

// TestUpdatesUnderWay: what was not answered yet may count in a later window.
func TestUpdatesUnderWay(t *testing.T) {
	t.Parallel()
	var u updates
	u.learn(account(700), 0)
	for range zendesk.UpdatesPerTicket {
		u.begin(7)
	}
	require.False(t, u.freeOn(7, second(500)).IsZero())
	u.end(7, false, second(501))
	require.Zero(t, u.freeOn(7, second(501)), "nothing was sent")
	for range zendesk.UpdatesPerTicket - 1 {
		u.end(7, true, second(550))
	}
	u.send(t, 1, 7, second(551))
	require.Equal(t, second(1150), u.freeOn(7, second(1140)), "ten minutes after the answers")
	require.Zero(t, u.running)
	require.Empty(t, u.runningOn)
}

func TestUpdatesWithoutLimits(t *testing.T) {
	t.Parallel()
	var u updates
	u.send(t, 5000, 7, second(0))
	require.Empty(t, u.done)
	require.Empty(t, u.doneOn)
}

// TestUpdatesAreBounded: what is kept does not grow with what was sent.
func TestUpdatesAreBounded(t *testing.T) {
	t.Parallel()
	var u updates
	u.learn(account(700), 0)
	for minute := range 120 {
		for i := range zendesk.UpdatesPerMinute {
			u.send(t, 1, int64(minute*1000+i), second(float64(minute*61)))
		}
		u.tend(second(float64(minute * 61)))
	}
	require.LessOrEqual(t, len(u.done), zendesk.UpdatesPerMinute)
	require.LessOrEqual(t, len(u.doneOn), 11*zendesk.UpdatesPerMinute)
	require.LessOrEqual(t, cap(u.done), 4*zendesk.UpdatesPerMinute)
}
