package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what a user sees with a file, after replacing what differs
// from run to run.
func (s *site) golden(got string) {
	s.t.Helper()
	replace := []string{s.dir, "DIR", s.gate.address, "ZENDESK", s.pbx.Addr(), "PBX"}
	if tls := s.pbx.TLSAddr(); tls != "" {
		replace = append(replace, tls, "PBX-TLS")
	}
	goldenText(s.t, strings.NewReplacer(replace...).Replace(got))
}

// fleeting is what no two runs have in common.
var fleeting = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`(?m)^time="[^"]*" `), ""},
	{regexp.MustCompile(`retry_in=\S+`), "retry_in=WAIT"},
	{regexp.MustCompile(`127\.0\.0\.1:\d{4,5}`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`process \d+`), "process PID"},
	{regexp.MustCompile(`talkbridge devel\S*`), "talkbridge VERSION"},
	{regexp.MustCompile(`call_id=\S+`), "call_id=CALL"},
	{regexp.MustCompile(`(?m)^level=info .*\n`), ""},
	{regexp.MustCompile(`block 1\.blk, [^;]*;`), "block 1.blk, WHAT AND WHERE;"},
}

// goldenText compares a text with the test's golden file.
func goldenText(t testing.TB, got string) {
	t.Helper()
	for _, f := range fleeting {
		got = f.pattern.ReplaceAllString(got, f.by)
	}
	name := strings.NewReplacer("TestBadInputRefused", "refused", "TestBadInputRunning", "running", "TestBadInputUsage", "usage", "TestHelp", "help").Replace(t.Name())
	file := filepath.Join("testdata", filepath.FromSlash(name)+".golden")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "write it with -update")
	require.Empty(t, cmp.Diff(string(want), got), "%s (-want +got)", file)
}

// TestBadInputRefused: what cannot run says so, with place and remedy, and ends
// with the exit code of its kind.
func TestBadInputRefused(t *testing.T) {
	t.Parallel()
	serve := []string{"serve"}
	for _, tt := range []struct {
		name string
		edit []string
		make func(*site)
		args []string // --config is added
		want int
	}{
		{name: "misspelt key", edit: []string{"timeout: 2s", "timeuot: 2s"}, args: serve, want: exitConfig},
		{name: "wrong type", edit: []string{`numbers: ["1001"]`, "numbers: 1001"}, args: serve, want: exitConfig},
		{
			name: "several errors", args: []string{"check"}, want: exitConfig,
			edit: []string{"site: hq", "site: H Q", "PJSIP/trunk", "trunk", "settle: 30s", "settle: 5", "country: DE", "country: Germany"},
		},
		{name: "template names no field", edit: []string{"settle: 30s", "settle: 30s, subject: \"Call from {{.numbre}}\""}, args: serve, want: exitConfig},
		{name: "template does not parse", edit: []string{"settle: 30s", "settle: 30s, subject: \"Call from {{.number\""}, args: []string{"check"}, want: exitConfig},
		{
			name: "tests fail", args: []string{"check"}, want: exitConfig, edit: []string{"site: hq", "site: hq\n" + strings.Join([]string{
				"tests:",
				"  - name: a call that Alice answers",
				`    call: {from: anonymous, to: "+15550100001", agent: Alice, transfer_to: Bob}`,
				`    ticket: {subject: "Support: anonymous", assignee: Alice}`,
				"    pops: [{agent: Alice, open: user}]",
				"  - {name: a missed call, call: {from: anonymous, to: \"+15550100001\"}, ticket: none}",
				"  - {name: a call that passes, call: {from: anonymous, to: \"+15550100001\"}, pops: []}",
			}, "\n")},
		},
		{
			name: "test with misspelt keys", args: serve, want: exitConfig,
			edit: []string{"site: hq", "site: hq\ntests: [{name: x, call: {form: \"1\", to: \"2\"}, ticket: {subjcet: x}, pop: []}]"},
		},
		{name: "line is no number", edit: []string{"+15550100003", "+1555abc"}, args: serve, want: exitConfig},
		{name: "no file", make: func(s *site) { require.NoError(s.t, os.Remove(s.config)) }, args: serve, want: exitConfig},
		{name: "secret file missing", edit: []string{"client_secret: zendesk-secret", "client_secret_file: zendesk.secret"}, args: serve, want: exitConfig},
		{name: "journal is a file", edit: []string{"dir: data", "dir: talkbridge.yaml"}, args: serve, want: exitRun},
		{name: "journal below a file", edit: []string{"dir: data", "dir: talkbridge.yaml/data"}, args: serve, want: exitRun},
		{name: "journal in a folder that is not there", edit: []string{"dir: data", "dir: a/b/c"}, args: serve, want: exitRun},
		{name: "journal damaged", make: (*site).damage, args: serve, want: exitRun},
		{name: "journal damaged calls", make: (*site).damage, args: []string{"calls"}, want: exitRun},
		{name: "journal of another site", make: func(s *site) {
			s.start().stop(s.t)
			s.write(siteOptions{edit: []string{"site: hq", "site: branch"}})
		}, args: serve, want: exitRun},
		{name: "voicemail folder missing", edit: []string{"/voicemail", "/voice-mail"}, args: serve, want: exitRun},
		{name: "address taken", make: func(s *site) {
			s.listen = s.pbx.Addr()
			s.write(siteOptions{})
		}, args: serve, want: exitRun},
		{name: "second serve", make: func(s *site) {
			s.listen = s.start().address(s.t, "listen") // the same addresses, too
			s.write(siteOptions{})
		}, args: serve, want: exitRun},
		{name: "agent unknown online", edit: []string{"bob@", "rob@"}, args: []string{"check", "--online"}, want: exitConfig},
		{name: "agent is an end user", edit: []string{"bob@", "eve@"}, args: []string{"check", "--online"}, want: exitConfig, make: func(s *site) {
			_, err := s.zendesk.AddUser(zendesktest.User{Name: "Eve", Email: "eve@example.com"})
			require.NoError(s.t, err)
		}},
		{name: "web page online", make: func(s *site) { faulty(zendesktest.HTML())(s) }, args: []string{"check", "--online"}, want: exitConfig},
		{name: "client secret online", edit: []string{"client_secret: zendesk-secret", "client_secret: wrong"}, args: []string{"check", "--online"}, want: exitConfig},
		{name: "zendesk away online", make: func(s *site) { s.gate.shut() }, args: []string{"check", "--online"}, want: exitRun},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{edit: tt.edit})
			if tt.make != nil {
				tt.make(s)
			}
			code, out, errs := runCLI(t.Context(), append(tt.args, "--config", s.config)...)
			s.requireDiscreet(strings.ReplaceAll(errs, "+15550100001", "the line of the example"))
			s.golden(fmt.Sprintf("exit %d\n%s%s", code, out, errs))
			require.Equal(t, tt.want, code, errs)
		})
	}
}

