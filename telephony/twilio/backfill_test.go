package twilio

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// stamp is a time as records have it.
func stamp(second int) string {
	return begun.Add(time.Duration(second) * time.Second).Format(time.RFC1123Z)
}

// past is a record of a leg that is over.
func (f *fakeAPI) pastLeg(n, parent, to, status string, from, until, talked int) {
	direction := "inbound"
	fields := map[string]any{
		"to": to, "status": status, "date_created": stamp(from), "start_time": stamp(from), "end_time": stamp(until), "duration": itoa(talked),
	}
	if parent != "" {
		direction, fields["parent_call_sid"] = "outbound-dial", id("CA", parent)
	}
	fields["direction"] = direction
	f.call(n, fields)
}

func itoa(n int) string { return strconv.Itoa(n) }

// away is a site that was away while calls went on, an hour later.
func away(t *testing.T, change func(*Config)) *site {
	t.Helper()
	s := newSite(t, func(c *Config) {
		c.RecordsWithin = day
		if change != nil {
			change(c)
		}
	})
	s.source.waits = waits{time.Millisecond, time.Hour, time.Minute, time.Millisecond}
	s.at(begun.Add(30 * time.Minute))
	return s
}

func (s *site) call(n string) telephony.State {
	return s.sink.State(telephony.CallID("hq/tw/" + id("CA", n)))
}

func (s *site) eventually(what string, is func() bool) {
	s.t.Helper()
	require.Eventually(s.t, is, time.Minute, time.Millisecond, what)
}

// Calls that nobody heard of are told as Twilio's lists have them, each once.
func TestBackfill(t *testing.T) {
	t.Parallel()
	s := away(t, nil)
	s.api.perPage = 2
	s.api.pastLeg("1", "", did, "completed", 0, 66, 66)
	s.api.pastLeg("2", "1", mobile, "no-answer", 1, 11, 0)
	s.api.pastLeg("3", "1", ana, "completed", 11, 65, 50)
	s.api.pastLeg("4", "", did, "completed", 100, 140, 40)
	s.api.pastLeg("5", "4", ana, "no-answer", 101, 121, 0)
	s.api.pastLeg("6", "", did, "completed", 200, 210, 10)
	s.api.call("7", map[string]any{"status": "in-progress"})
	s.api.recordings = []map[string]any{
		{"sid": id("RE", "1"), "call_sid": id("CA", "1"), "account_sid": account, "status": "completed", "source": "DialVerb", "start_time": stamp(15), "duration": "50"},
		{"sid": id("RE", "4"), "call_sid": id("CA", "4"), "account_sid": account, "status": "completed", "source": "RecordVerb", "start_time": stamp(125), "duration": "14"},
		{"sid": id("RE", "6"), "call_sid": id("CA", "6"), "account_sid": account, "status": "absent", "source": "RecordVerb", "start_time": stamp(205), "duration": "0"},
	}
	s.listen(s.sink)
	s.eventually("three calls", func() bool { return s.source.Stats().Late == 3 })

	answered := s.call("1")
	require.True(t, answered.Late)
	require.Equal(t, telephony.Answered, answered.Disposition)
	require.Equal(t, begun, answered.StartedAt)
	require.Equal(t, begun.Add(15*time.Second), answered.AnsweredAt, "its duration before its end")
	require.Equal(t, begun.Add(66*time.Second), answered.EndedAt)
	require.Equal(t, caller, answered.From.Number)
	require.Equal(t, "client:ana", answered.Talks[0].Endpoint)
	require.Contains(t, answered.Recording, id("RE", "1"))

	require.Equal(t, telephony.LeftVoicemail, s.call("4").Disposition)
	require.Contains(t, s.call("4").Voicemail.Path, id("RE", "4"))
	require.Nil(t, s.call("6").Voicemail)
	require.Zero(t, s.call("7"), "it goes on")
	require.Contains(t, s.api.queries[0], "StartTime%3C=2026-11-24T00%3A00%3A00Z", "from the day before to the day after")
	require.Contains(t, s.api.queries[0], "StartTime%3E=2026-11-20T00%3A00%3A00Z")

	entries := len(s.sink.Entries())
	seen, err := s.source.readLists(t.Context(), s.sink)
	require.NoError(t, err)
	require.Zero(t, seen.late+seen.ended)
	require.Len(t, s.sink.Entries(), entries, "and once")
	s.stop()
	s.source.past = map[string]bool{} // as another process would
	s.listen(s.sink)
	s.eventually("looked again", func() bool { return len(s.api.questions()) > 10 })
	for _, n := range []string{"1", "4", "6"} {
		require.Len(t, s.call(n).Legs, map[string]int{"1": 3, "4": 2, "6": 1}[n])
	}
	require.Equal(t, uint64(3), s.source.Stats().Late)
}

