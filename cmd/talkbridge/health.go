package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
)

// healthTimeout is how long the daemon may take to say how it is.
const healthTimeout = 5 * time.Second

func newHealth() *cobra.Command {
	var path string
	var ready bool
	cmd := &cobra.Command{
		Use:   "health [--config FILE] [--ready]",
		Short: "Ask the running daemon how it is",
		Long: `Ask the running daemon whether it works: exit code 0 and one line if it does, 1 and
the reason if it does not, or if none runs. This is the health check of a container.

With --ready it must also do all of its work: every phone system is connected and
every agent confirmed. Restarting does not help where that fails.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(path)
			if err != nil {
				return err
			}
			line, err := askHealth(cmd.Context(), cfg, ready)
			if err != nil {
				return asExit(err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
			return err
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&ready, "ready", false, "also ask for phone systems and agents")
	return cmd
}

// askHealth asks the daemon on the control socket; how it is in one line.
func askHealth(ctx context.Context, cfg *config.Config, ready bool) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, healthTimeout, fmt.Errorf("no answer within %s", healthTimeout))
	defer cancel()
	word, wrong, path := "works", "does not work", "/healthz"
	if ready {
		word, wrong, path = "ready", "not ready", "/readyz"
	}
	status, body, err := askControl(ctx, cfg, path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return "", fmt.Errorf("no daemon runs on %s (journal.dir)", socketDir(cfg))
	case err != nil && ctx.Err() != nil:
		return "", fmt.Errorf("ask the running daemon: %w", context.Cause(ctx))
	case err != nil:
		return "", err
	}
	var h health
	if err := json.Unmarshal(body, &h); err != nil {
		return "", fmt.Errorf("the running daemon answered %d and nothing readable: is it of another version?", status)
	}
	if status != http.StatusOK {
		return "", errors.New(wrong + ": " + telephony.StripControls(strings.Join(h.Errors, "; ")))
	}
	return fmt.Sprintf("%s: site %s, version %s%s", word, cfg.Site, h.Version, h.Node), nil
}

// String says in a line's end which node acts; it is empty without a cluster.
func (n *nodeHealth) String() string {
	switch {
	case n == nil:
		return ""
	case n.Acting:
		return ", this node acts"
	case n.Holder == "":
		return ", no node acts"
	}
	return ", node " + telephony.StripControls(n.Holder) + " acts"
}
