package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// simulatedPush is the integration that the simulated account has.
const simulatedPush = "simulated-push"

// simulateOptions are the flags of the command simulate-zendesk.
type simulateOptions struct {
	listen         string
	plan           string
	agents         int
	index, latency time.Duration
	channelback    string
}

func newSimulateZendesk() *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:   "simulate-zendesk [--listen ADDRESS] [--plan PLAN] [--agents N]",
		Short: "Run a simulated Zendesk alone",
		Long: `Run a simulated Zendesk alone, for trying a configuration or testing a program: the
API, with the limits of a plan and an index that lags, and pages that show what is
in the account and in each agent's browser. Everything is in memory and gone at the
end (Ctrl-C). It says what to write into the configuration.

PLAN is suite-team (without voice), suite-growth, suite-professional, enterprise,
enterprise-plus, trial or unlimited.

The pages ask for no password: listen on loopback.`,
		Example: `  talkbridge simulate-zendesk
  talkbridge simulate-zendesk --plan enterprise --index-delay 2m --latency 200ms`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			if err := o.run(cmd.Context(), cmd.OutOrStdout()); err != nil {
				return asExit(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&o.listen, "listen", demoAddress, "`ADDRESS` to listen on")
	cmd.Flags().StringVar(&o.plan, "plan", string(zendesktest.SuiteProfessional), "whose limits hold: `PLAN`")
	cmd.Flags().IntVar(&o.agents, "agents", 3, "how many agents there are, 1 to 100: `N`")
	cmd.Flags().DurationVar(&o.index, "index-delay", zendesktest.DefaultIndexDelay, "how far the search is behind")
	cmd.Flags().DurationVar(&o.latency, "latency", 0, "how long each answer takes")
	cmd.Flags().StringVar(&o.channelback, "channelback", "", "`URL` of an integration service that gets agents' replies")
	return cmd
}

func (o simulateOptions) validate() error {
	switch {
	case !zendesktest.Plan(o.plan).Valid():
		return fmt.Errorf("--plan %q: want suite-team, suite-growth, suite-professional, enterprise, enterprise-plus, trial or unlimited", o.plan)
	case o.agents < 1 || o.agents > 100:
		return fmt.Errorf("--agents %d: want 1 to 100", o.agents)
	case o.index < 0 || o.latency < 0:
		return errors.New("--index-delay and --latency: want 0 or more")
	}
	if _, _, err := net.SplitHostPort(o.listen); err != nil {
		return fmt.Errorf("--listen %q: want an address such as %s", o.listen, demoAddress)
	}
	return nil
}

// run serves until ctx ends.
func (o simulateOptions) run(ctx context.Context, out io.Writer) error {
	options := []zendesktest.Option{
		zendesktest.WithPlan(zendesktest.Plan(o.plan)), zendesktest.WithIndexDelay(o.index), zendesktest.WithLatency(o.latency),
		zendesktest.WithXHandles(zendesktest.XHandle{ID: 431, ScreenName: "@simulated", Name: "Simulated", TwitterUserID: 1}),
		zendesktest.WithInstances(zendesktest.Instance{PushID: simulatedPush, Name: "Simulated integration", ChannelbackURL: o.channelback}),
	}
	for i := range o.agents {
		options = append(options, zendesktest.WithAgents(zendesktest.User{
			Name: fmt.Sprintf("Agent %d", i+1), Email: fmt.Sprintf("agent%d@example.com", i+1),
		}))
	}
	server := zendesktest.New(options...)
	if err := server.Start(o.listen); err != nil {
		return fmt.Errorf("start the simulated Zendesk: %w", err)
	}
	defer server.Close()
	o.greet(newPage(out), server)
	<-ctx.Done()
	_, _ = fmt.Fprintf(out, "the end: %d tickets, %d calls, %d pages opened\n", len(server.Tickets()), len(server.Calls()), len(server.Pops()))
	return nil
}

// greet says where to look and what to write.
func (o simulateOptions) greet(out page, server *zendesktest.Server) {
	out.say("account  %s (%s)", server.URL(), o.plan)
	for _, a := range server.Agents() {
		out.say("agent    %s/agent/%d  %s <%s>", server.URL(), a.ID, a.Name, a.Email)
	}
	out.say("app      %d for call records, push id %s, X handle 431", zendesktest.DefaultAppID, simulatedPush)
	out.say("")
	out.say("zendesk:")
	out.say("  url: %s", server.URL())
	out.say("  oauth: {client_id: %s, client_secret: %s}", zendesktest.DefaultClientID, zendesktest.DefaultClientSecret)
	out.say("")
}
