package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/zendesk"
)

// newZendeskCommand returns the command whose commands are single operations
// of Zendesk's API, with the account of the configuration.
func newZendeskCommand() *cobra.Command {
	cmd := group("zendesk", "Do one thing in Zendesk", `Do one thing in the Zendesk account of the configuration: create a ticket for a call,
open a page, use the X channel or the Any Channel API. The daemon is not asked, and
does not hear of it.

What cannot be right is refused before anything is sent. After an error that says
"outcome unknown" look before repeating a command that creates something.`)
	cmd.AddCommand(newZendeskTicket(), newZendeskDisplay(), newZendeskX(), newZendeskPush(), newZendeskValidateToken(), newZendeskReportError())
	return tidy(cmd)
}

// group is a command that only holds others.
func group(name, short, long string) *cobra.Command {
	return &cobra.Command{
		Use: name + " COMMAND", Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			cmd.SuggestionsMinimumDistance = near
			text := fmt.Sprintf("%q is no command of %s", args[0], cmd.CommandPath())
			if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
				text += "; did you mean " + strings.Join(meant, " or ") + "?"
			}
			return errors.New(text)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// tidy says that the commands below name their flags themselves.
func tidy(cmd *cobra.Command) *cobra.Command {
	for _, c := range cmd.Commands() {
		c.DisableFlagsInUseLine = true
	}
	return cmd
}

// zendeskFlags are those of all commands below zendesk.
type zendeskFlags struct {
	config string
	asJSON bool
}

func (f *zendeskFlags) add(cmd *cobra.Command) { operatorFlags(cmd, &f.config, &f.asJSON) }

// useZendesk does one thing in the account of the configuration and prints
// what came of it. What say returns is the error to end with.
func useZendesk[A any](cmd *cobra.Command, f zendeskFlags, do func(context.Context, *zendesk.Client) (A, error), say func(page, A) error) error {
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	client, err := newZendesk(cfg.Zendesk, nil)
	if err != nil {
		return asExit(err)
	}
	defer client.CloseIdleConnections()
	a, err := do(cmd.Context(), client)
	if _, is := errors.AsType[*zendesk.InputError](err); is {
		return err // Wrong usage.
	}
	if err != nil {
		uncertain := zendesk.Uncertain(err)
		if err, _ = explainZendesk(cfg.Zendesk, err); uncertain && cmd.Annotations[writes] != "" {
			err = fmt.Errorf("%w; outcome unknown: it may have been done all the same, look before repeating it", err)
		}
		return asExit(err)
	}
	out := newPage(cmd.OutOrStdout())
	if f.asJSON {
		if err := printJSON(cmd.OutOrStdout(), a); err != nil {
			return asExit(err)
		}
		out = page{Writer: io.Discard}
	}
	if err := say(out, a); err != nil {
		return asExit(err)
	}
	return nil
}

// writes annotates commands whose repetition would do something twice.
const writes = "writes"

// nothing is the answer of an operation that answers nothing.
type nothing struct {
	Done bool `json:"done"`
}

// idArgument reads a positive id.
func idArgument(what, text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%s %q: want a positive number", what, text)
	}
	return id, nil
}

// exactly wants arguments, named for people.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return fmt.Errorf("%s needs %s; there are %d arguments", cmd.Name(), strings.Join(names, " and "), len(args))
		}
		return nil
	}
}
