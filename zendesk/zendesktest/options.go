package zendesktest

import (
	"net/http"
	"time"
)

// Plan is a Zendesk plan; it decides the account's request limit and whether voice operations are offered.
type Plan string

// The plans of the simulator. The figures are Zendesk's of 2026 (developer.zendesk.com, "Rate limits").
const (
	// SuiteTeam allows 200 requests a minute and has no Talk Partner Edition: voice operations are refused.
	SuiteTeam Plan = "suite-team"
	// SuiteGrowth and SuiteProfessional allow 400 requests a minute.
	SuiteGrowth       Plan = "suite-growth"
	SuiteProfessional Plan = "suite-professional"
	// Enterprise allows 700 requests a minute.
	Enterprise Plan = "enterprise"
	// EnterprisePlus allows 2,500 requests a minute, and with its add-on 300 ticket updates a minute.
	EnterprisePlus Plan = "enterprise-plus"
	// Trial is a trial of Suite Professional: 20 ticket updates per ten minutes and ticket, as sandboxes have.
	Trial Plan = "trial"
	// Unlimited has no limit at all; for measuring the client, never for proving that it is polite.
	Unlimited Plan = "unlimited"
)

// Limits are the rate limits of an account. Zero means no limit.
type Limits struct {
	// Requests is per minute and account.
	Requests int
	// Updates is ticket updates (fields or tags) per minute and account.
	Updates int
	// TicketUpdates is updates per ten minutes by one user to one ticket.
	TicketUpdates int
	// TicketList, Search and Audits are per minute and account, for listing tickets, searching and listing audits.
	TicketList, Search, Audits int
	// Availability is requests for agents' availability and status per minute.
	Availability int
	// UserUpserts is create-or-update and update requests for users per second and account.
	UserUpserts int
	// UserUpdates is the same per minute and target user.
	UserUpdates int
}

// Limits returns the limits of the plan; all zero for Unlimited and for a plan that is not known.
func (p Plan) Limits() Limits {
	l := Limits{
		Updates: 100, TicketUpdates: 30, TicketList: 100, Search: 2500, Audits: 500, UserUpserts: 1,
		UserUpdates: 5, Availability: 200,
	}
	switch p {
	case SuiteTeam:
		l.Requests = 200
	case SuiteGrowth, SuiteProfessional:
		l.Requests = 400
	case Enterprise:
		l.Requests = 700
	case EnterprisePlus:
		l.Requests, l.Updates = 2500, 300
	case Trial:
		l.Requests, l.TicketUpdates = 400, 20
	case Unlimited:
		return Limits{}
	default:
		return Limits{}
	}
	return l
}

// Valid reports whether p is one of the plans of this package.
func (p Plan) Valid() bool { return p == Unlimited || p.Limits() != Limits{} }

// Retention bounds what the server keeps in memory; the oldest goes first. Zero fields take the default.
type Retention struct {
	// Tickets (default 50,000) and Users (default 50,000): what is dropped answers 404 from then on.
	Tickets, Users int
	// Pops (default 10,000; as many notifications of apps) and Requests (default 10,000) are for inspection only.
	Pops, Requests int
}

// Defaults of a server that no option changes.
const (
	DefaultIndexDelay   = time.Minute
	DefaultClientID     = "talkbridge"
	DefaultClientSecret = "simulated-secret"
	DefaultEmail        = "owner@example.com"
	DefaultAPIToken     = "simulated-token"

	defaultTokenLife = 2 * time.Hour
	maxBodyBytes     = 1 << 20
	maxLoggedBody    = 16 << 10
)

type config struct {
	limits        Limits
	voice         bool
	voiceRefusal  int
	now           func() time.Time
	indexDelay    time.Duration
	latency       time.Duration
	clients       map[string]string
	tokens        map[string]string
	tokenCutoff   time.Time
	agents        []User
	handles       []XHandle
	instances     []Instance
	apps          []App
	statuses      []AgentStatus
	userFields    []UserField
	keep          Retention
	pace          float64
	seed          uint64
	spec          *Spec
	validatePhone bool
	choices       choices
}

func defaultConfig() config {
	return config{
		choices: defaultChoices(),
		apps:    []App{{ID: DefaultAppID, Name: "talkbridge"}},
		limits:  SuiteProfessional.Limits(), voice: true, voiceRefusal: http.StatusForbidden, indexDelay: DefaultIndexDelay,
		clients: map[string]string{}, tokens: map[string]string{}, seed: 1, pace: 1,
		keep: Retention{Tickets: 50_000, Users: 50_000, Pops: 10_000, Requests: 10_000},
	}
}

