package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFuzzRunner runs .ci/fuzz with a go command that says what the real one said: the end of the time is no failure, though
// Go reports it as one at times; everything else is.
func TestFuzzRunner(t *testing.T) {
	t.Parallel()
	fake, err := filepath.Abs("testdata/fuzzrunner/go")
	require.NoError(t, err)
	const progress = "fuzz: elapsed: 57s, execs: 126371 (1094/sec), new interesting: 113 (total: 173)\n" +
		"fuzz: elapsed: 1m1s, execs: 133186 (0/sec), new interesting: 119 (total: 179)\n"
	const end = "FAIL\nexit status 1\nFAIL\texample.com/feed\t60.627s\n"
	const failed = "fuzz ./feed:FuzzOrigin failed: commit the input that it names, with the repair\n"
	for name, c := range map[string]struct {
		said   string
		status string
		want   string
		fails  bool
	}{
		"holds": {
			said: progress + "PASS\nok  \texample.com/feed\t60.1s\n", status: "0",
			want: "fuzz ./feed:FuzzOrigin for 60s: execs: 133186\n",
		},
		"the end taken for a failure": {
			said: progress + "--- FAIL: FuzzOrigin (60.59s)\n    context deadline exceeded\n" + end, status: "1",
			want: "fuzz ./feed:FuzzOrigin for 60s: execs: 133186 (the end of the time was taken for a failure, golang/go#75804)\n",
		},
		"a failing input": {
			said: progress + "--- FAIL: FuzzOrigin (12.01s)\n    --- FAIL: FuzzOrigin (0.00s)\n        wishes_internal_test.go:63: let in\n    \n" +
				"    Failing input written to testdata/fuzz/FuzzOrigin/771e938e4458e983\n" + end, status: "1",
			fails: true,
		},
		"an input that takes until the end": {
			said: progress + "--- FAIL: FuzzOrigin (60.59s)\n    context deadline exceeded\n" +
				"    Failing input written to testdata/fuzz/FuzzOrigin/771e938e4458e983\n" + end, status: "1",
			fails: true,
		},
		"the test's own context": {
			said: progress + "--- FAIL: FuzzOrigin (0.02s)\n    --- FAIL: FuzzOrigin (0.00s)\n        wishes_internal_test.go:63: \n    context deadline exceeded\n" + end, status: "1",
			fails: true,
		},
		"does not compile": {said: "# example.com/feed\nfeed/wishes.go:1:1: expected 'package'\nFAIL\texample.com/feed [build failed]\n", status: "1", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "../../.ci/fuzz", "./feed:FuzzOrigin", "60s", "-parallel", "1")
			cmd.Env = append(os.Environ(), "GO="+fake, "GO_SAYS="+c.said, "GO_EXITS="+c.status)
			out, err := cmd.CombinedOutput()
			if c.fails {
				require.Error(t, err)
				require.Equal(t, c.said+failed, string(out))
				return
			}
			require.NoError(t, err, "%s", out)
			require.Equal(t, c.want, string(out))
		})
	}
}