// What was heard counts, and the end of it that was missed comes from the lists.
func TestBackfill_endThatWasMissed(t *testing.T) {
	t.Parallel()
	s := away(t, nil)
	s.listen(s.sink)
	s.eventually("a first look", func() bool { return len(s.api.questions()) >= 1 })
	s.at(begun.Add(time.Minute))
	s.play(newFlow().comes(caller, did, buffalo...).rings("2", ana).leg(5, "2", ana, "in-progress"))
	s.stop()

	s.at(begun.Add(30 * time.Minute))
	s.api.pastLeg("1", "", did, "completed", 0, 66, 66)
	s.api.pastLeg("2", "1", ana, "completed", 1, 65, 60)
	s.listen(s.sink)
	s.eventually("the end", func() bool { return s.state().Ended() })
	state := s.state()
	require.False(t, state.Late)
	require.False(t, state.EndEstimated)
	require.Equal(t, begun.Add(66*time.Second), state.EndedAt)
	require.Equal(t, "BUFFALO, NY, US", state.From.Location)
	require.Equal(t, []telephony.Talk{{Endpoint: ana, Leg: id("CA", "2"), From: begun.Add(5 * time.Second), Until: begun.Add(65 * time.Second)}}, state.Talks)
	require.Equal(t, uint64(1), s.source.Stats().Ended)
}

// A call whose end nobody tells is asked about while it seems to go on.
func TestBackfill_asksAboutCallsThatGoOn(t *testing.T) {
	t.Parallel()
	s := away(t, nil)
	s.source.waits = waits{time.Hour, time.Hour, time.Minute, time.Millisecond}
	s.listen(s.sink)
	s.at(begun)
	s.play(newFlow().comes(caller, did).rings("2", ana))
	s.api.pastLeg("1", "", did, "completed", 0, 30, 30)
	s.api.call("2", map[string]any{"parent_call_sid": id("CA", "1"), "direction": "outbound-dial", "status": "in-progress"})
	s.at(begun.Add(40 * time.Minute))
	require.NoError(t, s.source.askLive(t.Context(), s.sink))
	require.True(t, s.state().Live(), "one leg goes on")
	s.api.pastLeg("2", "1", ana, "no-answer", 1, 21, 0)
	require.NoError(t, s.source.askLive(t.Context(), s.sink))
	require.Equal(t, telephony.Missed, s.state().Disposition)
	require.Equal(t, begun.Add(30*time.Second), s.state().EndedAt)
	require.False(t, s.state().EndEstimated)
}

// Even where the clocks are so far apart that a call seems to end before it began.
func TestBackfill_clocks(t *testing.T) {
	t.Parallel()
	s := away(t, nil)
	s.source.waits = waits{time.Hour, time.Hour, time.Minute, time.Millisecond}
	s.listen(s.sink)
	s.play(newFlow().comes(caller, did)) // half an hour late
	s.api.pastLeg("1", "", did, "completed", 0, 30, 30)
	s.at(begun.Add(40 * time.Minute))
	require.NoError(t, s.source.askLive(t.Context(), s.sink))
	require.True(t, s.state().Ended())
	require.True(t, s.state().EndEstimated)
}

// Nothing is told of before the first start, nor of too long ago.
func TestBackfill_bounds(t *testing.T) {
	t.Parallel()
	s := away(t, func(c *Config) { c.RecordsSince = begun.Add(50 * time.Second) })
	s.api.pastLeg("1", "", did, "completed", 0, 66, 66)
	s.api.pastLeg("2", "", did, "completed", 60, 66, 6)
	s.listen(s.sink)
	s.eventually("one call", func() bool { return s.source.Stats().Late == 1 })
	require.Zero(t, s.call("1"))
	require.True(t, s.call("2").Ended())
}

// While the lists cannot be read webhooks are taken all the same.
func TestBackfill_fails(t *testing.T) {
	t.Parallel()
	s := away(t, nil)
	s.api.refuse = http.StatusServiceUnavailable
	s.listen(s.sink)
	s.eventually("a look", func() bool { return len(s.api.questions()) > 0 })
	s.play(newFlow().comes(caller, did))
	require.True(t, s.state().Live())
}
