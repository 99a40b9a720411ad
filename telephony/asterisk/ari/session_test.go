package ari_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/ari"
	"github.com/talkbridge/talkbridge/telephony/asterisk/ari/aritest"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

const patience = 10 * time.Second

// running is a session under test.
type running struct {
	t      *testing.T
	sink   *telephonytest.Sink
	source *ari.Source
	cancel context.CancelFunc
	done   chan error
}

// start runs a session and waits until it is ready.
func start(t *testing.T, config ari.Config, sink *telephonytest.Sink) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, sink: sink, source: newSource(t, config), cancel: cancel, done: make(chan error, 1)}
	n := sink.Sessions()
	go func() { r.done <- r.source.Run(ctx, sink) }()
	t.Cleanup(func() { r.stop() })
	r.until(func() bool { return sink.Sessions() == n+1 }, "the session gets ready")
	return r
}

func (r *running) until(is func() bool, what string) {
	r.t.Helper()
	require.Eventually(r.t, is, patience, time.Millisecond, what)
}

// end is why the session ended by itself.
func (r *running) end() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		r.done <- err
		return err
	case <-time.After(patience):
		require.FailNow(r.t, "the session goes on")
		return nil
	}
}

func (r *running) stop() {
	r.cancel()
	<-r.done
	r.done <- nil
}

func (r *running) ended(call *aritest.Call) telephony.State {
	r.t.Helper()
	id := telephony.CallID("hq/pbx1/" + call.ID())
	r.until(func() bool { return r.sink.State(id).Ended() }, "the call ends")
	return r.sink.State(id)
}

func TestSession_endsWhen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		server aritest.Config
		change func(*ari.Config)
		then   func(t *testing.T, s *aritest.Server)
		want   error
		text   string
	}{
		{name: "nobody answers pings", server: aritest.Config{Deaf: true}, change: func(c *ari.Config) { c.Keepalive = 100 * time.Millisecond }, want: ari.ErrDeadPeer},
		{name: "another client takes the app", want: ari.ErrReplaced, text: `"talkbridge": give each client an app of its own`, then: func(t *testing.T, s *aritest.Server) {
			t.Helper()
			start(t, labConfig(s), telephonytest.NewSink())
		}},
		{name: "Asterisk goes away", text: "Asterisk closed the connection", then: func(_ *testing.T, s *aritest.Server) { s.DropClients() }},
		{name: "a message never ends", text: "read limit exceeded", then: func(_ *testing.T, s *aritest.Server) {
			s.Send([]byte(strings.Repeat("x", 17<<20)))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := aritest.New(tt.server)
			t.Cleanup(server.Close)
			config := labConfig(server)
			if tt.change != nil {
				tt.change(&config)
			}
			r := start(t, config, telephonytest.NewSink())
			if tt.then != nil {
				tt.then(t, server)
			}
			err := r.end()
			require.ErrorContains(t, err, "asterisk pbx1 at 127.0.0.1:")
			require.ErrorContains(t, err, tt.text)
			if tt.want != nil {
				require.ErrorIs(t, err, tt.want)
			}
		})
	}
}

func TestRun_refused(t *testing.T) {
	t.Parallel()
	server := aritest.New(aritest.Config{Prefix: "/pbx"})
	t.Cleanup(server.Close)
	moved := httptest.NewServer(http.RedirectHandler(server.URL()+"/ari/events", http.StatusFound))
	t.Cleanup(moved.Close)
	tests := []struct {
		name   string
		change func(*ari.Config)
		want   error
		text   string
	}{
		{name: "wrong password", change: func(c *ari.Config) { c.Password = "wrong" }, want: ari.ErrAuthentication, text: "ari.conf"},
		{name: "wrong prefix", change: func(c *ari.Config) { c.URL = strings.TrimSuffix(c.URL, "/pbx") }, want: ari.ErrNoARI, text: "with the prefix of http.conf"},
		{name: "something else", change: func(c *ari.Config) { c.URL = moved.URL }, want: ari.ErrNoARI, text: "302 Found"},
		{name: "nobody there", change: func(c *ari.Config) { c.URL = "http://127.0.0.1:1" }, text: "connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := labConfig(server)
			tt.change(&config)
			err := newSource(t, config).Run(t.Context(), telephonytest.NewSink())
			require.ErrorContains(t, err, tt.text)
			require.NotContains(t, err.Error(), config.Password)
			if tt.want != nil {
				require.ErrorIs(t, err, tt.want)
			}
		})
	}
	r := start(t, labConfig(server), telephonytest.NewSink())
	require.ErrorIs(t, func() error { r.cancel(); return r.end() }(), context.Canceled)
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*ari.Config){
		"url: want":      func(c *ari.Config) { c.URL = "ws://pbx" },
		"without a user": func(c *ari.Config) { c.URL = "http://a:b@pbx:8088" },
		"app: want":      func(c *ari.Config) { c.App = "a,b" },
		"username and":   func(c *ari.Config) { c.Username = "a:b" },
		"trunk \"x\"":    func(c *ari.Config) { c.Trunks = []string{"x"} },
		"keepalive 1ms":  func(c *ari.Config) { c.Keepalive = time.Millisecond },
		"site and name":  func(c *ari.Config) { c.Site = "" },
	} {
		config := ari.Config{Site: "hq", Name: "pbx1", URL: "http://127.0.0.1:8088/ari/", Username: "u", Password: "p", App: "tb"}
		_, err := ari.New(config, quiet())
		require.NoError(t, err)
		change(&config)
		_, err = ari.New(config, quiet())
		require.ErrorContains(t, err, want)
	}
}

