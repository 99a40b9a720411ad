package asterisk_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// absent ends a session, lets something happen, and comes back.
func absent(t *testing.T, config asterisk.Config, k sink, r running, meanwhile func()) running {
	t.Helper()
	r.stop(t)
	meanwhile()
	n := k.Sessions()
	r = run(t, config, k)
	eventually(t, func() bool { return k.Sessions() == n+1 })
	return r
}

func TestResync_endMissed(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	k := newSink()
	r := run(t, labConfig(server), k)
	eventually(t, func() bool { return k.Sessions() == 1 })
	call := server.Inbound(asterisktest.Party{Number: "+4930"}, "+15550100001")
	call.Ring("1001")
	call.Answer("1001")
	eventually(t, func() bool { return k.state(call.Linkedid()).Answered() })
	gone := time.Now()
	r = absent(t, labConfig(server), k, r, call.Hangup)
	s := k.state(call.Linkedid())
	require.True(t, s.Ended())
	require.True(t, s.EndEstimated)
	require.Equal(t, telephony.Answered, s.Disposition)
	require.WithinDuration(t, gone, s.EndedAt, 5*time.Second)
	require.False(t, s.Talks[0].Until.IsZero())
	r.stop(t)
}

func TestResync_answerMissed(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	k := newSink()
	r := run(t, labConfig(server), k)
	eventually(t, func() bool { return k.Sessions() == 1 })
	call := server.Inbound(asterisktest.Party{Number: "+4930"}, "+15550100001")
	call.Ring("1001")
	eventually(t, func() bool { return len(k.state(call.Linkedid()).Ringing) == 1 })
	r = absent(t, labConfig(server), k, r, func() { call.Answer("1001") })
	s := k.state(call.Linkedid())
	require.True(t, s.Answered())
	require.True(t, s.Live())
	require.Empty(t, s.Ringing)
	call.Hangup()
	eventually(t, func() bool { return k.state(call.Linkedid()).Ended() })
	s = k.state(call.Linkedid())
	require.False(t, s.EndEstimated, "the real end was heard")
	require.Equal(t, telephony.SideTrunk, s.HungUpBy)
	r.stop(t)
}

// A talkbridge that starts in mid-call knows what there is to know of it.
func TestResync_startMissed(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	inbound := server.Inbound(asterisktest.Party{Number: "+4930", Name: "Ann"}, "+15550100001")
	inbound.Set("__TB_DID", "+15550100009")
	inbound.Ring("1001")
	ringing := server.Inbound(asterisktest.Party{Number: "+4931"}, "+15550100002")
	ringing.Ring("1002")
	inbound.Answer("1001")
	require.NoError(t, inbound.Err())
	require.NoError(t, ringing.Err())

	k := newSink()
	r := run(t, labConfig(server), k)
	eventually(t, func() bool { return k.Sessions() == 1 })
	s := k.state(inbound.Linkedid())
	require.Equal(t, telephony.Inbound, s.Direction)
	require.Equal(t, telephony.Party{Number: "+4930", Name: "Ann"}, s.From)
	require.Equal(t, "+15550100009", s.To.Number)
	require.True(t, s.Answered())
	require.Equal(t, []string{"PJSIP/1002"}, k.state(ringing.Linkedid()).Ringing)
	r.stop(t)
}

// After a restart of the PBX, of which no Hangup tells, all its calls are over.
func TestResync_restart(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	k := newSink()
	r := run(t, labConfig(server), k)
	eventually(t, func() bool { return k.Sessions() == 1 })
	call := server.Inbound(asterisktest.Party{Number: "+4930"}, "+15550100001")
	call.Ring("1001")
	eventually(t, func() bool { return len(k.state(call.Linkedid()).Ringing) == 1 })
	require.NoError(t, server.Restart())
	require.Error(t, r.wait(t, 5*time.Second))
	r = run(t, labConfig(server), k)
	eventually(t, func() bool { return k.Sessions() == 2 })
	require.True(t, k.state(call.Linkedid()).EndEstimated)
	r.stop(t)
}

// A message that was left while nobody listened is found in the spool.
func TestResync_voicemailMissed(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	k := newSink()
	config := labConfig(server)
	config.VoicemailDir = t.TempDir()
	r := run(t, config, k)
	eventually(t, func() bool { return k.Sessions() == 1 })

	player := asterisktest.Player{Server: server, Speed: math.Inf(1), Voicemail: config.VoicemailDir}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	held, finish := context.WithCancel(ctx)
	defer finish()
	scenario := asterisktest.Scenario{Capture: "b_voicemail", Hold: asterisktest.Hold{Phase: asterisktest.Ringing, Until: held.Done()}}
	played := make(chan asterisktest.Played, 1)
	go func() {
		p, err := player.Play(ctx, scenario)
		if err == nil {
			played <- p
		}
		close(played)
	}()
	eventually(t, func() bool { return len(k.States()) == 1 && len(k.States()[0].Ringing) == 1 })
	var p asterisktest.Played
	r = absent(t, config, k, r, func() {
		finish()
		p = <-played
	})
	s := k.state(p.Linkedids[0])
	require.NotNil(t, s.Voicemail)
	require.Equal(t, p.Message, s.Voicemail.Path)
	require.Equal(t, telephony.LeftVoicemail, s.Disposition)
	require.True(t, s.EndEstimated)
	r.stop(t)
}

// A list that is not complete ends nothing.
func TestResync_listCut(t *testing.T) {
	t.Parallel()
	answers := loginAnswers()
	answers["Status"] = strings.ReplaceAll(answers["Status"], "ListItems: 0", "ListItems: 1")
	f := fake{answers: answers, pings: 1000}
	k := newSink()
	leg := telephony.Event{
		ID: "1", Call: "hq/pbx1/1.1", Kind: telephony.LegStarted, Time: time.Now(), Leg: "1.1", First: true, Side: telephony.SideTrunk,
	}
	require.NoError(t, k.Append(t.Context(), []telephony.Event{leg}))
	r := run(t, asterisk.Config{Site: "hq", Name: "pbx1", Address: f.start(t), Username: "u", Secret: "s"}, k)
	eventually(t, func() bool { return k.Sessions() == 1 })
	require.True(t, k.state("1.1").Live())
	r.stop(t)
}
