package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// maxQuestion bounds what an operator's command sends to the daemon.
const maxQuestion = 64 << 10

// desk is what the operator's commands work with: the parts of the running
// daemon, or, where none runs, the journal at rest and what the configuration
// makes.
type desk struct {
	cfg       *config.Config
	journal   bridge.Journal
	client    *zendesk.Client
	directory *screenpop.Directory
	policy    *bridge.Policy
	// daemon is nil where none runs.
	daemon *daemon
}

// bridge is the running one, nil if none runs.
func (d *desk) bridge() *bridge.Bridge {
	if d.daemon == nil {
		return nil
	}
	return d.daemon.bridge
}

// desk is the daemon as the operator's commands see it.
func (d *daemon) desk() *desk {
	return &desk{cfg: d.cfg, journal: d.journal, client: d.client, directory: d.directory, policy: d.bridge.Policy(), daemon: d}
}

// question is one thing that an operator's command asks for: the same function
// answers it in the daemon and, where none runs, in the command itself.
type question[Q, A any] struct {
	path   string
	answer func(ctx context.Context, d *desk, q Q) (A, error)
}

// serve answers the question on the control socket.
func (o question[Q, A]) serve(mux *http.ServeMux, d *daemon) {
	mux.HandleFunc("POST "+o.path, func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion)).Decode(&q); err != nil {
			http.Error(w, "unreadable question: "+err.Error(), http.StatusBadRequest)
			return
		}
		a, err := o.answer(r.Context(), d.desk(), q)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		writeJSON(w, http.StatusOK, a)
	})
}

// operatorRoutes answers the operator's commands.
func (d *daemon) operatorRoutes(mux *http.ServeMux) {
	callsQuestion.serve(mux, d)
	explainQuestion.serve(mux, d)
	retryQuestion.serve(mux, d)
	popQuestion.serve(mux, d)
	lookupQuestion.serve(mux, d)
	revokeQuestion.serve(mux, d)
	factsQuestion.serve(mux, d)
	dialQuestion.serve(mux, d)
}

// ask asks the running daemon; if none runs, it takes the lock and answers
// itself. Where nothing has run yet there is no journal, and a look must not
// begin one: then the desk has none. The last result says that a daemon runs.
func (o question[Q, A]) ask(ctx context.Context, cfg *config.Config, q Q) (a A, running bool, err error) {
	if _, err := os.Stat(socketDir(cfg)); errors.Is(err, os.ErrNotExist) {
		a, err = o.alone(ctx, cfg, nil, q)
		return a, false, err
	}
	j, err := journal.Open(ctx, journalOptions(cfg, nil))
	if _, locked := errors.AsType[*journal.LockedError](err); locked {
		a, err = o.askDaemon(ctx, cfg, q)
		return a, true, err
	}
	if err != nil {
		return a, false, err
	}
	a, err = o.alone(ctx, cfg, j, q)
	return a, false, errors.Join(err, j.Close())
}

// alone answers without a daemon.
func (o question[Q, A]) alone(ctx context.Context, cfg *config.Config, j *journal.Journal, q Q) (a A, err error) {
	d := &desk{cfg: cfg}
	if j != nil {
		d.journal = j
	}
	if d.client, err = newZendesk(cfg.Zendesk, nil); err != nil {
		return a, err
	}
	defer d.client.CloseIdleConnections()
	if d.directory, err = screenpop.NewDirectory(agentEntries(cfg), cfg.Countries()...); err != nil {
		return a, &exitError{exitConfig, fmt.Errorf("agents: %w", err)}
	}
	d.policy = newPolicy(cfg, d.directory)
	return o.answer(ctx, d, q)
}

func (o question[Q, A]) askDaemon(ctx context.Context, cfg *config.Config, q Q) (a A, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return a, fmt.Errorf("ask the running daemon: %w", err)
	}
	status, answer, err := exchangeControl(ctx, cfg, http.MethodPost, o.path, bytes.NewReader(body))
	switch {
	case err != nil:
		return a, err
	case status == http.StatusNotFound:
		return a, errors.New("the running daemon does not know this command: it is of another version, restart it")
	case status == http.StatusUnprocessableEntity:
		return a, errors.New(telephony.StripControls(strings.TrimSpace(string(answer))))
	case status != http.StatusOK:
		return a, fmt.Errorf("the running daemon answered %d: %s", status, telephony.StripControls(strings.TrimSpace(string(answer))))
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return a, fmt.Errorf("the running daemon answered something unreadable: %w", err)
	}
	return a, nil
}

// operate is the body of an operator's command: it loads the configuration,
// asks, and prints the answer as JSON or by print, which also gives the error
// to end with.
func operate[Q, A any](cmd *cobra.Command, path string, asJSON bool, o question[Q, A], q Q, print func(page, A, bool) error) error {
	cfg, err := loadConfig(path)
	if err != nil {
		return err
	}
	a, running, err := o.ask(cmd.Context(), cfg, q)
	if err != nil {
		return asExit(err)
	}
	if asJSON {
		if err := printJSON(cmd.OutOrStdout(), a); err != nil {
			return asExit(err)
		}
		return print(page{Writer: io.Discard}, a, running)
	}
	return print(newPage(cmd.OutOrStdout()), a, running)
}

func printJSON(out io.Writer, a any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(a)
}

// operatorFlags are those that every operator's command has.
func operatorFlags(cmd *cobra.Command, path *string, asJSON *bool) {
	configFlag(cmd, path)
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON")
}

// oneArgument is for commands that take one: what names it for people.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s needs %s", cmd.Name(), what)
		case len(args) > 1:
			return fmt.Errorf("%s takes %s and no more: %q", cmd.Name(), what, args[1])
		}
		return nil
	}
}
