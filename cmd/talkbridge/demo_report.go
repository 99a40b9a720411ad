package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/torture"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// greet says where to look.
func (d *demo) greet() {
	phones := "a phone system that plays captured calls"
	if d.twilio != nil {
		phones = "a simulated Twilio"
	}
	_, _ = fmt.Fprintf(d.out, "talkbridge %s, demonstration: a simulated Zendesk, %s, and the daemon.\n\n", version(), phones)
	_, _ = fmt.Fprintf(d.out, "  %-20s %s/\n", "the whole account", d.zendesk.URL())
	for _, agent := range d.zendesk.Agents() {
		if first, found := strings.CutSuffix(agent.Name, " Agent"); found {
			_, _ = fmt.Fprintf(d.out, "  %-20s %s/agent/%d\n", first+"'s browser", d.zendesk.URL(), agent.ID)
		}
	}
	_, _ = fmt.Fprintf(d.out, "  %-20s http://%s/readyz and /metrics\n\n", "health and metrics", d.daemon.listener.Addr())
	if !d.options.exit {
		_, _ = fmt.Fprintln(d.out, "Calls are coming in. Ctrl-C ends it.")
	}
}

// tell prints each page as it opens in an agent's browser.
func (d *demo) tell(ctx context.Context) {
	names := make(map[int64]string)
	for _, agent := range d.zendesk.Agents() {
		names[agent.ID] = agent.Name
	}
	changes, cancel := d.zendesk.Subscribe(256)
	defer cancel()
	var told int64
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-changes:
			if !open {
				return
			}
		}
		for _, pop := range d.zendesk.Pops() {
			if pop.Seq > told {
				told = pop.Seq
				_, _ = fmt.Fprintf(d.out, "%s  %s sees %s\n", pop.At.Local().Format("15:04:05.000"), names[pop.AgentID], d.page(pop))
			}
		}
	}
}

// page is what a pop shows, in words.
func (d *demo) page(pop zendesktest.Pop) string {
	if pop.TicketID == 0 {
		user, _ := d.zendesk.User(pop.UserID)
		return "the profile of " + telephony.StripControls(user.Name)
	}
	ticket, _ := d.zendesk.Ticket(pop.TicketID)
	return fmt.Sprintf("ticket #%d: %s", ticket.ID, telephony.StripControls(ticket.Subject))
}

// report waits until nothing is owed any more, prints the table, and fails if
// anything is lost, twice or wrong.
func (d *demo) report(ctx context.Context) error {
	waited := d.waitSettled(ctx)
	if d.judging != nil {
		d.judging()
	}
	pops := make(map[int64]int)
	for _, pop := range d.zendesk.Pops() {
		pops[pop.TicketID]++
	}
	table := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "CALL\tKIND\tLENGTH\tTICKET\tCHANNEL\tPOPS\tVERDICT")
	var tickets, lost, duplicate, wrong int
	calls := d.calls()
	for _, call := range calls {
		v := d.judge(call, pops)
		tickets += len(v.tickets)
		lost += btoi(v.lost)
		duplicate += btoi(v.duplicate)
		wrong += btoi(v.text != "ok" && !v.lost && !v.duplicate)
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", call.id, call.kind,
			call.end.Sub(call.start).Round(100*time.Millisecond), v.ids(), v.channel(), v.pops, v.text)
	}
	_ = table.Flush()
	_, _ = fmt.Fprintf(d.out, "calls=%d tickets=%d pops=%d lost=%d duplicate=%d\n", len(calls), tickets, len(d.zendesk.Pops()), lost, duplicate)
	if lost+duplicate+wrong > 0 {
		return errors.Join(waited, fmt.Errorf("%d calls lost, %d with more than one ticket, %d otherwise wrong", lost, duplicate, wrong))
	}
	return waited
}

// demoCall is a call that the phone system had.
type demoCall struct {
	id, kind   string // id is the phone system's
	start, end time.Time
	seen       bool // somebody was told of it
}

func (c demoCall) callID() telephony.CallID {
	return telephony.CallID(demoSite + "/" + demoSource + "/" + c.id)
}

