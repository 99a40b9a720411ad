package wording_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge/wording"
)

func call() wording.Call {
	start := time.Date(2026, 3, 2, 23, 30, 0, 0, time.UTC)
	return wording.Call{
		ID: "hq/pbx1/1.1", Number: "+12125550123", Name: "Carl", Line: "Support", Queue: "sales", Agents: []string{"Ana", "Ben"},
		Started: start, AnsweredAt: start.Add(5 * time.Second), Wait: 5 * time.Second, Talk: 89500 * time.Millisecond, Answered: true,
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, source, want string }{
		{"plain", "A call", "A call"},
		{"empty", "", ""},
		{"fields", "{{.line}}: {{.name}} {{.number}}", "Support: Carl +12125550123"},
		{"unknown is empty", "[{{.location}}{{.ended}}{{.duration}}]", "[]"},
		{"durations", "{{.wait}} {{.talk}} {{seconds .talk}} {{minutes .talk}}", "5s 1m30s 90 1"},
		{"first and last agent", "{{.agent}} {{.last_agent}}", "Ana Ben"},
		{"joined", `{{join ", " .agents}}`, "Ana, Ben"},
		{"range", "{{range $i, $a := .agents}}{{$a}} of {{$.line}}; {{end}}", "Ana of Support; Ben of Support; "},
		{"with", "{{with .queue}}in {{.}}{{else}}{{.line}}{{end}}", "in sales"},
		{"if", `{{if eq .queue "sales"}}9{{end}}`, "9"},
		{"default", `{{.location | default "somewhere"}} {{.queue | default "none"}} {{.talk | default "0s"}}`, "somewhere sales 1m30s"},
		{"time", `{{time "Europe/Berlin" "02.01.2006 15:04" .started}}{{time "UTC" "15" .ended}}`, "03.03.2026 00:30"},
		{"text functions", `{{upper .queue}} {{replace "+" "00" .number}} {{contains "a" .queue}} {{prefix "+1" .number}}`, "SALES 0012125550123 true true"},
		{"clock", "{{.started}}", "2026-03-02 23:30:00 UTC"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tpl, err := wording.Parse(test.source)
			require.NoError(t, err)
			got, err := tpl.Text(call())
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestParseTellsThePlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, source string
		line, column int
		want         string
	}{
		{"unknown field", "Call\nfrom ä {{.namme}}", 2, 10, "names the field namme"},
		{"unknown field behind $", "{{range .agents}}{{$.nam}}{{end}}", 1, 21, "names the field nam"},
		{"unknown function", "{{.name | shout}}", 1, 11, "calls shout, which is no function here"},
		{"function that is not for tickets", `{{printf "%1000000000d" 1}}`, 1, 3, "calls printf"},
		{"call", "{{call .name}}", 1, 3, "calls call"},
		{"part of a field", "{{.name.first}}", 1, 8, "asks for a part of name"},
		{"field inside range", "{{range .agents}}{{.line}}{{end}}", 1, 20, "write {{$.line}}"},
		{"counting", "{{range 1000000000}}{{end}}", 1, 9, "no list"},
		{"range in range", "{{range .agents}}{{range $.agents}}x{{end}}{{end}}", 1, 26, "within another range"},
		{"whole call", "{{.}}", 1, 3, "writes the whole call"},
		{"not closed", "ok {{.name}} {{.line", 1, 14, "does not parse: unclosed action"},
		{"second action wrong", "{{.name}} {{.line ! }} {{.queue}}", 1, 11, "does not parse"},
		{"no end", "{{if .name}}x", 1, 1, "does not parse: unexpected EOF"},
		{"own template", `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, 1, 1, "defines a template"},
		{"other template", `{{template "b"}}`, 1, 12, "calls a template"},
		{"wrong type", "{{.name}}\n{{seconds .name}}", 2, 11, "cannot be written: <.name>"},
		{"no time zone", `{{time "Mars/Dune" "15:04" .started}}`, 1, 3, "is no time zone"},
		{"too long", strings.Repeat("x", 17<<10), 1, 1, "is too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := wording.Parse(test.source)
			e, found := errors.AsType[*wording.Error](err)
			require.True(t, found, "%v", err)
			require.Contains(t, e.Error(), test.want)
			require.Equal(t, []int{test.line, test.column}, []int{e.Line, e.Column}, e)
		})
	}
}

func TestUnknownFieldsKnowTheOthers(t *testing.T) {
	t.Parallel()
	_, err := wording.Parse("{{.namme}}")
	e, _ := errors.AsType[*wording.Error](err)
	require.Equal(t, "namme", e.Field)
	require.Equal(t, wording.Names(), e.Known)
}

func TestLate(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{
		"{{.name}} {{.wait}}": false, "{{if .talk}}x{{end}}": true, "{{seconds .duration}}": true, "talk": false,
	} {
		tpl, err := wording.Parse(source)
		require.NoError(t, err)
		require.Equal(t, want, tpl.Late(), source)
	}
	require.False(t, (*wording.Template)(nil).Late())
}

// Names and queues come from whoever calls: they are data, never templates, and bounded.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	hostile := "\u202e{{.number}}<script>\x00\x1b[31m\r\nX: y" + string([]byte{0xff}) + strings.Repeat("ä", 10_000)
	tpl, err := wording.Parse("{{.name}}|{{.queue}}|{{range .agents}}{{.}}|{{end}}")
	require.NoError(t, err)
	agents := make([]string, 1000)
	for i := range agents {
		agents[i] = hostile
	}
	got, err := tpl.Text(wording.Call{Name: hostile, Queue: hostile, Agents: agents})
	require.NoError(t, err)
	require.LessOrEqual(t, len(got), 16<<10)
	require.Contains(t, got, "((.number))<script>[31m X: y\uFFFD")
	require.NotContains(t, got, "\u202e")
	require.NotContains(t, got, "\x00")
	require.NotContains(t, got, "\n")
}

func TestDocumentationNamesEverything(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/tickets.md")
	require.NoError(t, err)
	for _, name := range wording.Names() {
		require.Contains(t, string(text), "`."+name+"`")
	}
	for _, function := range wording.Functions() {
		require.Regexp(t, "`"+function+"[` ]", string(text))
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"{{.name}}", "{{range .agents}}{{.}}{{end}}", "{{if eq .queue `a`}}{{else}}{{.talk | seconds}}{{end}}", "{{", "{{define `x`}}{{end}}"} {
		f.Add(seed, "Carl")
	}
	f.Fuzz(func(t *testing.T, source, name string) {
		tpl, err := wording.Parse(source)
		if err != nil {
			e, found := errors.AsType[*wording.Error](err)
			require.True(t, found)
			require.Positive(t, e.Line)
			require.Positive(t, e.Column)
			return
		}
		got, err := tpl.Text(wording.Call{Name: name, Agents: []string{name}})
		if err == nil {
			require.LessOrEqual(t, len(got), 16<<10)
		}
	})
}

func ExampleParse() {
	t, err := wording.Parse("[{{.line}}] {{.name | default \"Somebody\"}} waited {{seconds .wait}} s")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Text(wording.Call{Line: "Sales", Wait: 12 * time.Second}))
	_, err = wording.Parse("From {{.numbr}}")
	fmt.Println(err)
	// Output:
	// [Sales] Somebody waited 12 s <nil>
	// template:1:8: names the field numbr, which there is not; fields: agent, agents, answered, call_id, did, direction, disposition, duration, ended, hold, is_answered, is_voicemail, last_agent, line, location, name, number, queue, queue_place, site, started, subject, talk, wait
}
