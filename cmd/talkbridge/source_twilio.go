package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/talkbridge/talkbridge/bridge/hours"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/twilio"
	"github.com/talkbridge/talkbridge/voicemail"
)

// twilioTrail is how long after a call's end its news may take: callbacks come in
// no order, and a message is told of when it is stored.
const twilioTrail = 5 * time.Second

// newTwilio makes the driver of a Twilio account, which places calls too if it is to.
func (d *daemon) newTwilio(key string, s config.Source) (telephony.Source, telephony.Dialler, error) {
	settings := twilioConfig(d.cfg, s)
	settings.RecordsSince, settings.RecordsWithin = d.since(), d.cfg.Backfill.MaxAge
	settings.Orders = func(ctx context.Context, since time.Time) ([]telephony.PlacedOrder, error) {
		return d.bridge.Orders(ctx, s.Name, since)
	}
	source, err := twilio.New(settings, d.log.WithField("source", s.Name))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", key, err)
	}
	registerTwilio(d.registry, s.Name, source)
	if d.twilio == nil {
		d.twilio = make(map[string]*twilio.Source)
	}
	d.twilio[s.Name] = source
	if settings.Dial == nil {
		return source, nil, nil
	}
	return source, source, nil
}

// twilioConfig translates the configuration of a Twilio account for its driver.
func twilioConfig(cfg *config.Config, s config.Source) twilio.Config {
	t := s.Twilio
	c := twilio.Config{
		Site: cfg.Site, Name: s.Name, AccountSid: t.AccountSID, Tokens: []string{t.AuthToken.Reveal()},
		PublicURL: cfg.PublicURLFor(t), API: t.APIURL, Whispers: t.Whispers,
		Answers: twilioAnswers(cfg, t),
	}
	for _, token := range t.OtherAuthTokens {
		c.Tokens = append(c.Tokens, token.Reveal())
	}
	if t.APIKey != nil {
		c.Key, c.KeySecret = t.APIKey.SID, t.APIKey.Secret.Reveal()
	}
	if t.Dial != nil {
		c.Dial = &twilio.Dialling{CallerID: t.Dial.CallerID, Ring: t.Dial.Ring}
	}
	return c
}

// reloadAnswers has calls go on as a new configuration says.
func (d *daemon) reloadAnswers(cfg *config.Config) {
	for _, s := range cfg.Sources {
		if source := d.twilio[s.Name]; source != nil && s.Twilio != nil {
			source.SetAnswers(twilioAnswers(cfg, s.Twilio))
		}
	}
}

// phonesAtStart is what only a start reads of the section sources.
func phonesAtStart(sources []config.Source) []config.Source {
	sources = slices.Clone(sources)
	for i, s := range sources {
		if s.Twilio != nil {
			account := *s.Twilio
			account.Answer = nil
			sources[i].Twilio = &account
		}
	}
	return sources
}

// twilioAnswers says what happens to the calls of an account; nil observes them.
func twilioAnswers(cfg *config.Config, t *config.Twilio) *twilio.Answers {
	if t.Mode != config.TwilioAnswer {
		return nil
	}
	answers := &twilio.Answers{Lines: make(map[string]twilio.Answer)}
	if t.Answer != nil {
		a := newAnswer(cfg, t.Answer)
		answers.Default = &a
	}
	for _, line := range cfg.Lines {
		if line.Answer != nil {
			answers.Lines[line.Number] = newAnswer(cfg, line.Answer)
		}
	}
	return answers
}

