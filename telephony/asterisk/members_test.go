package asterisk_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// memberRig follows the members of the queues of a PBX.
type memberRig struct {
	t       *testing.T
	pbx     *asterisktest.Server
	members *asterisk.Members
	stop    context.CancelFunc
	ended   chan error

	mu    sync.Mutex
	known map[string]bool // paused, by queue and phone
	lists int
}

func followMembers(t *testing.T, write string, every time.Duration) *memberRig {
	t.Helper()
	user := asterisktest.LeastPrivilegeUser()
	user.Write = write
	pbx, err := asterisktest.Start(asterisktest.Config{Users: []asterisktest.User{user}, Queues: []asterisktest.Queue{
		{Name: "support", Members: []string{"PJSIP/1001", "PJSIP/1002"}}, {Name: "sales", Members: []string{"PJSIP/1001"}},
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pbx.Close()) })
	r := &memberRig{t: t, pbx: pbx, known: make(map[string]bool), ended: make(chan error, 1)}
	log, _ := quiet()
	r.members, err = asterisk.NewMembers(asterisk.Config{
		Site: "hq", Name: "pbx1", Address: pbx.Addr(), Username: user.Name, Secret: user.Secret,
	}, every, log)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- r.members.Run(ctx, r.hear)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

func (r *memberRig) hear(e asterisk.MembersEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Complete {
		clear(r.known)
		r.lists++
	}
	for _, m := range e.Members {
		r.known[m.Queue+" "+m.Interface] = m.Paused
	}
}

func (r *memberRig) eventually(want map[string]bool) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.known) != len(want) {
			return false
		}
		for key, paused := range want {
			if known, found := r.known[key]; !found || known != paused {
				return false
			}
		}
		return true
	}, 20*time.Second, 5*time.Millisecond)
}

func TestMembersOfQueues(t *testing.T) {
	t.Parallel()
	for name, every := range map[string]time.Duration{"as the list says, where filters hold the events back": 20 * time.Millisecond, "at first": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := followMembers(t, "reporting,agent", every)
			r.eventually(map[string]bool{"support PJSIP/1001": false, "support PJSIP/1002": false, "sales PJSIP/1001": false})
			require.NoError(t, r.members.Pause(t.Context(), "PJSIP/1001", true, "test"))
			require.True(t, r.pbx.Paused("PJSIP/1001"))
			require.ErrorIs(t, r.members.Pause(t.Context(), "PJSIP/1009", true, "test"), asterisk.ErrNotMember)
			require.ErrorContains(t, r.members.Pause(t.Context(), "PJSIP/1001\r\nX: y", true, "test"), "line break")
			if every < time.Second {
				r.eventually(map[string]bool{"support PJSIP/1001": true, "support PJSIP/1002": false, "sales PJSIP/1001": true})
			}
			require.NoError(t, r.members.Pause(t.Context(), "PJSIP/1001", false, "test"))
			require.False(t, r.pbx.Paused("PJSIP/1001"))
		})
	}
}

// A user without the right is told so; without a session nobody waits.
func TestMembersPauseRefused(t *testing.T) {
	t.Parallel()
	r := followMembers(t, "reporting", time.Hour)
	r.eventually(map[string]bool{"support PJSIP/1001": false, "support PJSIP/1002": false, "sales PJSIP/1001": false})
	require.ErrorContains(t, r.members.Pause(t.Context(), "PJSIP/1001", true, "test"), "write = agent")
	r.pbx.DropClients()
	require.Error(t, <-r.ended)
	require.ErrorIs(t, r.members.Pause(t.Context(), "PJSIP/1001", true, "test"), asterisk.ErrNoSession)
}

func TestMembersStop(t *testing.T) {
	t.Parallel()
	r := followMembers(t, "agent", time.Hour)
	r.eventually(map[string]bool{"support PJSIP/1001": false, "support PJSIP/1002": false, "sales PJSIP/1001": false})
	r.stop()
	select {
	case err := <-r.ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(time.Minute):
		require.FailNow(t, "it goes on")
	}
}

// Events come at once to a user whom no filter holds them back from; one that a
// caller wrote is none.
func TestMembersEvents(t *testing.T) {
	t.Parallel()
	pbx, err := asterisktest.Start(asterisktest.Config{Queues: []asterisktest.Queue{{Name: "support", Members: []string{"PJSIP/1001"}}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pbx.Close()) })
	user := asterisktest.FullUser()
	log, _ := quiet()
	members, err := asterisk.NewMembers(asterisk.Config{
		Site: "hq", Name: "pbx1", Address: pbx.Addr(), Username: user.Name, Secret: user.Secret,
	}, time.Hour, log)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan asterisk.MembersEvent, 16), make(chan error, 1)
	go func() { ended <- members.Run(ctx, func(e asterisk.MembersEvent) { told <- e }) }()
	defer func() { cancel(); <-ended }()
	require.True(t, (<-told).Complete)
	require.NoError(t, pbx.SendBytes([]byte("Event: QueueMemberPause\r\nQueue: support\r\nInterface: PJSIP/1001\r\nPaused: 1\r\n\r\n")))
	require.NoError(t, pbx.SendBytes([]byte("Event: QueueMember\r\nQueue: support\r\nLocation: PJSIP/1001\r\nPaused: 1\r\n\r\n")))
	require.True(t, pbx.PauseMember("PJSIP/1001", true, "lunch"))
	require.Equal(t, asterisk.MembersEvent{Members: []asterisk.Member{
		{Queue: "support", Interface: "PJSIP/1001", StateInterface: "PJSIP/1001", Paused: true},
	}}, <-told)
	pbx.PauseMember("PJSIP/1001", false, "")
	require.False(t, (<-told).Members[0].Paused)
}
