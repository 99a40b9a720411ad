package bridge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
)

// A parked call is not kept for ever: after ninety days the checkpoint goes on
// without it. A person may still ask for it.
func TestParkedCallIsGivenUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p, fault := parked(r, "1")
	require.NoError(t, r.stop())
	state, err := r.journal.State(t.Context())
	require.NoError(t, err)
	checkpoint, err := r.journal.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Less(t, checkpoint, state.Last, "it is held up")

	later := setup{now: func() time.Time { return time.Now().Add(90 * 24 * time.Hour) }}
	r.start(later)
	r.settled(p)
	view := r.view(p)
	require.Empty(t, view.Record.Parked)
	require.Contains(t, view.Record.GivenUp[bridge.StepCreate], "403")
	require.Contains(t, kinds(r.outcomes(p)), "given_up give_up")
	said := 0
	for _, entry := range r.logs.AllEntries() {
		if entry.Level == logrus.ErrorLevel && strings.HasPrefix(entry.Message, "parked call given up") {
			said++
			require.Equal(t, p.id, entry.Data["call_id"])
		}
	}
	require.Equal(t, 1, said)
	require.NoError(t, r.stop())
	state, err = r.journal.State(t.Context())
	require.NoError(t, err)
	checkpoint, err = r.journal.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, state.Last, checkpoint)
	require.Empty(t, r.desk.TicketsByExternalID(string(p.id)))

	fault.Remove()
	r.start(later)
	steps, err := r.bridge.Retry(t.Context(), p.id)
	require.NoError(t, err)
	require.Contains(t, steps, bridge.StepCreate)
	r.eventually("ticket", func() bool { return len(r.desk.TicketsByExternalID(string(p.id))) == 1 })
	r.settled(p)
}
