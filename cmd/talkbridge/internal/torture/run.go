package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	// patience is how long it may take after the last call until all is done.
	patience = 150 * time.Second
	// look is how often it is looked.
	look = time.Second
)

// FailedError says that the promise is broken.
type FailedError struct {
	Tally Tally
	// Folder has the logs and the journals.
	Folder string
}

// Error says how.
func (e *FailedError) Error() string {
	return fmt.Sprintf("%d calls lost, %d with more than one ticket, %d otherwise wrong; log and journal are in %s",
		e.Tally.Lost, e.Tally.Duplicate, e.Tally.Wrong, e.Folder)
}

// Run tortures the program and prints what came of it; the last line is for
// machines. It returns a *FailedError if a call is lost, twice or wrong, and
// another error if the torture itself failed. The folder in which it works is
// gone at the end unless it failed, or is to be kept. A context that ends, ends
// all of it.
func Run(ctx context.Context, o Options) (sum Tally, err error) {
	if err := o.Validate(); err != nil {
		return sum, err
	}
	dir, err := os.MkdirTemp("", "talkbridge-torture-")
	if err != nil {
		return sum, fmt.Errorf("make a folder: %w", err)
	}
	for i, plan := range o.Plans {
		tally, err := o.onPlan(ctx, i, plan, filepath.Join(dir, string(plan)))
		sum.add(tally)
		if err != nil {
			return sum, o.end(ctx, dir, err)
		}
	}
	_, _ = fmt.Fprintln(o.Out, "calls of "+sum.sources())
	_, _ = fmt.Fprintln(o.Out, sum.last(o.Seed))
	if sum.bad() {
		return sum, &FailedError{sum, dir}
	}
	return sum, o.end(ctx, dir, nil)
}

// end removes the folder, unless it is of use.
func (o Options) end(ctx context.Context, dir string, err error) error {
	if o.Keep || err != nil && ctx.Err() == nil {
		_, _ = fmt.Fprintln(o.Out, "log and journal are in", dir)
		return err
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// share is the part of n that falls to the i-th plan.
func (o Options) share(n, i int) int {
	part := n / len(o.Plans)
	if i < n%len(o.Plans) {
		part++
	}
	return part
}

// onPlan tortures on one plan.
func (o Options) onPlan(ctx context.Context, i int, plan zendesktest.Plan, dir string) (t Tally, err error) {
	seed := o.Seed + uint64(i)             //nolint:gosec // a place among a few plans
	dice := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable, not secret
	calls := newCalls(dice, o.share(o.Calls, i), o.Calm, o.shares())
	s, err := newSite(o, plan, dir, seed, len(calls)) //nolint:contextcheck // its servers live until they are closed
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	begun := time.Now()
	if err := s.torture(ctx, dice, calls, o.share(o.Kills, i)); err != nil {
		return s.tally, err
	}
	_, _ = fmt.Fprintf(o.Out, "plan=%s took=%s %s\n", plan, time.Since(begun).Round(time.Second), s.tally.details())
	return s.tally, nil
}

// torture plays the calls, strikes, and judges.
func (s *site) torture(ctx context.Context, dice *rand.Rand, calls []*Call, kills int) error {
	ctx, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	if err := s.start(ctx); err != nil {
		return err
	}
	known := func() bool { return s.log.agentsConfirmed() > 0 }
	if err := s.await(ctx, "told who the agents are", known); err != nil { // later it remembers
		return err
	}
	beside.Go(func() { s.witness.Run(ctx) })
	beside.Go(func() { s.listen(ctx) })
	beside.Go(func() { s.socket.run(ctx) })
	beside.Go(func() { s.batches.run(ctx) })
	length := time.Duration(len(calls)) * s.options.every()
	daemon, desk := newBlows(dice, length, kills, s.options.Calm)
	if !s.options.Calm {
		s.faults = infect(s.zendesk)
	}
	begun := time.Now()
	struck := make(chan error, 2)
	for _, blows := range [][]blow{daemon, desk} {
		beside.Go(func() { struck <- s.suffer(ctx, begun, blows) })
	}
	played := make(chan struct{})
	beside.Go(func() { defer close(played); s.playAll(ctx, calls) })
	bench := newBench(s, calls)
	if err := bench.sit(ctx, played, struck); err != nil {
		return err
	}
	return bench.conclude(ctx)
}

// play has a call happen, as its source tells of it, and waits until it is over.
func (s *site) play(ctx context.Context, c *Call) error {
	switch c.Kind.Source {
	case Twilio:
		return s.playTwilio(ctx, c)
	case CTI:
		return s.playTold(ctx, c, c.pushes(), s.push)
	case Events:
		return s.playTold(ctx, c, c.events(), s.send)
	case Asterisk:
	}
	return s.playAsterisk(ctx, c)
}

// playAll plays the calls, one every so often, and waits for the last.
func (s *site) playAll(ctx context.Context, calls []*Call) {
	tick := time.NewTicker(s.options.every())
	defer tick.Stop()
	var playing sync.WaitGroup
	defer playing.Wait()
	for _, c := range calls {
		playing.Go(func() { c.finish(s.play(ctx, c)) })
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
