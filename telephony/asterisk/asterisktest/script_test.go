package asterisktest_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

const statusAction = "Action: Status\r\nActionID: s\r\nVariables: CHANNEL(linkedid),CHANNEL(endpoint),CALLERID(num-pres),CDR(answer),TB_DID,MIXMONITOR_FILENAME\r\n\r\n"

// kinds lists the events of the given messages.
func kinds(messages []msg) []string {
	var names []string
	for _, m := range messages {
		names = append(names, m.get("Event"))
	}
	return names
}

// states returns "endpoint state" of every channel that Status lists.
func states(c *client) []string {
	c.t.Helper()
	var list []string
	for _, m := range c.ask(statusAction, "StatusComplete") {
		if m.get("Event") == "Status" {
			list = append(list, strings.TrimPrefix(m.get("Channel"), "PJSIP/")[:5]+m.get("ChannelStateDesc"))
		}
	}
	return list
}

func TestStatusEqualsTheCallAtEachPoint(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	c := dial(t, server.Addr())
	c.greeting()
	c.ask("Action: Login\r\nUsername: lab\r\nSecret: labsecret\r\nEvents: off\r\n\r\n", "")
	require.Empty(t, states(c))

	call := server.Inbound(asterisktest.Party{Number: "+493012345678", Name: "O'Brien"}, "+15550100001")
	require.Equal(t, []string{"trunkRing"}, states(c))
	call.Ring("1001")
	call.Ring("1002")
	require.Equal(t, []string{"trunkRing", "1001-Ringing", "1002-Ringing"}, states(c))
	call.Answer("1002")
	call.Set("__TB_DID", "+15550100001")
	require.Equal(t, []string{"trunkUp", "1002-Up"}, states(c))

	all := c.ask(statusAction, "StatusComplete")
	require.Equal(t, "Response: Success\r\nActionID: s\r\nEventList: start\r\nMessage: Channel status will follow\r\n\r\n", all[0].text)
	bridgeID := all[1].get("BridgeID")
	require.Len(t, bridgeID, 36)
	require.Equal(t, strings.ReplaceAll(fmt.Sprintf(`Event: Status
Privilege: Call
Channel: PJSIP/trunk-00000000
ChannelState: 6
ChannelStateDesc: Up
CallerIDNum: +493012345678
CallerIDName: O\'Brien
ConnectedLineNum: 1002
ConnectedLineName: <unknown>
Language: en
AccountCode: %[3]s
Context: from-trunk
Exten: +15550100001
Priority: 1
Uniqueid: %[1]s
Linkedid: %[1]s
Type: PJSIP
DNID: +15550100001
EffectiveConnectedLineNum: 1002
EffectiveConnectedLineName: <unknown>
TimeToHangup: 0
BridgeID: %[2]s
Application: %[3]s
Data: %[3]s
Nativeformats: (ulaw)
Readformat: ulaw
Readtrans: %[3]s
Writeformat: ulaw
Writetrans: %[3]s
Callgroup: 0
Pickupgroup: 0
Seconds: 0
Variable: CHANNEL(linkedid)=%[1]s
Variable: CHANNEL(endpoint)=trunk
Variable: CALLERID(num-pres)=allowed_not_screened
`, call.Linkedid(), bridgeID, ""), "\n", "\r\n"),
		strings.SplitAfter(all[1].text, "allowed_not_screened\r\n")[0])
	require.Contains(t, all[1].text, "Variable: TB_DID=+15550100001\r\nVariable: MIXMONITOR_FILENAME=(null)\r\nActionID: s\r\n\r\n")
	require.Equal(t, bridgeID, all[2].get("BridgeID"))
	require.Equal(t, "Event: StatusComplete\r\nActionID: s\r\nEventList: Complete\r\nListItems: 2\r\nItems: 2\r\n\r\n", all[3].text)

	bridges := c.ask("Action: BridgeList\r\n\r\n", "BridgeListComplete")
	require.Len(t, bridges, 3)
	require.Equal(t, "2", bridges[1].get("BridgeNumChannels"))
	require.Len(t, c.ask("Action: CoreShowChannels\r\n\r\n", "CoreShowChannelsComplete"), 4)
	require.Equal(t, "2", c.ask("Action: CoreStatus\r\n\r\n", "")[0].get("CoreCurrentCalls"))
	require.Equal(t, "+15550100001", c.ask("Action: Getvar\r\nChannel: "+call.Channel("trunk")+"\r\nVariable: TB_DID\r\n\r\n", "")[0].get("Value"))

	call.Hangup()
	require.Empty(t, states(c))
	require.Len(t, c.ask("Action: BridgeList\r\n\r\n", "BridgeListComplete"), 2)
	require.NoError(t, call.Err())
}

