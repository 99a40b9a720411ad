package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/torture"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// verdict is what a run left in Zendesk. The torture looks closer; here it is
// about what is there, and whether it is complete.
type verdict struct {
	calls, tickets, lost, duplicate, incomplete int
	faults                                      []string
}

func (v verdict) String() string {
	return fmt.Sprintf("calls=%d tickets=%d lost=%d duplicate=%d incomplete=%d", v.calls, v.tickets, v.lost, v.duplicate, v.incomplete)
}

// awaitVerdict waits until every call has what it should, or patience is over.
func (s *site) awaitVerdict(patience time.Duration) verdict {
	s.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		v := s.verdict()
		if len(v.faults) == 0 && s.zendesk.PendingCommits() == 0 {
			return v
		}
		select {
		case <-deadline.C:
			return v
		case <-tick.C:
		}
	}
}

func (s *site) verdict() verdict {
	kinds := torture.KindsOf(torture.Asterisk)
	var v verdict
	for _, call := range s.pbx.Calls() {
		kind := kinds[slices.IndexFunc(kinds, func(k torture.Kind) bool { return k.Name == call.Kind })]
		tickets := s.zendesk.TicketsByExternalID("hq/pbx1/" + call.Linkedid)
		v.calls++
		v.tickets += len(tickets)
		fault := ""
		switch {
		case kind.Via == 0 && len(tickets) == 0:
		case len(tickets) == 0:
			v.lost++
			fault = "lost"
		case len(tickets) > 1 || kind.Via == 0:
			v.duplicate++
			fault = fmt.Sprintf("%d tickets", len(tickets))
		default:
			if fault = incomplete(tickets[0], kind); fault != "" {
				v.incomplete++
			}
		}
		if fault != "" {
			v.faults = append(v.faults, fmt.Sprintf("%s %s: %s\n%s", call.Kind, call.Linkedid, fault, s.story("hq/pbx1/"+call.Linkedid)))
		}
	}
	return v
}

// incomplete says what a ticket lacks, or has twice: an answered call is
// completed exactly once, with its recording, whether its ticket was made at the
// answer or after it.
func incomplete(ticket zendesktest.Ticket, kind torture.Kind) string {
	voices := ticket.VoiceComments()
	switch {
	case ticket.ViaID != kind.Via:
		return fmt.Sprintf("via %d, wants %d", ticket.ViaID, kind.Via)
	case !kind.Answered() && len(ticket.Comments) != 1:
		return fmt.Sprintf("%d comments, wants 1", len(ticket.Comments))
	case !kind.Answered():
		return ""
	case len(voices) != 1 || len(ticket.Comments) > 2:
		return fmt.Sprintf("completed %d times in %d comments", len(voices), len(ticket.Comments))
	case voices[0].RecordingURL == "":
		return "no recording"
	}
	return ""
}

// story is what the logs of all daemons say of something.
func (s *site) story(of string) string {
	var b strings.Builder
	for i, c := range s.children {
		for line := range strings.Lines(c.log.String()) {
			if strings.Contains(line, of) {
				fmt.Fprintf(&b, "%d %s", i, line)
			}
		}
	}
	return b.String()
}
