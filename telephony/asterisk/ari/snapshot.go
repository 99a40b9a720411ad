package ari

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

const (
	// snapshotTimeout bounds all requests of a snapshot.
	snapshotTimeout = 30 * time.Second
	// maxAtOnce bounds those that are under way.
	maxAtOnce = 8
	// clockError is how far Asterisk's clock, of which the second is known, may seem
	// to be from ours and still be taken for the same.
	clockError = 1500 * time.Millisecond
	// dialledPeer is what Dial notes on the channel that it dials: to where. On the
	// channel that dials it notes who answered.
	dialledPeer = "DIALEDPEERNUMBER"
	// dialledID is the number of ours that was dialled first.
	dialledID = "CALLERID(dnid)"
)

// snapshotVariables are asked for with each channel, if it does not come with them.
var snapshotVariables = []string{
	linkedID, presentation, dialledID, dialledPeer, "TB_DID", "TB_DIR", "TB_AGENT", "MIXMONITOR_FILENAME", "VM_MESSAGEFILE",
}

// takeSnapshot reports the live channels, and the end of those that were alive
// before and are no more.
func (s *session) takeSnapshot(alive, deliver context.Context) error {
	ctx, cancel := context.WithTimeoutCause(alive, snapshotTimeout, fmt.Errorf("%w within %s", ErrSnapshot, snapshotTimeout))
	defer cancel()
	asked := time.Now()
	var channels []*channel
	clock, err := s.source.client.get(ctx, &channels, nil, "channels")
	if err != nil {
		return err
	}
	var bridges []*bridge
	if _, err := s.source.client.get(ctx, &bridges, nil, "bridges"); err != nil {
		return err
	}
	if channels, err = s.complete(ctx, channels); err != nil {
		return err
	}
	before, err := s.sink.Live(ctx)
	if err != nil {
		return fmt.Errorf("ask for live legs: %w", err)
	}
	at := s.source.pbxTime(asked, clock)
	facts := s.translate.facts(channels, bridges, at)
	listed := make(map[string]string, len(channels))
	for _, c := range channels {
		listed[c.ID] = c.Vars[linkedID]
	}
	facts.AddGone(before, listed, at)
	s.roster.begin(channels, bridges, s.translate.hides)
	for _, call := range facts.Order {
		if err := s.pack.Append(deliver, facts.Events[call]); err != nil {
			return err
		}
	}
	return nil
}

// unknownClock is Source.ahead before there was an event.
const unknownClock = math.MinInt64

// pbxTime is the time over there when something was asked, of which the answer bore
// the time clock, in whole seconds. Events tell it better, if they agree with that.
func (s *Source) pbxTime(asked, clock time.Time) time.Time {
	ahead := time.Duration(s.ahead.Load())
	rough := clock.Sub(asked)
	switch {
	case ahead != unknownClock && (clock.IsZero() || (ahead-rough).Abs() <= clockError):
		return asked.Add(ahead).UTC()
	case clock.IsZero() || rough.Abs() <= clockError:
		return asked.UTC()
	}
	return asked.Add(rough).UTC()
}

// complete asks for what the listed channels do not say of themselves. Those that
// are gone meanwhile are left out.
func (s *session) complete(ctx context.Context, channels []*channel) ([]*channel, error) {
	next := make(chan int)
	errs := make([]error, len(channels))
	var asking sync.WaitGroup
	for range min(maxAtOnce, len(channels)) {
		asking.Go(func() {
			for i := range next {
				errs[i] = s.ask(ctx, channels[i])
			}
		})
	}
	for i := range channels {
		next <- i
	}
	close(next)
	asking.Wait()
	there := channels[:0:0]
	for i, err := range errs {
		switch {
		case errors.Is(err, errNotFound):
		case err != nil:
			return nil, err
		default:
			there = append(there, channels[i])
		}
	}
	return there, nil
}

// ask asks for the variables of one channel. The error is errNotFound if it is gone.
func (s *session) ask(ctx context.Context, c *channel) error {
	if c == nil || c.ID == "" || c.Name == "" {
		return errNotFound
	}
	vars := make(map[string]string, len(snapshotVariables))
	for _, name := range snapshotVariables {
		value, given := c.Vars[name]
		if !given || (name == linkedID && value == "") {
			var err error
			value, err = s.source.client.variable(ctx, c.ID, name)
			if err != nil && (name == linkedID || !errors.Is(err, errNotFound)) {
				return err // every channel has a Linkedid
			}
		}
		vars[name] = value
	}
	c.Vars = vars
	return nil
}

