package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	var path, since string
	cmd := &cobra.Command{
		Use:   "serve [--config FILE] [--since TIME]",
		Short: "Run the daemon",
		Long: `Run the daemon: follow the phone systems of the configuration, and make Zendesk
agree with them. It stops gracefully at SIGINT or SIGTERM, at once at the second
one, and reads agents, lines and policy again at SIGHUP.

Calls that nobody heard of while they went on are taken from the call records of
the phone systems (sources[].asterisk.cdr): none from before the first start on this
journal, and none older than backfill.max_age. After a journal was lost, --since
says from when on they are taken all the same; a ticket that is there is found.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), path, since, cmd.ErrOrStderr())
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&since, "since", "", "back-fill from this `TIME` on, with a new journal too: 2h, 2026-01-31")
	return cmd
}

// serve runs the daemon until ctx is over.
func serve(ctx context.Context, path, sinceText string, logs io.Writer) error {
	cfg, err := loadConfig(path)
	if err != nil {
		return err
	}
	since, err := backfillFrom(sinceText, cfg.Backfill.MaxAge, time.Now())
	if err != nil {
		return err
	}
	log := newLogger(cfg.Log, logs)
	for _, w := range cfg.Warnings() {
		log.Warn(w.String())
	}
	d, err := newDaemon(ctx, cfg, log, func(d *daemon) { d.backfillSince = since })
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

// backfillFrom reads --since, zero if it is not given. What max_age excludes would
// be left out without a word.
func backfillFrom(text string, maxAge time.Duration, now time.Time) (time.Time, error) {
	since, err := parseSince(text, now)
	switch {
	case err != nil:
		return time.Time{}, err
	case since.After(now):
		return time.Time{}, fmt.Errorf("--since %s: it is yet to come", text)
	case !since.IsZero() && now.Sub(since) > maxAge:
		return time.Time{}, fmt.Errorf("--since %s: calls older than backfill.max_age (%s) are not taken: raise it, or give a later time", text, maxAge)
	}
	return since, nil
}

// asExit gives an error of running its exit code, unless it has one.
func asExit(err error) error {
	if _, found := err.(*exitError); found { //nolint:errorlint // only an outermost one has the whole text
		return err
	}
	return &exitError{exitRun, err}
}
