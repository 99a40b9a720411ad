package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// minimal is the least that loads; tests append to it.
const minimal = `
site: hq
zendesk:
  url: https://acme.zendesk.com/
  oauth: {client_id: talkbridge, client_secret: s3cret-one}
sources:
  - name: pbx1
    asterisk: {address: "127.0.0.1:5038", username: talkbridge, secret: s3cret-two, trunks: [PJSIP/trunk]}
`

func write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	require.NoError(t, os.Chmod(path, mode))
	return path
}

// problems returns the problems of an error that must be *config.Errors.
func problems(t *testing.T, err error) []config.Problem {
	t.Helper()
	all, ok := errors.AsType[*config.Errors](err)
	require.True(t, ok, "%T: %v", err, err)
	return all.Problems
}

func TestLoadMinimal(t *testing.T) {
	t.Parallel()
	path := write(t, "talkbridge.yaml", minimal, 0o600)
	cfg, err := config.Load(path)
	require.NoError(t, err)
	require.Empty(t, cfg.Warnings())
	want := config.Default()
	require.Equal(t, want.ScreenPop, cfg.ScreenPop)
	require.Equal(t, want.Tickets, cfg.Tickets)
	require.Equal(t, want.HTTP, cfg.HTTP)
	require.Equal(t, want.Log, cfg.Log)
	require.Equal(t, "https://acme.zendesk.com", cfg.Zendesk.URL)
	require.Equal(t, "read write", cfg.Zendesk.OAuth.Scope)
	require.Equal(t, filepath.Join(filepath.Dir(path), "data"), cfg.Journal.Dir)
	require.Equal(t, "s3cret-two", cfg.Sources[0].Asterisk.Secret.Reveal())
	require.Empty(t, cfg.CountryFor(config.Line{}))
	require.Equal(t, "DE", cfg.CountryFor(config.Line{Country: "DE"}))
	require.Equal(t, []string{""}, cfg.Countries())
	cfg = &config.Config{Country: "DE", Lines: []config.Line{{Country: "AT"}, {}, {Country: "DE"}, {Country: "AT"}, {Country: "US"}}}
	require.Equal(t, []string{"DE", "AT", "US"}, cfg.Countries())
}

func TestLoadEnvironment(t *testing.T) {
	t.Setenv("TALKBRIDGE_TEST_NAME", "hq-2")
	cfg, err := config.Load(write(t, "c.yaml", strings.Replace(minimal, "site: hq", `site: "${TALKBRIDGE_TEST_NAME}"`, 1), 0o600))
	require.NoError(t, err)
	require.Equal(t, "hq-2", cfg.Site)
}

func TestLoadWithoutFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path, want string
	}{
		{"absent", filepath.Join(t.TempDir(), "absent.yaml"), "cannot be read: no such file or directory; create it, or name another file"},
		{"folder", t.TempDir(), "is no regular file"},
		{"device", "/dev/zero", "is no regular file"},
		{"ten megabytes", write(t, "big.yaml", strings.Repeat("# 345678\n", 10<<20/9), 0o600), "is too large: more than 1MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := config.Load(tt.path)
			require.Nil(t, cfg)
			require.Len(t, problems(t, err), 1)
			require.ErrorContains(t, err, tt.path+": "+tt.want)
		})
	}
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		mode       os.FileMode
		want, fail string
		warning    string
	}{
		{name: "one line end", text: "hunter2\n", mode: 0o600, want: "hunter2"},
		{name: "several line ends", text: "hunter2\r\n\n", mode: 0o640, want: "hunter2"},
		{name: "blanks belong to it", text: " hunter 2 ", mode: 0o600, want: " hunter 2 "},
		{name: "no variables", text: "${HOME}$$", mode: 0o600, want: "${HOME}$$"},
		{name: "everybody reads", text: "hunter2", mode: 0o644, want: "hunter2", warning: "everybody on this machine can read"},
		{name: "empty", text: "\n", mode: 0o600, fail: "is empty; put the secret in it"},
		{name: "too large", text: strings.Repeat("x", 64<<10+1), mode: 0o600, fail: "is too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "ami.secret", tt.text, tt.mode)
			// The name stands relative to the folder of the configuration.
			text := strings.Replace(minimal, "secret: s3cret-two", "secret_file: ami.secret", 1)
			cfg, err := config.Parse(filepath.Join(filepath.Dir(path), "talkbridge.yaml"), []byte(text))
			if tt.fail != "" {
				require.ErrorContains(t, err, "sources[0].asterisk.secret_file: "+path+" "+tt.fail)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, cfg.Sources[0].Asterisk.Secret.Reveal())
			require.Equal(t, path, cfg.Sources[0].Asterisk.SecretFile)
			if tt.warning == "" {
				require.Empty(t, cfg.Warnings())
				return
			}
			require.Len(t, cfg.Warnings(), 1)
			require.Contains(t, cfg.Warnings()[0].String(), tt.warning)
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, from, to string
		mode           os.FileMode
		want           []string // the keys that are warned of
	}{
		{name: "none", mode: 0o640},
		{name: "secrets that everybody reads", mode: 0o644, want: []string{"zendesk.oauth.client_secret", "sources[0].asterisk.secret"}},
		{name: "API token", mode: 0o600, from: "oauth: {client_id: talkbridge, client_secret:", to: "api_token: {email: a@example.com, token:", want: []string{"zendesk.api_token"}},
		{name: "AMI in the clear", mode: 0o600, from: "127.0.0.1:5038", to: "10.0.0.1:5038", want: []string{"sources[0].asterisk.address"}},
		{name: "AMI over TLS", mode: 0o600, from: `"127.0.0.1:5038"`, to: `"10.0.0.1:5039", tls: {}`},
		{name: "relative spool", mode: 0o600, from: "trunks:", to: "voicemail: spool, trunks:", want: []string{"sources[0].asterisk.voicemail"}},
		{name: "recordings", mode: 0o600, from: "trunks:", to: "recordings: /monitor, trunks:"},
		{name: "open listener with a token", mode: 0o600, from: "site: hq", to: "site: hq\nhttp: {listen: \":8080\", tokens: [{token: s3cret-s3cret-s3cret, scope: all}]}"},
		{name: "token that everybody reads", mode: 0o644, from: "site: hq", to: "site: hq\nhttp: {tokens: [{token: s3cret-s3cret-s3cret, scope: all}]}", want: []string{"http.tokens[0].token", "zendesk.oauth.client_secret", "sources[0].asterisk.secret"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := minimal
			if tt.from != "" {
				require.Contains(t, text, tt.from)
				text = strings.Replace(text, tt.from, tt.to, 1)
			}
			if strings.Contains(text, "spool") {
				text += "http: {public_url: https://calls.example.com}\n"
			}
			cfg, err := config.Load(write(t, "c.yaml", text, tt.mode))
			require.NoError(t, err)
			var keys []string
			for _, w := range cfg.Warnings() {
				require.Positive(t, w.Line)
				require.NotContains(t, w.String(), "s3cret")
				keys = append(keys, w.Path)
			}
			require.Equal(t, tt.want, keys)
		})
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	file := write(t, "wall.token", "a-token-of-the-wall-board\n", 0o600)
	const good = "{token: s3cret-s3cret-s3cret, scope: all}"
	for _, tt := range []struct {
		name, http string
		want       []string // parts of the problems, in order; none: it loads
	}{
		{name: "none, on loopback", http: `{listen: "[::1]:8080"}`},
		{name: "none, on every address", http: `{listen: ":8080"}`, want: []string{"http.listen: can be reached from other machines, and no token guards the live feed of calls; give http.tokens"}},
		{name: "none, on an address", http: `{listen: "192.0.2.1:8080", tokens: []}`, want: []string{"http.listen: can be reached"}},
		{name: "on every address", http: `{listen: ":8080", tokens: [` + good + `]}`},
		{name: "from a file, for an agent", http: `{tokens: [{name: desk, token_file: ` + file + `, agent: Ana}]}`},
		{name: "no token", http: `{tokens: [{scope: all}]}`, want: []string{"http.tokens[0].token: is missing; give token_file"}},
		{name: "neither scope nor agent", http: `{tokens: [{token: s3cret-s3cret-s3cret}]}`, want: []string{"http.tokens[0].scope: is missing; write scope: all"}},
		{name: "scope and agent", http: `{tokens: [{token: s3cret-s3cret-s3cret, scope: all, agent: Ana}]}`, want: []string{"http.tokens[0].agent: stands beside http.tokens[0].scope"}},
		{name: "other scope", http: `{tokens: [{token: s3cret-s3cret-s3cret, scope: agent}]}`, want: []string{"http.tokens[0].scope: \"agent\" is not known here"}},
		{name: "unknown agent", http: `{tokens: [{token: s3cret-s3cret-s3cret, agent: Anna}]}`, want: []string{"http.tokens[0].agent: \"Anna\" is the name of no agent; did you mean `Ana`?"}},
		{name: "short", http: `{tokens: [{token: s3cret, scope: all}]}`, want: []string{"http.tokens[0].token: is too short to be safe"}},
		{name: "twice", http: `{tokens: [` + good + `, ` + good + `]}`, want: []string{"http.tokens[1].token: is the same as http.tokens[0].token"}},
		{name: "origin with a path", http: `{origins: ["https://wall.example.com/page"]}`, want: []string{"http.origins[0]"}},
		{name: "origin that is a pattern", http: `{origins: ["*"]}`, want: []string{`http.origins[0]: "*" is no origin of a page`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := config.Parse("c.yaml", []byte(minimal+"agents: [{name: Ana, zendesk: 7, numbers: [\"1001\"]}]\nhttp: "+tt.http+"\n"))
			if tt.want == nil {
				require.NoError(t, err)
				require.Empty(t, cfg.Warnings())
				return
			}
			found := problems(t, err)
			require.Len(t, found, len(tt.want), "%v", err)
			for i, want := range tt.want {
				require.Contains(t, found[i].String(), want)
				require.NotContains(t, found[i].String(), "s3cret")
			}
		})
	}
	cfg, err := config.Parse("c.yaml", []byte(minimal+"http: {tokens: [{token_file: "+file+", scope: all}], origins: [\"HTTPS://Wall.example.com/\"]}\n"))
	require.NoError(t, err)
	require.Equal(t, "a-token-of-the-wall-board", cfg.HTTP.Tokens[0].Token.Reveal())
	require.Equal(t, []string{"https://wall.example.com"}, cfg.HTTP.Origins)
}

func TestMaxClients(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value, want string }{
		{"number", "50", ""},
		{"number in quotes", `"50"`, ""},
		{"zero", "0", "is out of range; use 1 to 100000"},
		{"negative", "-1", "is out of range"},
		{"far too many", "99999999999999999999", "is out of range"},
		{"fraction", "1.5", "is no whole number"},
		{"word", "many", "is no whole number; use 1 to 100000"},
		{"list", "[1]", "and not a text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := config.Parse("c.yaml", []byte(minimal+"feed: {max_clients: "+tt.value+"}\n"))
			if tt.want == "" {
				require.NoError(t, err)
				require.Equal(t, 50, cfg.Feed.MaxClients)
				return
			}
			require.ErrorContains(t, err, "feed.max_clients: ")
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// Numbers are kept in E.164, whatever way they were written.
func TestNumbers(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse("c.yaml", []byte(minimal+`
country: de
lines:
  - {number: "+1 (555) 010-0001"}
  - {number: "555-010-0002", country: us}
  - {number: "030 1234567"}
agents:
  - {name: Ana, zendesk: Ana@example.com, numbers: ["+1 555 010 0101", "1001", "PJSIP/1001", "sip:ana@example.com"]}
  - {name: Ben, zendesk: "12", numbers: ["0301234568"]}
`))
	require.NoError(t, err)
	require.Equal(t, "DE", cfg.Country)
	require.Equal(t, "+15550100001", cfg.Lines[0].Number)
	require.Equal(t, "+15550100002", cfg.Lines[1].Number)
	require.Equal(t, "+49301234567", cfg.Lines[2].Number)
	require.Equal(t, []string{"+15550100101", "1001", "PJSIP/1001", "sip:ana@example.com"}, cfg.Agents[0].Numbers)
	require.Equal(t, config.AgentRef{Email: "Ana@example.com"}, cfg.Agents[0].Zendesk)
	require.Equal(t, config.AgentRef{ID: 12}, cfg.Agents[1].Zendesk)
}

// A file full of mistakes is reported up to a bound, and the rest is counted.
func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	_, err := config.Parse("c.yaml", []byte(minimal+"agents:\n"+strings.Repeat("  - {nam: x}\n", 500)))
	require.Len(t, problems(t, err), 100)
	require.True(t, strings.HasSuffix(err.Error(), " more"), err.Error()[len(err.Error())-40:])
}

func TestParseKeepsNothingOnError(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse("c.yaml", []byte(strings.Replace(minimal, "address:", "addrss:", 1)))
	require.Nil(t, cfg)
	require.EqualError(t, err, "c.yaml:8:16: sources[0].asterisk.addrss: is no key of the configuration; did you mean `address`?")
}
