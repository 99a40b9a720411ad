package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/bridge"
)

// dialQuery is a call that an operator asks for.
type dialQuery struct {
	dialOrder

	// Key names the order, so that it is placed once.
	Key string `json:"key"`
}

// byCommand names orders that an operator gave.
const byCommand = "talkbridge dial"

var dialQuestion = question[dialQuery, dialAnswer]{"/v1/dial", answerDial}

func newDial() *cobra.Command {
	var path string
	var q dialQuery
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "dial [--config FILE] --agent AGENT [--ticket N] [--user N] [--json] NUMBER",
		Short: "Call somebody for an agent",
		Long: `Call a number for an agent: the agent's phone rings, and when it is answered the
number is called. The call is logged as any outbound call is: on a ticket of its own,
or on the ticket --ticket; --user is its requester without a look-up.

The running daemon does it, and only if its configuration has a section dial. The
numbers that may be called, and how many calls a minute, are those of that section.`,
		Example: `  talkbridge dial --agent Ana +493055512345
  talkbridge dial --agent 1001 --ticket 12 +493055512345`,
		Args: oneArgument("the number to call"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Number, q.Key = args[0], rand.Text()
			if q.Agent == "" {
				return errors.New("dial needs --agent: whose phone is to ring?")
			}
			return operate(cmd, path, asJSON, dialQuestion, q, func(out page, a dialAnswer, _ bool) error { return printDial(out, a) })
		},
	}
	operatorFlags(cmd, &path, &asJSON)
	cmd.Flags().StringVar(&q.Agent, "agent", "", "whose phone rings: the `AGENT`'s name, an extension, a number")
	cmd.Flags().Int64Var(&q.Ticket, "ticket", 0, "log the call on the ticket with this number `N`")
	cmd.Flags().Int64Var(&q.User, "user", 0, "the requester is the user with this id `N`")
	return cmd
}

func answerDial(ctx context.Context, d *desk, q dialQuery) (dialAnswer, error) {
	if d.daemon == nil {
		return dialAnswer{}, errors.New("no daemon runs: calls are placed by 'talkbridge serve'")
	}
	return d.daemon.dialDesk.place(ctx, asker{name: byCommand, key: q.Key}, q.dialOrder)
}

func printDial(out page, a dialAnswer) error {
	out.say("call     %s", a.Call)
	if a.State == bridge.DialTaken {
		out.say("placed   the phone of %s rings, then %s is called", a.Agent, a.Number)
		return nil
	}
	return &exitError{exitRun, fmt.Errorf("the call was not placed for certain: %s", safeLine(a.Error))}
}
