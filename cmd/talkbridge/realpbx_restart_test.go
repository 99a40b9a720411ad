package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/lab"
)

// realRestartRows are judged together, after both restarts. A PBX that goes
// takes its calls with it: what it did not report is estimated.
var realRestartRows = []realRow{
	{
		name: "the PBX stops in mid-call", dialled: []string{"+15550201001"},
		tickets: []wantTicket{{via: 45, agents: []string{"1001"}, pops: []string{"1001"}, length: [2]int{1, 8}, mayRecord: true}},
	},
	{
		name: "the PBX is killed in mid-call", dialled: []string{"+15550201002"},
		tickets: []wantTicket{{via: 45, agents: []string{"1002"}, pops: []string{"1002"}, length: [2]int{1, 15}, text: "estimated", mayRecord: true}},
	},
	{
		name: "a call right after it is back", dialled: []string{"+15550201003"},
		tickets: []wantTicket{{via: 45, agents: []string{"1003"}, pops: []string{"1003"}, length: [2]int{5, 9}, recording: true}},
	},
}

// realRestarts stops and kills the PBX in mid-call. It is read over TLS.
func realRestarts(t *testing.T, installed lab.Installation) {
	t.Helper()
	s := newRealSite(t, installed, true)
	daemon := s.startReady()
	ctx, cancel := context.WithTimeout(t.Context(), realCallTimeout)
	defer cancel()

	s.talkUntilPop(ctx, "1001", 1)
	require.NoError(t, s.pbx.Stop(ctx))
	require.NoError(t, s.pbx.Boot(ctx))
	daemon.saysTimes(t, 2, "phone system connected")

	s.talkUntilPop(ctx, "1002", 2)
	s.pbx.Kill()
	require.NoError(t, s.pbx.Boot(ctx))
	stage := &stage{ctx: ctx, pbx: s.pbx}
	stage.answers("1003")
	stage.calls("+15550201003", 5*time.Second)
	stage.end()
	require.NoError(t, stage.err)
	s.verdict(daemon, realRestartRows)
}

// talkUntilPop begins a call that lasts as long as the PBX, and waits for pops
// altogether.
func (s *realSite) talkUntilPop(ctx context.Context, phone string, pops int) {
	s.t.Helper()
	stage := &stage{ctx: ctx, pbx: s.pbx}
	stage.stand(lab.Script{Name: "phone-answers", Phone: phone, Ring: time.Second})
	stage.stand(lab.Script{Name: "caller-waits", Number: "+1555020" + phone})
	stage.talks(phone)
	stage.await("the page is shown", func() bool { return len(s.zendesk.Pops()) >= pops })
	require.NoError(s.t, stage.err)
}
