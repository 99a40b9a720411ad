package bridge

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
)

// However many calls wait for room, whoever is woken at night reads of it once.
func TestFullJournalIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, said := logtest.NewNullLogger()
		b := &Bridge{}
		until := time.Now().Add(10 * time.Second)
		full := &journal.FullError{Dir: "/data", Disk: true, Bytes: 32 << 20}
		try := func() error {
			if time.Now().Before(until) {
				return full
			}
			return nil
		}
		brief, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		const calls = 50
		ended := make(chan error, calls+1)
		for range calls {
			go func() { ended <- b.whileFull(t.Context(), log, try) }()
		}
		go func() { ended <- b.whileFull(brief, log, try) }()
		require.ErrorIs(t, <-ended, context.DeadlineExceeded, "a webhook waits no longer")
		for range calls {
			require.NoError(t, <-ended)
		}
		require.NoError(t, b.whileFull(t.Context(), log, try))
		requireSaid(t, said, "error journal takes no entries, waiting", "info journal takes entries again")

		until = time.Now().Add(time.Second)
		require.NoError(t, b.whileFull(t.Context(), log, try))
		requireSaid(t, said, "error journal takes no entries, waiting", "info journal takes entries again")

		broken := &journal.BrokenError{Dir: "/data", Reason: "it does"}
		require.ErrorIs(t, b.whileFull(t.Context(), log, func() error { return broken }), error(broken))
		requireSaid(t, said)
	})
}

// requireSaid compares what was logged since the last time, a line for each.
func requireSaid(t *testing.T, hook *logtest.Hook, lines ...string) {
	t.Helper()
	var said []string
	for _, e := range hook.AllEntries() {
		said = append(said, e.Level.String()+" "+e.Message)
	}
	hook.Reset()
	require.Equal(t, strings.Join(lines, "\n"), strings.Join(said, "\n"))
}
