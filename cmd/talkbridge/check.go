package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/rehearsal"
	"github.com/talkbridge/talkbridge/screenpop"
)

// onlineTimeout bounds what check --online asks of Zendesk.
const onlineTimeout = 30 * time.Second

func newCheck() *cobra.Command {
	var path string
	var online, verbose bool
	cmd := &cobra.Command{
		Use:   "check [--config FILE] [--online] [--verbose]",
		Short: "Check the configuration",
		Long: `Check the configuration without connecting to anything. All that is wrong is
told at once, each with its place and what to do. Exit code 78 says that the
configuration cannot be used.

The tests of the configuration are run: each has a call, and what should become
of it. What is not as expected is wrong like anything else, with its place. A test
that expects nothing is shown with what its call became, in the form in which it
can be expected; with --verbose all are.

With --online, also ask Zendesk whether it takes the credentials and knows every
agent.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(path)
			if err != nil {
				return err
			}
			directory, err := screenpop.NewDirectory(agentEntries(cfg), cfg.Countries()...)
			if err != nil {
				return &exitError{exitConfig, fmt.Errorf("%s: agents: %w", path, err)}
			}
			out := cmd.OutOrStdout()
			for _, w := range cfg.Warnings() {
				_, _ = fmt.Fprintln(out, "warning:", w)
			}
			tested, err := runTests(cmd.Context(), cfg, verbose, out)
			if err != nil {
				return err
			}
			if online {
				if err := checkOnline(cmd.Context(), cfg, directory); err != nil {
					return err
				}
			}
			showAddresses(out, cfg)
			for _, line := range deliveryAddresses(cfg) {
				_, _ = fmt.Fprintln(out, line)
			}
			_, err = fmt.Fprintf(out, "%s: ok: site %s, %d phone systems, %d lines, %d agents%s\n",
				path, cfg.Site, len(cfg.Sources), len(cfg.Lines), len(cfg.Agents), tested)
			return err
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&online, "online", false, "also ask Zendesk for the credentials and the agents")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show what the call of each test became")
	return cmd
}

// showAddresses shows what is to be pasted into Twilio.
func showAddresses(out io.Writer, cfg *config.Config) {
	for _, s := range cfg.Sources {
		if s.Twilio == nil {
			continue
		}
		_, _ = fmt.Fprintf(out, "%s: addresses for Twilio, with the way in which it is to try again:\n", s.Name)
		for _, line := range twilioAddresses(cfg, s) {
			_, _ = fmt.Fprintf(out, "  %-42s %s\n", line[0], line[1])
		}
	}
}

// runTests runs the tests of the configuration, shows what calls became, and
// returns how many tests passed, in words.
func runTests(ctx context.Context, cfg *config.Config, verbose bool, out io.Writer) (string, error) {
	if len(cfg.Tests) == 0 {
		return "", nil
	}
	// A directory of their own: in it the agents get ids that are made up.
	directory, err := screenpop.NewDirectory(agentEntries(cfg), cfg.Country)
	if err != nil {
		return "", &exitError{exitConfig, fmt.Errorf("agents: %w", err)}
	}
	result, err := rehearsal.Run(ctx, cfg, newPolicy(cfg, directory), verbose)
	for _, text := range result.Became {
		_, _ = fmt.Fprintln(out, text)
	}
	if _, wrong := errors.AsType[*config.Errors](err); wrong {
		return "", &exitError{exitConfig, fmt.Errorf("tests of the configuration fail:\n%w", err)}
	}
	if err != nil {
		return "", &exitError{exitRun, err}
	}
	if result.Passed == 1 {
		return ", 1 test passed", nil
	}
	return fmt.Sprintf(", %d tests passed", result.Passed), nil
}

// checkOnline asks Zendesk what the file alone cannot tell. An account that does
// not answer is no fault of the configuration.
func checkOnline(ctx context.Context, cfg *config.Config, directory *screenpop.Directory) error {
	ctx, cancel := context.WithTimeout(ctx, onlineTimeout)
	defer cancel()
	client, err := newZendesk(cfg.Zendesk, nil)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	defer client.CloseIdleConnections()
	code := exitConfig
	troubles := confirmAgents(ctx, client, directory, func(err error) error {
		explanation, blame := explainZendesk(cfg.Zendesk, err)
		if !blame {
			code = exitRun
		}
		return explanation
	})
	if len(troubles) == 0 {
		return nil
	}
	var errs []error
	for _, t := range troubles {
		errs = append(errs, t.err)
	}
	return &exitError{code, errors.Join(errs...)}
}
