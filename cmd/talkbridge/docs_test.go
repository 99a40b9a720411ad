package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// The documents are held to what the program is: nothing an operator may meet
// is missing in them, nothing they rely upon is missing in it.

const operations = "docs/operations.md"

// metricName finds the name in a description, whose only view is a text.
var metricName = regexp.MustCompile(`fqName: "([^"]+)"`)

// registered are the names of the daemon's metrics, those without a value yet
// included.
func registered(t *testing.T) map[string]bool {
	t.Helper()
	s := newSite(t, siteOptions{edit: []string{"lines:\n", "  - name: pbx2\n    ari: {url: \"http://127.0.0.1:1\", username: u, password: p, trunks: [PJSIP/trunk]}\nlines:\n"}})
	cfg, err := config.Load(s.config)
	require.NoError(t, err)
	log, _ := test.NewNullLogger()
	d, err := newDaemon(t.Context(), cfg, log)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		d.registry.Describe(descriptions)
	}()
	names := make(map[string]bool)
	for description := range descriptions {
		name := metricName.FindStringSubmatch(description.String())
		require.NotNil(t, name, description)
		names[name[1]] = true
	}
	return names
}

func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	page := readDeploy(t, operations)
	names := registered(t)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if strings.HasPrefix(name, "talkbridge_") {
			require.Contains(t, page, "`"+name+"`", "%s: give it a row under Metrics", operations)
		}
	}
	source := strings.Join(sources(t), "\n")
	for _, used := range metricsIn(page) {
		require.True(t, names[used] || strings.Contains(source, `"`+used+`"`), "%s names %s, which does not exist", operations, used)
	}
}

// metricsIn are the metrics that a text uses, without the endings that a
// histogram adds.
func metricsIn(text string) []string {
	var names []string
	for _, name := range regexp.MustCompile(`\b(?:talkbridge|process|go)_[a-z_]+[a-z]\b`).FindAllString(text, -1) {
		name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		names = append(names, name)
	}
	return names
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				For                 string
				Labels, Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(readDeploy(t, "deploy/alerts.yaml")), &file))
	require.Len(t, file.Groups, 1)
	names, page := registered(t), readDeploy(t, operations)
	seen := make(map[string]bool)
	for _, rule := range file.Groups[0].Rules {
		require.False(t, seen[rule.Alert], rule.Alert)
		seen[rule.Alert] = true
		require.Contains(t, []string{"critical", "warning", "info"}, rule.Labels["severity"], rule.Alert)
		require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
		require.NotEmpty(t, rule.Annotations["description"], rule.Alert)
		require.Contains(t, page, "`"+rule.Alert+"`", "%s: say what to do about it", operations)
		for _, name := range metricsIn(rule.Expr) {
			require.True(t, names[name], "%s uses %s, which does not exist", rule.Alert, name)
		}
	}
	for _, name := range regexp.MustCompile("`(Talkbridge[A-Za-z]+)`").FindAllStringSubmatch(page, -1) {
		require.True(t, seen[name[1]], "%s names the alert %s, which does not exist", operations, name[1])
	}
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(readDeploy(t, "deploy/grafana.json")), &dashboard))
	names, ids := registered(t), make(map[int]bool)
	shown := make(map[string]bool)
	for _, panel := range dashboard.Panels {
		require.False(t, ids[panel.ID], panel.Title)
		ids[panel.ID] = true
		for _, target := range panel.Targets {
			require.Contains(t, target.Expr, `job=~"$job"`, panel.Title)
			for _, name := range metricsIn(target.Expr) {
				require.True(t, names[name], "%s uses %s, which does not exist", panel.Title, name)
				shown[name] = true
			}
		}
	}
	require.Greater(t, len(shown), 15)
}

// logged is a message of the program's log, and where it is written.
type logged struct{ level, message, place string }

// messages finds what the program logs at warning and error: the calls of a
// logger with one constant text.
func messages(t *testing.T) []logged {
	t.Helper()
	var all []logged
	for _, path := range sourceFiles(t) {
		all = append(all, messagesOf(t, path)...)
	}
	return all
}

// sources are the texts of the program's files.
func sources(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, path := range sourceFiles(t) {
		all = append(all, readDeploy(t, strings.TrimPrefix(path, repository+"/")))
	}
	return all
}

// sourceFiles are the files that the program is made of: no tests, and no
// servers for tests.
func sourceFiles(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasSuffix(name, "test") || name == "testdata" || strings.HasPrefix(name, ".") && name != ".."):
			return fs.SkipDir
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			all = append(all, path)
		}
		return nil
	})
	require.NoError(t, err)
	return all
}

func messagesOf(t *testing.T, path string) []logged {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, 0)
	require.NoError(t, err)
	var found []logged
	ast.Inspect(file, func(n ast.Node) bool {
		call, isCall := n.(*ast.CallExpr)
		if !isCall || len(call.Args) == 0 {
			return true
		}
		method, isMethod := call.Fun.(*ast.SelectorExpr)
		if !isMethod {
			return true
		}
		// The driver says each kind of oddity once.
		once := method.Sel.Name == "once" && strings.Contains(path, "telephony") && len(call.Args) == 3
		if !once && (len(call.Args) != 1 || !slices.Contains([]string{"Warn", "Error"}, method.Sel.Name)) {
			return true
		}
		text, isText := call.Args[len(call.Args)-1].(*ast.BasicLit)
		if !isText || text.Kind != token.STRING {
			return true
		}
		message, err := strconv.Unquote(text.Value)
		require.NoError(t, err)
		level := strings.ToLower(strings.Replace(method.Sel.Name, "once", "warn", 1))
		found = append(found, logged{level, message, files.Position(call.Pos()).String()})
		return true
	})
	return found
}

func TestLogMessagesAreDocumented(t *testing.T) {
	t.Parallel()
	page := readDeploy(t, operations)
	all := messages(t)
	require.Greater(t, len(all), 25, "the search finds what is logged")
	for _, m := range all {
		require.Contains(t, page, "| "+m.level+" | `"+m.message+"` |", "%s: give the message of %s a row under Log", operations, m.place)
	}
}

func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	page := readDeploy(t, operations)
	for _, code := range []int{exitOK, exitRun, exitUsage, exitConfig} {
		require.Contains(t, page, "\n| "+strconv.Itoa(code)+" |")
	}
}

// Every command stands in the README.
func TestCommandsAreDocumented(t *testing.T) {
	t.Parallel()
	readme := readDeploy(t, "README.md")
	for _, command := range newRoot(nil, nil).Commands() {
		require.Contains(t, readme, "| `talkbridge "+command.Name()+"` |")
	}
}

// Links between the documents lead somewhere.
func TestLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	code := regexp.MustCompile("(?s)```.*?```")
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md"} {
		pages, err := filepath.Glob(filepath.Join(repository, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, pages, pattern)
		for _, page := range pages {
			text := code.ReplaceAllString(readDeploy(t, strings.TrimPrefix(page, repository+"/")), "")
			for _, to := range link.FindAllStringSubmatch(text, -1) {
				require.FileExists(t, filepath.Join(filepath.Dir(page), to[1]), page)
			}
		}
	}
}
