package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/zendesk"
)

// The waits between two attempts to confirm agents that Zendesk did not: they
// double up to the one that fits.
const (
	firstResolveWait = 2 * time.Second
	accountWait      = 30 * time.Second // the account does not answer
	agentWait        = 5 * time.Minute  // it does not know an agent
)

// trouble is why an agent, or with an empty name the whole account, is not
// confirmed.
type trouble struct {
	agent string
	err   error
}

// resolveAgents confirms the agents with Zendesk, again and again until all
// are. What is wrong is logged when it changes, not each time.
func (d *daemon) resolveAgents(ctx context.Context) {
	wait, said := firstResolveWait, make(map[string]string)
	for {
		troubles := confirmAgents(ctx, d.client, d.directory, d.explainZendesk)
		if ctx.Err() != nil {
			return
		}
		d.troubles.Store(&troubles)
		d.rememberAgents()
		said = d.tellTroubles(troubles, said)
		var again <-chan time.Time
		if len(troubles) > 0 {
			again = time.After(wait)
			longest := agentWait
			if troubles[0].agent == "" {
				longest = accountWait
			}
			wait = min(2*wait, longest)
		} else {
			wait = firstResolveWait
		}
		select {
		case <-ctx.Done():
			return
		case <-again:
		case <-d.resolve:
		}
	}
}

// tellTroubles logs what was not said before, and returns what has been said.
func (d *daemon) tellTroubles(troubles []trouble, said map[string]string) map[string]string {
	saying := make(map[string]string, len(troubles))
	for _, t := range troubles {
		text := t.err.Error()
		saying[t.agent] = text
		switch {
		case said[t.agent] == text:
		case t.agent == "":
			d.log.WithError(t.err).Error("zendesk does not work, asked again")
		default:
			d.log.WithError(t.err).WithField("agent", t.agent).Error("agent not confirmed by Zendesk, asked again")
		}
	}
	if len(troubles) == 0 {
		d.log.WithField("agents", len(d.directory.Agents())).Info("agents confirmed")
	}
	return saying
}

// confirmAgents asks the account who we are, then for every agent that is not
// confirmed. An account that does not work is one trouble, not one an agent.
func confirmAgents(ctx context.Context, client *zendesk.Client, directory *screenpop.Directory, explain func(error) error) []trouble {
	me, err := client.Me(ctx)
	switch {
	case err != nil && !mayNotAsk(err):
		return []trouble{{err: explain(err)}}
	case err == nil && !me.WorkingAgent():
		return []trouble{{err: fmt.Errorf("zendesk: the credentials belong to user %d, who is no active agent (role %s); "+
			"give the credentials of one, or make this user one", me.ID, me.Role)}}
	}
	err = directory.Resolve(ctx, agentFinder{client})
	if err == nil {
		return nil
	}
	var troubles []trouble
	for _, err := range split(err) {
		t := trouble{err: err}
		if unresolved, found := errors.AsType[*screenpop.UnresolvedError](err); found {
			t.agent = unresolved.Agent.Name
		}
		troubles = append(troubles, t)
	}
	return troubles
}

// mayNotAsk reports that the account is there, but the credentials may not ask
// who they are: a narrow scope.
func mayNotAsk(err error) bool {
	refused, found := errors.AsType[*zendesk.Error](err)
	return found && refused.Status == http.StatusForbidden
}

// split is what errors.Join joined.
func split(err error) []error {
	if joined, found := err.(interface{ Unwrap() []error }); found {
		return joined.Unwrap()
	}
	return []error{err}
}

func (d *daemon) explainZendesk(err error) error {
	explanation, _ := explainZendesk(d.cfg.Zendesk, err)
	return explanation
}

// unconfirmed says what stands between the agents and their pages.
func (d *daemon) unconfirmed() []string {
	troubles := d.troubles.Load()
	if troubles == nil {
		return []string{"zendesk: not asked yet"}
	}
	var texts []string
	for _, t := range *troubles {
		texts = append(texts, t.err.Error())
	}
	return texts
}
