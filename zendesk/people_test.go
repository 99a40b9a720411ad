package zendesk_test

import (
	"context"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

func peopleEndpoints() []endpoint {
	identity := zendesk.UserIdentity{ID: 3, UserID: 7, Type: zendesk.IdentityPhone, Value: "+15135557611", Primary: true, CreatedAt: day}
	const identityJSON = `{"id":3,"user_id":7,"type":"phone_number","value":"+15135557611","primary":true,"created_at":"2026-03-01T09:14:57Z"}`
	const one = `"meta":{"has_more":false,"after_cursor":null}`
	return []endpoint{
		{
			name: "CreateOrUpdateUser", method: "POST", path: "/api/v2/users/create_or_update", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.CreateOrUpdateUser(ctx, zendesk.NewUser{Name: "Ana", ExternalID: "tel:+15135557611"})
			},
			body: `{"user":{"name":"Ana","external_id":"tel:+15135557611"}}`, status: 200, answer: `{"user":{"id":7,"name":"Ana"}}`,
			want: zendesk.User{ID: 7, Name: "Ana"},
		},
		{
			name: "UserIdentities", method: "GET", path: "/api/v2/users/7/identities", query: url.Values{"page[size]": {"100"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return collect(c.UserIdentities(ctx, 7)) },
			status: 200, answer: `{"identities":[` + identityJSON + `],` + one + `}`, want: []zendesk.UserIdentity{identity},
		},
		{
			name: "AddIdentity", method: "POST", path: "/api/v2/users/7/identities", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.AddIdentity(ctx, 7, zendesk.NewIdentity{Type: zendesk.IdentityPhone, Value: "+15135557611", Verified: true, SkipVerifyEmail: true})
			},
			body:   `{"identity":{"type":"phone_number","value":"+15135557611","verified":true,"skip_verify_email":true}}`,
			status: 201, answer: `{"identity":` + identityJSON + `}`, want: identity,
		},
		{
			name: "RemoveIdentity", method: "DELETE", path: "/api/v2/users/7/identities/3", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return nil, c.RemoveIdentity(ctx, 7, 3) },
			status: 204,
		},
		{
			name: "Agents", method: "GET", path: "/api/v2/users", query: url.Values{"page[size]": {"100"}, "role[]": {"agent", "admin"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return collect(c.Agents(ctx)) },
			status: 200, answer: `{"users":[{"id":7,"role":"agent"}],` + one + `}`, want: []zendesk.User{{ID: 7, Role: "agent"}},
		},
	}
}

