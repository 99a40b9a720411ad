package zendesk

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// The statuses that every account has. An account's own have ids above 100 or so, see [Client.AgentStatuses].
const (
	StatusOffline       int64 = 2
	StatusOnline        int64 = 3
	StatusAway          int64 = 4
	StatusTransfersOnly int64 = 5
)

// StatusReason says who set an agent's status. Zendesk may send others than those named here.
type StatusReason string

// Some of the reasons.
const (
	// ReasonPublicAPI: a program.
	ReasonPublicAPI StatusReason = "PUBLIC_API"
	// ReasonSwitcher: the agent.
	ReasonSwitcher     StatusReason = "AGENT_STATUS_SWITCHER"
	ReasonLogout       StatusReason = "AGENT_LOGOUT"
	ReasonIdle         StatusReason = "AGENT_IDLE_TIMEOUT"
	ReasonDisconnected StatusReason = "AGENT_DISCONNECTED"
)

// AgentStatus is a unified status that agents of the account can be in.
type AgentStatus struct {
	ID          int64
	Name        string
	Description string
	// Channels is what it means for each channel, such as "talk": "away"; nil for the built-in ones.
	Channels map[string]string
	// GroupIDs are the groups that may use it; empty for all.
	GroupIDs []int64
	// Custom is true for a status that the account made.
	Custom bool
}

