package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/presence"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/zendesk"
)

// openPresence makes what keeps agents' statuses and phones in agreement, where it
// is configured.
func (d *daemon) openPresence(context.Context) error {
	cfg := d.cfg.AgentStatus
	if cfg == nil {
		return nil
	}
	queues, err := d.openQueues(*cfg)
	if err != nil {
		return err
	}
	d.presence, err = presence.New(presence.Options{
		Wishes: statusWishes(*cfg), Desk: d.client, Journal: d.journal, Directory: d.directory,
		Queues: queues, Turn: d.lease, Poll: cfg.Poll, Log: d.log, Metrics: d.registry,
	})
	return err
}

func statusWishes(cfg config.AgentStatus) presence.Wishes {
	return presence.Wishes{OnCall: cfg.OnCall, Paused: cfg.Paused, PauseOn: cfg.PauseOn}
}

// pausesPhones reports whether pauses in queues have to do with statuses.
func pausesPhones(cfg *config.AgentStatus) bool {
	return cfg != nil && (cfg.Paused != "" || len(cfg.PauseOn) > 0)
}

// openQueues are those of the phone systems, where pauses are of interest.
func (d *daemon) openQueues(cfg config.AgentStatus) ([]presence.Queues, error) {
	var all []presence.Queues
	for i, s := range d.cfg.Sources {
		if s.Asterisk == nil || !pausesPhones(&cfg) {
			continue
		}
		settings, err := asteriskConfig(d.cfg.Site, s)
		if err != nil {
			return nil, fmt.Errorf("sources[%d]: %w", i, err)
		}
		members, err := asterisk.NewMembers(settings, cfg.Poll, d.log.WithField("source", s.Name))
		if err != nil {
			return nil, fmt.Errorf("sources[%d]: %w", i, err)
		}
		all = append(all, asteriskQueues{members, s.Name})
	}
	return all, nil
}

// runPresence works until ctx is over. Calls do not depend on it: what fails is told.
func (d *daemon) runPresence(ctx context.Context) {
	if d.presence == nil {
		return
	}
	if err := d.presence.Run(ctx); err != nil && ctx.Err() == nil {
		d.log.WithError(err).Error("agents' statuses are not kept any more: restart")
	}
}

// asteriskQueues are the queues of an Asterisk.
type asteriskQueues struct {
	members *asterisk.Members
	name    string
}

var _ presence.Queues = asteriskQueues{}

// Name implements presence.Queues.
func (q asteriskQueues) Name() string { return q.name }

// Follow implements presence.Queues.
func (q asteriskQueues) Follow(ctx context.Context, hear func(presence.Update)) error {
	return q.members.Run(ctx, func(e asterisk.MembersEvent) {
		u := presence.Update{Complete: e.Complete, Gone: e.Gone, Members: make([]presence.Member, 0, len(e.Members))}
		for _, m := range e.Members {
			u.Members = append(u.Members, presence.Member{Queue: m.Queue, Phone: m.Interface, Device: m.StateInterface, Paused: m.Paused})
		}
		hear(u)
	})
}

// Pause implements presence.Queues. Who has left his queues meanwhile is in none.
func (q asteriskQueues) Pause(ctx context.Context, phone string, paused bool) error {
	err := q.members.Pause(ctx, phone, paused, "zendesk status")
	if errors.Is(err, asterisk.ErrNotMember) {
		return nil
	}
	return err
}

// statusWithin bounds what doctor asks of statuses.
const statusWithin = 20 * time.Second

// agentStatus looks whether the account has the statuses that are configured.
func (d *doctoring) agentStatus(ctx context.Context) []symptom {
	cfg := d.cfg.AgentStatus
	if cfg == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	f := symptom{Area: "agent status", Check: "statuses", Verdict: failure}
	all, err := d.client.AgentStatuses(ctx)
	refused, answered := errors.AsType[*zendesk.Error](err)
	switch missing := statusWishes(*cfg).Missing(all); {
	case answered:
		f.Text = fmt.Sprintf("Zendesk answers %d to a question for the agent statuses", refused.Status)
		f.Remedy = "the user of the credentials must be an admin, and omnichannel routing on (Admin Center, Objects and rules); or take agent_status out"
	case err != nil:
		f.Text, f.Remedy = reason(err), "see zendesk above"
	case len(missing) > 0:
		f.Text = fmt.Sprintf("the account has no agent status %q", missing)
		f.Remedy = "one of " + statusNames(all) + ", or make it: Admin Center, People, Configuration, Agent statuses"
	default:
		f.Verdict, f.Text = fine, fmt.Sprintf("%d statuses in the account, those of agent_status among them", len(all))
	}
	return []symptom{f}
}

func statusNames(all []zendesk.AgentStatus) string {
	names := make([]string, 0, len(all))
	for _, s := range all {
		names = append(names, s.Name)
	}
	return fmt.Sprintf("%q", names)
}
