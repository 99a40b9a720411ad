package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/torture"
	"github.com/talkbridge/talkbridge/journal/journaltest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// tortured runs a torture of this program.
func tortured(t *testing.T, o torture.Options) (tally torture.Tally, out string, err error) {
	t.Helper()
	var b bytes.Buffer
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	o.Command, o.Env, o.Out = []string{os.Args[0]}, []string{runEnv + "=1"}, &b
	tally, err = torture.Run(t.Context(), o)
	return tally, b.String(), err
}

// TestKill is the promise: one call, one ticket, none lost of those the phone
// system can still tell about, none twice, while the daemon is killed with -9 and
// nothing else is the matter: then each agent sees the page of each call, too, but
// for what happens while there is no daemon.
//
// It runs alone: what it measures is the daemon, not the machine.
//
//nolint:paralleltest // see above
func TestKill(t *testing.T) {
	tally, out, err := tortured(t, torture.Options{
		Calls: 200, Kills: 10, Duration: 26 * time.Second, Calm: true, Plans: []zendesktest.Plan{zendesktest.Unlimited}, Sources: byAMI(),
	})
	t.Log(out)
	require.NoError(t, err)
	require.Equal(t, []int{200, 10, 0}, []int{tally.Calls, tally.Kills, tally.Unseen})
	require.Zero(t, tally.Lost+tally.Duplicate+tally.Wrong)
}

// TestPowerCut: the promise holds, too, where the disk under the journal loses its
// power again and again: what was only in the memory of the system is gone then.
//
//nolint:paralleltest // it runs alone, as TestKill does
func TestPowerCut(t *testing.T) {
	d := journaltest.NewDisk(t)
	tally, out, err := tortured(t, torture.Options{
		Calls: 100, Kills: 6, Duration: 16 * time.Second, Calm: true, Plans: []zendesktest.Plan{zendesktest.Unlimited}, Sources: byAMI(),
		Journal: filepath.Join(d.Path, "journal"), Blackout: d.Blackout,
	})
	t.Log(out)
	require.NoError(t, err)
	require.Equal(t, []int{100, 6, 0}, []int{tally.Calls, tally.Kills, tally.Unseen})
	require.Zero(t, tally.Lost+tally.Duplicate+tally.Wrong)
}

// byAMI has all calls come from Asterisk.
func byAMI() []torture.Share { return []torture.Share{{Source: torture.Asterisk, Weight: 1}} }

// TestTorture: the promise holds while everything fails that can, too: for calls of
// all sources beside each other in one journal, and for those of Asterisk alone.
func TestTorture(t *testing.T) {
	t.Parallel()
	for plan, sources := range map[zendesktest.Plan][]torture.Share{zendesktest.Unlimited: nil, zendesktest.Enterprise: byAMI()} {
		t.Run(string(plan), func(t *testing.T) {
			t.Parallel()
			tally, out, err := tortured(t, torture.Options{Calls: 75, Kills: 2, Seed: 11, Plans: []zendesktest.Plan{plan}, Sources: sources})
			t.Log(out)
			require.NoError(t, err)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			require.Regexp(t, `^seed=11 calls=75 tickets=\d+ kills=2 lost=0 duplicate=0 wrong=0$`, lines[len(lines)-1])
			require.Positive(t, tally.Cuts*tally.Outages*tally.Expired*tally.Sounds*tally.Pages)
			if sources == nil {
				sources = torture.AllShares()
			}
			require.Len(t, tally.BySource, len(sources), out)
			of := 0
			for _, n := range tally.BySource {
				of += n
			}
			require.Equal(t, 75, of)
		})
	}
}

