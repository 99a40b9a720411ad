package config

import (
	"slices"
	"time"
)

// The comments of the fields below, and in types_tests.go, are also the descriptions in the JSON Schema and in messages: they say what the value
// means and in which unit, and start with no field name. A tag `yaml:"name,required"` names the key; `check` names the rule
// for a text (checks.go). The defaults are those of Default.

// Config is the whole configuration. A value that Load returned has passed all checks, has absolute paths, and
// numbers in E.164. It is safe for concurrent reading.
type Config struct {
	// Name of this installation: small letters, digits and dashes, at most 32. It is part of every call's id, so it stays as it is once calls were recorded.
	Site string `yaml:"site,required" check:"name"`
	// Country (ISO 3166, two letters) in which numbers without a country code are read, unless their line says otherwise.
	Country string `yaml:"country" check:"country"`
	// The Zendesk account in which the tickets are made.
	Zendesk Zendesk `yaml:"zendesk,required"`
	// The phone systems whose calls are followed: one or more.
	Sources []Source `yaml:"sources,required"`
	// Our own numbers, those that callers dial. A number that is not listed works too; it has no name, and the default country and policy.
	Lines []Line `yaml:"lines"`
	// Who answers where.
	Agents []Agent `yaml:"agents"`
	// When which page opens in an agent's browser.
	ScreenPop ScreenPop `yaml:"screen_pop"`
	// Which calls get a ticket, and what it looks like.
	Tickets Tickets `yaml:"tickets"`
	// The audio of voicemails: where it is kept, and for how long.
	Recordings Recordings `yaml:"recordings"`
	// Who puts voicemails and recordings into words for their tickets. Without it, nobody does.
	Transcription *Transcription `yaml:"transcription"`
	// Which agent statuses in Zendesk go with calls and pauses on the phone. Without it, none do.
	AgentStatus *AgentStatus `yaml:"agent_status"`
	// The durable log of events and outcomes.
	Journal Journal `yaml:"journal"`
	// What is taken from the call records of the phone systems (sources[].asterisk.cdr): calls that nobody heard of while they went on.
	Backfill Backfill `yaml:"backfill"`
	// The two listeners.
	HTTP HTTP `yaml:"http"`
	// Whom calls may be placed to, by POST /v1/calls and talkbridge dial. Without it none are.
	Dial *Dial `yaml:"dial"`
	// The live feed of calls, on http.listen.
	Feed Feed `yaml:"feed"`
	// What the daemon writes to standard error.
	Log Log `yaml:"log"`
	// Calls, and what should become of them: `talkbridge check` runs them, without a network.
	Tests []Test `yaml:"tests"`

	warnings []Problem
	// file is the file's name, tests where the keys below tests stand in it.
	file  string
	tests map[string]position
}

// Zendesk says which account to write to, and as whom: exactly one of OAuth and APIToken is set.
type Zendesk struct {
	// Address of the account, such as https://acme.zendesk.com.
	URL string `yaml:"url,required" check:"url"`
	// Credentials of a confidential OAuth client (grant type client_credentials). The tickets are made by the user who owns the client.
	OAuth *OAuth `yaml:"oauth"`
	// The older way to sign in, which Zendesk switches off on 30 April 2027.
	APIToken *APIToken `yaml:"api_token"`
	// How long one request may take.
	Timeout time.Duration `yaml:"timeout" check:"1s..60s"`
	// Percent of the account's requests per minute that are left to people and other programs. Pages for agents may use them.
	Reserve int `yaml:"reserve" check:"0..90"`
	// How many updates of tickets a minute Zendesk allows the account, people and other programs included, where an agreement says more than the plan: 100, or 300 with the high-volume add-on. Without it, what the plan has.
	UpdatesPerMinute int `yaml:"updates_per_minute" check:"1..100000"`
	// Tell of each call by one of Zendesk's call records, shown on the ticket when the call is over, instead of by a voice comment. Without it, none are made.
	CallRecords *CallRecords `yaml:"call_records"`
}

