package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "serve [--config FILE]",
		Short: "Run the daemon",
		Long: `Run the daemon: follow the phone systems of the configuration, and make Zendesk
agree with them. It stops gracefully at SIGINT or SIGTERM, at once at the second
one, and reads agents, lines and policy again at SIGHUP.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), path, cmd.ErrOrStderr())
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// serve runs the daemon until ctx is over.
func serve(ctx context.Context, path string, logs io.Writer) error {
	cfg, err := loadConfig(path)
	if err != nil {
		return err
	}
	log := newLogger(cfg.Log, logs)
	for _, w := range cfg.Warnings() {
		log.Warn(w.String())
	}
	d, err := newDaemon(ctx, cfg, log)
	if err != nil {
		return asExit(err)
	}
	log.WithFields(logrus.Fields{
		"version": version(), "listen": d.listener.Addr(), "public_listen": d.public.Addr(), "pid": os.Getpid(),
	}).Info("talkbridge started")
	stopReload, stopNotify := reloadOnHangup(ctx, d, path, log), notifyManager(ctx, d, log)
	err = d.Run(ctx)
	stopNotify()
	stopReload()
	if err = errors.Join(err, d.Close()); err != nil {
		return asExit(err)
	}
	log.Info("talkbridge stopped")
	return nil
}

// asExit gives an error of running its exit code, unless it has one.
func asExit(err error) error {
	if _, found := err.(*exitError); found { //nolint:errorlint // only an outermost one has the whole text
		return err
	}
	return &exitError{exitRun, err}
}
