package bridge_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// faultCalls is how many calls each fault run has; `make faults` asks for 2,000.
var faultCalls = flag.Int("fault-calls", 40, "calls in each fault run")

// TestFaultRun has many calls meet a Zendesk of which a third of the answers is
// wrong, without limits, with those of a plan, whose minutes pass twenty times as
// fast, and with call records: every call has its one ticket, and nothing is sent while
// Zendesk says to wait.
func TestFaultRun(t *testing.T) {
	t.Parallel()
	for _, run := range []struct {
		plan    zendesktest.Plan
		records bool
	}{{zendesktest.Unlimited, false}, {zendesktest.Enterprise, false}, {zendesktest.Unlimited, true}} {
		plan := run.plan
		t.Run(fmt.Sprintf("%s, call records %t", plan, run.records), func(t *testing.T) {
			t.Parallel()
			policy := func(*bridge.Policy) {}
			if run.records {
				policy = byRecord()
			}
			r := newRig(t, setup{timeout: patience, policy: policy, pace: 20, desk: []zendesktest.Option{
				zendesktest.WithPlan(plan), zendesktest.WithPace(20), zendesktest.WithSeed(11),
				zendesktest.WithRetention(zendesktest.Retention{Requests: 1_000_000}),
			}})
			for _, effect := range []zendesktest.Effect{
				zendesktest.RateLimited(time.Second), zendesktest.Unavailable(0), zendesktest.ServerError(),
				zendesktest.DropBeforeCommit(), zendesktest.DropAfterCommit(), zendesktest.LateCommit(700 * time.Millisecond),
			} {
				r.desk.Inject(zendesktest.Fault{Probability: 0.05, Effect: effect})
			}
			began := time.Now()
			phones := faultyCalls(r, *faultCalls)
			r.settledWithin(30*time.Minute, phones...)
			lost, writes := 0, make(map[int]int)
			for _, p := range phones {
				tickets := r.desk.TicketsByExternalID(string(p.id))
				if len(tickets) == 0 {
					lost++
					continue
				}
				writes[len(tickets[0].Audits)]++
				if run.records {
					r.record(p, 1)
				}
			}
			duplicate := len(r.desk.Duplicates())
			t.Logf("plan=%s calls=%d lost=%d duplicate=%d impatient=%d requests=%d took=%s writes per ticket: %s", plan, len(phones), lost,
				duplicate, r.desk.Impatient(), len(r.desk.Requests()), time.Since(began).Round(time.Second), counts(writes))
			require.Zero(t, lost)
			require.Zero(t, duplicate)
			require.Zero(t, r.desk.Impatient(), "nothing is sent while it is told to wait")
			for n := range writes {
				require.LessOrEqual(t, n, 2, "an ordinary call is two writes at most")
			}
			r.clean()
		})
	}
}

// faultyCalls brings calls, 50 at a time, each of a caller of its own.
func faultyCalls(r *rig, n int) []*phone {
	phones := make([]*phone, n)
	places := make(chan struct{}, 50)
	var calls sync.WaitGroup
	for i := range n {
		p := r.call(fmt.Sprint(i))
		p.from = fmt.Sprintf("+1212555%04d", i)
		phones[i] = p
		places <- struct{}{}
		calls.Go(func() {
			defer func() { <-places }()
			p.comes()
			p.rings("1001")
			p.answers("1001")
			<-time.After(time.Duration(i%5) * 500 * time.Millisecond)
			p.ends("1001", "t")
		})
	}
	calls.Wait()
	return phones
}

// counts writes a distribution, the smallest first.
func counts(of map[int]int) string {
	var texts []string
	for _, n := range slices.Sorted(maps.Keys(of)) {
		texts = append(texts, fmt.Sprintf("%d: %d", n, of[n]))
	}
	return strings.Join(texts, ", ")
}
