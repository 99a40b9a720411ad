package screenpop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// quickRetry is the wait before the one further attempt.
const quickRetry = 150 * time.Millisecond

// firstAttempt is how long the first request may take where as much is left
// for another: Zendesk answers within a second, or not at all.
const firstAttempt = 3 * time.Second

// maxErrText bounds what an Outcome keeps of an error.
const maxErrText = 300

// Popper asks Zendesk to open a page in an agent's browser. nil means that
// Zendesk accepted, not that somebody saw it.
type Popper interface {
	DisplayTicket(ctx context.Context, agent, ticket int64) error
	DisplayUser(ctx context.Context, agent, user int64) error
}

// Pop is one page for one agent: a ticket, or else a user.
type Pop struct {
	Agent  int64
	Ticket int64
	User   int64
	// Since is the moment of the fact that asks for the page.
	Since time.Time
	// Deadline counts from Since; 0 is DefaultDeadline.
	Deadline time.Duration
}

// Deliverer delivers pops. It is safe for concurrent use if its popper is. See
// NewDeliverer.
type Deliverer struct {
	popper    Popper
	retryable func(error) bool
	now       func() time.Time
}

// NewDeliverer returns a deliverer. retryable says which errors may pass when
// asked again at once; nil stands for none. now is the clock, nil is time.Now;
// what a Pop counts from must be by that clock too.
func NewDeliverer(popper Popper, retryable func(error) bool, now func() time.Time) *Deliverer {
	if retryable == nil {
		retryable = func(error) bool { return false }
	}
	if now == nil {
		now = time.Now
	}
	return &Deliverer{popper: popper, retryable: retryable, now: now}
}

var (
	errLate    = errors.New("screen pop deadline is over")
	errAttempt = errors.New("zendesk took too long for the first attempt")
	errNoPage  = errors.New("no ticket and no user to show, or no agent")
)

// Deliver has the page opened, with one quick retry, and returns when it was
// accepted, when that is hopeless, or when the deadline or ctx is over. A first
// request that hangs is cut off in time for a second.
func (d *Deliverer) Deliver(ctx context.Context, pop Pop) Outcome {
	within := Policy{Deadline: pop.Deadline}.Within()
	left := min(pop.Since.Add(within).Sub(d.now()), within)
	out := Outcome{Agent: pop.Agent, Ticket: pop.Ticket, User: pop.User}
	switch {
	case pop.Agent == 0 || (pop.Ticket == 0 && pop.User == 0):
		return d.end(out, pop, Refused, errNoPage)
	case left <= 0:
		return d.end(out, pop, Late, errLate)
	}
	timed, cancel := context.WithTimeoutCause(ctx, left, errLate)
	defer cancel()
	err := d.attempts(timed, pop, left, &out.Attempts)
	switch {
	case err == nil:
		return d.end(out, pop, Accepted, nil)
	case errors.Is(context.Cause(timed), errLate):
		return d.end(out, pop, Late, fmt.Errorf("%w: %w", errLate, err))
	case ctx.Err() != nil, d.again(err):
		return d.end(out, pop, Failed, err)
	default:
		return d.end(out, pop, Refused, err)
	}
}

// attempts makes one request and, where that may help, a second.
func (d *Deliverer) attempts(ctx context.Context, pop Pop, left time.Duration, made *int) error {
	*made = 1
	if left >= 2*firstAttempt {
		left = firstAttempt
	}
	first, cancel := context.WithTimeoutCause(ctx, left, errAttempt)
	err := d.show(first, pop)
	if err != nil && errors.Is(context.Cause(first), errAttempt) {
		err = fmt.Errorf("%w: %w", errAttempt, err)
	}
	cancel()
	if err == nil || ctx.Err() != nil || !d.again(err) {
		return err
	}
	timer := time.NewTimer(quickRetry)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return err
	case <-timer.C:
	}
	*made = 2
	return d.show(ctx, pop)
}

func (d *Deliverer) again(err error) bool { return errors.Is(err, errAttempt) || d.retryable(err) }

func (d *Deliverer) show(ctx context.Context, pop Pop) error {
	if pop.Ticket != 0 {
		return d.popper.DisplayTicket(ctx, pop.Agent, pop.Ticket)
	}
	return d.popper.DisplayUser(ctx, pop.Agent, pop.User)
}

func (d *Deliverer) end(out Outcome, pop Pop, result Result, err error) Outcome {
	out.Result = result
	out.Latency = max(0, d.now().Sub(pop.Since))
	if err != nil {
		text := telephony.StripControls(err.Error())
		out.Err = strings.ToValidUTF8(text[:min(len(text), maxErrText)], "")
	}
	return out
}
