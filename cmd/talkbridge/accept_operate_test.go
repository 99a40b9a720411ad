package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func TestHealthAndMetrics(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	s.ticketOf(c, s.play(answered()), 2)

	status, page := c.page(t, "/healthz")
	require.Equal(t, http.StatusOK, status, page)
	var h health
	require.NoError(t, json.Unmarshal([]byte(page), &h))
	require.Equal(t, "ok", h.Status)

	status, page = c.page(t, "/readyz")
	require.Equal(t, http.StatusOK, status, page)
	require.NoError(t, json.Unmarshal([]byte(page), &h))
	require.Equal(t, "pbx1", h.Sources[0].Name)
	require.True(t, h.Sources[0].Ready)
	require.Positive(t, h.Journal.Messages)
	s.requireDiscreet(page)

	_, page = c.page(t, "/metrics")
	s.requireDiscreet(labels(page))
	explained, ours := make(map[string]bool), 0
	for line := range strings.Lines(page) {
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "# HELP "):
			explained[fields[2]] = len(fields) > 3
		case strings.HasPrefix(line, "# TYPE talkbridge_"):
			ours++
			fallthrough
		case strings.HasPrefix(line, "# TYPE "):
			require.True(t, explained[fields[2]], "no help for %s", fields[2])
		}
	}
	require.Greater(t, ours, 15)
	for _, series := range []string{
		`talkbridge_source_up{source="pbx1"}`, `talkbridge_pops_total{result="accepted"}`,
		`talkbridge_asterisk_events_total{source="pbx1"}`, "talkbridge_journal_bytes", "talkbridge_build_info",
	} {
		require.Positive(t, c.metric(t, series), series)
	}
	require.Zero(t, c.metric(t, "talkbridge_agents_unconfirmed"))

	status, _ = c.page(t, "/v1/calls?limit=1")
	require.Equal(t, http.StatusNotFound, status, "calls are for the socket alone")
	require.Equal(t, http.StatusMethodNotAllowed, request(t, http.MethodPost, "http://"+c.address(t, "listen")+"/healthz", nil).status)
	c.stop(t)
}

// labels is a page of metrics without the values.
func labels(page string) string {
	var b strings.Builder
	for line := range strings.Lines(page) {
		name, _, _ := strings.Cut(line, "} ")
		b.WriteString(strings.TrimRight(name, "0123456789.e+-\n") + "\n")
	}
	return b.String()
}

// TestCalls: the command says the same whether a daemon runs or not.
func TestCalls(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	list := func(args ...string) string {
		code, out, errs := runCLI(t.Context(), append([]string{"calls", "--config", s.config}, args...)...)
		require.Equal(t, exitOK, code, errs)
		require.Empty(t, errs)
		return out
	}
	require.Equal(t, "no calls yet\n", list())
	require.NoDirExists(t, s.dir+"/data", "a look begins nothing")

	c := s.startReady()
	require.Equal(t, "no calls yet\n", list())
	first := s.play(answered())
	second := s.play(asterisktest.Scenario{Capture: "b_voicemail", Kind: "voicemail", Agents: []string{"1001"}})
	s.ticketOf(c, first, 2)
	s.ticketOf(c, second, 1)
	s.eventually(c, "both are settled", func() bool { return s.settled(first) && s.settled(second) })

	online := list()
	lines := strings.Split(strings.TrimSpace(online), "\n")
	require.Len(t, lines, 3)
	require.Regexp(t, `^STARTED +DIRECTION +STATE +FROM +TO +AGENTS +LENGTH +TICKET +POPS +CALL$`, lines[0])
	require.Regexp(t, `inbound +voicemail .* #2 +- +`+second+`$`, lines[1])
	require.Regexp(t, `inbound +answered +\+493010001234 +\+15550100001 +PJSIP/1001 +\S+ +#1 +accepted in \d+ ms +`+first+`$`, lines[2])
	newest := list("-n", "1")
	require.Contains(t, newest, second)
	require.NotContains(t, newest, first)
	onlineRows := rowsOf(t, list("--json"))
	require.True(t, onlineRows[0].Settled)
	c.stop(t)

	require.Equal(t, online, list(), "the journal alone says the same")
	offlineRows := rowsOf(t, list("--json"))
	for i := range onlineRows {
		onlineRows[i].Settled = false // what is owed is only known while it runs
	}
	require.Equal(t, onlineRows, offlineRows)
	require.Equal(t, int64(1), offlineRows[1].Ticket)
	require.True(t, offlineRows[1].Completed)
}

