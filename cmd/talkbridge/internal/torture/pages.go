package torture

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// afterPage is how long after a page a killed daemon may not have known of it.
const afterPage = 2 * time.Second

// pageTally is what became of the pages of one call.
type pageTally struct {
	shown int
	// missed are those that were not shown in time, and said to be so; repeated
	// those that were shown again since the answer to the first was lost.
	missed, repeated int
}

// judgePages compares the pages that opened for a call with those that should
// have. Each agent who talked should see one, of the ticket or of the caller. One
// is missed where the daemon was dead or Zendesk out; where neither was, it is
// wrong. One that opened twice must have an excuse. slack is for how long the
// daemon may have been deaf.
func (s *site) judgePages(c *Call, id string, agents []int64, pops *pages, slack time.Duration) (pageTally, Verdict) {
	var t pageTally
	tickets := append(s.zendesk.TicketsByExternalID(id), s.zendesk.TicketsByExternalID(id+"#2")...)
	for place, agent := range agents {
		opened := pops.of(tickets, agent, c.Start.Add(-time.Second))
		talks := slices.Contains(c.Agents, place)
		switch {
		case !talks && slices.ContainsFunc(opened, func(p zendesktest.Pop) bool { return p.TicketID != 0 }):
			return t, wrong("%s sees the page of a call that is not his", agentName(place))
		case !talks:
		case len(opened) == 0:
			if slices.Contains(s.witness.Pages(id, agent), screenpop.Accepted) && !pops.trimmed {
				return t, wrong("%s is said to have seen a page, and did not", agentName(place))
			}
			if s.options.Calm && slack == 0 {
				return t, wrong("%s saw no page, and nothing was in the way of it", agentName(place))
			}
			t.missed++
		default:
			t.shown++
			if more := len(opened) - 1; more > 0 {
				if c := s.unexcused(tickets, agent, opened); c != "" {
					return t, wrong("%s saw %d pages: %s", agentName(place), len(opened), c)
				}
				t.repeated += more
			}
		}
	}
	return t, Verdict{}
}

// unexcused says why pages must not have opened again, "" if they may have: the
// answer to one of them was lost, or the daemon was killed before it could write
// it down. Of pages older than the requests that are kept it cannot be said.
func (s *site) unexcused(tickets []zendesktest.Ticket, agent int64, opened []zendesktest.Pop) string {
	s.mu.Lock()
	killed := slices.Clone(s.tally.killed)
	s.mu.Unlock()
	for _, p := range opened {
		if slices.ContainsFunc(killed, func(at time.Time) bool { return at.After(p.At) && at.Before(p.At.Add(afterPage)) }) {
			return ""
		}
	}
	kept := s.zendesk.Requests()
	if len(kept) > 0 && kept[0].At.After(opened[0].At) {
		return "" // nobody knows any more
	}
	for _, r := range kept {
		if (r.Fault != "" || r.Status/100 != 2) && opens(r, tickets, agent) {
			return ""
		}
	}
	return "no answer was lost"
}

// opens reports whether a request shows the page of one of the tickets, or of
// their requester, to an agent.
func opens(r zendesktest.Request, tickets []zendesktest.Ticket, agent int64) bool {
	if r.Method != http.MethodPost {
		return false
	}
	return slices.ContainsFunc(tickets, func(t zendesktest.Ticket) bool {
		return strings.HasSuffix(r.Path, fmt.Sprintf("/agents/%d/tickets/%d/display", agent, t.ID)) ||
			strings.HasSuffix(r.Path, fmt.Sprintf("/agents/%d/users/%d/display", agent, t.RequesterID)) ||
			strings.Contains(r.Body, `"`+t.ExternalID+`"`) && strings.Contains(r.Body, fmt.Sprintf(`"display_to_agent":%d`, agent))
	})
}

// pages are those that opened, by what they show.
type pages struct {
	byTicket, byUser map[int64][]zendesktest.Pop
	count            int
	// trimmed says that the oldest are not kept any more.
	trimmed bool
}

func newPages(all []zendesktest.Pop) *pages {
	p := &pages{byTicket: map[int64][]zendesktest.Pop{}, byUser: map[int64][]zendesktest.Pop{}, count: len(all)}
	p.trimmed = len(all) > 0 && all[0].Seq != 1
	for _, pop := range all {
		if pop.TicketID != 0 {
			p.byTicket[pop.TicketID] = append(p.byTicket[pop.TicketID], pop)
		} else {
			p.byUser[pop.UserID] = append(p.byUser[pop.UserID], pop)
		}
	}
	return p
}

// of are the pages of tickets that an agent saw. Where he saw none, those of the
// requester since a time: a page of somebody who calls again is one of both calls.
func (p *pages) of(tickets []zendesktest.Ticket, agent int64, since time.Time) []zendesktest.Pop {
	var own, users []zendesktest.Pop
	for _, t := range tickets {
		for _, pop := range p.byTicket[t.ID] {
			if pop.AgentID == agent {
				own = append(own, pop)
			}
		}
		for _, pop := range p.byUser[t.RequesterID] {
			if pop.AgentID == agent && pop.At.After(since) && len(users) == 0 {
				users = append(users, pop)
			}
		}
	}
	if len(own) == 0 {
		return users
	}
	return own
}
