package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// defaultListed is how many calls are listed unless told.
const defaultListed = 20

// callRow is one call as the command calls shows it.
type callRow struct {
	ID        telephony.CallID    `json:"id"`
	StartedAt time.Time           `json:"started_at"`
	Direction telephony.Direction `json:"direction,omitzero"`
	State     string              `json:"state"`
	From      string              `json:"from,omitzero"`
	To        string              `json:"to,omitzero"`
	Agents    []string            `json:"agents,omitzero"`
	DurationS float64             `json:"duration_seconds,omitzero"`
	Ticket    int64               `json:"ticket_id,omitzero"`
	Completed bool                `json:"completed,omitzero"`
	// Attached says that the ticket was there before the call, Match why it is
	// attached to one, or is not; "" where nobody looked for one.
	Attached bool   `json:"attached,omitzero"`
	Match    string `json:"match,omitzero"`
	// Settled says that nothing is owed any more, Owed what is; only a running daemon knows.
	Settled bool `json:"settled,omitzero"`
	// Transcript says what became of the words of its audio: quoted (they are on the
	// ticket), known, silence, or given_up; "" where they are not known, or not wanted.
	Transcript  string                `json:"transcript,omitzero"`
	Owed        string                `json:"owed,omitzero"`
	Pops        []popRow              `json:"pops,omitzero"`
	Parked      map[string]string     `json:"parked,omitzero"`
	Duplicates  []int64               `json:"duplicates,omitzero"`
	Disposition telephony.Disposition `json:"disposition,omitzero"`
}

type popRow struct {
	Agent     int64            `json:"agent_id"`
	Result    screenpop.Result `json:"result"`
	LatencyMS float64          `json:"latency_ms"`
}

func newCallRow(v bridge.View) callRow {
	s := v.State
	row := callRow{
		ID: s.ID, StartedAt: s.StartedAt, Direction: s.Direction, Disposition: s.Disposition,
		From: shown(s.From), To: shown(s.To), DurationS: s.Duration().Seconds(),
		Ticket: v.Record.Ticket, Completed: v.Record.Completed, Duplicates: v.Record.Duplicates,
	}
	row.State, row.Attached, row.Transcript = callState(s), v.Record.Attached, transcriptState(v.Record)
	if v.Record.Match != nil {
		row.Match = v.Record.Match.Reason
	}
	for _, t := range s.Talks {
		if !slices.Contains(row.Agents, t.Endpoint) {
			row.Agents = append(row.Agents, t.Endpoint)
		}
	}
	for _, p := range v.Record.Pops {
		row.Pops = append(row.Pops, popRow{p.Agent, p.Result, float64(p.Latency.Microseconds()) / 1000})
	}
	slices.SortFunc(row.Pops, func(a, b popRow) int { return cmp.Compare(a.Agent, b.Agent) })
	for step, reason := range parkedOf(v) {
		if row.Parked == nil {
			row.Parked = make(map[string]string)
		}
		row.Parked[string(step)] = reason
	}
	return row
}

// callState is a call's state in one word.
func callState(s telephony.State) string {
	switch {
	case s.Ended():
		return string(s.Disposition)
	case s.Answered():
		return "talking"
	case len(s.Ringing) > 0:
		return "ringing"
	default:
		return "live"
	}
}

// shown is a party's number, safe for a terminal.
func shown(p telephony.Party) string {
	if p.Withheld || telephony.IsWithheld(p.Number) {
		return "anonymous"
	}
	return telephony.StripControls(p.Number)
}

func newCalls() *cobra.Command {
	var path, since string
	var q callsQuery
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "calls [--config FILE] [filters] [--limit N] [--json]",
		Short: "List the newest calls, their tickets and pops",
		Long: `List the newest calls with what became of them: ticket, pops, and what waits for
a person. It asks the running daemon, or reads the journal if none runs.

Filters can be combined. They look at the newest 1000 calls and at all that are
owed something. STATE is of the conversation (live, ringing, talking, answered,
missed, abandoned, busy, failed, voicemail) or of its ticket (open: not complete,
parked: waits for a person, duplicate: more than one).`,
		Example: `  talkbridge calls --state parked
  talkbridge calls --agent Ana --since 2h
  talkbridge calls --number +12125550123 --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if q.Since, err = parseSince(since, time.Now()); err != nil {
				return err
			}
			if err := q.validate(); err != nil {
				return err
			}
			return operate(cmd, path, asJSON, callsQuestion, q, func(out page, rows []callRow, _ bool) error {
				return printCalls(out, rows, q.filtered())
			})
		},
	}
	operatorFlags(cmd, &path, &asJSON)
	flags := cmd.Flags()
	flags.IntVarP(&q.Limit, "limit", "n", defaultListed, "list the newest `N` calls")
	flags.StringVar(&q.State, "state", "", "only calls in this `STATE`, see above")
	flags.StringVar(&q.Agent, "agent", "", "only calls with this `AGENT`: name, extension or channel")
	flags.StringVar(&q.Number, "number", "", "only calls from or to this `NUMBER`, or its last digits")
	flags.StringVar(&q.Line, "line", "", "only calls on this `LINE` of ours: number or name")
	flags.StringVar(&since, "since", "", "only calls since this `TIME`: 2h, 3d, 2026-01-31, or RFC 3339")
	flags.StringVar(&q.Ticket, "ticket", "", "only calls with this `TICKET`")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(callStates, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// printCalls prints a table, the newest call first.
func printCalls(out io.Writer, rows []callRow, filtered bool) error {
	if len(rows) == 0 {
		text := "no calls yet"
		if filtered {
			text = "no such calls"
		}
		_, err := fmt.Fprintln(out, text)
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "STARTED\tDIRECTION\tSTATE\tFROM\tTO\tAGENTS\tLENGTH\tTICKET\tPOPS\tCALL")
	for _, r := range rows {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			r.StartedAt.Local().Format("01-02 15:04:05"), r.Direction, r.State, r.From, r.To, safeLine(orDash(strings.Join(r.Agents, ","))),
			time.Duration(r.DurationS*float64(time.Second)).Round(time.Second), r.ticket(), r.pops(), safeLine(string(r.ID)))
	}
	return table.Flush()
}

func (r callRow) ticket() string {
	switch {
	case len(r.Parked) > 0:
		return "parked"
	case r.Ticket == 0:
		return "-"
	case len(r.Duplicates) > 0:
		return fmt.Sprintf("#%d (duplicate!)", r.Ticket)
	case !r.Completed && r.Attached:
		return fmt.Sprintf("#%d (attached, open)", r.Ticket)
	case !r.Completed:
		return fmt.Sprintf("#%d (open)", r.Ticket)
	case r.Attached:
		return fmt.Sprintf("#%d (attached)", r.Ticket)
	}
	return fmt.Sprintf("#%d", r.Ticket)
}

func (r callRow) pops() string {
	texts := make([]string, 0, len(r.Pops))
	for _, p := range r.Pops {
		texts = append(texts, fmt.Sprintf("%s in %.0f ms", p.Result, p.LatencyMS))
	}
	return orDash(strings.Join(texts, ", "))
}

func orDash(s string) string { return cmp.Or(s, "-") }
