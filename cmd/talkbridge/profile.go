package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// maxProfile is how long a profile may take: an answer of the control socket
// must be over by then.
const maxProfile = 20 * time.Second

// profileKinds are what can be asked for, with what each shows.
var profileKinds = []struct{ name, shows string }{
	{"cpu", "where the time goes, over --seconds"},
	{"heap", "what the memory holds"},
	{"allocs", "what was allocated since the start"},
	{"goroutine", "what each goroutine does or waits for, as text"},
}

// profileRoutes let the daemon be looked into, on its own socket only.
func profileRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.Handle("GET /debug/pprof/heap", pprof.Handler("heap"))
	mux.Handle("GET /debug/pprof/allocs", pprof.Handler("allocs"))
	mux.Handle("GET /debug/pprof/goroutine", pprof.Handler("goroutine"))
}

func newProfile() *cobra.Command {
	var path, output string
	var seconds int
	names := make([]string, 0, len(profileKinds))
	shown := &strings.Builder{}
	for _, kind := range profileKinds {
		names = append(names, kind.name)
		fmt.Fprintf(shown, "\n  %-10s %s", kind.name, kind.shows)
	}
	cmd := &cobra.Command{
		Use:   "profile [--config FILE] [" + strings.Join(names, " | ") + "] [--output FILE]",
		Short: "Look into the running daemon: its time, memory, goroutines",
		Long: `Ask the running daemon what it does with its time and memory, for a report or for
'go tool pprof'. It says nothing of calls or numbers. Without a name it is cpu.
` + shown.String(),
		Example: `  talkbridge profile --seconds 10 --output cpu.pprof && go tool pprof -top cpu.pprof
  talkbridge profile goroutine --output -`,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), knownProfile(names)),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit := int(maxProfile.Seconds()); seconds < 1 || seconds > limit {
				return fmt.Errorf("--seconds %d: want 1 to %d", seconds, limit)
			}
			kind := append(args, names[0])[0]
			if err := takeProfile(cmd, path, kind, output, seconds); err != nil {
				return asExit(err)
			}
			return nil
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`, or - (default talkbridge-KIND.pprof)")
	cmd.Flags().IntVar(&seconds, "seconds", 5, "look at the time for `N` seconds")
	return cmd
}

// knownProfile refuses a misspelt name with those that there are.
func knownProfile(names []string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 1 && !slices.Contains(names, args[0]) {
			return fmt.Errorf("unknown profile %q: want %s", args[0], strings.Join(names, ", "))
		}
		return nil
	}
}

// takeProfile writes what the daemon answers to a file.
func takeProfile(cmd *cobra.Command, config, kind, output string, seconds int) error {
	cfg, err := loadConfig(config)
	if err != nil {
		return err
	}
	status, body, err := askControl(cmd.Context(), cfg, profilePath(kind, seconds))
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case err != nil:
		return fmt.Errorf("%w; is 'talkbridge serve' running with this configuration?", err)
	case status != http.StatusOK:
		return fmt.Errorf("the running daemon answers %d: %s", status, strings.TrimSpace(string(body)))
	}
	if output == "-" {
		_, err := cmd.OutOrStdout().Write(body)
		return err
	}
	if output == "" {
		output = "talkbridge-" + kind + ".pprof"
	}
	if err := os.WriteFile(filepath.Clean(output), body, 0o600); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	_, err = fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d bytes\n", output, len(body))
	return err
}

func profilePath(kind string, seconds int) string {
	name, query := kind, url.Values{}
	switch kind {
	case "cpu":
		name = "profile"
		query.Set("seconds", fmt.Sprint(seconds))
	case "goroutine":
		query.Set("debug", "2")
	}
	return "/debug/pprof/" + name + "?" + query.Encode()
}
