package screenpop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// resolvers is how many agents are asked for at a time.
const resolvers = 4

// ErrNoAgent says that Zendesk answered, and has no such active agent. Any other
// error of a Finder says nothing about the agent.
var ErrNoAgent = errors.New("zendesk has no active agent")

// Finder asks Zendesk for its agents. Its errors say in words what Zendesk
// answered; a user who is no active agent is one that is ErrNoAgent. It must be
// safe for concurrent use.
type Finder interface {
	// AgentByEmail returns the id and name of the active agent with that address.
	AgentByEmail(ctx context.Context, email string) (id int64, name string, err error)
	// AgentByID returns the name of the active agent with that id.
	AgentByID(ctx context.Context, id int64) (name string, err error)
}

// UnresolvedError says which agent Zendesk does not confirm, and why.
type UnresolvedError struct {
	// Agent is the entry as configured.
	Agent Agent
	// Err is what Zendesk, or the way to it, said.
	Err error
}

// Error names the agent, what was said and what to do.
func (e *UnresolvedError) Error() string {
	return fmt.Sprintf("agent %s (zendesk: %s): %v; no page opens for this agent until it is an active agent of the account: "+
		"check the entry under agents, and the user in Zendesk", e.Agent.Name, e.Agent.identity(), e.Err)
}

// Unwrap returns what Zendesk said.
func (e *UnresolvedError) Unwrap() error { return e.Err }

// Resolve asks Zendesk for every agent that is not verified yet in this run:
// email addresses become ids, and ids are checked to be active agents. It goes on
// after a failure and returns all of them joined, each an *UnresolvedError; the
// agents concerned stay unverified, or recalled unless the error is ErrNoAgent,
// and a later Resolve asks for them again. What was found counts at once.
func (d *Directory) Resolve(ctx context.Context, finder Finder) error {
	open := slices.DeleteFunc(d.Agents(), func(a Agent) bool { return a.verified && !a.recalled })
	next := make(chan int)
	errs := make([]error, len(open))
	var wg sync.WaitGroup
	for range min(resolvers, len(open)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = d.resolve(ctx, finder, open[i])
			}
		})
	}
	for i := range open {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}

func (d *Directory) resolve(ctx context.Context, finder Finder, a Agent) error {
	if err := ctx.Err(); err != nil {
		return &UnresolvedError{Agent: a, Err: context.Cause(ctx)}
	}
	id, err := a.ZendeskID, error(nil)
	if a.Email != "" {
		id, _, err = finder.AgentByEmail(ctx, a.Email)
	} else {
		_, err = finder.AgentByID(ctx, id)
	}
	if err == nil && id <= 0 {
		err = errors.New("zendesk gave no id")
	}
	gone := errors.Is(err, ErrNoAgent)
	if err == nil || gone {
		d.update(func(have *Agent) {
			switch {
			case !have.same(a):
			case gone:
				have.verified, have.recalled = false, false
			default:
				have.ZendeskID, have.verified, have.recalled = id, true, false
			}
		})
	}
	if err != nil {
		return &UnresolvedError{Agent: a, Err: err}
	}
	return nil
}

// Recall takes those for verified whom an earlier run had verified, as Verified
// returned them, until Zendesk says otherwise: who restarts while Zendesk does not
// answer knows its agents all the same. Resolve asks for them again.
func (d *Directory) Recall(ids map[string]int64) {
	d.update(func(have *Agent) {
		if id := ids[have.identity()]; id > 0 && !have.verified {
			have.ZendeskID, have.verified, have.recalled = id, true, true
		}
	})
}

// Verified returns the ids of the agents that are verified, for a later Recall.
func (d *Directory) Verified() map[string]int64 {
	ids := make(map[string]int64)
	for _, a := range d.current.Load().agents {
		if a.verified {
			ids[a.identity()] = a.ZendeskID
		}
	}
	return ids
}

// Unverify notes that Zendesk no longer takes id for an agent, so that the
// next Resolve asks for it again.
func (d *Directory) Unverify(id int64) {
	d.update(func(have *Agent) {
		if have.ZendeskID == id {
			have.verified, have.recalled = false, false
		}
	})
}

// update replaces the snapshot by one in which change was applied to every
// agent. The indexes do not depend on what changes here.
func (d *Directory) update(change func(*Agent)) {
	d.writing.Lock()
	defer d.writing.Unlock()
	s := *d.current.Load()
	s.agents = slices.Clone(s.agents)
	for i := range s.agents {
		change(&s.agents[i])
	}
	d.current.Store(&s)
}
