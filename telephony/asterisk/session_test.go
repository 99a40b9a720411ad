package asterisk_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// sink keeps what a source delivers, and folds it.
type sink struct {
	mu      sync.Mutex
	appends [][]telephony.Event
	calls   map[telephony.CallID]*telephony.Call
	ready   int
	hold    chan struct{} // not nil: Append waits for it
}

func newSink() *sink { return &sink{calls: make(map[telephony.CallID]*telephony.Call)} }

func (k *sink) Append(ctx context.Context, events []telephony.Event) error {
	k.mu.Lock()
	hold := k.hold
	k.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.appends = append(k.appends, slices.Clone(events))
	for _, e := range events {
		if e.Call != events[0].Call {
			return errors.New("events of two calls in one entry")
		}
		if err := e.Validate(); err != nil {
			return err
		}
		if k.calls[e.Call] == nil {
			k.calls[e.Call] = telephony.NewCall(e.Call)
		}
		k.calls[e.Call].Apply(e)
	}
	return nil
}

func (k *sink) Live(context.Context) ([]telephony.LiveLeg, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var legs []telephony.LiveLeg
	for id, c := range k.calls {
		for _, l := range c.State().Legs {
			if l.EndedAt.IsZero() {
				legs = append(legs, telephony.LiveLeg{Call: id, Leg: l.ID, Endpoint: l.Endpoint, Side: l.Side})
			}
		}
	}
	return legs, nil
}

func (k *sink) Ready() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ready++
}

// isReady counts the sessions that came up.
func (k *sink) isReady() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ready
}

// entries counts the appended entries.
func (k *sink) entries() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.appends)
}

func (k *sink) state(linkedid string) telephony.State {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.calls[telephony.CallID("hq/pbx1/"+linkedid)]; c != nil {
		return c.State()
	}
	return telephony.State{}
}

func (k *sink) known() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.calls)
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

// stop ends the session, which must happen within a second.
func (r running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	require.ErrorIs(t, r.wait(t, time.Second), context.Canceled)
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
	require.Eventually(t, what, 5*time.Second, 2*time.Millisecond)
}

func TestSession_answeredCall(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	k := newSink()
	r := run(t, labConfig(server), k)
	eventually(t, func() bool { return k.isReady() == 1 })

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
	require.LessOrEqual(t, k.entries(), 4, "an ordinary call costs few entries")
	r.stop(t)
}
