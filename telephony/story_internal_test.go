package telephony

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever an event says comes back, but for Raw: a field that is added and not
// packed fails here.
func TestStoryKeepsEveryField(t *testing.T) {
	t.Parallel()
	full := Event{Call: "hq/pbx1/1.1"}
	fillFields(t, reflect.ValueOf(&full).Elem())
	full.Time = time.Date(2026, 11, 22, 9, 0, 0, 123456789, time.UTC)
	for _, e := range []Event{full, {ID: "bare", Time: full.Time}, {ID: "old", Time: time.Date(-5, 1, 1, 0, 0, 0, 1, time.UTC), Cause: -1, Ordinal: 1 << 63}} {
		var s story
		s.insert(0, e)
		want := e
		want.Call, want.Raw = "hq/pbx1/2.2", nil
		require.Equal(t, []Event{want}, s.events("hq/pbx1/2.2"))
		require.Equal(t, want, s.at("hq/pbx1/2.2", 0))
	}
}

// fillFields gives each field of a struct a value of its own.
func fillFields(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() { //nolint:exhaustive // what an event consists of
		case reflect.String:
			f.SetString("text of " + v.Type().Field(i).Name)
		case reflect.Int:
			f.SetInt(int64(100 + i))
		case reflect.Uint64:
			f.SetUint(uint64(100 + i))
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Struct:
			if f.Type() != reflect.TypeFor[time.Time]() {
				fillFields(t, f)
			}
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"raw": "fact"}))
		default:
			t.Fatalf("%s: a kind of field that this test does not know", v.Type().Field(i).Name)
		}
	}
}

// A copy stays what it was, whatever is told of the call afterwards.
func TestCloneStaysAsItWas(t *testing.T) {
	t.Parallel()
	c := NewCall("hq/pbx1/1.1")
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	apply := func(id string, kind Kind, second int) {
		require.True(t, c.Apply(Event{ID: id, Call: c.id, Kind: kind, Time: at.Add(time.Duration(second) * time.Second), Leg: "t", Other: CallID("hq/pbx1/" + id)}))
	}
	apply("b", LegStarted, 1)
	apply("l1", CallLinked, 2)
	clone := c.Clone()
	before, links := clone.State(), clone.Links()
	apply("c", LegEnded, 5)
	apply("a", LegStarted, 0)
	apply("l2", CallLinked, 3)
	require.Equal(t, before, clone.State())
	require.Equal(t, links, clone.Links())
	require.Equal(t, 2, clone.Len())
	require.NotEqual(t, before, c.State())
	require.True(t, clone.Apply(Event{ID: "d", Call: c.id, Kind: LegEnded, Time: at.Add(9 * time.Second), Leg: "t"}))
	require.Equal(t, at.Add(5*time.Second), c.State().EndedAt, "nor does it change what it was copied from")
}

// An ordinary answered call that goes on fits into so many bytes. An Event as a
// value has over three hundred.
func TestStoryIsSmall(t *testing.T) {
	t.Parallel()
	c := NewCall("hq/pbx1/1700000000.1")
	for i, e := range []Event{
		{Kind: LegStarted, Leg: "1700000000.1", First: true, Side: SideTrunk, Endpoint: "PJSIP/trunk", Dialled: "15550100001", Party: Party{Number: "+4930123456", Name: "Erika Muster"}},
		{Kind: CallHint, Name: HintDID, Value: "15550100001"},
		{Kind: LegStarted, Leg: "1700000000.2", Side: SideAgent, Endpoint: "PJSIP/1001"},
		{Kind: LegDialled, Leg: "1700000000.2", Side: SideAgent, Endpoint: "PJSIP/1001", Peer: "1700000000.1", Dialled: "1001"},
		{Kind: LegDialEnded, Leg: "1700000000.2", Status: DialAnswer},
		{Kind: LegBridged, Leg: "1700000000.2", Side: SideAgent, Endpoint: "PJSIP/1001", Bridge: "8f6f2f0e-2d6f-4a43-9c0e-0d5c0e7f2b11"},
		{Kind: LegBridged, Leg: "1700000000.1", Side: SideTrunk, Endpoint: "PJSIP/trunk", Bridge: "8f6f2f0e-2d6f-4a43-9c0e-0d5c0e7f2b11"},
	} {
		e.ID, e.Call, e.Ordinal = "374b9476f3d0f7c"+string(rune('a'+i)), c.id, uint64(1000+i)
		e.Time = time.Date(2026, 11, 22, 9, 0, i, 123456000, time.UTC)
		require.True(t, c.Apply(e))
	}
	require.LessOrEqual(t, len(c.story.facts)+len(c.story.texts), 640)
}
