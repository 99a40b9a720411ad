package bridge_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// refused are the requests that were answered 429.
func (r *rig) refused() (paths []string) {
	for _, request := range r.desk.Requests() {
		if request.Status == http.StatusTooManyRequests {
			paths = append(paths, request.Path)
		}
	}
	return paths
}

// shifted is a clock that can be put forward.
type shifted struct{ by atomic.Int64 }

func (c *shifted) now() time.Time { return time.Now().Add(time.Duration(c.by.Load())) }

// limited is a rig whose account takes so many updates of a ticket in ten minutes,
// with a ticket that the caller's calls go onto.
func limited(t *testing.T, limits zendesktest.Limits, takes int) (r *rig, ticket int64, clock *shifted) {
	t.Helper()
	clock, limits.TicketUpdates = &shifted{}, takes
	r, customer := matchRig(t, newestOpen(), setup{now: clock.now, desk: []zendesktest.Option{
		zendesktest.WithLimits(limits), zendesktest.WithNow(clock.now),
	}})
	return r, r.asks(customer, "Broken"), clock
}

// elsewhere is a call of another caller, from the page to the complete ticket.
func (r *rig) elsewhere() {
	r.t.Helper()
	p := r.call("elsewhere")
	p.from = "+12125550177"
	p.comes()
	p.rings("1002")
	p.answers("1002")
	r.eventually("page", func() bool { return len(r.desk.Pops()) == 1 })
	p.ends("1002", "t")
	r.settled(p)
	require.Equal(r.t, 1, completions(r.ticket(p)), "its ticket was updated")
}

// TestTicketTakesNoMoreUpdates has a caller ring again and again while his calls go
// onto one ticket: what is over the limit waits, is not refused, and nobody else
// waits with it.
func TestTicketTakesNoMoreUpdates(t *testing.T) {
	t.Parallel()
	const takes = 5
	r, ticket, clock := limited(t, zendesktest.SuiteTeam.Limits(), takes)
	var calls []*phone
	for i := range takes + 2 {
		p := r.rung(fmt.Sprint("again", i))
		p.ends("1001", "t")
		calls = append(calls, p)
		if i < takes {
			r.settled(p)
		}
	}
	const waits = "ticket takes no more updates for now, the next one waits"
	r.eventually("two wait", func() bool { return r.logged(logrus.InfoLevel, waits) >= 2 })
	r.elsewhere()
	for _, p := range calls[takes:] {
		require.False(t, r.view(p).Next.Settled)
	}
	clock.by.Store(int64(11 * time.Minute))
	r.settled(calls...)
	for _, p := range calls {
		require.Equal(t, 1, toldOf(r.ticketByID(ticket), p))
	}
	require.Empty(t, r.refused())
	require.Zero(t, r.desk.Impatient())
	r.clean()
}

// TestTicketUpdatedByOthersToo: what others did to a ticket is not known here. Its
// refusal makes that ticket wait, and no other.
func TestTicketUpdatedByOthersToo(t *testing.T) {
	t.Parallel()
	const takes = 3
	r, ticket, clock := limited(t, zendesktest.Enterprise.Limits(), takes)
	p := r.rung("again")
	for i := range takes {
		_, err := r.client.AddTags(t.Context(), ticket, fmt.Sprint("tag", i))
		require.NoError(t, err)
	}
	p.ends("1001", "t")
	r.eventually("refused", func() bool { return len(r.refused()) == 1 })
	r.elsewhere()
	require.False(t, r.view(p).Next.Settled)
	clock.by.Store(int64(11 * time.Minute))
	r.settled(p)
	require.Equal(t, 1, toldOf(r.ticketByID(ticket), p))
	require.Len(t, r.refused(), 1)
	require.Zero(t, r.desk.Impatient())
}

// TestBurstOfUpdates ends more calls at once than the account takes updates in a
// minute: none is refused, and pages do not wait for them.
func TestBurstOfUpdates(t *testing.T) {
	t.Parallel()
	const calls, pace = 130, 20 // a minute is three seconds
	for _, plan := range []zendesktest.Plan{zendesktest.SuiteTeam, zendesktest.Enterprise} {
		t.Run(string(plan), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{pace: pace, desk: []zendesktest.Option{
				zendesktest.WithLimits(plan.Limits()), zendesktest.WithPace(pace),
				zendesktest.WithRetention(zendesktest.Retention{Requests: 1_000_000}),
			}})
			var phones []*phone
			for i := range calls {
				p := r.call(fmt.Sprint("burst", i))
				p.comes()
				p.rings("1001")
				p.answers("1001")
				phones = append(phones, p)
			}
			r.eventually("tickets", func() bool { return len(r.desk.Tickets()) == calls })
			for _, p := range phones {
				p.ends("1001", "t")
			}
			page := r.call("page")
			page.comes()
			page.rings("1002")
			page.answers("1002")
			at := time.Now()
			r.eventually("page", func() bool { return len(r.desk.Pops()) == calls+1 })
			took := time.Since(at)
			page.ends("1002", "t")
			r.settledWithin(2*time.Minute, append(phones, page)...)
			t.Logf("page after %s", took.Round(time.Millisecond))
			for _, p := range phones {
				require.Equal(t, 1, completions(r.ticket(p)))
			}
			require.Empty(t, r.refused())
			r.clean()
		})
	}
}
