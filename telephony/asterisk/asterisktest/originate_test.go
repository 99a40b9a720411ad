package asterisktest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

const order = "Action: Originate\r\nChannel: PJSIP/1001\r\nContext: from-internal\r\nExten: 903055512345\r\nPriority: 1\r\nChannelId: chosen-1\r\nAsync: true\r\n"

// A call that is placed rings the phone that it was ordered for, without a channel that
// dials it, and then dials out, as in the capture o_click_to_call.
func TestOriginate(t *testing.T) {
	t.Parallel()
	done := make(chan error, 1)
	server := start(t, asterisktest.Config{Originate: func(call *asterisktest.Script) {
		call.PickUp()
		call.Ring("trunk")
		call.Answer("trunk")
		call.HangupBy("1001")
		done <- call.Err()
	}})
	c := login(t, server, asterisktest.FullUser())
	require.Equal(t, "Originate successfully queued", c.ask(order+"\r\n", "")[0].get("Message"))
	require.NoError(t, <-done)
	first := c.until("Newchannel")
	began := first[len(first)-1]
	require.Equal(t, "chosen-1", began.get("Uniqueid"))
	require.Equal(t, "chosen-1", began.get("Linkedid"))
	require.Equal(t, "s", began.get("Exten"))
	dial := c.until("DialBegin")
	require.Empty(t, dial[len(dial)-1].get("Uniqueid"), "nobody dials it")
	require.Equal(t, "chosen-1", dial[len(dial)-1].get("DestUniqueid"))
	out := c.until("Newchannel")
	require.Equal(t, "chosen-1", out[len(out)-1].get("Linkedid"))
	require.Len(t, server.Originated(), 1)
	call, found := server.Call("chosen-1")
	require.True(t, found)
	require.Equal(t, "placed", call.Kind)
}

func TestOriginate_refuses(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	least := login(t, server, asterisktest.LeastPrivilegeUser())
	require.Equal(t, "Permission denied", least.ask(order+"\r\n", "")[0].get("Message"))
	require.Empty(t, least.ask("Action: ListCommands\r\n\r\n", "")[0].get("Originate"))
	full := login(t, server, asterisktest.FullUser())
	require.NotEmpty(t, full.ask("Action: ListCommands\r\n\r\n", "")[0].get("Originate"))
	for action, want := range map[string]string{
		"Action: Originate\r\nAsync: true\r\n":                                                   "Channel not specified",
		"Action: Originate\r\nChannel: 1001\r\nAsync: true\r\n":                                  "Invalid channel",
		"Action: Originate\r\nChannel: PJSIP/1001\r\nAsync: true\r\n":                            "Extension does not exist.",
		"Action: Originate\r\nChannel: PJSIP/1001\r\nExten: 1\r\nContext: x\r\nAsync: false\r\n": "this server originates with Async: true alone",
	} {
		require.Equal(t, want, full.ask(action+"\r\n", "")[0].get("Message"), action)
	}
	require.Empty(t, server.Originated())
}