// damage makes a journal with calls in it and flips a byte in the middle.
func (s *site) damage() {
	s.t.Helper()
	c := s.startReady()
	s.ticketOf(c, s.play(answered()), 2)
	c.stop(s.t)
	blocks, err := filepath.Glob(filepath.Join(s.dir, "data", "*", "*", "*", "*", "*", "*.blk"))
	require.NoError(s.t, err)
	if len(blocks) == 0 {
		s.t.Fatal("no block in the journal")
	}
	for _, block := range blocks {
		data, err := os.ReadFile(block)
		require.NoError(s.t, err)
		data[len(data)/2] ^= 0xff
		require.NoError(s.t, os.WriteFile(block, data, 0o600))
	}
}

// TestBadInputUsage: wrong commands and flags end with exit code 2.
func TestBadInputUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"command", []string{"sevre"}},
		{"flag", []string{"serve", "--conifg", "x"}},
		{"argument", []string{"serve", "talkbridge.yaml"}},
		{"limit", []string{"calls", "--limit", "0"}},
		{"limit is no number", []string{"calls", "--limit", "all"}},
		{"exit without calls", []string{"demo", "--exit"}},
		{"speed", []string{"demo", "--speed", "0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := runCLI(t.Context(), tt.args...)
			require.Equal(t, exitUsage, code)
			goldenText(t, fmt.Sprintf("exit %d\n%s%s", code, out, errs))
		})
	}
}

// TestHelp: what each command says of itself.
func TestHelp(t *testing.T) {
	t.Parallel()
	code, bare, errs := runCLI(t.Context())
	require.Equal(t, exitOK, code, errs)
	for _, command := range append([]string{"talkbridge"}, commandNames()...) {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			args := append(strings.Fields(strings.TrimPrefix(command, "talkbridge")), "--help")
			code, out, errs := runCLI(t.Context(), args...)
			require.Equal(t, exitOK, code)
			require.Empty(t, errs)
			if command == "talkbridge" {
				require.Equal(t, bare, out, "without arguments it helps")
			}
			for line := range strings.Lines(out) {
				require.LessOrEqual(t, len([]rune(line)), 92, "too long for a terminal: %s", line)
			}
			goldenText(t, out)
		})
	}
}

