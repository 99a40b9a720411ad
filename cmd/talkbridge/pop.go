package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/screenpop"
)

// popQuery asks for one page.
type popQuery struct {
	Agent  string `json:"agent"`
	Ticket int64  `json:"ticket,omitzero"`
	User   int64  `json:"user,omitzero"`
	DryRun bool   `json:"dry_run,omitzero"`
}

// popAnswer says whose browser was meant, and what came of it.
type popAnswer struct {
	// Mapping says how the agent was found, Policy when calls open which page.
	Mapping   string             `json:"mapping"`
	Policy    string             `json:"policy"`
	Agent     string             `json:"agent"`
	AgentID   int64              `json:"agent_id"`
	Confirmed bool               `json:"confirmed"`
	DryRun    bool               `json:"dry_run,omitzero"`
	Outcome   *screenpop.Outcome `json:"outcome,omitzero"`
}

var popQuestion = question[popQuery, popAnswer]{"/v1/pop", answerPop}

func newPop() *cobra.Command {
	var path string
	var q popQuery
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pop [--config FILE] --agent AGENT (--ticket N | --user N) [--dry-run] [--json]",
		Short: "Open a page in an agent's browser",
		Long: `Open a ticket or a user in an agent's browser, as a call does, and say how long
it took. Before that, say how the agent was found and what the policy does.

AGENT is a name of the configuration, an extension, a channel, a number, or a
numeric Zendesk id. Accepted means that Zendesk took it: the page opens only where
the agent is signed in to Zendesk with a browser.`,
		Example: `  talkbridge pop --agent Ana --ticket 12
  talkbridge pop --agent 1001 --user 9000000001 --dry-run`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := q.validate(); err != nil {
				return err
			}
			return operate(cmd, path, asJSON, popQuestion, q, func(out page, a popAnswer, _ bool) error { return printPop(out, a, q) })
		},
	}
	operatorFlags(cmd, &path, &asJSON)
	cmd.Flags().StringVar(&q.Agent, "agent", "", "whose browser: the `AGENT`, see above")
	cmd.Flags().Int64Var(&q.Ticket, "ticket", 0, "show the ticket with this number `N`")
	cmd.Flags().Int64Var(&q.User, "user", 0, "show the user with this id `N`")
	cmd.Flags().BoolVar(&q.DryRun, "dry-run", false, "only explain")
	return cmd
}

func (q popQuery) validate() error {
	switch {
	case strings.TrimSpace(q.Agent) == "":
		return errors.New("pop needs --agent: whose browser?")
	case q.Ticket < 0 || q.User < 0:
		return errors.New("--ticket and --user: want a number above 0")
	case (q.Ticket == 0) == (q.User == 0):
		return errors.New("pop needs one of --ticket and --user: which page?")
	}
	return nil
}

func answerPop(ctx context.Context, d *desk, q popQuery) (popAnswer, error) {
	if err := q.validate(); err != nil {
		return popAnswer{}, err
	}
	agent, how, err := d.agent(ctx, q.Agent)
	if err != nil {
		return popAnswer{}, err
	}
	a := popAnswer{
		Mapping: how, Policy: popWords(d.policy.Pop), Agent: agent.Name, AgentID: agent.ZendeskID,
		Confirmed: agent.Verified(), DryRun: q.DryRun,
	}
	if q.DryRun {
		return a, nil
	}
	deliverer := screenpop.NewDeliverer(d.client, nil, nil)
	out := deliverer.Deliver(ctx, screenpop.Pop{
		Agent: agent.ZendeskID, Ticket: q.Ticket, User: q.User, Since: time.Now(), Deadline: d.policy.Pop.Deadline,
	})
	a.Outcome = &out
	return a, nil
}

// agent finds whom a person means, and says how: by name, by phone, by id.
func (d *desk) agent(ctx context.Context, who string) (screenpop.Agent, string, error) {
	found, how := d.lookAgent(who)
	if how == "" {
		id, err := strconv.ParseInt(who, 10, 64)
		if err != nil || id <= 0 {
			return screenpop.Agent{}, "", fmt.Errorf("no agent %q: want a name, an extension, a channel or a number under agents, or a numeric Zendesk id; "+
				"there are %s", who, d.agentNames())
		}
		return screenpop.Agent{Name: "user " + who, ZendeskID: id}, "a Zendesk id that no agent of the configuration has", nil
	}
	if found.Verified() {
		return found, how, nil
	}
	err := d.directory.Resolve(ctx, only{agentFinder{d.client}, found}) // the others are not asked for
	if found, _ = d.lookAgent(who); found.ZendeskID != 0 {
		return found, how, nil
	}
	for _, err := range split(err) {
		if unresolved, is := errors.AsType[*screenpop.UnresolvedError](err); is && unresolved.Agent.Name == found.Name {
			return found, "", unresolved
		}
	}
	return found, how, nil
}

