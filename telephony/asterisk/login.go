package asterisk

import (
	"crypto/md5" //nolint:gosec // the challenge of AMI is defined with MD5
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// greetingTimeout: Asterisk greets at once.
	greetingTimeout = 5 * time.Second
	// loginTimeout bounds the login, greeting included. Asterisk itself closes
	// after authtimeout, 30 s.
	loginTimeout = 10 * time.Second
	// maxAside bounds the messages that may come before an answer.
	maxAside = 10_000
)

// clock relates the PBX's time to ours.
type clock struct{ offset time.Duration }

// at is the PBX's time at our time t.
func (c clock) at(t time.Time) time.Time { return t.Add(c.offset).UTC() }

// here is our time at the PBX's time t.
func (c clock) here(t time.Time) time.Time { return t.Add(-c.offset) }

// login reads the greeting, logs in without events, asks for the PBX's time
// and sets filters. The secret itself goes over the wire only inside TLS, and
// only if Asterisk refuses to give a challenge.
func (s *Source) login(l *link) (clock, error) {
	if _, err := s.greet(l); err != nil {
		return clock{}, err
	}
	if err := l.conn.SetReadDeadline(l.begun.Add(loginTimeout)); err != nil {
		return clock{}, fmt.Errorf("log in: %w", err)
	}
	if err := s.authenticate(l, "off"); err != nil {
		return clock{}, fmt.Errorf("log in: %w", err)
	}
	c, err := askTime(l)
	if err != nil {
		return clock{}, err
	}
	if err := s.filter(l); err != nil {
		return clock{}, err
	}
	if err := l.conn.SetReadDeadline(time.Time{}); err != nil {
		return clock{}, fmt.Errorf("log in: %w", err)
	}
	return c, nil
}

// greet reads the line that Asterisk begins with.
func (s *Source) greet(l *link) (string, error) {
	if err := l.conn.SetReadDeadline(l.begun.Add(greetingTimeout)); err != nil {
		return "", fmt.Errorf("read greeting: %w", err)
	}
	line, err := l.ReadGreeting()
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		if err != nil {
			return "", fmt.Errorf("read greeting: %w", err)
		}
		return line, nil
	}
	if s.config.TLS == nil {
		return "", fmt.Errorf("%w within %s: is this the TLS port? set tls, or use the plain port (5038)", ErrNoGreeting, greetingTimeout)
	}
	return "", fmt.Errorf("%w within %s: is this the port of Asterisk's manager?", ErrNoGreeting, greetingTimeout)
}

// authenticate logs in; events is the mask of those that come from then on.
func (s *Source) authenticate(l *link, events string) error {
	challenge, err := l.ask("Challenge", field{"AuthType", "MD5"})
	if err != nil {
		return err
	}
	proof := []field{{"AuthType", "MD5"}, {"Username", s.config.Username}, {"Key", md5Key(challenge.Get("Challenge"), s.config.Secret)}}
	if challenge.Get("Response") != "Success" || challenge.Get("Challenge") == "" {
		if s.config.TLS == nil {
			return fmt.Errorf("%w: no challenge given (%q), and the secret is not sent in the clear: set tls",
				ErrAuthentication, challenge.Get("Message"))
		}
		proof = []field{{"Username", s.config.Username}, {"Secret", s.config.Secret}}
	}
	answer, err := l.ask("Login", append(proof, field{"Events", events})...)
	if err != nil {
		return err
	}
	if answer.Get("Response") != "Success" {
		return fmt.Errorf("%w for user %q (%s): check username and secret against manager.conf, and whether permit= and deny= "+
			"there let this host in: Asterisk answers both alike", ErrAuthentication, s.config.Username, answer.Get("Message"))
	}
	return nil
}

// md5Key answers a challenge.
func md5Key(challenge, secret string) string {
	sum := md5.Sum([]byte(challenge + secret)) //nolint:gosec // the challenge of AMI is defined with MD5
	return hex.EncodeToString(sum[:])
}

// askTime asks what time it is over there. An Asterisk that does not say is
// taken to agree with us.
func askTime(l *link) (clock, error) {
	asked := time.Now()
	pong, err := l.ask("Ping")
	if err != nil {
		return clock{}, fmt.Errorf("ask for the time: %w", err)
	}
	there, err := parseTimestamp(pong.Get("Timestamp"))
	if err != nil {
		return clock{}, nil //nolint:nilerr // said above: no time means no difference
	}
	return clock{offset: there.Sub(asked)}, nil
}

// filter asks Asterisk to send only what is used. It needs a right that many
// sites do not give; then more is sent than is used.
func (s *Source) filter(l *link) error {
	for _, f := range eventFilters {
		answer, err := l.ask("Filter", field{"Operation", "Add"}, field{"Filter", f})
		if err != nil {
			return fmt.Errorf("set filter: %w", err)
		}
		if answer.Get("Response") != "Success" {
			if s.met.First("filter") {
				s.log.WithField("message", answer.Get("Message")).
					Info("event filters are left to manager.conf: this user may not set them (write=system), which is as it should be")
			}
			return nil
		}
	}
	return nil
}

// ask writes an action and reads up to its answer. It is for the time before
// events flow.
func (l *link) ask(name string, fields ...field) (Message, error) {
	id, err := l.act(name, fields...)
	if err != nil {
		return Message{}, err
	}
	for range maxAside {
		m, err := l.Read()
		switch {
		case errors.Is(err, ErrMalformed):
		case err != nil:
			return Message{}, fmt.Errorf("await the answer to %s: %w", name, err)
		case m.Get("Response") != "" && m.Get("ActionID") == id:
			return m, nil
		}
	}
	return Message{}, fmt.Errorf("await the answer to %s: %d messages without it", name, maxAside)
}
