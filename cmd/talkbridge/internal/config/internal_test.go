package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestExpand(t *testing.T) {
	t.Parallel()
	env := func(name string) (string, bool) {
		value, ok := map[string]string{"A": "x", "B_2": "${A}", "EMPTY": ""}[name]
		return value, ok
	}
	tests := []struct{ name, text, want, wrong string }{
		{name: "none", text: "plain", want: "plain"},
		{name: "whole", text: "${A}", want: "x"},
		{name: "within", text: "a-${A}-b", want: "a-x-b"},
		{name: "not again", text: "${B_2}", want: "${A}"},
		{name: "empty is set", text: "[${EMPTY}]", want: "[]"},
		{name: "escaped", text: "$${A} $$$$", want: "${A} $$"},
		{name: "lone dollar", text: "pa$word$", want: "pa$word$"},
		{name: "unset", text: "${C}", wrong: "takes the environment variable C, which is not set"},
		{name: "open", text: "${A", wrong: "has ${ without the name of a variable and }"},
		{name: "no name", text: "${}", wrong: "has ${ without the name of a variable and }"},
		{name: "default is not known", text: "${A:-x}", wrong: "has ${ without the name of a variable and }"},
		{name: "digit first", text: "${2A}", wrong: "has ${ without the name of a variable and }"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, wrong, hint := expand(tt.text, env)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.wrong, wrong)
			require.Equal(t, wrong == "", hint == "")
		})
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	keys := []string{"address", "username", "secret", "secret_file", "on", "open"}
	tests := []struct{ text, want string }{
		{"addrss", "address"},
		{"ddress", "address"},
		{"addrses", "address"},
		{"Address", "address"},
		{"user", "username"},
		{"user_name", "username"},
		{"secretfile", "secret_file"},
		{"secret-file", "secret_file"},
		{"opn", "open"},
		{"password", ""},
		{"", ""},
		{strings.Repeat("a", 1000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 20)], func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, nearest(tt.text, keys))
		})
	}
}

