package presence

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

const (
	online  = zendesk.StatusOnline
	away    = zendesk.StatusAway
	offline = zendesk.StatusOffline
	onPhone = int64(101)
	lunch   = int64(102)
)

func at(minute int) time.Time { return time.Date(2026, 1, 2, 10, minute, 0, 0, time.UTC) }

// byHand is a status that the agent took, ours one that a program set.
func byHand(id int64, minute int) zendesk.CurrentStatus {
	return zendesk.CurrentStatus{ID: id, Reason: zendesk.ReasonSwitcher, UpdatedAt: at(minute)}
}

func ours(id int64, minute int) zendesk.CurrentStatus {
	return zendesk.CurrentStatus{ID: id, Reason: zendesk.ReasonPublicAPI, UpdatedAt: at(minute)}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	all := rules{onCall: onPhone, paused: away, pauseOn: map[int64]bool{away: true, lunch: true}}
	idle := phones{known: true, member: true}
	talks := phones{talks: true, known: true, member: true}
	paused := phones{known: true, member: true, paused: true}
	both := phones{talks: true, known: true, member: true, paused: true}
	unknown := phones{}
	call := memory{Set: onPhone, Why: forCall, Before: online, BeforeAt: at(0), At: at(1)}
	rest := memory{Set: away, Why: forPause, Before: online, BeforeAt: at(0), At: at(1)}
	for _, tt := range []struct {
		name   string
		rules  rules
		phones phones
		now    zendesk.CurrentStatus
		memory memory
		kind   stepKind
		status int64
		want   memory
	}{
		{name: "nothing is wished for", phones: both, now: byHand(online, 0)},
		{name: "no omnichannel routing", rules: all, phones: talks},
		{name: "idle", rules: all, phones: idle, now: byHand(online, 0)},
		{name: "answers", rules: all, phones: talks, now: byHand(online, 0), kind: set, status: onPhone, want: memory{Set: onPhone, Why: forCall, Before: online, BeforeAt: at(0)}},
		{name: "answers, offline", rules: all, phones: talks, now: byHand(offline, 0)},
		{name: "answers, has that status", rules: all, phones: talks, now: byHand(onPhone, 0)},
		{name: "set", rules: all, phones: talks, now: ours(onPhone, 1), memory: memory{Set: onPhone, Why: forCall, Before: online, BeforeAt: at(0)}, kind: remember, want: call},
		{name: "set and told", rules: all, phones: talks, now: ours(onPhone, 1), memory: call},
		{name: "not set: it was lost", rules: all, phones: talks, now: byHand(online, 0), memory: memory{Set: onPhone, Why: forCall, Before: online, BeforeAt: at(0)}, kind: set, status: onPhone, want: memory{Set: onPhone, Why: forCall, Before: online, BeforeAt: at(0)}},
		{name: "not set, and over", rules: all, phones: idle, now: byHand(online, 0), memory: memory{Set: onPhone, Why: forCall, Before: online, BeforeAt: at(0)}, kind: remember},
		{name: "hangs up", rules: all, phones: idle, now: ours(onPhone, 1), memory: call, kind: restore, status: online},
		{name: "a person took another", rules: all, phones: talks, now: byHand(lunch, 2), memory: call, kind: left, want: memory{LeftCall: true}},
		{name: "a person took the same", rules: all, phones: talks, now: byHand(onPhone, 2), memory: call, kind: left, want: memory{LeftCall: true}},
		{name: "a program set the same later", rules: all, phones: idle, now: ours(onPhone, 2), memory: call, kind: left, want: memory{LeftCall: true}},
		{name: "left for this call", rules: rules{onCall: onPhone}, phones: talks, now: byHand(online, 2), memory: memory{LeftCall: true}},
		{name: "and the next is ours", rules: rules{onCall: onPhone}, phones: idle, now: byHand(online, 2), memory: memory{LeftCall: true}, kind: remember},
		{name: "logs out while he talks", rules: all, phones: talks, now: zendesk.CurrentStatus{ID: offline, Reason: zendesk.ReasonLogout, UpdatedAt: at(2)}, memory: call, kind: left, want: memory{LeftCall: true}},

		{name: "paused at the phone", rules: all, phones: paused, now: byHand(online, 0), kind: set, status: away, want: memory{Set: away, Why: forPause, Before: online, BeforeAt: at(0)}},
		{name: "our own status pauses nobody", rules: all, phones: paused, now: ours(away, 1), memory: rest},
		{name: "paused no more", rules: all, phones: idle, now: ours(away, 1), memory: rest, kind: restore, status: online},
		{name: "whether is not known", rules: all, phones: unknown, now: ours(away, 1), memory: rest},
		{name: "talks while he is paused", rules: all, phones: both, now: ours(away, 1), memory: rest, kind: set, status: onPhone, want: memory{Set: onPhone, Why: forCall, Before: online, BeforeAt: at(0)}},
		{name: "and hangs up", rules: all, phones: paused, now: ours(onPhone, 1), memory: call, kind: set, status: away, want: memory{Set: away, Why: forPause, Before: online, BeforeAt: at(0)}},
		{name: "paused, and goes online by hand", rules: all, phones: paused, now: byHand(online, 2), memory: rest, kind: left, want: memory{LeftPause: true}},
		{name: "left while he is paused", rules: all, phones: paused, now: byHand(online, 2), memory: memory{LeftPause: true}},
		{name: "left over a call, too", rules: all, phones: paused, now: ours(onPhone, 3), memory: memory{LeftPause: true, Set: onPhone, Why: forCall, Before: online, BeforeAt: at(2), At: at(3)}, kind: restore, status: online, want: memory{LeftPause: true}},

		{name: "takes a break in Zendesk", rules: all, phones: idle, now: byHand(lunch, 0), kind: pause, want: memory{Paused: true, Pausing: true}},
		{name: "the pause was lost", rules: all, phones: idle, now: byHand(lunch, 0), memory: memory{Paused: true, Pausing: true}, kind: pause, want: memory{Paused: true, Pausing: true}},
		{name: "the pause happened", rules: all, phones: paused, now: byHand(lunch, 0), memory: memory{Paused: true, Pausing: true}, kind: remember, want: memory{Paused: true}},
		{name: "our own pause sets no status", rules: all, phones: paused, now: byHand(lunch, 0), memory: memory{Paused: true}},
		{name: "is in no queue", rules: all, phones: phones{known: true}, now: byHand(lunch, 0)},
		{name: "was paused already", rules: all, phones: paused, now: byHand(lunch, 0)},
		{name: "back from the break", rules: all, phones: paused, now: byHand(online, 1), memory: memory{Paused: true}, kind: unpause},
		{name: "a person ended the pause at the phone", rules: all, phones: idle, now: byHand(lunch, 0), memory: memory{Paused: true}, kind: left, want: memory{LeftPhone: true}},
		{name: "left for this break", rules: all, phones: idle, now: byHand(lunch, 0), memory: memory{LeftPhone: true}},
		{name: "and the next break is ours", rules: all, phones: idle, now: byHand(online, 1), memory: memory{LeftPhone: true}, kind: remember},
		{name: "talks in his break: the pause stays", rules: all, phones: both, now: ours(onPhone, 1), memory: memory{Paused: true, Set: onPhone, Why: forCall, Before: lunch, BeforeAt: at(0), At: at(1)}},
		{name: "hangs up in his break", rules: all, phones: paused, now: ours(onPhone, 1), memory: memory{Paused: true, Set: onPhone, Why: forCall, Before: lunch, BeforeAt: at(0), At: at(1)}, kind: restore, status: lunch, want: memory{Paused: true}},
		{name: "whether he is a member is not known", rules: all, phones: unknown, now: byHand(online, 1), memory: memory{Paused: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.rules.decide(tt.phones, tt.now, tt.memory)
			require.Equal(t, tt.kind, got.kind)
			require.Equal(t, tt.status, got.status)
			if tt.kind != nothing {
				require.Equal(t, tt.want, got.memory)
			}
		})
	}
}

