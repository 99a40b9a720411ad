package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const printed = `goos: linux
pkg: github.com/talkbridge/talkbridge/bridge
BenchmarkReaction-2   	       1	1866133135 ns/op	         3.500 p99-ms	  33688 events/s
BenchmarkReaction-2   	       1	1866133135 ns/op	         1.500 p99-ms	  33688 events/s
BenchmarkReaction-2   	       1	1866133135 ns/op	         2.500 p99-ms	  33688 events/s
PASS
pkg: github.com/talkbridge/talkbridge/feed
BenchmarkSub/of=this-2   	       1	 0.25 ratio
    bench_test.go:1: BenchmarkX 2 said something
`

func TestFill(t *testing.T) {
	t.Parallel()
	page := `Measured with an abacus.

| what | promise | measured | of it | row |
|---|---|---|---|---|
| latency, ms | < 10 | old | old | ` + "`bridge BenchmarkReaction p99-ms`" + ` |
| events a second | ≥ 25,000 |  |  | ` + "`bridge BenchmarkReaction events/s`" + ` |
| ratio | ≥ 0.5 |  |  | ` + "`feed BenchmarkSub/of=this ratio`" + ` |
| not there | < 1 | 7 | 7.00 | ` + "`feed BenchmarkNone ratio`" + ` |
| for the record, ns |  |  |  | ` + "`bridge BenchmarkReaction ns/op`" + ` |
`
	want := strings.NewReplacer(
		"Measured with an abacus.", "Measured with care.",
		"| < 10 | old | old |", "| < 10 | 2.50 | 0.25 |",
		"| ≥ 25,000 |  |  |", "| ≥ 25,000 | 33,688 | 0.74 |",
		"| ≥ 0.5 |  |  |", "| ≥ 0.5 | 0.25 | **2.00** |",
		"|  |  |  |", "|  | 1,866,133,135 |  |",
	).Replace(page)
	measured, err := read(strings.NewReader(printed))
	require.NoError(t, err)
	var notes bytes.Buffer
	require.Equal(t, want, fill(page, measured, "Measured with care.", &notes))
	require.Equal(t, "not kept: ratio, promised ≥ 0.5: 0.25\nnot measured: feed BenchmarkNone ratio\n", notes.String())
}

// What the page names is there: the benchmark, and that it prints such a unit.
func TestPageNamesBenchmarks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/performance.md")
	require.NoError(t, err)
	rows := regexp.MustCompile("`([a-z]+) (Benchmark[A-Za-z0-9]+)(/[^ `]*)? ([^ `]+)`").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		text := tests(t, row[1])
		require.Contains(t, text, "func "+row[2]+"(", row[0])
		unit := regexp.MustCompile(`^(ns/op|B/op|allocs/op|MB/s)$`)
		if name := row[4]; !unit.MatchString(name) {
			ending := name[strings.IndexByte(name, '-')+1:] // the beginning may be put together
			require.Contains(t, text, ending+`"`, row[0])
		}
	}
}

// tests are the test files of the packages of that name.
func tests(t *testing.T, room string) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Base(filepath.Dir(path)) != room || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	}))
	return all.String()
}