// CallRecords say for which app call records are made.
type CallRecords struct {
	// Id of an app that is installed in the account; its name is shown with each call. Any app will do, a private one too.
	AppID int `yaml:"app_id,required" check:"1..9007199254740991"`
}

// OAuth is a confidential OAuth client of the account.
type OAuth struct {
	// Identifier of the OAuth client.
	ClientID string `yaml:"client_id,required"`
	// Its secret; better in a file of its own.
	ClientSecret Secret `yaml:"client_secret"`
	// File that holds the secret.
	ClientSecretFile string `yaml:"client_secret_file" check:"path"`
	// What the token may do, as Zendesk writes scopes. There is no scope for voice alone.
	Scope string `yaml:"scope"`
}

// APIToken is an agent's e-mail address with an API token of the account.
type APIToken struct {
	// E-mail address of the user in whose name the tickets are made.
	Email string `yaml:"email,required" check:"email"`
	// The token; better in a file of its own.
	Token Secret `yaml:"token"`
	// File that holds the token.
	TokenFile string `yaml:"token_file" check:"path"`
}

// Source is one phone system. Exactly one of its drivers is set.
type Source struct {
	// Name of the phone system: small letters, digits and dashes, at most 32. It is part of every call's id.
	Name string `yaml:"name,required" check:"name"`
	// An Asterisk, read through its manager interface (AMI).
	Asterisk *Asterisk `yaml:"asterisk"`
	// An Asterisk, read through its REST interface (ARI), where the manager interface is not open.
	ARI *ARI `yaml:"ari"`
	// A Twilio account, which tells of its calls by webhooks.
	Twilio *Twilio `yaml:"twilio"`
	// A phone system or script that tells of calls by the CTI push.
	CTI *CTI `yaml:"cti"`
	// A phone system or script that tells of calls by talkbridge's own events, or whose WebSocket is dialled.
	Events *Events `yaml:"events"`
}

// Asterisk is a connection to a manager interface (AMI). Voicemail and Recordings are "" where there are none.
type Asterisk struct {
	// Where the manager interface listens, host:port. The usual port is 5038, and 5039 with TLS.
	Address string `yaml:"address,required" check:"hostport"`
	// Name of the user in manager.conf.
	Username string `yaml:"username,required"`
	// Its secret; better in a file of its own.
	Secret Secret `yaml:"secret"`
	// File that holds the secret.
	SecretFile string `yaml:"secret_file" check:"path"`
	// Present where the manager interface speaks TLS; may be empty, {}.
	TLS *TLS `yaml:"tls"`
	// The channels on which calls come in from and go out to the public network, as technology/endpoint: PJSIP/trunk.
	Trunks []string `yaml:"trunks,required" check:"channel"`
	// Folder of the voicemail spool as this machine sees it, usually /var/spool/asterisk/voicemail. Without it voicemails are tickets without audio.
	Voicemail string `yaml:"voicemail" check:"path"`
	// Folder of the call recordings (MixMonitor) as this machine sees it, usually /var/spool/asterisk/monitor. Without it tickets of answered calls play nothing.
	Recordings string `yaml:"recordings" check:"path"`
	// File of the call records (cdr_csv) as this machine sees it, usually /var/log/asterisk/cdr-csv/Master.csv, with loguniqueid=yes in cdr.conf. Without it calls that began and ended while talkbridge was away get no ticket.
	CDR string `yaml:"cdr" check:"path"`
	// How often the connection is tried; one that is dead is noticed after two tries.
	Keepalive time.Duration `yaml:"keepalive" check:"1s..5m"`
	// Present where calls are placed through it (docs/dialling.md), with the section dial.
	Dial *AsteriskDial `yaml:"dial"`
}

// TLS says which certificate to expect from a phone system.
type TLS struct {
	// PEM file with the authority that signed the certificate; without it, those of this machine.
	CAFile string `yaml:"ca_file" check:"path"`
	// Name in the certificate, where it is not the host of the address.
	ServerName string `yaml:"server_name"`
}

