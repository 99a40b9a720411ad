package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/journal"
)

// tokenVariable may hold the token for --url.
const tokenVariable = "TALKBRIDGE_TOKEN"

// feedOptions are the flags of the command feed.
type feedOptions struct {
	config               string
	since                string
	agents, lines, calls []string
	asJSON               bool
	color                string
	url, tokenFile       string
}

func newFeed() *cobra.Command {
	var o feedOptions
	cmd := &cobra.Command{
		Use:   "feed [--config FILE | --url ADDRESS] [--since CURSOR] [filters] [--json]",
		Short: "Follow the calls as they happen",
		Long: `Follow the live feed: the calls that are live, then what happens to them and what
talkbridge does about it. It asks the running daemon of this configuration, as its
own user, or with --url the feed of another one, with a token. After a cut it comes
back by itself and goes on where it was.

Several --agent, --line or --call widen what is shown; of different kinds they narrow
it. The messages are described in docs/feed.md.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reader, err := o.reader(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			show, err := o.show(cmd.OutOrStdout())
			if err != nil {
				return err
			}
			if err := reader.Run(cmd.Context(), show); cmd.Context().Err() == nil {
				return &exitError{exitRun, err}
			}
			return nil
		},
	}
	configFlag(cmd, &o.config)
	cmd.Flags().StringVar(&o.since, "since", "", "begin behind this `cursor` of a message")
	cmd.Flags().StringArrayVar(&o.agents, "agent", nil, "only calls of this agent: `name`, extension or channel")
	cmd.Flags().StringArrayVar(&o.lines, "line", nil, "only calls on this line: `number` or name")
	cmd.Flags().StringArrayVar(&o.calls, "call", nil, "only the call with this `id`")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print the messages as they come, one on each line")
	cmd.Flags().StringVar(&o.color, "color", "auto", "`when` to use colours: auto, always or never")
	cmd.Flags().StringVar(&o.url, "url", "", "follow the feed at this `address`: wss://calls.example.com/v1/feed")
	cmd.Flags().StringVar(&o.tokenFile, "token-file", "", "`file` with the token for --url; else "+tokenVariable+" is looked at")
	_ = cmd.MarkFlagFilename("token-file")
	return cmd
}

// reader makes the reader that the flags ask for.
func (o *feedOptions) reader(notes io.Writer) (*feed.Reader, error) {
	reader := &feed.Reader{Cut: func(err error, wait time.Duration) {
		_, _ = fmt.Fprintf(notes, "talkbridge: %v: coming back in %.1f s\n", err, wait.Seconds())
	}}
	if o.since != "" {
		cursor, err := feed.ParseCursor(o.since)
		if err != nil {
			return nil, fmt.Errorf("--since: %w", err)
		}
		reader.Since = cursor
	}
	query := url.Values{}
	for key, values := range map[string][]string{"agent": o.agents, "line": o.lines, "call": o.calls} {
		for _, value := range values {
			if value == "" {
				return nil, fmt.Errorf("--%s: is empty: give a value", key)
			}
			query.Add(key, value)
		}
	}
	var err error
	if o.url != "" {
		err = o.remote(reader, query)
	} else {
		err = o.local(reader, query)
	}
	return reader, err
}

// local leads the reader to the daemon of the configuration.
func (o *feedOptions) local(reader *feed.Reader, query url.Values) error {
	if o.tokenFile != "" {
		return errors.New("--token-file goes with --url: the daemon of this machine asks its own user for none")
	}
	cfg, err := loadConfig(o.config)
	if err != nil {
		return err
	}
	reader.URL = "ws://talkbridge/v1/feed?" + query.Encode()
	reader.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := journal.DialControl(ctx, socketDir(cfg))
		if err != nil {
			return nil, fmt.Errorf("no daemon runs on %s: start it with 'talkbridge serve' (%w)", socketDir(cfg), err)
		}
		return conn, nil
	}
	return nil
}

// remote leads the reader to another daemon.
func (o *feedOptions) remote(reader *feed.Reader, query url.Values) error {
	target, err := url.Parse(o.url)
	if err != nil || target.Host == "" || (target.Scheme != "ws" && target.Scheme != "wss") {
		return fmt.Errorf("--url %q: write it like wss://calls.example.com/v1/feed", o.url)
	}
	target.Path = cmp.Or(strings.TrimSuffix(target.Path, "/"), "/v1/feed")
	target.RawQuery = query.Encode()
	reader.URL = target.String()
	reader.Token = os.Getenv(tokenVariable)
	if o.tokenFile == "" {
		return nil
	}
	text, err := os.ReadFile(o.tokenFile)
	if err != nil {
		return fmt.Errorf("--token-file: %w", err)
	}
	reader.Token = strings.TrimSpace(string(text))
	return nil
}

// show returns what prints the messages.
func (o *feedOptions) show(out io.Writer) (func(feed.Message) error, error) {
	if o.asJSON {
		return func(m feed.Message) error { return printMessage(out, m) }, nil
	}
	p := &feedPrinter{out: out}
	switch o.color {
	case "always":
		p.color = true
	case "auto":
		p.color = isTerminal(out) && os.Getenv("NO_COLOR") == ""
	case "never":
	default:
		return nil, fmt.Errorf("--color %q: want auto, always or never", o.color)
	}
	return p.print, nil
}

// isTerminal reports whether somebody looks at the output.
func isTerminal(out io.Writer) bool {
	file, isFile := out.(*os.File)
	if !isFile {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
