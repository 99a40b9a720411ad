package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/screenpop"
)

// onlineTimeout bounds what check --online asks of Zendesk.
const onlineTimeout = 30 * time.Second

func newCheck() *cobra.Command {
	var path string
	var online bool
	cmd := &cobra.Command{
		Use:   "check [--config FILE] [--online]",
		Short: "Check the configuration",
		Long: `Check the configuration without connecting to anything. All that is wrong is
told at once, each with its place and what to do. Exit code 78 says that the
configuration cannot be used.

With --online, also ask Zendesk whether it takes the credentials and knows every
agent.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(path)
			if err != nil {
				return err
			}
			directory, err := screenpop.NewDirectory(agentEntries(cfg), cfg.Country)
			if err != nil {
				return &exitError{exitConfig, fmt.Errorf("%s: agents: %w", path, err)}
			}
			out := cmd.OutOrStdout()
			for _, w := range cfg.Warnings() {
				_, _ = fmt.Fprintln(out, "warning:", w)
			}
			if online {
				if err := checkOnline(cmd.Context(), cfg, directory); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(out, "%s: ok: site %s, %d phone systems, %d lines, %d agents\n",
				path, cfg.Site, len(cfg.Sources), len(cfg.Lines), len(cfg.Agents))
			return err
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&online, "online", false, "also ask Zendesk for the credentials and the agents")
	return cmd
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
