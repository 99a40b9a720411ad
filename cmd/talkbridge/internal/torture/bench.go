package torture

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// bench judges the calls as they end, until all are good or patience is over.
type bench struct {
	site   *site
	calls  []*Call
	open   []*Call // not good yet
	agents []int64
	bad    map[*Call]Verdict // of the open ones, as it is now
}

func newBench(s *site, calls []*Call) *bench {
	b := &bench{site: s, calls: calls, open: calls, bad: map[*Call]Verdict{}}
	b.agents = make([]int64, agents)
	for _, a := range s.zendesk.Agents() {
		for i := range agents {
			if a.Email == agentEmail(i) {
				b.agents[i] = a.ID
			}
		}
	}
	return b
}

// sit judges until all calls were played, all blows have fallen, and all calls
// are good, or patience is over.
func (b *bench) sit(ctx context.Context, played <-chan struct{}, struck <-chan error) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	var over *time.Timer
	var late <-chan time.Time
	for waiting := 3; ; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-played:
			waiting, played = waiting-1, nil
		case err := <-struck:
			if err != nil {
				return err
			}
			waiting--
		case <-late:
			b.look(ctx)
			return context.Cause(ctx)
		case <-tick.C:
			b.look(ctx)
			b.site.progress(len(b.calls), len(b.open))
			if waiting == 0 && len(b.open) == 0 && b.site.zendesk.PendingCommits() == 0 {
				return nil
			}
		}
		if waiting == 0 && over == nil {
			b.site.zendesk.ClearFaults()
			over = time.NewTimer(patience)
			defer over.Stop()
			late = over.C
		}
	}
}

// look judges whatever is over and was not good before.
func (b *bench) look(ctx context.Context) {
	pops := newPages(b.site.zendesk.Pops())
	b.listen()
	open := make([]*Call, 0, len(b.open))
	for _, c := range b.open {
		if ctx.Err() != nil {
			return
		}
		if over, _ := c.done(); !over {
			b.bad[c] = wrong("the call is not over: the torture itself failed")
			open = append(open, c)
			continue
		}
		v := b.judge(ctx, c, pops)
		if v.good() {
			delete(b.bad, c)
			continue
		}
		b.bad[c] = v
		open = append(open, c)
	}
	b.open = open
}

// listen notes of which recordings Twilio told in vain.
func (b *bench) listen() {
	unheard := b.site.unheardRecordings()
	for _, c := range b.calls {
		c.Unheard = unheard[c.id()]
	}
}

// judge looks at everything of a call. What is good is counted.
func (b *bench) judge(ctx context.Context, c *Call, pops *pages) Verdict {
	if c.err != nil {
		return wrong("the torture itself failed: %v", c.err)
	}
	id := c.id()
	slack := b.site.deafness(c.Kind.Source, c.Start.Add(-rounding), c.Heard.End)
	v := c.Judge(b.site.zendesk, id, b.agents, b.slack(c, 0))
	if !v.good() {
		return v
	}
	t, v := b.site.judgePages(c, id, b.agents, pops, slack)
	if !v.good() {
		return v
	}
	_, did := c.done()
	sounds := 0
	if did != Deleted && c.Kind.sounds() > 0 {
		if v := b.site.judgeAudio(ctx, id); !v.good() {
			return v
		}
		sounds = 1
	}
	b.site.count(func(all *Tally) {
		all.Pages, all.Missed, all.Repeated, all.Sounds = all.Pages+t.shown, all.Missed+t.missed, all.Repeated+t.repeated, all.Sounds+sounds
		switch did {
		case Closed:
			all.ClosedTickets++
		case Deleted:
			all.DeletedTickets++
		}
	})
	return Verdict{}
}

// slack is for how long the daemon may have heard nothing of a call that it will not
// be told again, if it may also have been so for a time after it.
func (b *bench) slack(c *Call, after time.Duration) time.Duration {
	if c.Kind.Source.tellsAgain() {
		return 0
	}
	return b.site.deafness(c.Kind.Source, c.Start.Add(-rounding), c.End.Add(after))
}

