package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
)

// agentsFile is where the daemon keeps which agents Zendesk has confirmed, in
// journal.dir. It is nothing but a memory: without it they are asked for.
const agentsFile = "agents.json"

// confirmedAgents is what it holds.
type confirmedAgents struct {
	// Account is whose agents they are: ids of one account mean nothing to another.
	Account string `json:"account"`
	// Agents are their ids by what the configuration says of who they are.
	Agents map[string]int64 `json:"agents"`
}

// recallAgents takes those for confirmed who were when the daemon ran last: it may
// be restarted while Zendesk does not answer, and the calls of that time are to
// have their agents when it does.
func (d *daemon) recallAgents() {
	var kept confirmedAgents
	data, err := os.ReadFile(filepath.Join(d.cfg.Journal.Dir, agentsFile))
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		d.log.WithError(err).Warn("agents confirmed before not remembered, they are asked for")
	case kept.Account == d.cfg.Zendesk.URL:
		d.directory.Recall(kept.Agents)
		d.remembered = d.directory.Verified()
	}
}

// rememberAgents keeps who is confirmed, if that has changed.
func (d *daemon) rememberAgents() {
	verified := d.directory.Verified()
	if maps.Equal(verified, d.remembered) {
		return
	}
	if err := writeAgents(filepath.Join(d.cfg.Journal.Dir, agentsFile), confirmedAgents{d.cfg.Zendesk.URL, verified}); err != nil {
		d.log.WithError(err).Warn("confirmed agents not written down, a restart must ask for them")
		return
	}
	d.remembered = verified
}

// writeAgents replaces the file as a whole.
func writeAgents(path string, agents confirmedAgents) error {
	data, err := json.Marshal(agents)
	if err != nil {
		return fmt.Errorf("write agents: %w", err)
	}
	if err := os.WriteFile(path+".tmp", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write agents: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("write agents: %w", err)
	}
	return nil
}
