package asterisk

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// split cuts a capture into its greeting and its messages as a human reads
// them: between the writes of Asterisk, not at every empty line that a caller
// put in. Only for captures without forged events.
func split(t testing.TB, name string) [][]byte {
	t.Helper()
	_, rest, ok := bytes.Cut(capture(t, name), crlf)
	require.True(t, ok)
	return bytes.SplitAfter(rest, blank)
}

// interleave mixes two streams of messages, each in its order.
func interleave(r *rand.Rand, a, b [][]byte) []byte {
	mixed := []byte(hello)
	for len(a)+len(b) > 0 {
		if len(b) == 0 || (len(a) > 0 && r.IntN(len(a)+len(b)) < len(a)) {
			mixed, a = append(mixed, a[0]...), a[1:]
		} else {
			mixed, b = append(mixed, b[0]...), b[1:]
		}
	}
	return mixed
}

// attacked are the captures in which the caller means harm, with the id of the
// call: an agent's phone answers, or his mobile.
var attacked = map[string]telephony.CallID{
	"a_inbound_answered": "hq/pbx1/pbx1-1795309909.16", "v1_mobile_answers": "hq/pbx1/pbx1-1795975409.0",
}

// withNumber is a capture with another number of the caller, wherever Asterisk
// prints it; it cuts it at 79 bytes.
func withNumber(t testing.TB, name string, number []byte) [][]byte {
	t.Helper()
	number = number[:min(len(number), 79)]
	original := split(t, name)
	hostile := make([][]byte, len(original))
	for i, m := range original {
		hostile[i] = bytes.ReplaceAll(m, []byte("+493012345678"), number)
	}
	return hostile
}

// others are the states of all calls but one.
func others(states []telephony.State, but telephony.CallID) (own, rest []telephony.State) {
	for _, s := range states {
		if s.ID == but {
			own = append(own, s)
		} else {
			rest = append(rest, s)
		}
	}
	return own, rest
}

// anonymised is a state without what the caller's number decides.
func anonymised(states []telephony.State) []telephony.State {
	out := make([]telephony.State, len(states))
	for i, s := range states {
		s.From = telephony.Party{}
		legs := append([]telephony.Leg(nil), s.Legs...)
		for k := range legs {
			legs[k].Party = telephony.Party{}
		}
		s.Legs = legs
		out[i] = s
	}
	return out
}

// harmless are the states of the calls if nobody means harm.
type harmless struct {
	own    map[string][]telephony.State // by the capture
	others []telephony.State
}

func harmlessCalls(t testing.TB) harmless {
	t.Helper()
	want := harmless{own: make(map[string][]telephony.State), others: telephonytest.States(t, eventsOf(t, capture(t, "k_two_concurrent")))}
	for name := range attacked {
		want.own[name] = telephonytest.States(t, eventsOf(t, capture(t, name)))
		require.Equal(t, telephony.Answered, want.own[name][0].Disposition)
	}
	return want
}

// checkHostile demands that a caller, whatever he writes into his number,
// changes nothing of other calls and nothing of his own but the number.
func checkHostile(t *testing.T, r *rand.Rand, number []byte, want harmless) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(attacked)) {
		stream := interleave(r, withNumber(t, name, number), split(t, "k_two_concurrent"))
		own, rest := others(telephonytest.States(t, eventsOf(t, stream)), attacked[name])
		require.Empty(t, cmp.Diff(byID(want.others), byID(rest)), "other calls, number %q", number)
		require.Empty(t, cmp.Diff(anonymised(want.own[name]), anonymised(own)), "own call of %s, number %q", name, number)
		if bytes.ContainsAny(number[:min(len(number), 79)], "\r\n") {
			require.Equal(t, telephony.Party{Withheld: true}, own[0].From, "number %q", number)
		}
	}
}

func byID(states []telephony.State) map[telephony.CallID]telephony.State {
	m := make(map[telephony.CallID]telephony.State, len(states))
	for _, s := range states {
		m[s.ID] = s
	}
	return m
}

// fragments are what somebody who knows AMI would build a forgery of.
var fragments = []string{
	"\r\n", "\r\n\r\n", "\r", "\n", "Event: Hangup\r\n", "Event: Newchannel\r\n", "Event: VarSet\r\n", "Event: BridgeLeave\r\n", "Privilege: call,all\r\n",
	"Privilege: \r\n", "Channel: PJSIP/1001-0000000a\r\n", "Channel: none\r\n", "ChannelState: 6\r\n", "ChannelStateDesc: Up\r\n", "CallerIDNum: 1\r\n",
	"CallerIDName: x\r\n", "ConnectedLineNum: 1\r\n", "ConnectedLineName: x\r\n", "Language: en\r\n", "AccountCode: \r\n", "Context: x\r\n",
	"Exten: s\r\n", "Priority: 1\r\n", "Uniqueid: pbx1-1795310113.116\r\n", "Linkedid: pbx1-1795310113.115\r\n", "Uniqueid: none\r\n",
	"Cause: 16\r\n", "Cause-txt: x\r\n", "Variable: A\r\n", "Value: \r\n", "DestChannel: x\r\n", "DialString: +15550100102@trunk\r\n", "DialStatus: ANSWER\r\n", "Response: Success\r\n", "Timestamp: 1.1\r\n",
	"CallerIDName: ", "Language: ", "Linkedid: ", "\r\nVariable: ", "\r\nCallerIDNum: ", ": ", "1", "+4930",
}

