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

// Result is how a pop ended.
type Result string

// The results.
const (
	// Accepted: Zendesk took it. Whether the agent saw it nobody can tell.
	Accepted Result = "accepted"
	// Late: the deadline was over before Zendesk had taken it; it was dropped.
	Late Result = "late"
	// Refused: Zendesk said no, and would say it again.
	Refused Result = "refused"
	// Failed: no attempt came through, or talkbridge is stopping.
	Failed Result = "failed"
)

// Outcome is what became of a Pop.
type Outcome struct {
	Agent  int64
	Ticket int64
	User   int64
	Result Result
	// Latency is from the fact to this outcome, never negative: for an
	// accepted pop, until Zendesk said so.
	Latency time.Duration
	// Attempts is how many requests were made, 0 to 2.
	Attempts int
	// Err is why it was not accepted, for people; at most 300 bytes.
	Err string
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
	errAttempt = errors.New("zendesk took half of the time that was left")
	errNoPage  = errors.New("no ticket and no user to show, or no agent")
)

// Deliver has the page opened, with one quick retry, and returns when it was
// accepted, when that is hopeless, or when the deadline or ctx is over. The
// first attempt gets half of the time that is left, so that a request which
// hangs leaves room for a second.
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
	first, cancel := context.WithTimeoutCause(ctx, left/2, errAttempt)
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
