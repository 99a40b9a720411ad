package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// passing is what no two runs of the operator's commands have in common.
var passing = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\d{8}-\d{6}-[a-z]+-\d+-pbx1-[0-9.]+\.wav`), "RECORDING"},
	{regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3}`), "HH:MM:SS.mmm"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "YYYY-MM-DD"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`), "HH:MM:SS"},
	{regexp.MustCompile(`hq/pbx1/[a-z0-9.-]+`), "CALL"},
	{regexp.MustCompile(`\d+ ms`), "N ms"},
	{regexp.MustCompile(`\b\d+(\.\d+)?s\b`), "Ns"},
	{regexp.MustCompile(`"[a-z0-9.-]+-[A-Z2-7]{6}-[A-Z2-7]{26}"`), `"INTENT"`},
	// Milliseconds apart, and either may be first.
	{regexp.MustCompile(`(?m)^(.* phone +the call is over\n)(.* decided +the message is kept, .*\n)`), "$2$1"},
}

// goldenSaid compares what an operator's command says with a golden file.
func (s *site) goldenSaid(name, got string) {
	s.t.Helper()
	got = strings.NewReplacer(s.dir, "DIR", s.gate.address, "ZENDESK", s.pbx.Addr(), "PBX").Replace(got)
	for _, f := range passing {
		got = f.pattern.ReplaceAllString(got, f.by)
	}
	file := filepath.Join("testdata", "operator", name+".golden")
	if *update {
		require.NoError(s.t, os.MkdirAll(filepath.Dir(file), 0o750))
		require.NoError(s.t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(s.t, err, "write it with -update")
	require.Empty(s.t, cmp.Diff(string(want), got), "%s (-want +got)", file)
}

// cli runs a command on the site's configuration.
func (s *site) cli(want int, args ...string) (out, errs string) {
	s.t.Helper()
	args = append([]string{args[0], "--config", s.config}, args[1:]...)
	code, out, errs := runCLI(s.t.Context(), args...)
	require.Equal(s.t, want, code, "%v: %s%s", args, out, errs)
	return out, errs
}

// byHand makes a ticket as a person would.
func (s *site) byHand(externalID string) int64 {
	s.t.Helper()
	client, err := zendesk.New(s.gate.URL(), zendesk.OAuthClientCredentials{ClientID: "talkbridge", ClientSecret: "zendesk-secret"})
	require.NoError(s.t, err)
	defer client.CloseIdleConnections()
	ticket, err := client.CreateTicket(s.t.Context(), zendesk.NewTicket{Ticket: zendesk.TicketFields{
		Subject: "by hand", Comment: &zendesk.Comment{Body: "by hand"}, ExternalID: externalID,
	}}, zendesk.CreateTicketOptions{})
	require.NoError(s.t, err)
	return ticket.ID
}

// leisurely is an answered call that rings, and is talked on, for long enough that
// everything that is done meanwhile is done.
func (s *site) leisurely() asterisktest.Scenario {
	call := answered()
	call.Hold = asterisktest.Hold{Phase: asterisktest.Ringing, For: 1500 * time.Millisecond}
	return s.untilShown(call, 1)
}

// settle waits until nothing is owed about a call.
func (s *site) settle(c *child, id string) {
	s.t.Helper()
	s.eventually(c, id+" is settled", func() bool { return s.settled(id) })
}

// TestExplain: the story of a real call reads well, however the call is named,
// and with the daemon stopped it is the same.
func TestExplain(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	id := s.play(s.leisurely())
	s.settle(c, id)

	story, _ := s.cli(exitOK, "explain", id)
	s.goldenSaid("explain_answered", story)
	native := id[strings.LastIndex(id, "/")+1:]
	for _, name := range []string{native, "#1", id[len(id)-9:]} {
		same, _ := s.cli(exitOK, "explain", name)
		require.Equal(t, story, same, name)
	}
	with, _ := s.cli(exitOK, "explain", id, "--requests")
	s.goldenSaid("explain_requests", with)

	var e explanation
	out, _ := s.cli(exitOK, "explain", id, "--json")
	require.NoError(t, json.Unmarshal([]byte(out), &e))
	require.True(t, e.Settled)
	require.Equal(t, int64(1), e.Call.Ticket)
	require.NotEmpty(t, e.Lines)

	_, errs := s.cli(exitRun, "explain", "nothing-like-it")
	require.Contains(t, errs, "no call")
	_, errs = s.cli(exitRun, "explain", "#99")
	require.Contains(t, errs, "nor does zendesk have it")
	_, errs = s.cli(exitUsage, "explain")
	require.Contains(t, errs, "explain needs a call")
	other := s.play(answered())
	s.settle(c, other)
	_, errs = s.cli(exitRun, "explain", ".") // the end of none
	require.Contains(t, errs, "no call")
	for range 12 { // two of them end in the same digit
		call := s.pbx.Inbound(asterisktest.Party{Number: "+493010001234"}, "+15550100001")
		call.Hangup()
		require.NoError(t, call.Err())
	}
	s.eventually(c, "more than one call ends so", func() bool {
		_, out, errs := runCLI(t.Context(), "explain", "--config", s.config, "0")
		return out == "" && strings.Contains(errs, `calls end with "0"`) && strings.Contains(errs, "give more of the id")
	})
	c.stop(t)

	alone, _ := s.cli(exitOK, "explain", id)
	require.Equal(t, story, alone)
}

// TestExplainScenarios: queues, transfers and voicemails, as they were captured.
//
//nolint:paralleltest // the calls share a site one after the other: their tickets are numbered
func TestExplainScenarios(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.player.Speed = 2
	c := s.startReady()
	for _, tt := range []struct {
		capture string
		pops    int
	}{{"e_queue_second_agent", 1}, {"i1_attended_feature", 2}, {"i2_attended_refer", 2}, {"b_voicemail", 0}, {"g1_outbound_answered", 1}} {
		t.Run(tt.capture, func(t *testing.T) {
			played, err := s.player.Play(t.Context(), s.untilShown(asterisktest.Scenario{Capture: tt.capture, Kind: tt.capture}, tt.pops))
			require.NoError(t, err)
			id := "hq/pbx1/" + played.Linkedids[0]
			s.settle(c, id)
			story, _ := s.cli(exitOK, "explain", id)
			s.goldenSaid("explain_"+tt.capture, story)
		})
	}
	c.stop(t)
}

// TestExplainTicketOfAnotherCall: a ticket that is not among the newest calls is
// known by its external_id.
func TestExplainTicketOfAnotherCall(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	_, errs := s.cli(exitRun, "explain", "#1")
	require.Contains(t, errs, "no journal yet")
	c := s.startReady()
	_, errs = s.cli(exitRun, "explain", fmt.Sprintf("#%d", s.byHand("other-system-7")))
	require.Contains(t, errs, `belongs to no call in this journal (its external_id is "other-system-7")`)
	c.stop(t)
}

// park plays a call whose ticket Zendesk refuses for good.
func (s *site) park(c *child) (string, *zendesktest.Injected) {
	s.t.Helper()
	fault := s.zendesk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: createPath, Effect: zendesktest.Status(http.StatusForbidden, 0)})
	id := s.play(s.leisurely())
	s.eventually(c, "parked", func() bool {
		out, _ := s.cli(exitOK, "calls", "--state", "parked", "--json")
		return len(rowsOf(s.t, out)) > 0
	})
	return id, fault
}

// TestRetry: what is parked is explained, tried again, and comes to one ticket.
func TestRetry(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	out, _ := s.cli(exitRun, "retry", "--all")
	require.Empty(t, out)
	c := s.startReady()
	out, _ = s.cli(exitOK, "retry", "--all")
	require.Equal(t, "nothing is parked\n", out)
	id, fault := s.park(c)
	s.eventually(c, "the call is over", func() bool {
		out, _ := s.cli(exitOK, "calls", "--json")
		return rowsOf(t, out)[0].Disposition != ""
	})
	var story string
	s.eventually(c, "its page is told of", func() bool {
		story, _ = s.cli(exitOK, "explain", id)
		return strings.Contains(story, "page: user")
	})
	s.goldenSaid("explain_parked", story)
	out, _ = s.cli(exitOK, "retry", id, "--dry-run")
	s.goldenSaid("retry_dry_run", out)
	require.Empty(t, s.zendesk.TicketsByExternalID(id))

	fault.Remove()
	out, _ = s.cli(exitOK, "retry", "--all")
	s.goldenSaid("retry_all", out)
	s.settle(c, id)
	require.Len(t, s.zendesk.TicketsByExternalID(id), 1)
	story, _ = s.cli(exitOK, "explain", id)
	s.goldenSaid("explain_retried", story)
	_, errs := s.cli(exitRun, "retry", id)
	require.Contains(t, errs, "nothing is parked")
	_, errs = s.cli(exitUsage, "retry", id, "--all")
	require.Contains(t, errs, "not both")
	c.stop(t)
}

// TestRetryWithoutDaemon: the next daemon does it.
func TestRetryWithoutDaemon(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	id, fault := s.park(c)
	c.stop(t)
	fault.Remove()
	story, _ := s.cli(exitOK, "explain", id)
	require.Contains(t, story, "Parked: make the ticket")
	out, _ := s.cli(exitOK, "calls", "--state", "parked", "--json")
	require.Len(t, rowsOf(t, out), 1)
	out, _ = s.cli(exitOK, "retry", "--all")
	require.Contains(t, out, "tried again when the daemon starts")
	c = s.startReady()
	s.settle(c, id)
	require.Len(t, s.zendesk.TicketsByExternalID(id), 1)
	c.stop(t)
}

// TestCallsFilters: each filter leaves what it should.
func TestCallsFilters(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	out, _ := s.cli(exitOK, "calls", "--state", "missed")
	require.Equal(t, "no such calls\n", out)
	c := s.startReady()
	first := s.play(answered())
	bob := answered()
	bob.Agents, bob.DID, bob.Caller = []string{"1002"}, "+15550100003", asterisktest.Party{Number: "+493010005678", Name: "\x1b[31mRed\u202e"}
	second := s.play(bob)
	message := s.play(asterisktest.Scenario{Capture: "b_voicemail", Kind: "voicemail", Agents: []string{"1001"}})
	for _, id := range []string{first, second, message} {
		s.settle(c, id)
	}
	ticket := s.zendesk.TicketsByExternalID(second)[0].ID
	filters := []struct {
		args []string
		want []string
	}{
		{[]string{"--state", "answered"}, []string{second, first}},
		{[]string{"--state", "voicemail"}, []string{message}},
		{[]string{"--state", "live"}, nil},
		{[]string{"--agent", "bob"}, []string{second}},
		{[]string{"--agent", "1002"}, []string{second}},
		{[]string{"--agent", "PJSIP/1002"}, []string{second}},
		{[]string{"--number", "030 10005678"}, []string{second}},
		{[]string{"--number", "0005678"}, []string{second}},
		{[]string{"--line", "service"}, []string{second}},
		{[]string{"--line", "+15550100003"}, []string{second}},
		{[]string{"--since", "1h", "--state", "answered", "-n", "1"}, []string{second}},
		{[]string{"--since", "2030-01-01"}, nil},
		{[]string{"--ticket", fmt.Sprintf("#%d", ticket)}, []string{second}},
	}
	check := func() {
		for _, f := range filters {
			out, _ := s.cli(exitOK, append([]string{"calls", "--json"}, f.args...)...)
			var ids []string
			for _, r := range rowsOf(t, out) {
				ids = append(ids, string(r.ID))
			}
			require.Equal(t, f.want, ids, "%v", f.args)
		}
	}
	check()
	out, _ = s.cli(exitOK, "explain", second)
	require.NotContains(t, out, "\x1b")
	require.NotContains(t, out, "\u202e")
	require.Contains(t, out, "[31mRed (+493010005678)")
	c.stop(t)
	check()
	for _, args := range [][]string{{"--state", "gone"}, {"--since", "soon"}, {"--ticket", "x"}, {"--number", "1"}} {
		_, errs := s.cli(exitUsage, append([]string{"calls"}, args...)...)
		require.Contains(t, errs, "want")
	}
}

// TestPop: the page opens where it should, and what was meant is explained.
func TestPop(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	number := fmt.Sprint(s.byHand(""))
	out, _ := s.cli(exitOK, "pop", "--agent", "alice", "--ticket", number, "--dry-run")
	s.goldenSaid("pop_dry_run", out)
	require.Empty(t, s.zendesk.Pops())

	c := s.startReady()
	for i, who := range []string{"Alice", "1001", "PJSIP/1001", "alice@example.com", fmt.Sprint(s.agentID("Alice"))} {
		out, _ = s.cli(exitOK, "pop", "--agent", who, "--ticket", number)
		require.Contains(t, out, "accepted")
		require.Len(t, s.zendesk.Pops(), i+1)
		require.Equal(t, s.agentID("Alice"), s.zendesk.Pops()[i].AgentID)
	}
	out, _ = s.cli(exitOK, "pop", "--agent", "1002", "--user", fmt.Sprint(s.agentID("Carol")))
	s.goldenSaid("pop_user", out)
	out, errs := s.cli(exitRun, "pop", "--agent", "Bob", "--ticket", "4711")
	s.goldenSaid("pop_refused", out+errs)
	_, errs = s.cli(exitRun, "pop", "--agent", "Dora", "--ticket", "1")
	require.Contains(t, errs, "there are Alice, Bob, Carol")
	for _, args := range [][]string{{"--ticket", "1"}, {"--agent", "Bob"}, {"--agent", "Bob", "--ticket", "1", "--user", "2"}} {
		_, _ = s.cli(exitUsage, append([]string{"pop"}, args...)...)
	}
	c.stop(t)
}

// TestLookup: the answer is the same with and without a daemon.
func TestLookup(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	for _, u := range []zendesktest.User{
		{Name: "Erika \x1b[2J", Phone: "+49 30 10001234"},
		{Name: "Her office", Phone: "+493010001234", SharedPhone: true},
		{Name: "Abroad", Phone: "+443010001234"},
	} {
		_, err := s.zendesk.AddUser(u)
		require.NoError(t, err)
	}
	look := func(args ...string) string {
		out, _ := s.cli(exitOK, append([]string{"lookup"}, args...)...)
		return out
	}
	known, unknown := look("030 10001234", "--line", "support"), look("+493077777777")
	s.goldenSaid("lookup_known", known)
	s.goldenSaid("lookup_unknown", unknown)
	s.goldenSaid("lookup_withheld", look("anonymous"))
	s.goldenSaid("lookup_garbage", look("call-me"))
	c := s.startReady()
	require.Equal(t, known, look("030 10001234", "--line", "support"))
	require.Equal(t, unknown, look("+493077777777"))
	id := s.play(answered())
	s.settle(c, id)
	require.Contains(t, look("+493010001234"), "for an hour nobody is asked")
	var l bridge.Lookup
	require.NoError(t, json.Unmarshal([]byte(look("+493010001234", "--json")), &l))
	require.Equal(t, "direct", l.How)
	c.stop(t)

	s.zendesk.Inject(zendesktest.Fault{Effect: zendesktest.HTML()})
	_, errs := s.cli(exitRun, "lookup", "+493010001234")
	require.Contains(t, errs, "answered with text/html instead of JSON")
}

// TestLookupOfSeveral: who shares the number, and where it stands.
func TestLookupOfSeveral(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{edit: []string{"tickets: {", "tickets: {shared_number_policy: tag, number_field: more_numbers, "}})
	for _, u := range []zendesktest.User{
		{Name: "Anna Schmidt", Phone: "+493010001234", SharedPhone: true},
		{Name: "Ben Schmidt", Fields: map[string]any{"more_numbers": "+493010009999; +493010001234"}},
		{Name: "Cem Schmidt", Phone: "+493010005555", Fields: map[string]any{"more_numbers": "+493010009999 +493010001234"}},
		{Name: "Caller +493010001234", Phone: "+493010001234", SharedPhone: true, ExternalID: "talkbridge:+493010001234"},
		{Name: "Dora", Phone: "+493020002222", PhoneIdentities: []string{"+493020002222", "030 30003333"}},
	} {
		_, err := s.zendesk.AddUser(u)
		require.NoError(t, err)
	}
	out, _ := s.cli(exitOK, "lookup", "+493010001234")
	s.goldenSaid("lookup_several", out)
	out, _ = s.cli(exitOK, "lookup", "+493030003333")
	s.goldenSaid("lookup_further", out)
}

// TestParseSince: a moment as people write it.
func TestParseSince(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.Local)
	for _, tt := range []struct {
		text string
		want time.Time
	}{
		{"", time.Time{}},
		{"90m", now.Add(-90 * time.Minute)},
		{"3d", now.AddDate(0, 0, -3)},
		{"2026-03-01", time.Date(2026, 3, 1, 0, 0, 0, 0, time.Local)},
		{"2026-03-01 08:30", time.Date(2026, 3, 1, 8, 30, 0, 0, time.Local)},
		{"2026-03-01T08:30:00Z", time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)},
	} {
		got, err := parseSince(tt.text, now)
		require.NoError(t, err, tt.text)
		require.True(t, tt.want.Equal(got), "%s: %s", tt.text, got)
	}
	for _, text := range []string{"soon", "-2h", "3", "2026-13-01"} {
		_, err := parseSince(text, now)
		require.ErrorContains(t, err, "--since", text)
	}
}

// TestPage: hostile texts stay in their line, and colours are of our making.
func TestPage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := page{Writer: &b, colour: true}
	p.raw(p.ink(redInk, "a\x1b[2J\nb\u202e"), p.ink(plainInk, "\x07c"))
	require.Equal(t, "\x1b[31ma[2J b\x1b[0mc\n", b.String())
	require.False(t, newPage(&b).colour, "no terminal, no colours")
	require.Equal(t, []string{"one two", "three"}, wrap("one two  three", 8))
	require.Equal(t, []string{""}, wrap("", 8))
	require.Equal(t, []string{"one  two"}, page{}.lines("one  two", 5), "where it is no terminal, lines stay whole")
	require.Len(t, page{width: 20}.lines(strings.Repeat("word ", 20), 5), 3)
}

// TestExamplesOfCommandsAreCurrent: the examples of the documentation are what the
// tests saw.
func TestExamplesOfCommandsAreCurrent(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/commands.md")
	require.NoError(t, err)
	for _, name := range []string{
		"explain_answered", "explain_i2_attended_refer", "explain_parked", "retry_all", "pop_user", "lookup_known", "lookup_unknown", "lookup_several",
		"doctor_healthy", "doctor_broken",
	} {
		said, err := os.ReadFile(filepath.Join("testdata", "operator", name+".golden"))
		require.NoError(t, err)
		require.Contains(t, string(doc), string(said), name)
	}
	for _, command := range []string{"calls", "explain", "retry", "pop", "lookup", "doctor", "health", "check", "completion", "man", "zendesk", "simulate-zendesk"} {
		require.Contains(t, string(doc), command)
	}
}
