package asterisk_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// Who waits in a queue while the connection is lost waits in it as if it had
// not been; and a talkbridge that only then begins knows of it, too.
func TestResync_queue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		capture string
		want    telephony.Disposition
	}{
		{capture: "e_queue_second_agent", want: telephony.Answered},
		{capture: "f_queue_abandoned", want: telephony.Abandoned},
	}
	for _, tt := range tests {
		t.Run(tt.capture, func(t *testing.T) {
			t.Parallel()
			server := startServer(t, asterisktest.Config{
				Queues: []asterisktest.Queue{{Name: "sales"}, {Name: "support", Members: []string{"PJSIP/1001", "PJSIP/1002"}}},
			})
			known, fresh := newSink(), newSink()
			r := run(t, labConfig(server), known)
			eventually(t, func() bool { return known.Sessions() == 1 })
			finish := hold(t, server, tt.capture)
			eventually(t, func() bool { return len(known.States()) == 1 && len(known.States()[0].Ringing) > 0 })
			waits := known.States()[0].Queues
			require.Len(t, waits, 1)

			server.DropClients()
			require.Error(t, r.wait(t, 5*time.Second))
			r = run(t, labConfig(server), known)
			late := run(t, labConfig(server), fresh)
			eventually(t, func() bool { return known.Sessions() == 2 && fresh.Sessions() == 1 })
			require.Equal(t, waits, known.States()[0].Queues, "what was reported is better")
			require.Equal(t, "support", fresh.States()[0].Queue())
			require.True(t, fresh.States()[0].Queues[0].LeftAt.IsZero())

			call := finish().Linkedids[0]
			eventually(t, func() bool { return known.state(call).Ended() && fresh.state(call).Ended() })
			requireSameQueue(t, known.state(call), fresh.state(call))
			require.Equal(t, waits[0].JoinedAt, known.state(call).Queues[0].JoinedAt)
			require.Equal(t, tt.want, known.state(call).Disposition)
			require.Equal(t, tt.want, fresh.state(call).Disposition)
			r.stop(t)
			late.stop(t)
		})
	}
}

// hold plays a capture up to where phones ring. The function that it returns
// plays the rest.
func hold(t *testing.T, server *asterisktest.Server, capture string) (finish func() asterisktest.Played) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	held, release := context.WithCancel(ctx)
	t.Cleanup(release)
	player := asterisktest.Player{Server: server, Speed: math.Inf(1)}
	scenario := asterisktest.Scenario{Capture: capture, Hold: asterisktest.Hold{Phase: asterisktest.Ringing, Until: held.Done()}}
	played := make(chan asterisktest.Played, 1)
	go func() {
		defer close(played)
		if p, err := player.Play(ctx, scenario); err == nil {
			played <- p
		}
	}()
	return func() asterisktest.Played {
		release()
		p, ok := <-played
		require.True(t, ok, "the capture was not played to its end")
		return p
	}
}

// requireSameQueue compares what was found with what was reported: Asterisk
// counts in whole seconds.
func requireSameQueue(t *testing.T, want, got telephony.State) {
	t.Helper()
	require.Len(t, got.Queues, len(want.Queues))
	for i, q := range got.Queues {
		require.Equal(t, want.Queues[i].Name, q.Name)
		require.Equal(t, want.Queues[i].LeftAt, q.LeftAt)
		require.False(t, q.LeftAt.IsZero())
		require.WithinDuration(t, want.Queues[i].JoinedAt, q.JoinedAt, 2*time.Second)
	}
	require.Equal(t, want.Queue(), got.Queue())
	require.InDelta(t, want.Wait().Seconds(), got.Wait().Seconds(), 2)
}

// Whatever Asterisk says to QueueStatus, the session goes on. It is noted once.
func TestResync_noQueues(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, answer, want string }{
		{name: "not allowed", answer: "Response: Error\r\nActionID: %s\r\nMessage: Permission denied\r\n", want: "Permission denied"},
		{name: "no app_queue", answer: "Response: Error\r\nActionID: %s\r\nMessage: Invalid/unknown command\r\n", want: "Invalid/unknown command"},
		{name: "no list", answer: "Response: Success\r\nActionID: %s\r\n"},
		{
			name: "an empty list",
			answer: "Response: Success\r\nActionID: %s\r\nEventList: start\r\n\r\n" +
				"Event: QueueStatusComplete\r\nActionID: %[1]s\r\nEventList: Complete\r\nListItems: 0\r\n",
		},
		{name: "nothing", answer: "-", want: "no complete answer within 5s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answers := loginAnswers()
			answers["QueueStatus"] = tt.answer
			f := fake{answers: answers, pings: 1000}
			log, hook := quiet()
			source, err := asterisk.New(asterisk.Config{Site: "hq", Name: "pbx1", Address: f.start(t), Username: "u", Secret: "s"}, log)
			require.NoError(t, err)
			for range 2 {
				k := newSink()
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- source.Run(ctx, k) }()
				require.Eventually(t, func() bool { return k.Sessions() == 1 }, time.Minute, 2*time.Millisecond)
				cancel()
				require.ErrorIs(t, <-ended, context.Canceled)
			}
			var said []any
			for _, entry := range hook.AllEntries() {
				if strings.Contains(entry.Message, "queues") {
					said = append(said, entry.Data["answer"])
				}
			}
			if tt.want == "" {
				require.Empty(t, said)
				return
			}
			require.Equal(t, []any{tt.want}, said)
		})
	}
}
