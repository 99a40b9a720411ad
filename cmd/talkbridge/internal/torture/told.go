package torture

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/talkbridge/talkbridge/telephony/cti"
)

// step is one thing that a phone system tells of a call by itself, and what comes
// before it.
type step struct {
	pause time.Duration
	// talks is the agent who must be known to talk, "" for nobody; last says that a
	// person may have something to do to the ticket first.
	talks string
	last  bool
	// form is what is pushed, event what is told over /v1/events: one of the two.
	form  url.Values
	event *cti.CloudEvent
}

// rings is how long phones ring in what is told.
const rings = 800 * time.Millisecond

// silent are calls without recordings.
func silent(kinds []Kind) []Kind {
	for i := range kinds {
		kinds[i].Silent = true
	}
	return kinds
}

// natives are what the phone system calls the call, and what it becomes when it
// is passed on.
func (c *Call) natives() (first, second string) {
	first = fmt.Sprintf("c-%06d", c.place)
	return first, first + "-b"
}

// talk is a step before which it must be known that an agent talks, and which may
// take longer.
func (c *Call) talk(i int, longer time.Duration, last bool) step {
	return step{pause: longer, talks: agentName(c.Agents[i]), last: last}
}

// toldPatience is how long it may take until a delivery is taken: a daemon is not
// dead for so long.
const toldPatience = 3 * time.Minute

// playTold has a call be told step by step, each when the one before was taken.
func (s *site) playTold(ctx context.Context, c *Call, steps []step, tell func(context.Context, *Call, step) error) error {
	own, next := c.natives()
	id := c.Kind.Source.callID(own)
	meddled := (&person{s.witness, s.zendesk}).meddle(c)
	c.named(own, next)
	for i, step := range steps {
		if step.talks != "" {
			s.until(ctx, knownPatience, func() bool { return s.witness.Talked(id, step.talks) && (!step.last || meddled(id)) })
		}
		if !wait(ctx, step.pause) {
			return context.Cause(ctx)
		}
		at := time.Now()
		if step.event != nil {
			step.event.Time = at
		}
		within, cancel := context.WithTimeoutCause(ctx, toldPatience, fmt.Errorf("not taken within %s", toldPatience))
		err := tell(within, c, step)
		cancel()
		if err != nil {
			return fmt.Errorf("tell %d of %s: %w", i+1, id, err)
		}
		c.clock(i == 0, at)
	}
	return nil
}

// clock notes when the beginning and the end were told, and had been taken. An
// event that says itself when it was is exact.
func (c *Call) clock(first bool, at time.Time) {
	taken := time.Now()
	if c.Kind.Source == Events {
		taken = at
	}
	if first {
		c.Start, c.Heard.Start = at, taken
	}
	c.End, c.Heard.End = at, taken
}

// until asks again and again until something is so, or patience or ctx ends.
func (s *site) until(ctx context.Context, patience time.Duration, so func() bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !so() && wait(ctx, 20*time.Millisecond) {
		continue
	}
}