// lookAgent finds an agent of the configuration, and says how.
func (d *desk) lookAgent(who string) (screenpop.Agent, string) {
	for _, a := range d.directory.Agents() {
		if strings.EqualFold(a.Name, who) {
			return a, "the name under agents"
		}
	}
	if a, found := d.directory.Lookup(who); found {
		return a, fmt.Sprintf("%s answers there (numbers: %s)", a.Name, strings.Join(a.Numbers, ", "))
	}
	for _, a := range d.directory.Agents() {
		if a.ZendeskID != 0 && strconv.FormatInt(a.ZendeskID, 10) == who || a.Email != "" && strings.EqualFold(a.Email, who) {
			return a, "the Zendesk user of " + a.Name
		}
	}
	return screenpop.Agent{}, ""
}

func (d *desk) agentNames() string {
	var names []string
	for _, a := range d.directory.Agents() {
		names = append(names, a.Name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// only asks Zendesk for one agent and leaves the others as they are.
type only struct {
	agentFinder

	agent screenpop.Agent
}

var errNotAsked = errors.New("not asked for")

// AgentByEmail implements screenpop.Finder.
func (f only) AgentByEmail(ctx context.Context, email string) (int64, string, error) {
	if email != f.agent.Email {
		return 0, "", errNotAsked
	}
	return f.agentFinder.AgentByEmail(ctx, email)
}

// AgentByID implements screenpop.Finder.
func (f only) AgentByID(ctx context.Context, id int64) (string, error) {
	if id != f.agent.ZendeskID || f.agent.Email != "" {
		return "", errNotAsked
	}
	return f.agentFinder.AgentByID(ctx, id)
}

// popWords says what a policy does.
func popWords(p screenpop.Policy) string {
	page := "the call's ticket, or the caller while there is none"
	switch p.Open {
	case screenpop.OpenUser:
		page = "the caller's profile"
	case screenpop.OpenTicketOrUser:
		page = "the caller's newest open ticket, else his profile"
	case screenpop.OpenTicket:
	}
	when := "when an agent answers"
	if p.On == screenpop.OnRinging {
		when = "when one agent's phone rings, else when he answers"
		if p.RingGroups {
			when = "when an agent's phone rings"
		}
	}
	return fmt.Sprintf("calls open %s %s, within %s", page, when, p.Within())
}

func printPop(out page, a popAnswer, q popQuery) error {
	what := fmt.Sprintf("ticket #%d", q.Ticket)
	if q.User != 0 {
		what = fmt.Sprintf("user %d", q.User)
	}
	confirmed := "confirmed by Zendesk"
	if !a.Confirmed {
		confirmed = "not confirmed by Zendesk"
	}
	out.say("agent    %s: %s", q.Agent, a.Mapping)
	out.say("zendesk  user %d, %s", a.AgentID, confirmed)
	out.say("policy   %s", a.Policy)
	if a.Outcome == nil {
		out.say("page     %s would open at %s", what, a.Agent)
		return nil
	}
	took := fmt.Sprintf("%s after %.0f ms, %s", a.Outcome.Result, float64(a.Outcome.Latency.Microseconds())/1000, plural(a.Outcome.Attempts, "request"))
	if a.Outcome.Result == screenpop.Accepted {
		out.raw("page     ", out.ink(plainInk, what+" at "+a.Agent+": "), out.ink(greenInk, took))
		return nil
	}
	out.raw("page     ", out.ink(plainInk, what+" at "+a.Agent+": "), out.ink(redInk, took))
	return &exitError{exitRun, fmt.Errorf("the page did not open: %s; %s", safeLine(a.Outcome.Err), popRemedy(a.Outcome))}
}

func popRemedy(o *screenpop.Outcome) string {
	if strings.Contains(o.Err, "404") {
		return "is the agent's id right, and the page there? (both give 404)"
	}
	return "'talkbridge doctor' looks at the account"
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
