package asterisk_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// listeningOnly is the user that docs/asterisk.md asks for.
func listeningOnly() asterisktest.User {
	return asterisktest.User{Name: "lab", Secret: "labsecret", Read: "call,dialplan", Write: "reporting"}
}

// probeCall probes a server on which a call goes on.
func probeCall(t *testing.T, server *asterisktest.Server) (asterisk.Report, error) {
	t.Helper()
	config := labConfig(server)
	type result struct {
		report asterisk.Report
		err    error
	}
	done := make(chan result, 1)
	go func() {
		r, err := asterisk.Probe(t.Context(), config, time.Second)
		done <- result{r, err}
	}()
	require.Eventually(t, func() bool { return server.Clients() == 1 }, time.Minute, time.Millisecond)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		call := server.Inbound(asterisktest.Party{Number: "+493010001234"}, "+15550100001")
		call.Ring("1001")
		call.Answer("1001")
		require.NoError(t, call.Err())
		select {
		case r := <-done:
			return r.report, r.err
		case <-ticker.C:
		}
		call.Hangup()
	}
}

func TestProbe_healthy(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{Users: []asterisktest.User{listeningOnly()}})
	report, err := probeCall(t, server)
	require.NoError(t, err)
	require.Equal(t, "Asterisk Call Manager/11.0.0", report.Greeting)
	require.True(t, report.LoggedIn)
	require.True(t, report.Status)
	require.False(t, report.Filter)
	require.Empty(t, report.Powers)
	require.True(t, report.ClockKnown)
	require.Less(t, report.Ahead.Abs(), time.Second)
	require.False(t, report.StartedAt.IsZero())
	require.False(t, report.FullyBooted, "the class system is not read")
	require.Positive(t, report.Moved)
	require.Positive(t, report.Useful)
	require.Equal(t, report.Events, report.Stamped)
	require.Positive(t, report.Classes["call"])
	require.GreaterOrEqual(t, report.Watched, time.Second)
	require.Eventually(t, func() bool { return server.Clients() == 0 }, time.Minute, time.Millisecond, "it logs off")
}

func TestProbe_rights(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		user   asterisktest.User
		config asterisktest.Config
		check  func(*testing.T, asterisk.Report)
	}{
		{
			name: "no write", user: asterisktest.User{Read: "call,dialplan"},
			check: func(t *testing.T, r asterisk.Report) {
				t.Helper()
				require.False(t, r.Status)
				require.Equal(t, "Permission denied", r.StatusAnswer)
			},
		},
		{
			name: "no class call", user: asterisktest.User{Read: "dialplan", Write: "reporting"},
			check: func(t *testing.T, r asterisk.Report) {
				t.Helper()
				require.Positive(t, r.Moved, "channels moved")
				require.Zero(t, r.Classes["call"], "and nobody told")
			},
		},
		{
			name: "everything", user: asterisktest.User{Read: "all", Write: "all"},
			check: func(t *testing.T, r asterisk.Report) {
				t.Helper()
				require.True(t, r.Filter)
				require.True(t, r.FullyBooted)
				require.Less(t, r.Useful, r.Events, "more comes than is used")
			},
		},
		{
			name: "no timestamps", user: asterisktest.User{Read: "call,dialplan", Write: "reporting"},
			config: asterisktest.Config{NoTimestamps: true},
			check: func(t *testing.T, r asterisk.Report) {
				t.Helper()
				require.Positive(t, r.Useful)
				require.Zero(t, r.Stamped)
			},
		},
		{
			name: "slow clock", user: asterisktest.User{Read: "call", Write: "reporting"},
			config: asterisktest.Config{Now: func() time.Time { return time.Now().Add(-90 * time.Second) }},
			check: func(t *testing.T, r asterisk.Report) {
				t.Helper()
				require.InDelta(t, -90, r.Ahead.Seconds(), 2)
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.user.Name, tt.user.Secret, tt.user.WriteTimeout = "lab", "labsecret", time.Minute
			tt.config.Users = []asterisktest.User{tt.user}
			report, err := probeCall(t, startServer(t, tt.config))
			require.NoError(t, err)
			tt.check(t, report)
		})
	}
}

func TestProbe_fails(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	wrong := labConfig(server)
	wrong.Secret = "other"
	report, err := asterisk.Probe(t.Context(), wrong, 0)
	require.ErrorIs(t, err, asterisk.ErrAuthentication)
	require.NotContains(t, err.Error(), "other")
	require.NotEmpty(t, report.Greeting, "it came that far")
	require.False(t, report.LoggedIn)

	closed, err := net.Listen("tcp", "127.0.0.1:0") // a port that nobody listens at
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	nobody := labConfig(server)
	nobody.Address = closed.Addr().String()
	report, err = asterisk.Probe(t.Context(), nobody, 0)
	require.ErrorContains(t, err, "connect")
	require.Empty(t, report.Greeting)

	_, err = asterisk.Probe(t.Context(), asterisk.Config{}, 0)
	require.ErrorContains(t, err, "want host:port")
}

func TestProbe_powers(t *testing.T) {
	t.Parallel()
	answers := loginAnswers()
	answers["ListCommands"] = "Response: Success\r\nActionID: %s\r\nOriginate: Originate a call.  (Priv: originate,all)\r\n" +
		"Command: Execute Asterisk CLI Command.  (Priv: command,all)\r\nPing: Keepalive command.  (Priv: <none>)\r\n"
	answers["Ping"] = "Response: Success\r\nActionID: %s\r\nPing: Pong\r\nTimestamp: 1795309909.146786\r\n"
	server := fake{answers: answers, pings: 100}.start(t)
	report, err := asterisk.Probe(t.Context(), asterisk.Config{
		Site: "hq", Name: "pbx1", Address: server, Username: "lab", Secret: "labsecret",
	}, 10*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, []string{"Command", "Originate"}, report.Powers)
	require.Zero(t, report.Channels)
}

func TestProbe_endsWithItsContext(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	report, err := asterisk.Probe(ctx, labConfig(server), time.Minute)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, report.LoggedIn)
	require.Less(t, time.Since(begun), 20*time.Second)
}