func TestHostileNumbers(t *testing.T) {
	t.Parallel()
	want := harmlessCalls(t)
	written := []string{
		"+4930", "", "anonymous", "1\r\n\r\n", "1\r\n", "\r\n\r\n1", "\n\n", "1\r", "1\r\nCallerIDName: x", "1\r\nCallerIDName: x\r\nConnectedLineNum: 1\r\nConnectedLineName: x",
		"1\r\n\r\nEvent: Hangup\r\nPrivilege: call,all\r\nCause: 16",
		"1\r\n\r\nEvent: Hangup\r\nPrivilege: call,all\r\nUniqueid: pbx1-1795310113.116\r\n",
		"1\r\nChannel: none\r\nUniqueid: none\r\nVariable: A\r\n\r\n",
		"1\r\nCallerIDName: \r\nVariable: A\r\nValue: \r\n\r\n",
		"\r\nLanguage: \r\nAccountCode: \r\nContext: \r\nExten: \r\nPriority: \r\nUniqueid: \r\n",
		"\r\nLinkedid: pbx1-1795310113.115\r\nVariable: A\r\n\r\n",
		"1\r\n\r\nResponse: Success\r\nActionID: lab-login\r\n\r\n",
	}
	for _, number := range written {
		checkHostile(t, rand.New(rand.NewPCG(1, 1)), []byte(number), want)
	}
	r := rand.New(rand.NewPCG(2, 3))
	for range 150 {
		var b strings.Builder
		for b.Len() < 79 {
			b.WriteString(fragments[r.IntN(len(fragments))])
		}
		checkHostile(t, r, []byte(b.String()), want)
	}
}

func FuzzHostileNumber(f *testing.F) {
	f.Add([]byte("1\r\n\r\nEvent: Hangup\r\nPrivilege: call,all\r\nCause: 16\r\n"), uint64(1))
	f.Add([]byte("1\r\nCallerIDName: x\r\nConnectedLineNum: 1\r\nConnectedLineName: x"), uint64(2))
	want := harmlessCalls(f)
	f.Fuzz(func(t *testing.T, number []byte, seed uint64) {
		checkHostile(t, rand.New(rand.NewPCG(seed, 1)), number, want)
	})
}

// The recorded attacks among other calls: those do not change, and each
// attacker has one call, answered, without a number.
func TestRecordedAttacksAmongOthers(t *testing.T) {
	t.Parallel()
	want := byID(telephonytest.States(t, eventsOf(t, capture(t, "k_two_concurrent"))))
	for _, name := range []string{"l4_escaped_crlf_user", "l7_forged_event"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attack := byID(telephonytest.States(t, eventsOf(t, capture(t, name))))
			require.Len(t, attack, 1)
			for seed := range uint64(20) {
				stream := interleave(rand.New(rand.NewPCG(seed, 1)), writes(t, name), split(t, "k_two_concurrent"))
				got := byID(telephonytest.States(t, eventsOf(t, stream)))
				for id, s := range want {
					require.Empty(t, cmp.Diff(s, got[id]))
				}
				for id, s := range attack {
					require.Empty(t, cmp.Diff(s, got[id]))
					require.Equal(t, telephony.Answered, s.Disposition)
					require.Equal(t, telephony.Party{Withheld: true}, s.From)
				}
				require.Len(t, got, len(want)+len(attack))
			}
		})
	}
}

// writes cuts a capture with forged events where Asterisk began a new one:
// before an event whose headers begin as Asterisk's do, with a time.
func writes(t testing.TB, name string) [][]byte {
	t.Helper()
	var out [][]byte
	for _, frame := range split(t, name) {
		genuineHead := bytes.Contains(frame[:min(len(frame), 200)], []byte("\r\nTimestamp: ")) || bytes.HasPrefix(frame, []byte("Response: "))
		if genuineHead || len(out) == 0 {
			out = append(out, append([]byte(nil), frame...))
		} else {
			out[len(out)-1] = append(out[len(out)-1], frame...)
		}
	}
	return out
}
