package bridge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// late makes all of a call be told by records.
func (s *stage) late() *stage {
	told := newStageOf(s.call.ID())
	for _, e := range s.call.Events() {
		e.Late = true
		told.call.Apply(e)
	}
	return told
}

// gone: the legs were found gone after a minute.
func (s *stage) gone(legs ...string) *stage {
	for _, leg := range legs {
		s.event(60, telephony.Event{Kind: telephony.LegEnded, Leg: leg, Estimated: true})
	}
	return s
}

func recorded(p *Policy) { p.Records = map[string]bool{"pbx1": true} }

func TestPlanOfThePast(t *testing.T) {
	t.Parallel()
	made := []Outcome{known(), intendedCreate("i", 5), shownIn("i")}
	for _, c := range []planCase{
		{name: "no page", call: ended().late(), done: []Outcome{known()}, now: 6, want: "create 45 final: an agent had answered"},
		{name: "no page though no end is told", call: answered().late(), done: []Outcome{known()}, now: 5, want: "create 45: an agent answered"},
		{name: "no page at ringing", call: missed().late(), policy: onRinging, done: []Outcome{known()}, now: 2, want: "create 45 final: nobody answered: missed"},
		{name: "waits for its record", call: answered().gone("1001", "t"), policy: recorded, done: made, now: 61, want: "complete at 90: the call is over"},
		{name: "no record came", call: answered().gone("1001", "t"), policy: recorded, done: made, now: 90, want: "complete at 90: the call is over"},
		{name: "no records are read", call: answered().gone("1001", "t"), done: made, now: 61, want: "complete: the call is over"},
		{name: "not yet made", call: answered().gone("1001", "t"), policy: recorded, done: []Outcome{known()}, now: 61, want: "create 45 final at 90: an agent had answered"},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(t) })
	}
}

// A call does not begin with what records say of it: what was heard before is read
// back.
func TestLateEventsBeginNoCall(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		call *stage
		want bool
	}{{ended(), true}, {ended().late(), false}} {
		m, err := EncodeEvents(tt.call.call.Events())
		require.NoError(t, err)
		_, begins := (&Bridge{}).decode(journal.Record{Kind: journal.Event, Data: m.Data})
		require.Equal(t, tt.want, begins)
	}
}

// Calls of which nobody waits for anything come after all others.
func TestLaneOfThePast(t *testing.T) {
	t.Parallel()
	for step, want := range map[StepKind]lane{
		StepCreate: laneRest, StepCaller: laneRest, StepMatch: laneRest, StepComplete: laneRest, StepTell: laneRest, StepAudio: laneLocal,
	} {
		require.Equal(t, want, laneOf(Step{Kind: step, Past: true}), step)
	}
}

// Told reads what the journal holds of one source.
func TestTold(t *testing.T) {
	t.Parallel()
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Site: "hq", MaxBytes: 1 << 30})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	tell := func(s *stage) {
		m, err := EncodeEvents(s.call.Events())
		require.NoError(t, err)
		_, err = j.Append(t.Context(), m)
		require.NoError(t, err)
	}
	sink := &Sink{bridge: &Bridge{journal: j}, source: "pbx1"}
	told := func(since time.Time) telephony.Told {
		got, err := sink.Told(t.Context(), since)
		require.NoError(t, err)
		return got
	}
	require.Empty(t, told(time.Time{}))
	before := time.Now()
	tell(answered().gone("1001").leaves(61, "t"))
	tell(newStageOf("hq/pbx2/9.9").comes(customerA))
	require.Equal(t, telephony.Told{
		"t":    {Call: testCall, Endpoint: "PJSIP/trunk"},
		"1001": {Call: testCall, Endpoint: "PJSIP/1001", Gone: true},
	}, told(before))
	require.Empty(t, told(time.Now().Add(time.Hour)))
	tell(answered().leaves(58, "1001"))
	require.False(t, told(before)["1001"].Gone, "its end was reported after all")
}
