package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// TestDemoCounts: the demonstration judges itself, and its last line is for
// machines.
func TestDemoCounts(t *testing.T) {
	t.Parallel()
	code, out, errs := runCLI(t.Context(), "demo", "--calls", "20", "--exit", "--listen", "127.0.0.1:0")
	require.Equal(t, exitOK, code, "%s%s", out, errs)
	require.Empty(t, errs)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Equal(t, "calls=20 tickets=18 pops=12 lost=0 duplicate=0", lines[len(lines)-1])
	table := lines[len(lines)-22:]
	require.Regexp(t, `^CALL +KIND +LENGTH +TICKET +CHANNEL +POPS +VERDICT$`, table[0])
	for _, row := range table[1:21] {
		require.Regexp(t, `^pbx1-\d+\.\d+ +[a-z]+ +\S+ +(#\d+ +via 4[456]|- +-) +[01] +ok$`, row)
	}
}

// TestDemoOfCallRecords: with call records the calls have the same tickets.
func TestDemoOfCallRecords(t *testing.T) {
	t.Parallel()
	code, out, errs := runCLI(t.Context(), "demo", "--call-records", "--calls", "20", "--exit", "--listen", "127.0.0.1:0")
	require.Equal(t, exitOK, code, "%s%s", out, errs)
	require.Empty(t, errs)
	require.True(t, strings.HasSuffix(out, "\ncalls=20 tickets=18 pops=12 lost=0 duplicate=0\n"), out)
}

// TestDemoVerdictCanFail: what is lost, there twice or not as it should be is
// said, and ends with exit code 1.
func TestDemoVerdictCanFail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		records    bool
		spoil      func(*testing.T, *demo)
		line, says string
		err        string
	}{
		{
			name:  "lost",
			spoil: func(t *testing.T, d *demo) { t.Helper(); require.NoError(t, d.zendesk.DeleteTicket(1)) },
			line:  "calls=3 tickets=2 pops=3 lost=1 duplicate=0", says: "LOST", err: "1 calls lost, 0 with more than one ticket, 0 otherwise wrong",
		},
		{
			name:  "duplicate",
			spoil: func(t *testing.T, d *demo) { t.Helper(); addTicket(t, d) },
			line:  "calls=3 tickets=4 pops=3 lost=0 duplicate=1", says: "DUPLICATE", err: "0 calls lost, 1 with more than one ticket, 0 otherwise wrong",
		},
		{
			name:  "wrong",
			spoil: func(t *testing.T, d *demo) { t.Helper(); require.NoError(t, d.zendesk.AddComment(1, "again", false)) },
			line:  "calls=3 tickets=3 pops=3 lost=0 duplicate=0", says: "wrong: 3 comments, wants 2", err: "0 calls lost, 0 with more than one ticket, 1 otherwise wrong",
		},
		{
			name: "second call record", records: true,
			spoil: func(t *testing.T, d *demo) { t.Helper(); addRecord(t, d) },
			line:  "calls=3 tickets=3 pops=3 lost=0 duplicate=0", says: "wrong: 2 call records, wants 1", err: "0 calls lost, 0 with more than one ticket, 1 otherwise wrong",
		},
		{
			name: "no call record", records: true,
			spoil: func(t *testing.T, d *demo) {
				t.Helper()
				send(t, d.zendesk, http.MethodPatch, fmt.Sprintf("/api/v2/calls/%d", d.zendesk.Calls()[0].ID), `{"call":{"external_id":"another"}}`)
			},
			line: "calls=3 tickets=3 pops=3 lost=0 duplicate=0", says: "wrong: 0 call records, wants 1", err: "0 calls lost, 0 with more than one ticket, 1 otherwise wrong",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out, logs bytes.Buffer
			d := &demo{options: demoOptions{calls: 3, exit: true, records: tt.records, speed: 2, listen: "127.0.0.1:0", mix: asterisktest.Mix{Inbound: 3}}, out: &out}
			d.judging = func() { tt.spoil(t, d) }
			err := d.run(t.Context(), &logs)
			require.EqualError(t, err, tt.err, out.String())
			require.Contains(t, out.String(), tt.says)
			require.True(t, strings.HasSuffix(out.String(), tt.line+"\n"), out.String())
		})
	}
}

// addTicket makes a second ticket for the call of the first one.
func addTicket(t *testing.T, d *demo) {
	t.Helper()
	first, found := d.zendesk.Ticket(1)
	require.True(t, found)
	send(t, d.zendesk, http.MethodPost, "/api/v2/tickets.json", `{"ticket":{"subject":"again","comment":{"body":"again"},"external_id":"`+first.ExternalID+`"}}`)
}

// addRecord makes a second call record for the call of the first ticket.
func addRecord(t *testing.T, d *demo) {
	t.Helper()
	first, found := d.zendesk.Ticket(1)
	require.True(t, found)
	send(t, d.zendesk, http.MethodPost, "/api/v2/calls", fmt.Sprintf(`{"call":{"app_id":%d,"external_id":%q,"direction":"inbound","from_line":"a","to_line":"b","call_started_at":"2026-01-01T00:00:00Z"}}`,
		zendesktest.DefaultAppID, first.ExternalID))
}

// send changes something behind the daemon's back.
func send(t *testing.T, z *zendesktest.Server, method, path, body string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+z.IssueTokens("read write", time.Hour).Access)
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	z.ServeHTTP(answer, r)
	require.Less(t, answer.Code, http.StatusBadRequest)
}

// TestDemoEndsCleanly: Ctrl-C ends it soon, and nothing is left behind. A taken
// address is no reason not to begin.
func TestDemoEndsCleanly(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	tmp := t.TempDir()
	c := startChild(t, []string{"TMPDIR=" + tmp}, "demo", "--listen", taken.Addr().String())
	c.says(t, "Alice Agent sees ticket #")
	require.NotContains(t, c.log.String(), taken.Addr().String())
	require.Contains(t, c.log.String(), "Ctrl-C ends it.")
	entries, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.NotEmpty(t, entries, "it works in a folder of its own")
	begun := time.Now()
	c.signal(t, os.Interrupt)
	require.Equal(t, exitOK, c.wait(t), "%s", c.log)
	require.Less(t, time.Since(begun), slowness*3*time.Second)
	require.True(t, strings.HasSuffix(c.log.String(), "\nDemonstration over. Nothing was left behind.\n"), "%s", c.log)
	require.NotContains(t, c.log.String(), "level=", "no log without --verbose")
	requireNothingLeft(t, tmp)
}
