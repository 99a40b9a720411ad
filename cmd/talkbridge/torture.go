package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/torture"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// plansBoth is --plan for an account without limits and one with those of a plan.
const plansBoth = "both"

func newTorture() *cobra.Command {
	var o torture.Options
	plan, sources := plansBoth, []string(nil)
	cmd := &cobra.Command{
		Use:   "torture [--calls N] [--kills N] [--duration TIME] [--seed S] [--sources NAMES]",
		Short: "Prove the promise: one call, one ticket, whatever happens",
		Long: `Prove the promise on this machine: one call, one ticket, none lost, none twice. The
real program runs as a child, between phone systems and a simulated Zendesk: an
Asterisk that plays captured calls of all kinds, a Twilio whose webhooks come twice,
late and in any order, a CTI push, and our own events, posted and over a WebSocket,
whose senders repeat what was not taken, and some of what was. The child is killed
(-9) at random moments and its connections are cut; Zendesk answers 429, 500 and
503, before and after it has done what was asked, cuts answers, commits late, is
slow, is out for a while, and lets tokens expire; people close and delete tickets in
the middle of calls.

Then every ticket is compared with what the phone systems know to have happened:
channel, numbers, requester, agents, duration (to 2 s, and by as much as the child
was cut off from Asterisk or Twilio), comments, the audio that it plays, and the
pages that opened. The log is searched for secrets and telephone numbers. What is
wrong is printed with its story, and the exit code is 1.

As many calls come from each source, or in the proportion of the weights that
--sources gives: asterisk=3,cti.

Half of the calls meet an account without limits, half one with those of a plan,
whose minutes are 15 times as fast.

The seed fixes the calls, their order, the moments of all that is done to the
child and to Zendesk, and the dice of the faults. How the operating system runs
the processes it does not fix: a failure comes again with its seed often, not
always. All is on loopback, in a folder of its own, which is left where something
failed.`,
		Example: `  talkbridge torture
  talkbridge torture --calls 10000 --kills 30
  talkbridge torture --seed 7 --plan enterprise --keep
  talkbridge torture --sources asterisk=3,events`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch plan {
			case plansBoth:
				o.Plans = []zendesktest.Plan{zendesktest.Unlimited, zendesktest.Enterprise}
			default:
				o.Plans = []zendesktest.Plan{zendesktest.Plan(plan)}
				if !o.Plans[0].Valid() || o.Plans[0] == zendesktest.SuiteTeam {
					return fmt.Errorf("--plan %q: want both, unlimited, suite-growth, suite-professional, enterprise, enterprise-plus or trial", plan)
				}
			}
			if cmd.Flags().Changed("sources") {
				var err error
				if o.Sources, err = torture.ParseShares(sources); err != nil {
					return err
				}
			}
			if !cmd.Flags().Changed("seed") {
				o.Seed = uint64(time.Now().UnixNano())
			}
			if err := o.Validate(); err != nil {
				return err
			}
			return runTorture(cmd, o)
		},
	}
	cmd.Flags().IntVar(&o.Calls, "calls", 1000, "play `N` calls")
	cmd.Flags().IntVar(&o.Kills, "kills", 10, "kill the child `N` times")
	cmd.Flags().DurationVar(&o.Duration, "duration", 0, fmt.Sprintf("have the calls come in over this `time`; 0 is %d a second", torture.Rate))
	cmd.Flags().Uint64Var(&o.Seed, "seed", 0, "repeat what seed `S` fixed; without it there is a new one")
	cmd.Flags().StringVar(&plan, "plan", plan, "whose limits hold: `PLAN`, or both")
	cmd.Flags().StringSliceVar(&sources, "sources", sources, "some `NAMES` of asterisk, twilio, cti and events; all without it")
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "leave log and journal, and say where")
	return cmd
}

func runTorture(cmd *cobra.Command, o torture.Options) error {
	program, err := os.Executable()
	if err != nil {
		return asExit(fmt.Errorf("find the program: %w", err))
	}
	o.Command, o.Out = []string{program}, cmd.OutOrStdout()
	if out := cmd.ErrOrStderr(); isTerminal(out) {
		o.Progress = out
		defer func() { _, _ = io.WriteString(out, "\r\x1b[K") }()
	}
	_, _ = fmt.Fprintf(o.Out, "seed %d: %d calls, %d kills\n", o.Seed, o.Calls, o.Kills)
	_, err = torture.Run(cmd.Context(), o)
	switch {
	case err == nil:
		return nil
	case cmd.Context().Err() != nil:
		return asExit(errors.New("stopped before the end; nothing is left behind"))
	}
	return asExit(err)
}