// UnmarshalJSON implements [json.Unmarshaler]: it reads the JSON:API form that Zendesk sends.
func (s *AgentStatus) UnmarshalJSON(data []byte) error {
	var wire struct {
		ID         int64 `json:"id"`
		Attributes struct {
			Name        string            `json:"name"`
			Description string            `json:"description"`
			Channels    map[string]string `json:"channels"`
			GroupIDs    []int64           `json:"group_ids"`
		} `json:"attributes"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	a := wire.Attributes
	*s = AgentStatus{ID: wire.ID, Name: a.Name, Description: a.Description, Channels: a.Channels, GroupIDs: a.GroupIDs}
	return nil
}

// AgentAvailability is what an agent is doing.
type AgentAvailability struct {
	AgentID int64
	// Status is the unified status; its ID is zero where the account has no omnichannel routing.
	Status   CurrentStatus
	GroupIDs []int64
}

// CurrentStatus is the status that an agent is in.
type CurrentStatus struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	// Reason says who set it; empty in the answer of [Client.SetAgentStatus].
	Reason    StatusReason `json:"reason"`
	UpdatedAt time.Time    `json:"updated_at"`
}

func (a AgentAvailability) lacks() string {
	if a.AgentID == 0 {
		return "attributes.agent_id"
	}
	return ""
}

// UnmarshalJSON implements [json.Unmarshaler]: it reads the JSON:API form that Zendesk sends, inside "data" or by itself.
func (a *AgentAvailability) UnmarshalJSON(data []byte) error {
	type attributes struct {
		AgentID  int64         `json:"agent_id"`
		Status   CurrentStatus `json:"agent_status"`
		GroupIDs []int64       `json:"group_ids"`
	}
	var wire struct {
		Attributes attributes `json:"attributes"`
		Data       struct {
			Attributes attributes `json:"attributes"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	got := wire.Attributes
	if got.AgentID == 0 {
		got = wire.Data.Attributes
	}
	*a = AgentAvailability(got)
	return nil
}

// allStatuses is one page of them: {"default": […], "custom": […], "links": {"next": …}, "meta": {…}}.
type allStatuses struct {
	Default []AgentStatus `json:"default"`
	Custom  []AgentStatus `json:"custom"`
	Links   struct {
		Next string `json:"next"`
	} `json:"links"`
	Meta struct {
		HasMore *bool `json:"has_more"`
	} `json:"meta"`
}

// next is the cursor of the next page, empty after the last.
func (a allStatuses) next() string {
	link, err := url.Parse(a.Links.Next)
	if err != nil || a.Meta.HasMore != nil && !*a.Meta.HasMore {
		return ""
	}
	return link.Query().Get("page[after]")
}

func (a allStatuses) lacks() string {
	if a.Default == nil && a.Custom == nil {
		return "default"
	}
	return ""
}

// Agents ranges over the agents and admins of the account, fetching page after page; deleted ones are not among them,
// suspended ones are (see [User.WorkingAgent]). It reads the data and not the search index. An error is yielded once, as
// the last pair.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/users/users/#list-users
//
//api:operation GET /api/v2/users
func (c *Client) Agents(ctx context.Context) iter.Seq2[User, error] {
	op := operation{"Agents", http.MethodGet, "/api/v2/users"}
	return each[User](ctx, c, call{op: op, query: url.Values{"role[]": {RoleAgent, RoleAdmin}}}, "users")
}

// AgentStatuses returns the statuses that agents can be in: the built-in ones, then those that the account made. It fetches
// page after page, as their links say, and ends at the one that brings nothing new. Needs an admin.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/agent-availability/unified-agent-status-api/unified_agent_statuses/#get-unified-agent-statuses
//
//api:operation GET /api/v2/agent_availabilities/agent_statuses
func (c *Client) AgentStatuses(ctx context.Context) ([]AgentStatus, error) {
	op := operation{"AgentStatuses", http.MethodGet, "/api/v2/agent_availabilities/agent_statuses"}
	var builtIn, custom []AgentStatus
	seen := map[int64]bool{}
	for cl := (call{op: op}); ; {
		got, err := one[allStatuses](ctx, c, cl, "")
		if err != nil {
			return nil, err
		}
		before := len(seen)
		for _, s := range got.Default { // Each page may hold them.
			if !seen[s.ID] {
				builtIn, seen[s.ID] = append(builtIn, s), true
			}
		}
		for _, s := range got.Custom {
			if s.Custom = true; !seen[s.ID] {
				custom, seen[s.ID] = append(custom, s), true
			}
		}
		after := got.next()
		if after == "" || len(seen) == before {
			return append(builtIn, custom...), nil
		}
		cl.query = url.Values{"page[after]": {after}}
	}
}

// AgentAvailability returns what an agent is doing. Needs an admin. Zendesk takes 200 requests a minute.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/agent-availability/agent-availability-api/agent_availabilities/#show-agent-availability
//
//api:operation GET /api/v2/agent_availabilities/{agent_id}
func (c *Client) AgentAvailability(ctx context.Context, agentID int64) (AgentAvailability, error) {
	op := operation{"AgentAvailability", http.MethodGet, "/api/v2/agent_availabilities/{agent_id}"}
	return one[AgentAvailability](ctx, c, call{op: op, ids: []int64{agentID}}, "")
}

// AgentAvailabilities ranges over what the agents are doing, fetching page after page. An error is yielded once, as the
// last pair.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/agent-availability/agent-availability-api/agent_availabilities/#list-agent-availabilities
//
//api:operation GET /api/v2/agent_availabilities
func (c *Client) AgentAvailabilities(ctx context.Context) iter.Seq2[AgentAvailability, error] {
	op := operation{"AgentAvailabilities", http.MethodGet, "/api/v2/agent_availabilities"}
	return each[AgentAvailability](ctx, c, call{op: op}, "data")
}

// SetAgentStatus puts an agent into a status, and returns what he is in then. Before setting it back after a call, read
// it: if Reason is no longer ReasonPublicAPI or UpdatedAt is later, somebody changed it meanwhile and it is not yours to
// change.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/agent-availability/unified-agent-status-api/unified_agent_statuses/#update-an-agents-unified-status
//
//api:operation PUT /api/v2/agent_availabilities/agent_statuses/agents/{agent_id}
func (c *Client) SetAgentStatus(ctx context.Context, agentID, statusID int64) (AgentAvailability, error) {
	op := operation{"SetAgentStatus", http.MethodPut, "/api/v2/agent_availabilities/agent_statuses/agents/{agent_id}"}
	in := input{op: op}
	if in.id("id", statusID); in.err != nil {
		return AgentAvailability{}, in.err
	}
	return one[AgentAvailability](ctx, c, call{op: op, ids: []int64{agentID}, body: wrap{"id": statusID}}, "")
}
