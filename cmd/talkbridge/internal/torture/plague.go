package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// blow is something that happens to the daemon or to Zendesk at a moment.
type blow struct {
	at    time.Duration // since the first call
	what  string
	lasts time.Duration
}

// What happens. The first two happen to the daemon, the others to Zendesk.
const (
	blowKill    = "kill"
	blowCut     = "cut"     // the connection with the phone system
	blowExpire  = "expire"  // all tokens
	blowRefuse  = "refuse"  // connections, for a while
	blowSickbed = "sickbed" // nothing but 503, for a while
)

// longestOutage is how long Zendesk is out at most.
const longestOutage = 90 * time.Second

// newBlows spreads blows over a time. Those of the daemon and those of Zendesk go
// on beside one another.
func newBlows(dice *rand.Rand, length time.Duration, kills int, calm bool) (daemon, desk []blow) {
	spread := func(n int, what string, shortest, longest time.Duration) []blow {
		var all []blow
		for i := range n {
			share := (float64(i) + 0.1 + 0.8*dice.Float64()) / float64(n)
			lasts := shortest + time.Duration(dice.Float64()*float64(longest-shortest))
			all = append(all, blow{time.Duration(share * float64(length)), what, lasts})
		}
		return all
	}
	daemon = spread(kills, blowKill, 0, 1500*time.Millisecond)
	if !calm {
		daemon = append(daemon, spread(kills/2+1, blowCut, 0, 2*time.Second)...)
		desk = append(desk, spread(kills/3+1, blowExpire, 0, 0)...)
		outage := min(longestOutage, length/8)
		desk = append(desk, spread(1, blowRefuse, outage, outage)...)
		desk = append(desk, spread(1, blowSickbed, outage/2, outage/2)...)
	}
	for _, all := range [][]blow{daemon, desk} {
		slices.SortStableFunc(all, func(x, y blow) int { return int(x.at - y.at) })
	}
	return daemon, desk
}

// suffer lets blows happen, one after the other: one that is late because
// another took long happens at once.
func (s *site) suffer(ctx context.Context, begun time.Time, blows []blow) error {
	for _, b := range blows {
		if !wait(ctx, time.Until(begun.Add(b.at))) {
			return nil
		}
		if err := s.strike(ctx, b); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

func (s *site) strike(ctx context.Context, b blow) error {
	switch b.what {
	case blowKill:
		return s.kill(ctx, b.lasts)
	case blowCut:
		return s.cut(ctx, b.lasts)
	case blowExpire:
		s.zendesk.ExpireTokens()
		s.count(func(t *Tally) { t.Expired++ })
	case blowRefuse:
		s.count(func(t *Tally) { t.Outages++ })
		if err := s.gate.Shut(); err != nil {
			return err
		}
		wait(ctx, b.lasts)
		return s.gate.Open() //nolint:contextcheck // it is open until it is shut
	case blowSickbed:
		s.count(func(t *Tally) { t.Outages++ })
		ill := s.zendesk.Inject(zendesktest.Fault{Effect: zendesktest.Unavailable(0)})
		wait(ctx, b.lasts)
		ill.Remove()
		s.count(func(t *Tally) { t.Failed += ill.Hits() })
	}
	return nil
}

// kill ends the daemon as kill -9 does, and starts another one a moment later.
func (s *site) kill(ctx context.Context, pause time.Duration) error {
	child := s.daemon()
	select {
	case <-child.Ended:
		return fmt.Errorf("the daemon ended by itself: %w", child.Result)
	default:
	}
	at := time.Now()
	if s.options.Blackout == nil {
		child.Kill()
	} else if err := s.options.Blackout(child.PID(), child.Kill); err != nil {
		return err
	}
	s.count(func(t *Tally) { t.Kills++; t.killed = append(t.killed, at) })
	if !wait(ctx, pause) {
		return nil
	}
	defer s.deafSince(at, Sources...)
	s.zendesk.ForgetClients()
	return s.start(ctx)
}

// killedSince reports whether the daemon was killed since a time.
func (s *site) killedSince(at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tally.killed) > 0 && s.tally.killed[len(s.tally.killed)-1].After(at)
}

// hangUp ends the connections with the phone system, and waits until they are.
func (s *site) hangUp(ctx context.Context) {
	s.pbx.DropClients()
	for s.pbx.Clients() > 0 && wait(ctx, time.Millisecond) {
		continue
	}
}

// cut drops the connection with the phone system, and takes no new one for a
// while: what happens meanwhile is told to nobody.
func (s *site) cut(ctx context.Context, pause time.Duration) error {
	if s.pbx == nil {
		return nil
	}
	at := time.Now()
	defer s.deafSince(at, Asterisk)
	before := s.log.sessions(Asterisk)
	s.pbx.Pause()
	s.hangUp(ctx)
	s.count(func(t *Tally) { t.Cuts++ })
	wait(ctx, pause)
	s.pbx.Resume()
	return s.await(ctx, "connected with the phone system again", func() bool {
		return s.log.sessions(Asterisk) > before
	})
}

// infect has a Zendesk fail as Zendesk does, and worse, and returns the faults.
func infect(desk *zendesktest.Server) (faults []*zendesktest.Injected) {
	const create, update, users = "/api/v2/channels/voice/tickets", "/api/v2/tickets/*", "/api/v2/users"
	for _, f := range []zendesktest.Fault{
		{Method: http.MethodPost, Path: create, Probability: 0.02, Effect: zendesktest.LateCommit(5 * time.Second)},
		{Method: http.MethodPost, Path: create, Probability: 0.01, Effect: zendesktest.StalledCommit(8 * time.Second)},
		{Method: http.MethodPut, Path: update, Probability: 0.02, Effect: zendesktest.LateCommit(5 * time.Second)},
		{Method: http.MethodPost, Path: users, Probability: 0.03, Effect: zendesktest.DropAfterCommit()},
		{Probability: 0.02, Effect: zendesktest.RateLimited(time.Second)},
		{Probability: 0.02, Effect: zendesktest.Unavailable(0)},
		{Probability: 0.02, Effect: zendesktest.ServerError()},
		{Probability: 0.02, Effect: zendesktest.FailAfterCommit(http.StatusInternalServerError)},
		{Probability: 0.01, Effect: zendesktest.FailAfterCommit(http.StatusServiceUnavailable)},
		{Probability: 0.02, Effect: zendesktest.DropBeforeCommit()},
		{Probability: 0.02, Effect: zendesktest.DropAfterCommit()},
		{Probability: 0.01, Effect: zendesktest.TruncatedBody()},
		{Probability: 0.03, Effect: zendesktest.Slow(400 * time.Millisecond)},
		{Probability: 0.005, Effect: zendesktest.Slow(2500 * time.Millisecond)},
	} {
		faults = append(faults, desk.Inject(f))
	}
	return faults
}
