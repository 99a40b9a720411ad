package zendesktest

// operation is one API operation.
type operation struct {
	method, pattern string
	run             func(*account, *call) reply
	resource        string // for scopes such as tickets:read
	voice           bool   // needs Talk Partner Edition
	open            bool   // asks for no credentials
	anonymous       bool   // answers without credentials as nobody
	admin           bool   // needs an admin
	update          bool   // counts as an update of the ticket in the path
	limit           string // the name of its own limit
}

const handlesPath = "/api/v2/channels/twitter/monitored_twitter_handles"

var operations = []operation{
	{method: "POST", pattern: "/oauth/tokens", run: (*account).mintToken, open: true},
	{method: "GET", pattern: "/oauth/authorizations/new", run: (*account).authorize, open: true},
	{method: "GET", pattern: "/api/v2/oauth/tokens", run: (*account).listTokens, admin: true},
	{method: "GET", pattern: "/api/v2/oauth/tokens/current", run: (*account).showToken},
	{method: "DELETE", pattern: "/api/v2/oauth/tokens/current", run: (*account).revokeCurrentToken},
	{method: "DELETE", pattern: "/api/v2/oauth/tokens/{id}", run: (*account).revokeToken},
	{method: "GET", pattern: "/api/v2/users/me", run: (*account).showMe, resource: "users", anonymous: true},

	{method: "POST", pattern: "/api/v2/channels/voice/tickets", run: (*account).createVoiceTicket, voice: true},
	{
		method: "POST", pattern: "/api/v2/channels/voice/agents/{id}/tickets/{id}/display",
		run: (*account).displayTicket, voice: true,
	},
	{
		method: "POST", pattern: "/api/v2/channels/voice/agents/{id}/users/{id}/display",
		run: (*account).displayUser, voice: true,
	},

	{method: "POST", pattern: "/api/v2/calls", run: (*account).createCall, voice: true},
	{method: "GET", pattern: "/api/v2/calls/{id}", run: (*account).showCall, voice: true},
	{method: "PATCH", pattern: "/api/v2/calls/{id}", run: (*account).updateCall, voice: true},
	{method: "POST", pattern: "/api/v2/calls/{id}/comments", run: (*account).addCallComment, voice: true},

	{method: "POST", pattern: "/api/v2/apps/notify", run: (*account).notifyApp, resource: "apps"},
	{method: "GET", pattern: "/api/v2/apps/installations", run: (*account).listInstallations, resource: "apps"},
	{method: "POST", pattern: appCheckPath, run: (*account).validateApp, resource: "apps"},

	{method: "GET", pattern: "/api/v2/agent_availabilities", run: (*account).listAvailabilities, admin: true, limit: limitAvailability},
	{
		method: "GET", pattern: "/api/v2/agent_availabilities/agent_statuses",
		run: (*account).listStatuses, admin: true, limit: limitAvailability,
	},
	{
		method: "GET", pattern: "/api/v2/agent_availabilities/{id}",
		run: (*account).showAvailability, admin: true, limit: limitAvailability,
	},
	{
		method: "PUT", pattern: "/api/v2/agent_availabilities/agent_statuses/agents/{id}",
		run: (*account).setAgentStatus, admin: true, limit: limitAvailability,
	},

	{method: "GET", pattern: handlesPath, run: (*account).listHandles},
	{method: "GET", pattern: handlesPath + "/{id}", run: (*account).showHandle},
	{method: "POST", pattern: "/api/v2/channels/twitter/tickets", run: (*account).ticketFromPost},
	{method: "GET", pattern: "/api/v2/channels/twitter/tickets/{id}/statuses", run: (*account).postStatuses},

	{method: "POST", pattern: "/api/v2/any_channel/push", run: (*account).push, resource: "any_channel", admin: true},
	{method: "POST", pattern: "/api/v2/any_channel/validate_token", run: (*account).validateToken, resource: "any_channel", admin: true},
	{
		method: "POST", pattern: "/api/v2/any_channel/channelback/report_error",
		run: (*account).reportError, resource: "any_channel", admin: true,
	},

	{method: "GET", pattern: "/api/v2/tickets", run: (*account).listTickets, resource: "tickets", limit: limitTicketList},
	{method: "POST", pattern: "/api/v2/tickets", run: (*account).createTicket, resource: "tickets"},
	{method: "GET", pattern: "/api/v2/tickets/{id}", run: (*account).showTicket, resource: "tickets"},
	{method: "PUT", pattern: "/api/v2/tickets/{id}", run: (*account).updateTicket, resource: "tickets", update: true},
	{method: "DELETE", pattern: "/api/v2/tickets/{id}", run: (*account).deleteTicket, resource: "tickets"},
	{method: "GET", pattern: "/api/v2/tickets/{id}/tags", run: (*account).listTags, resource: "tickets"},
	{method: "PUT", pattern: "/api/v2/tickets/{id}/tags", run: (*account).addTags, resource: "tickets", update: true},
	{method: "DELETE", pattern: "/api/v2/tickets/{id}/tags", run: (*account).removeTags, resource: "tickets", update: true},
	{method: "GET", pattern: "/api/v2/tickets/{id}/audits", run: (*account).listAudits, limit: limitAudits},
	{method: "GET", pattern: "/api/v2/tickets/{id}/comments", run: (*account).listComments, resource: "tickets"},

	{method: "POST", pattern: uploadsPath, run: (*account).upload},

	{method: "GET", pattern: "/api/v2/search", run: (*account).search, limit: limitSearch},
	{method: "GET", pattern: "/api/v2/users/search", run: (*account).searchUsers, resource: "users", limit: limitSearch},
	{method: "GET", pattern: "/api/v2/users/show_many", run: (*account).showManyUsers, resource: "users"},
	{method: "GET", pattern: "/api/v2/user_fields", run: (*account).listUserFields, resource: "users"},
	{method: "GET", pattern: "/api/v2/users", run: (*account).listUsers, resource: "users"},
	{method: "POST", pattern: "/api/v2/users", run: (*account).createUser, resource: "users"},
	{method: "POST", pattern: "/api/v2/users/create_or_update", run: (*account).createOrUpdateUser, resource: "users"},
	{method: "GET", pattern: "/api/v2/users/{id}", run: (*account).showUser, resource: "users"},
	{
		method: "GET", pattern: "/api/v2/users/{id}/tickets/requested", run: (*account).listRequested, resource: "tickets",
	},
	{method: "GET", pattern: "/api/v2/users/{id}/identities", run: (*account).listIdentities, resource: "users"},
	{method: "POST", pattern: "/api/v2/users/{id}/identities", run: (*account).createIdentity, resource: "users"},
	{method: "DELETE", pattern: "/api/v2/users/{id}/identities/{id}", run: (*account).deleteIdentity, resource: "users"},
	{method: "PUT", pattern: "/api/v2/users/{id}", run: (*account).updateUser, resource: "users"},
}
