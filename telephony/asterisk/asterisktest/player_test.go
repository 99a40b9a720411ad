package asterisktest_test

import (
	"bytes"
	"context"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// instantly plays without gaps.
var instantly = math.Inf(1)

// tally counts messages by kind, and VarSets by variable.
func tally(messages []msg) map[string]int {
	counts := map[string]int{}
	for _, m := range messages {
		kind := m.get("Event")
		if kind == "VarSet" {
			kind += " " + strings.TrimLeft(m.get("Variable"), "_")
		}
		counts[kind]++
	}
	return counts
}

// captured cuts a capture without forged events into messages.
func captured(t *testing.T, name string) []msg {
	t.Helper()
	data, err := asterisktest.Capture(name)
	require.NoError(t, err)
	var all []msg
	for piece := range bytes.SplitSeq(data, []byte("\r\n\r\n")) {
		if piece = bytes.TrimPrefix(piece, []byte("\r\n")); bytes.HasPrefix(piece, []byte("Event: ")) {
			all = append(all, msg{string(piece) + "\r\n\r\n"})
		}
	}
	return all
}

// play plays one scenario for a user and returns what he got.
func play(t *testing.T, user asterisktest.User, player *asterisktest.Player, scenario asterisktest.Scenario) (asterisktest.Played, []msg) {
	t.Helper()
	c := login(t, player.Server, user)
	played, err := player.Play(t.Context(), scenario)
	require.NoError(t, err)
	require.NoError(t, player.Server.Send("Event: Reload\nPrivilege: system,all"))
	all := c.until("Reload")
	return played, all[:len(all)-1]
}

func TestFiltersGiveWhatAsteriskGave(t *testing.T) {
	t.Parallel()
	player := &asterisktest.Player{Server: start(t, asterisktest.Config{}), Speed: instantly}
	_, got := play(t, asterisktest.LeastPrivilegeUser(), player, asterisktest.Scenario{Capture: "a_inbound_answered"})
	want := captured(t, "t1_least_privilege_a")
	require.Equal(t, "FullyBooted", want[0].get("Event"))
	require.Empty(t, cmp.Diff(tally(want[1:]), tally(got)))
}

func TestEveryEventOfTheCallIsPlayed(t *testing.T) {
	t.Parallel()
	player := &asterisktest.Player{Server: start(t, asterisktest.Config{}), Speed: instantly}
	_, got := play(t, asterisktest.FullUser(), player, asterisktest.Scenario{Capture: "a_inbound_answered"})
	want := tally(captured(t, "a_inbound_answered"))
	have := tally(got)
	delete(want, "FullyBooted")
	delete(want, "SuccessfulAuth")
	delete(want, "TestEvent") // those before and after the call are not part of it
	delete(have, "TestEvent")
	delete(have, "") // a second empty line after some of them
	require.Empty(t, cmp.Diff(want, have))
}

var oldIdentity = regexp.MustCompile(`pbx1-1795|\b1795\d{6}\.|20261122-01|2026-11-22 01:|\+493012345678|\+1555|Ann Caller|PJSIP/1001|/srv/|pbx1`)

func TestPlayedCallsAreNew(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	server := start(t, asterisktest.Config{SystemName: "east", Now: func() time.Time { return now }})
	folder := t.TempDir()
	player := &asterisktest.Player{Server: server, Speed: instantly, RecordedGaps: true, Voicemail: filepath.Join(folder, "vm"), Recordings: filepath.Join(folder, "monitor")}
	for _, capture := range []string{"a_inbound_answered", "b_voicemail", "c_abandoned_ringing"} {
		played, all := play(t, asterisktest.FullUser(), player, asterisktest.Scenario{
			Capture: capture, Caller: asterisktest.Party{Number: "+33123456789", Name: "Zoe Example"}, DID: "+4940111111", Agents: []string{"2001"},
			Variables: map[string]string{"TB_DIR": "inwards"},
		})
		for _, m := range all {
			require.NotRegexp(t, oldIdentity, strings.ReplaceAll(m.text, "east-1935", ""))
		}
		first := all[slices.IndexFunc(all, func(m msg) bool { return m.get("Event") == "Newchannel" })]
		require.Equal(t, []string{first.get("Uniqueid")}, played.Linkedids)
		require.Equal(t, "+33123456789", first.get("CallerIDNum"))
		require.Equal(t, "Zoe Example", first.get("CallerIDName"))
		require.Equal(t, "+4940111111", first.get("Exten"))
		require.True(t, strings.HasPrefix(first.get("Timestamp"), "1935817689."), first.get("Timestamp"))
		require.Equal(t, 1, tally(all)["VarSet MIXMONITOR_FILENAME"])
		for _, m := range all {
			if m.get("Event") == "VarSet" && m.get("Variable") == "__TB_DIR" {
				require.Equal(t, "inwards", m.get("Value"))
			}
		}
	}
}

func TestEveryCapturePlaysToItsEnd(t *testing.T) {
	t.Parallel()
	for _, capture := range asterisktest.Captures() {
		if capture == "u2_miss_hangup" || capture == "burst" {
			continue // no call in the one; the other has a test of its own
		}
		t.Run(capture, func(t *testing.T) {
			t.Parallel()
			server := start(t, asterisktest.Config{})
			player := &asterisktest.Player{Server: server, Speed: instantly}
			played, all := play(t, asterisktest.LeastPrivilegeUser(), player, asterisktest.Scenario{Capture: capture})
			require.Empty(t, states(login(t, server, asterisktest.LeastPrivilegeUser())))
			calls := server.Calls()
			require.Len(t, calls, len(played.Linkedids))
			for i, call := range calls {
				require.Equal(t, played.Linkedids[i], call.Linkedid)
				require.Equal(t, capture, call.Kind)
				require.False(t, call.End.IsZero())
			}
			if strings.HasPrefix(capture, "l4") || strings.HasPrefix(capture, "l7") {
				return // forged: not every message is one
			}
			for _, m := range all {
				lines := strings.Split(m.text, "\r\n")
				require.True(t, strings.HasPrefix(lines[0], "Event: "), m.text)
				require.True(t, strings.HasPrefix(lines[1], "Privilege: "), m.text)
				require.True(t, strings.HasPrefix(lines[2], "Timestamp: "), m.text)
				require.Equal(t, "SystemName: pbx1", lines[3])
			}
		})
	}
}

func TestForgedEventsComeAsTheyCame(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	player := &asterisktest.Player{Server: server, Speed: instantly}
	_, all := play(t, asterisktest.FullUser(), player, asterisktest.Scenario{Capture: "l7_forged_event"})
	forged := 0
	for _, m := range all {
		if strings.HasPrefix(m.text, "Event: Hangup\r\nPrivilege: call,all\r\nCause: 16\r\n") {
			forged++
		}
	}
	want, err := asterisktest.Capture("l7_forged_event")
	require.NoError(t, err)
	require.Equal(t, bytes.Count(want, []byte("\r\n\r\nEvent: Hangup\r\nPrivilege: call,all\r\nCause: 16\r\n")), forged)

	_, err = player.Play(t.Context(), asterisktest.Scenario{Capture: "l7_forged_event", Caller: asterisktest.Party{Number: "1"}})
	require.ErrorContains(t, err, "no plain number")

	// And Status, too, prints the number as it is.
	hold := make(chan struct{})
	done := make(chan error, 1)
	c := login(t, server, asterisktest.LeastPrivilegeUser())
	go func() {
		_, err := player.Play(t.Context(), asterisktest.Scenario{Capture: "l7_forged_event", Hold: asterisktest.Hold{Phase: asterisktest.Talking, Until: hold}})
		done <- err
	}()
	c.until("BridgeEnter")
	c.until("BridgeEnter")
	c.send("Action: Status\r\n\r\n")
	for !strings.HasPrefix(c.next().text, "Event: Status\r\n") {
	}
	require.True(t, strings.HasPrefix(c.next().text, "Event: Hangup\r\nPrivilege: call,all\r\nCause: 16\r\nCallerIDName: "))
	close(hold)
	require.NoError(t, <-done)
}

func TestTimestampsAreAMatterOfTheServer(t *testing.T) {
	t.Parallel()
	for _, capture := range []string{"a_inbound_answered", "t4_no_timestamps_a"} {
		without := &asterisktest.Player{Server: start(t, asterisktest.Config{NoTimestamps: true}), Speed: instantly}
		_, all := play(t, asterisktest.FullUser(), without, asterisktest.Scenario{Capture: capture})
		for _, m := range all {
			require.Empty(t, m.get("Timestamp"))
		}
		with := &asterisktest.Player{Server: start(t, asterisktest.Config{}), Speed: instantly, RecordedGaps: true}
		played, all := play(t, asterisktest.FullUser(), with, asterisktest.Scenario{Capture: capture})
		seen := map[string]bool{}
		for _, m := range all {
			require.False(t, seen[m.text], "two equal events: %s", m.text)
			seen[m.text] = true
		}
		last, err := strconv.ParseFloat(all[len(all)-1].get("Timestamp"), 64)
		require.NoError(t, err)
		require.InDelta(t, 4.5, last-float64(played.Start.UnixMicro())/1e6, 0.2)
	}
}

func TestHeldCallIsInStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		capture string
		phase   asterisktest.Phase
		want    []string
	}{
		{"ringing", "a_inbound_answered", asterisktest.Ringing, []string{"trunkRing", "1001-Ringing"}},
		{"talking", "a_inbound_answered", asterisktest.Talking, []string{"trunkUp", "1001-Up"}},
		{"talking outwards", "g1_outbound_answered", asterisktest.Talking, []string{"1001-Up", "trunkUp"}},
		{"meeting, before a transfer", "h1_blind_refer", asterisktest.Meeting, []string{"trunkUp", "1001-Up"}},
		{"meeting, before a consultation", "i2_attended_refer", asterisktest.Meeting, []string{"trunkUp", "1001-Up"}},
		{"meeting, where nobody asks for the end", "o_click_to_call", asterisktest.Meeting, []string{"1001-Up", "trunkUp"}},
		{"recording", "b_voicemail", asterisktest.Recording, []string{"trunkUp"}},
		{"busy for long", "d1_busy", asterisktest.Ringing, []string{"trunkRing", "1003-Down"}},
		{"missed, wherever", "c_abandoned_ringing", asterisktest.Longest, []string{"trunkRing", "1001-Ringing"}},
		{"greeting, wherever", "b2_voicemail_hangup_in_greeting", asterisktest.Longest, []string{"trunkRing", "1001-Ringing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := start(t, asterisktest.Config{})
			player := &asterisktest.Player{Server: server, Speed: instantly}
			hold := make(chan struct{})
			done := make(chan error, 1)
			go func() {
				_, err := player.Play(t.Context(), asterisktest.Scenario{Capture: tt.capture, Hold: asterisktest.Hold{Phase: tt.phase, Until: hold}})
				done <- err
			}()
			require.Eventually(t, func() bool {
				return cmp.Equal(tt.want, states(login(t, server, asterisktest.LeastPrivilegeUser())))
			}, patience, 10*time.Millisecond)
			server.DropClients() // the call outlasts it
			c := login(t, server, asterisktest.LeastPrivilegeUser())
			require.Equal(t, tt.want, states(c))
			close(hold)
			require.NoError(t, <-done)
			c.until("Hangup")
		})
	}
}

