package telephonytest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// Story is how a source that is told of calls hears of one: an inbound call that
// one agent answers, and that the caller ends.
type Story struct {
	ID telephony.CallID
	// Deliveries are what the phone system tells, in order, each in the form in
	// which it may come again. They return nil if the sender was told that all is
	// well, and are safe for concurrent use.
	Deliveries []func(ctx context.Context) error
}

// senderPatience is how long a sender waits for an answer at the most.
const senderPatience = 5 * time.Second

// deliver delivers once.
func deliver(t *testing.T, delivery func(context.Context) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), senderPatience, errors.New("the source does not answer"))
	defer cancel()
	return delivery(ctx)
}

func (s Story) tell(t *testing.T) {
	t.Helper()
	for i, d := range s.Deliveries {
		require.NoError(t, deliver(t, d), "delivery %d", i)
	}
}

// ids are the entries of a call by the IDs of their events, each once.
func ids(sink *Sink, call telephony.CallID) []string {
	var all []string
	for _, entry := range sink.Entries() {
		if entry[0].Call != call {
			continue
		}
		var entryIDs []string
		for _, e := range entry {
			entryIDs = append(entryIDs, e.ID)
		}
		all = append(all, strings.Join(entryIDs, " "))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// requireWhole demands of a call that it is told of whole.
func requireWhole(t *testing.T, state telephony.State) {
	t.Helper()
	require.True(t, state.Ended(), "the call ended")
	require.False(t, state.EndEstimated)
	require.Equal(t, telephony.Inbound, state.Direction)
	require.Equal(t, telephony.Answered, state.Disposition)
	require.NotEmpty(t, state.From.Number)
	require.NotEmpty(t, state.To.Number)
	require.Len(t, state.Talks, 1)
	require.NotEmpty(t, state.Talks[0].Endpoint)
}

func knowsRepeats(t *testing.T, r Rig) {
	s := begin(t, r, NewSink())
	story := r.Story()
	story.tell(t)
	once, entries := s.sink.State(story.ID), ids(s.sink, story.ID)
	requireWhole(t, once)
	story.tell(t)
	require.Equal(t, entries, ids(s.sink, story.ID), "the same entries")
	require.Equal(t, once, s.sink.State(story.ID), "and the same call: what came first counts")
	s.end()
}

func knowsParallelRepeats(t *testing.T, r Rig) {
	const repeats = 8
	s := begin(t, r, NewSink())
	story := r.Story()
	for _, d := range story.Deliveries {
		answers := make([]error, repeats)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = deliver(t, d) })
		}
		all.Wait()
		require.NoError(t, errors.Join(answers...))
	}
	requireWhole(t, s.sink.State(story.ID))
	require.LessOrEqual(t, len(ids(s.sink, story.ID)), len(story.Deliveries), "an entry for each delivery")
	s.end()
}

func refusesBefore(t *testing.T, r Rig) {
	sink := NewSink()
	story := r.Story()
	require.Error(t, deliver(t, story.Deliveries[0]), "the sender is told that nobody listens")
	s := begin(t, r, sink)
	require.Empty(t, sink.Entries(), "what was refused is not kept")
	story.tell(t)
	requireWhole(t, sink.State(story.ID))
	s.end()
}

func refusesAfter(t *testing.T, r Rig) {
	s := begin(t, r, NewSink())
	story := r.Story()
	require.NoError(t, deliver(t, story.Deliveries[0]))
	s.end()
	entries := len(s.sink.Entries())
	require.Error(t, deliver(t, story.Deliveries[1]))
	require.Len(t, s.sink.Entries(), entries, "what was refused is not kept")
	s = begin(t, r, s.sink)
	story.tell(t)
	requireWhole(t, s.sink.State(story.ID))
	s.end()
}

func tellsSender(t *testing.T, r Rig) {
	s := begin(t, r, NewSink())
	story := r.Story()
	release := s.sink.Block()
	require.Error(t, deliver(t, story.Deliveries[0]), "nothing is said to be kept that is not")
	release()
	story.tell(t)
	requireWhole(t, s.sink.State(story.ID))
	s.end()
}

func mindsNoOrder(t *testing.T, r Rig) {
	s := begin(t, r, NewSink())
	story := r.Story()
	for _, d := range slices.Backward(story.Deliveries) {
		require.NoError(t, deliver(t, d))
	}
	requireWhole(t, s.sink.State(story.ID))
	s.end()
}