// calls are those of the phone system, in the order in which they began.
func (d *demo) calls() []demoCall {
	var calls []demoCall
	if d.twilio != nil {
		calls = d.twilio.calls()
	} else {
		for _, c := range d.pbx.Calls() {
			calls = append(calls, demoCall{c.Linkedid, c.Kind, c.Start, c.End, c.Seen})
		}
	}
	slices.SortFunc(calls, func(a, b demoCall) int { return a.start.Compare(b.start) })
	return calls
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// judgement is what became of one call.
type judgement struct {
	tickets         []zendesktest.Ticket
	pops            int
	lost, duplicate bool
	text            string
}

func (d *demo) judge(call demoCall, pops map[int64]int) judgement {
	via, pages := d.expected(call.kind)
	v := judgement{tickets: d.zendesk.TicketsByExternalID(string(call.callID())), text: "ok"}
	v.tickets = slices.DeleteFunc(v.tickets, func(t zendesktest.Ticket) bool { return t.Deleted })
	for _, t := range v.tickets {
		v.pops += pops[t.ID]
	}
	switch {
	case via == 0 && len(v.tickets) > 0:
		v.text = "wrong: wants no ticket"
	case via == 0:
	case len(v.tickets) == 0:
		v.lost, v.text = true, "LOST"
	case len(v.tickets) > 1:
		v.duplicate, v.text = true, "DUPLICATE"
	case v.tickets[0].ViaID != via:
		v.text = fmt.Sprintf("wrong: via %d, wants %d", v.tickets[0].ViaID, via)
	case v.pops != pages:
		v.text = fmt.Sprintf("wrong: %d pops, wants %d", v.pops, pages)
	case pages > 0 && len(v.tickets[0].Comments) != 2:
		v.text = fmt.Sprintf("wrong: %d comments, wants 2", len(v.tickets[0].Comments))
	case d.options.records:
		v.text = d.judgeRecord(v.tickets[0])
	}
	return v
}

// expected is what a call of a kind should leave: the channel of its ticket, 0 for
// none, and how many pages. The channel of voicemails demands a voice comment,
// which stands beside no call record.
func (d *demo) expected(kind string) (via, pops int) {
	for _, k := range torture.KindsOf(torture.Asterisk) {
		if k.Name == kind {
			via, pops = k.Via, len(k.Talks)
		}
	}
	if d.options.records && via == torture.ViaVoicemail {
		via = torture.ViaInbound
	}
	return via, pops
}

// judgeRecord looks for the one call record of a ticket's call, shown on it once,
// and for nothing else that could tell of the call.
func (d *demo) judgeRecord(ticket zendesktest.Ticket) string {
	records := slices.DeleteFunc(d.zendesk.Calls(), func(r zendesktest.Call) bool { return r.ExternalID != ticket.ExternalID })
	shown := 0
	for _, comment := range ticket.Comments {
		if comment.Call != nil && len(records) == 1 && comment.Call.CallID == records[0].ID {
			shown++
		}
	}
	switch {
	case len(records) != 1:
		return fmt.Sprintf("wrong: %d call records, wants 1", len(records))
	case records[0].TicketID != ticket.ID || shown != 1:
		return fmt.Sprintf("wrong: its call record is shown %d times, wants 1", shown)
	case records[0].Fields["completion_status"] == nil:
		return "wrong: its call record does not say how it ended"
	case len(ticket.VoiceComments()) > 0:
		return "wrong: a voice comment beside the call record"
	}
	return "ok"
}

func (v judgement) ids() string {
	ids := make([]string, 0, len(v.tickets))
	for _, t := range v.tickets {
		ids = append(ids, fmt.Sprintf("#%d", t.ID))
	}
	return orDash(strings.Join(ids, " "))
}

func (v judgement) channel() string {
	if len(v.tickets) == 0 {
		return "-"
	}
	return fmt.Sprintf("via %d", v.tickets[0].ViaID)
}

// waitSettled waits until the bridge owes nothing.
func (d *demo) waitSettled(ctx context.Context) error {
	patience := time.NewTimer(demoPatience)
	defer patience.Stop()
	tick := time.NewTicker(demoPoll)
	defer tick.Stop()
	for {
		open, err := d.open(ctx)
		if err != nil {
			return err
		}
		if open == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-patience.C:
			return fmt.Errorf("%d calls are still owed something after %s", open, demoPatience)
		case <-tick.C:
		}
	}
}

// open counts the calls of the phone system that are not settled.
func (d *demo) open(ctx context.Context) (int, error) {
	views, err := d.daemon.bridge.Calls(ctx)
	if err != nil {
		return 0, err
	}
	open, known := 0, make(map[telephony.CallID]bool)
	for _, v := range views {
		known[v.State.ID] = true
		if !v.Next.Settled {
			open++
		}
	}
	for _, call := range d.calls() {
		// A call that is settled for long is not in memory any more; the newest must be.
		if call.seen && time.Since(call.end) < 10*time.Second && !known[call.callID()] {
			open++
		}
	}
	return open, nil
}
