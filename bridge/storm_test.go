package bridge_test

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// stormCalls is how many calls wait for their tickets; `make faults` asks for 1,000.
var stormCalls = flag.Int("storm-calls", 250, "calls that wait in the storm of refusals")

// TestPagesPassAStormOfRefusals has far more calls wait than the account's minute
// allows, while agents answer others: their pages do not queue up behind, and
// nothing is sent while Zendesk says to wait.
func TestPagesPassAStormOfRefusals(t *testing.T) {
	t.Parallel()
	const pages, window = 12, 3 * time.Second
	limits := zendesktest.Limits{Requests: 120}
	r := newRig(t, setup{pace: float64(time.Minute / window), desk: []zendesktest.Option{
		zendesktest.WithLimits(limits), zendesktest.WithPace(float64(time.Minute / window)),
		zendesktest.WithRetention(zendesktest.Retention{Requests: 1_000_000}),
	}})
	first := r.call("first") // the caller is known from then on
	first.ordinary("1001")
	r.settled(first)
	var waiting, answered []*phone
	for i := range *stormCalls {
		p := r.call(fmt.Sprint("waits", i))
		p.tell(append(p.coming(), p.ending("t")...)...)
		waiting = append(waiting, p)
	}
	at := make(map[telephony.CallID]time.Time)
	for i := range pages {
		p := r.call(fmt.Sprint("page", i))
		p.comes()
		p.rings("1002")
		<-time.After(window / 5)
		p.answers("1002")
		at[p.id] = time.Now()
		answered = append(answered, p)
	}
	took := make([]time.Duration, 0, pages)
	for _, p := range answered {
		r.eventually("page of "+string(p.id), func() bool { return len(r.desk.TicketsByExternalID(string(p.id))) == 1 })
		p.ends("1002", "t")
	}
	took = append(took, r.between(at)...)
	r.settledWithin(10*time.Minute, append(waiting, answered...)...)
	slices.Sort(took)
	refused := 0
	for _, request := range r.desk.Requests() {
		if request.Status == http.StatusTooManyRequests {
			refused++
		}
	}
	shown := slices.DeleteFunc(r.desk.Pops(), func(p zendesktest.Pop) bool { return p.AgentID != benID })
	t.Logf("waiting=%d pages=%d median=%s longest=%s refused=%d impatient=%d", len(waiting), len(shown),
		took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), refused, r.desk.Impatient())
	require.Len(t, shown, pages, "no page is late")
	require.Zero(t, refused, "what is under way is taken off the budget before more is sent")
	require.Zero(t, r.desk.Impatient(), "nothing is sent while it is told to wait")
	r.clean()
}
