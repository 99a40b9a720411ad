package asterisk

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// status is one channel of a list, as Asterisk 22 writes it.
func status(t *testing.T, channel map[string]string, vars ...string) Message {
	t.Helper()
	get := func(key, otherwise string) string {
		if v, ok := channel[key]; ok {
			return v
		}
		return otherwise
	}
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "%s: %s\r\n", key, value) }
	line("Event", "Status")
	line("Privilege", "Call")
	line("Channel", get("Channel", "PJSIP/trunk-00000001"))
	line("ChannelState", get("ChannelState", "6"))
	line("ChannelStateDesc", "Up")
	line("CallerIDNum", get("CallerIDNum", "+4930"))
	line("CallerIDName", get("CallerIDName", "Ann"))
	line("ConnectedLineNum", "1001")
	line("ConnectedLineName", "Alice Agent")
	for _, key := range []string{"Language", "AccountCode", "Context"} {
		line(key, "")
	}
	line("Exten", get("Exten", "s"))
	line("Priority", "1")
	line("Uniqueid", get("Uniqueid", "pbx1-1795309909.1"))
	line("Linkedid", get("Linkedid", "pbx1-1795309909.1"))
	line("Type", "PJSIP")
	line("DNID", get("DNID", ""))
	line("EffectiveConnectedLineNum", get("EffectiveConnectedLineNum", "1001"))
	line("EffectiveConnectedLineName", "Alice Agent")
	line("TimeToHangup", "0")
	line("BridgeID", get("BridgeID", ""))
	line("Application", get("Application", "Dial"))
	line("Data", get("Data", "PJSIP/1001,20,tT"))
	line("Seconds", get("Seconds", "10"))
	for _, v := range vars {
		line("Variable", v)
	}
	line("ActionID", "tb-1-1")
	r := NewReader(strings.NewReader(hello+b.String()+"\r\n"), nil)
	r.actionID = []byte("tb-1-")
	_, err := r.ReadGreeting()
	require.NoError(t, err)
	m, err := r.Read()
	require.NoError(t, err)
	require.Equal(t, "tb-1-1", m.Get("ActionID"))
	return m
}

// asked is when the list was asked for, 10 s after the channel began.
var asked = time.Unix(1795309919, 500_000_000).UTC()

var began = time.Unix(1795309909, 999_999_000).UTC() // the end of that second

