package telephonytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// property is one thing that the contract demands of a driver.
type property struct {
	name string
	run  func(t *testing.T, r Rig)
}

// ofAll is demanded of every source.
var ofAll = []property{
	{name: TellsInOrder, run: tellsInOrder},
	{name: "keeps calls apart", run: keepsCallsApart},
	{name: "survives garbage", run: survivesGarbage},
	{name: "ends with its context", run: endsWithContext},
	{name: "ends with its context while the sink takes nothing", run: endsWhileBlocked},
	{name: "does not start with a context that is over", run: startsNot},
	{name: "ends when the sink fails", run: endsWithSink},
}

// ofConnected is demanded of a source that has a connection, and asks what there
// is.
var ofConnected = []property{
	{name: ComesBack, run: comesBack},
	{name: FindsEnd, run: findsEnd},
	{name: FindsBegin, run: findsBegin},
}

// ofTold is demanded of a source that is told of calls by whoever calls it.
var ofTold = []property{
	{name: "takes a repeated delivery for the same events", run: knowsRepeats},
	{name: "takes parallel repeats for the same events", run: knowsParallelRepeats},
	{name: "refuses what comes before a session", run: refusesBefore},
	{name: "refuses what comes after the end of one", run: refusesAfter},
	{name: "tells the sender when nothing could be kept", run: tellsSender},
	{name: "does not mind the order", run: mindsNoOrder},
}

// The names of properties that some drivers leave out.
const (
	TellsInOrder = "tells of a call, in order"
	ComesBack    = "ends when the connection does, and comes back"
	FindsEnd     = "finds what ended meanwhile"
	FindsBegin   = "finds what began meanwhile"
)

// The reasons why a property does not apply to a whole kind of source.
const (
	isTold  = "left out: it is told"
	isAsked = "left out: it asks"
)

// RunSource runs the contract of telephony.Source against a driver that has a
// connection to its phone system. Each property gets a rig of its own, whose
// goroutines must end with the test. No other test may run at the same time:
// goroutines are counted.
func RunSource(t *testing.T, newRig func(t *testing.T) Rig) {
	t.Helper()
	run(t, ofConnected, ofTold, isAsked, newRig)
}

// RunTold runs the contract against a driver that is told of calls: one that others
// call (see telephony.Inbox). Its rigs have a Story, and need no Cut.
func RunTold(t *testing.T, newRig func(t *testing.T) Rig) {
	t.Helper()
	run(t, ofTold, ofConnected, isTold, newRig)
}

// run runs what is demanded of all sources and of this kind of them; what is
// demanded of the other kind does not apply, and why says that.
func run(t *testing.T, ofKind, other []property, why string, newRig func(t *testing.T) Rig) {
	t.Helper()
	first := newRig(t)
	cells := make(map[string]string)
	for _, p := range other {
		cells[p.name] = why
	}
	applies := slices.Concat(ofAll, ofKind)
	for name, reason := range first.LeftOut {
		require.NotEmpty(t, reason, "%q is left out without a reason", name)
		require.True(t, slices.ContainsFunc(applies, func(p property) bool { return p.name == name }), "there is no property %q to leave out", name)
		cells[name] = "left out: " + reason
	}
	for _, p := range applies {
		if cells[p.name] != "" {
			continue
		}
		ok := t.Run(p.name, func(t *testing.T) {
			r := newRig(t)
			before := goleak.IgnoreCurrent()
			p.run(t, r)
			require.NoError(t, goleak.Find(before), "goroutines left behind")
		})
		if cells[p.name] = "yes"; !ok {
			cells[p.name] = "no"
		}
	}
	if first.Driver != "" && !t.Failed() {
		checkColumn(t, first.Driver, cells)
	}
}