// Line is one of our numbers.
type Line struct {
	// The number with its country code, as in "+15550100001"; in quotes.
	Number string `yaml:"number,required"`
	// What people call the line; it stands in the ticket.
	Name string `yaml:"name"`
	// Country (ISO 3166, two letters) in which numbers without a country code are read on this line.
	Country string `yaml:"country" check:"country"`
	// Language that callers of this line speak, in two letters (ISO 639-1), or auto to have it found out; for transcription. Without it, transcription.language.
	Language string `yaml:"language" check:"language"`
	// How callers of this line agree to be recorded, where that differs from recordings.consent.
	RecordingConsent Consent `yaml:"recording_consent"`
	// What callers of this line hear and which phones ring, where a Twilio account of mode answer has it; it stands in whole for that of the source.
	Answer *Answer `yaml:"answer"`
	// What is different for this line when pages open.
	ScreenPop LinePop `yaml:"screen_pop"`
	// What is different for this line on its tickets.
	Tickets LineTickets `yaml:"tickets"`
}

// Agent is a person who answers calls.
type Agent struct {
	// What the log calls the agent.
	Name string `yaml:"name,required"`
	// The user in Zendesk: an e-mail address, or the numeric id.
	Zendesk AgentRef `yaml:"zendesk,required"`
	// Where the agent answers: numbers, extensions, channels (PJSIP/1001), SIP or client names; in quotes. A telephone number is also a phone outside that a call rings over a trunk.
	Numbers []string `yaml:"numbers,required"`
}

// ScreenPop says when which page opens in an agent's browser.
type ScreenPop struct {
	// When the page opens.
	On PopOn `yaml:"on"`
	// Which page opens. Where there is no ticket yet, it is the user's.
	Open PopOpen `yaml:"open"`
	// What happens when several phones ring for one call and pages open on ringing.
	RingGroups RingGroups `yaml:"ring_groups"`
	// How old a page may be: one that could not be opened by then stays closed.
	Deadline time.Duration `yaml:"deadline" check:"1s..60s"`
}

// LinePop is what a line does differently from ScreenPop; what is "" is as there.
type LinePop struct {
	// When the page opens, for this line.
	On PopOn `yaml:"on"`
	// Which page opens, for this line.
	Open PopOpen `yaml:"open"`
}

// Tickets says which calls get a ticket, and what it looks like.
type Tickets struct {
	// When the ticket is made. With answer it is there during the call and completed after it (two writes); with end it is written once.
	Create CreateAt `yaml:"create"`
	// Whether an inbound call that nobody answered gets a ticket. One that ended in the voicemail always does.
	Missed bool `yaml:"missed"`
	// Whether an outbound call that nobody answered gets a ticket.
	OutboundUnanswered bool `yaml:"outbound_unanswered"`
	// E-mail address of the user who stands for callers that withhold their number; without it talkbridge makes one.
	AnonymousUser string `yaml:"anonymous_user" check:"email"`
	// Whose call it is when several users share the caller's number. With active it is the one whose ticket changed last; with tag it is nobody's, and the ticket gets the tag caller_ambiguous and names them.
	SharedNumberPolicy SharedNumber `yaml:"shared_number_policy"`
	// Key of a user field (Admin Center, People, Configuration, User fields) in which users have further numbers: each with its country code, apart by commas, semicolons or blanks.
	NumberField string `yaml:"number_field" check:"fieldkey"`
	// How long a call that nobody answered must have lasted to get a ticket. One that ended in the voicemail always gets it.
	ShortestRing time.Duration `yaml:"shortest_ring" check:"0s..10m"`
	// How long an answered call must have been talked on to get a ticket. The ticket is made when that is reached; until then the agent sees the caller.
	ShortestTalk time.Duration `yaml:"shortest_talk" check:"0s..10m"`
	// Whose calls get a ticket, by the number of the other side. Those of a caller who is denied make no user and open no page either.
	Callers NumberFilter `yaml:"callers"`
	// Calls of which of our numbers get a ticket.
	Lines NumberFilter `yaml:"lines"`
	// Which calls go onto a ticket that their caller has, instead of getting one of their own. Without it none do; voicemails, and callers who withhold their number, never do.
	Match Match `yaml:"match"`
	// What the ticket is called, a template; without it, talkbridge's own words, which a template has as {{.subject}}.
	Subject Template `yaml:"subject"`
	// The private comment that tells of a call without audio, a template of one or more lines; without it, talkbridge's own.
	Comment Template `yaml:"comment"`
	// Tags that every ticket gets, templates or not. An empty one is left out.
	Tags []TagTemplate `yaml:"tags" check:"tag"`
	// Values for ticket fields of the account.
	CustomFields []CustomField `yaml:"custom_fields"`
	// Id of the group that the ticket goes to, or a template that writes it; empty leaves it to Zendesk.
	Group IDTemplate `yaml:"group"`
	// Id of the brand, or a template that writes it; empty leaves it to Zendesk.
	Brand IDTemplate `yaml:"brand"`
	// Priority: low, normal, high or urgent, or a template that writes one of them or nothing.
	Priority PriorityTemplate `yaml:"priority"`
	// When the site is open: each ticket gets the tag in_hours or outside_hours by the moment at which its call began.
	Hours *Hours `yaml:"hours"`
	// How long a ticket whose creation was not confirmed is looked for before it is made again. Longer is safer, shorter is quicker.
	Settle time.Duration `yaml:"settle" check:"30s..10m"`
}