// Whatever the phones and a person do, in whatever order, what follows from it comes
// to rest: our own doing is no reason to do more. And where nothing is left to do
// for us, the agent has a status of his own.
func TestNothingGoesInCircles(t *testing.T) {
	t.Parallel()
	all := rules{onCall: onPhone, paused: away, pauseOn: map[int64]bool{away: true, lunch: true, offline: true}}
	statuses := []int64{online, away, lunch, offline, onPhone}
	for seed := range 20_000 {
		p, status, m, minute := phones{known: true, member: true}, byHand(online, 0), memory{}, 1
		for n := seed; n > 0; n /= 8 {
			minute++
			switch what := n % 8; what {
			case 0:
				p.talks = !p.talks
			case 1:
				p.paused = !p.paused
			case 2:
				p.known = !p.known
			default:
				status = byHand(statuses[what-3], minute)
			}
			status, p, m = toRest(t, all, p, status, m, &minute)
		}
		p.talks, p.known = false, true
		if !m.Paused {
			p.paused = false
		}
		status, _, m = toRest(t, all, p, status, m, &minute)
		require.Zero(t, m.Set, "seed %d", seed)
		require.False(t, m.LeftCall || m.LeftPause, "seed %d", seed)
		require.Equal(t, m.Paused, all.pauseOn[status.ID] && !m.LeftPhone && m.Paused, "seed %d", seed)
	}
}

// toRest does what is decided until nothing is.
func toRest(t *testing.T, r rules, p phones, now zendesk.CurrentStatus, m memory, minute *int) (zendesk.CurrentStatus, phones, memory) {
	t.Helper()
	for range 8 {
		s := r.decide(p, now, m)
		if s.kind == nothing {
			return now, p, m
		}
		m = s.memory
		*minute++
		switch s.kind {
		case set, restore:
			require.NotEqual(t, offline, now.ID, "never for who is offline")
			now = ours(s.status, *minute)
		case pause, unpause:
			p.paused = s.kind == pause
		case left, remember, nothing:
		}
	}
	require.FailNow(t, "it goes in circles", "%+v %+v %+v", p, now, m)
	return now, p, m
}
