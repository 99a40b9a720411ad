package asterisk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// Config says where an Asterisk is and what its names mean. Site, Name,
// Address, Username and Secret must be set.
type Config struct {
	// Site and Name are the first two parts of every CallID.
	Site, Name string
	// Address is host:port of the manager interface, usually 5038, or 5039
	// with TLS.
	Address string
	// Username and Secret are a section of manager.conf and its secret.
	Username, Secret string
	// TLS is nil for a plain connection. An empty ServerName is set to the
	// host of Address.
	TLS *tls.Config
	// Trunks are the endpoints that lead to the outside: "PJSIP/trunk". All
	// others are phones of agents. Without any, every call is internal.
	Trunks []string
	// VoicemailDir is the voicemail spool of that Asterisk as it is seen from
	// here, usually /var/spool/asterisk/voicemail. Empty: messages left while
	// there was no session are not looked for.
	VoicemailDir string
	// RecordingsDir is the folder of its call recordings, likewise. Empty: calls
	// that were not heard of have none.
	RecordingsDir string
	// Records is its file of call records, likewise, usually
	// /var/log/asterisk/cdr-csv/Master.csv. Empty: calls that began and ended
	// while there was no session are not known of.
	Records string
	// RecordsSince is before when no call is taken from Records, and RecordsWithin
	// how old one may be; 0 means DefaultRecordsWithin.
	RecordsSince  time.Time
	RecordsWithin time.Duration
	// Keepalive is how often the connection is tried; a dead one is noticed
	// after two. 0 means 15 s.
	Keepalive time.Duration
	// Dial says how calls are placed; nil: none are.
	Dial *Dialplan
	// Node names this talkbridge among several. It matters only where Asterisk
	// gives no timestamps. Empty means "local".
	Node string
}

const (
	// DefaultRecordsWithin is how old a call may be that is taken from the call
	// records.
	DefaultRecordsWithin = 24 * time.Hour

	defaultKeepalive = 15 * time.Second
	minKeepalive     = 100 * time.Millisecond
	dialTimeout      = 10 * time.Second
)

// Source is one Asterisk. It is made by New and implements telephony.Source.
// Run must not be called twice at a time; the other methods are safe for
// concurrent use.
type Source struct {
	config Config
	log    logrus.FieldLogger
	count  counters
	past   past // of the session that runs
	// session is the one that is up, nil if none is.
	session atomic.Pointer[session]
	met     pbx.Met // what was logged once
}

var _ telephony.Source = (*Source)(nil)

// New checks the configuration and returns a source. It does not connect.
func New(config Config, log logrus.FieldLogger) (*Source, error) {
	if config.Keepalive == 0 {
		config.Keepalive = defaultKeepalive
	}
	if config.RecordsWithin == 0 {
		config.RecordsWithin = DefaultRecordsWithin
	}
	if config.Node == "" {
		config.Node = "local"
	}
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("asterisk %q: %w", config.Name, err)
	}
	return &Source{config: config, log: log.WithField("source", config.Name), past: make(past)}, nil
}

func (c Config) validate() error {
	var errs []error
	if _, err := telephony.NewCallID(c.Site, c.Name, "1"); err != nil {
		errs = append(errs, fmt.Errorf("site and name: %w", err))
	}
	if _, port, err := net.SplitHostPort(c.Address); err != nil || port == "" {
		errs = append(errs, fmt.Errorf("address %q: want host:port, such as 127.0.0.1:5038", c.Address))
	}
	if c.Username == "" || c.Secret == "" {
		errs = append(errs, errors.New("username and secret: required, as in manager.conf"))
	}
	if strings.ContainsAny(c.Username+c.Secret, breaks) {
		errs = append(errs, errors.New("username and secret: must be of one line"))
	}
	if c.Keepalive < minKeepalive {
		errs = append(errs, fmt.Errorf("keepalive %s: want at least %s", c.Keepalive, minKeepalive))
	}
	if err := c.Dial.validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, pbx.CheckTrunks(c.Trunks))...)
}

// Name is the configured name.
func (s *Source) Name() string { return s.config.Name }

// Stats are the counts since New.
func (s *Source) Stats() Stats { return s.count.stats() }

// Run is one session: it connects, logs in, reports the live channels, calls
// sink.Ready and then delivers events until the connection ends or ctx is over.
// What was received by then is still delivered. The error says why it ended;
// see ErrAuthentication, ErrNoGreeting, ErrDeadPeer, ErrBacklog and ErrSnapshot.
func (s *Source) Run(ctx context.Context, sink telephony.Sink) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return s.describe(ctx, err)
	}
	defer func() { _ = conn.Close() }() // the session is over
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	l := newLink(conn, &s.count)
	clock, err := s.login(l)
	if err != nil {
		return s.describe(ctx, err)
	}
	return s.describe(ctx, newSession(s, l, sink, clock).run(ctx))
}

// describe says where it happened, and prefers the reason for which ctx is
// over to what followed from it.
func (s *Source) describe(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("asterisk %s at %s: %w", s.config.Name, s.config.Address, err)
}

func (s *Source) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, fmt.Errorf("no connection within %s", dialTimeout))
	defer cancel()
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true}}
	conn, err := dialer.DialContext(ctx, "tcp", s.config.Address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if s.config.TLS == nil {
		return conn, nil
	}
	settings := s.config.TLS.Clone()
	if settings.ServerName == "" && !settings.InsecureSkipVerify {
		settings.ServerName, _, _ = net.SplitHostPort(s.config.Address) // checked by New
	}
	secure := tls.Client(conn, settings)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error says more
		if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
			return nil, fmt.Errorf("start TLS: %w: it does not speak TLS: is this the plain port? leave tls out, or use the port of tlsbindaddr", err)
		}
		return nil, fmt.Errorf("start TLS: %w", err)
	}
	return secure, nil
}

// once logs a kind of trouble the first time that it is seen.
func (s *Source) once(kind string, fields logrus.Fields, message string) {
	if s.met.First(kind) {
		s.log.WithFields(fields).Warn(message)
	}
}