// LineTickets is what a line does differently from Tickets; what is empty is as there.
type LineTickets struct {
	// How long a call that nobody answered must have lasted, for this line.
	ShortestRing time.Duration `yaml:"shortest_ring" check:"0s..10m"`
	// How long an answered call must have been talked on, for this line.
	ShortestTalk time.Duration `yaml:"shortest_talk" check:"0s..10m"`
	// Whose calls get a ticket, for this line; both lists stand in for those of the site.
	Callers NumberFilter `yaml:"callers"`
	// Which calls go onto a ticket that their caller has, for this line; it stands in whole for that of the site.
	Match *Match `yaml:"match"`
	// What the ticket is called, for this line; a template.
	Subject Template `yaml:"subject"`
	// The private comment of a call without audio, for this line; a template.
	Comment Template `yaml:"comment"`
	// Tags that the tickets of this line get besides those of the site.
	Tags []TagTemplate `yaml:"tags" check:"tag"`
	// Values for ticket fields, besides those of the site; the same id stands in for the site's.
	CustomFields []CustomField `yaml:"custom_fields"`
	// Id of the group, for this line, or a template that writes it.
	Group IDTemplate `yaml:"group"`
	// Id of the brand, for this line, or a template that writes it.
	Brand IDTemplate `yaml:"brand"`
	// Priority, for this line, or a template that writes it.
	Priority PriorityTemplate `yaml:"priority"`
	// When the line is open; it stands in whole for the hours of the site.
	Hours *Hours `yaml:"hours"`
}

// Match says onto which ticket of its caller a call goes; 0s stands for none.
type Match struct {
	// How long before the call the caller's newest open ticket may have been changed last, for the call to go onto it.
	NewestOpenWithin time.Duration `yaml:"newest_open_within" check:"0s..90d"`
	// How long before the call an earlier one of the same caller and direction may have been, for the call to go onto that one's ticket while it is open. It comes before newest_open_within.
	RepeatedWithin time.Duration `yaml:"repeated_within" check:"0s..24h"`
}

// Hours say when somebody is there to answer.
type Hours struct {
	// Time zone of the times and holidays, such as Europe/Berlin.
	Zone string `yaml:"zone,required" check:"zone"`
	// Days and times: "mon-fri 09:00-17:30", "sat,sun 10:00-13:00"; "fri 22:00-06:00" goes on into Saturday.
	Open []string `yaml:"open,required" check:"hours"`
	// Days on which nobody is there from midnight to midnight, as "2026-12-25".
	Holidays []string `yaml:"holidays" check:"date"`
}

// NumberFilter says which numbers count: each with its country code, or the beginning of some with a * behind, or withheld.
type NumberFilter struct {
	// The only ones that count: "+15550100001", "+1555*" or withheld. Without any, all do.
	Allow []string `yaml:"allow" check:"numbers"`
	// Those that do not count, allowed or not.
	Deny []string `yaml:"deny" check:"numbers"`
}