// A caller who asked his carrier not to show his number is told without it, whether
// Asterisk writes that into each channel or has to be asked; a call that was found
// as well as one that was heard.
func TestPresentation(t *testing.T) {
	t.Parallel()
	hidden := aritest.Party{Number: "+493012345678", Name: "Ann", Presentation: "prohib_passed_screen"}
	for name, vars := range map[string][]string{"asked": nil, "told": {"CHANNEL(linkedid)", "CALLERID(num-pres)"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := aritest.New(aritest.Config{ChannelVars: vars})
			t.Cleanup(server.Close)
			found := server.Inbound(hidden, "+15550100001")
			r := start(t, labConfig(server), telephonytest.NewSink())
			heard := server.Inbound(hidden, "+15550100001")
			public := server.Inbound(aritest.Party{Number: "+493011111111"}, "+15550100001")
			for _, call := range []*aritest.Call{found, heard, public} {
				r.until(func() bool { return r.sink.State(telephony.CallID("hq/pbx1/" + call.ID())).Live() }, "the call is told of")
				call.Ring("1001")
				call.Hangup()
				require.NoError(t, call.Err())
			}
			require.Equal(t, telephony.Party{Withheld: true}, r.ended(found).From)
			require.Equal(t, telephony.Party{Withheld: true}, r.ended(heard).From)
			require.Equal(t, "+493011111111", r.ended(public).From.Number)
			for _, entry := range r.sink.Entries() {
				for _, e := range entry {
					require.NotContains(t, e.Raw["CallerIDNum"], "12345678")
				}
			}
			if vars != nil {
				require.Zero(t, server.Requests("variable")-9+len(vars), "nothing is asked that was told, but for the snapshot")
			}
		})
	}
}

// What goes on when the session begins is found as it is: who called, whom he dialled,
// that he waits in a queue, what the dialplan said, where it is recorded.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	server := aritest.New(aritest.Config{Ahead: time.Hour})
	t.Cleanup(server.Close)
	waits := server.Inbound(aritest.Party{Number: "+493012345678"}, "+15550100002")
	waits.Set("TB_DID", "+15550100009")
	waits.Set("MIXMONITOR_FILENAME", "/var/spool/asterisk/monitor/1.wav")
	waits.Queue("support")
	out := server.Outbound("1001", "03055512345")
	out.Answer("trunk")
	r := start(t, labConfig(server), telephonytest.NewSink())

	state := r.sink.State(telephony.CallID("hq/pbx1/" + waits.ID()))
	require.True(t, state.Live())
	require.Equal(t, telephony.Inbound, state.Direction)
	require.Equal(t, "+15550100009", state.To.Number)
	require.Equal(t, "support", state.Queue())
	require.Equal(t, "/var/spool/asterisk/monitor/1.wav", state.Recording)
	require.WithinDuration(t, time.Now().Add(time.Hour), state.StartedAt, time.Minute, "its own clock counts")

	state = r.sink.State(telephony.CallID("hq/pbx1/" + out.ID()))
	require.Equal(t, telephony.Outbound, state.Direction)
	require.Equal(t, "03055512345", state.To.Number)
	require.True(t, state.Answered())

	waits.Hangup()
	require.Equal(t, telephony.Abandoned, r.ended(waits).Disposition)
	require.Equal(t, "support", r.ended(waits).Queue())
	out.Hangup()
	require.Equal(t, telephony.SideAgent, r.ended(out).HungUpBy)
	require.NotZero(t, r.source.Stats().Events)
}

// A message that is too large is passed over; those after it count.
func TestSession_largeMessage(t *testing.T) {
	t.Parallel()
	server := aritest.New(aritest.Config{})
	t.Cleanup(server.Close)
	r := start(t, labConfig(server), telephonytest.NewSink())
	server.Send([]byte(`{"type":"` + strings.Repeat("x", 300<<10) + `"}`))
	call := server.Inbound(aritest.Party{Number: "+493012345678"}, "+15550100001")
	call.Ring("1001")
	call.Answer("1001")
	call.Hold("1001")
	call.Resume("1001")
	call.Hangup()
	state := r.ended(call)
	require.Equal(t, telephony.Answered, state.Disposition)
	require.Len(t, state.Holds, 1)
	require.Equal(t, uint64(1), r.source.Stats().Malformed)
}

// A captured call, as it comes over the wire: few entries of the journal.
func TestSession_plays(t *testing.T) {
	t.Parallel()
	server := aritest.New(aritest.Config{})
	t.Cleanup(server.Close)
	r := start(t, labConfig(server), telephonytest.NewSink())
	require.NoError(t, server.Play("i2_attended_refer"))
	r.until(func() bool {
		states := r.sink.States()
		return len(states) == 2 && states[0].Ended() && states[1].Ended()
	}, "both calls end")
	stats := r.source.Stats()
	require.Equal(t, uint64(185), stats.Messages)
	require.Zero(t, stats.Malformed)
	require.NotZero(t, stats.Skipped)
	require.LessOrEqual(t, stats.Appends, stats.Events/2, "facts of one moment are one entry")
}
