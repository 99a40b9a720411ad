package torture

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// notPlayed are the captures that are no kind of call of their own, and why.
var notPlayed = map[string]string{
	"burst":                "many calls at once: the torture has them anyway",
	"k_two_concurrent":     "the same",
	"t1_least_privilege_a": "an ordinary call, as another user hears it",
	"t4_no_timestamps_a":   "an ordinary call, without times",
	"u2_miss_hangup":       "the second half of a connection",
	"u2_miss_hangup.part1": "the first half",
}

// Every capture is played, but for those that there is a reason not to.
func TestEveryCaptureIsAKind(t *testing.T) {
	t.Parallel()
	for _, capture := range asterisktest.Captures() {
		kind := slices.ContainsFunc(KindsOf(Asterisk), func(k Kind) bool { return k.Capture == capture })
		require.NotEqual(t, kind, notPlayed[capture] != "", capture)
	}
}

// The seed says what is played and what is done when.
func TestSeedFixesAll(t *testing.T) {
	t.Parallel()
	make := func(seed uint64) ([]asterisktest.Scenario, []Deed, []blow, []blow) {
		dice := rand.New(rand.NewPCG(seed, 1))
		var scenarios []asterisktest.Scenario
		var deeds []Deed
		for _, c := range newCalls(dice, 500, false, []Share{{Asterisk, 1}}) {
			scenarios, deeds = append(scenarios, c.scenario), append(deeds, c.wanted)
		}
		daemon, desk := newBlows(dice, time.Minute, 12, false)
		return scenarios, deeds, daemon, desk
	}
	scenarios, deeds, daemon, desk := make(7)
	again, deedsAgain, daemonAgain, deskAgain := make(7)
	require.Equal(t, scenarios, again)
	require.Equal(t, deeds, deedsAgain)
	require.Equal(t, daemon, daemonAgain)
	require.Equal(t, desk, deskAgain)
	other, _, daemonOther, _ := make(8)
	require.NotEqual(t, scenarios, other)
	require.NotEqual(t, daemon, daemonOther)

	require.Contains(t, deeds, Closed)
	require.Contains(t, deeds, Deleted)
	kinds := map[string]bool{}
	for _, s := range scenarios {
		kinds[s.Kind] = true
	}
	require.Len(t, kinds, len(KindsOf(Asterisk)), "all kinds are among a few hundred calls")
}

// As many kills as are asked for, and everything within the time.
func TestBlows(t *testing.T) {
	t.Parallel()
	daemon, desk := newBlows(rand.New(rand.NewPCG(1, 1)), time.Minute, 12, false)
	count := map[string]int{}
	for _, all := range [][]blow{daemon, desk} {
		require.True(t, slices.IsSortedFunc(all, func(a, b blow) int { return int(a.at - b.at) }))
		for _, b := range all {
			count[b.what]++
			require.Less(t, b.at, time.Minute)
		}
	}
	require.Equal(t, map[string]int{blowKill: 12, blowCut: 7, blowExpire: 5, blowRefuse: 1, blowSickbed: 1}, count)
	daemon, desk = newBlows(rand.New(rand.NewPCG(1, 1)), time.Minute, 3, true)
	require.Len(t, daemon, 3)
	require.Empty(t, desk)
}

func TestIndiscretion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ line, want string }{
		{`level=info msg="ticket made" call_id=hq/pbx1/pbx1-1795987150.251 ticket_id=238`, ""},
		{`level=info msg="call placed" call_id=hq/tw/tb-dial-0373637054e82b2fbe4a5b99 agent=Carol`, ""},
		{`level=info msg="a call" from=+49…34`, ""},
		{`level=info msg="a call" from=+493012345678`, "a telephone number"},
		{`level=info msg="a call" to=03055512345`, "a telephone number"},
		{`level=info msg="a call" from=493012345678`, "a telephone number"},
		{`level=info msg="a call" to=15550100001`, "a telephone number"},
		{`level=info msg="journal open" bytes=49453319 first=1`, ""},
		{`level=debug msg="a call" from=+493012345678`, ""},
		{`level=debug msg="token" value=hush`, "a secret"},
	} {
		require.Equal(t, tt.want, Indiscretion(tt.line, []string{"hush"}), tt.line)
	}
}

// The calls and kills of all plans are those that were asked for.
func TestShare(t *testing.T) {
	t.Parallel()
	o := Options{Calls: 7, Plans: []zendesktest.Plan{zendesktest.Unlimited, zendesktest.Enterprise}}
	require.Equal(t, []int{4, 3}, []int{o.share(o.Calls, 0), o.share(o.Calls, 1)})
	require.Equal(t, time.Second/Rate, o.every())
}
