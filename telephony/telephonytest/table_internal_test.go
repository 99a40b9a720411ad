package telephonytest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWithColumn(t *testing.T) {
	t.Parallel()
	all := func(value string) map[string]string {
		cells := make(map[string]string)
		for _, p := range append(append(append([]property{}, ofAll...), ofConnected...), ofTold...) {
			cells[p.name] = value
		}
		return cells
	}
	page := withColumn("# Page\n\n| property |\n|---|\n\nBehind.\n", "one", all("yes"))
	page = withColumn(page, "two", all("left out: for a reason"))
	require.True(t, strings.HasPrefix(page, "# Page\n\n| property | one | two |\n|---|---|---|\n| "+TellsInOrder+" | yes | left out: for a reason |\n"), page)
	require.True(t, strings.HasSuffix(page, "|\n\nBehind.\n"), page)
	require.Equal(t, page, withColumn(page, "one", all("yes")), "nothing changed")
	changed := all("yes")
	changed[FindsEnd] = "no"
	require.NotEqual(t, page, withColumn(page, "one", changed), "a property that does not hold any more")
	require.NotEqual(t, page, withColumn(strings.Replace(page, TellsInOrder, "tells lies", 1), "one", all("yes")), "a property that there is not")
}
