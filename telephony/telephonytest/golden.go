package telephonytest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// Updating reports whether the test has a flag -update that is set: golden files
// are written then, and not compared.
func Updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// CompareGolden compares a value, as JSON, with testdata/NAME.golden.json.
func CompareGolden(t testing.TB, name string, got any) {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(got))
	CompareFile(t, filepath.Join("testdata", name+".golden.json"), text.String())
}

// CompareFile compares a text with a golden file.
func CompareFile(t testing.TB, file, got string) {
	t.Helper()
	if Updating() {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
		return
	}
	want, err := os.ReadFile(file) //nolint:gosec // the test names it
	require.NoError(t, err, "run go test -update")
	require.Equal(t, string(want), got)
}

// States folds events into the calls that they are of, in the order in which the
// calls began. Those that were linked are one.
func States(t testing.TB, events []telephony.Event) []telephony.State {
	t.Helper()
	calls := make(map[telephony.CallID]*telephony.Call)
	sets := make(map[telephony.CallID]telephony.CallID) // to the first call of its set
	var order []telephony.CallID
	add := func(e telephony.Event) {
		require.NoError(t, e.Validate())
		if calls[e.Call] == nil {
			calls[e.Call] = telephony.NewCall(e.Call)
			sets[e.Call] = e.Call
			order = append(order, e.Call)
		}
		calls[e.Call].Apply(e)
	}
	for _, e := range events {
		add(e)
		if e.Kind == telephony.CallLinked {
			add(e.Mirrored())
			into, from := sets[e.Call], sets[e.Other]
			for call, set := range sets {
				if set == from {
					sets[call] = into
				}
			}
		}
	}
	var states []telephony.State
	done := make(map[telephony.CallID]bool)
	for _, id := range order {
		if done[sets[id]] {
			continue
		}
		done[sets[id]] = true
		var set []*telephony.Call
		for call, of := range sets {
			if of == sets[id] {
				set = append(set, calls[call])
			}
		}
		states = append(states, telephony.Join(set...))
	}
	return states
}
