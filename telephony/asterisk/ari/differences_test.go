package ari

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/ari/aritest"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// sameMoment is how far two times of one moment may be apart: ARI tells milliseconds,
// and each of Asterisk's interfaces stamps its message when it writes it.
const sameMoment = 10 * time.Millisecond

// overAMI is what the same traffic came to over AMI.
func overAMI(t *testing.T, name string) golden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", name+".golden.json"))
	require.NoError(t, err)
	var want golden
	require.NoError(t, json.Unmarshal(data, &want))
	return want
}

// The same calls, recorded over AMI and ARI at once, give the same Call; what does
// not is in testdata/differences.txt, and in docs/asterisk.md.
func TestDifferencesToAMI(t *testing.T) {
	t.Parallel()
	var list strings.Builder
	for _, name := range aritest.Captures() {
		raw, err := aritest.Capture(name)
		require.NoError(t, err)
		worked := telephonytest.States(t, eventsOf(t, raw, nil))
		if name == "t4_no_timestamps_a" {
			continue // there AMI told no times
		}
		ami := overAMI(t, name)
		for _, line := range differences(t, ami.Calls, worked) {
			fmt.Fprintf(&list, "%s: %s\n", name, line)
		}
		// Told by channelvars, which call a channel is of is the same.
		told := telephonytest.States(t, eventsOf(t, raw, linkedOf(ami.Events)))
		require.Equal(t, encode(t, worked), encode(t, told), name)
	}
	telephonytest.CompareFile(t, filepath.Join("testdata", "differences.txt"), list.String())
}

// linkedOf has the call of each channel, as Asterisk knew it when it began.
func linkedOf(events []telephony.Event) map[string]string {
	linked := make(map[string]string)
	for _, e := range events {
		if e.Kind == telephony.LegStarted {
			linked[e.Leg] = e.Call.Native()
		}
	}
	return linked
}

// differences lists the fields of calls in which ARI tells something else.
func differences(t *testing.T, ami, ari []telephony.State) []string {
	t.Helper()
	var lines []string
	if len(ami) != len(ari) {
		lines = append(lines, fmt.Sprintf("%d calls over AMI, %d over ARI", len(ami), len(ari)))
	}
	for i := range min(len(ami), len(ari)) {
		a, b := flat(t, ami[i]), flat(t, ari[i])
		for _, key := range slices.Sorted(maps.Keys(merged(a, b))) {
			if !same(a[key], b[key]) {
				lines = append(lines, fmt.Sprintf("%s: %s over AMI, %s over ARI", key, shown(a[key]), shown(b[key])))
			}
		}
	}
	return lines
}

func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func shown(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// same reports whether two values are equal, or times of one moment.
func same(a, b string) bool {
	x, errA := time.Parse(time.RFC3339Nano, a)
	y, errB := time.Parse(time.RFC3339Nano, b)
	if errA == nil && errB == nil {
		return x.Sub(y).Abs() <= sameMoment
	}
	return a == b
}

// flat has the fields of a call by their paths. Legs are named by their ids: the
// order of those that began in one millisecond is none.
func flat(t *testing.T, s telephony.State) map[string]string {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	var value any
	require.NoError(t, json.Unmarshal(text, &value))
	out := make(map[string]string)
	flatten(out, "", value)
	return out
}

func flatten(out map[string]string, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, field := range v {
			flatten(out, strings.TrimPrefix(path+"."+key, "."), field)
		}
	case []any:
		for i, item := range v {
			name := fmt.Sprint(i)
			if leg, ok := item.(map[string]any); ok && path == "legs" {
				name = fmt.Sprint(leg["id"])
			}
			flatten(out, path+"["+name+"]", item)
		}
	default:
		out[path] = fmt.Sprint(v)
	}
}
