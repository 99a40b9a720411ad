package asterisk_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// sink is a telephonytest.Sink for the calls of pbx1.
type sink struct{ *telephonytest.Sink }

func newSink() sink { return sink{telephonytest.NewSink()} }

func (k sink) entries() int { return len(k.Entries()) }

func (k sink) state(linkedid string) telephony.State {
	return k.State(telephony.CallID("hq/pbx1/" + linkedid))
}

func startServer(t *testing.T, config asterisktest.Config) *asterisktest.Server {
	t.Helper()
	server, err := asterisktest.Start(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

func labConfig(server *asterisktest.Server) asterisk.Config {
	return asterisk.Config{
		Site: "hq", Name: "pbx1", Address: server.Addr(), Username: "lab", Secret: "labsecret",
		Trunks: []string{"PJSIP/trunk"},
	}
}

func quiet() (logrus.FieldLogger, *test.Hook) {
	log, hook := test.NewNullLogger()
	return log, hook
}

// running is a session in the background.
type running struct {
	*asterisk.Source
	cancel context.CancelFunc
	done   chan error
}

func run(t *testing.T, config asterisk.Config, k telephony.Sink) running {
	t.Helper()
	log, _ := quiet()
	source, err := asterisk.New(config, log)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	r := running{Source: source, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- source.Run(ctx, k) }()
	t.Cleanup(cancel)
	return r
}

// stop ends the session, which must happen within a second; a busy machine gets
// another two.
func (r running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	require.ErrorIs(t, r.wait(t, 3*time.Second), context.Canceled)
}

func (r running) wait(t *testing.T, limit time.Duration) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(limit):
		require.FailNow(t, "the session goes on")
		return nil
	}
}

func eventually(t *testing.T, what func() bool) {
	t.Helper()
	require.Eventually(t, what, 30*time.Second, 2*time.Millisecond)
}

func TestSession_answeredCall(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	k := newSink()
	r := run(t, labConfig(server), k)
	eventually(t, func() bool { return k.Sessions() == 1 })

	call := server.Inbound(asterisktest.Party{Number: "+493012345678", Name: "Ann O'Caller"}, "+15550100001")
	call.Ring("1001")
	eventually(t, func() bool { return len(k.state(call.Linkedid()).Ringing) == 1 })
	call.Answer("1001")
	eventually(t, func() bool { return k.state(call.Linkedid()).Answered() })
	call.Hangup()
	require.NoError(t, call.Err())
	eventually(t, func() bool { return k.state(call.Linkedid()).Ended() })

	s := k.state(call.Linkedid())
	require.Equal(t, telephony.Inbound, s.Direction)
	require.Equal(t, telephony.Answered, s.Disposition)
	require.Equal(t, telephony.Party{Number: "+493012345678", Name: "Ann O'Caller"}, s.From)
	require.Equal(t, "+15550100001", s.To.Number)
	require.Len(t, s.Talks, 1)
	require.Equal(t, "PJSIP/1001", s.Talks[0].Endpoint)
	r.stop(t)
}

// An ordinary call costs few entries of the journal, however fast it goes.
func TestSession_entries(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{4, math.Inf(1)} {
		server := startServer(t, asterisktest.Config{})
		k := newSink()
		r := run(t, labConfig(server), k)
		eventually(t, func() bool { return k.Sessions() == 1 })
		player := asterisktest.Player{Server: server, Speed: speed}
		played, err := player.Play(t.Context(), asterisktest.Scenario{Capture: "a_inbound_answered"})
		require.NoError(t, err)
		eventually(t, func() bool { return k.state(played.Linkedids[0]).Ended() })
		require.Equal(t, telephony.Answered, k.state(played.Linkedids[0]).Disposition)
		require.LessOrEqual(t, k.entries(), 4)
		eventually(t, func() bool { return r.Stats().Appends == uint64(k.entries()) }) // counted after it is done
		require.Equal(t, uint64(14), r.Stats().Events)
		r.stop(t)
	}
}

