package zendesk

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strings"
)

// AppNotification is a request of [Client.NotifyApp].
type AppNotification struct {
	// AppID is the app's id; it must be installed in the account. Mandatory.
	AppID int64 `json:"app_id"`
	// Event is the word that the app listens for, after "api_notification."; mandatory.
	Event string `json:"event"`
	// Body is any JSON; the app gets it as it is. Nil is sent as null.
	Body json.RawMessage `json:"body"`
	// AgentID is in whose browser the app is told; zero for all agents.
	AgentID int64 `json:"agent_id,omitzero"`
}

// NotifyApp tells an app that runs in agents' browsers something: its handler of "api_notification.<event>" is called.
// Success means that Zendesk took it, not that a browser was open.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/apps/apps/#send-notification-to-app
//
//api:operation POST /api/v2/apps/notify
func (c *Client) NotifyApp(ctx context.Context, n AppNotification) error {
	op := operation{"NotifyApp", http.MethodPost, "/api/v2/apps/notify"}
	in := input{op: op}
	in.id("app_id", n.AppID)
	if n.Event == "" || strings.ContainsFunc(n.Event, func(r rune) bool { return r <= ' ' || r > '~' }) {
		in.refuse("event", "want a word of printable ASCII")
	}
	if n.AgentID < 0 {
		in.refuse("agent_id", "want a positive id, or zero for all agents")
	}
	if in.err != nil {
		return in.err
	}
	return c.do(ctx, call{op: op, body: n}, nil)
}

// AppInstallation is an app in an account.
type AppInstallation struct {
	// ID is that of the installation; what the other calls want is AppID.
	ID    int64 `json:"id"`
	AppID int64 `json:"app_id"`
	// Enabled is false for an app that an admin switched off.
	Enabled  bool `json:"enabled"`
	Settings struct {
		// Title is what the account calls the app, Name what its maker does; either may be empty.
		Title string `json:"title"`
		Name  string `json:"name"`
	} `json:"settings"`
}

// AppInstallations ranges over the apps that are installed in the account, fetching page after page where Zendesk gives
// pages. An error is yielded once, as the last pair.
//
// Zendesk docs: https://developer.zendesk.com/api-reference/ticketing/apps/apps/#list-app-installations
//
//api:operation GET /api/v2/apps/installations
func (c *Client) AppInstallations(ctx context.Context) iter.Seq2[AppInstallation, error] {
	op := operation{"AppInstallations", http.MethodGet, "/api/v2/apps/installations"}
	return each[AppInstallation](ctx, c, call{op: op}, "installations")
}
