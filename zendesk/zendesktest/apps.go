package zendesktest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"
)

// Notification is what an app in agents' browsers was told.
type Notification struct {
	// Seq counts from 1.
	Seq, AppID int64
	// Event is the word that the app listens for, after "api_notification.".
	Event string
	// Body is the JSON that was sent; it must not be changed.
	Body json.RawMessage
	// AgentID is zero for all agents.
	AgentID int64
	// SenderID is the user who sent it.
	SenderID int64
	At       time.Time
}

// Notifications returns the newest that apps were told, oldest first; see [Retention].Pops. Who subscribes is told of
// each with a [Change] of the kind ChangeNotification.
func (s *Server) Notifications() []Notification {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acct.notifications.all()
}

// notifyApp is POST /apps/notify. Zendesk documents no refusals: an app that is not installed and an agent who is none
// are 404 here.
func (a *account) notifyApp(c *call) reply {
	o, bad := c.decode()
	if bad != nil {
		return *bad
	}
	r := reader{o: o}
	appID, _ := r.integer("app_id")
	event, _ := r.text("event")
	agentID, _ := r.integer("agent_id")
	switch {
	case r.bad != nil:
		return *r.bad
	case event == "":
		return invalidAttribute("event", "present")
	case a.app(appID) == nil || agentID != 0 && a.agent(agentID) == nil:
		return notFound()
	}
	body, err := json.Marshal(o["body"])
	if err != nil {
		return invalidAttribute("body", "JSON")
	}
	a.lastNotification++
	a.notifications.add(Notification{
		Seq: a.lastNotification, AppID: appID, Event: event, Body: body, AgentID: agentID, SenderID: c.user.ID, At: c.now,
	})
	a.hub.publish(Change{Kind: ChangeNotification, AgentID: agentID, At: c.now})
	c.committed = true
	return bare(http.StatusOK)
}

// installationOffset is what the id of an installation is above that of its app: the two are easily mixed up.
const installationOffset = 500_000

// listInstallations is GET /apps/installations.
func (a *account) listInstallations(c *call) reply {
	return listing(c, "installations", a.cfg.apps, func(app App) any {
		return map[string]any{
			"id": app.ID + installationOffset, "app_id": app.ID, "product": "support", "enabled": !app.Disabled,
			"settings": map[string]any{"name": app.Name, "title": app.Name}, "created_at": stamp(a.owner.CreatedAt), "updated_at": stamp(a.owner.CreatedAt),
		}
	})
}

// UserField is a field that the account added to its users. Users may have values of others too: nothing checks that.
type UserField struct {
	Key string
	// Type is "text" if empty.
	Type string
	// Inactive fields are listed, and shown to nobody.
	Inactive bool
}

// listUserFields is GET /user_fields.
func (a *account) listUserFields(c *call) reply {
	i := 0
	return listing(c, "user_fields", a.cfg.userFields, func(f UserField) any {
		i++
		return map[string]any{
			"id": 7000 + i, "key": f.Key, "type": cmp.Or(f.Type, "text"), "title": f.Key, "raw_title": f.Key, "description": "", "position": i,
			"active": !f.Inactive, "regexp_for_validation": nil, "created_at": stamp(a.owner.CreatedAt), "updated_at": stamp(a.owner.CreatedAt),
		}
	})
}
