package zendesktest

import (
	"fmt"
	"slices"
	"time"
)

// AgentStatus is a unified status of the account's own, beside the built-in 2 (offline) to 5 (transfers only).
type AgentStatus struct {
	ID   int64
	Name string
}

// AgentState is the status that an agent is in.
type AgentState struct {
	StatusID int64
	Name     string
	// Reason says who set it: PUBLIC_API for a program, AGENT_STATUS_SWITCHER for the agent; UNKNOWN at first.
	Reason string
	At     time.Time
}

var builtInStatuses = []struct {
	AgentStatus

	description string
}{
	{AgentStatus{2, "offline"}, "Can't receive work"},
	{AgentStatus{3, "online"}, "Can receive work"},
	{AgentStatus{4, "away"}, "Can only receive email tickets"},
	{AgentStatus{5, "transfers only"}, "Can only receive work from other agents"},
}

// statusName is the name of a status; false if there is none such.
func (a *account) statusName(id int64) (string, bool) {
	for _, s := range builtInStatuses {
		if s.ID == id {
			return s.Name, true
		}
	}
	i := slices.IndexFunc(a.cfg.statuses, func(s AgentStatus) bool { return s.ID == id })
	if i < 0 {
		return "", false
	}
	return a.cfg.statuses[i].Name, true
}

// AgentState returns the status of an agent; offline and UNKNOWN until somebody sets it.
func (s *Server) AgentState(agentID int64) AgentState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acct.agentState(agentID)
}

// SwitchAgentState is the agent who changes his own status. Error: there is no such agent, or no such status.
func (s *Server) SwitchAgentState(agentID, statusID int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acct.agent(agentID) == nil {
		return fmt.Errorf("switch status of user %d: he is no agent", agentID)
	}
	if !s.acct.setState(agentID, statusID, "AGENT_STATUS_SWITCHER") {
		return fmt.Errorf("switch status of agent %d: there is no status %d", agentID, statusID)
	}
	return nil
}

func (a *account) agentState(agentID int64) AgentState {
	if st, set := a.states[agentID]; set {
		return st
	}
	return AgentState{StatusID: 2, Name: "offline", Reason: "UNKNOWN", At: a.owner.CreatedAt}
}

func (a *account) setState(agentID, statusID int64, reason string) bool {
	name, known := a.statusName(statusID)
	if known {
		a.states[agentID] = AgentState{StatusID: statusID, Name: name, Reason: reason, At: a.clock.now()}
	}
	return known
}

// statusesPerPage are how many of the account's own statuses one page holds; Zendesk does not say how many it gives.
const statusesPerPage = 100

// listStatuses is GET /agent_availabilities/agent_statuses. The account's own come page by page, as the links say; the
// built-in ones on the first.
func (a *account) listStatuses(c *call) reply {
	builtIn, custom := []any{}, []any{}
	_, start, _ := cursorOf(c.query)
	start = min(max(start, 0), len(a.cfg.statuses))
	end := min(start+statusesPerPage, len(a.cfg.statuses))
	for _, s := range builtInStatuses[:builtInsAt(start)] {
		builtIn = append(builtIn, map[string]any{
			"id": s.ID, "type": "agent_status", "attributes": map[string]any{"name": s.Name, "description": s.description},
		})
	}
	for _, s := range a.cfg.statuses[start:end] {
		custom = append(custom, map[string]any{
			"id": s.ID, "type": "agent_status", "updated_at": stamp(a.owner.CreatedAt), "attributes": map[string]any{
				"name": s.Name, "description": nil, "group_ids": []int64{},
				"channels": map[string]any{"messaging": "away", "support": "online", "talk": "away"},
			},
		})
	}
	body := map[string]any{"default": builtIn, "custom": custom}
	cursorLinks(c, body, start, end, end < len(a.cfg.statuses))
	return ok(body)
}

// builtInsAt is how many of the built-in statuses stand on the page that begins there.
func builtInsAt(start int) int {
	if start > 0 {
		return 0
	}
	return len(builtInStatuses)
}

// availabilityJSON is what an agent is doing, in the form of JSON:API.
func (a *account) availabilityJSON(agentID int64) map[string]any {
	st := a.agentState(agentID)
	return map[string]any{
		"id": fmt.Sprintf("agent_availabilities|%d", agentID), "type": "agent_availabilities", "attributes": map[string]any{
			"agent_id": agentID, "group_ids": []int64{}, "skills": []any{}, "version": st.At.UnixMilli(),
			"agent_status": map[string]any{
				"id": st.StatusID, "name": st.Name, "reason": st.Reason, "updated_at": st.At.Format(time.RFC3339Nano),
			},
		},
	}
}

// listAvailabilities is GET /agent_availabilities, paged by cursor.
func (a *account) listAvailabilities(c *call) reply {
	var agents []*userRecord
	for _, u := range a.userOrder {
		if u.IsAgent() {
			agents = append(agents, u)
		}
	}
	return listing(c, "data", agents, func(u *userRecord) any { return a.availabilityJSON(u.ID) })
}

func (a *account) showAvailability(c *call) reply {
	if a.agent(c.params[0]) == nil {
		return notFound()
	}
	return ok(map[string]any{"data": a.availabilityJSON(c.params[0])})
}

// setAgentStatus is PUT /agent_availabilities/agent_statuses/agents/{id}. What is answered for a status that is not there
// is not documented: it is a 422 here. The answer names the status by id and name only.
func (a *account) setAgentStatus(c *call) reply {
	o, bad := c.decode()
	if bad != nil {
		return *bad
	}
	agentID := c.params[0]
	if a.agent(agentID) == nil {
		return notFound()
	}
	r := reader{o: o}
	id, _ := r.integer("id")
	if r.bad != nil {
		return *r.bad
	}
	if !a.setState(agentID, id, "PUBLIC_API") {
		return problems{"id": {{Description: fmt.Sprintf("Id: %d is not valid", id)}}}.reply()
	}
	c.committed = true
	return ok(map[string]any{
		"id": fmt.Sprintf("agent_availabilities|%d", agentID), "type": "agent_availabilities", "attributes": map[string]any{
			"agent_id": agentID, "agent_status": map[string]any{"id": id, "name": a.agentState(agentID).Name},
		},
	})
}
