package zendesk_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestOperationsList keeps the list of what the client can do, so that a change of it is seen in the review.
func TestOperationsList(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, d := range documentedOperations(t) {
		lines = append(lines, fmt.Sprintf("%-28s%s\n", d.function, d.operations[0]))
	}
	slices.Sort(lines)
	got := strings.Join(lines, "")
	golden := filepath.Join("testdata", "operations.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "if the change is meant: make golden")
}

// TestNothingIsMissing compares the operations with the two API documents that the package is to cover whole: the
// Channels API (voice and X) and the Any Channel API. Their operations are copied to testdata; where the documents lie
// beside the project, the copy is compared with them first. With -v it prints the list.
func TestNothingIsMissing(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "documents.txt"))
	require.NoError(t, err)
	wanted := strings.Split(strings.TrimSpace(string(data)), "\n")
	if seeds, err := filepath.Glob("../../shared/reference/seeds/*.txt"); len(seeds) > 0 {
		require.NoError(t, err)
		require.Equal(t, wanted, seedOperations(t, seeds), "testdata/documents.txt is not what the documents say")
	} else {
		t.Log("the documents are not there: the copy of their operations counts")
	}
	require.Len(t, wanted, 10)

	implemented := map[string]string{}
	for _, d := range documentedOperations(t) {
		implemented[d.operations[0]] = d.function
	}
	for _, op := range wanted {
		require.NotEmpty(t, implemented[op], "%s is not implemented", op)
		t.Logf("%-24s%s", implemented[op], op)
	}
	t.Logf("%d operations in the documents, 0 missing; %d in all", len(wanted), len(implemented))
}

// seedOperations reads the operations of the documents.
func seedOperations(t *testing.T, files []string) []string {
	t.Helper()
	var all []string
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		for op := range contractOperations(data) {
			all = append(all, op)
		}
	}
	slices.Sort(all)
	return all
}