// CustomField is a value for one ticket field of the account.
type CustomField struct {
	// Id of the field, from Admin Center, Objects and rules, Tickets, Fields.
	ID int `yaml:"id,required" check:"1..9007199254740991"`
	// The value: a template for a text, a whole number, or true or false for a checkbox. An empty text leaves the field alone.
	Value FieldValue `yaml:"value,required"`
	// What the template of value writes, where the field is no text.
	Type FieldType `yaml:"type"`
}

// Recordings says where audio is kept, and how its links are signed. Of Keys and KeysFile, exactly one is set after Load.
type Recordings struct {
	// How a ticket reaches its audio. With upload it is stored with Zendesk as well, which takes 50 MB; larger audio is linked.
	Mode RecordingsMode `yaml:"mode"`
	// Folder for the audio; without it, the folder recordings in journal.dir.
	Dir string `yaml:"dir" check:"path"`
	// How long audio is kept; its links work as long.
	Keep time.Duration `yaml:"keep" check:"1h..3650d"`
	// Keys that sign the links, at least 32 characters each. The first one signs, all are accepted.
	Keys []Secret `yaml:"keys"`
	// File that holds the keys, one on each line; talkbridge makes it if it is not there. Without keys and keys_file, the file recordings.keys in journal.dir.
	KeysFile string `yaml:"keys_file" check:"path"`
	// How callers agree to be recorded, as the announcement has it; call records (zendesk.call_records) say so. Without it they say nothing of it.
	Consent Consent `yaml:"consent"`
}

// Journal says where the durable log lives. A MaxSize of 0 leaves it to the journal.
type Journal struct {
	// Folder of the log, on a local disk. Exactly one daemon uses it. With url it holds what is this node's own.
	Dir string `yaml:"dir" check:"path"`
	// Servers of a NATS cluster with JetStream that several nodes share, such as tls://n1.example.com:4222; several are separated by commas. Each must sync always (sync_interval: always).
	URL string `yaml:"url" check:"nats"`
	// File with the JWT and seed of talkbridge's user there.
	CredentialsFile string `yaml:"credentials_file" check:"path"`
	// File with the authorities that vouch for its servers, in PEM. Without it, those of the system.
	CAFile string `yaml:"ca_file" check:"path"`
	// On how many of its servers an entry must be before it counts.
	Replicas int `yaml:"replicas" check:"1..5"`
	// How large the log may become. When it is full, new events are refused until talkbridge has purged what is settled. Without it a new log takes half of what is free on the disk, at most 8 GiB.
	MaxSize Size `yaml:"max_size"`
}

// Backfill bounds what is taken from call records.
type Backfill struct {
	// How long ago a call may have begun. None is taken from before the first start on this journal, unless serve is told --since.
	MaxAge time.Duration `yaml:"max_age" check:"1h..30d"`
}

// HTTP says where the daemon listens. The two listeners share nothing.
type HTTP struct {
	// Address for the live feed, health and metrics, host:port; the port 0 takes any. Off loopback it needs tokens.
	Listen string `yaml:"listen" check:"hostport"`
	// Address for the signed links to audio, host:port: put it behind your TLS proxy, or give tls.
	PublicListen string `yaml:"public_listen" check:"hostport"`
	// How browsers reach public_listen from outside, such as https://calls.example.com. Needed where audio is collected.
	PublicURL string `yaml:"public_url" check:"url"`
	// Certificate with which public_listen speaks TLS, and listen too where other machines reach it. Without it both speak plain HTTP, for a proxy.
	TLS *Certificate `yaml:"tls"`
	// Who may read the live feed on listen, or place calls: bearer tokens. Without any that reads, the feed is served to this machine alone.
	Tokens []Token `yaml:"tokens"`
	// Origins of web pages that may read the live feed, besides its own host, such as https://wall.example.com.
	Origins []string `yaml:"origins" check:"origin"`
}

