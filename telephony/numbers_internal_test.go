package telephony

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A number means the same whether it was read before or not, in each country, and
// whoever else reads.
func TestNumbersAreRemembered(t *testing.T) {
	t.Parallel()
	const numbers = maxRemembered + 100
	text := func(i int) string { return fmt.Sprintf("(212) 555-%04d", i) }
	want := make([]Number, numbers)
	for i := range want {
		want[i] = readNumber(text(i), "US")
	}
	var c numberCache
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := range 2 * numbers {
				i %= numbers
				if got := c.read(text(i), "US"); got != want[i] {
					t.Errorf("%s: got %+v, want %+v", text(i), got, want[i])
					return
				}
			}
		})
	}
	readers.Wait()
	require.Equal(t, readNumber(text(0), "DE"), c.read(text(0), "DE"), "another country, another number")
	require.LessOrEqual(t, len(c.young), maxRemembered)
	require.LessOrEqual(t, len(c.old), maxRemembered)
}

// What is asked for again and again outlives what is asked for once.
func TestNumbersInUseAreKept(t *testing.T) {
	t.Parallel()
	var c numberCache
	for i := range 4 * maxRemembered {
		c.read("+12125550123", "")
		c.read(fmt.Sprint("+1212", 5000000+i), "")
	}
	_, found := c.recall(numberKey{"+12125550123", ""})
	require.True(t, found)
	_, found = c.recall(numberKey{"+12125000000", ""})
	require.False(t, found, "the first of the others is forgotten")
}
