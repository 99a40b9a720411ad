package telephonytest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

const (
	// patience is how long a phone system on this machine may take.
	patience = 10 * time.Second
	// promptly is how soon a session must end when its context does: a second,
	// and as much again for a busy machine.
	promptly = 2 * time.Second
	pollWait = 2 * time.Millisecond
)

// Rig is a phone system and a source that listens to it, for one test.
type Rig struct {
	Source telephony.Source
	// Begin makes an inbound call that one agent has answered; it goes on.
	Begin func() Call
	// Garbage lets the phone system send what no phone system should.
	Garbage func()
	// Cut ends the connections of the source without a word.
	Cut func()
	// Story is a call as a source that is told of calls hears of it, for RunTold;
	// each time it is another one.
	Story func() Story

	// Driver names the column of docs/drivers.md that must agree with what was
	// run; "" compares with none.
	Driver string
	// LeftOut has the properties that do not apply, by their names, each with the
	// reason.
	LeftOut map[string]string
}

// Call is a call on the phone system of a Rig.
type Call struct {
	ID telephony.CallID
	// End hangs it up; it is the caller who does.
	End func()
}

// session is a running source.
type session struct {
	t      *testing.T
	sink   *Sink
	cancel context.CancelFunc
	done   chan error
}

// begin runs a session and waits until it is ready.
func begin(t *testing.T, r Rig, sink *Sink) session {
	t.Helper()
	n := sink.Sessions()
	ctx, cancel := context.WithCancel(t.Context())
	s := session{t: t, sink: sink, cancel: cancel, done: make(chan error, 1)}
	go func() { s.done <- r.Source.Run(ctx, sink) }()
	eventually(t, func() bool { return sink.Sessions() == n+1 }, "the session gets ready")
	return s
}

// end cancels the session.
func (s session) end() {
	s.t.Helper()
	s.cancel()
	require.ErrorIs(s.t, s.wait(promptly), context.Canceled)
}

func (s session) wait(limit time.Duration) error {
	s.t.Helper()
	select {
	case err := <-s.done:
		s.cancel()
		require.Error(s.t, err, "Run says why it ended")
		return err
	case <-time.After(limit):
		require.FailNow(s.t, "the session does not end", "within %s", limit)
		return nil
	}
}

func eventually(t *testing.T, what func() bool, text string) {
	t.Helper()
	require.Eventually(t, what, patience, pollWait, text)
}

func (s session) ended(c Call) telephony.State {
	s.t.Helper()
	eventually(s.t, func() bool { return s.sink.State(c.ID).Ended() }, "the call ends")
	return s.sink.State(c.ID)
}

func (s session) answered(c Call) telephony.State {
	s.t.Helper()
	eventually(s.t, func() bool { return s.sink.State(c.ID).Answered() }, "the call is answered")
	return s.sink.State(c.ID)
}

func tellsInOrder(t *testing.T, r Rig) {
	s := begin(t, r, NewSink())
	c := r.Begin()
	require.True(t, s.answered(c).Live())
	c.End()
	state := s.ended(c)
	require.Equal(t, telephony.Inbound, state.Direction)
	require.Equal(t, telephony.Answered, state.Disposition)
	require.Len(t, state.Talks, 1)
	require.NotEmpty(t, state.From.Number)
	require.NotEmpty(t, state.To.Number)
	require.False(t, state.EndEstimated)
	s.end()

	begun, over, told := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, entry := range s.sink.Entries() {
		for _, e := range entry {
			if e.Leg == "" || told[e.ID] {
				continue // a fact may be told again
			}
			told[e.ID] = true
			require.False(t, over[e.Leg], "%s of leg %s after its end", e.Kind, e.Leg)
			require.Equal(t, e.Kind == telephony.LegStarted, !begun[e.Leg], "%s of leg %s", e.Kind, e.Leg)
			begun[e.Leg] = true
			over[e.Leg] = e.Kind == telephony.LegEnded
		}
	}
}

func keepsCallsApart(t *testing.T, r Rig) {
	s := begin(t, r, NewSink())
	one, two := r.Begin(), r.Begin()
	require.NotEqual(t, one.ID, two.ID)
	s.answered(one)
	s.answered(two)
	two.End()
	s.ended(two)
	require.True(t, s.sink.State(one.ID).Live())
	one.End()
	s.ended(one)
	s.end()
	require.Len(t, s.sink.States(), 2)
}

func survivesGarbage(t *testing.T, r Rig) {
	s := begin(t, r, NewSink())
	one := r.Begin()
	r.Garbage()
	one.End()
	r.Garbage()
	require.Equal(t, telephony.Answered, s.ended(one).Disposition)
	s.end()
	require.Len(t, s.sink.States(), 1, "garbage is no call")
}

func comesBack(t *testing.T, r Rig) {
	s := begin(t, r, NewSink())
	c := r.Begin()
	before := s.answered(c)
	r.Cut()
	require.NotErrorIs(t, s.wait(patience), context.Canceled)
	s = begin(t, r, s.sink)
	after := s.sink.State(c.ID)
	require.True(t, after.Live(), "the call goes on")
	require.Equal(t, before.AnsweredAt, after.AnsweredAt, "what was heard is not overruled by what was found")
	c.End()
	require.False(t, s.ended(c).EndEstimated)
	s.end()
	require.Len(t, s.sink.States(), 1)
}

func findsEnd(t *testing.T, r Rig) {
	s := begin(t, r, NewSink())
	c := r.Begin()
	s.answered(c)
	s.end()
	c.End()
	s = begin(t, r, s.sink)
	state := s.sink.State(c.ID)
	require.True(t, state.Ended())
	require.True(t, state.EndEstimated)
	require.Equal(t, telephony.Answered, state.Disposition)
	s.end()
}

func findsBegin(t *testing.T, r Rig) {
	c := r.Begin()
	s := begin(t, r, NewSink())
	state := s.sink.State(c.ID)
	require.True(t, state.Live())
	require.True(t, state.Answered())
	require.Equal(t, telephony.Inbound, state.Direction)
	c.End()
	require.False(t, s.ended(c).EndEstimated)
	s.end()
}

func endsWithContext(t *testing.T, r Rig) {
	s := begin(t, r, NewSink())
	s.end()
}

func endsWhileBlocked(t *testing.T, r Rig) {
	sink := NewSink()
	s := begin(t, r, sink)
	release := sink.Block()
	defer release()
	r.Begin()
	s.end()
}

func startsNot(t *testing.T, r Rig) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, r.Source.Run(ctx, NewSink()), context.Canceled)
}

func endsWithSink(t *testing.T, r Rig) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	k := broken{NewSink()}
	done := make(chan error, 1)
	go func() { done <- r.Source.Run(ctx, k) }()
	eventually(t, func() bool { return k.Sessions() == 1 }, "the session gets ready")
	r.Begin()
	require.ErrorIs(t, <-done, errBroken)
}
