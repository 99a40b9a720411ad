package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// The statuses of the account that these tests are about.
const (
	statusOffline = 2
	statusOnline  = 3
	statusAway    = 4
	statusOnCall  = 101
	statusLunch   = 102
)

// presenceSite is a site whose agents' statuses go with the phone. Its user in
// manager.conf may pause members of queues.
func presenceSite(t *testing.T, section string) *site {
	t.Helper()
	user := asterisktest.LeastPrivilegeUser()
	user.Write = "reporting,agent"
	user.EventFilters = append(user.EventFilters, "Event: QueueMember(Pause|Added|Removed)")
	s := newSite(t, siteOptions{
		extra: "agent_status: {" + section + ", poll: 5s}\n",
		pbx: asterisktest.Config{Users: []asterisktest.User{user, asterisktest.FullUser()}, Queues: []asterisktest.Queue{
			{Name: "support", Members: []string{"PJSIP/1001", "PJSIP/1002"}},
		}},
		desk: []zendesktest.Option{zendesktest.WithAgentStatuses(
			zendesktest.AgentStatus{ID: statusOnCall, Name: "On a call"}, zendesktest.AgentStatus{ID: statusLunch, Name: "Lunch"},
		)},
	})
	s.takes(statusOnline)
	return s
}

// takes is Alice, who takes a status.
func (s *site) takes(status int64) {
	s.t.Helper()
	require.NoError(s.t, s.zendesk.SwitchAgentState(s.agentID("Alice"), status))
}

// has waits until Alice has a status.
func (s *site) has(c *child, status int64) {
	s.t.Helper()
	s.eventually(c, "Alice has the status", func() bool { return s.zendesk.AgentState(s.agentID("Alice")).StatusID == status })
}

// statusWrites counts the changes of statuses by the daemon.
func (s *site) statusWrites() int {
	n := 0
	for _, r := range s.zendesk.Requests() {
		if r.Method == http.MethodPut && strings.HasPrefix(r.Path, "/api/v2/agent_availabilities/") {
			n++
		}
	}
	return n
}

// talks has Alice talk until the function that it returns is called, which waits
// for the end of the call.
func (s *site) talks() (end func() string) {
	s.t.Helper()
	enough, ended := make(chan struct{}), make(chan string, 1)
	call := answered()
	call.Then = asterisktest.Hold{Phase: asterisktest.Parting, For: 100 * time.Millisecond, Until: enough}
	go func() {
		played, err := s.player.Play(s.t.Context(), call)
		if err != nil || len(played.Linkedids) == 0 {
			ended <- ""
			return
		}
		ended <- "hq/pbx1/" + played.Linkedids[0]
	}()
	return func() string {
		s.t.Helper()
		close(enough)
		id := <-ended
		require.NotEmpty(s.t, id)
		return id
	}
}

// Who answers is on a call in Zendesk, and what he was before when he has hung up.
func TestAgentIsOnACall(t *testing.T) {
	t.Parallel()
	s := presenceSite(t, "on_call: On a call")
	c := s.startReady()
	end := s.talks()
	s.has(c, statusOnCall)
	end()
	s.has(c, statusOnline)
	require.Equal(t, 2, s.statusWrites())

	s.takes(statusOffline)
	end = s.talks()
	s.eventually(c, "page", func() bool { return len(s.zendesk.Pops()) == 2 })
	id := end()
	s.ticketOf(c, id, 2)
	s.eventually(c, "settled", func() bool { return s.settled(id) })
	require.Equal(t, 2, s.statusWrites(), "never for who is offline")
	require.Equal(t, int64(statusOffline), s.zendesk.AgentState(s.agentID("Alice")).StatusID)
	c.stop(t)
}

// What a person changes during a call stays.
func TestStatusThatAPersonTookStays(t *testing.T) {
	t.Parallel()
	s := presenceSite(t, "on_call: \"101\"")
	c := s.startReady()
	end := s.talks()
	s.has(c, statusOnCall)
	s.eventually(c, "it is known since when", func() bool {
		return len(s.zendesk.Requests()) > 0 && s.statusWrites() == 1 && c.metric(t, `talkbridge_agent_status_steps_total{step="set"}`) == 1
	})
	s.takes(statusLunch)
	end()
	s.eventually(c, "left alone", func() bool { return c.metric(t, `talkbridge_agent_status_steps_total{step="left"}`) == 1 })
	require.Equal(t, int64(statusLunch), s.zendesk.AgentState(s.agentID("Alice")).StatusID)
	require.Equal(t, 1, s.statusWrites())
	c.stop(t)
}

// A daemon that is killed during a call takes the status back when it is there
// again, also if the call ended meanwhile.
func TestStatusIsRestoredAfterAKill(t *testing.T) {
	t.Parallel()
	s := presenceSite(t, "on_call: On a call")
	c := s.startReady()
	end := s.talks()
	s.has(c, statusOnCall)
	c.Kill()
	end()
	require.Equal(t, int64(statusOnCall), s.zendesk.AgentState(s.agentID("Alice")).StatusID)
	c = s.startReady()
	s.has(c, statusOnline)
	require.Equal(t, 2, s.statusWrites())
	c.stop(t)
}

// Pauses and statuses go both ways, and neither follows from itself.
func TestPausesAndStatuses(t *testing.T) {
	t.Parallel()
	s := presenceSite(t, "paused: away, pause_on: [away, Lunch]")
	c := s.startReady()
	c.says(t, "queues of the phone system known")

	require.True(t, s.pbx.PauseMember("PJSIP/1001", true, "coffee"))
	s.has(c, statusAway)
	require.True(t, s.pbx.PauseMember("PJSIP/1001", false, ""))
	s.has(c, statusOnline)
	require.Equal(t, 2, s.statusWrites())

	s.takes(statusLunch)
	s.eventually(c, "paused", func() bool { return s.pbx.Paused("PJSIP/1001") })
	require.False(t, s.pbx.Paused("PJSIP/1002"), "Bob has no break")
	c.Kill()
	c = s.startReady()
	c.says(t, "queues of the phone system known")
	s.takes(statusOnline)
	s.eventually(c, "paused no more", func() bool { return !s.pbx.Paused("PJSIP/1001") })
	require.Equal(t, 2, s.statusWrites(), "our own pause sets no status")
	require.Equal(t, int64(statusOnline), s.zendesk.AgentState(s.agentID("Alice")).StatusID)
	c.stop(t)
}

// Doctor says which statuses there are, and whether phones can be paused.
func TestDoctorOfStatuses(t *testing.T) {
	t.Parallel()
	s := presenceSite(t, "on_call: Telephone, pause_on: [Lunch]")
	_, out := s.doctor("")
	require.Contains(t, out, `the account has no agent status ["Telephone"]`)
	require.Contains(t, out, "this user may pause members of queues")
	s.write(siteOptions{extra: "agent_status: {on_call: on A CALL, pause_on: [Lunch]}\n", edit: []string{
		"username: talkbridge, secret: tbsecret", "username: lab, secret: labsecret",
	}})
	_, out = s.doctor("")
	require.Contains(t, out, "6 statuses in the account")
}
