package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/zendesk"
)

// impossibleTicket is a ticket that no account has. Showing it asks whether the
// account takes voice requests at all, and opens nothing: Zendesk documents 404
// for an id that is not valid, with an empty body as observed; an account
// without Talk Partner Edition refuses before that. With which status is not
// documented: 403, or 404 with words.
const impossibleTicket = 1<<53 - 1

// zendeskDoctor looks at the account.
type zendeskDoctor struct {
	*doctoring

	found []symptom
}

func (d *doctoring) zendesk(ctx context.Context) []symptom {
	z := zendeskDoctor{doctoring: d}
	me, ok := z.credentials(ctx)
	if !ok {
		return z.found
	}
	z.limits()
	z.agents(ctx)
	z.talkPartner(ctx, me)
	z.callRecords(ctx)
	z.numberField(ctx)
	z.testPop(ctx, me)
	return z.found
}

func (z *zendeskDoctor) add(check string, v severity, text, remedy string) {
	z.found = append(z.found, symptom{"zendesk", check, v, text, remedy})
}

// credentials asks who we are. What follows makes no sense without an answer.
func (z *zendeskDoctor) credentials(ctx context.Context) (zendesk.User, bool) {
	begun := time.Now()
	me, err := z.client.Me(ctx)
	if err != nil && !mayNotAsk(err) {
		explanation, _ := explainZendesk(z.cfg.Zendesk, err)
		z.add("credentials", failure, explanation.Error(), "")
		return me, false
	}
	if err != nil {
		z.add("credentials", warning, "they may not ask who they are: a narrow scope", "zendesk.oauth.scope: read write")
		return me, true
	}
	z.add("credentials", fine, fmt.Sprintf("%s, answered in %s", z.client.BaseURL(), took(time.Since(begun))), "")
	if me.WorkingAgent() {
		z.add("role", fine, fmt.Sprintf("tickets are made by %s (user %d, %s)", me.Name, me.ID, me.Role), "")
	} else {
		z.add("role", failure, fmt.Sprintf("the credentials belong to user %d, who is no active agent (role %s)", me.ID, me.Role),
			"give the credentials of an agent or admin, or make this user one")
	}
	if z.cfg.Zendesk.APIToken != nil {
		z.add("sign-in", warning, "API tokens stop on 30 April 2027", "a confidential OAuth client, and zendesk.oauth instead of zendesk.api_token")
	}
	return me, true
}

// limits reads the plan from what the account says of its limits.
func (z *zendeskDoctor) limits() {
	account := z.client.RateLimit().Account
	if !account.Known || account.Limit == 0 {
		z.add("limits", note, "the account says nothing of its limits", "")
		return
	}
	text := fmt.Sprintf("%d requests a minute for all programs of the account%s, %d left now", account.Limit, planWords(account.Limit), account.Remaining)
	if account.Remaining*10 < account.Limit {
		z.add("limits", warning, text, "another program uses them up: find it, or take a larger plan")
		return
	}
	z.add("limits", fine, text, "")
}

// planWords is which plans have a limit, by Zendesk's page on rate limits.
func planWords(limit int) string {
	words := map[int]string{
		200: "Team: it has no Talk Partner Edition", 400: "Growth or Professional", 700: "Enterprise", 2500: "Enterprise Plus, or the High Volume add-on",
	}
	return bracketed(words[limit])
}

// agents asks for each of them.
func (z *zendeskDoctor) agents(ctx context.Context) {
	unresolved := make(map[string]error)
	if err := z.directory.Resolve(ctx, agentFinder{z.client}); err != nil {
		for _, err := range split(err) {
			if u, is := errors.AsType[*screenpop.UnresolvedError](err); is {
				unresolved[u.Agent.Name] = u.Err
			}
		}
	}
	roles := z.roles(ctx)
	for _, a := range z.directory.Agents() {
		if err, bad := unresolved[a.Name]; bad {
			z.add("agent", failure, fmt.Sprintf("%s: %v", a.Name, err), "check the entry under agents, and the user in Zendesk: no page opens for this agent")
			continue
		}
		z.add("agent", fine, fmt.Sprintf("%s: user %d, %s", a.Name, a.ZendeskID, cmp.Or(roles[a.ZendeskID], "active")), "")
	}
	if len(z.directory.Agents()) == 0 {
		z.add("agent", warning, "there are none: no page opens for anybody", "name them under agents")
	}
}

// roles are those of the confirmed agents. Zendesk tells of a hundred at a time.
func (z *zendeskDoctor) roles(ctx context.Context) map[int64]string {
	var ids []int64
	for _, a := range z.directory.Agents() {
		if a.Verified() {
			ids = append(ids, a.ZendeskID)
		}
	}
	roles := make(map[int64]string)
	for some := range slices.Chunk(ids, 100) {
		users, err := z.client.UsersByIDs(ctx, some...)
		if err != nil {
			return roles // what is not known is not said
		}
		for _, u := range users {
			roles[u.ID] = u.Role
		}
	}
	return roles
}

// talkPartner asks whether the account takes voice requests: see
// impossibleTicket.
func (z *zendeskDoctor) talkPartner(ctx context.Context, me zendesk.User) {
	agent := me.ID
	for _, a := range z.directory.Agents() {
		if a.Verified() {
			agent = a.ZendeskID
			break
		}
	}
	const check, enable = "voice", "Talk Partner Edition needs Suite Growth or higher, or its own licence for each agent"
	err := z.client.DisplayTicket(ctx, agent, impossibleTicket)
	refused, is := errors.AsType[*zendesk.Error](err)
	switch {
	case err == nil:
		z.add(check, warning, "the account accepts a ticket that cannot be: is it Zendesk?", "")
	case is && refused.IsNotFound() && refused.Code == "" && refused.Description == "":
		z.add(check, fine, "the account takes voice requests (Talk Partner Edition)", "")
	case is && refused.IsNotFound():
		z.add(check, failure, fmt.Sprintf("the account refuses voice requests with 404 (%s)", cmp.Or(refused.Description, refused.Code)), enable+"; --pop-agent makes sure")
	case is && refused.Status == http.StatusForbidden:
		z.add(check, failure, fmt.Sprintf("the account refuses voice requests with 403 (%s): no ticket can be made", cmp.Or(refused.Description, refused.Code)), enable+"; an OAuth client needs the scopes read and write")
	default:
		explanation, _ := explainZendesk(z.cfg.Zendesk, err)
		z.add(check, failure, explanation.Error(), "")
	}
}

// testPop opens our own profile at an agent.
func (z *zendeskDoctor) testPop(ctx context.Context, me zendesk.User) {
	if z.options.popAgent == "" {
		return
	}
	d := &desk{cfg: z.cfg, client: z.client, directory: z.directory, policy: newPolicy(z.cfg, z.directory)}
	if me.ID == 0 {
		z.add("test page", note, "there is nobody to show", "")
		return
	}
	a, err := answerPop(ctx, d, popQuery{Agent: z.options.popAgent, User: me.ID})
	switch {
	case err != nil:
		z.add("test page", failure, err.Error(), "")
	case a.Outcome.Result == screenpop.Accepted:
		z.add("test page", fine, fmt.Sprintf("zendesk took it in %s; %s sees the profile of %s, if signed in with a browser", took(a.Outcome.Latency), a.Agent, me.Name), "")
	default:
		z.add("test page", failure, fmt.Sprintf("%s: %s", a.Outcome.Result, a.Outcome.Err), popRemedy(a.Outcome))
	}
}
