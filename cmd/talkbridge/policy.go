package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/zendesk"
)

// newPolicy translates the configuration for the bridge.
func newPolicy(cfg *config.Config, directory *screenpop.Directory) *bridge.Policy {
	p := &bridge.Policy{
		Create:             bridge.CreateMode(cfg.Tickets.Create),
		Missed:             cfg.Tickets.Missed,
		OutboundUnanswered: cfg.Tickets.OutboundUnanswered,
		AnonymousEmail:     cfg.Tickets.AnonymousUser,
		Shared:             bridge.SharedNumbers(cfg.Tickets.SharedNumberPolicy),
		NumberField:        cfg.Tickets.NumberField,
		Form:               newForm(cfg.TicketsFor(config.Line{})),
		Rules:              newRules(cfg, config.Line{}),
		Match:              bridge.Match(cfg.Tickets.Match),
		Lines:              make(map[string]bridge.Line, len(cfg.Lines)),
		Country:            cfg.Country,
		Pop:                popPolicy(cfg.ScreenPop),
		Directory:          directory,
		Settle:             cfg.Tickets.Settle,
		Consent:            zendesk.RecordingConsent(cfg.Recordings.Consent),
		Reserve:            float64(cfg.Zendesk.Reserve) / 100,
		UpdatesPerMinute:   cfg.Zendesk.UpdatesPerMinute,
		Recorded:           make(map[string]bool),
		Records:            make(map[string]bool),
		Trails:             make(map[string]time.Duration),
		Repeats:            make(map[string]bool),
	}
	if t := cfg.Transcription; t != nil {
		p.Transcription = &bridge.Transcription{
			Recordings: t.Of == config.TranscriptionOfAll, Longest: t.MaxLength, Patience: t.GiveUpAfter, Tries: t.Tries,
			Language: cfg.LanguageFor(config.Line{}),
		}
	}
	if records := cfg.Zendesk.CallRecords; records != nil {
		p.CallRecords = int64(records.AppID)
	}
	for _, s := range cfg.Sources {
		if s.Twilio != nil {
			p.Records[s.Name], p.Recorded[s.Name], p.Trails[s.Name] = true, true, twilioTrail
			continue
		}
		p.Repeats[s.Name] = s.CTI != nil || s.Events != nil
		p.Records[s.Name] = s.Asterisk != nil && s.Asterisk.CDR != ""
		_, recordings := s.Folders()
		p.Recorded[s.Name] = recordings != ""
	}
	for _, line := range cfg.Lines {
		pop, form, rules := popPolicy(cfg.PopFor(line)), newForm(cfg.TicketsFor(line)), newRules(cfg, line)
		match := bridge.Match(cfg.MatchFor(line))
		p.Lines[line.Number] = bridge.Line{
			Name: line.Name, Country: cfg.CountryFor(line), Language: cfg.LanguageFor(line), Pop: &pop, Form: &form, Rules: &rules, Match: &match,
			Consent: zendesk.RecordingConsent(line.RecordingConsent),
		}
	}
	return p
}

func popPolicy(p config.ScreenPop) screenpop.Policy {
	return screenpop.Policy{
		On: screenpop.On(p.On), Open: screenpop.Open(p.Open),
		RingGroups: p.RingGroups == config.RingGroupsAll, Deadline: p.Deadline,
	}
}

// agentEntries translates the agents for the directory.
func agentEntries(cfg *config.Config) []screenpop.Agent {
	agents := make([]screenpop.Agent, 0, len(cfg.Agents))
	for _, a := range cfg.Agents {
		agents = append(agents, screenpop.Agent{Name: a.Name, ZendeskID: a.Zendesk.ID, Email: a.Zendesk.Email, Numbers: a.Numbers})
	}
	return agents
}

// newZendesk makes the API client. observe hears of each exchange.
func newZendesk(cfg config.Zendesk, observe func(zendesk.Exchange)) (*zendesk.Client, error) {
	var auth zendesk.Authenticator
	switch {
	case cfg.OAuth != nil:
		auth = zendesk.OAuthClientCredentials{
			ClientID: cfg.OAuth.ClientID, ClientSecret: cfg.OAuth.ClientSecret.Reveal(), Scope: cfg.OAuth.Scope,
		}
	case cfg.APIToken != nil:
		auth = zendesk.APIToken{Email: cfg.APIToken.Email, Token: cfg.APIToken.Token.Reveal()}
	default:
		return nil, errors.New("zendesk: neither oauth nor api_token is given")
	}
	options := []zendesk.Option{zendesk.WithUserAgent("talkbridge/" + version()), zendesk.WithTimeout(cfg.Timeout)}
	if observe != nil {
		options = append(options, zendesk.WithObserver(observe))
	}
	return zendesk.New(cfg.URL, auth, options...)
}

// agentFinder asks Zendesk for agents.
type agentFinder struct{ client *zendesk.Client }

var errNoAgent = fmt.Errorf("%w with that address", screenpop.ErrNoAgent)

// AgentByEmail implements screenpop.Finder.
func (f agentFinder) AgentByEmail(ctx context.Context, email string) (int64, string, error) {
	agents, err := f.client.AgentsByEmail(ctx, email)
	if err != nil {
		return 0, "", err
	}
	if len(agents) == 0 {
		return 0, "", errNoAgent
	}
	return agents[0].ID, agents[0].Name, nil
}

// AgentByID implements screenpop.Finder.
func (f agentFinder) AgentByID(ctx context.Context, id int64) (string, error) {
	user, err := f.client.GetUser(ctx, id)
	if refused, found := errors.AsType[*zendesk.Error](err); found && refused.Status == http.StatusNotFound {
		return "", fmt.Errorf("%w: %w", screenpop.ErrNoAgent, err)
	}
	if err != nil {
		return "", err
	}
	if !user.WorkingAgent() {
		return "", fmt.Errorf("%w with that id: user %d has the role %s", screenpop.ErrNoAgent, id, user.Role)
	}
	return user.Name, nil
}
