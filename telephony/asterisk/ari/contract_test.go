package ari_test

import (
	"io"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/ari"
	"github.com/talkbridge/talkbridge/telephony/asterisk/ari/aritest"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

func TestContract(t *testing.T) { //nolint:paralleltest // goroutines are counted
	telephonytest.RunSource(t, func(t *testing.T) telephonytest.Rig { return rig(t, aritest.Config{}) })
}

func TestContract_channelVars(t *testing.T) { //nolint:paralleltest // goroutines are counted
	telephonytest.RunSource(t, func(t *testing.T) telephonytest.Rig {
		return rig(t, aritest.Config{ChannelVars: []string{"CHANNEL(linkedid)", "CALLERID(num-pres)"}})
	})
}

func rig(t *testing.T, config aritest.Config) telephonytest.Rig {
	t.Helper()
	server := aritest.New(config)
	t.Cleanup(server.Close)
	return telephonytest.Rig{
		Driver: "ari",
		Source: newSource(t, labConfig(server)),
		Begin: func() telephonytest.Call {
			call := server.Inbound(aritest.Party{Number: "+493012345678"}, "+15550100001")
			call.Ring("1001")
			call.Answer("1001")
			require.NoError(t, call.Err())
			return telephonytest.Call{ID: telephony.CallID("hq/pbx1/" + call.ID()), End: call.Hangup}
		},
		Garbage: func() {
			for _, garbage := range []string{
				"", "nonsense", "{}", "[]", "null", "\x00\xff", `{"type":1}`, `{"type":"ChannelDestroyed"}`,
				`{"type":"ChannelDestroyed","timestamp":"2026-11-22T01:11:49.146+0000","channel":{"id":"1.1","name":"PJSIP/1001-1"}}`,
				`{"type":"ChannelCreated","timestamp":"yesterday","channel":{"id":"1.1","name":"PJSIP/1001-1"}}`,
				`{"type":"ChannelEnteredBridge","timestamp":"2026-11-22T01:11:49.146+0000","channel":{"id":"1.1","name":"PJSIP/1001-1"}}`,
				`{"type":"Dial","timestamp":"2026-11-22T01:11:49.146+0000","caller":{},"peer":null}`,
			} {
				server.Send([]byte(garbage))
			}
		},
		Cut: server.DropClients,
	}
}

func labConfig(server *aritest.Server) ari.Config {
	return ari.Config{
		Site: "hq", Name: "pbx1", URL: server.URL(), Username: "talkbridge", Password: "secret", App: "talkbridge",
		Trunks: []string{"PJSIP/trunk"},
	}
}

func newSource(t *testing.T, config ari.Config) *ari.Source {
	t.Helper()
	source, err := ari.New(config, quiet())
	require.NoError(t, err)
	return source
}

// quiet is a logger that keeps nothing.
func quiet() *logrus.Logger {
	log, _ := test.NewNullLogger()
	log.SetOutput(io.Discard)
	return log
}