// facts says what a list of live channels means.
func (t *translator) facts(channels []*channel, bridges []*bridge, at time.Time) pbx.Facts {
	f := pbx.Facts{Events: make(map[telephony.CallID][]telephony.Event)}
	calls := make(map[string][]*channel)
	for _, c := range channels {
		calls[c.Vars[linkedID]] = append(calls[c.Vars[linkedID]], c)
	}
	in := make(map[string]string)
	for _, b := range bridges {
		if b == nil || b.holding() {
			continue
		}
		for _, id := range b.Channels {
			in[id] = b.ID
		}
	}
	for _, c := range channels {
		call, err := telephony.NewCallID(t.site, t.source, c.Vars[linkedID])
		if err != nil {
			continue
		}
		f.AddFound(call, begunAt(c, at), at, t.channelFacts(c, calls[c.Vars[linkedID]], in[c.ID]))
	}
	return f
}

// begunAt is when a channel came to be.
func begunAt(c *channel, at time.Time) time.Time {
	if told, err := time.Parse(stampLayout, c.CreatedAt); err == nil && told.Before(at) {
		return told.UTC()
	}
	return at
}

// channelFacts says what one live channel means, among those of its call.
func (t *translator) channelFacts(c *channel, call []*channel, bridge string) []telephony.Event {
	started := t.started(c, c.Vars[linkedID], false)
	if first := pbx.Cut(c.Vars[dialledID]); started.First && first != "" {
		started.Dialled = first
	}
	out := []telephony.Event{started}
	if dialled, ok := t.rung(c, started, call); ok {
		out = append(out, dialled)
	}
	for _, name := range []string{"TB_DID", "TB_DIR", "TB_AGENT", "MIXMONITOR_FILENAME", "VM_MESSAGEFILE"} {
		if e, ok := variable(c.ID, name, c.Vars[name], started.First); ok {
			out = append(out, e)
		}
	}
	if name, waits := queueOf(c.Dialplan.App, c.Dialplan.Data); waits && bridge == "" {
		out = append(out, telephony.Event{Kind: telephony.CallQueued, Leg: c.ID, Name: name})
	}
	if bridge != "" {
		out = append(out, telephony.Event{Kind: telephony.LegBridged, Leg: c.ID, Endpoint: started.Endpoint, Side: started.Side, Bridge: bridge})
	}
	return out
}

// rung says who rings a live channel: an agent's phone that rings now, or a line to
// the outside. The number that was dialled is noted on it, and stays there when it is
// transferred; where it is not, it must be found in what the dialling channel does.
func (t *translator) rung(c *channel, started telephony.Event, call []*channel) (telephony.Event, bool) {
	ringing := started.Side == telephony.SideAgent && c.State == "Ringing"
	if started.First || (!ringing && started.Side != telephony.SideTrunk) {
		return telephony.Event{}, false
	}
	e := telephony.Event{Kind: telephony.LegDialled, Leg: c.ID, Endpoint: started.Endpoint, Side: started.Side}
	if ringing {
		return e, true
	}
	noted := ""
	if c.Dialplan.App != "Dial" {
		noted = pbx.DialledNumber(pbx.Cut(c.Vars[dialledPeer]))
	}
	e.Dialled = cmp.Or(noted, started.Party.Number)
	for _, other := range call {
		if other.Dialplan.App != "Dial" {
			continue
		}
		number := pbx.AppNumber(other.Dialplan.Data, e.Endpoint)
		if number == "" && e.Peer != "" {
			continue
		}
		e.Peer, e.Party, e.Dialled = other.ID, t.partyOf(other, false), cmp.Or(noted, number, e.Dialled)
	}
	return e, true
}

// begin notes who is there when a session begins.
func (r *roster) begin(channels []*channel, bridges []*bridge, hides func(*channel) bool) {
	for _, c := range channels {
		if len(r.members) < maxRoster {
			known := r.meet(c)
			known.hidden = hides(c)
			known.queue, _ = queueOf(c.Dialplan.App, c.Dialplan.Data)
		}
	}
	for _, b := range bridges {
		if b == nil || b.holding() {
			continue
		}
		for _, id := range b.Channels {
			r.enter(id, b.ID)
			if known := r.members[id]; known != nil {
				known.queue = "" // he talks to whom he waited for
			}
		}
	}
}