func TestFacts(t *testing.T) {
	t.Parallel()
	const call = "hq/pbx1/pbx1-1795309909.1"
	trunk := telephony.Event{
		Call: call, Kind: telephony.LegStarted, Time: began, Leg: "pbx1-1795309909.1", First: true, Side: telephony.SideTrunk,
		Endpoint: "PJSIP/trunk", Party: telephony.Party{Number: "+4930", Name: "Ann"}, Dialled: "+15550100001",
	}
	withheld := trunk
	withheld.Party = telephony.Party{Withheld: true}
	agent := telephony.Event{
		Call: call, Kind: telephony.LegStarted, Time: began, Leg: "pbx1-1795309909.2", Side: telephony.SideAgent,
		Endpoint: "PJSIP/1001", Party: telephony.Party{Number: "1001", Name: "Alice Agent"},
	}
	agentChannel := map[string]string{
		"Channel": "PJSIP/1001-00000002", "Uniqueid": "pbx1-1795309909.2", "CallerIDNum": "1001", "CallerIDName": "Alice Agent",
	}
	with := func(m map[string]string, more ...string) map[string]string {
		out := map[string]string{"DNID": "+15550100001"}
		maps.Copy(out, m)
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	tests := []struct {
		name     string
		channels []Message
		want     []telephony.Event
	}{
		{name: "none"},
		{
			name:     "a caller with variables",
			channels: []Message{status(t, with(nil), "CALLERID(num-pres)=allowed_not_screened", "TB_DID=+15550100001", "TB_DIR=(null)", "MIXMONITOR_FILENAME=/spool/x.wav")},
			want: []telephony.Event{
				trunk,
				{Call: call, Kind: telephony.CallHint, Time: asked, Leg: trunk.Leg, Name: telephony.HintDID, Value: "+15550100001"},
				{Call: call, Kind: telephony.CallRecorded, Time: asked, Leg: trunk.Leg, Path: "/spool/x.wav"},
			},
		},
		{name: "presentation prohibited", channels: []Message{status(t, with(nil), "CALLERID(num-pres)=prohib_passed_screen")}, want: []telephony.Event{withheld}},
		{name: "presentation unavailable", channels: []Message{status(t, with(nil), "CALLERID(num-pres)=unavailable")}, want: []telephony.Event{withheld}},
		{
			name:     "ringing",
			channels: []Message{status(t, with(nil)), status(t, with(agentChannel, "ChannelState", "5"))},
			want: []telephony.Event{
				trunk, agent,
				{Call: call, Kind: telephony.LegDialled, Time: began, Leg: agent.Leg, Side: agent.Side, Endpoint: agent.Endpoint},
			},
		},
		{
			name:     "talking",
			channels: []Message{status(t, with(nil, "BridgeID", "b1")), status(t, with(agentChannel, "BridgeID", "b1"))},
			want: []telephony.Event{
				trunk,
				{Call: call, Kind: telephony.LegBridged, Time: asked, Leg: trunk.Leg, Side: trunk.Side, Endpoint: trunk.Endpoint, Bridge: "b1"},
				agent,
				{Call: call, Kind: telephony.LegBridged, Time: asked, Leg: agent.Leg, Side: agent.Side, Endpoint: agent.Endpoint, Bridge: "b1"},
			},
		},
		{
			name: "a mobile rings with a phone",
			channels: []Message{
				status(t, with(nil, "Data", "PJSIP/1001&PJSIP/+15550100101@trunk,20")),
				status(t, map[string]string{"Uniqueid": "pbx1-1795309909.2", "CallerIDNum": "+15550100001", "ChannelState": "5", "Application": "AppDial"}),
			},
			want: []telephony.Event{
				trunk,
				{Call: call, Kind: telephony.LegStarted, Time: began, Leg: agent.Leg, Side: trunk.Side, Endpoint: trunk.Endpoint, Party: telephony.Party{Number: "+15550100001", Name: "Ann"}},
				{
					Call: call, Kind: telephony.LegDialled, Time: began, Leg: agent.Leg, Side: trunk.Side, Endpoint: trunk.Endpoint,
					Peer: trunk.Leg, Party: trunk.Party, Dialled: "+15550100101",
				},
			},
		},
		{
			name: "a mobile to which was transferred, by another channel than is there",
			channels: []Message{
				status(t, with(nil, "BridgeID", "b1"), "DIALEDPEERNUMBER=1001"),
				status(t, map[string]string{
					"Uniqueid": "pbx1-1795309909.2", "CallerIDNum": "1001", "Application": "AppDial", "Data": "(Outgoing Line)", "BridgeID": "b1",
				}, "DIALEDPEERNUMBER=15550100102@trunk"),
			},
			want: []telephony.Event{
				trunk,
				{Call: call, Kind: telephony.LegBridged, Time: asked, Leg: trunk.Leg, Side: trunk.Side, Endpoint: trunk.Endpoint, Bridge: "b1"},
				{Call: call, Kind: telephony.LegStarted, Time: began, Leg: agent.Leg, Side: trunk.Side, Endpoint: trunk.Endpoint, Party: telephony.Party{Number: "1001", Name: "Ann"}},
				{Call: call, Kind: telephony.LegDialled, Time: began, Leg: agent.Leg, Side: trunk.Side, Endpoint: trunk.Endpoint, Peer: trunk.Leg, Party: trunk.Party, Dialled: "15550100102"},
				{Call: call, Kind: telephony.LegBridged, Time: asked, Leg: agent.Leg, Side: trunk.Side, Endpoint: trunk.Endpoint, Bridge: "b1"},
			},
		},
		{
			name:     "a hostile number hides nothing but itself",
			channels: []Message{status(t, with(nil, "CallerIDNum", "1\r\n\r\nEvent: Hangup\r\nPrivilege: call,all\r\n", "BridgeID", "b1"))},
			want: []telephony.Event{
				withheld,
				{Call: call, Kind: telephony.LegBridged, Time: asked, Leg: trunk.Leg, Side: trunk.Side, Endpoint: trunk.Endpoint, Bridge: "b1"},
			},
		},
		{
			name:     "a hostile connected number costs the bridge",
			channels: []Message{status(t, with(agentChannel, "EffectiveConnectedLineNum", "1\r\nBridgeID: b2\r\n\r\n", "BridgeID", "b1"))},
			want: []telephony.Event{{
				Call: call, Kind: telephony.LegStarted, Time: began, Leg: agent.Leg, Side: agent.Side, Endpoint: agent.Endpoint,
			}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := lab().facts(presented(tt.channels), asked)
			var got []telephony.Event
			for _, id := range f.Order {
				got = append(got, f.Events[id]...)
			}
			for _, e := range got {
				require.True(t, e.Estimated)
				require.NoError(t, e.Validate())
			}
			require.Empty(t, cmp.Diff(tt.want, got, cmpopts.IgnoreFields(telephony.Event{}, "ID", "Ordinal", "Estimated")))
			require.Equal(t, f, lab().facts(presented(tt.channels), asked))
		})
	}
}

// An outbound call of which nothing was heard: the number is what the agent's
// channel was told to dial.
func TestFacts_outbound(t *testing.T) {
	t.Parallel()
	agent := status(t, map[string]string{
		"Channel": "PJSIP/1001-00000001", "CallerIDNum": "+15550100001", "CallerIDName": "Support", "Data": "PJSIP/03055512345@trunk,20,T", "BridgeID": "b",
	}, "TB_DIR=outbound", "TB_AGENT=1001")
	trunk := status(t, map[string]string{
		"Channel": "PJSIP/trunk-00000002", "Uniqueid": "pbx1-1795309909.2", "CallerIDNum": "903055512345", "Application": "AppDial", "Data": "(Outgoing Line)", "BridgeID": "b",
	})
	f := lab().facts([]Message{agent, trunk}, asked)
	require.Len(t, f.Order, 1)
	s := telephonytest.States(t, f.Events[f.Order[0]])[0]
	require.Equal(t, telephony.Outbound, s.Direction)
	require.Equal(t, "03055512345", s.To.Number)
	require.Equal(t, telephony.Party{Number: "+15550100001", Name: "Support"}, s.From)
	require.Len(t, s.Talks, 1)
	require.Equal(t, "PJSIP/1001", s.Talks[0].Endpoint)
}

// Who called is whom the first list of channels showed: a transfer may give the
// caller's channel another number, and one over a trunk says that the call goes out.
func TestFacts_foundAgain(t *testing.T) {
	t.Parallel()
	find := func(number, direction string, at time.Time) []telephony.Event {
		f := lab().facts([]Message{status(t, map[string]string{"CallerIDNum": number}, "TB_DIR="+direction)}, at)
		require.Len(t, f.Order, 1)
		return f.Events[f.Order[0]]
	}
	first, again := find("+493012345678", "inbound", asked), find("+15550100001", "outbound", asked.Add(2*time.Second))
	for _, events := range [][]telephony.Event{slices.Concat(first, again), slices.Concat(again, first)} {
		s := telephonytest.States(t, events)[0]
		require.Equal(t, telephony.Inbound, s.Direction)
		require.Equal(t, "+493012345678", s.From.Number)
	}
}

// What is found after what was heard changes nothing of it.
func TestFacts_overruled(t *testing.T) {
	t.Parallel()
	events := eventsOf(t, capture(t, "u2_miss_hangup.part1"))
	want := telephonytest.States(t, events)[0]
	channels := make([]Message, 0, len(want.Legs))
	for _, l := range want.Legs {
		channels = append(channels, status(t, map[string]string{
			"Channel": l.Endpoint + "-00000001", "Uniqueid": l.ID, "Linkedid": want.ID.Native(), "BridgeID": bridgeOf(events), "CallerIDNum": "+1555", "Seconds": "3",
		}, "TB_DID=+1", "MIXMONITOR_FILENAME=/elsewhere"))
	}
	for _, at := range []time.Time{want.StartedAt.Add(-time.Hour), want.AnsweredAt, want.AnsweredAt.Add(time.Second)} {
		f := lab().facts(channels, at)
		found := f.Events[want.ID]
		require.NotEmpty(t, found)
		require.Empty(t, cmp.Diff(want, telephonytest.States(t, append(found, events...))[0]), "found at %s", at)
		require.Empty(t, cmp.Diff(want, telephonytest.States(t, append(slices.Clip(events), found...))[0]), "found at %s", at)
	}
}

func bridgeOf(events []telephony.Event) string {
	for _, e := range events {
		if e.Bridge != "" {
			return e.Bridge
		}
	}
	return ""
}

func TestAddGone(t *testing.T) {
	t.Parallel()
	listed := []Message{status(t, nil)}
	before := []telephony.LiveLeg{
		{Call: "hq/pbx1/pbx1-1795309909.1", Leg: "pbx1-1795309909.1"},
		{Call: "hq/pbx1/old", Leg: "pbx1-1795309909.1", Side: telephony.SideTrunk},
		{Call: "hq/pbx1/gone", Leg: "gone", Endpoint: "PJSIP/1001", Side: telephony.SideAgent},
	}
	f := pbx.Facts{Events: map[telephony.CallID][]telephony.Event{}}
	f.AddGone(before, linkedids(listed), asked)
	require.Equal(t, []telephony.CallID{"hq/pbx1/old", "hq/pbx1/gone"}, f.Order)
	want := telephony.Event{Call: "hq/pbx1/gone", Kind: telephony.LegEnded, Leg: "gone", Endpoint: "PJSIP/1001", Side: telephony.SideAgent, Time: asked, Estimated: true}
	require.Equal(t, []telephony.Event{pbx.Identified(want)}, f.Events["hq/pbx1/gone"])
	link := f.Events["hq/pbx1/old"][0]
	require.NoError(t, link.Validate())
	require.Equal(t, telephony.CallLinked, link.Kind)
	require.Equal(t, telephony.CallID("hq/pbx1/pbx1-1795309909.1"), link.Other)
}

func TestBegunAt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, uniqueid, seconds string
		want                    time.Time
	}{
		{name: "from the id", uniqueid: "pbx1-1795309909.1", seconds: "10", want: began},
		{name: "no system name", uniqueid: "1795309909.1", seconds: "10", want: began},
		{name: "dashes in the system name", uniqueid: "pbx-1-a-1795309909.1", seconds: "10", want: began},
		{name: "within this second", uniqueid: "pbx1-1795309919.1", seconds: "0", want: asked},
		{name: "an id of somebody's own", uniqueid: "call-7", seconds: "10", want: asked.Add(-10 * time.Second)},
		{name: "an id that lies", uniqueid: "1795300000.1", seconds: "10", want: asked.Add(-10 * time.Second)},
		{name: "nothing to go by", uniqueid: "x", seconds: "", want: asked},
		{name: "nonsense", uniqueid: "x.y", seconds: "-5", want: asked},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, begunAt(status(t, map[string]string{"Uniqueid": tt.uniqueid, "Seconds": tt.seconds}), asked))
		})
	}
}