// Option changes a [Server] before it is made.
type Option func(*config)

// WithPlan sets limits and features of a plan. Default: SuiteProfessional.
func WithPlan(p Plan) Option {
	return func(c *config) { c.limits, c.voice = p.Limits(), p != SuiteTeam }
}

// WithLimits sets single limits; it wins over a plan given before it.
func WithLimits(l Limits) Option { return func(c *config) { c.limits = l } }

// WithPace makes the windows of all limits pass n times as fast, Retry-After with them: a minute's budget is for a
// minute divided by n. Whole seconds stay the least that Retry-After says. Default: 1; n below 1 is 1.
func WithPace(n float64) Option { return func(c *config) { c.pace = max(n, 1) } }

// WithVoiceRefusal sets the status with which voice operations are refused where the plan lacks them: 403
// (the default) or 404; Zendesk documents neither.
func WithVoiceRefusal(status int) Option { return func(c *config) { c.voiceRefusal = status } }

// WithNow sets the clock that [Server.Advance] adds to, for example one that stands still. Default: time.Now.
func WithNow(now func() time.Time) Option { return func(c *config) { c.now = now } }

// WithIndexDelay sets how long search does not see a change. Default: DefaultIndexDelay. Zero: it sees all at once.
func WithIndexDelay(d time.Duration) Option { return func(c *config) { c.indexDelay = max(d, 0) } }

// WithLatency makes every API answer take d of real time; a cancelled request stops waiting. Default: none.
func WithLatency(d time.Duration) Option { return func(c *config) { c.latency = max(d, 0) } }

// WithOAuthClient registers an OAuth client; it acts as the account's owner. One without a secret is public: it can only use
// the authorization code flow, with PKCE. May be given several times.
// With neither this nor WithAPIToken the server knows DefaultClientID and DefaultEmail with their secrets.
func WithOAuthClient(id, secret string) Option { return func(c *config) { c.clients[id] = secret } }

// WithAPIToken registers an API token and makes an admin of that email if no user has it. As in Zendesk the token
// works with the email of every user.
func WithAPIToken(email, token string) Option { return func(c *config) { c.tokens[token] = email } }

// WithAPITokenCutoff refuses API tokens from t on. Default: never; Zendesk has announced 30 April 2027.
func WithAPITokenCutoff(t time.Time) Option { return func(c *config) { c.tokenCutoff = t } }

// WithAgents adds agents as [Server.AddAgent] does; New panics if two of them clash.
func WithAgents(agents ...User) Option {
	return func(c *config) { c.agents = append(c.agents, agents...) }
}

// WithXHandles adds accounts on X that the account watches. Default: none.
func WithXHandles(handles ...XHandle) Option {
	return func(c *config) { c.handles = append(c.handles, handles...) }
}

// WithInstances adds accounts of Any Channel integrations. Default: none.
func WithInstances(instances ...Instance) Option {
	return func(c *config) { c.instances = append(c.instances, instances...) }
}

// WithApps says which apps are installed: the Calls API and the notifications want one. Default: DefaultAppID.
func WithApps(apps ...App) Option { return func(c *config) { c.apps = apps } }

// WithAgentStatuses adds statuses that the account made for its agents; their ids must be above 5. Default: none.
func WithAgentStatuses(statuses ...AgentStatus) Option {
	return func(c *config) { c.statuses = append(c.statuses, statuses...) }
}

// WithUserFields adds fields that the account added to its users. Default: none.
func WithUserFields(fields ...UserField) Option {
	return func(c *config) { c.userFields = append(c.userFields, fields...) }
}

// WithRetention bounds what is kept in memory; zero fields keep their defaults.
func WithRetention(r Retention) Option {
	return func(c *config) {
		set := func(dst *int, v int) {
			if v > 0 {
				*dst = v
			}
		}
		set(&c.keep.Tickets, r.Tickets)
		set(&c.keep.Users, r.Users)
		set(&c.keep.Pops, r.Pops)
		set(&c.keep.Requests, r.Requests)
	}
}

// WithSeed seeds the dice of faults that have a probability. Default: 1.
func WithSeed(seed uint64) Option { return func(c *config) { c.seed = seed } }

// WithSpec checks every API request against Zendesk's OpenAPI description; see [Server.Violations].
func WithSpec(spec *Spec) Option { return func(c *config) { c.spec = spec } }

// WithPhoneValidation refuses user phones that are not E.164, as the account setting of that name does.
func WithPhoneValidation() Option { return func(c *config) { c.validatePhone = true } }