// newAnswer translates what callers hear.
func newAnswer(cfg *config.Config, a *config.Answer) twilio.Answer {
	out := twilio.Answer{
		Greeting: a.Greeting, Closed: a.Closed, Goodbye: a.Goodbye, Language: a.Language, Voice: a.Voice,
		InTurn: a.Order == config.RingInTurn, RingFor: a.RingFor, Queue: a.Queue, QueueFor: a.QueueFor, Music: a.Music,
		Record: a.Record, Consent: a.Consent, ConsentKey: a.ConsentKey, CallerID: a.CallerID,
	}
	for _, who := range a.Ring {
		out.Ring = append(out.Ring, cfg.Rings(who)...)
	}
	if v := a.Voicemail; v != nil {
		out.Voicemail = &twilio.Voicemail{Greeting: v.Greeting, MaxLength: v.MaxLength, Transcribe: v.Transcribe}
	}
	if h := a.Hours; h != nil {
		if week, err := hours.New(h.Zone, h.Open, h.Holidays); err == nil { // the configuration was checked
			out.Open = week.Open
		}
	}
	return out
}

// remoteAccounts are the phone systems whose recordings are fetched from the
// network, with their logins.
func remoteAccounts(cfg *config.Config) map[string]voicemail.Account {
	accounts := make(map[string]voicemail.Account)
	for _, s := range cfg.Sources {
		if s.Twilio == nil {
			continue
		}
		c := twilioConfig(cfg, s)
		account := voicemail.Account{User: c.AccountSid, Password: c.Tokens[0], Format: voicemail.Format(s.Twilio.RecordingFormat)}
		if c.Key != "" {
			account.User, account.Password = c.Key, c.KeySecret
		}
		account.Hosts = append([]string{twilio.Host(c.API)}, s.Twilio.RecordingHosts...)
		accounts[s.Name] = account
	}
	return accounts
}

// registerTwilio shows the counts of a Twilio account.
func registerTwilio(reg prometheus.Registerer, name string, source *twilio.Source) {
	for _, m := range []struct {
		name, help string
		read       func(twilio.Stats) uint64
	}{
		{"talkbridge_twilio_webhooks_total", "Webhooks received.", func(s twilio.Stats) uint64 { return s.Webhooks }},
		{"talkbridge_twilio_ignored_total", "Webhooks that said nothing new of a call.", func(s twilio.Stats) uint64 { return s.Ignored }},
		{"talkbridge_twilio_events_total", "Events delivered to the journal.", func(s twilio.Stats) uint64 { return s.Events }},
		{"talkbridge_twilio_appends_total", "Journal entries they were delivered in.", func(s twilio.Stats) uint64 { return s.Appends }},
		{"talkbridge_twilio_asked_total", "Calls whose beginning was asked of Twilio.", func(s twilio.Stats) uint64 { return s.Asked }},
		{"talkbridge_twilio_late_calls_total", "Calls that only Twilio's lists told of.", func(s twilio.Stats) uint64 { return s.Late }},
		{"talkbridge_twilio_late_ends_total", "Calls of which Twilio's lists told how they went on.", func(s twilio.Stats) uint64 { return s.Ended }},
	} {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: m.name, Help: m.help, ConstLabels: prometheus.Labels{"source": name},
		}, func() float64 { return float64(m.read(source.Stats())) }))
	}
	for _, reason := range twilio.Reasons {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "talkbridge_twilio_refused_total", Help: "Webhooks refused, by reason.",
			ConstLabels: prometheus.Labels{"source": name, "reason": string(reason)},
		}, func() float64 { return float64(source.Stats().Refused[reason]) }))
	}
}

// twilioAddresses says what is to be pasted into Twilio for a source: where, and the
// address.
func twilioAddresses(cfg *config.Config, s config.Source) [][2]string {
	address := func(what string) string {
		return cfg.PublicURLFor(s.Twilio) + twilio.Path(s.Name, what) + twilio.TryAgain
	}
	numbers := [2]string{"number, call status changes", address("status")}
	if s.Twilio.Mode == config.TwilioAnswer {
		return [][2]string{{"number, a call comes in", address("voice")}, numbers}
	}
	return [][2]string{
		numbers,
		{"Number, Client and Sip, statusCallback", address("status")},
		{"Dial and Record, recordingStatusCallback", address("recording")},
		{"Record, transcribeCallback", address("transcription")},
		{"Enqueue, action and waitUrl; Queue, url", address("queue")},
		{"Conference, statusCallback", address("conference")},
	}
}
