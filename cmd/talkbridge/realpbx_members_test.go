package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/telephony/asterisk/lab"
)

// A real Asterisk tells of pauses as asterisktest does, with the rights and filters
// that docs/agent-status.md asks for, and no others.
func TestRealPBXPauses(t *testing.T) {
	t.Parallel()
	page := readDeploy(t, "docs/agent-status.md")
	require.Contains(t, page, "write = reporting,agent")
	require.Contains(t, page, "eventfilter = Event: QueueMember(Pause|Added|Removed)")
	manager := strings.Replace(documentedConf(t, "read = call"), "write = reporting\n",
		"write = reporting,agent\neventfilter = Event: QueueMember(Pause|Added|Removed)\n", 1)
	pbx, err := lab.Start(t.Context(), installAsterisk(t), lab.Options{
		Manager: manager, Phones: 2, Queues: []lab.Queue{{Name: "3001", Members: []string{"1001"}}, {Name: "3002", Members: []string{"1001"}}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pbx.Close()) })
	config := asterisk.Config{Site: "hq", Name: "pbx1", Address: pbx.Address(), Username: "talkbridge", Secret: pbx.Secret}
	report, err := asterisk.Probe(t.Context(), config, time.Second)
	require.NoError(t, err)
	require.True(t, report.Pauses)
	require.Empty(t, report.Powers)

	log := logrus.New()
	log.SetOutput(t.Output())
	members, err := asterisk.NewMembers(config, time.Hour, log)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan asterisk.MembersEvent, 64), make(chan error, 1)
	go func() { ended <- members.Run(ctx, func(e asterisk.MembersEvent) { told <- e }) }()
	defer func() { cancel(); <-ended }()
	hear := func() asterisk.MembersEvent {
		select {
		case e := <-told:
			return e
		case <-time.After(time.Minute):
			require.FailNow(t, "nothing is told")
		}
		return asterisk.MembersEvent{}
	}
	want := func(queue string, paused bool) asterisk.Member {
		return asterisk.Member{Queue: queue, Interface: "PJSIP/1001", StateInterface: "PJSIP/1001", Paused: paused}
	}
	first := hear()
	require.True(t, first.Complete)
	require.ElementsMatch(t, []asterisk.Member{want("3001", false), want("3002", false)}, first.Members)

	require.NoError(t, pbx.Do(t.Context(), "QueuePause", "Interface", "PJSIP/1001", "Paused", "true", "Reason", "lunch"))
	require.ElementsMatch(t, []asterisk.Member{want("3001", true), want("3002", true)}, append(hear().Members, hear().Members...))
	require.NoError(t, members.Pause(t.Context(), "PJSIP/1001", false, "test"))
	require.ElementsMatch(t, []asterisk.Member{want("3001", false), want("3002", false)}, append(hear().Members, hear().Members...))
	require.ErrorIs(t, members.Pause(t.Context(), "PJSIP/1002", true, "test"), asterisk.ErrNotMember)
}