func TestScriptSendsWhatAsteriskSends(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	c := login(t, server, asterisktest.LeastPrivilegeUser())
	call := server.Inbound(asterisktest.Party{Number: "+493012345678"}, "+15550100001")
	call.Ring("1001")
	call.Answer("1001")
	call.Hangup()
	call = server.Outbound("1001", "03055512345")
	call.Ring("trunk")
	call.Refuse("trunk", "BUSY")
	call.HangupBy("1001")
	require.NoError(t, call.Err())
	require.NoError(t, server.Send("Event: Reload\nPrivilege: system,all"))

	all := c.until("Reload")
	require.Equal(t, []string{
		"Newchannel", "Newchannel", "NewConnectedLine", "DialBegin", "Newstate", "Newstate", "VarSet", "DialEnd", "Newstate",
		"BridgeEnter", "BridgeEnter", "HangupRequest", "BridgeLeave", "Hangup", "BridgeLeave", "Hangup",
		"Newchannel", "Newchannel", "NewConnectedLine", "DialBegin", "Newstate", "DialEnd", "Hangup", "VarSet", "HangupRequest", "Hangup",
		"Reload",
	}, kinds(all))
	require.Equal(t, "03055512345@trunk", all[19].get("DialString"))
	require.Equal(t, "17", all[22].get("Cause"))

	call.Answer("1007")
	require.ErrorContains(t, call.Err(), `answer "1007": it has no channel in call pbx1-`)
}

func TestWhatHappensMeanwhileIsLost(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{SeenAfter: time.Minute})
	missed := server.Inbound(asterisktest.Party{}, "+15550100001")
	missed.Hangup()
	outlasting := server.Inbound(asterisktest.Party{}, "+15550100002")

	// This client hears of the call by Status, and leaves in order: that counts.
	c := login(t, server, asterisktest.LeastPrivilegeUser())
	require.Equal(t, []string{"trunkRing"}, states(c))
	c.ask("Action: Logoff\r\n\r\n", "")
	c.eof()
	outlasting.Hangup()

	// This one is cut off right after it was told: that does not count.
	c = login(t, server, asterisktest.LeastPrivilegeUser())
	dying := server.Inbound(asterisktest.Party{}, "+15550100003")
	require.Equal(t, "Newchannel", c.next().get("Event"))
	require.Zero(t, server.Unseen()-1)
	server.DropClients()
	c.eof()
	dying.Hangup()

	require.Eventually(t, func() bool { return server.Unseen() == 2 }, patience, time.Millisecond)
	calls := server.Calls()
	require.Len(t, calls, 3)
	require.False(t, calls[0].Seen)
	require.True(t, calls[1].Seen)
	require.False(t, calls[2].Seen)
	require.Equal(t, "inbound", calls[1].Kind)
	require.False(t, calls[1].End.Before(calls[1].Start))
}

