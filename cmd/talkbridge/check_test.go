package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// example writes the example of the repository, with pairs of old and new
// exchanged, and returns its path.
func example(t *testing.T, edit ...string) string {
	t.Helper()
	text := strings.NewReplacer(append([]string{"${ZENDESK_CLIENT_SECRET}", "one", "${AMI_SECRET}", "two"}, edit...)...).
		Replace(readDeploy(t, "config.example.yaml"))
	path := filepath.Join(t.TempDir(), "talkbridge.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// The tests of the example pass, and each fails when what it is about changes.
func TestCheckRunsTests(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		edit []string
		want string
	}{
		{name: "passes", want: "ok: site hq, 1 phone systems, 2 lines, 2 agents, 3 tests passed"},
		{name: "a tag of the site", edit: []string{"tags: [phone]\n", "tags: [phone, new]\n"}, want: "tests[0].ticket.tags: are [call_inbound, new, phone, talkbridge]"},
		{name: "a tag of the line", edit: []string{`tags: [sales, "{{.queue}}"]`, "tags: [sales]"}, want: "tests[1].ticket.tags: are [call_inbound, phone, sales, talkbridge]"},
		{name: "a template", edit: []string{"Sales: {{.name | default .number}}", "{{.line}}"}, want: `tests[1].ticket.subject: is "Sales", expected "Sales: +15550123002"`},
		{name: "a page", edit: []string{"screen_pop: {on: ringing, open: user}", "screen_pop: {on: answer, open: user}"}, want: `tests[1].pops[0].on: is "answer", expected "ringing"`},
		{name: "a rule", edit: []string{"shortest_talk: 0s", "shortest_talk: 2m"}, want: "tests[0].ticket: is none, expected one: the call is inbound, answered, and no ticket: talked for 1m5s"},
		{name: "tickets at the end", edit: []string{"create: answer", "create: end"}, want: `tests[0].pops[0].open: is "user", expected "ticket"`},
		{name: "a priority", edit: []string{"# priority: \"{{if", "priority: \"{{if", `eq .queue \"vip\"}}high`, `eq .queue \"support\"}}high`}, want: `tests[0].ticket.priority: is "high", expected none`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := runCLI(t.Context(), "check", "--config", example(t, tt.edit...))
			require.Contains(t, out+errs, tt.want)
			require.Equal(t, map[bool]int{true: exitOK, false: exitConfig}[len(tt.edit) == 0], code)
			require.NotContains(t, out+errs, "level=", "nothing is logged")
		})
	}
}

// Whoever writes a test sees what can be expected of it.
func TestCheckShowsTests(t *testing.T) {
	t.Parallel()
	bare := []string{"    ticket: none\n    pops: []\n", ""}
	code, out, errs := runCLI(t.Context(), "check", "--config", example(t, bare...))
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "# tests[2]: calls between agents get none\n  # internal, answered: internal calls get no ticket\n  ticket: none\n  pops: []\n")
	require.NotContains(t, out, "tests[1]")
	require.Contains(t, out, "2 tests passed")

	code, out, errs = runCLI(t.Context(), "check", "--verbose", "--config", example(t, bare...))
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "  # tests[1]: sales sees who calls while the phone rings\n  ticket:\n    via: inbound\n    subject: \"Sales: +15550123002\"\n")
}

// The tests that docs/tickets.md shows pass with the example and the rule that
// they are about.
func TestDocumentedTestsPass(t *testing.T) {
	t.Parallel()
	_, section, found := strings.Cut(readDeploy(t, "docs/tickets.md"), "## Try it on calls")
	require.True(t, found)
	_, block, _ := strings.Cut(section, "```yaml\ntests:\n")
	block, _, found = strings.Cut(block, "```")
	require.True(t, found)
	_, shown, found := strings.Cut(readDeploy(t, "config.example.yaml"), "\ntests:\n")
	require.True(t, found)
	code, out, errs := runCLI(t.Context(), "check", "--config", example(t, shown, block, "  shortest_ring: 0s", "  shortest_ring: 5s"))
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "2 tests passed")
	code, _, errs = runCLI(t.Context(), "check", "--config", example(t, shown, block, "Sales: {{.name", "{{.name"))
	require.Equal(t, exitConfig, code)
	require.Contains(t, errs, "tests[0].ticket.subject: is \"Erika\", expected \"Sales: Erika\"; in \"a call to sales that Ana answers\"")
}

// A test that fails stops neither a start nor a reload.
func TestServeRunsNoTests(t *testing.T) {
	t.Parallel()
	failing := "site: hq\ntests: [{name: x, call: {from: anonymous, to: \"1\", agent: Nobody}, ticket: none}]"
	s := newSite(t, siteOptions{edit: []string{"site: hq", failing}})
	code, _, errs := runCLI(t.Context(), "check", "--config", s.config)
	require.Equal(t, exitConfig, code)
	require.Contains(t, errs, "\"Nobody\" is no name of agents")
	c := s.startReady()
	c.signal(t, syscall.SIGHUP)
	c.says(t, "agents, lines and policy read again")
	c.stop(t)
}
