package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/stretchr/testify/require"
)

const examplePath = "../../../../config.example.yaml"

func exampleEnv(name string) (string, bool) {
	return "value of " + name + ", long enough for a key", true
}

func readExample(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(examplePath)
	require.NoError(t, err)
	return string(text)
}

func TestExampleLoads(t *testing.T) {
	t.Parallel()
	cfg, err := parse("/etc/talkbridge/talkbridge.yaml", []byte(readExample(t)), 0, exampleEnv)
	require.NoError(t, err)
	require.Empty(t, cfg.Warnings())
	require.Equal(t, "hq", cfg.Site)
	require.Equal(t, "value of AMI_SECRET, long enough for a key", cfg.Sources[0].Asterisk.Secret.Reveal())
	require.Equal(t, []string{"PJSIP/trunk"}, cfg.Sources[0].Asterisk.Trunks)
	require.Equal(t, AgentRef{ID: 900123456}, cfg.Agents[1].Zendesk)
	require.Equal(t, "/etc/talkbridge/data", cfg.Journal.Dir)
	require.Equal(t, "/etc/talkbridge/data/recordings", cfg.Recordings.Dir)
	require.Equal(t, "/etc/talkbridge/data/recordings.keys", cfg.Recordings.KeysFile)
	require.Equal(t, ScreenPop{On: "ringing", Open: "user", RingGroups: "answer", Deadline: 8 * time.Second}, cfg.PopFor(cfg.Lines[1]))
	require.Equal(t, cfg.ScreenPop, cfg.PopFor(cfg.Lines[0]))
}

// What the example sets where a default exists is the default: who deletes it changes nothing.
func TestExampleShowsDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := parse("/etc/talkbridge/talkbridge.yaml", []byte(readExample(t)), 0, exampleEnv)
	require.NoError(t, err)
	want := Default()
	require.Equal(t, want.ScreenPop, cfg.ScreenPop)
	require.Equal(t, want.Log, cfg.Log)
	require.Equal(t, want.Zendesk.Timeout, cfg.Zendesk.Timeout)
	require.Equal(t, want.Recordings.Keep, cfg.Recordings.Keep)
	require.Equal(t, defaultKeepalive, cfg.Sources[0].Asterisk.Keepalive)
	require.Equal(t, defaultScope, cfg.Zendesk.OAuth.Scope)
	want.HTTP.PublicURL = cfg.HTTP.PublicURL
	require.Equal(t, want.Feed, cfg.Feed)
	require.Equal(t, want.HTTP, cfg.HTTP)
	want.Tickets.Tags = cfg.Tickets.Tags
	require.Equal(t, want.Tickets, cfg.Tickets)
}

var commentedKey = regexp.MustCompile(`(?m)^( *)# (( *)[a-z_]+:( [^ ].*)?)$`)

// Every key of the types stands in the example, set or commented out; and what is commented out is a key with a value
// that would be read.
func TestExampleHasEveryKey(t *testing.T) {
	t.Parallel()
	text := commentedKey.ReplaceAllString(readExample(t), "$1$2")
	r := &report{file: "config.example.yaml"}
	root := readTree(r, []byte(text))
	require.NoError(t, r.err())
	d := &decoder{report: r, env: exampleEnv, at: map[string]place{}}
	d.config(root)
	require.NoError(t, r.err(), "a key that is commented out is not real")

	shown := map[string]bool{}
	for path := range d.at {
		shown[general(path)] = true
	}
	eachField(reflect.TypeFor[Config](), "", func(path string, _ reflect.StructField) {
		require.True(t, shown[path], "%s is not in config.example.yaml", path)
	})
	require.NotNil(t, asMapping(ast.Node(root)))
}

// The comment of every field is the description of its key; none is missing, and none is in another form.
func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	var described int
	var sections func(reflect.Type)
	sections = func(section reflect.Type) {
		for _, f := range fieldsOf(section) {
			text := descriptions()[section.Name()+"."+section.Field(f.index).Name]
			require.True(t, strings.HasSuffix(text, "."), "%s.%s has no description", section.Name(), f.name)
			described++
			inner := section.Field(f.index).Type
			for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if isSection(inner) {
				sections(inner)
			}
		}
	}
	sections(reflect.TypeFor[Config]())
	require.Greater(t, described, 50)
}

var indexes = regexp.MustCompile(`\[[0-9]+\]`)

// general returns a path without the numbers in it.
func general(path string) string { return indexes.ReplaceAllString(path, "[]") }
