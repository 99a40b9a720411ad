package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/zendesk"
)

// callTicket is what a ticket for a call is made of.
type callTicket struct {
	kind, from, to, subject, body, externalID string
	recording, started                        string
	duration                                  time.Duration
	requester, agent                          int64
}

var ticketKinds = map[string]zendesk.ViaID{
	"inbound": zendesk.ViaInbound, "outbound": zendesk.ViaOutbound, "voicemail": zendesk.ViaVoicemail,
}

func newZendeskTicket() *cobra.Command {
	var f zendeskFlags
	var t callTicket
	cmd := &cobra.Command{
		Use:   "ticket [--config FILE] --kind KIND --from NUMBER --to NUMBER [--json]",
		Short: "Create a ticket for a call",
		Long: `Create a ticket for a call, as the daemon does: KIND is inbound, outbound or
voicemail. With --body the ticket begins with that text as a private comment;
without it, with the call's data and a player.

Every success is a new ticket.`,
		Example: `  talkbridge zendesk ticket --kind inbound --from +15135557611 --to +15550100001
  talkbridge zendesk ticket --kind voicemail --from +15135557611 --to +15550100001 \
    --recording https://calls.example.com/1.mp3 --duration 40s`,
		Args:        noArguments,
		Annotations: map[string]string{writes: "a ticket"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := t.request()
			if err != nil {
				return err
			}
			return useZendesk(cmd, f, func(ctx context.Context, c *zendesk.Client) (zendesk.Ticket, error) {
				return c.CreateVoiceTicket(ctx, request)
			}, func(out page, made zendesk.Ticket) error {
				out.say("ticket   #%d %s, %s, %s", made.ID, made.Subject, made.Status, made.Via.Channel)
				if t.agent != 0 {
					out.say("page     opens at agent %d", t.agent)
				}
				return nil
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&t.kind, "kind", "", "`KIND` of call: inbound, outbound or voicemail")
	cmd.Flags().StringVar(&t.from, "from", "", "the `NUMBER` that called")
	cmd.Flags().StringVar(&t.to, "to", "", "the `NUMBER` that was called")
	cmd.Flags().StringVar(&t.subject, "subject", "", "subject; one with the numbers if left out")
	cmd.Flags().StringVar(&t.body, "body", "", "begin with this private `TEXT` instead of the call's data")
	cmd.Flags().StringVar(&t.externalID, "external-id", "", "`ID` of the call in another system")
	cmd.Flags().StringVar(&t.recording, "recording", "", "`URL` that the agent's browser can play")
	cmd.Flags().StringVar(&t.started, "started", "", "`TIME` when it began, such as 2026-03-01T09:14:57Z (default now)")
	cmd.Flags().DurationVar(&t.duration, "duration", 0, "how long it lasted")
	cmd.Flags().Int64Var(&t.requester, "requester", 0, "`ID` of the user who asks; the account's own if left out")
	cmd.Flags().Int64Var(&t.agent, "agent", 0, "open the ticket in the browser of the agent with this `ID`")
	return cmd
}

// request is the request that makes the ticket.
func (t callTicket) request() (zendesk.VoiceTicket, error) {
	via, known := ticketKinds[t.kind]
	switch {
	case !known:
		return zendesk.VoiceTicket{}, fmt.Errorf("--kind %q: want inbound, outbound or voicemail", t.kind)
	case t.from == "" || t.to == "":
		return zendesk.VoiceTicket{}, errors.New("ticket needs --from and --to: which numbers?")
	case t.duration < 0:
		return zendesk.VoiceTicket{}, fmt.Errorf("--duration %s: want 0 or more", t.duration)
	}
	started := time.Now()
	if t.started != "" {
		var err error
		if started, err = time.Parse(time.RFC3339, t.started); err != nil {
			return zendesk.VoiceTicket{}, fmt.Errorf("--started %q: want a time such as 2026-03-01T09:14:57Z", t.started)
		}
	}
	fields := zendesk.TicketFields{ViaID: via, ExternalID: t.externalID, Subject: t.subject, RequesterID: t.requester}
	if fields.Subject == "" {
		fields.Subject = fmt.Sprintf("Call from %s to %s", t.from, t.to)
	}
	if t.body != "" {
		fields.Comment = &zendesk.Comment{Body: t.body, Public: new(false)}
	}
	if t.body == "" || via == zendesk.ViaVoicemail {
		fields.VoiceComment = &zendesk.VoiceComment{
			From: t.from, To: t.to, RecordingURL: t.recording, StartedAt: started, CallDuration: t.duration, Public: new(false),
		}
	}
	return zendesk.VoiceTicket{Ticket: fields, DisplayToAgent: t.agent}, nil
}

func newZendeskDisplay() *cobra.Command {
	var f zendeskFlags
	var agent, ticket, user int64
	cmd := &cobra.Command{
		Use:   "display [--config FILE] --agent ID (--ticket N | --user ID) [--json]",
		Short: "Open a ticket or a user in an agent's browser",
		Long: `Open a ticket or a user in the browser of the agent with this Zendesk id. Accepted
means that Zendesk took it, not that anybody saw it. 'talkbridge pop' does the same
for an agent by name or extension, and explains.`,
		Example: `  talkbridge zendesk display --agent 9000000001 --ticket 12`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (ticket == 0) == (user == 0) {
				return errors.New("display needs one of --ticket and --user: which page?")
			}
			return useZendesk(cmd, f, func(ctx context.Context, c *zendesk.Client) (nothing, error) {
				if ticket != 0 {
					return nothing{true}, c.DisplayTicket(ctx, agent, ticket)
				}
				return nothing{true}, c.DisplayUser(ctx, agent, user)
			}, func(out page, _ nothing) error {
				out.say("page     accepted for agent %d", agent)
				return nil
			})
		},
	}
	f.add(cmd)
	cmd.Flags().Int64Var(&agent, "agent", 0, "Zendesk `ID` of the agent")
	cmd.Flags().Int64Var(&ticket, "ticket", 0, "show the ticket with this number `N`")
	cmd.Flags().Int64Var(&user, "user", 0, "show the user with this `ID`")
	return cmd
}