// conclude stops the daemon, looks a last time at everything, and tells the
// stories of what is bad.
func (b *bench) conclude(ctx context.Context) error {
	s := b.site
	if s.options.Judging != nil {
		s.options.Judging(s.zendesk)
	}
	stopped := s.daemon().Stop(ctx)
	if stopped != nil && ctx.Err() != nil {
		return stopped
	}
	// What is in doubt must not commit after the verdict: it is looked at last.
	b.listen()
	owner := map[string]*Call{}
	for _, c := range b.calls {
		for _, id := range c.ids {
			owner[id] = c
		}
		v := c.Judge(s.zendesk, c.id(), b.agents, b.slack(c, 0))
		if !v.good() && s.unheard(ctx, c) {
			v = c.Judge(s.zendesk, c.id(), b.agents, b.slack(c, lag))
		}
		if !v.good() {
			b.bad[c] = v
		}
	}
	strange := b.strangers(owner)
	if stopped != nil {
		strange = append(strange, stopped.Error())
	}
	indiscreet, err := s.indiscretions()
	if err != nil {
		return err
	}
	strange = append(strange, indiscreet...)
	b.sum(len(strange))
	b.report(ctx, strange)
	return nil
}

// sum completes the tally.
func (b *bench) sum(strange int) {
	s := b.site
	s.count(func(t *Tally) {
		t.BySource, t.Repeats = map[Source]int{}, s.sender.count()
		if s.twilio != nil {
			stats := s.twilio.Stats()
			t.Webhooks, t.Unheard = stats.Delivered, stats.Lost+stats.Refused
		}
		t.Calls, t.Tickets, t.Impatient = len(b.calls), len(s.zendesk.Tickets()), s.zendesk.Impatient()
		for _, c := range b.calls {
			t.BySource[c.Kind.Source]++
			if c.Kind.Source != Asterisk {
				continue
			}
			if own, _ := s.pbx.Call(strings.TrimPrefix(c.id(), callID(""))); !own.Seen {
				t.Unseen++
			}
		}
		for _, f := range s.faults {
			t.Failed += f.Hits()
		}
		t.Wrong += strange
		for _, v := range b.bad {
			t.count(v)
		}
	})
}

// strangers are tickets and users that no call should have made.
func (b *bench) strangers(owner map[string]*Call) []string {
	var strange []string
	for _, t := range b.site.zendesk.Tickets() {
		id := strings.TrimSuffix(t.ExternalID, "#2")
		if c := owner[id]; c == nil || c.id() != id {
			strange = append(strange, fmt.Sprintf("ticket #%d, external id %q, is of no call that wants one", t.ID, t.ExternalID))
		}
	}
	strange = append(strange, b.strangePages(owner)...)
	numbers := map[string]int64{}
	for _, u := range b.site.zendesk.Users() {
		if u.Role != zendesktest.RoleEndUser || u.Phone == "" || u.Deleted {
			continue
		}
		if other, found := numbers[u.Phone]; found {
			strange = append(strange, fmt.Sprintf("users %d and %d have the same number %s", other, u.ID, u.Phone))
		}
		numbers[u.Phone] = u.ID
	}
	if n := b.site.zendesk.PendingCommits(); n > 0 {
		strange = append(strange, fmt.Sprintf("%d requests are in doubt after the verdict", n))
	}
	return strange
}

// strangePages are pages of tickets that opened at agents who had nothing to do
// with the call, also long after it.
func (b *bench) strangePages(owner map[string]*Call) []string {
	var strange []string
	for _, p := range b.site.zendesk.Pops() {
		ticket, _ := b.site.zendesk.Ticket(p.TicketID)
		c := owner[strings.TrimSuffix(ticket.ExternalID, "#2")]
		if p.TicketID != 0 && c != nil && !slices.ContainsFunc(c.Agents, func(place int) bool { return b.agents[place] == p.AgentID }) {
			strange = append(strange, fmt.Sprintf("agent %d saw ticket #%d of a call that is not his", p.AgentID, p.TicketID))
		}
	}
	return strange
}

// report says what is bad.
func (b *bench) report(ctx context.Context, strange []string) {
	out := b.site.options.Out
	for _, text := range strange {
		_, _ = fmt.Fprintln(out, "wrong:", text)
	}
	stories := 0
	for _, c := range b.calls {
		v, bad := b.bad[c]
		if !bad {
			continue
		}
		if stories++; stories <= told {
			b.site.tell(ctx, out, c, v)
		} else {
			_, _ = fmt.Fprintf(out, "%s (%s) %s\n", c.id(), c.Kind.Name, v)
		}
	}
}

// indiscretions are lines of the log that tell what they should not.
func (s *site) indiscretions() ([]string, error) {
	keys, err := s.keys()
	if err != nil {
		return nil, err
	}
	secrets := append(append(s.gate.Secrets(), s.secrets()...), keys...)
	var found []string
	err = s.log.each(func(line string) {
		if what := Indiscretion(line, secrets); what != "" && len(found) < told {
			found = append(found, fmt.Sprintf("the log tells %s: %s", what, line))
		}
	})
	return found, errors.Join(err)
}