func rowsOf(t testing.TB, text string) []callRow {
	t.Helper()
	var rows []callRow
	require.NoError(t, json.Unmarshal([]byte(text), &rows))
	return rows
}

// TestReload: SIGHUP brings a new agent; a file that cannot be used changes
// nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	call := answered()
	call.Agents = []string{"1004"}
	require.Zero(t, s.ticketOf(c, s.play(call), 2).AssigneeID, "nobody is known to answer there")
	require.Empty(t, s.zendesk.Pops())

	dave, err := s.zendesk.AddAgent(zendesktest.User{Name: "Dave Agent", Email: "dave@example.com"})
	require.NoError(t, err)
	s.write(siteOptions{edit: []string{"agents:\n", "agents:\n  - {name: Dave, zendesk: dave@example.com, numbers: [\"1004\"]}\n"}})
	c.signal(t, syscall.SIGHUP)
	c.says(t, "agents, lines and policy read again")
	c.saysTimes(t, 2, "agents confirmed")
	require.Equal(t, dave.ID, s.ticketOf(c, s.play(call), 2).AssigneeID)
	require.Len(t, s.zendesk.Pops(), 1)
	require.Equal(t, dave.ID, s.zendesk.Pops()[0].AgentID)

	s.write(siteOptions{edit: []string{"agents:", "agnets:"}})
	c.signal(t, syscall.SIGHUP)
	c.says(t, "configuration kept as it was")
	require.Contains(t, c.log.String(), "agnets: is no key of the configuration; did you mean `agents`?")
	require.Equal(t, dave.ID, s.ticketOf(c, s.play(call), 2).AssigneeID)
	c.stop(t)
}

// TestReloadSaysWhatNeedsARestart: what cannot change while it runs is named,
// not passed over.
func TestReloadSaysWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	s.write(siteOptions{edit: []string{"timeout: 2s", "timeout: 3s", "trunks: [PJSIP/trunk]", "trunks: [PJSIP/other]"}})
	c.signal(t, syscall.SIGHUP)
	c.says(t, "restart needed")
	require.Contains(t, c.log.String(), `keys="sources, zendesk"`)
	c.stop(t)
}

// TestGracefulStop: a request in flight is waited for, and nothing of it is
// forgotten.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{edit: []string{"timeout: 2s", "timeout: 10s"}})
	c := s.startReady()
	slow := s.zendesk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: createPath, Effect: zendesktest.Slow(3 * time.Second)})
	call := s.pbx.Inbound(asterisktest.Party{Number: "+493010001234"}, "+15550100001")
	call.Ring("1001")
	call.Answer("1001")
	s.eventually(c, "the ticket is being made", func() bool { return slow.Hits() == 1 })
	begun := time.Now()
	c.signal(t, syscall.SIGTERM)
	require.Equal(t, exitOK, c.wait(t), "%s", c.log)
	require.Less(t, time.Since(begun), 10*time.Second)
	require.Contains(t, c.log.String(), "ticket made")
	require.Contains(t, c.log.String(), "talkbridge stopped")

	slow.Remove()
	c = s.startReady()
	call.Hangup()
	require.NoError(t, call.Err())
	s.ticketOf(c, "hq/pbx1/"+call.Linkedid(), 2)
	c.stop(t)
}

// TestSecondSignalStopsAtOnce, and two signals together are one: terminals and
// timeout(1) send to the process and to its group.
func TestSecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{edit: []string{"timeout: 2s", "timeout: 10s"}})
	c := s.startReady()
	stuck := s.zendesk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: createPath, Effect: zendesktest.Slow(time.Minute)})
	call := s.pbx.Inbound(asterisktest.Party{Number: "+493010001234"}, "+15550100001")
	call.Ring("1001")
	call.Answer("1001")
	s.eventually(c, "the ticket is being made", func() bool { return stuck.Hits() == 1 })
	c.signal(t, os.Interrupt)
	c.signal(t, syscall.SIGTERM)
	select {
	case <-c.Ended:
		require.Fail(t, "two signals at the same moment are one", "%s", c.log)
	case <-time.After(2 * sameSignal):
	}
	begun := time.Now()
	c.signal(t, os.Interrupt)
	require.Equal(t, exitRun, c.wait(t), "%s", c.log)
	require.Less(t, time.Since(begun), 20*time.Second)
	require.Contains(t, c.log.String(), "talkbridge: stopped at once")
}
