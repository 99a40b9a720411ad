package asterisk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

func TestContract(t *testing.T) { //nolint:paralleltest // goroutines are counted
	telephonytest.RunSource(t, func(t *testing.T) telephonytest.Rig { return rig(t, asterisktest.Config{}) })
}

func TestContract_withoutTimestamps(t *testing.T) { //nolint:paralleltest // goroutines are counted
	telephonytest.RunSource(t, func(t *testing.T) telephonytest.Rig { return rig(t, asterisktest.Config{NoTimestamps: true}) })
}

func rig(t *testing.T, config asterisktest.Config) telephonytest.Rig {
	t.Helper()
	server := startServer(t, config)
	log, _ := quiet()
	source, err := asterisk.New(labConfig(server), log)
	require.NoError(t, err)
	return telephonytest.Rig{
		Source: source,
		Begin: func() telephonytest.Call {
			call := server.Inbound(asterisktest.Party{Number: "+493012345678"}, "+15550100001")
			call.Ring("1001")
			call.Answer("1001")
			require.NoError(t, call.Err())
			return telephonytest.Call{ID: telephony.CallID("hq/pbx1/" + call.Linkedid()), End: call.Hangup}
		},
		Garbage: func() {
			for _, garbage := range []string{
				"\r\n\r\n", "nonsense\r\n\r\n", "Event: Hangup\r\n\r\n", "Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\n",
				"Response: Success\r\nActionID: nobody's\r\n\r\n", ":\r\n:\r\n\r\n", "\x00\xff\xfe\r\n\r\n",
				"Event: Newchannel\r\nPrivilege: call,all\r\nTimestamp: x\r\n\r\n",
			} {
				require.NoError(t, server.SendBytes([]byte(garbage)))
			}
		},
		Cut:    server.DropClients,
		Driver: "asterisk",
	}
}