// The user that the documentation proposes may not set filters, and does not
// need to.
func TestSession_leastPrivilege(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	config := labConfig(server)
	config.Username, config.Secret = "talkbridge", "tbsecret"
	log, hook := quiet()
	source, err := asterisk.New(config, log)
	require.NoError(t, err)
	k := newSink()
	for n := 1; n <= 2; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- source.Run(ctx, k) }()
		eventually(t, func() bool { return k.Sessions() == n })
		call := server.Inbound(asterisktest.Party{Number: "+4930"}, "+15550100001")
		call.Ring("1001")
		eventually(t, func() bool { return len(k.state(call.Linkedid()).Ringing) == 1 })
		call.Hangup()
		eventually(t, func() bool { return k.state(call.Linkedid()).Disposition == telephony.Abandoned })
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	}
	var warned []string
	for _, entry := range hook.AllEntries() {
		warned = append(warned, entry.Message)
	}
	require.Len(t, warned, 1, "once, not at each session")
	require.Contains(t, warned[0], "event filters are left to manager.conf")
}

// While the journal is slow the connection is read on, nothing is lost, and
// what has come together is kept together.
func TestSession_slowJournal(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{SendBuffer: 4096})
	k := newSink()
	config := labConfig(server)
	config.Keepalive = time.Second
	r := run(t, config, k)
	eventually(t, func() bool { return k.Sessions() == 1 })
	release := k.Block()
	player := asterisktest.Player{Server: server, Speed: math.Inf(1)}
	played, err := player.PlayMix(t.Context(), asterisktest.Mix{Inbound: 40, Missed: 10}, asterisktest.MixOptions{})
	require.NoError(t, err)
	before := r.Stats().Bytes
	eventually(t, func() bool { return r.Stats().Bytes > before+100 }) // pings go on
	release()
	for _, call := range played {
		eventually(t, func() bool { return k.state(call.Linkedids[0]).Ended() })
	}
	require.Less(t, k.entries(), 3*len(played), "a backlog is packed")
	r.stop(t)
}

// Whatever the sink does, the session ends within a second of its context, and
// what was received is kept if the sink takes it.
func TestSession_stop(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	k := newSink()
	r := run(t, labConfig(server), k)
	eventually(t, func() bool { return k.Sessions() == 1 })
	defer k.Block()()
	before := r.Stats().Wanted
	call := server.Inbound(asterisktest.Party{Number: "+4930"}, "+15550100001")
	call.Ring("1001")
	eventually(t, func() bool { return r.Stats().Wanted >= before+3 })
	r.stop(t)
}

func TestSession_lastWords(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	k := newSink()
	r := run(t, labConfig(server), k)
	eventually(t, func() bool { return k.Sessions() == 1 })
	before := r.Stats().Wanted
	call := server.Inbound(asterisktest.Party{Number: "+4930"}, "+15550100001")
	eventually(t, func() bool { return r.Stats().Wanted > before })
	r.stop(t)
	require.True(t, k.state(call.Linkedid()).Live(), "what was received before the end is delivered")
}

func TestSession_sinkFails(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	failure := errors.New("journal closed")
	r := run(t, labConfig(server), failing{newSink(), failure})
	eventually(t, func() bool { return server.Clients() == 1 })
	for range 2 { // the first may come before events are on
		call := server.Inbound(asterisktest.Party{Number: "+4930"}, "+15550100001")
		call.Ring("1001")
	}
	require.ErrorIs(t, r.wait(t, 5*time.Second), failure)
}

// failing is a sink that keeps nothing.
type failing struct {
	sink
	err error
}

func (f failing) Append(context.Context, []telephony.Event) error { return f.err }

