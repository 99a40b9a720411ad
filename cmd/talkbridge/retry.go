package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
)

// retryQuery says what to try again: one call, or all that are parked.
type retryQuery struct {
	Call   string `json:"call,omitzero"`
	All    bool   `json:"all,omitzero"`
	DryRun bool   `json:"dry_run,omitzero"`
}

// retryRow is what is tried again about one call.
type retryRow struct {
	Call  telephony.CallID `json:"call"`
	Steps []parkedStep     `json:"steps"`
}

// parkedStep is a step that waits for a person.
type parkedStep struct {
	Step   bridge.StepKind `json:"step"`
	Reason string          `json:"reason"`
	Remedy string          `json:"remedy"`
}

var retryQuestion = question[retryQuery, []retryRow]{"/v1/retry", answerRetry}

func newRetry() *cobra.Command {
	var path string
	var q retryQuery
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "retry [--config FILE] (CALL | --all) [--dry-run] [--json]",
		Short: "Try again what waits for a person",
		Long: `Try again what is parked about a call: what Zendesk refused for good, so that a
person had to put something right first. 'talkbridge explain CALL' says what.
CALL is as in explain.

The running daemon begins at once; without one, the next to start does. One call
still gets one ticket: before a create of unknown fate is repeated, its ticket is
looked for.`,
		Example: `  talkbridge retry --all --dry-run
  talkbridge retry hq/pbx1/1795346706.0
  talkbridge retry 706.0`,
		Args: func(cmd *cobra.Command, args []string) error {
			if q.All && len(args) > 0 {
				return fmt.Errorf("retry takes a call or --all, not both: %q", args[0])
			}
			if q.All {
				return nil
			}
			return oneArgument("a call, or --all")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				q.Call = args[0]
			}
			return operate(cmd, path, asJSON, retryQuestion, q, func(out page, rows []retryRow, running bool) error {
				return printRetry(out, rows, q, running)
			})
		},
	}
	operatorFlags(cmd, &path, &asJSON)
	cmd.Flags().BoolVar(&q.All, "all", false, "all calls that have something parked")
	cmd.Flags().BoolVar(&q.DryRun, "dry-run", false, "only say what would be tried")
	return cmd
}

func answerRetry(ctx context.Context, d *desk, q retryQuery) ([]retryRow, error) {
	ids, err := d.toRetry(ctx, q)
	if err != nil {
		return nil, err
	}
	rows := make([]retryRow, 0, len(ids))
	for _, id := range ids {
		parked, err := d.retry(ctx, id, q.DryRun)
		if q.All && errors.Is(err, bridge.ErrNotParked) {
			continue // it was settled meanwhile
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, retryRow{id, parkedSteps(parked)})
	}
	return rows, nil
}

func (d *desk) toRetry(ctx context.Context, q retryQuery) ([]telephony.CallID, error) {
	if d.journal == nil {
		return nil, errNothingYet
	}
	if !q.All {
		id, err := d.findCall(ctx, q.Call)
		return []telephony.CallID{id}, err
	}
	var views []bridge.View
	var err error
	if b := d.bridge(); b != nil {
		views, err = b.Calls(ctx)
	} else {
		views, err = bridge.Pending(ctx, d.journal)
	}
	var ids []telephony.CallID
	for _, v := range views {
		if len(parkedOf(v)) > 0 {
			ids = append(ids, v.State.ID)
		}
	}
	slices.Sort(ids)
	return ids, err
}

func (d *desk) retry(ctx context.Context, id telephony.CallID, dry bool) (map[bridge.StepKind]string, error) {
	b := d.bridge()
	switch {
	case dry:
		v, err := d.view(ctx, id, bridge.Moment{Now: time.Now()})
		parked := parkedOf(v)
		for _, p := range v.Parts {
			maps.Copy(parked, p.Record.GivenUp)
		}
		if err == nil && len(parked) == 0 {
			err = fmt.Errorf("retry %s: %w", id, bridge.ErrNotParked)
		}
		return parked, err
	case b != nil:
		return b.Retry(ctx, id)
	}
	return bridge.RetryParked(ctx, d.journal, id, time.Now())
}

// parkedOf is what is parked about a call, or about any of those that became it.
func parkedOf(v bridge.View) map[bridge.StepKind]string {
	parked := make(map[bridge.StepKind]string)
	for _, p := range v.Parts {
		maps.Copy(parked, p.Record.Parked)
	}
	return parked
}

func parkedSteps(parked map[bridge.StepKind]string) []parkedStep {
	steps := make([]parkedStep, 0, len(parked))
	for _, step := range slices.Sorted(maps.Keys(parked)) {
		steps = append(steps, parkedStep{step, parked[step], remedyFor(parked[step])})
	}
	return steps
}

func printRetry(out page, rows []retryRow, q retryQuery, running bool) error {
	if len(rows) == 0 {
		out.say("nothing is parked")
		return nil
	}
	when := "tried again now"
	switch {
	case q.DryRun:
		when = "would be tried again"
	case !running:
		when = "tried again when the daemon starts"
	}
	for _, row := range rows {
		out.raw(out.ink(boldInk, string(row.Call)))
		for _, s := range row.Steps {
			out.raw("  ", out.ink(amberInk, string(s.Step)), " ", out.ink(plainInk, when+"; it was parked: "+s.Reason))
		}
	}
	if running && !q.DryRun {
		out.say("'talkbridge explain CALL' says what came of it")
	}
	return nil
}