// Certificate is what a listener shows.
type Certificate struct {
	// PEM file with the certificate, and after it those of the authorities between it and the root. A renewed one is taken up by itself.
	CertFile string `yaml:"cert_file,required" check:"path"`
	// PEM file with its key, which only the daemon should read.
	KeyFile string `yaml:"key_file,required" check:"path"`
}

// Token lets its bearer read the live feed, or place calls. Exactly one of Scope and Agent is set, but that the scope dial may be for one agent.
type Token struct {
	// What the log calls whoever shows it.
	Name string `yaml:"name"`
	// The token, at least 16 characters; better in a file of its own.
	Token Secret `yaml:"token"`
	// File that holds the token.
	TokenFile string `yaml:"token_file" check:"path"`
	// What it is for: all shows all calls, dial places calls and shows none. Either this, or agent.
	Scope Scope `yaml:"scope"`
	// Name of the one agent whose calls it shows, from the moment the agent takes part; with the scope dial, for whom alone it places calls.
	Agent string `yaml:"agent"`
}

// Feed bounds the live feed.
type Feed struct {
	// How many readers may be connected at a time; more are told to come back later.
	MaxClients int `yaml:"max_clients" check:"1..100000"`
}

// Log says what is written to standard error.
type Log struct {
	// The least important messages that are written. Telephone numbers are masked except at debug.
	Level LogLevel `yaml:"level"`
	// How a message looks.
	Format LogFormat `yaml:"format"`
}

// Default returns the configuration of an empty file: every default, and nothing that must be given. It is no valid
// configuration by itself.
func Default() Config {
	return Config{
		Zendesk:   Zendesk{Timeout: 10 * time.Second},
		ScreenPop: ScreenPop{On: PopOnAnswer, Open: PopOpenTicket, RingGroups: RingGroupsAnswer, Deadline: 8 * time.Second},
		Tickets: Tickets{
			Create:             CreateAtAnswer,
			Missed:             true,
			SharedNumberPolicy: SharedNumberNone,
			Settle:             90 * time.Second,
		},
		Recordings: Recordings{Mode: RecordingsModeLink, Keep: 365 * 24 * time.Hour},
		Journal:    Journal{Dir: "data", Replicas: 3},
		Backfill:   Backfill{MaxAge: 24 * time.Hour},
		HTTP:       HTTP{Listen: "127.0.0.1:8080", PublicListen: "127.0.0.1:8081"},
		Feed:       Feed{MaxClients: 1000},
		Log:        Log{Level: LogLevelInfo, Format: LogFormatText},
	}
}

// The defaults of what stands in a list or behind a pointer, which Default cannot hold.
const (
	defaultKeepalive = 15 * time.Second
	defaultScope     = "read write"
)

// setDefaults is called by the decoder on each new OAuth, before the file's values.
func (o *OAuth) setDefaults() { o.Scope = defaultScope }

// setDefaults is called by the decoder on each new Asterisk, before the file's values.
func (a *Asterisk) setDefaults() { a.Keepalive = defaultKeepalive }

// PopFor returns how pages open for calls on a line: ScreenPop, with what the line says otherwise.
func (c *Config) PopFor(line Line) ScreenPop {
	pop := c.ScreenPop
	if line.ScreenPop.On != "" {
		pop.On = line.ScreenPop.On
	}
	if line.ScreenPop.Open != "" {
		pop.Open = line.ScreenPop.Open
	}
	return pop
}

// CountryFor returns the country in which numbers without a country code are read on a line, "" if none is configured.
func (c *Config) CountryFor(line Line) string {
	if line.Country != "" {
		return line.Country
	}
	return c.Country
}

// Warnings returns what is allowed but unwise, such as a secret that everybody on the machine can read.
func (c *Config) Warnings() []Problem { return c.warnings }

// Countries are those in which numbers without a country code are read: that of the site, which may be "", and then those
// of lines that differ.
func (c *Config) Countries() []string {
	all := []string{c.Country}
	for _, line := range c.Lines {
		if country := c.CountryFor(line); !slices.Contains(all, country) {
			all = append(all, country)
		}
	}
	return all
}