func TestParseScalars(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "365d": 365 * day, "0s": 0} {
		got, ok := parseDuration(text)
		require.True(t, ok, text)
		require.Equal(t, want, got)
		if want > 0 {
			again, _ := parseDuration(formatDuration(want))
			require.Equal(t, want, again)
		}
	}
	for _, text := range []string{"", "90", "-5s", "d", "1.5d", "999999d", "1y", "soon"} {
		_, ok := parseDuration(text)
		require.False(t, ok, text)
	}
	for text, want := range map[string]Size{"8GiB": 8 << 30, "1 MiB": 1 << 20, "5GB": 5e9, "12B": 12, "0kB": 0} {
		got, ok := parseSize(text)
		require.True(t, ok, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "8", "8G", "-1GiB", "1.5GiB", "9999999999TiB", "GiB", "+", "8gib"} {
		_, ok := parseSize(text)
		require.False(t, ok, text)
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	tests := []struct{ check, text, want string }{ // want "" is refused
		{"url", "https://acme.zendesk.com/", "https://acme.zendesk.com"},
		{"url", "http://127.0.0.1:8000", "http://127.0.0.1:8000"},
		{"url", "http://[::1]:8000/x/", "http://[::1]:8000/x"},
		{"url", "http://localhost", "http://localhost"},
		{"url", "http://127.0.0.1.example.com", ""},
		{"url", "https://user:pw@acme.zendesk.com", ""},
		{"url", "https://", ""},
		{"url", "ftp://acme.zendesk.com", ""},
		{"url", "https://acme.zendesk.com/?a=b", ""},
		{"nats", "nats://127.0.0.1:4222", "nats://127.0.0.1:4222"},
		{"nats", "tls://n1.example.com:4222, tls://n2.example.com", "tls://n1.example.com:4222,tls://n2.example.com"},
		{"nats", "nats://n1.example.com:4222", ""},
		{"nats", "tls://user:pw@n1.example.com", ""},
		{"nats", "https://n1.example.com", ""},
		{"nats", "tls://n1.example.com/x", ""},
		{"nats", "tls://n1.example.com,", ""},
		{"hostport", "[::1]:5038", "[::1]:5038"},
		{"hostport", ":0", ":0"},
		{"hostport", "::1:5038", ""},
		{"hostport", "host:-1", ""},
		{"email", "ana@example.com", "ana@example.com"},
		{"email", "ana", ""},
		{"fieldkey", "further_numbers", "further_numbers"},
		{"fieldkey", "Further numbers", ""},
		{"fieldkey", "a:b", ""},
		{"fieldkey", "Phone", ""},
		{"fieldkey", "role", ""},
		{"channel", "PJSIP/trunk-2", "PJSIP/trunk-2"},
		{"channel", "DAHDI/i1", "DAHDI/i1"},
		{"channel", "PJSIP/a;b", ""},
		{"channel", "/x", ""},
		{"tag", "VIP:de", "vip:de"},
		{"tag", "a,b", ""},
		{"country", "gb", "GB"},
		{"country", "ZZ", ""},
		{"name", "pbx-1", "pbx-1"},
		{"name", "pbx_1", ""},
		{"name", strings.Repeat("a", 33), ""},
		{"path", "/a/../b/", "/b"},
		{"path", "a\x00b", ""},
	}
	for _, tt := range tests {
		t.Run(tt.check+" "+tt.text[:min(20, len(tt.text))], func(t *testing.T) {
			t.Parallel()
			kept, wrong, _ := checks[tt.check](tt.text)
			require.Equal(t, tt.want, kept)
			require.Equal(t, tt.want == "", wrong != "")
		})
	}
}

// Every check that a tag names exists, so that a misspelt tag does not switch a rule off.
func TestTagsNameRules(t *testing.T) {
	t.Parallel()
	eachField(reflect.TypeFor[Config](), "", func(path string, f reflect.StructField) {
		name := f.Tag.Get("check")
		switch {
		case f.Type == reflect.TypeFor[time.Duration]():
			require.NotPanics(t, func() { durationRange(name) }, path)
		case f.Type.Kind() == reflect.Int:
			require.NotPanics(t, func() { countRange(name) }, path)
		case name != "":
			require.Contains(t, checks, name, path)
		}
	})
}

// What would make the YAML parser slow or deep is refused before it runs; each in well under a second.
func TestHostileShapes(t *testing.T) {
	t.Parallel()
	const n = 100_000
	tests := []struct{ name, text, want string }{
		{"brackets", strings.Repeat("[", n), "is nested too deeply"},
		{"braces", strings.Repeat("{a: ", n/10), "is nested too deeply"},
		{"dashes", strings.Repeat("- ", n), "is nested too deeply"},
		{"indents", indents(400), "is nested too deeply"},
		{"keys", strings.Repeat("a: 1\n", n/2), "has too many keys"},
		{"keys below", "a:\n" + strings.Repeat("  b:\n", n/2), "has too many keys"},
		{"keys in braces", "a: {" + strings.Repeat("b: 1,", n/4) + "}", "is no key"},
		{"list", "lines: [" + strings.Repeat("1,", n/10) + "]", "and not a mapping"},
		{"tokens", "lines: [" + strings.Repeat("[],", 80_000) + "]", "has too many keys, values and comments"},
		{"questions", strings.Repeat("? ", n), "complex keys (?) are not read here"},
		{"anchors", strings.Repeat("&a ", n), "anchors (&name) are not read here"},
		{"tags", strings.Repeat("!a ", n), "tags (!name) are not read here"},
		{"one key", strings.Repeat("a", n) + ": 1", "is no key"},
		{"one text", "site: " + strings.Repeat("a", n), "is no name"},
		{"zero bytes", "site: a\x00", "no UTF-8 text"},
		{"too large", strings.Repeat("#\n", maxFileBytes/2+1), "is larger than 1MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, err := parse("c.yaml", []byte(tt.text), 0, noEnv)
			require.ErrorContains(t, err, tt.want)
			require.Less(t, time.Since(start), 10*time.Second)
			require.Less(t, len(err.Error()), 64<<10)
		})
	}
}

func indents(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// FuzzParse wants an answer for any bytes, in bounded time: a configuration, or problems with a place.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.yaml")
	require.NoError(f, err)
	for _, file := range append(seeds, examplePath) {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte("site: ${A}\nagents: [{name: a, zendesk: 1, numbers: ['1']}]\n"))
	f.Add([]byte("a: |\n  x\nb: >-\n  y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := parse("c.yaml", data, 0, noEnv)
		if err == nil {
			require.NotEmpty(t, cfg.Site)
			return
		}
		require.Nil(t, cfg)
		all, ok := err.(*Errors) //nolint:errorlint // it is never wrapped
		require.True(t, ok)
		require.NotEmpty(t, all.Problems)
		for _, p := range all.Problems {
			require.Positive(t, p.Line)
			require.Positive(t, p.Column)
			require.NotContains(t, p.String(), "\n")
		}
	})
}