func TestCallIsHeldUntilItIsKnown(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	player := &asterisktest.Player{Server: server, Speed: instantly}
	c := login(t, server, asterisktest.LeastPrivilegeUser())
	asked, known := make(chan string, 1), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := player.Play(t.Context(), asterisktest.Scenario{
			Capture: "a_inbound_answered", Hold: asterisktest.Hold{Phase: asterisktest.Talking, Known: func(linkedid string) bool {
				select {
				case asked <- linkedid:
				default:
				}
				select {
				case <-known:
					return true
				default:
					return false
				}
			}},
		})
		done <- err
	}()
	linkedid := <-asked
	require.Equal(t, server.Calls()[0].Linkedid, linkedid)
	require.Equal(t, []string{"trunkUp", "1001-Up"}, states(c))
	select {
	case <-done:
		require.Fail(t, "the call ended although it was not known")
	case <-time.After(200 * time.Millisecond):
	}
	close(known)
	c.until("Hangup")
	require.NoError(t, <-done)
}

func TestVoicemailIsThereWhenItIsAnnounced(t *testing.T) {
	t.Parallel()
	spool, monitor := t.TempDir(), t.TempDir()
	server := start(t, asterisktest.Config{})
	player := &asterisktest.Player{Server: server, Speed: instantly, Voicemail: spool, Recordings: monitor}
	for i, name := range []string{"msg0000", "msg0001"} {
		played, all := play(t, asterisktest.LeastPrivilegeUser(), player, asterisktest.Scenario{Capture: "b_voicemail", Caller: asterisktest.Party{Number: "+33123456789"}})
		path := filepath.Join(spool, "default", "1001", "INBOX", name)
		require.Equal(t, path, played.Message)
		announced := false
		for _, m := range all {
			switch {
			case m.get("Variable") == "VM_MESSAGEFILE":
				require.Equal(t, path, m.get("Value"))
				announced = true
			case m.get("Event") == "MessageWaiting":
				require.True(t, announced)
				require.Equal(t, strconv.Itoa(i+1), m.get("New"))
			case m.get("Variable") == "MIXMONITOR_FILENAME":
				info, err := os.Stat(m.get("Value"))
				require.NoError(t, err)
				require.EqualValues(t, 44, info.Size(), "not bridged: nothing but a header")
			}
		}
		require.True(t, announced)
		text, err := os.ReadFile(path + ".txt")
		require.NoError(t, err)
		require.Contains(t, string(text), "\ncategory="+played.Linkedids[0]+"\n")
		require.Contains(t, string(text), "\ncallerid=\"Ann Caller\" <+33123456789>\n")
		info, err := os.Stat(path + ".wav")
		require.NoError(t, err)
		require.EqualValues(t, 90604, info.Size())
	}

	_, all := play(t, asterisktest.LeastPrivilegeUser(), player, asterisktest.Scenario{Capture: "a_inbound_answered"})
	for _, m := range all {
		if m.get("Variable") == "MIXMONITOR_FILENAME" {
			data, err := os.ReadFile(m.get("Value"))
			require.NoError(t, err)
			require.Len(t, data, 48364)
			require.Equal(t, "RIFF", string(data[:4]))
		}
	}
}

