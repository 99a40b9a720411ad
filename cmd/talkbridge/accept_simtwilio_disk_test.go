package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/talkbridge/talkbridge/journal/journaltest"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// TestTwilioCallsOfAFullDisk: while the journal's disk is full callbacks are refused.
// Twilio comes again with some and gives others up; what those told is read in its
// lists a minute later: no call is lost, none has two tickets.
func TestTwilioCallsOfAFullDisk(t *testing.T) {
	t.Parallel()
	d := journaltest.NewDisk(t)
	s := newTwilioSite(t, twiliotest.Config{}, map[string]string{"+15550100001": simRing}, "", func(o *siteOptions) {
		o.edit = append(o.edit, "{dir: data}", "{dir: "+filepath.Join(d.Path, "data")+"}")
	})
	c := s.startTwilio()
	const calls, each = 18, 300 * time.Millisecond
	var ids []string
	place := func(n int) {
		for range n {
			ids = append(ids, s.place(twiliotest.Caller{
				To: "+15550100001", Talks: 12 * time.Second, Meets: meets(twiliotest.Phone{Address: simAlice, After: 4 * time.Second}),
			}))
			<-time.After(each)
		}
	}
	place(calls / 3)
	room := fillDisk(t, d.Path)
	place(calls / 3)
	s.eventually(c, "Twilio gave some up", func() bool { return s.twilio.Stats().Refused+s.twilio.Stats().Lost > 0 })
	require.NoError(t, os.Remove(room))
	place(calls / 3)
	require.NoError(t, s.twilio.Wait(t.Context()))
	require.Positive(t, s.twilio.Stats().Retried, "Twilio came again with others")
	for _, id := range ids {
		s.eventually(c, "nothing is owed of "+id, func() bool { return s.settled(id) })
		tickets := s.zendesk.TicketsByExternalID(id)
		require.Len(t, tickets, 1)
		require.Equal(t, 45, tickets[0].ViaID)
		if tickets[0].AssigneeID != s.agentID("Alice") {
			_, story, _ := runCLI(t.Context(), "explain", "--json", "--config", s.config, id)
			t.Fatal(story)
		}
	}
	require.Len(t, s.zendesk.Tickets(), calls)
	c.stop(t)
}

// fillDisk writes a file that takes all the room on a disk.
func fillDisk(t *testing.T, dir string) string {
	t.Helper()
	var disk unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &disk))
	f, err := os.Create(filepath.Join(dir, "full"))
	require.NoError(t, err)
	require.NoError(t, unix.Fallocate(int(f.Fd()), 0, 0, int64(disk.Bavail)*disk.Bsize))
	require.NoError(t, f.Close())
	return f.Name()
}