// commandNames are all commands, with those above them: "zendesk x handles".
func commandNames() []string {
	var names []string
	for _, c := range documented(newRoot(nil, nil)) {
		names = append(names, strings.TrimPrefix(c.CommandPath(), "talkbridge "))
	}
	return names
}

// TestBadInputRunning: what may be mended from outside does not stop the daemon;
// it says what is wrong and goes on by itself.
func TestBadInputRunning(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options siteOptions
		make    func(*site) (mend func())
		says    string // the log does, when it has noticed
		well    string // the log does, once mended
	}{
		{
			name: "agent unknown", options: siteOptions{edit: []string{"bob@", "rob@"}}, says: "agent not confirmed", well: "agents confirmed",
			make: func(s *site) func() {
				return func() {
					_, err := s.zendesk.AddAgent(zendesktest.User{Name: "Rob Agent", Email: "rob@example.com"})
					require.NoError(s.t, err)
				}
			},
		},
		{
			name: "phone system away", says: "phone system not connected", well: "phone system connected",
			make: func(s *site) func() {
				s.pbx.Shutdown()
				return func() { require.NoError(s.t, s.pbx.Restart()) }
			},
		},
		{name: "phone system secret", options: siteOptions{edit: []string{"secret: tbsecret", "secret: wrong"}}, says: "phone system not connected"},
		{
			name: "plain client on the TLS port", options: siteOptions{pbx: asterisktest.Config{TLS: true}}, says: "phone system not connected",
			make: func(s *site) func() {
				s.write(siteOptions{edit: []string{s.pbx.Addr(), s.pbx.TLSAddr()}})
				return nil
			},
		},
		{name: "TLS client on the plain port", options: siteOptions{edit: []string{"trunks:", "tls: {}, trunks:"}}, says: "phone system not connected"},
		{
			name: "TLS certificate not trusted", options: siteOptions{pbx: asterisktest.Config{TLS: true}}, says: "phone system not connected",
			make: func(s *site) func() {
				s.write(siteOptions{edit: []string{s.pbx.Addr(), s.pbx.TLSAddr(), "trunks:", "tls: {}, trunks:"}})
				return nil
			},
		},
		{
			name: "web page", says: "zendesk does not work", well: "agents confirmed",
			make: func(s *site) func() { return faulty(zendesktest.HTML())(s) },
		},
		{name: "client secret", options: siteOptions{edit: []string{"client_secret: zendesk-secret", "client_secret: wrong"}}, says: "zendesk does not work"},
		{
			name: "zendesk away", says: "zendesk does not work", well: "agents confirmed",
			make: func(s *site) func() {
				s.gate.shut()
				return s.gate.open
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.options)
			var mend func()
			if tt.make != nil {
				mend = tt.make(s)
			}
			c := s.launch()
			c.says(t, tt.says)
			if strings.HasPrefix(tt.says, "phone system") {
				c.says(t, "agents confirmed")
			} else {
				c.says(t, "phone system connected")
			}
			status, ready := c.page(t, "/readyz")
			require.Equal(t, http.StatusServiceUnavailable, status)
			s.golden(complaints(c.log.String()) + errorsOf(t, ready))
			if tt.well != "" {
				mend()
				c.says(t, tt.well)
			}
			c.stop(t)
		})
	}
}

// complaints are the lines of a log that ask for a person, the first of each
// kind.
func complaints(log string) string {
	var b strings.Builder
	seen := make(map[string]bool)
	for line := range strings.Lines(log) {
		_, text, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(text, "level=warning") && !strings.HasPrefix(text, "level=error") {
			continue
		}
		message, _, _ := strings.Cut(text, "\" ")
		if !seen[message] {
			seen[message] = true
			b.WriteString(text)
		}
	}
	return b.String()
}

// errorsOf are the reasons of /readyz.
func errorsOf(t *testing.T, page string) string {
	t.Helper()
	var h health
	require.NoError(t, json.Unmarshal([]byte(page), &h))
	return "/readyz: " + strings.Join(h.Errors, "\n/readyz: ") + "\n"
}