func availabilityEndpoints() []endpoint {
	changed := time.Date(2022, 6, 21, 10, 23, 25, 583732000, time.UTC)
	ana := zendesk.AgentAvailability{
		AgentID: 28, GroupIDs: []int64{1},
		Status: zendesk.CurrentStatus{ID: 3, Name: "online", Reason: "A_NEW_REASON", UpdatedAt: changed},
	}
	const anaJSON = `{"id":"agent_availabilities|28","type":"agent_availabilities","attributes":{"agent_id":28,"group_ids":[1],"version":5,
		"agent_status":{"id":3,"name":"online","reason":"A_NEW_REASON","updated_at":"2022-06-21T10:23:25.583732Z"}}}`
	installed := zendesk.AppInstallation{ID: 82, AppID: 42, Enabled: true}
	installed.Settings.Name, installed.Settings.Title = "Test App", "Calls"
	return []endpoint{
		{
			name: "AgentStatuses", method: "GET", path: "/api/v2/agent_availabilities/agent_statuses",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.AgentStatuses(ctx) },
			status: 200,
			answer: `{"default":[{"attributes":{"description":"Can receive work","name":"online"},"id":3,"type":"agent_status"}],
				"custom":[{"attributes":{"channels":{"messaging":"away","talk":"away"},"group_ids":[5],"name":"In a meeting"},"id":123,"type":"agent_status"}],
				"links":{},"meta":{}}`,
			want: []zendesk.AgentStatus{
				{ID: zendesk.StatusOnline, Name: "online", Description: "Can receive work"},
				{ID: 123, Name: "In a meeting", Custom: true, Channels: map[string]string{"messaging": "away", "talk": "away"}, GroupIDs: []int64{5}},
			},
		},
		{
			name: "AgentAvailability", method: "GET", path: "/api/v2/agent_availabilities/28",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.AgentAvailability(ctx, 28) },
			status: 200, answer: `{"data":` + anaJSON + `}`, want: ana,
		},
		{
			name: "AgentAvailabilities", method: "GET", path: "/api/v2/agent_availabilities", query: url.Values{"page[size]": {"100"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return collect(c.AgentAvailabilities(ctx)) },
			status: 200, answer: `{"data":[` + anaJSON + `],"meta":{"has_more":false}}`, want: []zendesk.AgentAvailability{ana},
		},
		{
			name: "SetAgentStatus", method: "PUT", path: "/api/v2/agent_availabilities/agent_statuses/agents/28", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return c.SetAgentStatus(ctx, 28, zendesk.StatusAway)
			},
			body: `{"id":4}`, status: 200,
			answer: `{"id":"agent_availabilities|28","type":"agent_availabilities","attributes":{"agent_id":28,"agent_status":{"id":4,"name":"away"}}}`,
			want:   zendesk.AgentAvailability{AgentID: 28, Status: zendesk.CurrentStatus{ID: 4, Name: "away"}},
		},
		{
			name: "CurrentToken", method: "GET", path: "/api/v2/oauth/tokens/current",
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return c.CurrentToken(ctx) },
			status: 200, answer: `{"token":{"id":5,"client_id":41,"user_id":28,"scopes":["read","write"],"token":"0123456789","expires_at":null}}`,
			want: zendesk.OAuthToken{ID: 5, ClientID: 41, UserID: 28, Scopes: []string{"read", "write"}},
		},
		{
			name: "OAuthTokens", method: "GET", path: "/api/v2/oauth/tokens", query: url.Values{"page[size]": {"100"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return collect(c.OAuthTokens(ctx)) },
			status: 200, answer: `{"tokens":[{"id":5,"client_id":41,"user_id":28,"scopes":["read"],"token":"0123456789"}],"meta":{"has_more":false}}`,
			want: []zendesk.OAuthToken{{ID: 5, ClientID: 41, UserID: 28, Scopes: []string{"read"}}},
		},
		{
			name: "RevokeToken", method: "DELETE", path: "/api/v2/oauth/tokens/5", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return nil, c.RevokeToken(ctx, 5) }, status: 204,
		},
		{
			name: "RevokeCurrentToken", method: "DELETE", path: "/api/v2/oauth/tokens/current", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return nil, c.RevokeCurrentToken(ctx) }, status: 204,
		},
		{
			name: "AppInstallations", method: "GET", path: "/api/v2/apps/installations", query: url.Values{"page[size]": {"100"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return collect(c.AppInstallations(ctx)) },
			status: 200, answer: `{"installations":[{"id":82,"app_id":42,"enabled":true,"product":"support","settings":{"name":"Test App","title":"Calls"}}]}`,
			want: []zendesk.AppInstallation{installed},
		},
		{
			name: "UserFields", method: "GET", path: "/api/v2/user_fields", query: url.Values{"page[size]": {"100"}},
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) { return collect(c.UserFields(ctx)) },
			status: 200, answer: `{"user_fields":[{"id":7,"key":"more_numbers","type":"text","title":"More numbers","active":true,"position":9999}],"meta":{"has_more":false}}`,
			want: []zendesk.UserField{{ID: 7, Key: "more_numbers", Type: "text", Title: "More numbers", Active: true}},
		},
		{
			name: "NotifyApp", method: "POST", path: "/api/v2/apps/notify", write: true,
			invoke: func(ctx context.Context, c *zendesk.Client) (any, error) {
				return nil, c.NotifyApp(ctx, zendesk.AppNotification{AppID: 1001, Event: "ringing", Body: json.RawMessage(`{"from":"+15135557611"}`), AgentID: 28})
			},
			body: `{"app_id":1001,"event":"ringing","body":{"from":"+15135557611"},"agent_id":28}`, status: 200,
		},
	}
}

func TestBadPeople(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		field string
		do    func(ctx context.Context, c *zendesk.Client) error
	}{
		{"user.name", func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.CreateOrUpdateUser(ctx, zendesk.NewUser{ExternalID: "x"})
			return err
		}},
		{"user.external_id", func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.CreateOrUpdateUser(ctx, zendesk.NewUser{Name: "Ana", Phone: "+15135557611"})
			return err
		}},
		{"identity.value", func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.AddIdentity(ctx, 7, zendesk.NewIdentity{Type: "phone_number"})
			return err
		}},
		{"identity.type", func(ctx context.Context, c *zendesk.Client) error {
			_, err := c.AddIdentity(ctx, 7, zendesk.NewIdentity{Value: "1"})
			return err
		}},
		{"user_identity_id", func(ctx context.Context, c *zendesk.Client) error { return c.RemoveIdentity(ctx, 7, 0) }},
		{"id", func(ctx context.Context, c *zendesk.Client) error { _, err := c.SetAgentStatus(ctx, 7, 0); return err }},
		{"agent_id", func(ctx context.Context, c *zendesk.Client) error { _, err := c.AgentAvailability(ctx, 0); return err }},
		{"app_id", func(ctx context.Context, c *zendesk.Client) error {
			return c.NotifyApp(ctx, zendesk.AppNotification{Event: "x"})
		}},
		{"event", func(ctx context.Context, c *zendesk.Client) error {
			return c.NotifyApp(ctx, zendesk.AppNotification{AppID: 1, Event: "two words"})
		}},
		{"agent_id", func(ctx context.Context, c *zendesk.Client) error {
			return c.NotifyApp(ctx, zendesk.AppNotification{AppID: 1, Event: "x", AgentID: -1})
		}},
		{"body", func(ctx context.Context, c *zendesk.Client) error {
			return c.NotifyApp(ctx, zendesk.AppNotification{AppID: 1, Event: "x", Body: json.RawMessage(`{`)})
		}},
	} {
		c := serve(t, nil)
		var bad *zendesk.InputError
		require.ErrorAs(t, tt.do(t.Context(), c), &bad, tt.field)
		require.Equal(t, tt.field, bad.Field)
	}
}
