package telephony_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// scripted is a source whose sessions do as they are told.
type scripted struct {
	session func(ctx context.Context, n int, sink telephony.Sink) error

	mu     sync.Mutex
	begins []time.Time
}

func (s *scripted) Name() string { return "pbx1" }

func (s *scripted) Run(ctx context.Context, sink telephony.Sink) error {
	s.mu.Lock()
	s.begins = append(s.begins, time.Now())
	n := len(s.begins)
	s.mu.Unlock()
	return s.session(ctx, n, sink)
}

// gaps are the times between the begins of the sessions.
func (s *scripted) gaps() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gaps []time.Duration
	for i := 1; i < len(s.begins); i++ {
		gaps = append(gaps, s.begins[i].Sub(s.begins[i-1]))
	}
	return gaps
}

// drain is a sink that keeps nothing.
type drain struct{ ready int }

func (*drain) Append(context.Context, []telephony.Event) error   { return nil }
func (*drain) Live(context.Context) ([]telephony.LiveLeg, error) { return nil, nil }

func (*drain) Told(context.Context, time.Time) (telephony.Told, error) { return nil, nil }
func (d *drain) Ready()                                                { d.ready++ }
func supervised(s *scripted) (*telephony.Supervisor, *test.Hook, *drain) {
	log, hook := test.NewNullLogger()
	d := &drain{}
	return telephony.NewSupervisor(s, d, log), hook, d
}

// lines counts the log lines of a level.
func lines(hook *test.Hook, level logrus.Level) int {
	n := 0
	for _, e := range hook.AllEntries() {
		if e.Level == level {
			n++
		}
	}
	return n
}

func TestSupervisor_backoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{session: func(context.Context, int, telephony.Sink) error { return errors.New("refused") }}
		supervisor, hook, _ := supervised(s)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		supervisor.Run(ctx)
		gaps := s.gaps()
		require.Greater(t, len(gaps), 15)
		want := 250 * time.Millisecond
		for i, gap := range gaps {
			require.InDelta(t, want.Seconds(), gap.Seconds(), want.Seconds()/4+0.001, "wait %d", i)
			want = min(2*want, 30*time.Second)
		}
		require.Equal(t, 1, lines(hook, logrus.WarnLevel), "the same failure is told of once")
		require.Equal(t, "pbx1", hook.LastEntry().Data["source"])
		require.Equal(t, "pbx1", supervisor.Name())
		status := supervisor.Status()
		require.ErrorContains(t, status.Err, "refused")
		require.False(t, status.Ready)
		require.Equal(t, len(gaps)+1, status.Sessions)
	})
}

func TestSupervisor_tellsChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failures := []string{"a", "a", "b", "b", "a"}
		s := &scripted{session: func(ctx context.Context, n int, _ telephony.Sink) error {
			if n > len(failures) {
				<-ctx.Done()
				return ctx.Err()
			}
			return errors.New(failures[n-1])
		}}
		supervisor, hook, _ := supervised(s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		supervisor.Run(ctx)
		require.Equal(t, 3, lines(hook, logrus.WarnLevel))
	})
}

// A session that came up and lasted lets the waits begin anew; one that came
// up and fell at once does not.
func TestSupervisor_resets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		lasts time.Duration
		want  time.Duration
	}{
		{name: "steady", lasts: time.Minute, want: 250 * time.Millisecond},
		{name: "falls at once", lasts: time.Second, want: 8 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var ended time.Time
				s := &scripted{}
				s.session = func(ctx context.Context, n int, sink telephony.Sink) error {
					switch n {
					case 6:
						sink.Ready()
						<-time.After(tt.lasts)
						ended = time.Now()
					case 7:
						require.InDelta(t, tt.want.Seconds(), time.Since(ended).Seconds(), tt.want.Seconds()/4+0.001)
						<-ctx.Done()
						return ctx.Err()
					}
					return errors.New("refused")
				}
				supervisor, hook, d := supervised(s)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				supervisor.Run(ctx)
				require.Len(t, s.gaps(), 6)
				require.Equal(t, 1, d.ready)
				require.Equal(t, 1, lines(hook, logrus.InfoLevel))
				require.Equal(t, 2, lines(hook, logrus.WarnLevel), "once before and once after it was up")
			})
		})
	}
}

func TestSupervisor_status(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		up, down := make(chan struct{}), make(chan struct{})
		s := &scripted{session: func(ctx context.Context, n int, sink telephony.Sink) error {
			if n == 1 {
				<-up
				sink.Ready()
				<-down
				return errors.New("cut")
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		supervisor, _, _ := supervised(s)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); supervisor.Run(ctx) }()
		synctest.Wait()
		require.False(t, supervisor.Status().Ready)
		<-time.After(time.Second)
		close(up)
		synctest.Wait()
		require.True(t, supervisor.Status().Ready)
		require.NoError(t, supervisor.Status().Err)
		require.Equal(t, time.Now(), supervisor.Status().Since)
		close(down)
		synctest.Wait()
		require.False(t, supervisor.Status().Ready)
		require.ErrorContains(t, supervisor.Status().Err, "cut")
		cancel()
		<-done
	})
}

// The end of the context ends it at once, in a session as in a wait.
func TestSupervisor_stops(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		session func(ctx context.Context, n int, sink telephony.Sink) error
	}{
		{name: "in a wait", session: func(context.Context, int, telephony.Sink) error { return errors.New("refused") }},
		{name: "in a session", session: func(ctx context.Context, _ int, sink telephony.Sink) error {
			sink.Ready()
			<-ctx.Done()
			return ctx.Err()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{session: tt.session}
				supervisor, _, _ := supervised(s)
				ctx, cancel := context.WithCancel(t.Context())
				var stopped time.Time
				done := make(chan struct{})
				go func() { defer close(done); supervisor.Run(ctx); stopped = time.Now() }()
				<-time.After(100 * time.Second)
				asked := time.Now()
				cancel()
				<-done
				require.Less(t, stopped.Sub(asked), time.Second)
				require.False(t, supervisor.Status().Ready)
			})
		})
	}
}
