package cti

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

var _ = flag.Bool("update", false, "rewrite the golden files")

// kinds are the content types by which the lines of testdata begin.
var kinds = map[string]string{"form": "application/x-www-form-urlencoded", "json": "application/json", "text": "text/plain"}

// lab is how the pushes of testdata are translated.
var lab = Translator{Site: "hq", Source: "push1", Country: "AT", Known: func(name string) bool { return name == "w1" || name == "Ana" || name == "1001" }}

// told is what became of pushes.
type told struct {
	Answers []any             `json:"answers"` // of each, what it tells or why nothing
	Calls   []telephony.State `json:"calls"`
}

// tell translates the lines of a file.
func tell(t *testing.T, lines []string) told {
	t.Helper()
	var out told
	var entries [][]telephony.Event
	now, sipgate := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), false
	for _, line := range lines {
		kind, body, _ := strings.Cut(line, " ")
		if kind == "sipgate" {
			sipgate = true
		}
		if kinds[kind] == "" {
			continue
		}
		events, err := translateBody(kinds[kind], body, now, sipgate)
		now = now.Add(10 * time.Second)
		if err != nil {
			said := refusalOf(err)
			out.Answers = append(out.Answers, []any{said.status, said.reason, said.text})
			continue
		}
		out.Answers = append(out.Answers, events)
		entries = append(entries, events)
	}
	out.Calls = foldEntries(entries).Calls
	return out
}

// foldEntries folds entries, those of calls that were linked together.
func foldEntries(entries [][]telephony.Event) told {
	var out told
	calls, order := make(map[telephony.CallID]*telephony.Call), []telephony.CallID(nil)
	for _, events := range entries {
		out.Answers = append(out.Answers, events)
		for _, e := range events {
			if calls[e.Call] == nil {
				calls[e.Call] = telephony.NewCall(e.Call)
				order = append(order, e.Call)
			}
			calls[e.Call].Apply(e)
		}
	}
	for len(order) > 0 {
		joined := []*telephony.Call{calls[order[0]]}
		order = slices.DeleteFunc(order[1:], func(id telephony.CallID) bool {
			linked := slices.Contains(calls[id].Links(), joined[0].ID())
			if linked {
				joined = append(joined, calls[id])
			}
			return linked
		})
		out.Calls = append(out.Calls, telephony.Join(joined...))
	}
	return out
}

// compareGolden compares what was told with a file.
func compareGolden(t *testing.T, golden string, out told) {
	t.Helper()
	got, err := json.MarshalIndent(out, "", "  ")
	require.NoError(t, err)
	telephonytest.CompareFile(t, golden, string(got)+"\n")
}

func translateBody(contentType, body string, now time.Time, sipgate bool) ([]telephony.Event, error) {
	f, err := readFields(contentType, []byte(body))
	if err != nil {
		return nil, err
	}
	e, err := readPush(f, now, sipgate, lab.Known)
	if err != nil {
		return nil, err
	}
	return lab.Translate(e)
}

func TestGoldenPush(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/push/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			compareGolden(t, strings.TrimSuffix(file, ".txt")+".golden.json", tell(t, strings.Split(string(text), "\n")))
		})
	}
}