// TestTortureCanFail: what is lost, there twice or not as it should be is said,
// with its story and where to look further.
func TestTortureCanFail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(*testing.T, *zendesktest.Server)
		line  string
		says  []string
	}{
		{
			name:  "lost",
			spoil: func(t *testing.T, z *zendesktest.Server) { t.Helper(); require.NoError(t, z.DeleteTicket(1)) },
			line:  "lost=1 duplicate=0 wrong=0", says: []string{"its ticket #1 is deleted", "what the daemon says:", "POST /api/v2/channels/voice/tickets"},
		},
		{
			name: "duplicate",
			spoil: func(t *testing.T, z *zendesktest.Server) {
				t.Helper()
				first, found := z.Ticket(1)
				require.True(t, found)
				send(t, z, http.MethodPost, "/api/v2/tickets.json", `{"ticket":{"subject":"again","comment":{"body":"again"},"external_id":"`+first.ExternalID+`"}}`)
			},
			line: "lost=0 duplicate=1 wrong=0", says: []string{"duplicate: 2 tickets"},
		},
		{
			name: "comments",
			spoil: func(t *testing.T, z *zendesktest.Server) {
				t.Helper()
				for range 3 {
					require.NoError(t, z.AddComment(1, "again", false))
				}
			},
			line: "lost=0 duplicate=0 wrong=1", says: []string{"comments, wants"},
		},
		{
			name: "assignee",
			spoil: func(t *testing.T, z *zendesktest.Server) {
				t.Helper()
				require.NoError(t, z.SolveTicket(1))
				require.NoError(t, z.SetAssignee(1, z.Agents()[0].ID))
			},
			line: "lost=0 duplicate=0 wrong=1", says: []string{"assigned to"},
		},
		{
			name: "somebody else's page",
			spoil: func(t *testing.T, z *zendesktest.Server) {
				t.Helper()
				send(t, z, http.MethodPost, fmt.Sprintf("/api/v2/channels/voice/agents/%d/tickets/1/display", z.Agents()[0].ID), "{}")
			},
			line: "lost=0 duplicate=0 wrong=1", says: []string{"saw ticket #1 of a call that is not his"},
		},
		{
			name: "nobody's ticket",
			spoil: func(t *testing.T, z *zendesktest.Server) {
				t.Helper()
				send(t, z, http.MethodPost, "/api/v2/tickets.json", `{"ticket":{"subject":"what","comment":{"body":"what"},"external_id":"what"}}`)
			},
			line: "lost=0 duplicate=0 wrong=1", says: []string{"is of no call that wants one"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, out, err := tortured(t, torture.Options{
				Calls: 5, Seed: 3, Calm: true, Plans: []zendesktest.Plan{zendesktest.Unlimited}, Sources: byAMI(),
				Judging: func(z *zendesktest.Server) { tt.spoil(t, z) },
			})
			failed := new(torture.FailedError)
			require.ErrorAs(t, err, &failed, out)
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(failed.Folder)) })
			for _, says := range tt.says {
				require.Contains(t, out, says)
			}
			require.True(t, strings.HasSuffix(out, " "+tt.line+"\n"), out)
			require.FileExists(t, filepath.Join(failed.Folder, "unlimited", "daemon.log"))
		})
	}
}

// TestTortureEndsCleanly: Ctrl-C ends it and its child soon, and nothing is left
// behind.
func TestTortureEndsCleanly(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	c := startChild(t, []string{"TMPDIR=" + tmp}, "torture", "--calls", "1000", "--kills", "1", "--seed", "5")
	c.says(t, "seed 5: 1000 calls, 1 kills")
	logged := func() bool {
		logs, err := filepath.Glob(filepath.Join(tmp, "*", "unlimited", "daemon.log"))
		if err != nil || len(logs) == 0 {
			return false
		}
		log, err := os.ReadFile(logs[0])
		return err == nil && strings.Contains(string(log), "ticket made")
	}
	require.Eventually(t, logged, patience, 10*time.Millisecond, "%s", c.log)
	c.signal(t, os.Interrupt)
	require.Equal(t, exitRun, c.wait(t), "%s", c.log)
	require.Contains(t, c.log.String(), "stopped before the end; nothing is left behind")
	requireNothingLeft(t, tmp)
}

// TestTortureFlags: what cannot be is said before anything begins.
func TestTortureFlags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"--calls", "1"}, "--calls 1: want 2 to 100000"},
		{[]string{"--calls", "10", "--kills", "11"}, "--kills 11: want 0 to as many as there are calls, 10"},
		{[]string{"--calls", "1000", "--duration", "10s"}, "--duration 10s: 1000 calls need 20s, at 50 a second"},
		{[]string{"--plan", "suite-team"}, `--plan "suite-team": want both`},
		{[]string{"--sources", "asterisk,fax"}, `--sources "fax": want one or more of asterisk, twilio, cti, events`},
		{[]string{"--sources", "cti=0"}, `--sources "cti=0": want a weight of 1 to 1000 behind cti=`},
		{[]string{"--sources", "cti,cti=2"}, `--sources: cti stands there twice`},
		{[]string{"--sources", ""}, `--sources: want one or more of`},
	} {
		code, out, errs := runCLI(t.Context(), append([]string{"torture"}, tt.args...)...)
		require.Equal(t, exitUsage, code, out)
		require.Contains(t, errs, tt.says)
	}
}