func TestRestartKillsEveryChannel(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	call := server.Inbound(asterisktest.Party{}, "+15550100001")
	c := login(t, server, asterisktest.LeastPrivilegeUser())
	address := server.Addr()
	require.NoError(t, server.Restart())
	c.eof()
	require.Equal(t, address, server.Addr())
	call.Hangup()
	require.ErrorIs(t, call.Err(), asterisktest.ErrStopped)

	c = login(t, server, asterisktest.LeastPrivilegeUser())
	require.Empty(t, states(c))
	again := server.Inbound(asterisktest.Party{}, "+15550100001")
	require.Equal(t, "PJSIP/trunk-00000000", again.Channel("trunk"))
	require.True(t, strings.HasSuffix(again.Linkedid(), ".0"))
	require.NotEqual(t, call.Linkedid(), again.Linkedid(), "even within a second")
	require.NoError(t, again.Err())
}

func TestShutdownHangsUpFirst(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	c := login(t, server, asterisktest.LeastPrivilegeUser())
	call := server.Inbound(asterisktest.Party{}, "+15550100001")
	call.Ring("1001")
	server.Shutdown()
	all := kinds(c.until("Shutdown"))
	require.Equal(t, []string{"Hangup", "Hangup", "Shutdown"}, all[len(all)-3:])
	c.eof()
	require.NoError(t, server.Restart())
	login(t, server, asterisktest.LeastPrivilegeUser())
}

func TestPauseLeavesClientsWithoutGreeting(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	server.Pause()
	c := dial(t, server.Addr())
	require.NoError(t, c.conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	_, err := c.r.ReadByte()
	require.ErrorContains(t, err, "timeout")
	server.Resume()
	c.r.Reset(c.conn)
	c.greeting()
}

func TestHalfAnEventThenTheEnd(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	c := login(t, server, asterisktest.LeastPrivilegeUser())
	require.NoError(t, server.SendBytes([]byte("Event: Hangup\r\nPrivil")))
	server.DropClients()
	last, err := c.read()
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "Event: Hangup\r\nPrivil", last.text)
}

func TestVoicemailAndTransferByHand(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{SystemName: "-"})
	c := login(t, server, asterisktest.LeastPrivilegeUser())
	call := server.Inbound(asterisktest.Party{Number: "1\r\n\r\nEvent: Hangup\r\nUniqueid: 5.5"}, "+15550100001")
	require.NotContains(t, call.Linkedid(), "-")
	forged := c.next() // up to where the forged event begins
	require.True(t, strings.HasSuffix(forged.text, "CallerIDNum: 1\r\n\r\n"), forged.text)
	require.True(t, strings.HasPrefix(c.next().text, "Event: Hangup\r\nUniqueid: 5.5\r\nCallerIDName: <unknown>\r\n"))

	call.Ring("1001")
	call.Answer("1001")
	call.Ring("1002")
	call.Leave("1001")
	call.Answer("1002")
	require.Equal(t, []string{"trunkUp", "1002-Up"}, states(login(t, server, asterisktest.LeastPrivilegeUser())))
	call.Leave("1002")
	call.Voicemail("1001@default", "/spool/msg0000")
	require.NoError(t, call.Err())
	require.False(t, server.Calls()[0].End.IsZero())
}

func TestQueueStatus(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{Queues: []asterisktest.Queue{{Name: "support", Members: []string{"PJSIP/1001"}}}})
	call := server.Inbound(asterisktest.Party{Number: "+493012345678"}, "+15550100002")
	call.Emit("QueueCallerJoin", "agent", "trunk", asterisktest.Extra{Key: "Queue", Value: "support"})
	c := login(t, server, asterisktest.LeastPrivilegeUser())
	all := c.ask("Action: QueueStatus\r\nActionID: q\r\n\r\n", "QueueStatusComplete")
	require.Equal(t, []string{"", "QueueParams", "QueueMember", "QueueEntry", "QueueStatusComplete"}, kinds(all))
	require.Equal(t, "1", all[1].get("Calls"))
	require.Equal(t, call.Uniqueid("trunk"), all[3].get("Uniqueid"))
	call.Hangup()
	c.until("Hangup")
	require.Len(t, c.ask("Action: QueueStatus\r\nQueue: support\r\n\r\n", "QueueStatusComplete"), 4)
	require.Len(t, c.ask("Action: QueueStatus\r\nQueue: other\r\n\r\n", "QueueStatusComplete"), 2)
}
