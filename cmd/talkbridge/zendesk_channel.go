package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/zendesk"
)

// maxPushFile bounds what push reads.
const maxPushFile = 4 << 20

func newZendeskPush() *cobra.Command {
	var f zendeskFlags
	cmd := &cobra.Command{
		Use:   "push [--config FILE] (FILE | -) [--json]",
		Short: "Push content of another system (Any Channel)",
		Long: `Push content of another system, as a JSON file or from standard input (-), in the
form of Zendesk's Any Channel API. One line says what became of each resource; the
exit code is 0 only if Zendesk has all of them. Pushing again is safe: what was
imported is skipped.`,
		Example: `  talkbridge zendesk push - <<END
  {"instance_push_id": "PUSH", "external_resources": [{"external_id": "m1",
    "message": "Hello", "created_at": "2026-03-01T09:14:57Z",
    "author": {"external_id": "ana", "name": "Ana"}}]}
  END`,
		Args: oneArgument("a file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := readPush(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			return useZendesk(cmd, f, func(ctx context.Context, c *zendesk.Client) ([]zendesk.PushResult, error) {
				return c.Push(ctx, p)
			}, sayPushed)
		},
	}
	f.add(cmd)
	return cmd
}

// readPush reads a push; unknown names in it are errors.
func readPush(stdin io.Reader, name string) (zendesk.Push, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // The user names it.
		if err != nil {
			return zendesk.Push{}, err
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxPushFile))
	if err != nil {
		return zendesk.Push{}, fmt.Errorf("read %s: %w", name, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var p zendesk.Push
	if err := decoder.Decode(&p); err != nil {
		return zendesk.Push{}, fmt.Errorf("read %s: not a push as JSON: %w", name, err)
	}
	return p, nil
}

func sayPushed(out page, results []zendesk.PushResult) error {
	failed := 0
	for _, r := range results {
		how := greenInk
		if !r.Imported() {
			how, failed = redInk, failed+1
		}
		out.raw(out.ink(how, string(r.Status.Code)), " ", out.ink(plainInk, r.ExternalResourceID+bracketed(r.Status.Description)))
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s not imported", failed, plural(len(results), "resource"))
	}
	return nil
}

func newZendeskValidateToken() *cobra.Command {
	var f zendeskFlags
	var request string
	cmd := &cobra.Command{
		Use: "validate-token [--config FILE] PUSH_ID [--request-id ID] [--json]", Short: "Ask whether the token is good for an integration",
		Long: `Ask whether the token of the configuration is good for the account of an Any Channel
integration: PUSH_ID is the instance_push_id that Zendesk gave the integration.`,
		Args: oneArgument("an instance_push_id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return useZendesk(cmd, f, func(ctx context.Context, c *zendesk.Client) (nothing, error) {
				return nothing{true}, c.ValidateToken(ctx, args[0], request)
			}, func(out page, _ nothing) error {
				out.say("token    good for %s", args[0])
				return nil
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&request, "request-id", "", "your own `ID` of the request")
	return cmd
}

func newZendeskReportError() *cobra.Command {
	var f zendeskFlags
	var failure zendesk.ChannelbackFailure
	cmd := &cobra.Command{
		Use: "report-error [--config FILE] PUSH_ID EXTERNAL_ID [--json]", Short: "Say that an agent's reply was not delivered",
		Long: `Say that an agent's reply which the integration had accepted was not delivered after
all: EXTERNAL_ID is what the integration answered the channelback with.`,
		Example: `  talkbridge zendesk report-error PUSH m9 --description 'not in service'`,
		Args:    exactly("an instance_push_id", "an external id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			failure.InstancePushID, failure.ExternalID = args[0], args[1]
			return useZendesk(cmd, f, func(ctx context.Context, c *zendesk.Client) (nothing, error) {
				return nothing{true}, c.ReportChannelbackError(ctx, failure)
			}, func(out page, _ nothing) error {
				out.say("reply    %s is marked as not delivered", failure.ExternalID)
				return nil
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&failure.Description, "description", "", "why, for people: `TEXT`")
	cmd.Flags().StringVar(&failure.RequestID, "request-id", "", "your own `ID` of the request")
	return cmd
}
