package bridge_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// TestManyCallsThroughABadDay has everything go wrong by chance, and the bridge
// restarted in the middle: every call has its one ticket.
func TestManyCallsThroughABadDay(t *testing.T) {
	t.Parallel()
	const calls = 60
	r := newRig(t, setup{timeout: patience, desk: []zendesktest.Option{zendesktest.WithSeed(7)}})
	for _, effect := range []zendesktest.Effect{
		zendesktest.DropAfterCommit(), zendesktest.DropBeforeCommit(), zendesktest.LateCommit(700 * time.Millisecond),
		zendesktest.ServerError(), zendesktest.Unavailable(0), zendesktest.HTML(), zendesktest.TruncatedBody(),
		zendesktest.Slow(patience + time.Second), zendesktest.StalledCommit(600 * time.Millisecond),
	} {
		r.desk.Inject(zendesktest.Fault{Count: 8, Probability: 0.012, Effect: effect})
	}
	r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Count: 2, Probability: 0.02, Effect: zendesktest.RateLimited(time.Second)})
	dice := rand.New(rand.NewPCG(7, 7))
	var phones []*phone
	var half, whole sync.WaitGroup
	restarted := make(chan struct{})
	for i := range calls {
		p := r.call(fmt.Sprint(i))
		p.from = fmt.Sprintf("+12125550%03d", dice.IntN(calls/3))
		phones = append(phones, p)
		pause := time.Duration(dice.IntN(1000)) * time.Millisecond
		half.Add(1)
		whole.Go(func() {
			<-time.After(pause)
			p.comes()
			p.rings("1001")
			p.answers("1001")
			half.Done()
			<-restarted
			p.sink = r.bridge.Sink("pbx1")
			p.ends("1001", "t")
		})
	}
	half.Wait()
	require.NoError(t, r.stop())
	r.start(setup{})
	close(restarted)
	whole.Wait()
	r.settled(phones...)
	users := make(map[int64]bool)
	for _, p := range phones {
		ticket := r.ticket(p)
		users[ticket.RequesterID] = true
		require.LessOrEqual(t, completions(ticket), 1, p.id)
		require.Len(t, ticket.Comments, wantComments(t, r, p), p.id)
		require.Empty(t, r.view(p).Record.Duplicates)
	}
	require.Len(t, customers(r), len(users))
	require.Len(t, r.desk.Tickets(), calls)
	r.clean()
}
