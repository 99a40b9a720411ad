package ari

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// Config says where an Asterisk is and what its names mean. Site, Name, URL,
// Username, Password and App must be set.
type Config struct {
	// Site and Name are the first two parts of every CallID.
	Site, Name string
	// URL is where Asterisk's HTTP server is, such as http://127.0.0.1:8088, with
	// the prefix of http.conf if it has one. "/ari" may stand behind it.
	URL string
	// Username and Password are a section of ari.conf and its password.
	Username, Password string
	// App names the application that events are sent to. It needs not exist; no
	// other client may have the same.
	App string
	// TLS is for an https URL; nil means the usual authorities.
	TLS *tls.Config
	// Trunks are the endpoints that lead to the outside: "PJSIP/trunk". All
	// others are phones of agents. Without any, every call is internal.
	Trunks []string
	// Keepalive is how often the connection is tried; a dead one is noticed
	// after two. 0 means 15 s.
	Keepalive time.Duration
}

const (
	defaultKeepalive = 15 * time.Second
	minKeepalive     = 100 * time.Millisecond
	maxApp           = 64
)

// Source is one Asterisk. It is made by New and implements telephony.Source. Run
// must not be called twice at a time; the other methods are safe for concurrent
// use.
type Source struct {
	config Config
	log    logrus.FieldLogger
	count  counters
	client *client
	// ahead is how far Asterisk's clock was ahead of ours at the last event, in
	// nanoseconds; unknown before there was one.
	ahead atomic.Int64
	met   pbx.Met // what was logged once
}

var _ telephony.Source = (*Source)(nil)

// New checks the configuration and returns a source. It does not connect.
func New(config Config, log logrus.FieldLogger) (*Source, error) {
	if config.Keepalive == 0 {
		config.Keepalive = defaultKeepalive
	}
	base, err := config.validate()
	if err != nil {
		return nil, fmt.Errorf("asterisk %q: %w", config.Name, err)
	}
	s := &Source{
		config: config, log: log.WithField("source", config.Name), client: newClient(config, base),
	}
	s.ahead.Store(unknownClock)
	return s, nil
}

func (c Config) validate() (*url.URL, error) {
	var errs []error
	if _, err := telephony.NewCallID(c.Site, c.Name, "1"); err != nil {
		errs = append(errs, fmt.Errorf("site and name: %w", err))
	}
	base, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(c.URL, "/"), "/ari"))
	if err != nil || base.Host == "" || base.User != nil || (base.Scheme != "http" && base.Scheme != "https") {
		errs = append(errs, errors.New("url: want one such as http://127.0.0.1:8088, without a user in it"))
	} else {
		base = base.JoinPath("ari")
	}
	if c.Username == "" || c.Password == "" || strings.Contains(c.Username, ":") {
		errs = append(errs, errors.New("username and password: required, as in ari.conf"))
	}
	if c.App == "" || len(c.App) > maxApp || strings.ContainsFunc(c.App, notOfApp) {
		errs = append(errs, fmt.Errorf("app: want a name of letters, digits, dashes and dots, at most %d", maxApp))
	}
	if c.Keepalive < minKeepalive {
		errs = append(errs, fmt.Errorf("keepalive %s: want at least %s", c.Keepalive, minKeepalive))
	}
	return base, errors.Join(append(errs, pbx.CheckTrunks(c.Trunks))...)
}

// notOfApp: Asterisk takes commas to stand between several apps.
func notOfApp(r rune) bool {
	return !strings.ContainsRune("-._", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// Name is the configured name.
func (s *Source) Name() string { return s.config.Name }

// Stats are the counts since New.
func (s *Source) Stats() Stats { return s.count.stats() }

// Run is one session: it connects, reports the live channels, calls sink.Ready and
// then delivers events until the connection ends or ctx is over. What was received
// by then is still delivered. The error says why it ended; see ErrAuthentication,
// ErrNoARI, ErrReplaced, ErrDeadPeer, ErrBacklog and ErrSnapshot.
func (s *Source) Run(ctx context.Context, sink telephony.Sink) error {
	if ctx.Err() != nil {
		return s.describe(ctx, context.Cause(ctx))
	}
	conn, err := s.client.events(ctx, s.config.App)
	if err != nil {
		return s.describe(ctx, err)
	}
	defer s.client.close()
	defer func() { _ = conn.Close() }() // the session is over
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	return s.describe(ctx, newSession(s, conn, sink).run(ctx))
}

// describe says where it happened, and prefers the reason for which ctx is over to
// what followed from it.
func (s *Source) describe(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("asterisk %s at %s: %w", s.config.Name, s.client.base.Host, err)
}

// once logs a kind of trouble the first time that it is seen.
func (s *Source) once(kind string, fields logrus.Fields, message string) {
	if s.met.First(kind) {
		s.log.WithFields(fields).Warn(message)
	}
}