// Sounds that are marked are short, and each is that of its call alone.
func TestMarkedSounds(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	player := &asterisktest.Player{Server: server, Speed: instantly, Voicemail: t.TempDir(), Recordings: t.TempDir(), Marked: 100}
	left, _ := play(t, asterisktest.LeastPrivilegeUser(), player, asterisktest.Scenario{Capture: "b_voicemail"})
	recorded, _ := play(t, asterisktest.LeastPrivilegeUser(), player, asterisktest.Scenario{Capture: "a_inbound_answered"})
	files, err := filepath.Glob(filepath.Join(player.Recordings, "*"+recorded.Linkedids[0]+".wav"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	for path, linkedid := range map[string]string{left.Message + ".wav": left.Linkedids[0], files[0]: recorded.Linkedids[0]} {
		sound, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Len(t, sound, 44+100)
		require.Contains(t, string(sound), linkedid+".wav")
	}
}

// A call that is transferred over a trunk is recorded twice, and both are final at
// its end.
func TestTwoRecordingsOfOneCall(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	player := &asterisktest.Player{Server: server, Speed: instantly, Recordings: t.TempDir()}
	play(t, asterisktest.LeastPrivilegeUser(), player, asterisktest.Scenario{Capture: "v2_mobile_blind_refer"})
	files, err := filepath.Glob(filepath.Join(player.Recordings, "*.wav"))
	require.NoError(t, err)
	var sizes []int64
	for _, file := range files { // in, then out
		info, err := os.Stat(file)
		require.NoError(t, err)
		sizes = append(sizes, info.Size())
	}
	require.Equal(t, []int64{105004, 70124}, sizes)
}

// The record of a call is there by its id.
func TestCallByItsID(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	played, _ := play(t, asterisktest.LeastPrivilegeUser(), &asterisktest.Player{Server: server, Speed: instantly}, asterisktest.Scenario{Capture: "a_inbound_answered"})
	call, found := server.Call(played.Linkedids[0])
	require.True(t, found)
	require.Equal(t, server.Calls()[0], call)
	_, found = server.Call("another")
	require.False(t, found)
}

func TestDisorder(t *testing.T) {
	t.Parallel()
	var first []string
	for range 2 {
		player := &asterisktest.Player{
			Server: start(t, asterisktest.Config{NoTimestamps: true}), Speed: instantly, Seed: 7,
			Disorder: asterisktest.Disorder{Duplicate: 0.2, Delay: 0.2},
		}
		_, all := play(t, asterisktest.LeastPrivilegeUser(), player, asterisktest.Scenario{Capture: "a_inbound_answered"})
		orderly := &asterisktest.Player{Server: start(t, asterisktest.Config{NoTimestamps: true}), Speed: instantly}
		_, want := play(t, asterisktest.LeastPrivilegeUser(), orderly, asterisktest.Scenario{Capture: "a_inbound_answered"})
		require.Greater(t, len(all), len(want), "duplicates")
		require.NotEqual(t, kinds(want), slices.Compact(kinds(all)))
		require.Equal(t, slices.Sorted(maps.Keys(tally(want))), slices.Sorted(maps.Keys(tally(all))), "nothing lost")
		if first == nil {
			first = kinds(all)
		}
		require.Equal(t, first, kinds(all), "the seed decides")
	}
}

func TestMix(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	login(t, server, asterisktest.LeastPrivilegeUser())
	player := &asterisktest.Player{Server: server, Speed: 100, Seed: 1, Voicemail: t.TempDir(), Concurrency: 8}
	mix := asterisktest.Mix{Inbound: 12, Missed: 3, Busy: 1, Voicemail: 2, Outbound: 2, Internal: 1}
	played, err := player.PlayMix(t.Context(), mix, asterisktest.MixOptions{
		Every: time.Millisecond,
		Vary: func(_ int, s *asterisktest.Scenario) {
			if s.Kind == "inbound" {
				s.Agents = []string{"1009"}
			}
		},
	})
	require.NoError(t, err)
	require.Len(t, played, mix.Calls())
	counts, numbers := map[string]int{}, map[string]bool{}
	for _, call := range server.Calls() {
		counts[call.Kind]++
		require.True(t, call.Seen)
		require.False(t, call.End.IsZero())
	}
	require.Equal(t, map[string]int{"inbound": 12, "missed": 3, "busy": 1, "voicemail": 2, "outbound": 2, "internal": 1}, counts)
	for _, p := range played {
		numbers[p.Caller.Number] = true
		require.Len(t, p.Linkedids, 1)
		require.Equal(t, p.Kind == "voicemail", p.Message != "")
	}
	require.Len(t, numbers, mix.Calls(), "each its own; the internal call none")
	require.Zero(t, server.Unseen())
	again := mix
	require.Equal(t, mix.Scenarios(1), again.Scenarios(1))
	require.NotEqual(t, mix.Scenarios(1), mix.Scenarios(2))
}

func TestPlayEndsWithItsContextAndWithThePBX(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	player := &asterisktest.Player{Server: server, Speed: 1000}
	forever := asterisktest.Scenario{Capture: "a_inbound_answered", Hold: asterisktest.Hold{Phase: asterisktest.Talking, For: time.Hour}}

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := player.PlayMix(ctx, asterisktest.Mix{Inbound: 2}, asterisktest.MixOptions{Vary: func(_ int, s *asterisktest.Scenario) { s.Hold = forever.Hold }})
		done <- err
	}()
	require.Eventually(t, func() bool {
		return len(states(login(t, server, asterisktest.LeastPrivilegeUser()))) == 4
	}, patience, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Empty(t, states(login(t, server, asterisktest.LeastPrivilegeUser())), "hung up")

	go func() {
		_, err := player.Play(t.Context(), forever)
		done <- err
	}()
	require.Eventually(t, func() bool { return len(server.Calls()) == 3 }, patience, time.Millisecond)
	require.NoError(t, server.Restart())
	require.ErrorIs(t, <-done, asterisktest.ErrStopped)
}
