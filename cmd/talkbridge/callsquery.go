package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
)

// callStates are what --state takes: of the conversation, and of what was done
// about it.
var callStates = []string{
	"live", "ringing", "talking", "answered", "missed", "abandoned", "busy", "failed", "voicemail", "open", "parked", "duplicate",
}

// callsQuery says which calls are asked for. Empty values ask for all.
type callsQuery struct {
	Limit  int       `json:"limit"`
	State  string    `json:"state,omitzero"`
	Agent  string    `json:"agent,omitzero"`
	Number string    `json:"number,omitzero"`
	Line   string    `json:"line,omitzero"`
	Since  time.Time `json:"since,omitzero"`
	Ticket string    `json:"ticket,omitzero"`
}

// callsQuestion lists calls, the newest first.
var callsQuestion = question[callsQuery, []callRow]{"/v1/calls", answerCalls}

func (q callsQuery) validate() error {
	if q.Limit < 1 || q.Limit > maxListed {
		return fmt.Errorf("--limit %d: want 1 to %d", q.Limit, maxListed)
	}
	if q.State != "" && !slices.Contains(callStates, q.State) {
		return fmt.Errorf("--state %q: want one of %s", q.State, strings.Join(callStates, ", "))
	}
	if _, ok := ticketNumber(q.Ticket); q.Ticket != "" && !ok {
		return fmt.Errorf("--ticket %q: want the number of a ticket", q.Ticket)
	}
	if q.Number != "" && len(digitsOf(q.Number)) < minDigits {
		return fmt.Errorf("--number %q: want a number, or at least its last %d digits", q.Number, minDigits)
	}
	return nil
}

// minDigits is how many of a number's last digits name it well enough.
const minDigits = 3

func (q callsQuery) filtered() bool { return q != callsQuery{Limit: q.Limit} }

// parseSince reads a moment as people write it: how long ago, a day, or RFC 3339.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q: want how long ago (2h, 3d), a day (2026-01-31), or a time (RFC 3339)", text)
}

// ticketNumber reads "12" and "#12".
func ticketNumber(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimPrefix(text, "#"), 10, 64)
	return n, err == nil && n > 0
}

func answerCalls(ctx context.Context, d *desk, q callsQuery) ([]callRow, error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	if d.journal == nil {
		return []callRow{}, nil
	}
	depth := q.Limit
	if q.filtered() {
		depth = maxListed
	}
	views, err := d.views(ctx, depth, q.filtered())
	if err != nil {
		return nil, err
	}
	views = slices.DeleteFunc(views, func(v bridge.View) bool { return !d.matches(v, q) })
	views = views[:min(len(views), q.Limit)]
	rows := make([]callRow, 0, len(views))
	for _, v := range views {
		rows = append(rows, d.row(v))
	}
	return rows, nil
}

// views are the newest calls, the newest first, and, where all is asked for,
// those that are owed something however old they are. Of those in the bridge's
// memory, what is owed next is known.
func (d *desk) views(ctx context.Context, newest int, all bool) ([]bridge.View, error) {
	views, err := bridge.History(ctx, d.journal, newest)
	if err != nil {
		return nil, err
	}
	var owed []bridge.View
	switch b := d.bridge(); {
	case b != nil:
		owed, err = b.Calls(ctx)
	case all:
		owed, err = bridge.Pending(ctx, d.journal)
	}
	if err != nil {
		return nil, err
	}
	at := make(map[telephony.CallID]int, len(views))
	for i, v := range views {
		at[v.State.ID] = i
	}
	for _, v := range owed {
		if i, known := at[v.State.ID]; known {
			views[i].Next = v.Next
		} else if all {
			views = append(views, v)
		}
	}
	slices.SortFunc(views, func(x, y bridge.View) int {
		return cmp.Or(y.State.StartedAt.Compare(x.State.StartedAt), cmp.Compare(x.State.ID, y.State.ID))
	})
	return views, nil
}

// row is a call with what only the bridge knows: it keeps every call that is
// owed something in memory.
func (d *desk) row(v bridge.View) callRow {
	row := newCallRow(v)
	switch {
	case d.bridge() == nil:
	case v.Next.Reason == "": // not in memory
		row.Settled = v.State.Disposition != ""
	case v.Next.Settled:
		row.Settled = true
	case v.Next.Kind != "":
		row.Owed = string(v.Next.Kind) + ": " + v.Next.Reason
	}
	return row
}

// matches reports whether a call is one of those that are asked for.
func (d *desk) matches(v bridge.View, q callsQuery) bool {
	s := v.State
	switch {
	case q.State != "" && !inState(v, q.State),
		!q.Since.IsZero() && s.StartedAt.Before(q.Since),
		q.Number != "" && !d.sameNumber(s.From, q.Number) && !d.sameNumber(s.To, q.Number),
		q.Agent != "" && !d.hasAgent(s, q.Agent):
		return false
	}
	if line := s.Line(); q.Line != "" && !d.sameNumber(line, q.Line) && !strings.EqualFold(d.lineName(line), q.Line) {
		return false
	}
	n, _ := ticketNumber(q.Ticket)
	return q.Ticket == "" || hasTicket(v, n)
}

// hasTicket reports whether a ticket is one of a call, or of any that became it.
func hasTicket(v bridge.View, n int64) bool {
	return slices.ContainsFunc(v.Parts, func(p bridge.Part) bool {
		r := p.Record
		return r.Ticket == n || r.Predecessor == n || slices.Contains(r.Duplicates, n)
	})
}

func inState(v bridge.View, state string) bool {
	switch state {
	case "live":
		return v.State.Live()
	case "open":
		return v.Record.Ticket != 0 && !v.Record.Completed && !v.Record.Gone
	case "parked":
		return len(parkedOf(v)) > 0
	case "duplicate":
		return len(v.Record.Duplicates) > 0
	}
	return callState(v.State) == state
}

// sameNumber compares a party's number with one that a person typed, in
// whatever writing, or with its last digits.
func (d *desk) sameNumber(party telephony.Party, typed string) bool {
	if party.Number == "" || party.Withheld {
		return false
	}
	has := telephony.ParseNumber(party.Number, d.cfg.Country)
	if want := telephony.ParseNumber(typed, d.cfg.Country); want.E164 != "" && want.E164 == has.E164 {
		return true
	}
	want := digitsOf(typed)
	return len(want) >= minDigits && strings.HasSuffix(digitsOf(has.String()), want)
}

func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// lineName is what the configuration calls a number of ours, "" for none.
func (d *desk) lineName(party telephony.Party) string {
	return d.policy.Lines[telephony.ParseNumber(party.Number, d.cfg.Country).E164].Name
}

// hasAgent reports whether the agent talked in a call or his phone rang.
func (d *desk) hasAgent(s telephony.State, who string) bool {
	for _, leg := range s.Legs {
		if !leg.Ours() {
			continue
		}
		if strings.EqualFold(leg.Phone(), who) || strings.HasSuffix(leg.Phone(), "/"+who) {
			return true
		}
		if agent, found := d.directory.Lookup(leg.Phone()); found && strings.EqualFold(agent.Name, who) {
			return true
		}
	}
	return false
}
