package bridge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// othersTurn is the turn of a node that follows.
type othersTurn struct{}

func (othersTurn) Holds() bool              { return false }
func (othersTurn) Changed() <-chan struct{} { return nil }

// A step that was about to begin when the turn was lost gives back the place that
// it had among the updates of its ticket.
func TestStepOfALostTurnGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	b := &Bridge{turn: othersTurn{}, now: func() time.Time { return second(1) }}
	b.lanes.updates.begin(7)
	w := &work{b: b, id: testCall, step: Step{Kind: StepComplete}, lane: laneUpdates, ticket: 7}
	r := w.run(t.Context())
	require.Equal(t, testCall, r.call)
	require.Equal(t, laneUpdates, r.lane)
	b.unplace(r)
	require.Zero(t, b.lanes.updates.running)
	require.Empty(t, b.lanes.updates.runningOn)
	require.Empty(t, b.lanes.updates.done, "nothing was sent")
}
