package main

import (
	"fmt"
	"io"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// defaultConfig is where the configuration is looked for.
const defaultConfig = "talkbridge.yaml"

// newRoot returns the command with all its commands below.
func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "talkbridge",
		Short: "One call, one ticket: connects a phone system with Zendesk",
		Long: `talkbridge runs beside a phone system and makes Zendesk agree with what happened
on the phone: one ticket for each call, with complete voice data, and the right
page in the answering agent's browser.

No account and no phone system at hand? Begin with 'talkbridge demo'. Start a
configuration from config.example.yaml; 'talkbridge check' finds what is wrong
with it.`,
		SilenceUsage: true, SilenceErrors: true,
		Version: version(),
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("talkbridge {{.Version}}\n")
	root.AddCommand(newServe(), newDemo(), newCheck(), newDoctor(), newHealth(), newCalls(), newExplain(), newRetry(),
		newPop(), newDial(), newLookup(), newRevoke(), newProfile(), newFeed(), newZendeskCommand(), newSimulateZendesk(), newTorture(), newMan(), newVersion())
	for _, command := range root.Commands() {
		command.DisableFlagsInUseLine = true
	}
	return root
}

// configFlag adds --config to a command.
func configFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", defaultConfig, "configuration `file`")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
}

// loadConfig reads the configuration; what is wrong with it ends with exit 78.
func loadConfig(path string) (*config.Config, error) {
	cfg, err := config.Load(path)
	if err != nil {
		return nil, &exitError{exitConfig, fmt.Errorf("the configuration cannot be used:\n%w", err)}
	}
	return cfg, nil
}

// newLogger makes the one logger of the process.
func newLogger(cfg config.Log, out io.Writer) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(out)
	if level, err := logrus.ParseLevel(string(cfg.Level)); err == nil {
		log.SetLevel(level)
	}
	if cfg.Format == config.LogFormatJSON {
		log.SetFormatter(&logrus.JSONFormatter{})
	} else {
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	}
	return log
}