func TestScanSpool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	envelope := func(category string) string {
		return ";\n; Message Information file\n;\n[message]\norigmailbox=1001\ncategory=" + category + "\norigtime=1795310942\nduration=11\nmsg_id=1-0\n"
	}
	write("default/1001/INBOX/msg0000.txt", envelope("c.1"))
	write("default/1001/INBOX/msg0001.txt", envelope("c.2"))
	write("default/1001/Old/msg0000.txt", envelope(""))
	write("default/1001/INBOX/msg0002.txt", strings.Repeat("x", maxEnvelope+1))
	write("default/1001/tmp/abc.txt", envelope("c.1"))
	write("default/1002/INBOX/msg0007.txt", "no envelope at all \x00\xff")
	outside := filepath.Join(t.TempDir(), "secret.txt")
	require.NoError(t, os.WriteFile(outside, []byte(envelope("c.1")), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "default/1001/INBOX/msg0003.txt")))

	calls := map[string]telephony.CallID{"c.1": "hq/pbx1/c.1"}
	found, err := scanSpool(t.Context(), dir, categories(calls), time.Now().Add(-maxSpoolAge))
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.NoError(t, found[0].Validate())
	require.Equal(t, telephony.CallID("hq/pbx1/c.1"), found[0].Call)
	require.Equal(t, telephony.CallVoicemail, found[0].Kind)
	require.Equal(t, filepath.Join(dir, "default/1001/INBOX/msg0000"), found[0].Path)
	require.Equal(t, time.Unix(1795310953, 0).UTC(), found[0].Time)
	require.True(t, found[0].Estimated)

	old, err := scanSpool(t.Context(), dir, categories(calls), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Empty(t, old, "old messages are old")

	_, err = scanSpool(t.Context(), filepath.Join(dir, "missing"), categories(calls), time.Now())
	require.ErrorContains(t, err, "open voicemail spool")
}
