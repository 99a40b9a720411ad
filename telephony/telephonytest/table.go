package telephonytest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// tablePage is the page that shows which driver keeps which property.
const tablePage = "docs/drivers.md"

// checkColumn compares the column of a driver with what was run, or writes it
// where the test has a flag -update that is set.
func checkColumn(t *testing.T, driver string, cells map[string]string) {
	t.Helper()
	page, err := os.OpenFile(filepath.Join(root(t), tablePage), os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { _ = page.Close() }()
	// The tests of several drivers run at a time.
	require.NoError(t, unix.Flock(int(page.Fd()), unix.LOCK_EX))
	text, err := os.ReadFile(page.Name())
	require.NoError(t, err)
	want := withColumn(string(text), driver, cells)
	if Updating() {
		require.NoError(t, os.WriteFile(page.Name(), []byte(want), 0o600)) //nolint:gosec // it is there, and keeps its mode
		return
	}
	require.Equal(t, want, string(text), "%s differs from what was run for %s: go test -update", tablePage, driver)
}

// withColumn is the page with the column of one driver as it should be. The table
// is the first one in it: a row for each property, a column for each driver.
func withColumn(page, driver string, cells map[string]string) string {
	lines := strings.Split(page, "\n")
	from := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "|") })
	if from < 0 {
		return page
	}
	to := from
	for to < len(lines) && strings.HasPrefix(lines[to], "|") {
		to++
	}
	drivers := row(lines[from])[1:]
	have := make(map[string][]string)
	for _, line := range lines[min(from+2, to):to] {
		have[row(line)[0]] = row(line)[1:]
	}
	column := slices.Index(drivers, driver)
	if column < 0 {
		drivers, column = append(drivers, driver), len(drivers)
	}
	table := []string{
		"| property | " + strings.Join(drivers, " | ") + " |",
		"|---" + strings.Repeat("|---", len(drivers)) + "|",
	}
	for _, p := range slices.Concat(ofAll, ofConnected, ofTold) {
		values := append(slices.Clone(have[p.name]), make([]string, len(drivers))...)[:len(drivers)]
		values[column] = cells[p.name]
		table = append(table, "| "+p.name+" | "+strings.Join(values, " | ")+" |")
	}
	return strings.Join(slices.Concat(lines[:from], table, lines[to:]), "\n")
}

// row has the cells of a line of a table.
func row(line string) []string {
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i, c := range cells {
		cells[i] = strings.TrimSpace(c)
	}
	return cells
}

// root is the folder of the module that the test is of.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		above := filepath.Dir(dir)
		require.NotEqual(t, dir, above, "no go.mod above the test")
		dir = above
	}
}
