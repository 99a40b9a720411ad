package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/zendesk"
)

// newZendeskX returns the commands of the X channel.
func newZendeskX() *cobra.Command {
	cmd := group("x", "Use the X channel", `Use the channel of X (formerly Twitter): which handles the account watches, a ticket
from a post, and what was done with posts.`)
	cmd.AddCommand(newXHandles(), newXHandle(), newXTicket(), newXStatuses())
	return tidy(cmd)
}

func sayHandle(out page, h zendesk.XHandle) {
	out.say("%-20d%s%s", h.ID, h.ScreenName, bracketed(h.Name))
}

func newXHandles() *cobra.Command {
	var f zendeskFlags
	cmd := &cobra.Command{
		Use: "handles [--config FILE] [--json]", Short: "List the handles that the account watches", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return useZendesk(cmd, f, func(ctx context.Context, c *zendesk.Client) ([]zendesk.XHandle, error) {
				return c.ListXHandles(ctx)
			}, func(out page, handles []zendesk.XHandle) error {
				for _, h := range handles {
					sayHandle(out, h)
				}
				if len(handles) == 0 {
					out.say("the account watches no handle")
				}
				return nil
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newXHandle() *cobra.Command {
	var f zendeskFlags
	cmd := &cobra.Command{
		Use: "handle [--config FILE] ID [--json]", Short: "Show one handle", Args: oneArgument("the id of a handle"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := idArgument("handle", args[0])
			if err != nil {
				return err
			}
			return useZendesk(cmd, f, func(ctx context.Context, c *zendesk.Client) (zendesk.XHandle, error) {
				return c.GetXHandle(ctx, id)
			}, func(out page, h zendesk.XHandle) error {
				sayHandle(out, h)
				return nil
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newXTicket() *cobra.Command {
	var f zendeskFlags
	var post zendesk.XPost
	cmd := &cobra.Command{
		Use: "ticket [--config FILE] --post ID --handle ID [--json]", Short: "Create a ticket from a post",
		Long: "Create a ticket from a post. Zendesk does not say which ticket it became.",
		Args: noArguments, Annotations: map[string]string{writes: "a ticket"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if post.PostID <= 0 || post.HandleID <= 0 {
				return errors.New("ticket needs --post and --handle, both above 0")
			}
			return useZendesk(cmd, f, func(ctx context.Context, c *zendesk.Client) (nothing, error) {
				return nothing{true}, c.CreateTicketFromPost(ctx, post)
			}, func(out page, _ nothing) error {
				out.say("ticket   made of post %d", post.PostID)
				return nil
			})
		},
	}
	f.add(cmd)
	cmd.Flags().Int64Var(&post.PostID, "post", 0, "`ID` of the post on X")
	cmd.Flags().Int64Var(&post.HandleID, "handle", 0, "`ID` of the handle, see 'x handles'")
	return cmd
}

func newXStatuses() *cobra.Command {
	var f zendeskFlags
	cmd := &cobra.Command{
		Use: "statuses [--config FILE] COMMENT [ONLY ...] [--json]", Short: "Say what was done with the posts of a ticket",
		Long: `Say what was done on X with the posts of the ticket that the comment with this id
stands on: of all of them, or of those of the comments ONLY.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("statuses needs the id of a comment")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ids := make([]int64, 0, len(args))
			for _, arg := range args {
				id, err := idArgument("comment", arg)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			return useZendesk(cmd, f, func(ctx context.Context, c *zendesk.Client) ([]zendesk.XStatus, error) {
				return c.XStatuses(ctx, ids[0], ids[1:]...)
			}, func(out page, statuses []zendesk.XStatus) error {
				for _, s := range statuses {
					out.say("%-20dliked %t, reposted %t, followed %t", s.ID, s.Favorited, s.Retweeted, s.UserFollowed)
				}
				return nil
			})
		},
	}
	f.add(cmd)
	return cmd
}