func TestSession_serverGoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		goes func(*asterisktest.Server)
	}{
		{name: "cut", goes: (*asterisktest.Server).DropClients},
		{name: "killed", goes: (*asterisktest.Server).Crash},
		{name: "shut down", goes: (*asterisktest.Server).Shutdown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t, asterisktest.Config{})
			k := newSink()
			r := run(t, labConfig(server), k)
			eventually(t, func() bool { return k.Sessions() == 1 })
			call := server.Inbound(asterisktest.Party{Number: "+4930"}, "+15550100001")
			before := r.Stats().Wanted
			call.Ring("1001")
			require.NoError(t, call.Err())
			eventually(t, func() bool { return r.Stats().Wanted >= before+2 })
			tt.goes(server)
			require.ErrorContains(t, r.wait(t, 5*time.Second), "Asterisk closed the connection")
			require.False(t, k.state(call.Linkedid()).StartedAt.IsZero(), "what came before the end counts")
		})
	}
}

// A hostile caller is told of once, and changes nothing.
func TestSession_hostileCaller(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	log, hook := quiet()
	source, err := asterisk.New(labConfig(server), log)
	require.NoError(t, err)
	k := newSink()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx, k) }()
	eventually(t, func() bool { return k.Sessions() == 1 })

	victim := server.Inbound(asterisktest.Party{Number: "+4930"}, "+15550100001")
	victim.Ring("1001")
	victim.Answer("1001")
	eventually(t, func() bool { return k.state(victim.Linkedid()).Answered() })
	forged := "1\r\n\r\nEvent: Hangup\r\nPrivilege: call,all\r\nUniqueid: " + victim.Uniqueid("1001") + "\r\n"
	attacker := server.Inbound(asterisktest.Party{Number: forged[:min(len(forged), 79)], Name: "x"}, "+15550100001")
	attacker.Set("SECRET", "x")
	attacker.Ring("1002")
	attacker.Answer("1002")
	attacker.Hangup()
	require.NoError(t, attacker.Err())
	eventually(t, func() bool { return k.state(attacker.Linkedid()).Ended() })
	require.Equal(t, telephony.Answered, k.state(attacker.Linkedid()).Disposition)
	require.Equal(t, telephony.Party{Withheld: true}, k.state(attacker.Linkedid()).From)
	require.True(t, k.state(victim.Linkedid()).Live())
	require.NotZero(t, source.Stats().Rejoined)
	cancel()
	<-done
	warnings := 0
	for _, entry := range hook.AllEntries() {
		if strings.Contains(entry.Message, "did not write so") {
			warnings++
		}
	}
	require.LessOrEqual(t, warnings, 1)
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	good := asterisk.Config{Site: "hq", Name: "pbx1", Address: "127.0.0.1:5038", Username: "u", Secret: "s"}
	tests := []struct {
		name   string
		change func(*asterisk.Config)
		want   string
	}{
		{name: "no site", change: func(c *asterisk.Config) { c.Site = "" }, want: "site and name"},
		{name: "slash in the name", change: func(c *asterisk.Config) { c.Name = "a/b" }, want: "slash"},
		{name: "no port", change: func(c *asterisk.Config) { c.Address = "pbx" }, want: `address "pbx": want host:port`},
		{name: "no secret", change: func(c *asterisk.Config) { c.Secret = "" }, want: "username and secret: required"},
		{name: "line break in the secret", change: func(c *asterisk.Config) { c.Secret = "a\r\nAction: x" }, want: "of one line"},
		{name: "trunk without technology", change: func(c *asterisk.Config) { c.Trunks = []string{"trunk"} }, want: `trunk "trunk": want technology/endpoint`},
		{name: "hasty keepalive", change: func(c *asterisk.Config) { c.Keepalive = 1 }, want: "keepalive 1ns"},
	}
	log, _ := quiet()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := good
			tt.change(&config)
			_, err := asterisk.New(config, log)
			require.ErrorContains(t, err, tt.want)
		})
	}
	_, err := asterisk.New(good, log)
	require.NoError(t, err)
}
