package asterisk

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// parse reads one event.
func parse(t testing.TB, event string) Message {
	t.Helper()
	m := messages(t, strings.NewReader(hello+event), nil)
	require.Len(t, m, 1)
	return m[0]
}

// event is a genuine event of a channel of which some headers are given.
func event(kind, before, channel, uniqueid, linkedid, rest string) string {
	head := strings.Replace(headOf(kind), "Channel: PJSIP/trunk-00000001", before+"Channel: "+channel, 1)
	return head + "+4930\r\n" + tailOf("", uniqueid, linkedid) + rest + "\r\n"
}

// dest is the channel that is dialled, 1.2 of call 1.1.
func dest(channel string) string {
	return "DestChannel: " + channel + "\r\nDestChannelState: 0\r\nDestChannelStateDesc: Down\r\nDestCallerIDNum: 9030\r\n" + tailOf("Dest", "1.2", "1.1")
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	const (
		trunk  = "PJSIP/trunk-00000001"
		phone  = "PJSIP/1001-00000002"
		local  = "Local/5@ctx-00000003;1"
		bridge = "BridgeUniqueid: b1\r\nBridgeType: basic\r\nBridgeNumChannels: 2\r\n"
		call   = "hq/pbx1/1.1"
	)
	ann := telephony.Party{Number: "+4930", Name: "Ann"}
	tests := []struct {
		name, message string
		want          telephony.Event
		nothing       bool
	}{
		{
			name: "first channel", message: event("Newchannel", "", trunk, "1.1", "1.1", ""),
			want: telephony.Event{Kind: telephony.LegStarted, Leg: "1.1", First: true, Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Party: ann, Dialled: "+15550100001"},
		},
		{
			name: "further channel", message: event("Newchannel", "", phone, "1.2", "1.1", ""),
			want: telephony.Event{Kind: telephony.LegStarted, Leg: "1.2", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", Party: ann},
		},
		{
			name: "helper", message: event("Newchannel", "", local, "1.3", "1.1", ""),
			want: telephony.Event{Kind: telephony.LegStarted, Leg: "1.3", Side: telephony.SideHelper, Endpoint: "Local/5@ctx-00000003", Party: ann},
		},
		{
			name: "an agent rings", message: event("DialBegin", "", trunk, "1.1", "1.1", dest(phone)+"DialString: 1001\r\n"),
			want: telephony.Event{Kind: telephony.LegDialled, Leg: "1.2", Peer: "1.1", Side: telephony.SideAgent, Endpoint: "PJSIP/1001"},
		},
		{
			name: "the outside rings", message: event("DialBegin", "", phone, "1.1", "1.1", dest(trunk)+"DialString: 030@trunk\r\n"),
			want: telephony.Event{Kind: telephony.LegDialled, Leg: "1.2", Peer: "1.1", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Party: ann, Dialled: "030"},
		},
		{
			name:    "Asterisk itself rings somebody",
			message: "Event: DialBegin\r\nPrivilege: call,all\r\nTimestamp: 1795309909.146786\r\n" + dest(phone) + "DialString: 1001\r\n\r\n",
			want:    telephony.Event{Kind: telephony.LegDialled, Leg: "1.2", Side: telephony.SideAgent, Endpoint: "PJSIP/1001"},
		},
		{
			name: "dial ended", message: event("DialEnd", "", trunk, "1.1", "1.1", dest(phone)+"DialStatus: NOANSWER\r\n"),
			want: telephony.Event{Kind: telephony.LegDialEnded, Leg: "1.2", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", Status: telephony.DialNoAnswer},
		},
		{
			name: "entered a bridge", message: event("BridgeEnter", bridge, phone, "1.2", "1.1", "SwapUniqueid: 1.9\r\n"),
			want: telephony.Event{Kind: telephony.LegBridged, Leg: "1.2", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", Bridge: "b1"},
		},
		{
			name: "left a bridge", message: event("BridgeLeave", bridge, phone, "1.2", "1.1", ""),
			want: telephony.Event{Kind: telephony.LegUnbridged, Leg: "1.2", Side: telephony.SideAgent, Endpoint: "PJSIP/1001", Bridge: "b1"},
		},
		{
			name: "asked to hang up", message: event("HangupRequest", "", trunk, "1.1", "1.1", "Cause: 16\r\nTechCause: 200\r\n"),
			want: telephony.Event{Kind: telephony.LegHangupAsked, Leg: "1.1", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Cause: 16},
		},
		{
			name: "asked to hang up without a cause", message: event("HangupRequest", "", trunk, "1.1", "1.1", ""),
			want: telephony.Event{Kind: telephony.LegHangupAsked, Leg: "1.1", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk"},
		},
		{
			name: "hung up", message: event("Hangup", "", trunk, "1.1", "1.1", "Cause: 127\r\nCause-txt: Interworking\r\n"),
			want: telephony.Event{Kind: telephony.LegEnded, Leg: "1.1", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Cause: 127},
		},
		{
			name: "hung up with a silly cause", message: event("Hangup", "", trunk, "1.1", "1.1", "Cause: 1e9\r\nCause-txt: x\r\n"),
			want: telephony.Event{Kind: telephony.LegEnded, Leg: "1.1", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk"},
		},
		{
			name: "channel variables of manager.conf", message: event("Hangup", "", trunk, "1.1", "1.1", "ChanVariable: A=1\r\nChanVariable: B=2\r\nCause: 16\r\nCause-txt: x\r\n"),
			want: telephony.Event{Kind: telephony.LegEnded, Leg: "1.1", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Cause: 16},
		},
		{
			name: "recording", message: event("VarSet", "", phone, "1.2", "1.1", "Variable: MIXMONITOR_FILENAME\r\nValue: /spool/x.wav\r\n"),
			want: telephony.Event{Kind: telephony.CallRecorded, Leg: "1.2", Path: "/spool/x.wav"},
		},
		{
			name: "voicemail", message: event("VarSet", "", trunk, "1.1", "1.1", "Variable: VM_MESSAGEFILE\r\nValue: /vm/msg0000\r\n"),
			want: telephony.Event{Kind: telephony.CallVoicemail, Leg: "1.1", Path: "/vm/msg0000"},
		},
		{name: "no voicemail", message: event("VarSet", "", trunk, "1.1", "1.1", "Variable: VM_MESSAGEFILE\r\nValue: \r\n"), nothing: true},
		{
			name: "hint", message: event("VarSet", "", trunk, "1.1", "1.1", "Variable: __TB_DIR\r\nValue: inbound\r\n"),
			want: telephony.Event{Kind: telephony.CallHint, Leg: "1.1", Name: telephony.HintDirection, Value: "inbound"},
		},
		{name: "inherited hint", message: event("VarSet", "", phone, "1.2", "1.1", "Variable: __TB_DIR\r\nValue: inbound\r\n"), nothing: true},
		{
			name: "hold", message: event("Hold", "", phone, "1.2", "1.1", "MusicClass: default\r\n"),
			want: telephony.Event{Kind: telephony.LegHeld, Leg: "1.2", Endpoint: "PJSIP/1001", Side: telephony.SideAgent},
		},
		{
			name: "hold ends", message: event("Unhold", "", phone, "1.2", "1.1", ""),
			want: telephony.Event{Kind: telephony.LegResumed, Leg: "1.2", Endpoint: "PJSIP/1001", Side: telephony.SideAgent},
		},
		{
			name: "queue joined", message: event("QueueCallerJoin", "", trunk, "1.1", "1.1", "Queue: support\r\nPosition: 3\r\nCount: 3\r\n"),
			want: telephony.Event{Kind: telephony.CallQueued, Leg: "1.1", Name: "support", Position: 3},
		},
		{
			name: "queue left", message: event("QueueCallerLeave", "", trunk, "1.1", "1.1", "Queue: support\r\nCount: 0\r\nPosition: 1\r\n"),
			want: telephony.Event{Kind: telephony.CallUnqueued, Leg: "1.1", Name: "support", Position: 1},
		},
		{name: "other variable", message: event("VarSet", "", trunk, "1.1", "1.1", "Variable: X\r\nValue: 1\r\n"), nothing: true},
		{name: "other event", message: "Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n", nothing: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok, err := lab().translate(parse(t, tt.message), 7)
			require.NoError(t, err)
			require.Equal(t, !tt.nothing, ok)
			if tt.nothing {
				return
			}
			tt.want.Call, tt.want.Time = call, time.Unix(1795309909, 146786000).UTC()
			require.Empty(t, cmp.Diff(tt.want, got, cmpopts.IgnoreFields(telephony.Event{}, "ID", "Ordinal", "Raw")))
			require.Len(t, got.ID, 32)
			require.Equal(t, pbx.Ranks[got.Kind], got.Ordinal)
			require.NotEmpty(t, got.Raw["Event"])
		})
	}
}

func TestTranslate_errors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, message, want string }{
		{name: "no call", message: event("Newchannel", "", "PJSIP/1-1", "1.1", "", ""), want: "no part may be empty"},
		{name: "no leg", message: event("Newchannel", "", "PJSIP/1-1", "", "1.1", ""), want: "without leg"},
		{name: "bad time", message: strings.Replace(event("Newchannel", "", "PJSIP/1-1", "1.1", "1.1", ""), "1795309909.1", "yesterday", 1), want: "seconds since 1970"},
		{name: "bad fraction", message: strings.Replace(event("Newchannel", "", "PJSIP/1-1", "1.1", "1.1", ""), "146786", "x", 1), want: "seconds since 1970"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := lab().translate(parse(t, tt.message), 1)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// Two nodes that hear the same event make the same entry of it if Asterisk
// gives timestamps, and never if it does not.
func TestTranslate_identity(t *testing.T) {
	t.Parallel()
	other := lab()
	other.node, other.conn = "node2", "conn2"
	stamped := event("Newchannel", "", "PJSIP/trunk-1", "1.1", "1.1", "")
	bare := strings.Replace(stamped, "Timestamp: 1795309909.146786\r\n", "", 1)

	a, _, err := lab().translate(parse(t, stamped), 1)
	require.NoError(t, err)
	b, _, err := other.translate(parse(t, stamped), 2)
	require.NoError(t, err)
	require.Equal(t, a, b)
	other.source = "pbx2"
	c, _, err := other.translate(parse(t, stamped), 2)
	require.NoError(t, err)
	require.NotEqual(t, a.ID, c.ID, "another PBX")

	d, _, err := lab().translate(parse(t, bare), 1)
	require.NoError(t, err)
	e, _, err := lab().translate(parse(t, bare), 2)
	require.NoError(t, err)
	require.Equal(t, "node1-conn1-1", d.ID)
	require.Equal(t, "node1-conn1-2", e.ID)
	require.Equal(t, received, d.Time)
	require.Equal(t, uint64(2), e.Ordinal)
}

// Nothing that is withheld is kept anywhere.
func TestTranslate_withheld(t *testing.T) {
	t.Parallel()
	m := parse(t, strings.Replace(event("Newchannel", "", "PJSIP/trunk-1", "1.1", "1.1", ""), "+4930", "anonymous", 1))
	e, _, err := lab().translate(m, 1)
	require.NoError(t, err)
	require.Equal(t, telephony.Party{Name: "Ann", Withheld: true}, e.Party)
	require.NotContains(t, e.Raw, "CallerIDNum")
	require.NotContains(t, e.Raw, "CallerIDName")
}

// The same scenario, seen in full, through the filters of the proposed user,
// and without timestamps, is the same call.
func TestViewsAgree(t *testing.T) {
	t.Parallel()
	shape := func(name string) telephony.State {
		states := telephonytest.States(t, eventsOf(t, capture(t, name)))
		require.Len(t, states, 1)
		s := states[0]
		s.ID, s.Recording = "", s.Recording[:strings.LastIndexByte(s.Recording, '/')]
		for _, at := range []*time.Time{&s.StartedAt, &s.AnsweredAt, &s.EndedAt} {
			require.False(t, at.IsZero())
			*at = time.Time{}
		}
		s.Talks, s.Legs = slices.Clone(s.Talks), slices.Clone(s.Legs)
		for i := range s.Talks {
			require.False(t, s.Talks[i].From.IsZero() || s.Talks[i].Until.IsZero())
			s.Talks[i] = telephony.Talk{Endpoint: s.Talks[i].Endpoint}
		}
		for i := range s.Legs {
			l := &s.Legs[i]
			l.ID, l.StartedAt, l.DialledAt, l.TalkedAt, l.EndedAt = "", time.Time{}, time.Time{}, time.Time{}, time.Time{}
		}
		return s
	}
	want := shape("a_inbound_answered")
	for _, name := range []string{"t1_least_privilege_a", "t4_no_timestamps_a"} {
		require.Empty(t, cmp.Diff(want, shape(name)), name)
	}
}

// Whatever the order in which the events of a capture come, and however often,
// the calls are the same; also when they all carry one time.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	for _, name := range asterisktest.Captures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := capture(t, name)
			events := eventsOf(t, data[:bytes.LastIndex(data[:min(len(data), 300<<10)], blank)+len(blank)])
			tied := slices.Clone(events)
			for i := range tied {
				tied[i].Time = received
			}
			for _, events := range [][]telephony.Event{events, tied} {
				want := byID(telephonytest.States(t, events))
				for seed := range uint64(30) {
					r := rand.New(rand.NewPCG(seed, 5))
					shuffled := slices.Clone(events)
					for range len(events) {
						shuffled = append(shuffled, events[r.IntN(len(events))])
					}
					r.Shuffle(len(shuffled), func(i, k int) { shuffled[i], shuffled[k] = shuffled[k], shuffled[i] })
					require.Empty(t, cmp.Diff(want, byID(telephonytest.States(t, shuffled))), "seed %d", seed)
				}
			}
		})
	}
}

func BenchmarkTranslateAndFold(b *testing.B) {
	all := messages(b, bytes.NewReader(capture(b, "burst")), wanted)
	b.ReportAllocs()
	calls := 0
	for b.Loop() {
		tr, known := lab(), newRoster()
		folded := make(map[telephony.CallID]*telephony.Call)
		for i, m := range all {
			e, ok, err := tr.translate(m, uint64(i))
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				continue
			}
			known.follow(m, e)
			if folded[e.Call] == nil {
				folded[e.Call] = telephony.NewCall(e.Call)
			}
			folded[e.Call].Apply(e)
			_ = folded[e.Call].State()
		}
		calls = len(folded)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*calls), "µs/call")
}
