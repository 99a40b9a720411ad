package twilio

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// back is a site that heard of a call and then nothing for 40 seconds, until it listens
// again. It looks at no list for an hour.
func back(t *testing.T) *site {
	t.Helper()
	s := newSite(t, func(c *Config) { c.RecordsWithin = day })
	s.source.waits = waits{time.Hour, time.Hour, time.Millisecond, time.Millisecond}
	s.at(begun)
	s.listen(s.sink)
	s.play(newFlow().comes(caller, did))
	s.stop()
	s.at(begun.Add(40 * time.Second))
	s.listen(s.sink)
	return s
}

// Nobody heard that Ana was rung and answered, since nobody listened. The end of the
// call is heard: the call would be whole, and abandoned. So her phone is asked for.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	s := back(t)
	s.api.pastLeg("1", "", did, "completed", 0, 66, 66)
	s.api.pastLeg("2", "1", mobile, "no-answer", 1, 11, 0)
	s.api.pastLeg("3", "1", ana, "completed", 11, 65, 50)
	s.play(newFlow().ends(66, "completed", 66))
	state := s.state()
	require.True(t, state.Ended())
	require.Equal(t, telephony.Answered, state.Disposition)
	require.Equal(t, "client:ana", state.Talks[0].Endpoint)
	require.Equal(t, begun.Add(15*time.Second), state.AnsweredAt)
	require.Equal(t, begun.Add(66*time.Second), state.EndedAt)
	s.play(newFlow().ends(66, "completed", 66))
	require.Equal(t, state, s.state(), "and once")
}

// A phone that was heard is told of once.
func TestCatchUp_heard(t *testing.T) {
	t.Parallel()
	s := back(t)
	s.api.pastLeg("1", "", did, "completed", 0, 66, 66)
	s.api.pastLeg("2", "1", ana, "completed", 1, 65, 60)
	s.play(newFlow().rings("2", ana).leg(5, "2", ana, "in-progress").leg(65, "2", ana, "completed", "CallDuration", "60").
		ends(66, "completed", 66))
	state := s.state()
	require.Equal(t, []telephony.Talk{{Endpoint: ana, Leg: id("CA", "2"), From: begun.Add(5 * time.Second), Until: begun.Add(65 * time.Second)}}, state.Talks)
	require.Len(t, state.Legs, 2)
}

// Of a phone that rang when somebody listened again all was heard.
func TestCatchUp_sinceThen(t *testing.T) {
	t.Parallel()
	s := back(t)
	s.api.pastLeg("1", "", did, "completed", 0, 66, 66)
	s.api.pastLeg("2", "1", ana, "completed", 41, 65, 20)
	s.play(newFlow().leg(41, "2", ana, "initiated").leg(45, "2", ana, "in-progress").leg(65, "2", ana, "completed", "CallDuration", "20"))
	entries := len(s.sink.Entries())
	s.play(newFlow().ends(66, "completed", 66))
	require.Len(t, s.sink.Entries(), entries+1, "nothing but the end")
	require.Equal(t, telephony.Answered, s.state().Disposition)
}

// Where Twilio does not say, the call ends as it was heard.
func TestCatchUp_withoutAnswer(t *testing.T) {
	t.Parallel()
	s := back(t)
	s.api.refuse = http.StatusBadGateway
	s.play(newFlow().ends(66, "completed", 66))
	require.True(t, s.state().Ended())
	require.NotEqual(t, telephony.Answered, s.state().Disposition)
}

// Of a call that began when somebody listened nothing is asked.
func TestCatchUp_notOfNewCalls(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.at(begun.Add(-time.Hour))
	s.listen(s.sink)
	s.at(begun)
	s.play(newFlow().comes(caller, did).ends(66, "completed", 66))
	require.True(t, s.state().Ended())
	require.Empty(t, s.api.questions())
}

// What was refused may be lost: the lists are looked at soon, not in an hour.
func TestBackfill_afterRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.RecordsWithin = day })
	s.source.waits = waits{time.Hour, time.Hour, time.Millisecond, time.Millisecond}
	s.listen(s.sink)
	s.at(begun.Add(time.Minute))
	s.api.pastLeg("1", "", did, "completed", 0, 30, 30)
	s.api.refuse = http.StatusBadGateway
	require.Equal(t, http.StatusServiceUnavailable, s.post(hookStatus, newFlow().rings("2", ana).callbacks[0].form).status)
	s.api.mu.Lock()
	s.api.refuse = 0
	s.api.mu.Unlock()
	s.eventually("the call is told of", func() bool { return s.state().Ended() })
	require.True(t, s.state().Late)
}
